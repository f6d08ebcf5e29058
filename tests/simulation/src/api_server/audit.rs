//! The API server's own record of writes: what invariants are checked against.

use std::fmt;
use std::sync::Arc;

use bridgehead_api::{ObjectKey, ResourceVersion, Uid};
use jiff::Timestamp;
use serde_json::Value;

use super::refusal::Refusal;

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Actor {
    /// The agent, in its n-th life.
    Agent(u32),
    /// One of the cluster's own controllers.
    Controller(&'static str),
    /// Somebody who edits objects by hand.
    Stranger,
    /// A user of Argo CD's resources.
    User,
    /// The scenario itself, before anything runs.
    Setup,
}

impl fmt::Display for Actor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Actor::Agent(life) => write!(formatter, "agent#{life}"),
            Actor::Controller(name) => formatter.write_str(name),
            Actor::Stranger => formatter.write_str("stranger"),
            Actor::User => formatter.write_str("user"),
            Actor::Setup => formatter.write_str("setup"),
        }
    }
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// GET of one object.
    Get,
    /// POST.
    Create,
    /// PUT.
    Update,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
    /// The object went, since its last finalizer did.
    Vanish,
}

/// One request that the API server has answered.
#[derive(Clone, Debug)]
pub struct Audited {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What.
    pub verb: Verb,
    /// Which object.
    pub key: ObjectKey,
    /// The object before.
    pub before: Option<Arc<Value>>,
    /// The object after; of a dry run, what it would be. None: it is gone.
    pub after: Option<Arc<Value>>,
    /// Nothing was kept.
    pub dry_run: bool,
    /// The UID that was asked for.
    pub uid_precondition: Option<Uid>,
    /// The resourceVersion that was asked for.
    pub version_precondition: Option<ResourceVersion>,
    /// Why nothing happened.
    pub refused: Option<Refusal>,
}

impl Audited {
    /// True if something is different now.
    pub fn has_changed_something(&self) -> bool {
        let same = match (&self.before, &self.after) {
            (Some(before), Some(after)) => Arc::ptr_eq(before, after),
            (None, None) => true,
            _ => false,
        };
        self.refused.is_none() && !self.dry_run && !same
    }

    /// True if it asked for a change, whatever came of it.
    pub fn is_write(&self) -> bool {
        !matches!(self.verb, Verb::Get | Verb::Vanish)
    }
}

impl fmt::Display for Audited {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, actor, verb, key, .. } = self;
        write!(formatter, "{at:.3} {actor:<12} {verb:?} {key}")?;
        if self.dry_run {
            formatter.write_str(" (dry run)")?;
        }
        match &self.refused {
            Some(refusal) => write!(formatter, " — refused: {:?}: {refusal}", refusal.reason),
            None if self.is_write() && !self.has_changed_something() => formatter.write_str(" — no change"),
            None => Ok(()),
        }
    }
}
