//! Reading, listing, changing and watching objects.

use std::time::Duration;

use bridgehead_api::application::Application;
use bridgehead_api::project::AppProject;
use bridgehead_api::secret::SecretObject;
use bridgehead_api::{API_VERSION, GroupKind, ObjectKey};
use bridgehead_kubernetes::connect::RequestBuilder;
use bridgehead_kubernetes::write::{self, Patch, WriteOptions};
use bridgehead_kubernetes::{ApiError, ApiErrorKind, ApiStatus, Connection, Resource};
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::api::{Api, PostParams};
use serde::Deserialize;
use serde_json::Value;

use super::error::CliError;
use super::session::Session;

/// Objects of a list that are asked for at once.
const PAGE: u32 = 500;
/// A watch is opened anew after this time, so that a connection that died in silence is noticed.
const WATCH_SECONDS: u32 = 240;
/// The pause after a watch that broke off.
const REOPEN: Duration = Duration::from_millis(250);

/// Applications.
pub(super) fn applications() -> Resource {
    Resource::known(API_VERSION, "Application", "applications", true)
}

/// Projects.
pub(super) fn projects() -> Resource {
    Resource::known(API_VERSION, "AppProject", "appprojects", true)
}

fn secrets() -> Resource {
    Resource::known("v1", "Secret", "secrets", true)
}

fn config_maps() -> Resource {
    Resource::known("v1", "ConfigMap", "configmaps", true)
}

/// One application: as stored, and as its types say.
#[derive(Clone, Debug)]
pub(super) struct StoredApplication {
    /// As stored, without `managedFields`.
    pub(super) value: Value,
    /// The same, typed.
    pub(super) typed: Box<Application>,
}

impl StoredApplication {
    pub(super) fn new(value: Value) -> Result<Self, CliError> {
        let typed = Application::from_value(value.clone())
            .map_err(|error| CliError::content(format!("application `{}`", name_of(&value)), error))?;
        Ok(Self { value, typed: Box::new(typed) })
    }

    pub(super) fn resource_version(&self) -> &str {
        self.typed.metadata.resource_version.as_str()
    }
}

/// What is done with applications.
impl Session {
    /// All applications of a namespace, or those that a label selector chooses.
    pub(super) async fn list_applications(
        &self,
        namespace: &str,
        selector: Option<&str>,
    ) -> Result<Vec<StoredApplication>, CliError> {
        let values = list(&self.connection, &applications(), Some(namespace), selector).await?;
        values.into_iter().map(StoredApplication::new).collect()
    }

    /// One application. An error if it isn't there.
    pub(super) async fn application(&self, key: &ObjectKey) -> Result<StoredApplication, CliError> {
        let value = get(&self.connection, &applications(), key).await?;
        StoredApplication::new(value.ok_or_else(|| not_found("application", key))?)
    }

    /// Changes an application; a `resourceVersion` in the change makes it conditional.
    pub(super) async fn patch_application(
        &self,
        key: &ObjectKey,
        change: Value,
    ) -> Result<StoredApplication, ApiError> {
        let live =
            write::patch(&self.connection, &applications(), key, &Patch::Merge(change), &writes()).await?;
        let value = live.manifest.value().clone();
        let typed = Application::from_value(value.clone()).unwrap_or_default();
        Ok(StoredApplication { value, typed: Box::new(typed) })
    }

    /// A project of the agent's namespace, if it is there.
    pub(super) async fn project(&self, name: &str) -> Result<Option<AppProject>, CliError> {
        let name = if name.is_empty() { "default" } else { name };
        let key = key("AppProject", &self.namespace, name);
        let Some(value) = get(&self.connection, &projects(), &key).await? else { return Ok(None) };
        let project = AppProject::from_value(value)
            .map_err(|error| CliError::content(format!("project `{name}`"), error))?;
        Ok(Some(project))
    }

    /// Secrets of one of Argo CD's types, in the agent's namespace.
    pub(super) async fn typed_secrets(&self, secret_type: &str) -> Result<Vec<SecretObject>, CliError> {
        let selector = format!("{}={secret_type}", bridgehead_api::annotations::SECRET_TYPE);
        let values = list(&self.connection, &secrets(), Some(&self.namespace), Some(&selector)).await?;
        let read = |value: Value| {
            let name = name_of(&value).to_owned();
            SecretObject::from_value(value)
                .map_err(|problem| CliError::content(format!("Secret `{name}`"), problem))
        };
        values.into_iter().map(read).collect()
    }

    /// `data` of a ConfigMap in the agent's namespace; empty if it isn't there.
    pub(super) async fn config_map(
        &self,
        name: &str,
    ) -> Result<std::collections::BTreeMap<String, String>, CliError> {
        let key = ObjectKey::new(GroupKind::new("", "ConfigMap"), &self.namespace, name);
        let value = get(&self.connection, &config_maps(), &key).await?;
        let data = value.and_then(|mut value| value.get_mut("data").map(Value::take));
        Ok(data.and_then(|data| serde_json::from_value(data).ok()).unwrap_or_default())
    }

    /// The Kubernetes version, as in `1.36`.
    pub(super) async fn server_version(&self) -> Result<String, CliError> {
        let answer = self.connection.send(RequestBuilder::get("/version", "ask for the version")).await?;
        let version: Value = answer.json()?;
        let part = |name: &str| version[name].as_str().unwrap_or_default().to_owned();
        Ok(format!("{}.{}", part("major"), part("minor").trim_end_matches('+')))
    }

    /// The name that the API server knows us by; empty if it doesn't tell.
    pub(super) async fn user_name(&self) -> String {
        let reviews: Api<SelfSubjectReview> = Api::all(self.connection.client());
        let answer = reviews.create(&PostParams::default(), &SelfSubjectReview::default()).await.ok();
        let user = answer.and_then(|answer| answer.status).and_then(|status| status.user_info);
        user.and_then(|user| user.username).unwrap_or_default()
    }
}

/// Options of our own writes.
pub(super) fn writes() -> WriteOptions {
    WriteOptions { field_manager: bridgehead_install::FIELD_MANAGER.to_owned(), ..WriteOptions::default() }
}

/// The key of one of Argo CD's objects.
pub(super) fn key(kind: &str, namespace: &str, name: &str) -> ObjectKey {
    ObjectKey::new(GroupKind::new(bridgehead_api::GROUP, kind), namespace, name)
}

/// That an object isn't there.
pub(super) fn not_found(kind: &'static str, key: &ObjectKey) -> CliError {
    CliError::NotFound { kind, name: key.name.to_string(), namespace: key.namespace().to_owned() }
}

fn name_of(value: &Value) -> &str {
    value.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default()
}

/// One object, without `managedFields`.
pub(super) async fn get(
    connection: &Connection,
    resource: &Resource,
    key: &ObjectKey,
) -> Result<Option<Value>, ApiError> {
    Ok(write::get(connection, resource, key).await?.map(|live| live.manifest.value().clone()))
}

#[derive(Deserialize)]
struct List {
    metadata: ListMetadata,
    items: Option<Vec<Value>>,
}

#[derive(Deserialize)]
struct ListMetadata {
    #[serde(default, rename = "continue")]
    next: String,
}

/// All objects of a kind, by name, without `managedFields`. A list leaves kind and version out of its
/// items; they are put back.
pub(super) async fn list(
    connection: &Connection,
    resource: &Resource,
    namespace: Option<&str>,
    selector: Option<&str>,
) -> Result<Vec<Value>, ApiError> {
    let mut objects = Vec::new();
    let mut next = String::new();
    loop {
        let operation = format!("list {}", resource.plural);
        let mut request =
            RequestBuilder::get(resource.collection(namespace), operation).query("limit", &PAGE.to_string());
        if let Some(selector) = selector {
            request = request.query("labelSelector", selector);
        }
        if !next.is_empty() {
            request = request.query("continue", &next);
        }
        let page: List = connection.send(request).await?.json()?;
        for mut object in page.items.unwrap_or_default() {
            tidy(&mut object, resource);
            objects.push(object);
        }
        if page.metadata.next.is_empty() {
            return Ok(objects);
        }
        next = page.metadata.next;
    }
}

fn tidy(object: &mut Value, resource: &Resource) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    if let Some(fields) = object.as_object_mut() {
        fields.entry("apiVersion").or_insert_with(|| resource.gvk.api_version().into());
        fields.entry("kind").or_insert_with(|| (*resource.gvk.group_kind.kind).into());
    }
}

/// What happens to one application, one state after the other.
pub(super) struct ApplicationWatch<'s> {
    session: &'s Session,
    key: ObjectKey,
    resource_version: String,
    stream: Option<(bridgehead_kubernetes::connect::ByteStream, Vec<u8>)>,
}

/// A state of an application.
#[derive(Debug)]
pub(super) enum Observed {
    /// It is like this.
    Present(StoredApplication),
    /// It is gone.
    Deleted,
}

#[derive(Deserialize)]
struct WatchEvent {
    r#type: String,
    object: Value,
}

impl<'s> ApplicationWatch<'s> {
    /// Everything that happens after `seen`.
    pub(super) fn after(session: &'s Session, key: &ObjectKey, seen: &StoredApplication) -> Self {
        Self { session, key: key.clone(), resource_version: seen.resource_version().to_owned(), stream: None }
    }

    /// The next state. Connections that end are opened again; a server that can't be reached is waited for.
    pub(super) async fn next(&mut self) -> Result<Observed, CliError> {
        loop {
            match self.next_event().await {
                Ok(Some(observed)) => return Ok(observed),
                Ok(None) => self.stream = None,
                Err(CliError::Api(error)) if matches!(error.kind, ApiErrorKind::Expired) => {
                    // What happened in between isn't told any more; what is now counts.
                    self.stream = None;
                    return match self.session.application(&self.key).await {
                        Ok(now) => {
                            now.resource_version().clone_into(&mut self.resource_version);
                            Ok(Observed::Present(now))
                        }
                        Err(CliError::NotFound { .. }) => Ok(Observed::Deleted),
                        Err(error) => Err(error),
                    };
                }
                Err(CliError::Api(error)) if error.is_transient() => {
                    self.stream = None;
                    tokio::time::sleep(REOPEN).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn next_event(&mut self) -> Result<Option<Observed>, CliError> {
        loop {
            let Some(line) = self.next_line().await? else { return Ok(None) };
            let event: WatchEvent = serde_json::from_slice(&line)
                .map_err(|error| CliError::content(format!("a watch event of {}", self.key), error))?;
            let mut object = event.object;
            if event.r#type == "ERROR" {
                let status: ApiStatus = serde_json::from_value(object).unwrap_or_default();
                return Err(ApiError::from_status(format!("watch {}", self.key), &status).into());
            }
            if let Some(version) = object.pointer("/metadata/resourceVersion").and_then(Value::as_str) {
                version.clone_into(&mut self.resource_version);
            }
            match event.r#type.as_str() {
                "ADDED" | "MODIFIED" => {
                    tidy(&mut object, &applications());
                    return Ok(Some(Observed::Present(StoredApplication::new(object)?)));
                }
                "DELETED" => return Ok(Some(Observed::Deleted)),
                _ => {}
            }
        }
    }

    async fn next_line(&mut self) -> Result<Option<Vec<u8>>, CliError> {
        let (stream, buffer) = if let Some(open) = &mut self.stream {
            open
        } else {
            let request = RequestBuilder::get(
                applications().collection(Some(self.key.namespace())),
                format!("watch {}", self.key),
            )
            .query("watch", "true")
            .query("allowWatchBookmarks", "true")
            .query("fieldSelector", &format!("metadata.name={}", self.key.name))
            .query("resourceVersion", &self.resource_version)
            .query("timeoutSeconds", &WATCH_SECONDS.to_string());
            let stream = self.session.connection.open(request).await?;
            self.stream.insert((stream, Vec::new()))
        };
        loop {
            if let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = buffer.drain(..=end).collect();
                line.pop();
                return Ok(Some(line));
            }
            match stream.next().await? {
                Some(piece) => buffer.extend_from_slice(&piece),
                None => return Ok(None),
            }
        }
    }
}
