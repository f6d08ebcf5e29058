//! `cargo xtask cluster` as a person uses it.

use std::path::PathBuf;
use std::process::{Command, Output};

fn cluster(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask"))
        .arg("cluster")
        .args(arguments)
        .output()
        .expect("xtask can be started")
}

fn listed(name: &str) -> Option<String> {
    let output = cluster(&["list"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("the list is text");
    text.lines().find(|line| line.starts_with(&format!("{name}\t"))).map(str::to_owned)
}

/// Ends the cluster when the test does, however it does.
struct Down(String);

impl Drop for Down {
    fn drop(&mut self) {
        cluster(&["down", "--name", &self.0]);
    }
}

#[test]
fn a_cluster_stays_until_it_is_taken_down() {
    let name = format!("stays-{}", std::process::id());
    let down = Down(name.clone());
    let up = cluster(&["up", "--name", &name, "--audit-log"]);
    assert!(up.status.success(), "{}", String::from_utf8_lossy(&up.stderr));
    let kubeconfig = PathBuf::from(String::from_utf8(up.stdout).expect("a path is text").trim());
    assert!(std::fs::read_to_string(&kubeconfig).expect("a kubeconfig is there").contains(&name));
    assert!(kubeconfig.with_file_name("audit.log").exists());
    let line = listed(&name).expect("the cluster is listed");
    assert!(line.contains("\trunning\t"), "{line}");

    let again = cluster(&["up", "--name", &name]);
    assert!(!again.status.success());
    let message = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(message.contains("is up already"), "{message}");

    drop(down);
    assert_eq!(listed(&name), None);
    assert!(!kubeconfig.exists());
    let missing = cluster(&["down", "--name", &name]);
    assert!(!missing.status.success());
}

#[test]
fn a_name_that_is_a_path_is_refused() {
    let output = cluster(&["up", "--name", "../elsewhere"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot name a cluster"));
}
