//! Repository URLs in the form in which two are compared.

/// The URL in lower case, without `.git` and `ssh://`; `git@host:path` is the same as `ssh://git@host/path`.
pub fn normalise_repository_url(url: &str) -> String {
    let mut url = url.trim().to_lowercase();
    if !url.contains("://") && is_scp_like(&url) {
        url = url.replacen(':', "/", 1);
    }
    let url = url.strip_suffix(".git").unwrap_or(&url);
    url.strip_prefix("ssh://").unwrap_or(url).to_owned()
}

/// `user@host:path`
fn is_scp_like(url: &str) -> bool {
    let Some((user, rest)) = url.split_once('@') else { return false };
    !user.contains(['/', ':']) && !rest.contains('@') && rest.contains(':')
}

#[cfg(test)]
mod tests {
    use super::normalise_repository_url;

    #[test]
    fn spellings_of_one_repository_are_equal() {
        assert_eq!(
            normalise_repository_url("git@GitHub.com:Org/Repo.git"),
            normalise_repository_url("ssh://git@github.com/org/repo")
        );
        assert_eq!(
            normalise_repository_url(" https://github.com/Org/Repo.git "),
            normalise_repository_url("https://github.com/org/repo")
        );
        assert_eq!(normalise_repository_url("/srv/git/a.git"), "/srv/git/a");
    }
}
