//! Manifests as text, for repositories.

/// A ConfigMap.
pub fn config_map(name: &str, value: &str) -> String {
    config_map_with(name, value, &[])
}

/// A ConfigMap with annotations.
pub fn config_map_with(name: &str, value: &str, annotations: &[(&str, &str)]) -> String {
    let metadata = metadata(name, annotations);
    format!("apiVersion: v1\nkind: ConfigMap\n{metadata}data:\n  value: \"{value}\"\n")
}

/// A Job whose Pod does what `pod` says (empty: it succeeds).
pub fn job(name: &str, pod: &str, annotations: &[(&str, &str)]) -> String {
    let metadata = metadata(name, annotations);
    format!(
        "apiVersion: batch/v1\nkind: Job\n{metadata}spec:\n  backoffLimit: 0\n  template:\n    metadata:\n      \
         annotations:\n        test.bridgehead/pod: \"{pod}\"\n    spec:\n      restartPolicy: Never\n      \
         containers:\n      - name: work\n        image: registry.example/work:1\n"
    )
}

/// A Deployment of one replica whose Pod does what `pod` says (empty: it is ready at once).
pub fn deployment(name: &str, pod: &str, annotations: &[(&str, &str)]) -> String {
    let metadata = metadata(name, annotations);
    format!(
        "apiVersion: apps/v1\nkind: Deployment\n{metadata}spec:\n  replicas: 1\n  selector:\n    matchLabels:\n      \
         app: {name}\n  template:\n    metadata:\n      labels:\n        app: {name}\n      annotations:\n        \
         test.bridgehead/pod: \"{pod}\"\n    spec:\n      containers:\n      - name: web\n        image: \
         registry.example/web:1\n"
    )
}

fn metadata(name: &str, annotations: &[(&str, &str)]) -> String {
    let mut lines = vec![format!("metadata:\n  name: {name}\n")];
    if !annotations.is_empty() {
        lines.push("  annotations:\n".to_owned());
    }
    lines.extend(annotations.iter().map(|(key, value)| format!("    {key}: \"{value}\"\n")));
    lines.concat()
}

/// Annotation of waves.
pub const WAVE: &str = "argocd.argoproj.io/sync-wave";
/// Annotation of hooks.
pub const HOOK: &str = "argocd.argoproj.io/hook";
/// Annotation of hooks' delete policies.
pub const DELETE_POLICY: &str = "argocd.argoproj.io/hook-delete-policy";
/// Annotation of one object's sync options.
pub const SYNC_OPTIONS: &str = "argocd.argoproj.io/sync-options";
