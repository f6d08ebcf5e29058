//! DELETE, and what follows from it.

use bridgehead_api::application::PropagationPolicy;
use bridgehead_api::{GroupVersionKind, ObjectKey, ResourceVersion, Uid};
use serde_json::{Value, json};

use super::audit::{Actor, Audited, Verb};
use super::object::{self, metadata, text};
use super::refusal::{Reason, Refusal};
use super::watch::Change;
use super::{Answer, ApiServer};

/// Finalizer of an object whose dependants go first.
pub const FOREGROUND: &str = "foregroundDeletion";
/// Finalizer of an object whose dependants stay.
pub const ORPHAN: &str = "orphan";

impl ApiServer {
    pub(super) fn delete(
        &mut self,
        entry: &mut Audited,
        kind: &GroupVersionKind,
        key: &ObjectKey,
        uid: Option<&Uid>,
        resource_version: Option<&ResourceVersion>,
        propagation: PropagationPolicy,
    ) -> Answer {
        let kind = self.served(kind)?;
        let old = self.existing(key)?;
        let expected = uid.is_none_or(|uid| uid.as_str() == text(&old, "/metadata/uid"))
            && resource_version
                .is_none_or(|version| version.as_str() == text(&old, "/metadata/resourceVersion"));
        if !expected {
            let message = format!(
                "Operation cannot be fulfilled on {} \"{}\": the UID or ResourceVersion in the precondition does not match",
                self.plural(&key.group_kind),
                key.name
            );
            return Err(Refusal::new(Reason::Conflict, message));
        }
        entry.before = Some(std::sync::Arc::clone(&old));
        let mut new = Value::clone(&old);
        let mut finalizers: Vec<String> = object::finalizers(&new).into_iter().map(str::to_owned).collect();
        let extra = match propagation {
            PropagationPolicy::Foreground => Some(FOREGROUND),
            PropagationPolicy::Orphan => Some(ORPHAN),
            PropagationPolicy::Background => None,
        };
        if let Some(extra) = extra.filter(|extra| !finalizers.iter().any(|held| held == extra)) {
            finalizers.push(extra.to_owned());
        }
        let is_namespace = key.group_kind.is("", "Namespace");
        let is_pod = key.group_kind.is("", "Pod");
        let is_definition = kind.gvk.group_kind.is("apiextensions.k8s.io", "CustomResourceDefinition");
        if finalizers.is_empty() && !is_namespace && !is_pod && !is_definition {
            return self.drop_object(&new, false);
        }
        if !object::is_terminating(&new) {
            let at = format!("{:.0}", self.now);
            let grace = if is_pod { 30 } else { 0 };
            metadata(&mut new).insert("deletionTimestamp".into(), at.into());
            metadata(&mut new).insert("deletionGracePeriodSeconds".into(), grace.into());
            if kind.has_generation {
                let generation = object::number(&new, "/metadata/generation") + 1;
                metadata(&mut new).insert("generation".into(), generation.into());
            }
        }
        object::set_finalizers(&mut new, finalizers);
        if is_namespace {
            object::section(&mut new, &["status"]).insert("phase".into(), "Terminating".into());
        }
        if new == *old {
            return Ok(Some(old));
        }
        self.keep(Change::Modified, &kind, new, false)
    }

    /// What a node does with a pod whose grace period is over, and the namespace controller with an empty
    /// namespace.
    pub fn vanish(&mut self, actor: Actor, key: &ObjectKey) {
        let Some(old) = self.get(key).cloned() else { return };
        let mut entry = Audited {
            at: self.now,
            actor,
            verb: Verb::Vanish,
            key: key.clone(),
            before: Some(std::sync::Arc::clone(&old)),
            after: None,
            dry_run: false,
            uid_precondition: None,
            version_precondition: None,
            refused: None,
        };
        if object::finalizers(&old).is_empty() {
            entry.after = self.drop_object(&old, false).unwrap_or(None);
        } else {
            let mut new = Value::clone(&old);
            metadata(&mut new).insert("deletionGracePeriodSeconds".into(), json!(0));
            let Some(kind) = self.kind(&key.group_kind).cloned() else { return };
            entry.after = self.keep(Change::Modified, &kind, new, false).unwrap_or(None);
        }
        self.audit.push(entry);
    }
}
