//! `bridgehead_cluster`: a cluster Secret. The data source of the same name looks one up.

mod data;
mod model;
mod users;

use bridgehead_api::annotations::SECRET_TYPE_CLUSTER;
use bridgehead_api::secret::{
    AwsAuthConfig, Cluster as Registered, ClusterConfig, ExecProviderConfig, Secret as Hidden, SecretObject,
    TlsClientConfig,
};
use serde_json::Value as Json;
use tfplug::check;
use tfplug::model::Model as _;
use tfplug::prelude::*;
use tfplug::value::Value;

use crate::connection::{Clients, check_own};
use crate::object::{
    Found, Kind, Owner, Prune, Target, completed, create_timeout, declared_entries, delete_timeout, flag,
    imported_entries, is_handed_over, kept, left_to, optional, owner, read_raw, read_secret, secret_manifest,
    text,
};
pub(crate) use data::ReadCluster;
pub use model::Cluster;
use model::{AwsAuth, ClusterComputed, ClusterExec};

/// The entries that are declared.
const ENTRIES: &[&str] = &["namespaces", "clusterResources", "project", "shard"];

/// The resource.
pub(crate) struct Clusters;

fn secrets<'t>(
    planned: &'t Cluster<Applying>,
    live: Option<&'t Registered>,
) -> [(&'static str, Option<&'t str>); 2] {
    let token = live.and_then(|live| live.config.bearer_token.as_ref()).map(Hidden::expose);
    let key = live.and_then(|live| live.config.tls.key_data.as_ref()).map(Hidden::expose);
    [
        ("token", kept::chosen(planned.token_wo.as_ref(), planned.token_wo_version, token)),
        ("clientKey", kept::chosen(planned.client_key_wo.as_ref(), planned.client_key_wo_version, key)),
    ]
}

fn manifest(planned: &Cluster<Applying>, secrets: &[(&str, Option<&str>); 2]) -> Json {
    let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
    let registered = Registered {
        server: planned.server.clone(),
        name: planned.name.clone(),
        config: ClusterConfig {
            bearer_token: secrets[0].1.map(Hidden::new),
            tls: TlsClientConfig {
                insecure: planned.insecure.unwrap_or(false),
                server_name: or_empty(&planned.tls_server_name),
                ca_data: or_empty(&planned.ca_certificate),
                cert_data: or_empty(&planned.client_certificate),
                key_data: secrets[1].1.map(Hidden::new),
            },
            aws_auth: planned.aws_auth.as_ref().map(|aws| AwsAuthConfig {
                cluster_name: aws.cluster_name.clone(),
                role_arn: or_empty(&aws.role_arn),
                profile: or_empty(&aws.profile),
            }),
            exec: planned.exec.as_ref().map(|exec| ExecProviderConfig {
                command: exec.command.clone(),
                args: exec.args.clone().unwrap_or_default(),
                env: exec
                    .env
                    .iter()
                    .flatten()
                    .map(|(name, value)| (name.clone(), Hidden::new(value.as_str())))
                    .collect(),
                api_version: exec.api_version.clone(),
                install_hint: or_empty(&exec.install_hint),
                ..ExecProviderConfig::default()
            }),
            disable_compression: planned.disable_compression.unwrap_or(false),
            proxy_url: or_empty(&planned.proxy_url),
            ..ClusterConfig::default()
        },
        namespaces: planned.namespaces.clone().unwrap_or_default(),
        cluster_resources: planned.cluster_resources.unwrap_or(false),
        project: or_empty(&planned.project),
        shard: planned.shard,
        ..Registered::default()
    };
    let secret = registered.to_secret(&planned.namespace, &planned.name);
    secret_manifest(secret, planned.labels.as_ref(), planned.annotations.as_ref())
}

/// The cluster as it is, in the form of what is known of it. What Git has taken over keeps its prior values, and
/// so does what is no cluster any more: that is written anew.
fn cluster_of(context: &Context<Clients>, prior: &Cluster<Partial>, live: &Json) -> Cluster<Stored> {
    let declared = |name: &str| prior.annotations.as_ref().is_some_and(|all| all.contains_key(name));
    if let Owner::Terraform(handed_over) = owner(live, declared) {
        match values_of(context, prior, live, handed_over.as_ref()) {
            Ok(read) => return read,
            Err(problems) => {
                let title = format!("Cluster `{}` is not registered as it was", prior.name);
                let detail = format!("{problems}\n\nAn apply writes the Secret anew.");
                context.warn(Diagnostic::warning(title).detail(detail));
                context.needs_update();
            }
        }
    }
    prior.clone().store(ClusterComputed { uid: text(live, "/metadata/uid").to_owned() })
}

/// What the Secret says, whoever declares it. An error if it is no cluster.
fn values_of(
    context: &Context<Clients>,
    prior: &Cluster<Partial>,
    live: &Json,
    handed_over: Option<&Json>,
) -> Outcome<Cluster<Stored>> {
    let uid = text(live, "/metadata/uid").to_owned();
    let (registered, _) = Registered::from_secret(&read_secret(live, SECRET_TYPE_CLUSTER)?)?;
    let config = &registered.config;
    let version = |version: Option<i64>, name: &str, secret: Option<&Hidden>| {
        version.filter(|_| !kept::has_drifted(context, &uid, name, secret.map(Hidden::expose)))
    };
    let aws_auth = config.aws_auth.as_ref().map(|aws| {
        let before = prior.aws_auth.as_ref();
        AwsAuth {
            cluster_name: aws.cluster_name.clone(),
            role_arn: optional(before.and_then(|before| before.role_arn.as_ref()), &aws.role_arn),
            profile: optional(before.and_then(|before| before.profile.as_ref()), &aws.profile),
        }
    });
    let exec = config.exec.as_ref().map(|exec| {
        let before = prior.exec.as_ref();
        let env = exec.env.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())).collect();
        ClusterExec {
            command: exec.command.clone(),
            args: kept_empty(
                before.and_then(|before| before.args.as_ref()),
                exec.args.clone(),
                exec.args.is_empty(),
            ),
            env: kept_empty(before.and_then(|before| before.env.as_ref()), env, exec.env.is_empty()),
            api_version: exec.api_version.clone(),
            install_hint: optional(
                before.and_then(|before| before.install_hint.as_ref()),
                &exec.install_hint,
            ),
        }
    });
    let mut read = Cluster {
        server: registered.server.clone(),
        namespaces: kept_empty(
            prior.namespaces.as_ref(),
            registered.namespaces.clone(),
            registered.namespaces.is_empty(),
        ),
        cluster_resources: flag(prior.cluster_resources, registered.cluster_resources),
        project: optional(prior.project.as_ref(), &registered.project),
        shard: registered.shard,
        ca_certificate: optional(prior.ca_certificate.as_ref(), &config.tls.ca_data),
        tls_server_name: optional(prior.tls_server_name.as_ref(), &config.tls.server_name),
        insecure: flag(prior.insecure, config.tls.insecure),
        token_wo_version: version(prior.token_wo_version, "token", config.bearer_token.as_ref()),
        client_certificate: optional(prior.client_certificate.as_ref(), &config.tls.cert_data),
        client_key_wo_version: version(
            prior.client_key_wo_version,
            "clientKey",
            config.tls.key_data.as_ref(),
        ),
        aws_auth,
        exec,
        proxy_url: optional(prior.proxy_url.as_ref(), &config.proxy_url),
        disable_compression: flag(prior.disable_compression, config.disable_compression),
        ..prior.clone().store(ClusterComputed { uid: uid.clone() })
    };
    keep_handed_over(&mut read, prior, handed_over);
    let before = read.to_value();
    for (field, entries) in [("labels", &mut read.labels), ("annotations", &mut read.annotations)] {
        let declared = declared_entries(before.attribute(field), field, live, handed_over);
        *entries = tfplug::attr::Attr::from_value(&declared, &Path::of(field))?;
    }
    Ok(read)
}

/// Entries that another declares are not read: what was declared here was not written over theirs.
fn keep_handed_over(read: &mut Cluster<Stored>, prior: &Cluster<Partial>, handed_over: Option<&Json>) {
    macro_rules! keep {
        ($($entry:literal => $($attribute:ident),+);+ $(;)?) => {
            $(if is_handed_over(handed_over, &["data", $entry]) {
                $(read.$attribute.clone_from(&prior.$attribute);)+
            })+
        };
    }
    keep! {
        "server" => server;
        "namespaces" => namespaces;
        "clusterResources" => cluster_resources;
        "project" => project;
        "shard" => shard;
        "config" => ca_certificate, tls_server_name, insecure, token_wo_version, client_certificate,
            client_key_wo_version, aws_auth, exec, proxy_url, disable_compression;
    }
}

/// A collection that may be absent: the prior form where both mean empty.
fn kept_empty<T>(prior: Option<&T>, live: T, is_empty: bool) -> Option<T> {
    (prior.is_some() || !is_empty).then_some(live)
}

impl Resource for Clusters {
    type Model = Cluster<Stored>;
    type Client = Clients;

    fn validate(&self, config: &Cluster<Config>, problems: &mut Diagnostics) {
        check_own(&config.kubernetes, problems);
        check::at_most_one(
            problems,
            &[
                ("token_wo", config.token_wo.presence()),
                ("client_certificate", config.client_certificate.presence()),
                ("aws_auth", config.aws_auth.presence()),
                ("exec", config.exec.presence()),
            ],
        );
        check::together(
            problems,
            &[
                ("client_certificate", config.client_certificate.presence()),
                ("client_key_wo", config.client_key_wo.presence()),
            ],
        );
        if config.insecure.known() == Some(&Some(true))
            && config.ca_certificate.presence() == check::Presence::Present
        {
            problems.error(
                "insecure",
                "`insecure` and `ca_certificate` exclude each other",
                "A certificate that is not checked needs no authority.",
            );
        }
    }

    async fn create(&self, context: &Context<Clients>, planned: Cluster<Applying>) -> Outcome<Self::Model> {
        let secrets = secrets(&planned, None);
        let manifest = manifest(&planned, &secrets);
        let own = planned.kubernetes.as_ref();
        let target = Target::new(context, own, Kind::Secret, &planned.namespace, &planned.name).await?;
        let live = target.create(&manifest, create_timeout(planned.timeouts.as_ref())).await?;
        kept::remember(context, &live, &secrets)?;
        let uid = text(&live, "/metadata/uid").to_owned();
        Ok(planned.store(ClusterComputed { uid }))
    }

    async fn read(&self, context: &Context<Clients>, prior: Cluster<Partial>) -> ReadResult<Self::Model> {
        let Some(connection) = context.client()?.known(prior.kubernetes.as_ref()).await? else {
            return Ok(Live::Unchanged);
        };
        let key = Kind::Secret.key(&prior.namespace, &prior.name);
        let live = read_raw(&connection, &Kind::Secret.resource(), &key).await?;
        let Some(live) = live else { return Ok(Live::Gone) };
        Ok(Live::Present(cluster_of(context, &prior, &live)))
    }

    async fn update(
        &self,
        context: &Context<Clients>,
        prior: Cluster<Partial>,
        planned: Cluster<Applying>,
    ) -> Outcome<Self::Model> {
        let own = planned.kubernetes.as_ref();
        let target = Target::new(context, own, Kind::Secret, &planned.namespace, &planned.name).await?;
        let live = target.read().await?.and_then(|live| SecretObject::from_value(live).ok());
        let live = live.and_then(|live| Registered::from_secret(&live).ok());
        let secrets = secrets(&planned, live.as_ref().map(|(registered, _)| registered));
        let manifest = manifest(&planned, &secrets);
        let declared = |name: &str| planned.annotations.as_ref().is_some_and(|all| all.contains_key(name));
        let update = target.update(manifest, prior.uid.as_deref(), declared, Prune::Entries(ENTRIES)).await?;
        let uid = match update {
            Found::Written(live) => {
                kept::remember(context, &live, &secrets)?;
                text(&live, "/metadata/uid").to_owned()
            }
            Found::LeftTo => prior.uid.unwrap_or_default(),
        };
        Ok(planned.store(ClusterComputed { uid }))
    }

    async fn delete(&self, context: &Context<Clients>, prior: Cluster<Partial>) -> Result<(), Diagnostics> {
        let own = prior.kubernetes.as_ref();
        let target = Target::new(context, own, Kind::Secret, &prior.namespace, &prior.name).await?;
        let Some(live) = target.read().await? else { return Ok(()) };
        let declared = |name: &str| prior.annotations.as_ref().is_some_and(|all| all.contains_key(name));
        if let Owner::Git(application) = owner(&live, declared) {
            let key = Kind::Secret.key(&prior.namespace, &prior.name);
            context.warn(left_to(&key, &application, "it was left there"));
            return Ok(());
        }
        let within = delete_timeout(prior.timeouts.as_ref());
        // Without the cluster's credentials nobody could take down what applications deployed to it.
        let wait = users::none_left(&target.connection, &prior, context.is_replaced(), within);
        context.interruptible(wait).await??;
        target.delete(&live, within, |_| String::new()).await
    }

    async fn import(&self, context: &Context<Clients>, import: &Import) -> Outcome<Self::Model> {
        let (namespace, name): (String, String) = (import.get("namespace")?, import.get("name")?);
        let target = Target::new(context, None, Kind::Secret, &namespace, &name).await?;
        let live = target
            .read()
            .await?
            .ok_or_else(|| Diagnostic::error(format!("There is no Secret {namespace}/{name}")))?;
        let known = Value::map([("namespace", Value::string(namespace)), ("name", Value::string(name))]);
        let blank = completed::<Cluster<Partial>>(known);
        let mut prior = Cluster::<Partial>::from_value(&blank, &Path::root())?;
        prior.labels = imported_entries(&live["metadata"]["labels"]);
        prior.annotations = imported_entries(&live["metadata"]["annotations"]);
        values_of(context, &prior, &live, None)
    }
}
