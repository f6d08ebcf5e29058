//! Manifests from Git, with the credentials that the agent would use.

use std::path::PathBuf;
use std::sync::Arc;

use bridgehead_api::annotations::{SECRET_TYPE_REPO_CREDS, SECRET_TYPE_REPOSITORY};
use bridgehead_api::application::{Application, ApplicationSource};
use bridgehead_api::config_map::{KNOWN_HOSTS_NAME, KnownHosts, TLS_CERTS_NAME, TlsCertificates};
use bridgehead_api::secret::{RepoCreds, Repository, resolve_repository};
use bridgehead_engine::manifest::{Manifest, Origin};
use bridgehead_engine::source;
use bridgehead_sources::{ProxyEnvironment, RenderRequest, RepoAccess, Repositories, Settings, SourceError};

use crate::cli::error::CliError;
use crate::cli::session::Session;

/// Manifests of all sources in their order, at the given revisions or at those that the sources name.
pub(super) async fn rendered(
    session: &Session,
    application: &Application,
    revisions: &[String],
) -> Result<Vec<(Manifest, Origin)>, CliError> {
    let spec = &application.spec;
    let registered: Vec<Repository> = session
        .typed_secrets(SECRET_TYPE_REPOSITORY)
        .await?
        .iter()
        .filter_map(|secret| Repository::from_secret(secret).ok())
        .collect();
    let templates: Vec<RepoCreds> = session
        .typed_secrets(SECRET_TYPE_REPO_CREDS)
        .await?
        .iter()
        .filter_map(|secret| RepoCreds::from_secret(secret).ok())
        .collect();
    let (certificates, _) = TlsCertificates::read(&session.config_map(TLS_CERTS_NAME).await?);
    let (known_hosts, _) = KnownHosts::read(&session.config_map(KNOWN_HOSTS_NAME).await?);
    let known_hosts = Arc::new(known_hosts);
    let proxies = ProxyEnvironment::read(|name| std::env::var(name).ok());
    let settings = Settings { proxies, ..Settings::new(cache_folder()) };
    let repositories = Repositories::new(settings).map_err(|error| explained(&error))?;
    let project = if spec.project.is_empty() { "default" } else { &spec.project };

    let mut manifests = Vec::new();
    for (position, source) in spec.effective_sources().iter().enumerate() {
        if source.is_helm_chart() || source.is_oci() {
            return Err(CliError::refused(format!(
                "failed to render `{}`: this release renders plain manifests from Git only",
                source.repo_url
            )));
        }
        let repository = resolve_repository(&registered, &templates, &source.repo_url, project);
        let access = RepoAccess::new(&repository, &certificates, known_hosts.clone());
        let revision = revisions.get(position).unwrap_or(&source.target_revision);
        let request = request(&repositories, access, source, revision).await?;
        let rendered = repositories.render(&request).await.map_err(|error| explained(&error))?;
        manifests.extend(rendered.manifests.iter().cloned());
    }
    Ok(manifests)
}

async fn request(
    repositories: &Repositories,
    mut access: RepoAccess,
    source: &ApplicationSource,
    revision: &str,
) -> Result<RenderRequest, CliError> {
    access.additional_refs.extend(source::other_ref(revision));
    let (commit, via_ref) = if let Some(sha) = source::full_sha(revision) {
        (sha, None)
    } else {
        let refs = repositories.advertise(&access).await.map_err(|error| explained(&error))?;
        let resolved = source::resolve(&revision.into(), &refs, &source.tag_prefix).map_err(|error| {
            CliError::content(format!("revision `{revision}` of `{}`", access.shown_url()), error)
        })?;
        (resolved.sha, resolved.reference)
    };
    Ok(RenderRequest { repository: access, commit, via_ref, source: source.clone(), since: None })
}

fn explained(error: &SourceError) -> CliError {
    CliError::Refused { message: error.report(), hint: error.hint() }
}

/// Where repositories are kept between two commands.
fn cache_folder() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .filter(|folder| !folder.is_empty())
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir);
    cache.join("bridgehead").join("repositories")
}
