//! HashiCorp's own plugin host, with a gRPC newer than the installed Terraform's.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use crate::host::provider_binary;

/// The program of `tests/go-plugin-host`, built once.
fn host_binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let binary = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-plugin-host");
        let status = Command::new("go")
            .args(["build", "-o"])
            .arg(&binary)
            .arg(".")
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/go-plugin-host"))
            .status()
            .expect("this test needs Go");
        assert!(status.success(), "failed to build tests/go-plugin-host");
        binary
    })
}

#[test]
fn go_plugin_starts_it_talks_to_it_and_ends_it() {
    let temporary = tempfile::tempdir().unwrap();
    let output = Command::new(host_binary())
        .arg(provider_binary())
        .env("TMPDIR", temporary.path())
        .env("TF_LOG", "debug")
        .env_remove("TF_DISABLE_PLUGIN_TLS")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["protocol"], 6);
    assert_eq!(report["resources"], serde_json::json!(["wire_note"]));
    assert_eq!(report["killed_by_force"], false);
    let levels = report["provider_log_levels"].as_array().unwrap();
    assert!(levels.iter().any(|level| level == "debug"), "{report}");
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
}
