//! From an empty cluster to a running one and back, with what users have: a provider that is
//! installed, a repository behind a URL, and an agent with the rights of its ServiceAccount.

mod agent;
mod interrupt;
mod inventory;
mod stage;
mod terraform;
mod tree;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bridgehead_test_harness::agent::{applications, dynamic, kind};
use bridgehead_test_harness::git::{GitServer, Repository};
use bridgehead_test_harness::{Probe, Process, Scratch, end, wait_for, workspace};
use kube::Client;
use kube::api::{Patch, PatchParams};
use serde_json::json;

pub(crate) use interrupt::Interrupt;
use stage::Stage;
use terraform::Terraform;
use tree::Tree;

/// The URL that the example's manifests name.
const PLACEHOLDER: &str = "https://git.example.com/platform/gitops-config.git";
/// The namespace of the quickstart's agent.
const NAMESPACE: &str = "argocd";
/// Between two looks at what a child does.
const LOOK: Duration = Duration::from_millis(200);
/// The exit code of a program that Ctrl-C has ended.
const INTERRUPTED: i32 = 130;

/// What the demo runs.
pub(crate) struct Programs {
    pub(crate) agent: PathBuf,
    pub(crate) provider: PathBuf,
    pub(crate) terraform: PathBuf,
}

/// What is asked of the demo.
pub(crate) struct Wishes {
    /// Stay before the destroy.
    pub(crate) keep: bool,
    /// The user's cluster, in place of one of its own.
    pub(crate) kubeconfig: Option<PathBuf>,
}

/// Runs all steps; an error if one of them was not seen.
pub(crate) async fn run(programs: &Programs, wishes: &Wishes, interrupt: &Interrupt) -> Result<()> {
    let begun = Instant::now();
    println!("1. A cluster and a Git server");
    let stage = match &wishes.kubeconfig {
        Some(kubeconfig) => Stage::of_user(kubeconfig).await?,
        None => Stage::raise().await?,
    };
    let mut demo = Demo::new(programs, stage).await?;
    if demo.stage.is_users() {
        play_in_users_cluster(demo, wishes.keep, interrupt).await?;
    } else {
        demo.play(wishes.keep).await?;
    }
    println!("Done in {} s.", begun.elapsed().as_secs());
    Ok(())
}

/// Nothing stays in the cluster, whatever happens.
async fn play_in_users_cluster(mut demo: Demo<'_>, keep: bool, interrupt: &Interrupt) -> Result<()> {
    interrupt.be_orderly();
    let outcome = tokio::select! {
        outcome = demo.play(keep) => Some(outcome),
        () = interrupt.heard() => None,
    };
    match outcome {
        Some(Ok(())) => Ok(()),
        Some(Err(error)) => {
            eprintln!("Failed; what was made in your cluster is taken down. {error:?}");
            demo.take_down().await.and(Err(error))
        }
        None => {
            demo.take_down().await?;
            drop(demo);
            end(INTERRUPTED);
        }
    }
}

/// Fields go in this order at the end: whoever uses something before what it uses.
struct Demo<'a> {
    programs: &'a Programs,
    tree: Option<Tree>,
    terraform: Terraform,
    agent: Option<Process>,
    repository: Repository,
    _server: GitServer,
    stage: Stage,
    before: BTreeSet<String>,
    scratch: Scratch,
}

impl<'a> Demo<'a> {
    async fn new(programs: &'a Programs, stage: Stage) -> Result<Self> {
        let scratch = Scratch::new()?;
        let server = GitServer::start()?;
        let mut repository = server.create("gitops-config")?;
        repository.copy_from(&workspace().join("examples/gitops-config"))?;
        replace(repository.tree(), repository.url())?;
        repository.commit("The example")?;
        println!("   cluster     {}", stage.server);
        println!("   repository  {}", repository.url());
        let terraform = Terraform::new(programs, scratch.path(), &stage, repository.url())?;
        let before = inventory::list(&stage).await?;
        Ok(Self {
            programs,
            tree: None,
            terraform,
            agent: None,
            repository,
            _server: server,
            stage,
            before,
            scratch,
        })
    }

    async fn play(&mut self, keep: bool) -> Result<()> {
        let terraform = self.terraform.name();
        println!("2. {terraform} init && {terraform} apply");
        let status = self.terraform.run("init", &[]).await?;
        self.terraform.must_succeed(status)?;
        self.tree = Some(Tree::follow(&self.stage.client));
        self.terraform.start("apply", &["-auto-approve"])?;
        let status = self.accompany().await?;
        self.terraform.must_succeed(status)?;
        if let Some(tree) = &self.tree {
            tree.print().await?;
        }

        println!("3. A second plan");
        let status = self.terraform.run("plan", &["-detailed-exitcode"]).await?;
        ensure!(status.code() == Some(0), "the second plan is not empty:\n{}", self.terraform.tail());
        println!("   empty");

        println!("4. A commit");
        push(&self.stage.client, &mut self.repository).await?;
        println!("5. An edit by hand");
        edit(&self.stage.client).await?;

        if keep {
            self.tell_how_to_look()?;
            std::future::pending::<()>().await;
        }
        println!("6. {terraform} destroy");
        self.destroy().await
    }

    /// Sees a command of Terraform through to its end, with an agent as soon as there is one.
    async fn accompany(&mut self) -> Result<ExitStatus> {
        loop {
            if let Some(status) = self.terraform.exited()? {
                return Ok(status);
            }
            if let Some(agent) = &mut self.agent {
                agent.must_run()?;
            } else {
                self.start_agent().await?;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn start_agent(&mut self) -> Result<()> {
        let folder = self.scratch.path().join("agent");
        self.agent = agent::start(&self.stage, &self.programs.agent, &folder).await?;
        Ok(())
    }

    async fn destroy(&mut self) -> Result<()> {
        let status = self.terraform.run("destroy", &["-auto-approve"]).await?;
        self.terraform.must_succeed(status)?;
        (self.tree, self.agent) = (None, None);
        wait_for("everything of this configuration to be gone", async || {
            let after = inventory::list(&self.stage).await?;
            let left: Vec<&String> = after.difference(&self.before).collect();
            Ok(Probe::when(left.is_empty(), format!("left: {left:?}")))
        })
        .await?;
        println!("   nothing is left of it");
        Ok(())
    }

    /// Destroys what an interrupted demo, or one that failed, has made. Where that fails too,
    /// the state is kept.
    async fn take_down(&mut self) -> Result<()> {
        self.terraform.interrupt()?;
        if self.tree.is_none() {
            // No apply has begun, or the destroy has ended.
            return Ok(());
        }
        if self.agent.is_none() {
            self.start_agent().await?;
        }
        println!("   {} destroy", self.terraform.name());
        let outcome = self.destroy().await;
        if outcome.is_err() {
            let environment = self.write_environment()?;
            self.scratch.keep();
            eprintln!("The state is kept in `{}`.", environment.with_file_name("quickstart").display());
        }
        outcome
    }

    fn tell_how_to_look(&self) -> Result<()> {
        let environment = self.write_environment()?;
        println!("It runs until Ctrl-C. To look at it from another shell:");
        println!("   . {}", environment.display());
        println!("   bridgehead app list");
        println!("   bridgehead app get root -o tree");
        println!("   git clone {}    # commit, push, and see it live", self.repository.url());
        println!("   cd {}/quickstart && {} plan", self.scratch.path().display(), self.terraform.name());
        println!("   less {}/agent/log", self.scratch.path().display());
        Ok(())
    }

    /// A file that a shell reads to find the cluster, the programs and Terraform's settings.
    fn write_environment(&self) -> Result<PathBuf> {
        let file = self.scratch.path().join("environment");
        let folder = |program: &Path| program.parent().unwrap_or(Path::new("/")).display().to_string();
        let text = format!(
            "export KUBECONFIG='{}'\nexport PATH='{}':\"$PATH\":'{}'\n{}",
            self.stage.kubeconfig.display(),
            folder(&self.programs.agent),
            folder(&self.programs.terraform),
            self.terraform.exports()
        );
        std::fs::write(&file, text).with_context(|| format!("failed to write `{}`", file.display()))?;
        Ok(file)
    }
}

/// Puts the repository's URL in the placeholder's place.
fn replace(folder: &Path, url: &str) -> Result<()> {
    for entry in
        std::fs::read_dir(folder).with_context(|| format!("failed to list `{}`", folder.display()))?
    {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name == ".git") {
            continue;
        }
        if path.is_dir() {
            replace(&path, url)?;
        } else {
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("failed to read `{}`", path.display()))?;
            std::fs::write(&path, text.replace(PLACEHOLDER, url))
                .with_context(|| format!("failed to write `{}`", path.display()))?;
        }
    }
    Ok(())
}

async fn push(client: &Client, repository: &mut Repository) -> Result<()> {
    let path = "services/storefront/configmap.yaml";
    let text = std::fs::read_to_string(repository.tree().join(path)).context("failed to read the example")?;
    repository.write(path, text.replace("GREETING: Welcome", "GREETING: Welcome back"))?;
    let commit = repository.commit("Another greeting")?;
    println!("   pushed {commit}; asking for a refresh, as a webhook would");
    let refresh = json!({"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}});
    applications(client, NAMESPACE)
        .patch("storefront", &PatchParams::default(), &Patch::Merge(refresh))
        .await
        .context("failed to ask for a refresh")?;
    greeting(client, "Welcome back").await?;
    println!("   live: the greeting is `Welcome back`");
    Ok(())
}

async fn edit(client: &Client) -> Result<()> {
    let edited = json!({"data": {"GREETING": "Edited by hand"}});
    dynamic(client, &kind("", "v1", "ConfigMap"), Some("shop"))
        .patch("storefront", &PatchParams::default(), &Patch::Merge(edited))
        .await
        .context("failed to edit the greeting")?;
    println!("   the greeting was set to `Edited by hand`");
    greeting(client, "Welcome back").await?;
    println!("   healed: it is `Welcome back` again");
    Ok(())
}

async fn greeting(client: &Client, wanted: &str) -> Result<()> {
    let maps = dynamic(client, &kind("", "v1", "ConfigMap"), Some("shop"));
    wait_for(&format!("the greeting to be `{wanted}`"), async || {
        let seen = maps.get("storefront").await?.data["data"]["GREETING"].clone();
        Ok(Probe::when(seen == wanted, seen.to_string()))
    })
    .await
}
