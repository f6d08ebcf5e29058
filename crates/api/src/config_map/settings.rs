//! `argocd-cm`: the general settings.

use std::collections::BTreeMap;
use std::time::Duration;

use super::customisation::{read_compare_options, read_overrides};
use super::known_keys::unknown_settings_key;
use super::{CompareOptions, Data, Problem, Reader, ResourceFilter, ResourceOverride, SETTINGS_NAME};
use crate::annotations::APP_INSTANCE;

/// How live objects are known to belong to an application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrackingMethod {
    /// By annotation.
    #[default]
    Annotation,
    /// By label.
    Label,
    /// By annotation, with the label for others to see.
    AnnotationAndLabel,
}

/// The settings that this release reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How often a repository is asked for new commits; zero for never.
    pub reconciliation: Duration,
    /// The most that is added to it at random.
    pub reconciliation_jitter: Duration,
    /// How often everything is rendered anew without the cache; zero for never.
    pub hard_reconciliation: Duration,
    /// Label that names the application.
    pub instance_label_key: String,
    /// How objects are tracked.
    pub tracking_method: TrackingMethod,
    /// Name of this installation, where several manage one cluster; empty for none.
    pub installation_id: String,
    /// Which kinds are looked at.
    pub resource_filter: ResourceFilter,
    /// What is special about kinds, by `group/Kind`, `Kind` for the core group, and `*/*` for all.
    pub overrides: BTreeMap<String, ResourceOverride>,
    /// How objects are compared.
    pub compare_options: CompareOptions,
    /// Rules about ignored updates are in force.
    pub ignore_resource_updates: bool,
    /// Applications may deploy to the cluster that the agent runs in.
    pub in_cluster_enabled: bool,
    /// Syncs impersonate the ServiceAccounts that projects name.
    pub impersonation: bool,
    /// Arguments of every `kustomize build`.
    pub kustomize_build_options: String,
    /// URL under which people reach the server.
    pub url: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            reconciliation: Duration::from_mins(2),
            reconciliation_jitter: Duration::from_mins(1),
            hard_reconciliation: Duration::ZERO,
            instance_label_key: APP_INSTANCE.to_owned(),
            tracking_method: TrackingMethod::Annotation,
            installation_id: String::new(),
            resource_filter: ResourceFilter::default(),
            overrides: BTreeMap::new(),
            compare_options: CompareOptions::default(),
            ignore_resource_updates: true,
            in_cluster_enabled: true,
            impersonation: false,
            kustomize_build_options: String::new(),
            url: String::new(),
        }
    }
}

impl Settings {
    /// Reads `data` of `argocd-cm`.
    pub fn read(data: &Data) -> (Self, Vec<Problem>) {
        let mut reader = Reader::new(SETTINGS_NAME, data);
        let reader = &mut reader;
        let defaults = Self::default();
        let settings = Self {
            reconciliation: reader.duration("timeout.reconciliation", defaults.reconciliation),
            reconciliation_jitter: reader
                .duration("timeout.reconciliation.jitter", defaults.reconciliation_jitter),
            hard_reconciliation: reader.duration("timeout.hard.reconciliation", defaults.hard_reconciliation),
            instance_label_key: text_or(reader, "application.instanceLabelKey", defaults.instance_label_key),
            tracking_method: tracking_method(reader),
            installation_id: text_or(reader, "installationID", defaults.installation_id),
            resource_filter: ResourceFilter {
                exclusions: reader.yaml("resource.exclusions"),
                inclusions: reader.yaml("resource.inclusions"),
            },
            overrides: read_overrides(reader),
            compare_options: read_compare_options(reader),
            ignore_resource_updates: reader
                .boolean("resource.ignoreResourceUpdatesEnabled", defaults.ignore_resource_updates),
            in_cluster_enabled: reader.boolean("cluster.inClusterEnabled", defaults.in_cluster_enabled),
            impersonation: reader.boolean("application.sync.impersonation.enabled", defaults.impersonation),
            kustomize_build_options: text_or(
                reader,
                "kustomize.buildOptions",
                defaults.kustomize_build_options,
            ),
            url: text_or(reader, "url", defaults.url),
        };
        for key in data.keys() {
            if let Some(hint) = unknown_settings_key(key) {
                reader.report(key, "is not known and is not read", hint);
            }
        }
        (settings, std::mem::take(&mut reader.problems))
    }
}

fn text_or(reader: &Reader<'_>, key: &str, default: String) -> String {
    reader.text(key).map_or(default, str::to_owned)
}

fn tracking_method(reader: &mut Reader<'_>) -> TrackingMethod {
    let key = "application.resourceTrackingMethod";
    match reader.text(key) {
        None | Some("annotation") => TrackingMethod::Annotation,
        Some("label") => TrackingMethod::Label,
        Some("annotation+label") => TrackingMethod::AnnotationAndLabel,
        Some(other) => {
            let says = format!(
                "is `{other}`, not `annotation`, `annotation+label` or `label`; `annotation` is used"
            );
            reader.report(key, says, None);
            TrackingMethod::Annotation
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Settings, TrackingMethod};
    use crate::config_map::{Data, IgnoreStatus};

    fn data(entries: &[(&str, &str)]) -> Data {
        entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn nothing_written_gives_the_defaults() {
        assert_eq!(Settings::read(&Data::new()), (Settings::default(), vec![]));
    }

    #[test]
    fn every_setting_is_read() {
        let (settings, problems) = Settings::read(&data(&[
            ("timeout.reconciliation", "180s"),
            ("timeout.reconciliation.jitter", "0"),
            ("application.instanceLabelKey", "argocd.argoproj.io/instance"),
            ("application.resourceTrackingMethod", "annotation+label"),
            ("installationID", "blue"),
            ("resource.exclusions", "- apiGroups: ['']\n  kinds: [Endpoints]\n"),
            (
                "resource.customizations.ignoreDifferences.all",
                "managedFieldsManagers: [kube-controller-manager]\n",
            ),
            (
                "resource.customizations.ignoreDifferences.apps_Deployment",
                "jsonPointers:\n- /spec/replicas\n",
            ),
            ("resource.customizations.health.argoproj.io_Application", "return {}"),
            ("resource.customizations.ignoreResourceUpdates.Service", "jqPathExpressions: ['.status']"),
            ("resource.compareoptions", "ignoreAggregatedRoles: true\nignoreResourceStatusField: crd\n"),
            ("accounts.alice", "login"),
            ("kustomize.version.v5.0.0", "/bin/kustomize"),
        ]));
        assert_eq!(problems, vec![]);
        assert_eq!(settings.reconciliation, Duration::from_mins(3));
        assert_eq!(settings.reconciliation_jitter, Duration::ZERO);
        assert_eq!(settings.tracking_method, TrackingMethod::AnnotationAndLabel);
        assert_eq!(settings.installation_id, "blue");
        assert!(settings.resource_filter.excludes("", "Endpoints", "c"));
        assert_eq!(
            settings.overrides["*/*"].ignore_differences.managed_fields_managers,
            ["kube-controller-manager"]
        );
        assert_eq!(
            settings.overrides["apps/Deployment"].ignore_differences.json_pointers,
            ["/spec/replicas"]
        );
        assert_eq!(settings.overrides["argoproj.io/Application"].health_lua, "return {}");
        assert_eq!(settings.overrides["Service"].ignore_resource_updates.jq_path_expressions, [".status"]);
        assert_eq!(settings.compare_options.ignore_resource_status_field, IgnoreStatus::Crd);
    }

    #[test]
    fn the_single_document_of_customisations_is_read_too() {
        let (settings, problems) = Settings::read(&data(&[(
            "resource.customizations",
            "apps/Deployment:\n  health.lua: |\n    return {}\n  ignoreDifferences: |\n    jsonPointers: [/spec/replicas]\n",
        )]));
        assert_eq!(problems, vec![]);
        assert_eq!(
            settings.overrides["apps/Deployment"].ignore_differences.json_pointers,
            ["/spec/replicas"]
        );
    }

    #[test]
    fn a_broken_entry_is_told_and_does_not_hide_the_others() {
        let (settings, problems) = Settings::read(&data(&[
            ("timeout.reconciliation", "180"),
            ("application.resourceTrackingMethod", "annotations"),
            ("resource.exclusions", "- apiGroups: ["),
            ("resource.customizations.ignoreDifference.apps_Deployment", "jsonPointers: []"),
            ("resource.customizations.health", "return {}"),
            ("resource.exclusion", "[]"),
            ("installationID", "blue"),
        ]));
        assert_eq!(settings.reconciliation, Settings::default().reconciliation);
        assert_eq!(settings.installation_id, "blue");
        let hint = |key: &str| {
            problems.iter().find(|problem| problem.key == key).and_then(|problem| problem.hint.as_deref())
        };
        assert_eq!(problems.len(), 6, "{problems:?}");
        assert_eq!(hint("timeout.reconciliation"), Some("write `180s`"));
        assert_eq!(hint("resource.exclusion"), Some("did you mean `resource.exclusions`?"));
        assert_eq!(
            hint("resource.customizations.ignoreDifference.apps_Deployment"),
            Some("did you mean `ignoreDifferences`?")
        );
    }
}
