//! Versions as tags write them: `1.2.3`, `v1.2`, `1.0.0-rc.1+build`.

use std::cmp::Ordering;

/// A version. Parts that the text leaves out are zero. Build metadata does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) major: u64,
    pub(super) minor: u64,
    pub(super) patch: u64,
    /// Without the dash; empty for a release.
    pub(super) prerelease: String,
}

impl Version {
    /// Reads a version, leniently: `v` in front and missing parts are allowed.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let (text, metadata) = text.split_once('+').map_or((text, None), |(text, rest)| (text, Some(rest)));
        if metadata.is_some_and(|metadata| !is_dotted(metadata)) {
            return None;
        }
        let (numbers, prerelease) =
            text.split_once('-').map_or((text, None), |(numbers, rest)| (numbers, Some(rest)));
        if prerelease.is_some_and(|prerelease| !is_dotted(prerelease)) {
            return None;
        }
        let mut parts = numbers.split('.').map(number);
        let version = Self {
            major: parts.next()??,
            minor: parts.next().map_or(Some(0), |part| part)?,
            patch: parts.next().map_or(Some(0), |part| part)?,
            prerelease: prerelease.unwrap_or_default().to_owned(),
        };
        parts.next().is_none().then_some(version)
    }

    /// True for versions before a release.
    pub(super) fn is_prerelease(&self) -> bool {
        !self.prerelease.is_empty()
    }
}

fn number(text: &str) -> Option<u64> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// True for identifiers with dots between them.
fn is_dotted(text: &str) -> bool {
    text.split('.').all(|identifier| {
        !identifier.is_empty() && identifier.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    })
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.major, self.minor, self.patch)
            .cmp(&(other.major, other.minor, other.patch))
            .then_with(|| compare_prereleases(&self.prerelease, &other.prerelease))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn compare_prereleases(left: &str, right: &str) -> Ordering {
    match (left.is_empty(), right.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(left), Some(right)) => match (number(left), number(right)) {
                (Some(left), Some(right)) => left.cmp(&right),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => left.cmp(right),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn versions_are_read_leniently() {
        for (text, expected) in
            [("1", (1, 0, 0)), ("v1.2", (1, 2, 0)), ("1.2.3", (1, 2, 3)), ("v01.2.3+a.b", (1, 2, 3))]
        {
            let version = Version::parse(text).expect(text);
            assert_eq!((version.major, version.minor, version.patch), expected, "{text}");
        }
        for text in ["", "v", "main", "1.2.3.4", "1.", "1.x", "1.2.3-", "1.2.3-a..b", "vv1", "1 .2"] {
            assert_eq!(Version::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_order_is_that_of_semantic_versioning() {
        let ordered = [
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.1",
            "1.10.0",
        ];
        for pair in ordered.windows(2) {
            assert!(Version::parse(pair[0]) < Version::parse(pair[1]), "{pair:?}");
        }
    }
}
