//! The form of a specification in which two are compared.

use super::source::{ApplicationSource, ApplicationSourceHelm, ApplicationSourceKustomize};
use super::spec::ApplicationSpec;
use crate::project::DEFAULT_PROJECT;

/// The specification as Argo CD normalises it: project `default` where none is named, and no policy, Helm,
/// Kustomize or directory block that says nothing. `status.sync.comparedTo` must equal this form.
pub fn normalise_spec(mut spec: ApplicationSpec) -> ApplicationSpec {
    if spec.project.is_empty() {
        DEFAULT_PROJECT.clone_into(&mut spec.project);
    }
    if spec.sync_policy.as_ref().is_some_and(super::SyncPolicy::is_empty) {
        spec.sync_policy = None;
    }
    if spec.sources.is_empty() {
        spec.source.iter_mut().for_each(normalise_source);
    } else {
        spec.sources.iter_mut().for_each(normalise_source);
    }
    spec
}

fn normalise_source(source: &mut ApplicationSource) {
    if source.kustomize.as_ref().is_some_and(kustomize_says_nothing) {
        source.kustomize = None;
    }
    if source.helm.as_ref().is_some_and(helm_says_nothing) {
        source.helm = None;
    }
    if source
        .directory
        .as_ref()
        .is_some_and(|directory| *directory == super::ApplicationSourceDirectory::default())
    {
        source.directory = None;
    }
}

fn helm_says_nothing(helm: &ApplicationSourceHelm) -> bool {
    *helm == ApplicationSourceHelm::default()
}

/// As in Argo CD, switches that change nothing without labels or annotations beside them do not count.
fn kustomize_says_nothing(kustomize: &ApplicationSourceKustomize) -> bool {
    let inert = ApplicationSourceKustomize {
        force_common_labels: kustomize.force_common_labels,
        force_common_annotations: kustomize.force_common_annotations,
        common_annotations_envsubst: kustomize.common_annotations_envsubst,
        label_without_selector: kustomize.label_without_selector,
        label_include_templates: kustomize.label_include_templates,
        ..ApplicationSourceKustomize::default()
    };
    *kustomize == inert
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::normalise_spec;
    use crate::application::ApplicationSpec;

    fn normalised(spec: Value) -> Value {
        let spec: ApplicationSpec = serde_json::from_value(spec).expect("test specification");
        serde_json::to_value(normalise_spec(spec)).expect("specification as JSON")
    }

    #[test]
    fn an_empty_project_becomes_default_and_an_empty_policy_goes() {
        assert_eq!(
            normalised(json!({"project": "", "destination": {}, "syncPolicy": {"syncOptions": []}})),
            json!({"project": "default", "destination": {}})
        );
    }

    #[test]
    fn an_empty_automated_block_stays() {
        let spec = json!({"project": "p", "destination": {}, "syncPolicy": {"automated": {}}});
        assert_eq!(normalised(spec.clone()), spec);
    }

    #[test]
    fn blocks_that_say_nothing_go_from_every_source() {
        assert_eq!(
            normalised(json!({"project": "p", "destination": {}, "sources": [
                {"repoURL": "a", "helm": {}, "directory": {"jsonnet": {}}, "kustomize": {"forceCommonLabels": true}},
                {"repoURL": "b", "directory": {"exclude": "*.md"}},
            ]})),
            json!({"project": "p", "destination": {}, "sources": [
                {"repoURL": "a"},
                {"repoURL": "b", "directory": {"exclude": "*.md"}},
            ]})
        );
    }
}
