//! Waits that do not come to their end, and go on with the next apply.

use anyhow::{Result, ensure};
use bridgehead_e2e::manifests::{config_map, deployment};
use bridgehead_e2e::{QUICK, Stage};
use bridgehead_test_harness::test_cluster;

use crate::configuration::{Application, terraform, workloads};

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_that_timed_out_or_was_interrupted_goes_on_and_nothing_is_recreated() -> Result<()> {
    let stage = Stage::start(test_cluster(), "tf-wait", &QUICK).await?;
    let mut repository = stage.git.create("wait")?;
    repository.write("app/settings.yaml", config_map("settings", "1"))?;
    repository.write("app/web.yaml", deployment("web", "unready", &[]))?;
    repository.commit("a pod that does not get ready")?;
    let application = Application {
        stage: &stage,
        address: "web",
        name: "wait-web",
        url: repository.url(),
        path: "app",
        destination: "tf-wait-app",
        on_destroy: "cascade",
        more: "",
    };
    let terraform = terraform(stage.cluster, &application.awaited("timeout = \"5s\""))?;
    let told = terraform.fail(&["apply", "-auto-approve"])?;
    ensure!(told.contains("Application `wait-web` is not there after 5 s"), "{told}");
    ensure!(told.contains("Deployment tf-wait-app/web") && told.contains("Progressing"), "{told}");
    let first = stage.read("wait-web").await?.metadata.uid;
    let before = workloads(&stage, "tf-wait-app").await?;
    ensure!(before.len() == 2, "{before:?}");
    let plan = terraform.plan()?;
    ensure!(plan.contains("1 to add, 0 to change, 0 to destroy"), "{plan}");

    terraform.configure(&format!(
        "{}{}",
        crate::configuration::provider(stage.cluster),
        application.awaited("timeout = \"1h\"")
    ))?;
    let mut apply = terraform.start(&["apply", "-auto-approve"])?;
    apply.until("bridgehead_application_wait.web: Still creating")?;
    apply.interrupt()?;
    let (code, told) = apply.end()?;
    ensure!(code == Some(1) && told.contains("Waiting for application `wait-web` was interrupted"), "{told}");
    let plan = terraform.plan()?;
    ensure!(plan.contains("1 to add, 0 to change, 0 to destroy"), "{plan}");

    // The cause goes away while the next apply waits.
    let mut apply = terraform.start(&["apply", "-auto-approve"])?;
    apply.until("bridgehead_application_wait.web: Creating")?;
    repository.write("app/web.yaml", deployment("web", "", &[]))?;
    let commit = repository.commit("a pod that gets ready")?;
    let (code, told) = apply.end()?;
    ensure!(code == Some(0), "{told}");
    ensure!(told.contains("1 added, 0 changed, 0 destroyed"), "{told}");
    terraform.nothing_to_do()?;
    ensure!(terraform.values("bridgehead_application_wait.web")?["observed_revision"] == commit);
    ensure!(stage.read("wait-web").await?.metadata.uid == first, "the application was made anew");
    ensure!(workloads(&stage, "tf-wait-app").await? == before, "workloads were made anew");

    terraform.destroy()?;
    ensure!(workloads(&stage, "tf-wait-app").await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_fails_ends_the_wait_with_the_agents_words() -> Result<()> {
    let stage = Stage::start(test_cluster(), "tf-fails", &QUICK).await?;
    let mut repository = stage.git.create("fails")?;
    repository.write("app/settings.yaml", config_map("settings", "1"))?;
    let broken = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: broken\ndata:\n  value: [1]\n";
    repository.write("app/broken.yaml", broken)?;
    repository.commit("one that no API server takes")?;
    let application = Application {
        stage: &stage,
        address: "web",
        name: "fails-web",
        url: repository.url(),
        path: "app",
        destination: "tf-fails-app",
        on_destroy: "cascade",
        more: "",
    };
    let terraform = terraform(stage.cluster, &application.awaited("timeout = \"1h\""))?;
    let told = terraform.fail(&["apply", "-auto-approve"])?;
    ensure!(told.contains("Application `fails-web` has failed") && told.contains("broken"), "{told}");
    let first = stage.read("fails-web").await?.metadata.uid;
    let broken = config_map("broken", "no more");
    repository.write("app/broken.yaml", broken)?;
    repository.commit("put right")?;
    terraform.apply()?;
    ensure!(stage.read("fails-web").await?.metadata.uid == first);
    Ok(())
}
