//! Version ranges, by the rules of the Go library that Argo CD and Helm use: `^1.2`, `~1.2.3`, `1.x`,
//! `>=1.0 <2.0`, `1.2 - 1.4`, `^1 || ^3`.

use super::version::Version;

/// A range: it holds a version if one of its alternatives does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Range {
    alternatives: Vec<Vec<Constraint>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Constraint {
    operator: Operator,
    version: Version,
    /// The first part that is left open.
    open: Open,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Tilde,
    Caret,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Nothing,
    Patch,
    Minor,
    Major,
}

/// Longest first, so that `>=` is not read as `>`.
const OPERATORS: &[(&str, Operator)] = &[
    ("!=", Operator::NotEqual),
    (">=", Operator::GreaterOrEqual),
    ("=>", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    ("=<", Operator::LessOrEqual),
    ("~>", Operator::Tilde),
    ("=", Operator::Equal),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("~", Operator::Tilde),
    ("^", Operator::Caret),
];

impl Range {
    /// Reads a range; none where the text is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let alternatives: Vec<_> = text.split("||").map(alternative).collect::<Option<_>>()?;
        Some(Self { alternatives })
    }

    /// True if the version lies in the range. A prerelease lies only in an alternative that names one.
    pub(super) fn holds(&self, version: &Version) -> bool {
        self.alternatives.iter().any(|constraints| {
            let names_prerelease = constraints.iter().any(|constraint| constraint.version.is_prerelease());
            (names_prerelease || !version.is_prerelease())
                && constraints.iter().all(|constraint| constraint.holds(version))
        })
    }
}

fn alternative(text: &str) -> Option<Vec<Constraint>> {
    let mut rest = text.trim();
    let mut constraints = Vec::new();
    while !rest.is_empty() {
        let (constraint, after) = constraint(rest)?;
        rest = after.trim_start();
        if let Some(after) = rest.strip_prefix("- ").map(str::trim_start) {
            // A range with a hyphen: both ends belong to it.
            let (end, after) = bare_version(after)?;
            if constraint.operator != Operator::Equal {
                return None;
            }
            constraints.push(Constraint { operator: Operator::GreaterOrEqual, ..constraint });
            constraints.push(Constraint { operator: Operator::LessOrEqual, ..end });
            rest = after.trim_start();
        } else {
            constraints.push(constraint);
        }
        if let Some(after) = rest.strip_prefix(',') {
            rest = after.trim_start();
            if rest.is_empty() {
                return None;
            }
        }
    }
    (!constraints.is_empty()).then_some(constraints)
}

fn constraint(text: &str) -> Option<(Constraint, &str)> {
    let named = OPERATORS.iter().find_map(|(sign, operator)| Some((*operator, text.strip_prefix(sign)?)));
    let (operator, rest) = named.unwrap_or((Operator::Equal, text));
    let (version, rest) = bare_version(rest.trim_start())?;
    Some((Constraint { operator, ..version }, rest))
}

/// A version whose parts may be left open, up to the next white space or comma.
fn bare_version(text: &str) -> Option<(Constraint, &str)> {
    let end = text.find(|c: char| c.is_whitespace() || c == ',').unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let word = word.strip_prefix('v').unwrap_or(word);
    let numbers_end = word.find(['-', '+']).unwrap_or(word.len());
    let (numbers, suffix) = word.split_at(numbers_end);
    let parts: Vec<&str> = numbers.split('.').collect();
    if parts.len() > 3 || parts.iter().any(|part| !is_part(part)) {
        return None;
    }
    let is_open = |position: usize| parts.get(position).is_none_or(|part| matches!(*part, "x" | "X" | "*"));
    let (open, closed) = match () {
        () if is_open(0) => (Open::Major, 0),
        () if is_open(1) => (Open::Minor, 1),
        () if is_open(2) => (Open::Patch, 2),
        () => (Open::Nothing, 3),
    };
    let mut text = parts[..closed].join(".");
    if text.is_empty() {
        text.push('0');
    }
    text.push_str(suffix);
    let version = Version::parse(&text)?;
    Some((Constraint { operator: Operator::Equal, version, open }, rest))
}

fn is_part(part: &str) -> bool {
    matches!(part, "x" | "X" | "*") || (!part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

impl Constraint {
    fn holds(&self, version: &Version) -> bool {
        let own = &self.version;
        match self.operator {
            Operator::Equal if self.open != Open::Nothing => self.tilde(version),
            Operator::Equal => version == own || version.cmp(own).is_eq(),
            Operator::NotEqual => match self.open {
                // Where all is open, the library compares with 0.0.0.
                Open::Nothing | Open::Major => version.cmp(own).is_ne(),
                Open::Minor => version.major != own.major,
                // A prerelease beside an open patch is compared by itself.
                Open::Patch => {
                    (version.major, version.minor) != (own.major, own.minor)
                        || version.prerelease != own.prerelease
                }
            },
            Operator::Greater => match self.open {
                Open::Nothing | Open::Major => version > own,
                Open::Minor => version.major > own.major,
                Open::Patch => (version.major, version.minor) > (own.major, own.minor),
            },
            Operator::GreaterOrEqual => version >= own,
            Operator::Less => version < own,
            Operator::LessOrEqual => match self.open {
                Open::Nothing => version <= own,
                Open::Minor => version.major <= own.major,
                Open::Major | Open::Patch => (version.major, version.minor) <= (own.major, own.minor),
            },
            Operator::Tilde => self.tilde(version),
            Operator::Caret => self.caret(version),
        }
    }

    /// From the version on, within the last part that is given but the patch.
    fn tilde(&self, version: &Version) -> bool {
        let own = &self.version;
        if version < own {
            return false;
        }
        // `~0.0.0` and `*` hold everything.
        if (own.major, own.minor, own.patch) == (0, 0, 0) && matches!(self.open, Open::Nothing | Open::Major)
        {
            return true;
        }
        version.major == own.major && (version.minor == own.minor || self.open == Open::Minor)
    }

    /// From the version on, within the first part that is not zero.
    fn caret(&self, version: &Version) -> bool {
        let own = &self.version;
        if version < own {
            return false;
        }
        if own.major > 0 || self.open == Open::Minor {
            return version.major == own.major;
        }
        if version.major > 0 {
            return false;
        }
        if own.minor > 0 || self.open == Open::Patch {
            return version.minor == own.minor;
        }
        version.minor == 0 && version.patch == own.patch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(range: &str) -> String {
        const VERSIONS: &[&str] = &[
            "0.0.1",
            "0.1.0",
            "0.1.5",
            "0.2.0",
            "1.0.0-rc.1",
            "1.0.0",
            "1.2.0",
            "1.2.3",
            "1.3.0-beta",
            "1.3.0",
            "2.0.0",
            "3.1.4",
        ];
        let Some(range) = Range::parse(range) else { return "-".into() };
        let held: Vec<&str> = VERSIONS
            .iter()
            .filter(|text| range.holds(&Version::parse(text).expect("a version")))
            .copied()
            .collect();
        held.join(" ")
    }

    #[test]
    fn ranges_hold_what_the_go_library_says() {
        for (range, expected) in [
            ("^1.2", "1.2.0 1.2.3 1.3.0"),
            ("^0.1", "0.1.0 0.1.5"),
            ("^0.0.1", "0.0.1"),
            ("^0", "0.0.1 0.1.0 0.1.5 0.2.0"),
            ("~1.2", "1.2.0 1.2.3"),
            ("~1", "1.0.0 1.2.0 1.2.3 1.3.0"),
            ("~1.2.1", "1.2.3"),
            ("1.x", "1.0.0 1.2.0 1.2.3 1.3.0"),
            ("1.2.*", "1.2.0 1.2.3"),
            ("*", "0.0.1 0.1.0 0.1.5 0.2.0 1.0.0 1.2.0 1.2.3 1.3.0 2.0.0 3.1.4"),
            (">=1.2 <2", "1.2.0 1.2.3 1.3.0"),
            (">=1.2, <2", "1.2.0 1.2.3 1.3.0"),
            (">= 1.2 , < 2", "1.2.0 1.2.3 1.3.0"),
            (">1", "2.0.0 3.1.4"),
            (">1.2", "1.3.0 2.0.0 3.1.4"),
            ("<=1.2", "0.0.1 0.1.0 0.1.5 0.2.0 1.0.0 1.2.0 1.2.3"),
            ("1.2 - 1.3", "1.2.0 1.2.3 1.3.0"),
            ("^0.1 || ~3", "0.1.0 0.1.5 3.1.4"),
            ("!=1.x", "0.0.1 0.1.0 0.1.5 0.2.0 2.0.0 3.1.4"),
            (">=1.0.0-0 <1.3.0", "1.0.0-rc.1 1.0.0 1.2.0 1.2.3 1.3.0-beta"),
            ("~1.3.0-0", "1.3.0-beta 1.3.0"),
            ("v1.2.3 || =2.0.0", "1.2.3 2.0.0"),
        ] {
            assert_eq!(held(range), expected, "{range}");
        }
    }

    #[test]
    fn other_texts_are_no_ranges() {
        for text in ["", "main", "release-1.x", "1.2.3.4", ">", "^", "1.2 -", "^1 ||", "1.2,", "refs/tags/v1"]
        {
            assert_eq!(held(text), "-", "{text:?}");
        }
    }
}
