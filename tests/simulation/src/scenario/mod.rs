//! What one run is about: applications, their history in Git, and everybody else's doings. A seed decides.

mod generate;
pub mod manifests;
pub mod named;

use jiff::SignedDuration;

use crate::faults::{CrashAt, Rates};
use crate::git::Tree;

pub use generate::{REMOTE, generate};

/// The repository of all applications.
pub const REPOSITORY: &str = "https://git.example.com/shop.git";

/// One run's script. Times count from its start.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What decided everything.
    pub seed: u64,
    /// The applications, children of a root among them.
    pub applications: Vec<ApplicationPlan>,
    /// Namespaces that are there from the start.
    pub namespaces: Vec<&'static str>,
    /// The branch's history.
    pub commits: Vec<(SignedDuration, Tree)>,
    /// What goes wrong.
    pub rates: Rates,
    /// From then on nothing goes wrong, and nobody does anything but the agent.
    pub calm: SignedDuration,
    /// When the agent is killed, whatever it does then.
    pub crashes: Vec<SignedDuration>,
    /// When the agent is asked to end.
    pub shutdowns: Vec<SignedDuration>,
    /// A crash at one particular write.
    pub crash_at: Option<CrashAt>,
    /// What strangers do to objects.
    pub mischief: Vec<(SignedDuration, Mischief)>,
    /// What strangers do to the first object whose name begins like this.
    pub aimed: Vec<(SignedDuration, Mischief, &'static str)>,
    /// Kinds in namespaces that the project forbids from then on.
    pub forbidden: Vec<(SignedDuration, Vec<&'static str>)>,
    /// What users do to Applications, by their number.
    pub requests: Vec<(SignedDuration, usize, UserRequest)>,
}

/// One application.
#[derive(Clone, Debug)]
pub struct ApplicationPlan {
    /// Name.
    pub name: &'static str,
    /// Path in the repository.
    pub path: &'static str,
    /// Server URL of its cluster.
    pub server: &'static str,
    /// Namespace of its objects.
    pub namespace: &'static str,
    /// Automated sync.
    pub automated: Option<Automated>,
    /// Sync options.
    pub options: Vec<&'static str>,
    /// Limit of retries.
    pub retries: Option<i64>,
    /// Finalizer.
    pub finalizer: Option<&'static str>,
    /// True if it is created by the root application instead of by its user.
    pub is_child: bool,
    /// True for an application whose objects are Applications.
    pub is_root: bool,
    /// True for a root whose waves wait for those Applications.
    pub waits_for_applications: bool,
}

/// Automated sync's choices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Automated {
    /// Delete what Git no longer has.
    pub prune: bool,
    /// Undo what others change.
    pub self_heal: bool,
}

/// One object in Git.
#[derive(Clone, Debug)]
pub struct ObjectPlan {
    /// Kind.
    pub kind: &'static str,
    /// Name, or the prefix of it.
    pub name: String,
    /// Wave.
    pub wave: i64,
    /// Counts changes of its content.
    pub version: u32,
    /// How it ends up.
    pub behaviour: &'static str,
    /// Sync options of its own.
    pub options: Vec<&'static str>,
    /// Set for hooks.
    pub hook: Option<HookPlan>,
    /// Somebody's finalizer keeps it for a while when it is deleted.
    pub is_slow_to_go: bool,
    /// Set for an Application of an app-of-apps.
    pub child: Option<Box<ApplicationPlan>>,
}

/// A hook.
#[derive(Clone, Debug)]
pub struct HookPlan {
    /// Types.
    pub types: Vec<&'static str>,
    /// Delete policies.
    pub policies: Vec<&'static str>,
    /// True if it has only the prefix of a name.
    pub generates_name: bool,
}

/// What a stranger does to an object of an application, chosen when the time comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mischief {
    /// Changes what Git says.
    Edit,
    /// Adds what Git says nothing about.
    Decorate,
    /// Takes the tracking id off.
    Untrack,
    /// Deletes it.
    Delete,
    /// Deletes it and creates it anew, without a tracking id.
    Replace,
    /// Lets a webhook refuse it for a while.
    Refuse,
}

/// What a user does to an Application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserRequest {
    /// Asks for a refresh.
    Refresh,
    /// Asks for a hard refresh.
    HardRefresh,
    /// Asks for a sync with prune.
    Sync,
    /// Asks for a sync of one object.
    SyncOne,
    /// Terminates the running operation.
    Terminate,
    /// Switches self-heal off and on again.
    TogglePolicy,
    /// Deletes the application, for good.
    Delete,
}
