//! The control namespace's watches: into the registry, and from there what they ask for.

use std::collections::BTreeSet;

use bridgehead_api::ApplicationKey;
use bridgehead_kubernetes::cache::{Frame, FrameError, FrameKind};
use serde_json::Value;

use super::Controller;
use super::clusters::INTERRUPTION;
use super::registry::Demand;
use super::world::{ControlKind, World};

impl<W: World> Controller<W> {
    /// A watch over the control namespace does not go on.
    pub(super) fn control_failed(&self, kind: ControlKind, message: String) {
        let now = self.world.now();
        tracing::warn!(?kind, error = message, "a watch of the control namespace failed and is tried again");
        let mut unfollowed = self.unfollowed.borrow_mut();
        let since = unfollowed.get(&kind).map_or(now, |(_, since)| *since);
        unfollowed.insert(kind, (message, since));
    }

    /// A watch over the control namespace goes on. One that lists anew does once the list has come to its end:
    /// until then what is known may be as old as before.
    pub(super) fn control_resumed(&self, kind: ControlKind) {
        if self.state.borrow().listing.contains_key(&kind) {
            return;
        }
        let was_held = self.unfollowed().is_some();
        self.unfollowed.borrow_mut().remove(&kind);
        if was_held && self.unfollowed().is_none() {
            self.demand(Demand::Everything);
        }
    }

    /// Why nothing may be written by what is known of the control namespace: for a while now it has not been
    /// followed, so that a project may forbid what it allowed, and a Secret may name another cluster.
    pub(super) fn unfollowed(&self) -> Option<String> {
        let now = self.world.now();
        let unfollowed = self.unfollowed.borrow();
        let (kind, (message, since)) =
            unfollowed.iter().find(|(_, (_, since))| now.duration_since(*since) >= INTERRUPTION)?;
        let namespace = &self.settings.namespace;
        Some(format!("failed to watch {} in namespace {namespace} since {since}: {message}", kind.plural()))
    }

    /// Takes in one frame of a watch over the control namespace.
    pub(super) fn take_control(&self, kind: ControlKind, frame: &Frame) {
        self.take_control_frame(kind, frame);
        // What an ERROR says of the watch, the watch tells itself.
        if frame.kind() != FrameKind::Failed {
            self.control_resumed(kind);
        }
    }

    fn take_control_frame(&self, kind: ControlKind, frame: &Frame) {
        match frame.kind() {
            FrameKind::ListBegins => {
                self.state.borrow_mut().listing.insert(kind, BTreeSet::new());
            }
            FrameKind::Present => match frame.object() {
                Ok(object) => self.put_control(kind, &object),
                Err(error) => unreadable(kind, &error),
            },
            FrameKind::Deleted => match frame.object() {
                Ok(object) => self.remove_control(kind, name_of(&object)),
                Err(error) => unreadable(kind, &error),
            },
            FrameKind::ListEnds => self.control_list_ends(kind),
            FrameKind::Bookmark | FrameKind::Failed => {}
        }
    }

    pub(super) fn put_control(&self, kind: ControlKind, object: &Value) {
        let name = name_of(object);
        let demands = {
            let mut state = self.state.borrow_mut();
            if let Some(listing) = state.listing.get_mut(&kind) {
                listing.insert(name.to_owned());
            }
            let registry = &mut state.registry;
            match kind {
                ControlKind::Application => match registry.put_application(object) {
                    Ok(demand) => vec![demand],
                    Err(message) => {
                        tracing::error!(application = name, error = message, "an Application cannot be read");
                        Vec::new()
                    }
                },
                ControlKind::Project => vec![registry.put_project(object)],
                ControlKind::Secret => {
                    let demands = registry.put_secret(object);
                    if let Some(problem) = registry.problem(name) {
                        tracing::warn!(secret = name, problem, "a Secret cannot be used as it is");
                    }
                    demands
                }
                ControlKind::ConfigMap => vec![registry.put_config_map(object)],
            }
        };
        for demand in demands {
            self.demand(demand);
        }
    }

    fn remove_control(&self, kind: ControlKind, name: &str) {
        let demands = {
            let mut state = self.state.borrow_mut();
            let namespace = self.settings.namespace.clone();
            let registry = &mut state.registry;
            match kind {
                ControlKind::Application => {
                    vec![registry.remove_application(&ApplicationKey::new(namespace, name))]
                }
                ControlKind::Project => vec![registry.remove_project(name)],
                ControlKind::Secret => registry.remove_secret(name),
                ControlKind::ConfigMap => vec![registry.remove_config_map(name)],
            }
        };
        for demand in demands {
            self.demand(demand);
        }
    }

    /// What the list did not have went while nobody looked.
    fn control_list_ends(&self, kind: ControlKind) {
        let (gone, is_first): (Vec<String>, bool) = {
            let mut state = self.state.borrow_mut();
            let present = state.listing.remove(&kind).unwrap_or_default();
            let is_first = state.listed.insert(kind);
            let gone =
                state.registry.names(kind).into_iter().filter(|name| !present.contains(name)).collect();
            (gone, is_first)
        };
        if is_first && kind == ControlKind::Application {
            self.look_for_traces();
        }
        for name in gone {
            self.remove_control(kind, &name);
        }
    }
}

fn unreadable(kind: ControlKind, error: &FrameError) {
    tracing::warn!(?kind, %error, "failed to read an object of the control namespace");
}

fn name_of(object: &Value) -> &str {
    object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default()
}
