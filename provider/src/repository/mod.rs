//! `bridgehead_repository`: a repository Secret.

mod live;
mod model;

use bridgehead_api::secret::{
    Credentials, GithubApp, Repository as Registered, RepositoryType, Secret as Hidden,
};
use serde_json::Value as Json;
use tfplug::model::Model as _;
use tfplug::prelude::*;
use tfplug::value::Value;

use crate::connection::{Clients, check_own};
use crate::object::{
    Found, Kind, Owner, Prune, Target, completed, create_timeout, delete_timeout, imported_entries, kept,
    left_to, owner, read_raw, secret_manifest, text,
};
use live::{entry, readable, repository_of};
pub use model::Repository;
use model::RepositoryComputed;

/// The entries that are declared, save the secret ones.
const ENTRIES: &[&str] = &[
    "type",
    "name",
    "project",
    "username",
    "tlsClientCertData",
    "githubAppID",
    "githubAppInstallationID",
    "githubAppEnterpriseBaseUrl",
    "insecure",
    // The older switch for the same.
    "insecureIgnoreHostKey",
    "enableLfs",
    "enableOCI",
    "forceHttpBasicAuth",
    "proxy",
    "noProxy",
];

/// The resource.
pub(crate) struct Repositories;

/// The secret entries of a repository that is being written, beside those that are live.
fn secrets<'t>(
    planned: &'t Repository<Applying>,
    live: Option<&'t Registered>,
) -> [(&'static str, Option<&'t str>); 5] {
    let shown = |secret: fn(&Registered) -> Option<&Hidden>| live.and_then(secret).map(Hidden::expose);
    [
        (
            "password",
            kept::chosen(
                planned.password_wo.as_ref(),
                planned.password_wo_version,
                shown(|live| live.credentials.password.as_ref()),
            ),
        ),
        (
            "sshPrivateKey",
            kept::chosen(
                planned.ssh_private_key_wo.as_ref(),
                planned.ssh_private_key_wo_version,
                shown(|live| live.credentials.ssh_private_key.as_ref()),
            ),
        ),
        (
            "bearerToken",
            kept::chosen(
                planned.bearer_token_wo.as_ref(),
                planned.bearer_token_wo_version,
                shown(|live| live.credentials.bearer_token.as_ref()),
            ),
        ),
        (
            "tlsClientCertKey",
            kept::chosen(
                planned.tls_client_cert_key_wo.as_ref(),
                planned.tls_client_cert_key_wo_version,
                shown(|live| live.credentials.tls_client_cert_key.as_ref()),
            ),
        ),
        (
            "githubAppPrivateKey",
            kept::chosen(
                planned.github_app_private_key_wo.as_ref(),
                planned.github_app_private_key_wo_version,
                shown(|live| live.credentials.github_app.private_key.as_ref()),
            ),
        ),
    ]
}

fn manifest(planned: &Repository<Applying>, secrets: &[(&str, Option<&str>); 5]) -> Json {
    let hidden = |index: usize| secrets[index].1.map(Hidden::new);
    let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
    let registered = Registered {
        url: planned.url.clone(),
        repository_type: Some(match planned.kind.as_str() {
            "helm" => RepositoryType::Helm,
            "oci" => RepositoryType::Oci,
            _ => RepositoryType::Git,
        }),
        name: or_empty(&planned.repository_name),
        project: or_empty(&planned.project),
        credentials: Credentials {
            username: or_empty(&planned.username),
            password: hidden(0),
            ssh_private_key: hidden(1),
            bearer_token: hidden(2),
            tls_client_cert_data: or_empty(&planned.tls_client_cert_data),
            tls_client_cert_key: hidden(3),
            github_app: GithubApp {
                private_key: hidden(4),
                id: planned.github_app_id.unwrap_or(0),
                installation_id: planned.github_app_installation_id.unwrap_or(0),
                enterprise_base_url: or_empty(&planned.github_app_enterprise_base_url),
            },
            force_http_basic_auth: planned.force_http_basic_auth.unwrap_or(false),
            ..Credentials::default()
        },
        insecure: planned.insecure.unwrap_or(false),
        enable_lfs: planned.enable_lfs.unwrap_or(false),
        enable_oci: planned.enable_oci.unwrap_or(false),
        proxy: or_empty(&planned.proxy),
        no_proxy: or_empty(&planned.no_proxy),
        ..Registered::default()
    };
    let secret = registered.to_secret(&planned.namespace, &planned.name);
    secret_manifest(secret, planned.labels.as_ref(), planned.annotations.as_ref())
}

async fn target<'c>(
    context: &'c Context<Clients>,
    planned: &Repository<Applying>,
) -> Result<Target<'c>, Diagnostics> {
    let own = planned.kubernetes.as_ref();
    Target::new(context, own, Kind::Secret, &planned.namespace, &planned.name).await
}

impl Resource for Repositories {
    type Model = Repository<Stored>;
    type Client = Clients;

    fn validate(&self, config: &Repository<Config>, problems: &mut Diagnostics) {
        check_own(&config.kubernetes, problems);
        let Some(url) = config.url.known() else { return };
        let over_http = url.starts_with("http://") || url.starts_with("https://");
        if over_http && let Some(Some(_)) = config.ssh_private_key_wo.known() {
            problems.error(
                "ssh_private_key_wo",
                "An SSH key is of no use for this URL",
                format!(
                    "`{url}` is reached over HTTP: set `username` and `password_wo`, or use the SSH URL."
                ),
            );
        }
        if !over_http
            && !url.starts_with("oci://")
            && let Some(Some(_)) = config.password_wo.known()
        {
            let local = url.starts_with('/') || url.starts_with("file://");
            if local || url.starts_with("ssh://") || (url.contains('@') && url.contains(':')) {
                problems.error(
                    "password_wo",
                    "A password is of no use for this URL",
                    format!(
                        "`{url}` is not reached over HTTP: set `ssh_private_key_wo`, or use the HTTPS URL."
                    ),
                );
            }
        }
    }

    async fn create(
        &self,
        context: &Context<Clients>,
        planned: Repository<Applying>,
    ) -> Outcome<Self::Model> {
        let secrets = secrets(&planned, None);
        let manifest = manifest(&planned, &secrets);
        let target = target(context, &planned).await?;
        let live = target.create(&manifest, create_timeout(planned.timeouts.as_ref())).await?;
        kept::remember(context, &live, &secrets)?;
        let uid = text(&live, "/metadata/uid").to_owned();
        Ok(planned.store(RepositoryComputed { uid }))
    }

    async fn read(&self, context: &Context<Clients>, prior: Repository<Partial>) -> ReadResult<Self::Model> {
        let Some(connection) = context.client()?.known(prior.kubernetes.as_ref()).await? else {
            return Ok(Live::Unchanged);
        };
        let key = Kind::Secret.key(&prior.namespace, &prior.name);
        let live = read_raw(&connection, &Kind::Secret.resource(), &key).await?;
        let Some(live) = live else { return Ok(Live::Gone) };
        Ok(Live::Present(repository_of(context, prior, &live)?))
    }

    async fn update(
        &self,
        context: &Context<Clients>,
        prior: Repository<Partial>,
        planned: Repository<Applying>,
    ) -> Outcome<Self::Model> {
        let target = target(context, &planned).await?;
        let (live, problems) = match target.read().await? {
            Some(live) => readable(&live).map(|(live, problems)| (Some(live), problems))?,
            None => (None, Vec::new()),
        };
        let secrets = secrets(&planned, live.as_ref());
        // As long as one of them is there, the agent can't read the others either.
        let broken = problems.iter().filter_map(entry);
        let pruned: Vec<&str> = ENTRIES.iter().copied().chain(broken).collect();
        let manifest = manifest(&planned, &secrets);
        let declared = |name: &str| planned.annotations.as_ref().is_some_and(|all| all.contains_key(name));
        let update = target.update(manifest, prior.uid.as_deref(), declared, Prune::Entries(&pruned)).await?;
        let uid = match update {
            Found::Written(live) => {
                kept::remember(context, &live, &secrets)?;
                text(&live, "/metadata/uid").to_owned()
            }
            Found::LeftTo => prior.uid.unwrap_or_default(),
        };
        Ok(planned.store(RepositoryComputed { uid }))
    }

    async fn delete(
        &self,
        context: &Context<Clients>,
        prior: Repository<Partial>,
    ) -> Result<(), Diagnostics> {
        let own = prior.kubernetes.as_ref();
        let target = Target::new(context, own, Kind::Secret, &prior.namespace, &prior.name).await?;
        let Some(live) = target.read().await? else { return Ok(()) };
        let declared = |name: &str| prior.annotations.as_ref().is_some_and(|all| all.contains_key(name));
        if let Owner::Git(application) = owner(&live, declared) {
            let key = Kind::Secret.key(&prior.namespace, &prior.name);
            context.warn(left_to(&key, &application, "it was left there"));
            return Ok(());
        }
        target.delete(&live, delete_timeout(prior.timeouts.as_ref()), |_| String::new()).await
    }

    async fn import(&self, context: &Context<Clients>, import: &Import) -> Outcome<Self::Model> {
        let (namespace, name): (String, String) = (import.get("namespace")?, import.get("name")?);
        let target = Target::new(context, None, Kind::Secret, &namespace, &name).await?;
        let live = target
            .read()
            .await?
            .ok_or_else(|| Diagnostic::error(format!("There is no Secret {namespace}/{name}")))?;
        let known = Value::map([("namespace", Value::string(namespace)), ("name", Value::string(name))]);
        let blank = completed::<Repository<Partial>>(known);
        let mut prior = Repository::<Partial>::from_value(&blank, &Path::root())?;
        prior.labels = imported_entries(&live["metadata"]["labels"]);
        prior.annotations = imported_entries(&live["metadata"]["annotations"]);
        // What is imported is read whole, whoever declares it.
        live::imported(context, &prior, &live)
    }
}
