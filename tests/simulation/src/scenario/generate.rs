//! From a seed to a script.

use std::collections::BTreeMap;

use bridgehead::controller::world::ClusterId;
use bridgehead_api::annotations;
use jiff::SignedDuration;

use super::manifests::manifest;
use super::{ApplicationPlan, Automated, HookPlan, Mischief, ObjectPlan, Scenario, UserRequest};
use crate::faults::Rates;
use crate::git::{Folder, Tree};
use crate::random::Random;

/// Server URL of the second cluster.
pub const REMOTE: &str = "https://remote.example.com";

/// Names, paths and namespaces of applications.
const PLACES: [(&str, &str, &str); 4] = [
    ("shop", "apps/shop", "shop"),
    ("stock", "apps/stock", "stock"),
    ("search", "apps/search", "shop"),
    ("mail", "apps/mail", "mail"),
];

/// What every application has in Git, as plans.
type Plans = BTreeMap<&'static str, Vec<ObjectPlan>>;

/// The script of a seed.
pub fn generate(seed: u64) -> Scenario {
    let random = Random::new(seed, "scenario");
    let applications = applications(&random);
    let namespaces = if random.chance(500) { vec!["shop", "stock", "mail"] } else { vec!["shop"] };
    let commits = history(&random, &applications);
    let minutes = |low: i64, high: i64| SignedDuration::from_secs(random.between(low * 60, high * 60));
    let calm = minutes(12, 14);
    let crashes = (0..random.below(4)).map(|_| minutes(0, 12)).collect();
    let shutdowns = (0..random.below(2)).map(|_| minutes(0, 12)).collect();
    let mischief =
        (0..random.below(6)).filter_map(|_| Some((minutes(1, 11), *random.pick(MISCHIEF)?))).collect();
    let requests = (0..random.below(6))
        .filter_map(|_| Some((minutes(0, 11), random.below(applications.len()), *random.pick(REQUESTS)?)))
        .collect();
    let mut scenario = Scenario {
        seed,
        applications,
        namespaces,
        commits,
        rates: rates(&random),
        calm,
        crashes,
        shutdowns,
        crash_at: None,
        mischief,
        aimed: Vec::new(),
        forbidden: Vec::new(),
        requests,
    };
    keep_possible(&mut scenario);
    scenario
}

const MISCHIEF: &[Mischief] = &[
    Mischief::Edit,
    Mischief::Edit,
    Mischief::Decorate,
    Mischief::Untrack,
    Mischief::Delete,
    Mischief::Delete,
    Mischief::Replace,
    Mischief::Refuse,
];

const REQUESTS: &[UserRequest] = &[
    UserRequest::Refresh,
    UserRequest::HardRefresh,
    UserRequest::Sync,
    UserRequest::Sync,
    UserRequest::SyncOne,
    UserRequest::Terminate,
    UserRequest::TogglePolicy,
    UserRequest::Delete,
];

fn rates(random: &Random) -> Rates {
    // A third of the runs are free of faults: what goes wrong there is nobody else's fault.
    if random.chance(333) {
        return Rates::default();
    }
    let some =
        |most: i64| u32::try_from(if random.chance(500) { random.between(0, most) } else { 0 }).unwrap_or(0);
    Rates {
        lost_before: some(100),
        lost_after: some(100),
        throttled: some(60),
        conflict: some(100),
        slow: some(60),
        late_event: some(100),
        doubled_event: some(150),
        lost_event: some(40),
        compaction: some(40),
        git: some(150),
        crash_before: some(30),
        crash_after: some(30),
        outage: some(8),
    }
}

/// What would make the end depend on chance is taken out.
fn keep_possible(scenario: &mut Scenario) {
    // Only applications that nobody creates anew are deleted for good, and only with their finalizer: then
    // it is known what is left.
    let applications = &scenario.applications;
    scenario.requests.retain(|(_, number, request)| {
        let application = &applications[*number];
        *request != UserRequest::Delete
            || (!application.is_child && !application.is_root && application.finalizer.is_some())
    });
}

fn applications(random: &Random) -> Vec<ApplicationPlan> {
    let count = 1 + random.below(PLACES.len());
    let has_root = random.chance(300);
    let has_remote = random.chance(250);
    let mut applications: Vec<ApplicationPlan> = PLACES[..count]
        .iter()
        .map(|(name, path, namespace)| {
            let server = if has_remote && random.chance(400) { REMOTE } else { ClusterId::IN_CLUSTER };
            let automated = random
                .chance(750)
                .then(|| Automated { prune: random.chance(800), self_heal: random.chance(800) });
            let mut options = vec!["CreateNamespace=true"];
            for (option, chance) in [
                ("PruneLast=true", 150),
                ("ApplyOutOfSyncOnly=true", 200),
                ("ServerSideApply=true", 150),
                ("PrunePropagationPolicy=background", 250),
            ] {
                if random.chance(chance) {
                    options.push(option);
                }
            }
            ApplicationPlan {
                name,
                path,
                server,
                namespace,
                automated,
                options,
                retries: random.chance(600).then(|| random.between(0, 5)),
                finalizer: random
                    .chance(700)
                    .then(|| {
                        random
                            .pick(&[
                                annotations::RESOURCES_FINALIZER,
                                annotations::RESOURCES_FINALIZER_BACKGROUND,
                            ])
                            .copied()
                    })
                    .flatten(),
                is_child: has_root && random.chance(600),
                is_root: false,
                waits_for_applications: false,
            }
        })
        .collect();
    if has_root {
        applications.push(ApplicationPlan {
            name: "root",
            path: "root",
            server: ClusterId::IN_CLUSTER,
            namespace: crate::world::CONTROL_NAMESPACE,
            automated: Some(Automated { prune: true, self_heal: true }),
            options: Vec::new(),
            retries: None,
            finalizer: None,
            is_child: false,
            is_root: true,
            waits_for_applications: random.chance(500),
        });
    }
    applications
}

fn history(random: &Random, applications: &[ApplicationPlan]) -> Vec<(SignedDuration, Tree)> {
    let mut plans: Plans = applications
        .iter()
        .filter(|application| !application.is_root)
        .map(|application| (application.path, first(random, application)))
        .collect();
    let mut commits = vec![(SignedDuration::ZERO, tree(random, &plans, applications, true))];
    let count = random.below(5);
    let mut times: Vec<i64> = (0..count).map(|_| random.between(30, 600)).collect();
    times.sort_unstable();
    for seconds in times {
        let paths: Vec<&'static str> = plans.keys().copied().collect();
        for path in paths {
            if random.chance(600) {
                let application = applications.iter().find(|application| application.path == path);
                if let (Some(application), Some(objects)) = (application, plans.get_mut(path)) {
                    evolve(random, application, objects);
                }
            }
        }
        commits.push((SignedDuration::from_secs(seconds), tree(random, &plans, applications, false)));
    }
    // In the end everything can work.
    for object in plans.values_mut().flatten() {
        if object.behaviour == "fails" {
            object.behaviour = "works";
            object.version += 1;
        }
    }
    commits.push((SignedDuration::from_secs(660), tree(random, &plans, applications, true)));
    commits
}

fn tree(random: &Random, plans: &Plans, applications: &[ApplicationPlan], is_sound: bool) -> Tree {
    let broken =
        if is_sound || !random.chance(80) { None } else { random.pick(&["apps/shop", "root"]).copied() };
    let mut tree: Tree = plans
        .iter()
        .map(|(path, objects)| {
            let folder = match broken == Some(*path) {
                true => Folder::Broken,
                false => Folder::Manifests(objects.iter().map(manifest).collect()),
            };
            ((*path).to_owned(), folder)
        })
        .collect();
    if applications.iter().any(|application| application.is_root) {
        let children = applications.iter().filter(|application| application.is_child);
        let children = children.enumerate().map(|(number, child)| {
            let wave = i64::try_from(number).unwrap_or(0);
            manifest(&ObjectPlan {
                kind: "Application",
                name: child.name.to_owned(),
                wave,
                version: 1,
                behaviour: "works",
                options: Vec::new(),
                hook: None,
                is_slow_to_go: false,
                child: Some(Box::new(child.clone())),
            })
        });
        tree.insert("root".into(), Folder::Manifests(children.collect()));
    }
    tree
}

const KINDS: &[&str] = &[
    "ConfigMap",
    "ConfigMap",
    "ConfigMap",
    "Secret",
    "Deployment",
    "Deployment",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "Service",
    "PersistentVolumeClaim",
    "ServiceAccount",
    "Role",
    "ClusterRole",
    "Job",
];

fn first(random: &Random, application: &ApplicationPlan) -> Vec<ObjectPlan> {
    let mut objects: Vec<ObjectPlan> =
        (0..1 + random.below(7)).map(|number| object(random, application, number)).collect();
    objects.extend((0..random.below(3)).map(|number| hook(random, application, number)));
    if application.name == "shop" && random.chance(200) {
        objects.extend(widgets(random));
    }
    objects
}

fn wave(random: &Random) -> i64 {
    random.pick(&[-1, 0, 0, 0, 1, 2, 5]).copied().unwrap_or(0)
}

fn object(random: &Random, application: &ApplicationPlan, number: usize) -> ObjectPlan {
    let kind = random.pick(KINDS).copied().unwrap_or("ConfigMap");
    let behaviour = match kind {
        "Deployment" => random.pick(&["works", "works", "works", "slow", "late", "fails"]),
        "StatefulSet" | "DaemonSet" | "Job" => random.pick(&["works", "works", "slow"]),
        _ => None,
    };
    let mut options = Vec::new();
    if random.chance(60) {
        options.push("PruneLast=true");
    }
    // What is kept leaves its application out of sync, and so its root progressing for ever. And it stays as
    // it is: what fails would go on failing, whatever Git says in the end.
    if random.chance(40) && !application.is_child && behaviour != Some(&"fails") {
        options.push("Prune=false");
    }
    if kind == "Job" || kind == "PersistentVolumeClaim" {
        // Their content cannot be changed in place.
        options.extend(["Replace=true", "Force=true"]);
    }
    ObjectPlan {
        kind,
        name: format!("{}-{}-{number}", application.name, kind.to_lowercase()),
        wave: wave(random),
        version: 1,
        behaviour: behaviour.copied().unwrap_or("works"),
        options,
        hook: None,
        is_slow_to_go: random.chance(80),
        child: None,
    }
}

fn hook(random: &Random, application: &ApplicationPlan, number: usize) -> ObjectPlan {
    let kind = random.pick(&["Job", "Job", "Job", "Pod", "ConfigMap"]).copied().unwrap_or("Job");
    let types = random
        .pick(&[
            &["PreSync"][..],
            &["PreSync"],
            &["Sync"],
            &["PostSync"],
            &["PostSync"],
            &["SyncFail"],
            &["PreSync", "PostSync"],
            &["Sync", "SyncFail"],
        ])
        .map_or_else(Vec::new, |types| types.to_vec());
    let generates_name = random.chance(250);
    // A hook with a fixed name that is never cleared away stays what it was at first; Argo CD has it so.
    let mut policies: Vec<&'static str> = Vec::new();
    policies.extend(random.chance(500).then_some("HookSucceeded"));
    policies.extend(random.chance(400).then_some("HookFailed"));
    if !generates_name && (!policies.is_empty() || random.chance(300)) {
        policies.push("BeforeHookCreation");
    }
    let behaviours: &[&str] = match kind {
        "ConfigMap" => &["works"],
        // Each has a name of its own, and would be the first to have it.
        _ if generates_name => &["works", "works", "slow", "fails"],
        _ => &["works", "works", "works", "slow", "fails-once", "fails"],
    };
    ObjectPlan {
        kind,
        name: format!("{}-hook-{number}", application.name),
        wave: wave(random),
        version: 1,
        behaviour: random.pick(behaviours).copied().unwrap_or("works"),
        options: Vec::new(),
        hook: Some(HookPlan { types, policies, generates_name }),
        is_slow_to_go: false,
        child: None,
    }
}

/// A kind of its own, and an object of it, in one application.
fn widgets(random: &Random) -> Vec<ObjectPlan> {
    let plan = |kind: &'static str, name: &str, wave: i64| ObjectPlan {
        kind,
        name: name.to_owned(),
        wave,
        version: 1,
        behaviour: "works",
        options: vec!["SkipDryRunOnMissingResource=true"],
        hook: None,
        is_slow_to_go: false,
        child: None,
    };
    vec![
        plan("CustomResourceDefinition", "widgets.example.com", 0),
        plan("Widget", "shop-widget", wave(random)),
    ]
}

/// One commit's changes to one application.
fn evolve(random: &Random, application: &ApplicationPlan, objects: &mut Vec<ObjectPlan>) {
    for _ in 0..1 + random.below(3) {
        let position = random.below(objects.len());
        match random.below(6) {
            0 | 1 => {
                if let Some(object) = objects.get_mut(position) {
                    object.version += 1;
                    if object.behaviour == "fails" && random.chance(500) {
                        object.behaviour = "works";
                    }
                }
            }
            2 => {
                // Definitions stay: taking one away takes everybody's objects of its kind.
                if objects.get(position).is_some_and(|object| object.kind != "CustomResourceDefinition") {
                    objects.remove(position);
                }
            }
            3 => {
                if let Some(object) = objects.get_mut(position) {
                    object.wave = wave(random);
                }
            }
            4 => {
                let number = 100 + random.below(1000);
                if !objects.iter().any(|object| object.name.ends_with(&format!("-{number}"))) {
                    objects.push(object(random, application, number));
                }
            }
            _ => {
                let number = 100 + random.below(1000);
                if !objects.iter().any(|object| object.name.ends_with(&format!("-{number}"))) {
                    objects.push(hook(random, application, number));
                }
            }
        }
    }
}
