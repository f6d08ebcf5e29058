//! Repositories that cannot be read.

use anyhow::Result;
use bridgehead_e2e::Random;
use bridgehead_e2e::manifests::config_map;
use bridgehead_test_harness::git::{Fault, GitServer, GitServerOptions, Step};
use serde_json::json;

use super::Case;

#[tokio::test]
async fn a_repository_that_is_gone() -> Result<()> {
    let mut case = Case::start("gone").await?;
    case.application(&case.stage.git.url("gone")).await?;
    case.is_told(&["failed to list the refs of", "there is no such repository", "check the URL"]).await?;

    let mut repository = case.stage.git.create("gone")?;
    repository.write("app/one.yaml", config_map("one", "1"))?;
    let commit = repository.commit("here it is")?;
    case.heals(&commit).await
}

#[tokio::test]
async fn a_wrong_password() -> Result<()> {
    let mut case = Case::start("password").await?;
    let credentials = Some(("robot".to_owned(), "right".to_owned()));
    let server = GitServer::start_with(GitServerOptions { credentials, ..GitServerOptions::default() })?;
    let mut repository = server.create("private")?;
    repository.write("app/one.yaml", config_map("one", "1"))?;
    let commit = repository.commit("private")?;
    case.application(repository.url()).await?;
    case.is_told(&["the server asks for credentials", "add a repository Secret"]).await?;

    let secret = |password: &str| {
        json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {
                "name": "private", "namespace": case.stage.namespace,
                "labels": {"argocd.argoproj.io/secret-type": "repository"},
            },
            "stringData": {"url": repository.url(), "username": "robot", "password": password},
        })
    };
    let (wrong, right) = (secret("not-this-one"), secret("right"));
    case.stage.apply(wrong).await?;
    let status =
        case.is_told(&["the server refused", "renew the credentials in the repository Secret"]).await?;
    assert!(!status.to_string().contains("not-this-one"), "a password is shown: {status}");

    case.stage.apply(right).await?;
    case.heals(&commit).await
}

#[tokio::test]
async fn a_server_that_stops_in_the_middle_of_a_pack() -> Result<()> {
    let mut case = Case::start("cut").await?;
    let server = GitServer::start()?;
    let mut repository = server.create("large")?;
    // More than one packet, and nothing that compresses to less.
    let mut random = Random::new(1);
    let noise: Vec<u8> = (0..8_000).flat_map(|_| random.draw().to_le_bytes()).collect();
    repository.write("app/noise.bin", noise)?;
    repository.write("app/one.yaml", config_map("one", "1"))?;
    let commit = repository.commit("large")?;
    server.set_fault(Step::Fetch, Some(Fault::CutAfter(3000)));
    case.application(repository.url()).await?;
    case.is_told(&["failed to load target state", "the server broke off while reading the pack"]).await?;

    server.set_fault(Step::Fetch, None);
    case.heals(&commit).await
}

#[tokio::test]
async fn a_ref_that_is_missing() -> Result<()> {
    let mut case = Case::start("ref").await?;
    let mut repository = case.stage.git.create("ref")?;
    repository.write("app/one.yaml", config_map("one", "1"))?;
    repository.commit("on main")?;
    let mut spec = case.spec(repository.url());
    spec["source"]["targetRevision"] = json!("release");
    case.stage.application(&case.name, spec).await?;
    case.is_told(&["failed to resolve revision `release`"]).await?;

    repository.switch("release")?;
    let commit = repository.commit("release")?;
    case.heals(&commit).await
}

#[tokio::test]
async fn a_path_that_is_missing() -> Result<()> {
    let mut case = Case::start("path").await?;
    let mut repository = case.stage.git.create("path")?;
    repository.write("elsewhere/one.yaml", config_map("one", "1"))?;
    repository.commit("not there")?;
    case.application(repository.url()).await?;
    case.is_told(&["path `app` does not exist", "check spec.source.path"]).await?;

    repository.write("app/one.yaml", config_map("one", "1"))?;
    let commit = repository.commit("there")?;
    case.heals(&commit).await
}
