//! `lint`, `manifests` and `version`, which need no cluster.

use std::path::Path;
use std::process::{Command, Output};

use anyhow::Result;
use serde_json::Value;

fn run(arguments: &[&str]) -> Result<Output> {
    Ok(Command::new(env!("CARGO_BIN_EXE_bridgehead"))
        .args(arguments)
        .env_remove("ARGOCD_NAMESPACE")
        .output()?)
}

#[test]
fn lint_names_file_line_field_and_the_one_that_was_meant() -> Result<()> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lint");
    std::fs::create_dir_all(folder.join(".hidden"))?;
    std::fs::create_dir_all(folder.join("chart/templates"))?;
    std::fs::write(folder.join("chart/Chart.yaml"), "name: chart\nversion: 1.0.0\n")?;
    std::fs::write(folder.join("chart/templates/a.yaml"), "{{ not yaml }}: [\n")?;
    std::fs::write(folder.join(".hidden/a.yaml"), "not: [yaml\n")?;
    std::fs::write(
        folder.join("web.yaml"),
        "apiVersion: argoproj.io/v1alpha1\n\
         kind: Application\n\
         metadata:\n  name: web\n\
         spec:\n  project: default\n  \
           source:\n    repoUrl: https://git.example.com/config.git\n    path: web\n  \
           destination:\n    server: https://kubernetes.default.svc\n    namespace: web\n",
    )?;
    let path = folder.to_str().expect("a path of text");
    let output = run(&["lint", path])?;
    let text = String::from_utf8(output.stdout)?;
    assert_eq!(output.status.code(), Some(1), "{text}");
    let line = text.lines().find(|line| line.contains("repoUrl")).unwrap_or_default();
    assert!(line.starts_with(&format!("{path}/web.yaml:8:")), "{text}");
    assert!(line.contains("repoURL"), "{text}");
    assert!(text.trim_end().ends_with("in 2 files"), "{text}");

    let output = run(&["lint", path, "-o", "json"])?;
    let findings: Vec<Value> = serde_json::from_slice(&output.stdout)?;
    assert!(
        findings.iter().any(|finding| finding["line"] == 8 && finding["severity"] == "error"),
        "{findings:?}"
    );
    Ok(())
}

#[test]
fn what_is_right_passes() -> Result<()> {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/gitops-config/root");
    let output = run(&["lint", "--strict", example.to_str().expect("a path of text")])?;
    let text = String::from_utf8(output.stdout)?;
    assert_eq!(output.status.code(), Some(0), "{text}");
    Ok(())
}

#[test]
fn the_manifests_of_an_installation_are_printed_in_the_order_to_apply_in() -> Result<()> {
    let output = run(&["manifests", "install", "--image", "example.com/agent:1", "-n", "gitops"])?;
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout)?;
    let kinds: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("kind: ")).collect();
    assert_eq!(kinds.first(), Some(&"Namespace"));
    assert_eq!(kinds.last(), Some(&"Deployment"));
    assert_eq!(kinds.iter().filter(|kind| **kind == "CustomResourceDefinition").count(), 3);
    assert!(text.contains("image: example.com/agent:1"));
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text)?;
    let installation = bridgehead_install::install(&bridgehead_install::InstallOptions {
        namespace: "gitops".to_owned(),
        image: "example.com/agent:1".to_owned(),
        ..Default::default()
    })?;
    assert_eq!(documents, installation.into_objects());
    Ok(())
}

#[test]
fn version_says_whose_words_it_speaks() -> Result<()> {
    for arguments in [&["version"][..], &["version", "--client"]] {
        let output = run(arguments)?;
        let text = String::from_utf8(output.stdout)?;
        assert!(output.status.success() && text.contains("Argo CD: 3."), "{text}");
        assert!(text.contains(concat!("bridgehead: v", env!("CARGO_PKG_VERSION"))), "{text}");
    }
    Ok(())
}
