//! A repository as it is in the cluster, in the form of what is known of it.

use bridgehead_api::annotations::{SECRET_TYPE, SECRET_TYPE_REPOSITORY};
use bridgehead_api::secret::{Repository as Registered, Secret as Hidden, SecretObject, SecretProblem};
use serde_json::Value as Json;
use tfplug::model::Model as _;
use tfplug::prelude::*;

use super::Repository;
use super::model::RepositoryComputed;
use crate::connection::Clients;
use crate::object::{
    Owner, declared_entries, flag, is_handed_over, kept, number, optional, owner, read_secret, text,
};

/// The repository as it is. What Git has taken over keeps its prior values.
pub(super) fn repository_of(
    context: &Context<Clients>,
    prior: Repository<Partial>,
    live: &Json,
) -> Outcome<Repository<Stored>> {
    let declared = |name: &str| prior.annotations.as_ref().is_some_and(|all| all.contains_key(name));
    match owner(live, declared) {
        Owner::Git(_) => {
            let uid = text(live, "/metadata/uid").to_owned();
            Ok(prior.store(RepositoryComputed { uid }))
        }
        Owner::Terraform(handed_over) => read(context, &prior, live, handed_over.as_ref()),
    }
}

/// The repository as it is, whoever declares it.
pub(super) fn imported(
    context: &Context<Clients>,
    blank: &Repository<Partial>,
    live: &Json,
) -> Outcome<Repository<Stored>> {
    read_secret(live, SECRET_TYPE_REPOSITORY)?;
    read(context, blank, live, None)
}

/// What a Secret says, as far as it can be read, and what is wrong with it: an entry that can't be read is
/// taken for absent.
pub(super) fn readable(live: &Json) -> Result<(Registered, Vec<SecretProblem>), Diagnostics> {
    const NO_URL: &str = "none";
    let mut secret = SecretObject::from_value(live.clone())?;
    let mut problems = Vec::new();
    loop {
        let problem = match Registered::from_secret(&secret) {
            Ok(registered) if problems.iter().any(|problem| entry(problem) == Some("url")) => {
                return Ok((Registered { url: String::new(), ..registered }, problems));
            }
            Ok(registered) => return Ok((registered, problems)),
            Err(problem) => problem,
        };
        // Each is mended once, so this ends.
        match entry(&problem) {
            Some("url") => secret.data.insert("url", NO_URL),
            Some(name) => secret.data.insert(name, ""),
            None => return Err(problem.into()),
        }
        problems.push(problem);
    }
}

/// The entry that can't be read.
pub(super) fn entry(problem: &SecretProblem) -> Option<&'static str> {
    match problem {
        SecretProblem::NotText { key }
        | SecretProblem::NotBoolean { key, .. }
        | SecretProblem::NotNumber { key, .. }
        | SecretProblem::Missing { key } => Some(key),
        SecretProblem::UnknownType { .. } => Some("type"),
        _ => None,
    }
}

fn read(
    context: &Context<Clients>,
    prior: &Repository<Partial>,
    live: &Json,
    handed_over: Option<&Json>,
) -> Outcome<Repository<Stored>> {
    let uid = text(live, "/metadata/uid").to_owned();
    let (registered, problems) = readable(live)?;
    let credentials = &registered.credentials;
    let version = |version: Option<i64>, name: &str, secret: Option<&Hidden>| {
        version.filter(|_| !kept::has_drifted(context, &uid, name, secret.map(Hidden::expose)))
    };
    let mut read = Repository {
        url: registered.url.clone(),
        kind: registered.repository_type.unwrap_or_default().as_str().to_owned(),
        repository_name: optional(prior.repository_name.as_ref(), &registered.name),
        project: optional(prior.project.as_ref(), &registered.project),
        username: optional(prior.username.as_ref(), &credentials.username),
        password_wo_version: version(prior.password_wo_version, "password", credentials.password.as_ref()),
        ssh_private_key_wo_version: version(
            prior.ssh_private_key_wo_version,
            "sshPrivateKey",
            credentials.ssh_private_key.as_ref(),
        ),
        bearer_token_wo_version: version(
            prior.bearer_token_wo_version,
            "bearerToken",
            credentials.bearer_token.as_ref(),
        ),
        tls_client_cert_data: optional(
            prior.tls_client_cert_data.as_ref(),
            &credentials.tls_client_cert_data,
        ),
        tls_client_cert_key_wo_version: version(
            prior.tls_client_cert_key_wo_version,
            "tlsClientCertKey",
            credentials.tls_client_cert_key.as_ref(),
        ),
        github_app_id: number(prior.github_app_id, credentials.github_app.id),
        github_app_installation_id: number(
            prior.github_app_installation_id,
            credentials.github_app.installation_id,
        ),
        github_app_enterprise_base_url: optional(
            prior.github_app_enterprise_base_url.as_ref(),
            &credentials.github_app.enterprise_base_url,
        ),
        github_app_private_key_wo_version: version(
            prior.github_app_private_key_wo_version,
            "githubAppPrivateKey",
            credentials.github_app.private_key.as_ref(),
        ),
        insecure: flag(prior.insecure, registered.is_insecure()),
        enable_lfs: flag(prior.enable_lfs, registered.enable_lfs),
        enable_oci: flag(prior.enable_oci, registered.enable_oci),
        force_http_basic_auth: flag(prior.force_http_basic_auth, credentials.force_http_basic_auth),
        proxy: optional(prior.proxy.as_ref(), &registered.proxy),
        no_proxy: optional(prior.no_proxy.as_ref(), &registered.no_proxy),
        ..prior.clone().store(RepositoryComputed { uid: uid.clone() })
    };
    let before = prior.to_value();
    for (field, entries) in [("labels", &mut read.labels), ("annotations", &mut read.annotations)] {
        let declared = declared_entries(before.attribute(field), field, live, handed_over);
        *entries = tfplug::attr::Attr::from_value(&declared, &Path::of(field))?;
    }
    let theirs = |name: &str| is_handed_over(handed_over, &["data", name]);
    let mut wrong = Vec::new();
    let mut broken = Vec::new();
    for problem in &problems {
        if let Some(name) = entry(problem).filter(|name| !theirs(name)) {
            wrong.push(format!("{problem}."));
            broken.push(name);
        }
    }
    adjust(&mut read, prior, |name| match name {
        _ if theirs(name) => Take::Prior,
        _ if broken.contains(&name) => Take::Other,
        _ => Take::Live,
    });
    let is_typed = live["metadata"]["labels"][SECRET_TYPE] == SECRET_TYPE_REPOSITORY;
    if !is_typed && !is_handed_over(handed_over, &["metadata", "labels", SECRET_TYPE]) {
        wrong.push(format!("The label `{SECRET_TYPE}` is not `{SECRET_TYPE_REPOSITORY}`."));
        read.kind = prior.kind.other();
    }
    if !wrong.is_empty() {
        // Not every entry has an attribute that shows it.
        context.needs_update();
        let secret = format!("Secret {}/{}", prior.namespace, prior.name);
        context.warn(
            Diagnostic::warning(format!("{secret} is no repository as it stands"))
                .detail(format!("{}\n\nAn apply writes it again as it is declared.", wrong.join("\n"))),
        );
    }
    Ok(read)
}

/// Which value an attribute has.
enum Take {
    /// What was read.
    Live,
    /// Another declares the entry: what was declared here was not written over theirs.
    Prior,
    /// What was read is nothing that can be declared: any other than the prior one, so that it is written.
    Other,
}

fn adjust(read: &mut Repository<Stored>, prior: &Repository<Partial>, take: impl Fn(&str) -> Take) {
    macro_rules! adjust {
        ($($entry:literal => $attribute:ident),+ $(,)?) => {
            $(match take($entry) {
                Take::Live => {}
                Take::Prior => read.$attribute.clone_from(&prior.$attribute),
                Take::Other => read.$attribute = prior.$attribute.other(),
            })+
        };
    }
    adjust! {
        "url" => url,
        "type" => kind,
        "name" => repository_name,
        "project" => project,
        "username" => username,
        "tlsClientCertData" => tls_client_cert_data,
        "githubAppID" => github_app_id,
        "githubAppInstallationID" => github_app_installation_id,
        "githubAppEnterpriseBaseUrl" => github_app_enterprise_base_url,
        "insecure" => insecure,
        "enableLfs" => enable_lfs,
        "enableOCI" => enable_oci,
        "forceHttpBasicAuth" => force_http_basic_auth,
        "proxy" => proxy,
        "noProxy" => no_proxy,
    }
    // That a secret has drifted is seen by its hash.
    macro_rules! keep {
        ($($entry:literal => $attribute:ident),+ $(,)?) => {
            $(if let Take::Prior = take($entry) {
                read.$attribute = prior.$attribute;
            })+
        };
    }
    keep! {
        "password" => password_wo_version,
        "sshPrivateKey" => ssh_private_key_wo_version,
        "bearerToken" => bearer_token_wo_version,
        "tlsClientCertKey" => tls_client_cert_key_wo_version,
        "githubAppPrivateKey" => github_app_private_key_wo_version,
    }
}

/// A value that differs from every one that can be declared in its place.
trait Other {
    fn other(&self) -> Self;
}

impl Other for String {
    fn other(&self) -> Self {
        Self::new()
    }
}

impl<T: Default> Other for Option<T> {
    fn other(&self) -> Self {
        self.is_none().then(T::default)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_is_read_as_far_as_it_can_be() {
        let entries =
            json!({"url": "", "insecure": "maybe", "githubAppID": "x", "type": "svn", "project": "a"});
        let (registered, problems) = readable(&json!({"stringData": entries})).unwrap();
        assert_eq!((registered.url.as_str(), registered.project.as_str()), ("", "a"));
        let mut names: Vec<_> = problems.iter().filter_map(entry).collect();
        names.sort_unstable();
        assert_eq!(names, ["githubAppID", "insecure", "type", "url"]);
    }
}
