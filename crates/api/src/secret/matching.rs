//! Which repository and which credentials a URL means.

use super::credentials::or_text;
use super::{RepoCreds, Repository, normalise_git_url, same_git_url};

/// The registered repository with this URL that the project may use: one of its own before one for all.
pub fn find_repository<'a>(
    repositories: &'a [Repository],
    url: &str,
    project: &str,
) -> Option<&'a Repository> {
    let same: Vec<_> = repositories.iter().filter(|repository| same_git_url(&repository.url, url)).collect();
    let of = |project: &str| same.iter().copied().find(|repository| repository.project == project);
    of(project).or_else(|| of(""))
}

/// The credentials whose URL is the longest start of this one.
pub fn find_repo_creds<'a>(templates: &'a [RepoCreds], url: &str) -> Option<&'a RepoCreds> {
    let url = normalise_git_url(url)?;
    let mut best: Option<(usize, &RepoCreds)> = None;
    for template in templates {
        let Some(start) = normalise_git_url(&template.url) else { continue };
        if url.starts_with(&start) && best.is_none_or(|(length, _)| start.len() > length) {
            best = Some((start.len(), template));
        }
    }
    best.map(|(_, template)| template)
}

/// The repository to use for a URL: the registered one, or an anonymous one; and where it has no credentials of
/// its own, those of the best template.
pub fn resolve_repository(
    repositories: &[Repository],
    templates: &[RepoCreds],
    url: &str,
    project: &str,
) -> Repository {
    let mut repository =
        find_repository(repositories, url, project).cloned().unwrap_or_else(|| Repository::anonymous(url));
    if repository.credentials.are_present() {
        return repository;
    }
    if let Some(template) = find_repo_creds(templates, url) {
        repository.credentials = repository.credentials.completed_from(&template.credentials);
        repository.repository_type = repository.repository_type.or(template.repository_type);
        repository.enable_oci = template.enable_oci;
        repository.insecure_oci_force_http = template.insecure_oci_force_http;
        or_text(&mut repository.proxy, &template.proxy);
        or_text(&mut repository.no_proxy, &template.no_proxy);
    }
    repository
}

#[cfg(test)]
mod tests {
    use super::{find_repo_creds, find_repository, resolve_repository};
    use crate::secret::{Credentials, RepoCreds, Repository, Secret};

    fn template(url: &str, password: &str) -> RepoCreds {
        RepoCreds {
            url: url.to_owned(),
            credentials: Credentials { password: Some(Secret::new(password)), ..Credentials::default() },
            ..RepoCreds::default()
        }
    }

    fn repository(url: &str, project: &str) -> Repository {
        Repository { url: url.to_owned(), project: project.to_owned(), ..Repository::default() }
    }

    #[test]
    fn the_longest_start_wins_and_an_empty_one_matches_nothing() {
        let templates = [
            template("https://github.com", "host"),
            template("https://github.com/Org", "org"),
            template("", "all"),
            template("https://github.com/org", "late"),
        ];
        let found = find_repo_creds(&templates, "https://github.com/org/repo.git").expect("a template");
        assert_eq!(found.credentials.password.as_ref().expect("password").expose(), "org");
        assert!(find_repo_creds(&templates, "https://gitlab.com/org/repo").is_none());
    }

    #[test]
    fn a_projects_own_repository_comes_before_one_for_all_and_others_are_not_seen() {
        let repositories =
            [repository("https://h/a", ""), repository("https://h/a", "p"), repository("https://h/b", "q")];
        assert_eq!(
            find_repository(&repositories, "https://h/A.git", "p").map(|found| &*found.project),
            Some("p")
        );
        assert_eq!(
            find_repository(&repositories, "https://h/a", "other").map(|found| &*found.project),
            Some("")
        );
        assert!(find_repository(&repositories, "https://h/b", "p").is_none());
    }

    #[test]
    fn a_template_lends_credentials_only_to_a_repository_without_any() {
        let templates = [template("https://h", "lent")];
        let mut own = repository("https://h/a", "");
        own.credentials.password = Some(Secret::new("own"));
        let own = resolve_repository(&[own], &templates, "https://h/a", "p");
        assert_eq!(own.credentials.password.expect("password").expose(), "own");
        let lent = resolve_repository(&[], &templates, "https://h/b", "p");
        assert_eq!(lent.credentials.password.expect("password").expose(), "lent");
    }
}
