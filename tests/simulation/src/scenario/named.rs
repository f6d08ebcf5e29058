//! Scripts that are written by hand: one application in one namespace, and everything as calm as it can be.

use bridgehead::controller::world::ClusterId;
use bridgehead_api::annotations;
use jiff::SignedDuration;

use super::manifests::manifest;
use super::{ApplicationPlan, Automated, HookPlan, ObjectPlan, Scenario};
use crate::faults::{CrashAt, Rates};
use crate::git::{Folder, Tree};

/// An object that works.
pub fn object(kind: &'static str, name: &str, wave: i64) -> ObjectPlan {
    ObjectPlan {
        kind,
        name: name.to_owned(),
        wave,
        version: 1,
        behaviour: "works",
        options: Vec::new(),
        hook: None,
        is_slow_to_go: false,
        child: None,
    }
}

/// A Job as a hook.
pub fn hook(
    name: &str,
    types: &[&'static str],
    policies: &[&'static str],
    generates_name: bool,
) -> ObjectPlan {
    let hook = HookPlan { types: types.to_vec(), policies: policies.to_vec(), generates_name };
    ObjectPlan { hook: Some(hook), ..object("Job", name, 0) }
}

/// The application's folder.
pub fn tree(objects: &[ObjectPlan]) -> Tree {
    Tree::from([("apps/shop".to_owned(), Folder::Manifests(objects.iter().map(manifest).collect()))])
}

/// An application with hooks of every kind and three waves; its second commit changes, adds and prunes in
/// all of them, and its first try fails.
pub fn hooked(crash_at: Option<CrashAt>) -> Scenario {
    let hooks = [
        hook("before", &["PreSync"], &[], false),
        hook("between", &["Sync"], &["HookSucceeded"], true),
        hook("after", &["PostSync"], &["BeforeHookCreation", "HookSucceeded"], false),
        hook("both", &["PreSync", "PostSync"], &["BeforeHookCreation"], false),
        hook("failed", &["SyncFail"], &["HookSucceeded"], true),
    ];
    let first = [
        object("ConfigMap", "settings", -1),
        object("Deployment", "web", 0),
        object("ConfigMap", "old", 0),
        object("Deployment", "older", 1),
        ObjectPlan { is_slow_to_go: true, ..object("ConfigMap", "oldest", 2) },
    ];
    let second = [
        ObjectPlan { version: 2, ..object("ConfigMap", "settings", -1) },
        ObjectPlan { version: 2, ..object("Deployment", "web", 0) },
        object("Service", "new", 1),
        ObjectPlan {
            behaviour: "fails-once",
            ..hook("flaky", &["PostSync"], &["BeforeHookCreation"], false)
        },
    ];
    let commits = vec![
        (SignedDuration::ZERO, tree(&[&hooks[..], &first[..]].concat())),
        (SignedDuration::from_secs(120), tree(&[&hooks[..], &second[..]].concat())),
    ];
    Scenario { commits, crash_at, ..shop(&[]) }
}

/// One application, synced by itself, with these objects; all is calm after five minutes.
pub fn shop(objects: &[ObjectPlan]) -> Scenario {
    Scenario {
        seed: 1,
        applications: vec![ApplicationPlan {
            name: "shop",
            path: "apps/shop",
            server: ClusterId::IN_CLUSTER,
            namespace: "shop",
            automated: Some(Automated { prune: true, self_heal: true }),
            options: vec!["CreateNamespace=true"],
            retries: Some(2),
            finalizer: Some(annotations::RESOURCES_FINALIZER),
            is_child: false,
            is_root: false,
            waits_for_applications: false,
        }],
        namespaces: Vec::new(),
        commits: vec![(SignedDuration::ZERO, tree(objects))],
        rates: Rates::default(),
        calm: SignedDuration::from_secs(300),
        crashes: Vec::new(),
        shutdowns: Vec::new(),
        crash_at: None,
        mischief: Vec::new(),
        aimed: Vec::new(),
        forbidden: Vec::new(),
        requests: Vec::new(),
    }
}
