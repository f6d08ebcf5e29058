//! Data source `bridgehead_application`: how an application is.

use serde_json::Value as Json;
use tfplug::prelude::*;

use crate::connection::{Clients, OwnKubernetes, connection};
use crate::object::{Kind, read_raw, text};

/// How an application is: what it was compared to, whether it is Synced and Healthy, and what its last
/// operation did.
#[derive(Clone, Debug, tfplug::Model)]
#[data("bridgehead_application")]
pub struct ApplicationStatus<S: Stage> {
    /// Name of the application.
    pub name: S::Input<String>,
    /// Its namespace.
    #[attr(default = "argocd")]
    pub namespace: S::Input<String>,
    /// Another cluster than the provider's.
    pub kubernetes: S::Input<Option<OwnKubernetes>>,
    /// UID of the object.
    pub uid: S::Output<String>,
    /// Project that it belongs to.
    pub project: S::Output<String>,
    /// `Synced`, `OutOfSync`, `Unknown`, or empty before the first comparison.
    pub sync_status: S::Output<String>,
    /// `Healthy`, `Progressing`, `Degraded`, `Suspended`, `Missing`, `Unknown`, or empty before the first comparison.
    pub health_status: S::Output<String>,
    /// Revisions that were compared, one for each source.
    pub revisions: S::Output<Vec<String>>,
    /// `Running`, `Succeeded`, `Failed`, `Error`, `Terminating`, or empty where there was no operation.
    pub operation_phase: S::Output<String>,
    /// What the last operation says.
    pub operation_message: S::Output<String>,
    /// Errors and warnings that hold now.
    pub conditions: S::Output<Vec<Condition>>,
    /// Every managed object.
    pub resources: S::Output<Vec<ManagedResource>>,
    /// Images that run.
    pub images: S::Output<Vec<String>>,
}

/// An error or a warning.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct Condition {
    /// What kind, as in `ComparisonError`.
    pub r#type: String,
    /// For people.
    pub message: String,
}

/// A managed object.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct ManagedResource {
    /// API group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Whether it is as Git says; empty for hooks.
    pub status: String,
    /// Whether it works, where that can be told.
    pub health: String,
}

/// The data source.
pub(crate) struct ReadApplication;

impl DataSource for ReadApplication {
    type Model = ApplicationStatus<Stored>;
    type Client = Clients;

    async fn read(
        &self,
        context: &Context<Clients>,
        config: ApplicationStatus<Applying>,
    ) -> Result<ApplicationStatus<Stored>, Diagnostics> {
        let connection = connection(context, config.kubernetes.as_ref()).await?;
        let key = Kind::Application.key(&config.namespace, &config.name);
        let live = read_raw(&connection, &Kind::Application.resource(), &key).await?.ok_or_else(|| {
            Diagnostic::error(format!("There is no Application {}/{}", config.namespace, config.name))
                .at("name")
        })?;
        let word = |pointer: &str| text(&live, pointer).to_owned();
        let list =
            |pointer: &str| live.pointer(pointer).and_then(Json::as_array).cloned().unwrap_or_default();
        let texts = |pointer: &str| -> Vec<String> {
            list(pointer).iter().filter_map(Json::as_str).map(str::to_owned).collect()
        };
        let mut revisions = texts("/status/sync/revisions");
        if revisions.is_empty() {
            revisions.extend(Some(word("/status/sync/revision")).filter(|revision| !revision.is_empty()));
        }
        let conditions = list("/status/conditions");
        let resources = list("/status/resources");
        let computed = ApplicationStatusComputed {
            uid: word("/metadata/uid"),
            project: word("/spec/project"),
            sync_status: word("/status/sync/status"),
            health_status: word("/status/health/status"),
            revisions,
            operation_phase: word("/status/operationState/phase"),
            operation_message: word("/status/operationState/message"),
            conditions: conditions
                .iter()
                .map(|condition| Condition {
                    r#type: text(condition, "/type").to_owned(),
                    message: text(condition, "/message").to_owned(),
                })
                .collect(),
            resources: resources
                .iter()
                .map(|resource| ManagedResource {
                    group: text(resource, "/group").to_owned(),
                    kind: text(resource, "/kind").to_owned(),
                    namespace: text(resource, "/namespace").to_owned(),
                    name: text(resource, "/name").to_owned(),
                    status: text(resource, "/status").to_owned(),
                    health: text(resource, "/health/status").to_owned(),
                })
                .collect(),
            images: texts("/status/summary/images"),
        };
        Ok(config.store(computed))
    }
}
