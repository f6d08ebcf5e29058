//! One object in a cluster: created, read, changed and deleted.

use std::time::Duration;

use bridgehead_api::{ObjectKey, Uid};
use bridgehead_engine::manifest::Manifest;
use bridgehead_kubernetes::connect::RequestBuilder;
use bridgehead_kubernetes::waits::{self, Verdict};
use bridgehead_kubernetes::write::{
    self, ApplyOptions, DeleteOptions, Deletion, FieldValidation, Patch, Propagation, WriteOptions,
};
use bridgehead_kubernetes::{ApiError, ApiErrorKind, Connection, Resource};
use serde_json::{Map, Value, json};
use tfplug::prelude::*;
use tokio::time::Instant;

use super::ownership::{is_handed_over, withheld, without_handed_over};
use super::{FIELD_MANAGER, Kind, Owner, owner};
use crate::connection::{Clients, cluster_named_by, connection};

/// A server that has just come up may refuse for a while; one that is not there at all must not take minutes.
const UNREACHABLE: Duration = Duration::from_secs(30);
/// Between two tries where nothing can be watched: the server's own caches catch up.
const PAUSE: Duration = Duration::from_millis(250);

/// One object in a cluster.
pub(crate) struct Target<'c> {
    pub(super) context: &'c Context<Clients>,
    /// The connection to its cluster.
    pub(crate) connection: Connection,
    pub(super) kind: Kind,
    pub(super) key: ObjectKey,
    /// Which cluster, as [`super::Slots`] tells them apart.
    pub(super) cluster: String,
}

/// What a write found.
pub(crate) enum Found {
    /// The object as written.
    Written(Value),
    /// Git declares the object now: nothing was written.
    LeftTo,
}

impl<'c> Target<'c> {
    /// The object of this kind and name, in the resource's own cluster or the provider's.
    pub(crate) async fn new(
        context: &'c Context<Clients>,
        own: Option<&crate::connection::OwnKubernetes>,
        kind: Kind,
        namespace: &str,
        name: &str,
    ) -> Result<Self, Diagnostics> {
        let connection = connection(context, own).await?;
        Ok(Self { context, connection, kind, key: kind.key(namespace, name), cluster: cluster_named_by(own) })
    }

    /// The object as it is, with its managedFields.
    pub(crate) async fn read(&self) -> Result<Option<Value>, ApiError> {
        read_raw(&self.connection, &self.kind.resource(), &self.key).await
    }

    /// Creates the object, as soon as its kind is served and its namespace is there. One that somebody else
    /// created is not touched.
    pub(crate) async fn create(&self, manifest: &Value, within: Duration) -> Result<Value, Diagnostics> {
        let deadline = Instant::now() + within;
        let give_up = (Instant::now() + UNREACHABLE).min(deadline);
        let mut sent = false;
        loop {
            let error = match self.try_create(manifest, &mut sent).await {
                Ok(Some(live)) => return Ok(live),
                Ok(None) => return Err(self.exists_already()),
                Err(error) => error,
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(error.into());
            }
            match &error.kind {
                ApiErrorKind::KindNotServed | ApiErrorKind::NamespaceNotFound | ApiErrorKind::NotFound => {
                    self.context.interruptible(self.wait_for_place(left)).await??;
                    self.context.interruptible(tokio::time::sleep(PAUSE)).await?;
                }
                ApiErrorKind::NamespaceTerminating => {
                    self.context.interruptible(tokio::time::sleep(PAUSE * 4)).await?;
                }
                _ if error.is_transient() && Instant::now() < give_up => {
                    self.context.interruptible(tokio::time::sleep(PAUSE * 2)).await?;
                }
                _ => return Err(Self::refused(error)),
            }
        }
    }

    /// `None` if there is an object of somebody else.
    async fn try_create(&self, manifest: &Value, sent: &mut bool) -> Result<Option<Value>, ApiError> {
        if let Some(live) = self.read().await? {
            // An earlier request whose answer was lost.
            return Ok((*sent && is_ours(&live)).then_some(live));
        }
        *sent = true;
        self.apply(manifest).await.map(Some)
    }

    fn exists_already(&self) -> Diagnostics {
        Diagnostic::error(format!("{} exists already", self.key))
            .detail(format!(
                "It was not created by this configuration, and it is not overwritten. To manage it here, import \
                 it as `{}/{}`.",
                self.key.namespace(),
                self.key.name
            ))
            .at("name")
            .into()
    }

    /// Changes the object that was read, whose UID this is. What others added to `prune` is removed; what has
    /// been handed over stays.
    pub(crate) async fn update(
        &self,
        mut manifest: Value,
        uid: Option<&str>,
        declared: impl Fn(&str) -> bool,
        prune: Prune<'_>,
    ) -> Result<Found, Diagnostics> {
        let Some(live) = self.read().await? else { return Err(self.gone()) };
        let found = text(&live, "/metadata/uid");
        if uid.is_some_and(|uid| uid != found) {
            return Err(self.gone());
        }
        let theirs = match owner(&live, declared) {
            Owner::Git(application) => {
                self.context.warn(left_to(&self.key, &application, "nothing was changed"));
                return Ok(Found::LeftTo);
            }
            Owner::Terraform(handed_over) => handed_over,
        };
        let wanted = manifest.clone();
        if let Some(handed_over) = &theirs {
            self.tell_of(&withheld(&manifest, &live, handed_over));
            without_handed_over(&mut manifest, handed_over);
        }
        // Without it an apply would make an object that is gone anew, and not as it was planned.
        manifest["metadata"]["uid"] = json!(found);
        let live = match self.apply(&manifest).await {
            Ok(live) => live,
            Err(error) => return Err(self.refused_or_gone(error, found).await),
        };
        let extra = match prune {
            Prune::Spec => {
                extra(&wanted["spec"], &live["spec"], theirs.as_ref().map(|fields| &fields["f:spec"]))
                    .map(|extra| json!({"spec": extra}))
            }
            Prune::Entries(names) => {
                let names = names.iter().filter(|name| !is_handed_over(theirs.as_ref(), &["data", name]));
                entries(names, &wanted["data"], &live["data"])
            }
        };
        let Some(mut extra) = extra else { return Ok(Found::Written(live)) };
        extra["metadata"] = json!({"uid": found});
        match self.patch(&Patch::Merge(extra)).await {
            Ok(written) => Ok(Found::Written(written)),
            Err(error) => Err(self.refused_or_gone(error, found).await),
        }
    }

    /// Warns of what is declared here and not written.
    fn tell_of(&self, withheld: &[String]) {
        if withheld.is_empty() {
            return;
        }
        self.context.warn(
            Diagnostic::warning(format!("{} is not all as it is declared here", self.key)).detail(format!(
                "Another manager declares these entries with other values, and they were left to it:\n- {}\n\nTake \
                 them out of this configuration, or have that manager give them up: then they are written again.",
                withheld.join("\n- ")
            )),
        );
    }

    /// What to tell of a write that failed, of the object with this UID.
    async fn refused_or_gone(&self, error: ApiError, uid: &str) -> Diagnostics {
        if matches!(error.kind, ApiErrorKind::Conflict { .. } | ApiErrorKind::NotFound)
            && let Ok(live) = self.read().await
            && live.is_none_or(|live| text(&live, "/metadata/uid") != uid)
        {
            return self.gone();
        }
        Self::refused(error)
    }

    fn gone(&self) -> Diagnostics {
        Diagnostic::error(format!("{} is gone", self.key))
            .detail(
                "Somebody has deleted it since it was planned, and perhaps made another of the same name. Nothing \
                 was written: plan again.",
            )
            .into()
    }

    async fn apply(&self, manifest: &Value) -> Result<Value, ApiError> {
        let options = ApplyOptions::forced(FieldValidation::Strict).managed_by(FIELD_MANAGER);
        let manifest = Manifest::new(manifest.clone());
        let live =
            write::apply(&self.connection, &self.kind.resource(), &self.key, &manifest, &options).await?;
        Ok(live.manifest.value().clone())
    }

    /// Changes a part of the object.
    pub(crate) async fn patch(&self, change: &Patch) -> Result<Value, ApiError> {
        let options = WriteOptions { field_manager: FIELD_MANAGER.to_owned(), ..WriteOptions::default() };
        let live = write::patch(&self.connection, &self.kind.resource(), &self.key, change, &options).await?;
        Ok(live.manifest.value().clone())
    }

    fn refused(error: ApiError) -> Diagnostics {
        let hint = match &error.kind {
            ApiErrorKind::Forbidden => {
                "Whoever asks may not do this: see the `kubernetes` block of the provider."
            }
            ApiErrorKind::Unauthorized => {
                "The API server doesn't accept the credentials of the `kubernetes` block."
            }
            _ => "",
        };
        let mut problems = Diagnostics::from(error);
        if !hint.is_empty() {
            for problem in &mut problems {
                hint.clone_into(&mut problem.detail);
            }
        }
        problems
    }

    /// Deletes the object that was read, and waits until it is gone. `progress` says what else is to be told
    /// if it doesn't go.
    pub(crate) async fn delete(
        &self,
        live: &Value,
        within: Duration,
        progress: impl Fn(&Value) -> String,
    ) -> Result<(), Diagnostics> {
        let uid: Uid = text(live, "/metadata/uid").into();
        let resource = self.kind.resource();
        let options = DeleteOptions {
            propagation: Propagation::Background,
            uid: Some(uid.clone()),
            ..DeleteOptions::default()
        };
        match write::begin_deletion(&self.connection, &resource, &self.key, &options).await {
            Ok(Deletion::Absent | Deletion::Gone) => return Ok(()),
            Ok(Deletion::Going(_)) => {}
            // Another object of the same name: ours is gone.
            Err(error) if matches!(error.kind, ApiErrorKind::Conflict { .. }) => return Ok(()),
            Err(error) => return Err(Self::refused(error)),
        }
        let what = format!("{} to be gone", self.key);
        let wait = waits::wait_for(&self.connection, &resource, &self.key, within, what, |live| {
            let Some(live) = live.filter(|live| live.uid == uid) else { return Verdict::Done(()) };
            let finalizers: Vec<&str> = live.finalizers().collect();
            let more = progress(live.manifest.value());
            Verdict::NotYet(format!("it is being deleted and waits for {}{more}", finalizers.join(", ")))
        });
        self.context.interruptible(wait).await?.map_err(|error| {
            Diagnostic::error(format!("{} is not gone", self.key)).detail(format!(
                "{error}.\n\nA finalizer is served by the agent: it has to run, and to reach the clusters that the \
                 application deploys to. The next destroy waits again; nothing is taken off by force."
            ))
        })?;
        Ok(())
    }
}

/// What of an object is removed where nobody declares it.
#[derive(Clone, Copy)]
pub(crate) enum Prune<'a> {
    /// Fields of `spec`.
    Spec,
    /// These entries of `data`.
    Entries(&'a [&'a str]),
}

/// The warning for an object that is Git's now.
pub(crate) fn left_to(key: &ObjectKey, application: &str, so: &str) -> Diagnostic {
    Diagnostic::warning(format!("{key} is declared in Git: {so}")).detail(format!(
        "Application `{application}` manages it now. Change it there; here a `removed` block takes it out of this \
         configuration."
    ))
}

/// A merge patch that removes what is live and not wanted, save what is `theirs`.
fn extra(wanted: &Value, live: &Value, theirs: Option<&Value>) -> Option<Value> {
    let live = live.as_object()?;
    let mut patch = Map::new();
    for (name, value) in live {
        let below = theirs.and_then(|fields| fields.get(format!("f:{name}")));
        let wanted = wanted.get(name);
        if below
            .is_some_and(|below| below.as_object().is_some_and(|fields| fields.keys().all(|key| key == ".")))
        {
            continue;
        }
        match wanted {
            None if below.is_none() => {
                patch.insert(name.clone(), Value::Null);
            }
            Some(wanted) if value.is_object() => {
                if let Some(inner) = extra(wanted, value, below) {
                    patch.insert(name.clone(), inner);
                }
            }
            _ => {}
        }
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

fn entries<'n>(names: impl Iterator<Item = &'n &'n str>, wanted: &Value, live: &Value) -> Option<Value> {
    let surplus = names.filter(|name| wanted.get(**name).is_none() && live.get(**name).is_some());
    let patch: Map<String, Value> = surplus.map(|name| ((*name).to_owned(), Value::Null)).collect();
    (!patch.is_empty()).then(|| json!({"data": patch}))
}

/// Whether Terraform has written the object before.
pub(crate) fn is_ours(live: &Value) -> bool {
    let entries = live.pointer("/metadata/managedFields").and_then(Value::as_array);
    entries.into_iter().flatten().any(|entry| entry["manager"] == FIELD_MANAGER)
}

/// Reads an object with its managedFields. One whose kind is not served, or whose namespace is not there, is
/// not there.
pub(crate) async fn read_raw(
    connection: &Connection,
    resource: &Resource,
    key: &ObjectKey,
) -> Result<Option<Value>, ApiError> {
    match connection.send(RequestBuilder::get(resource.path_of(key), format!("read {key}"))).await {
        Ok(answer) => Ok(Some(answer.json()?)),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether an error says that there is nothing of the sort.
pub(crate) fn is_absence(error: &ApiError) -> bool {
    matches!(
        error.kind,
        ApiErrorKind::NotFound | ApiErrorKind::KindNotServed | ApiErrorKind::NamespaceNotFound
    )
}

/// The text at a JSON pointer; empty if there is none.
pub(crate) fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_declares_is_removed_and_what_is_handed_over_stays() {
        let wanted = json!({"project": "a", "source": {"path": "x"}});
        let live = json!({"project": "a", "source": {"path": "x", "chart": "y"}, "info": [1], "sources": []});
        let theirs = json!({"f:info": {}});
        assert_eq!(
            extra(&wanted, &live, Some(&theirs)),
            Some(json!({"source": {"chart": null}, "sources": null}))
        );
        assert_eq!(extra(&wanted, &wanted, None), None);
    }
}
