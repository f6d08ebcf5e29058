//! What one pass works with, and the ways in which it can end early.

use std::rc::Rc;
use std::sync::Arc;

use bridgehead_api::application::{ApplicationSource, ApplicationSpec, ConditionType};
use bridgehead_api::project::AppProject;
use bridgehead_api::secret::Cluster;
use bridgehead_api::{ApplicationKey, Namespace};
use bridgehead_engine::health::HealthRules;
use jiff::Timestamp;

use super::clusters::ClusterHandle;
use super::registry::Entry;

/// One application in one pass: what it says, and where it leads.
pub(super) struct Scope<C> {
    /// Its key.
    pub key: ApplicationKey,
    /// The object as read.
    pub entry: Rc<Entry>,
    /// The normalised specification.
    pub spec: ApplicationSpec,
    /// Its sources, one or several.
    pub sources: Vec<ApplicationSource>,
    /// Its project.
    pub project: Rc<AppProject>,
    /// Its cluster.
    pub cluster: Rc<ClusterHandle<C>>,
    /// Its cluster's entry.
    pub target: Arc<Cluster>,
    /// The name in tracking ids.
    pub instance: String,
    /// The namespace of objects that name none.
    pub namespace: Namespace,
    /// What the health of its objects depends on beside themselves.
    pub health: HealthRules,
}

/// Why a pass ends before it has a verdict.
#[derive(Clone, Debug)]
pub(super) enum Stop {
    /// Something that will announce itself is not there yet: a watch, an advertisement, a cluster's kinds.
    Wait,
    /// Nothing may be written before this time.
    Later(Timestamp),
    /// The application changed under the pass: make another at once.
    Again,
    /// A condition that people see.
    Problem(Problem),
}

/// What keeps an application from being compared.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    /// Type of the condition.
    pub condition: ConditionType,
    /// What is wrong and what to do.
    pub message: String,
    /// True if it may pass by itself, so that what was known stays known for now.
    pub may_pass: bool,
    /// When to look again, where nothing will announce that it is over.
    pub retry_at: Option<Timestamp>,
}

impl Problem {
    /// Something that only a change of the application, its project or its repository mends.
    pub(super) fn lasting(condition: ConditionType, message: impl Into<String>) -> Self {
        Self { condition, message: message.into(), may_pass: false, retry_at: None }
    }

    /// Something that may be over the next time.
    pub(super) fn passing(condition: ConditionType, message: impl Into<String>, retry_at: Timestamp) -> Self {
        Self { condition, message: message.into(), may_pass: true, retry_at: Some(retry_at) }
    }
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Stop::Problem(problem)
    }
}
