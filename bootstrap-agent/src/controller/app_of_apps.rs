//! Applications that stand above and below one another.

use std::collections::BTreeSet;

use bridgehead_api::annotations::{TRACKING_ID, WAIT_FOR_APPLICATIONS};
use bridgehead_api::application::Application;
use bridgehead_engine::manifest::TrackingId;

use super::registry::Registry;

/// Whether the waves of an application wait for the Applications in them.
///
/// Its own annotation says so, or that of the nearest application above it that has one. Where nobody says
/// anything it is as in Argo CD: they wait if `argocd-cm` gives Applications a health.
pub(super) fn waits_for_applications(registry: &Registry, application: &Application) -> bool {
    let says = |application: &Application| match application.metadata.annotation(WAIT_FOR_APPLICATIONS) {
        Some("true") => Some(true),
        Some("false") => Some(false),
        _ => None,
    };
    if let Some(said) = says(application) {
        return said;
    }
    let mut seen = BTreeSet::from([application.key()]);
    let mut above = parent(registry, application);
    while let Some(entry) = above {
        // An application may stand above itself.
        if !seen.insert(entry.application.key()) {
            break;
        }
        if let Some(said) = says(&entry.application) {
            return said;
        }
        above = parent(registry, &entry.application);
    }
    registry.gives_applications_a_health()
}

/// The application that an Application is an object of.
fn parent(registry: &Registry, application: &Application) -> Option<std::rc::Rc<super::registry::Entry>> {
    let metadata = &application.metadata;
    let id = TrackingId::parse(metadata.annotation(TRACKING_ID)?)?;
    let key = application.key();
    let kind = super::store::application_kind().group_kind;
    // The id of another object was copied along with it.
    id.names(&kind, key.namespace.as_str(), &key.name).then(|| registry.instance(id.application))?
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A registry with these applications: name, the one above, what the annotation says.
    fn registry(applications: &[(&str, &str, &str)]) -> Registry {
        let mut registry = Registry::new("argocd".into());
        for (name, above, says) in applications {
            let mut notes = json!({});
            if !above.is_empty() {
                notes[TRACKING_ID] = json!(format!("{above}:argoproj.io/Application:argocd/{name}"));
            }
            if !says.is_empty() {
                notes[WAIT_FOR_APPLICATIONS] = json!(says);
            }
            let object = json!({
                "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
                "metadata": {"name": name, "namespace": "argocd", "uid": name, "annotations": notes},
                "spec": {"project": "default"},
            });
            registry.put_application(&object).expect("an Application");
        }
        registry
    }

    fn waits(registry: &Registry, name: &str) -> bool {
        let entry = registry.instance(name).expect("it is there");
        waits_for_applications(registry, &entry.application)
    }

    #[test]
    fn the_nearest_word_counts() {
        let registry = registry(&[
            ("root", "", "true"),
            ("platform", "root", ""),
            ("databases", "platform", "false"),
            ("orders", "databases", ""),
            ("odd", "root", "yes"),
            ("other", "", ""),
        ]);
        for (name, expected) in [
            ("root", true),
            ("platform", true),
            ("databases", false),
            ("orders", false),
            ("odd", true),
            ("other", false),
        ] {
            assert_eq!(waits(&registry, name), expected, "{name}");
        }
    }

    #[test]
    fn applications_above_themselves_end_the_search() {
        let registry = registry(&[("root", "root", ""), ("one", "two", ""), ("two", "one", "")]);
        for name in ["root", "one", "two"] {
            assert!(!waits(&registry, name), "{name}");
        }
    }

    #[test]
    fn a_copied_tracking_id_makes_no_child() {
        let mut registry = registry(&[("root", "", "true")]);
        let copy = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {
                "name": "copy", "namespace": "argocd", "uid": "copy",
                "annotations": {TRACKING_ID: "root:argoproj.io/Application:argocd/original"},
            },
            "spec": {"project": "default"},
        });
        registry.put_application(&copy).expect("an Application");
        assert!(!waits(&registry, "copy"));
    }

    #[test]
    fn a_health_script_for_applications_asks_for_it() {
        let settings = |data: serde_json::Value| json!({"metadata": {"name": "argocd-cm"}, "data": data});
        let mut registry = registry(&[("root", "", ""), ("quiet", "", "false")]);
        assert!(!waits(&registry, "root"));
        let key = "resource.customizations.health.argoproj.io_Application";
        registry.put_config_map(&settings(json!({key: "return {status = 'Healthy'}"})));
        assert!(waits(&registry, "root") && !waits(&registry, "quiet"));
        registry.put_config_map(&settings(json!({})));
        assert!(!waits(&registry, "root"));
        let both = "argoproj.io/Application:\n  health.lua: return {status = 'Healthy'}\n";
        registry.put_config_map(&settings(json!({"resource.customizations": both})));
        assert!(waits(&registry, "root"));
        registry.remove_config_map("argocd-cm");
        assert!(!waits(&registry, "root"));
    }
}
