//! The agent dies at random moments, and comes back.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Result, ensure};
use bridgehead_e2e::manifests::{DELETE_POLICY, HOOK, WAVE, config_map, config_map_with, deployment, job};
use bridgehead_e2e::{Random, Recorder, Stage, automated};
use bridgehead_test_harness::agent::{dynamic, kind};
use bridgehead_test_harness::git::Repository;
use bridgehead_test_harness::test_cluster;
use serde_json::json;

const APPLICATIONS: [&str; 4] = ["crash-a", "crash-b", "crash-c", "crash-d"];
/// Objects of every application that come and go with commits.
const OPTIONAL: u64 = 3;
const ATTEMPT: &str = "bridgehead.dev/hook-attempt";
const HOOK_FINALIZER: &str = "argocd.argoproj.io/hook-finalizer";

#[tokio::test]
async fn an_agent_that_is_killed_at_any_moment_runs_hooks_once_and_deletes_nothing_wanted() -> Result<()> {
    let crashes: u64 =
        std::env::var("BRIDGEHEAD_CRASHES").ok().and_then(|count| count.parse().ok()).unwrap_or(20);
    let mut random = Random::from_environment();
    // No Lease: one agent at a time runs anyway, and a dead one's would be waited for.
    let arguments = ["--poll-interval", "1s", "--poll-jitter", "0s", "--leader-elect=false"];
    let mut stage = Stage::start(test_cluster(), "crash", &arguments).await?;
    let mut world = World::new(&stage)?;
    let mut commit = world.commit(&mut random)?;
    for name in APPLICATIONS {
        stage.application(name, automated(world.repository.url(), name, name)).await?;
    }
    for name in APPLICATIONS {
        stage.wait_synced(name, &commit).await?;
        stage.apply(foreign(name, "foreign", None)).await?;
        // Another application's, wherever that lives.
        let owner = format!("somebody-else:/ConfigMap:{name}/tracked");
        stage.apply(foreign(name, "tracked", Some(&owner))).await?;
    }
    let recorders = Recorders::start(&stage).await?;
    let before = world.permanent(&stage).await?;
    let mark = stage.mark()?;

    let mut interrupted = 0;
    for crash in 0..crashes {
        commit = world.commit(&mut random)?;
        let since = stage.mark()?;
        let writes = usize::try_from(random.below(24))?;
        let settle = Duration::from_millis(random.below(30));
        // After that many writes, or when there is nothing left to write.
        loop {
            stage.agent.process.must_run()?;
            if stage.writes_since(since)?.len() >= writes || world.is_synced(&stage, &commit).await? {
                break;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        // Where between two writes it dies is for chance to say.
        tokio::time::sleep(settle).await;
        stage.agent.process.kill()?;
        interrupted += u64::from(!world.is_synced(&stage, &commit).await?);
        stage.restart().await?;
        recorders.check(crash)?;
    }
    for name in APPLICATIONS {
        let ended = |status: &serde_json::Value| {
            status["sync"]["status"] == "Synced"
                && status["sync"]["revision"] == commit
                && status["health"]["status"] == "Healthy"
                && !matches!(status["operationState"]["phase"].as_str(), Some("Running" | "Terminating"))
        };
        let status = stage.wait_status(name, "Synced, Healthy and at rest", ended).await?;
        ensure!(status["operationState"]["phase"] == "Succeeded", "{name}: {}", status["operationState"]);
    }
    recorders.check(crashes)?;
    ensure!(crashes == 0 || interrupted > 0, "no crash came while there was anything to do");
    assert_eq!(before, world.permanent(&stage).await?, "an object that Git always wanted is another one");
    world.check_optional(&stage, &recorders).await?;
    let foreign: Vec<String> = stage
        .writes_since(mark)?
        .into_iter()
        .filter(|request| request.name == "foreign" || request.name == "tracked")
        .map(|request| request.summary())
        .collect();
    assert!(foreign.is_empty(), "objects of others were written: {foreign:?}");
    for name in APPLICATIONS {
        for hook in stage.objects("batch", "v1", "Job", name).list(&kube::api::ListParams::default()).await? {
            let finalizers = hook.metadata.finalizers.clone().unwrap_or_default();
            ensure!(
                !finalizers.iter().any(|held| held == HOOK_FINALIZER),
                "{name}: hook {:?} still has its finalizer",
                hook.metadata.name
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_deletion_that_is_interrupted_goes_on_and_spares_what_is_not_the_applications() -> Result<()> {
    let mut random = Random::from_environment();
    let arguments = ["--poll-interval", "1s", "--poll-jitter", "0s", "--leader-elect=false"];
    let mut stage = Stage::start(test_cluster(), "crash-deletion", &arguments).await?;
    let (name, namespace) = ("crash-deletion-app", "crash-deletion-app");
    let mut repository = stage.git.create("deletion")?;
    repository.write("app/web.yaml", deployment("web", "", &[(WAVE, "1")]))?;
    for number in 0..6 {
        let wave = (number % 3).to_string();
        let object = config_map_with(&format!("object-{number}"), "1", &[(WAVE, &wave)]);
        repository.write(&format!("app/{number}.yaml"), object)?;
    }
    let commit = repository.commit("three waves")?;
    for round in 0..4 {
        stage.application(name, automated(repository.url(), "app", namespace)).await?;
        stage.wait_synced(name, &commit).await?;
        stage.apply(foreign(namespace, "foreign", None)).await?;
        stage
            .apply(foreign(namespace, "tracked", Some("other:/ConfigMap:crash-deletion-app/tracked")))
            .await?;
        let finalizer = json!({"metadata": {"finalizers": ["resources-finalizer.argocd.argoproj.io"]}});
        stage.change(name, finalizer).await?;
        let since = stage.mark()?;
        let applications = stage.objects("argoproj.io", "v1alpha1", "Application", &stage.namespace);
        applications.delete(name, &kube::api::DeleteParams::default()).await?;
        let deletions = usize::try_from(random.below(7))?;
        while stage.writes_since(since)?.iter().filter(|request| request.verb == "delete").count() < deletions
        {
            stage.agent.process.must_run()?;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        stage.restart().await?;
        stage.wait_there(&applications, name, false).await?;
        let left: BTreeSet<String> = stage
            .config_maps(namespace)
            .list(&kube::api::ListParams::default())
            .await?
            .into_iter()
            .filter_map(|object| object.metadata.name)
            .filter(|name| name != "kube-root-ca.crt")
            .collect();
        let expected = ["foreign", "tracked"].map(str::to_owned).into();
        ensure!(left == expected, "round {round}: {left:?} are left");
        let web = stage.objects("apps", "v1", "Deployment", namespace).get_opt("web").await?;
        ensure!(web.is_none(), "round {round}: the Deployment is left");
    }
    Ok(())
}

fn foreign(namespace: &str, name: &str, tracking: Option<&str>) -> serde_json::Value {
    let annotations = tracking.map(|id| json!({"argocd.argoproj.io/tracking-id": id}));
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations.unwrap_or(json!({}))},
        "data": {"value": "not yours"},
    })
}

/// What Git says.
struct World {
    repository: Repository,
    commits: u64,
    /// Optional objects that are in Git at present.
    present: BTreeSet<(String, u64)>,
    /// How often each was taken out of Git.
    removals: BTreeMap<(String, u64), usize>,
}

impl World {
    fn new(stage: &Stage) -> Result<Self> {
        let repository = stage.git.create("crash")?;
        Ok(Self { repository, commits: 0, present: BTreeSet::new(), removals: BTreeMap::new() })
    }

    /// Another commit: changes every application at first, later one or two of them.
    fn commit(&mut self, random: &mut Random) -> Result<String> {
        self.commits += 1;
        let round = self.commits;
        let first = usize::try_from(random.below(4))?;
        for (position, name) in APPLICATIONS.into_iter().enumerate() {
            let is_chosen = position == first || random.below(3) == 0;
            if round > 1 && !is_chosen {
                continue;
            }
            let value = round.to_string();
            self.write(name, "early", &config_map_with("early", &value, &[(WAVE, "-1")]))?;
            self.write(name, "web", &deployment("web", "", &[("round", &value)]))?;
            self.write(name, "late", &config_map_with("late", &value, &[(WAVE, "2")]))?;
            self.write(name, "before", &job("before", "", &[(HOOK, "PreSync")]))?;
            let gone = [(HOOK, "Sync"), (WAVE, "1"), (DELETE_POLICY, "HookSucceeded")];
            self.write(name, "during", &job("during", "", &gone))?;
            let after = [(HOOK, "PostSync"), (DELETE_POLICY, "BeforeHookCreation")];
            self.write(name, "after", &job("after", "", &after))?;
            for number in 0..OPTIONAL {
                let key = (name.to_owned(), number);
                if random.below(2) == 0 {
                    let optional = format!("optional-{number}");
                    self.write(name, &optional, &config_map(&optional, &value))?;
                    self.present.insert(key);
                } else if self.present.remove(&key) {
                    self.repository.remove(&format!("{name}/optional-{number}.yaml"))?;
                    *self.removals.entry(key).or_default() += 1;
                }
            }
        }
        self.repository.commit(&format!("round {round}"))
    }

    fn write(&self, application: &str, file: &str, manifest: &str) -> Result<()> {
        self.repository.write(&format!("{application}/{file}.yaml"), manifest)
    }

    async fn is_synced(&self, stage: &Stage, commit: &str) -> Result<bool> {
        for name in APPLICATIONS {
            let status = stage.read(name).await?.data.get("status").cloned().unwrap_or_default();
            if status["sync"]["status"] != "Synced" || status["sync"]["revision"] != commit {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// UIDs of what is in every commit.
    async fn permanent(&self, stage: &Stage) -> Result<BTreeMap<String, Option<String>>> {
        let mut found = BTreeMap::new();
        for namespace in APPLICATIONS {
            for name in ["early", "late", "foreign", "tracked"] {
                let object = stage.config_maps(namespace).get(name).await?;
                found.insert(format!("{namespace}/{name}"), object.metadata.uid);
            }
            let web = stage.objects("apps", "v1", "Deployment", namespace).get("web").await?;
            found.insert(format!("{namespace}/web"), web.metadata.uid);
        }
        Ok(found)
    }

    /// What comes and goes is there if Git has it, and was deleted no more often than Git dropped it.
    async fn check_optional(&self, stage: &Stage, recorders: &Recorders) -> Result<()> {
        let seen = recorders.config_maps.seen()?;
        for namespace in APPLICATIONS {
            for number in 0..OPTIONAL {
                let (key, name) = ((namespace.to_owned(), number), format!("optional-{number}"));
                let there = stage.config_maps(namespace).get_opt(&name).await?.is_some();
                ensure!(there == self.present.contains(&key), "{namespace}/{name}: there is {there}");
                let ended = seen
                    .values()
                    .filter(|object| object.deleted && object.namespace == namespace && object.name == name);
                let (ended, dropped) = (ended.count(), self.removals.get(&key).copied().unwrap_or(0));
                ensure!(
                    ended <= dropped,
                    "{namespace}/{name}: deleted {ended} times, dropped {dropped} times"
                );
            }
        }
        Ok(())
    }
}

struct Recorders {
    jobs: Recorder,
    config_maps: Recorder,
}

impl Recorders {
    async fn start(stage: &Stage) -> Result<Self> {
        Ok(Self {
            jobs: Recorder::start(dynamic(&stage.client, &kind("batch", "v1", "Job"), None)).await?,
            config_maps: Recorder::start(dynamic(&stage.client, &kind("", "v1", "ConfigMap"), None)).await?,
        })
    }

    /// No hook was created twice for one attempt.
    fn check(&self, crash: u64) -> Result<()> {
        let mut attempts: BTreeMap<(String, String, String), Vec<String>> = BTreeMap::new();
        for (uid, hook) in self.jobs.seen()? {
            if !APPLICATIONS.contains(&hook.namespace.as_str()) {
                continue;
            }
            let attempt = hook.annotations.get(ATTEMPT).cloned();
            let Some(attempt) = attempt else { anyhow::bail!("hook without an attempt: {hook:?}") };
            attempts.entry((hook.namespace, hook.name, attempt)).or_default().push(uid);
        }
        for (hook, uids) in attempts {
            ensure!(uids.len() == 1, "crash {crash}: hook {hook:?} was created {} times", uids.len());
        }
        Ok(())
    }
}
