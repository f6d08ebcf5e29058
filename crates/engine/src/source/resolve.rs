//! Which commit a target revision means.

use bridgehead_api::{CommitSha, TargetRevision};

use super::advertisement::RefAdvertisement;
use super::range::Range;
use super::version::Version;

/// The commit that a revision means now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The commit.
    pub sha: CommitSha,
    /// The ref that gave it, in full (`HEAD`, `refs/heads/main`); none for a commit id.
    pub reference: Option<String>,
}

/// Why a revision means no commit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// There is no commit at all.
    #[error("the repository is empty: it has no default branch")]
    Empty,
    /// No ref has this name.
    #[error("the repository has no branch or tag `{revision}`{}", hint(.nearest.as_deref()))]
    NotFound {
        /// The name.
        revision: String,
        /// A ref whose name is much alike.
        nearest: Option<String>,
    },
    /// No tag lies in the range.
    #[error("no tag of the repository lies in the range `{range}` ({tags} tags are versions{})", with_prefix(.prefix))]
    NoVersion {
        /// The range.
        range: String,
        /// How many tags are versions.
        tags: usize,
        /// Prefix that tags must have.
        prefix: String,
    },
    /// A short commit id that no ref points at.
    #[error(
        "`{revision}` is no branch or tag; if it is a short commit id, give all 40 digits, because a server can be \
         asked for whole ids only"
    )]
    ShortSha {
        /// The digits.
        revision: String,
    },
    /// A short commit id that several refs' commits begin with.
    #[error("`{revision}` is the beginning of several commit ids; give all 40 digits")]
    AmbiguousSha {
        /// The digits.
        revision: String,
    },
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

fn with_prefix(prefix: &str) -> String {
    if prefix.is_empty() { String::new() } else { format!(" behind the prefix `{prefix}`") }
}

/// The revision as a full commit id, if it is one: 40 or 64 hex digits.
pub fn full_sha(revision: &str) -> Option<CommitSha> {
    (matches!(revision.len(), 40 | 64) && is_hex(revision)).then(|| revision.to_ascii_lowercase().into())
}

/// True if the revision is a range of versions rather than one ref.
pub fn is_version_range(revision: &str) -> bool {
    Version::parse(revision).is_none() && Range::parse(revision).is_some()
}

/// The full name of the ref that a revision may mean beside branches and tags, such as `refs/pull/12/head` for
/// `pull/12/head`. Servers tell of such refs only to who asks for them by name.
pub fn other_ref(revision: &str) -> Option<String> {
    let revision = revision.trim();
    if full_sha(revision).is_some() || is_version_range(revision) || !is_ref_name(revision) {
        return None;
    }
    let name = match revision.strip_prefix("refs/") {
        Some(_) => revision.to_owned(),
        None => format!("refs/{revision}"),
    };
    let told_anyway = ["refs/heads/", "refs/tags/"].iter().any(|prefix| name.starts_with(prefix));
    // `refs/` and one word is where Git keeps what is its own.
    let is_nested = name.matches('/').count() > 1;
    (is_nested && !told_anyway).then_some(name)
}

/// As far as it matters to a server: no part that is empty or begins with a dot, and nothing that globs or ends a line.
fn is_ref_name(name: &str) -> bool {
    name.split('/').all(|part| !part.is_empty() && !part.starts_with('.'))
        && !name.contains("..")
        && !name.contains(|sign: char| sign.is_control() || " ~^:?*[\\".contains(sign))
}

/// The commit that the revision means, by what the repository advertised.
///
/// A full commit id stands for itself. A range of versions means the greatest tag in it; `tag_prefix` filters
/// the tags and does not count as part of the version. Else a full ref name, a branch, a tag, and other refs
/// are tried in this order. The empty revision is `HEAD`.
pub fn resolve(
    revision: &TargetRevision,
    refs: &RefAdvertisement,
    tag_prefix: &str,
) -> Result<Resolved, ResolveError> {
    let revision = revision.as_str().trim();
    if let Some(sha) = full_sha(revision) {
        return Ok(Resolved { sha, reference: None });
    }
    if matches!(revision, "" | "HEAD") {
        let sha = refs.head.clone().ok_or(ResolveError::Empty)?;
        return Ok(Resolved { sha, reference: Some("HEAD".into()) });
    }
    let range = is_version_range(revision).then(|| Range::parse(revision)).flatten();
    if let Some(range) = &range
        && let Some(resolved) = greatest(range, refs, tag_prefix)
    {
        return Ok(resolved);
    }
    if let Some(resolved) = named(revision, refs, tag_prefix) {
        return Ok(resolved);
    }
    if range.is_some() {
        let tags = versions(refs, tag_prefix).count();
        return Err(ResolveError::NoVersion { range: revision.into(), tags, prefix: tag_prefix.into() });
    }
    if revision.len() >= 4 && is_hex(revision) {
        return by_short_sha(revision, refs);
    }
    if refs.head.is_none() && refs.refs.is_empty() {
        return Err(ResolveError::Empty);
    }
    Err(ResolveError::NotFound { revision: revision.into(), nearest: nearest(revision, refs) })
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Tags that are versions.
fn versions<'r>(
    refs: &'r RefAdvertisement,
    tag_prefix: &str,
) -> impl Iterator<Item = (Version, &'r String, &'r CommitSha)> {
    refs.refs.iter().filter_map(move |(name, sha)| {
        let tag = name.strip_prefix("refs/tags/")?.strip_prefix(tag_prefix)?;
        Some((Version::parse(tag)?, name, sha))
    })
}

fn greatest(range: &Range, refs: &RefAdvertisement, tag_prefix: &str) -> Option<Resolved> {
    let held = versions(refs, tag_prefix).filter(|(version, _, _)| range.holds(version));
    // Of equal versions (`v1.0.0` and `1.0.0`) the first by name.
    let best = held.reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.map(|(_, name, sha)| Resolved { sha: sha.clone(), reference: Some(name.clone()) })
}

fn named(revision: &str, refs: &RefAdvertisement, tag_prefix: &str) -> Option<Resolved> {
    let with_prefix = (!tag_prefix.is_empty() && Version::parse(revision).is_some())
        .then(|| format!("refs/tags/{tag_prefix}{revision}"));
    let candidates = [
        with_prefix,
        Some(revision.to_owned()),
        Some(format!("refs/heads/{revision}")),
        Some(format!("refs/tags/{revision}")),
        Some(format!("refs/remotes/{revision}")),
        Some(format!("refs/{revision}")),
    ];
    candidates
        .into_iter()
        .flatten()
        .find_map(|name| Some(Resolved { sha: refs.refs.get(&name)?.clone(), reference: Some(name) }))
}

fn by_short_sha(revision: &str, refs: &RefAdvertisement) -> Result<Resolved, ResolveError> {
    let digits = revision.to_ascii_lowercase();
    let mut matching: Vec<&CommitSha> =
        refs.refs.values().chain(&refs.head).filter(|sha| sha.as_str().starts_with(&digits)).collect();
    matching.sort_unstable();
    matching.dedup();
    match matching.as_slice() {
        [] => Err(ResolveError::ShortSha { revision: revision.into() }),
        [sha] => Ok(Resolved { sha: (*sha).clone(), reference: None }),
        _ => Err(ResolveError::AmbiguousSha { revision: revision.into() }),
    }
}

/// A branch or tag whose name differs in at most two letters, or in what stands before it.
fn nearest(revision: &str, refs: &RefAdvertisement) -> Option<String> {
    let wanted = revision.strip_prefix("origin/").unwrap_or(revision);
    refs.refs
        .keys()
        .filter_map(|name| name.strip_prefix("refs/heads/").or_else(|| name.strip_prefix("refs/tags/")))
        .map(|name| (distance(wanted, name), name))
        .filter(|(distance, _)| *distance <= 2.min(wanted.len() / 2))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name.to_owned())
        .or_else(|| (wanted == "master" || wanted == "main").then(|| default_branch(refs)).flatten())
}

fn default_branch(refs: &RefAdvertisement) -> Option<String> {
    let head = refs.head.as_ref()?;
    let branch = refs.refs.iter().find(|(name, sha)| name.starts_with("refs/heads/") && *sha == head)?.0;
    branch.strip_prefix("refs/heads/").map(str::to_owned)
}

/// Levenshtein's distance.
fn distance(one: &str, two: &str) -> usize {
    let two: Vec<char> = two.chars().collect();
    let mut row: Vec<usize> = (0..=two.len()).collect();
    for (line, left) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, right) in two.iter().enumerate() {
            let cost = diagonal + usize::from(left != *right);
            diagonal = row[column + 1];
            row[column + 1] = cost.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[two.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refs_beside_branches_and_tags_are_known_by_their_names() {
        let pull = Some("refs/pull/12/head".to_owned());
        assert_eq!(other_ref("pull/12/head"), pull);
        assert_eq!(other_ref(" refs/pull/12/head"), pull);
        assert_eq!(other_ref("refs/changes/34/1234/5"), Some("refs/changes/34/1234/5".into()));
        // A branch is tried first; the repository says which it is.
        assert_eq!(other_ref("feature/login"), Some("refs/feature/login".into()));
        for revision in [
            "",
            "HEAD",
            "main",
            "v1.2",
            "1.x",
            "refs/heads/a",
            "refs/tags/a/b",
            "tags/a",
            "a b/c",
            "a\nb/c",
            "a//b",
            "a/../b",
        ] {
            assert_eq!(other_ref(revision), None, "{revision:?}");
        }
        assert_eq!(other_ref("refs/stash"), None);
        assert_eq!(other_ref(&"a".repeat(40)), None);
    }

    fn sha(digit: char) -> CommitSha {
        digit.to_string().repeat(40).into()
    }

    fn refs(names: &[(&str, char)]) -> RefAdvertisement {
        RefAdvertisement {
            head: names.first().map(|(_, digit)| sha(*digit)),
            refs: names.iter().map(|(name, digit)| ((*name).to_owned(), sha(*digit))).collect(),
        }
    }

    fn resolved(revision: &str, refs: &RefAdvertisement, prefix: &str) -> String {
        match resolve(&revision.into(), refs, prefix) {
            Ok(found) => format!("{} {}", &found.sha.as_str()[..1], found.reference.unwrap_or_default()),
            Err(error) => error.to_string(),
        }
    }

    fn repository() -> RefAdvertisement {
        refs(&[
            ("refs/heads/main", 'a'),
            ("refs/heads/v1", 'b'),
            ("refs/tags/v1", 'c'),
            ("refs/tags/v1.2.0", 'd'),
            ("refs/tags/v1.10.0", 'e'),
            ("refs/tags/v2.0.0-rc.1", 'f'),
            ("refs/tags/chart-3.0.0", '1'),
            ("refs/pull/7/head", '2'),
        ])
    }

    #[test]
    fn names_are_tried_as_git_tries_them() {
        let refs = repository();
        for (revision, expected) in [
            ("", "a HEAD"),
            ("HEAD", "a HEAD"),
            ("main", "a refs/heads/main"),
            ("v1", "b refs/heads/v1"),
            ("refs/tags/v1", "c refs/tags/v1"),
            ("tags/v1", "c refs/tags/v1"),
            ("v1.2.0", "d refs/tags/v1.2.0"),
            ("pull/7/head", "2 refs/pull/7/head"),
        ] {
            assert_eq!(resolved(revision, &refs, ""), expected, "{revision}");
        }
    }

    #[test]
    fn a_range_means_the_greatest_tag_in_it() {
        let refs = repository();
        assert_eq!(resolved("^1.0", &refs, ""), "e refs/tags/v1.10.0");
        assert_eq!(resolved("1.2.x", &refs, ""), "d refs/tags/v1.2.0");
        assert_eq!(resolved(">=2.0.0-0", &refs, ""), "f refs/tags/v2.0.0-rc.1");
        assert_eq!(resolved("*", &refs, "chart-"), "1 refs/tags/chart-3.0.0");
        assert_eq!(resolved("3.0.0", &refs, "chart-"), "1 refs/tags/chart-3.0.0");
        assert_eq!(
            resolved("^9", &refs, ""),
            "no tag of the repository lies in the range `^9` (4 tags are versions)"
        );
    }

    #[test]
    fn commit_ids_pass_and_short_ones_need_a_ref() {
        let refs = repository();
        let full = "ABCDEF0123456789abcdef0123456789abcdef01";
        assert_eq!(resolve(&full.into(), &refs, "").expect("passes").sha.as_str(), full.to_lowercase());
        assert_eq!(resolved("dddddd", &refs, ""), "d ");
        assert!(resolved("0123abc", &refs, "").contains("all 40 digits"));
    }

    #[test]
    fn what_is_missing_is_told_with_what_is_near() {
        let refs = repository();
        assert_eq!(
            resolved("mian", &refs, ""),
            "the repository has no branch or tag `mian`; did you mean `main`?"
        );
        assert_eq!(
            resolved("origin/main", &refs, ""),
            "the repository has no branch or tag `origin/main`; did you mean `main`?"
        );
        assert_eq!(
            resolved("master", &refs, ""),
            "the repository has no branch or tag `master`; did you mean `main`?"
        );
        assert!(resolved("main", &RefAdvertisement::default(), "").contains("empty"));
    }
}
