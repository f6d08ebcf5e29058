//! Argo CD's globs: `*` and `**` match anything, slashes too; `?` one character; `[a-z]`, `[!a-z]`; `{a,b}`.
//!
//! The pattern becomes a regular expression that runs in linear time.

use regex::{Regex, RegexBuilder};

/// Bytes of a compiled pattern. Ample for lists of a thousand names.
const COMPILED: usize = 4 << 20;

/// A pattern for whole paths.
#[derive(Debug)]
pub(crate) struct Glob(Regex);

impl Glob {
    /// Reads a pattern; an error says what is wrong with it.
    pub(crate) fn new(pattern: &str) -> Result<Self, String> {
        let expression = translate(pattern)?;
        RegexBuilder::new(&expression)
            .dot_matches_new_line(true)
            .size_limit(COMPILED)
            .build()
            .map(Self)
            .map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
                _ => format!("`{pattern}` is not a glob"),
            })
    }

    /// True if the whole path matches.
    pub(crate) fn matches(&self, path: &str) -> bool {
        self.0.is_match(path)
    }
}

fn translate(pattern: &str) -> Result<String, String> {
    let mut out = String::from("^(?:");
    let mut depth = 0_usize;
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '*' => {
                while characters.next_if_eq(&'*').is_some() {}
                out.push_str(".*");
            }
            '?' => out.push('.'),
            '\\' => match characters.next() {
                Some(escaped) => out.push_str(&regex::escape(&escaped.to_string())),
                None => return Err("it ends with a backslash".to_owned()),
            },
            '{' => {
                depth += 1;
                out.push_str("(?:");
            }
            '}' if depth > 0 => {
                depth -= 1;
                out.push(')');
            }
            ',' if depth > 0 => out.push('|'),
            '[' => class(&mut characters, &mut out)?,
            other => out.push_str(&regex::escape(&other.to_string())),
        }
    }
    if depth > 0 {
        return Err("`{` has no `}`".to_owned());
    }
    out.push_str(")$");
    Ok(out)
}

fn class(characters: &mut impl Iterator<Item = char>, out: &mut String) -> Result<(), String> {
    let mut members: Vec<char> = Vec::new();
    loop {
        match characters.next() {
            Some(']') if !members.is_empty() => break,
            Some('\\') => members.extend(characters.next()),
            Some(character) => members.push(character),
            None => return Err("`[` has no `]`".to_owned()),
        }
    }
    out.push('[');
    let members = match members.split_first() {
        Some(('!', rest)) if !rest.is_empty() => {
            out.push('^');
            rest
        }
        _ => &members[..],
    };
    for (index, member) in members.iter().enumerate() {
        let range = *member == '-' && index > 0 && index + 1 < members.len();
        if range { out.push('-') } else { out.push_str(&regex::escape(&member.to_string())) }
    }
    out.push(']');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Glob;

    fn matches(pattern: &str, path: &str) -> bool {
        Glob::new(pattern).expect("it is a glob").matches(path)
    }

    #[test]
    fn stars_cross_slashes() {
        assert!(matches("*.yaml", "a/b.yaml"));
        assert!(matches("env-*/**", "env-a/b/c.yaml"));
        assert!(!matches("**/*.yaml", "a.yaml"));
        assert!(matches("**/*.yaml", "a/b/c.yaml"));
    }

    #[test]
    fn lists_hold_patterns() {
        assert!(matches("{*.yaml,config/*.json}", "config/a.json"));
        assert!(matches("{a,{b,c}}.yml", "c.yml"));
        assert!(!matches("{a,b}.yml", "ab.yml"));
        assert!(matches("a,b", "a,b"));
    }

    #[test]
    fn classes_and_escapes_are_read() {
        assert!(matches("[a-c]?.yaml", "bx.yaml"));
        assert!(!matches("[!a-c]?.yaml", "bx.yaml"));
        assert!(matches(r"\*.yaml", "*.yaml"));
        assert!(matches("a.b", "a.b") && !matches("a.b", "axb"));
        assert!(matches("x[$^.]y", "x^y"));
    }

    #[test]
    fn broken_patterns_are_told() {
        for pattern in ["{a,b", "[ab", "a\\"] {
            assert!(Glob::new(pattern).is_err(), "{pattern}");
        }
    }
}
