//! Which tool a source is for, as Argo CD decides it. Only plain manifests are rendered so far; everything
//! else is told, so that nobody takes a chart's templates for manifests.

use bridgehead_api::application::ApplicationSource;

use super::Failure;
use super::tree::{Folder, Kind, Snapshot};
use crate::error::RenderProblem;

const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Looks at the source's own fields.
pub(super) fn only_directories(source: &ApplicationSource) -> Result<(), RenderProblem> {
    let named: Vec<&str> = [
        ("Kustomize", source.kustomize.is_some()),
        ("Helm", source.helm.is_some()),
        ("Directory", source.directory.is_some()),
        ("Plugin", source.plugin.is_some()),
    ]
    .into_iter()
    .filter_map(|(name, given)| given.then_some(name))
    .collect();
    if named.len() > 1 {
        return Err(RenderProblem::Source {
            reason: format!("the source is for several tools at once: {}", named.join(", ")),
        });
    }
    let unsupported = |reason: &str| Err(RenderProblem::UnsupportedType { reason: reason.to_owned() });
    if source.is_oci() {
        return unsupported("the source is an OCI artifact");
    }
    if source.is_helm_chart() {
        return unsupported("the source is a chart of a Helm repository");
    }
    match named.first() {
        Some(&"Kustomize") => unsupported("the source has `kustomize`"),
        Some(&"Helm") => unsupported("the source has `helm`"),
        Some(&"Plugin") => unsupported("the source has `plugin`"),
        _ => Ok(()),
    }
}

/// Looks at the folder.
pub(super) fn only_manifests(
    snapshot: &Snapshot<'_>,
    source: &ApplicationSource,
    folder: &Folder,
) -> Result<(), Failure> {
    let entries = snapshot.list(folder.id)?;
    let has = |name: &str| entries.iter().any(|entry| entry.name == name && entry.kind != Kind::Folder);
    let place = if folder.path.is_empty() { "the repository's root" } else { &folder.path };
    let found = |name: &str| {
        let reason = format!("{name} found in {place}");
        Err(RenderProblem::UnsupportedType { reason }.into())
    };
    // The file overrides the source's fields; leaving it unread would render something else.
    if has(".argocd-source.yaml") {
        return found(".argocd-source.yaml");
    }
    if source.directory.is_some() {
        return Ok(());
    }
    if has("Chart.yaml") {
        return found("Chart.yaml");
    }
    match KUSTOMIZATIONS.into_iter().find(|name| has(name)) {
        Some(name) => found(name),
        None => Ok(()),
    }
}
