//! When two URLs name the same Git repository.

/// The form in which URLs are compared: lower case, `git@host:path` as `git@host/path`, without `ssh://` and
/// without `.git` at the end. `None` for what is no URL at all.
pub fn normalise_git_url(url: &str) -> Option<String> {
    let mut text = url.trim().to_lowercase();
    if text.chars().any(char::is_control) {
        return None;
    }
    if is_ssh(&text) && !text.starts_with("ssh://") {
        // The first colon of `git@host:path` ends the host and is no port.
        text = text.replacen(':', "/", 1);
    }
    let text = text.strip_suffix(".git").unwrap_or(&text);
    let text = text.strip_prefix("ssh://").unwrap_or(text);
    if text.is_empty() || has_broken_port(text) { None } else { Some(text.to_owned()) }
}

/// True where both URLs name the same repository.
pub fn same_git_url(left: &str, right: &str) -> bool {
    let form = |url: &str| normalise_git_url(url).unwrap_or_else(|| url.to_owned());
    let left = form(left);
    !left.is_empty() && left == form(right)
}

/// The URL without user name and password, fit to be shown.
pub fn without_user_info(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let authority_length = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..authority_length].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => url.to_owned(),
    }
}

/// `user@host:path` or `ssh://user@host/path`: one `@`, and no slash or colon before it.
fn is_ssh(url: &str) -> bool {
    let rest = url.strip_prefix("ssh://").unwrap_or(url);
    match rest.split_once('@') {
        Some((user, host)) => !user.contains(['/', ':']) && !host.is_empty() && !host.contains('@'),
        None => false,
    }
}

fn has_broken_port(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let after_address = host.rsplit(']').next().unwrap_or_default();
    after_address.rsplit_once(':').is_some_and(|(_, port)| !port.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::{normalise_git_url, same_git_url, without_user_info};

    #[test]
    fn spellings_of_one_repository_are_the_same() {
        for (left, right) in [
            ("https://github.com/Org/Repo.git", "https://github.com/org/repo"),
            ("git@github.com:org/repo.git", "ssh://git@github.com/org/repo"),
            (" https://github.com/org/repo ", "https://github.com/org/repo"),
            ("git@GitHub.com:org/repo", "git@github.com:org/repo.git"),
        ] {
            assert!(same_git_url(left, right), "{left} and {right}");
        }
    }

    #[test]
    fn different_repositories_are_not_the_same() {
        for (left, right) in [
            ("https://github.com/org/repo", "git@github.com:org/repo"),
            ("https://github.com/org/repo", "https://github.com/org/repo2"),
            ("ssh://git@host:2222/repo", "ssh://git@host/repo"),
            ("", ""),
        ] {
            assert!(!same_git_url(left, right), "{left} and {right}");
        }
    }

    #[test]
    fn a_port_stays_and_a_broken_one_is_no_url() {
        assert_eq!(normalise_git_url("ssh://git@host:2222/a/b.git").as_deref(), Some("git@host:2222/a/b"));
        assert_eq!(normalise_git_url("https://host:port/a"), None);
    }

    #[test]
    fn user_and_password_are_not_shown() {
        assert_eq!(without_user_info("https://user:pass@host/a@b"), "https://host/a@b");
        assert_eq!(without_user_info("https://host/a@b"), "https://host/a@b");
    }
}
