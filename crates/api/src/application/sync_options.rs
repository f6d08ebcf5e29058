//! Sync options: `Name=value`, in a list for the application, and comma-separated in an annotation for one object.

/// Whether something that destroys is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Confirmable {
    /// It is.
    #[default]
    Allowed,
    /// It is not.
    Refused,
    /// Once a person has approved.
    NeedsConfirmation,
}

/// How dependents go when their owner is pruned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PropagationPolicy {
    /// Before it.
    #[default]
    Foreground,
    /// After it.
    Background,
    /// Not at all.
    Orphan,
}

impl PropagationPolicy {
    /// The word of the API's delete options.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Foreground => "Foreground",
            Self::Background => "Background",
            Self::Orphan => "Orphan",
        }
    }
}

/// The options of one sync.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncOptions {
    /// Check manifests against the schemas of their kinds.
    pub validate: bool,
    /// Create the destination's namespace where it is absent.
    pub create_namespace: bool,
    /// Delete only after everything else works.
    pub prune_last: bool,
    /// Whether objects that Git no longer has are deleted.
    pub prune: Confirmable,
    /// Whether objects are deleted with their application.
    pub delete: Confirmable,
    /// How dependents of pruned objects go.
    pub prune_propagation_policy: PropagationPolicy,
    /// Replace objects instead of patching them.
    pub replace: bool,
    /// Delete and create again what cannot be changed in place.
    pub force: bool,
    /// Apply on the server's side.
    pub server_side_apply: bool,
    /// Take over the fields of a client-side apply before the first one on the server's side.
    pub client_side_apply_migration: bool,
    /// Apply only what differs.
    pub apply_out_of_sync_only: bool,
    /// Leave ignored fields as they are in the cluster.
    pub respect_ignore_differences: bool,
    /// Fail where an object belongs to another application too.
    pub fail_on_shared_resource: bool,
    /// Objects of a kind that the cluster does not know yet do not fail the check before the sync.
    pub skip_dry_run_on_missing_resource: bool,
    /// Options that are not known, or whose value is not, as they stand.
    pub unknown: Vec<String>,
}

impl Default for SyncOptions {
    fn default() -> Self {
        Self {
            validate: true,
            create_namespace: false,
            prune_last: false,
            prune: Confirmable::Allowed,
            delete: Confirmable::Allowed,
            prune_propagation_policy: PropagationPolicy::Foreground,
            replace: false,
            force: false,
            server_side_apply: false,
            client_side_apply_migration: true,
            apply_out_of_sync_only: false,
            respect_ignore_differences: false,
            fail_on_shared_resource: false,
            skip_dry_run_on_missing_resource: false,
            unknown: Vec::new(),
        }
    }
}

/// The options that hold for one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceSyncOptions {
    /// Check the manifest against the schema of its kind.
    pub validate: bool,
    /// Delete it only after everything else works.
    pub prune_last: bool,
    /// Whether it is deleted once Git no longer has it.
    pub prune: Confirmable,
    /// Whether it is deleted with its application.
    pub delete: Confirmable,
    /// Replace it instead of patching it.
    pub replace: bool,
    /// Delete and create it again if it cannot be changed in place.
    pub force: bool,
    /// Apply on the server's side.
    pub server_side_apply: bool,
    /// That the cluster does not know its kind yet does not fail the check before the sync.
    pub skip_dry_run_on_missing_resource: bool,
    /// Options that are not known, or whose value is not, as they stand.
    pub unknown: Vec<String>,
}

/// Options of an application, with the values they take.
pub const APPLICATION_OPTIONS: &[(&str, &[&str])] = &[
    ("Validate", BOOLEAN),
    ("CreateNamespace", BOOLEAN),
    ("PruneLast", BOOLEAN),
    ("Prune", CONFIRMABLE),
    ("Delete", CONFIRMABLE),
    ("PrunePropagationPolicy", &["foreground", "background", "orphan"]),
    ("Replace", BOOLEAN),
    ("Force", BOOLEAN),
    ("ServerSideApply", BOOLEAN),
    ("ClientSideApplyMigration", BOOLEAN),
    ("ApplyOutOfSyncOnly", BOOLEAN),
    ("RespectIgnoreDifferences", BOOLEAN),
    ("FailOnSharedResource", BOOLEAN),
    ("SkipDryRunOnMissingResource", BOOLEAN),
];

/// Options of one object, with the values they take.
pub const RESOURCE_OPTIONS: &[(&str, &[&str])] = &[
    ("Validate", BOOLEAN),
    ("PruneLast", BOOLEAN),
    ("Prune", CONFIRMABLE),
    ("Delete", CONFIRMABLE),
    ("Replace", BOOLEAN),
    ("Force", BOOLEAN),
    ("ServerSideApply", BOOLEAN),
    ("SkipDryRunOnMissingResource", BOOLEAN),
];

const BOOLEAN: &[&str] = &["true", "false"];
const CONFIRMABLE: &[&str] = &["true", "false", "confirm"];

impl SyncOptions {
    /// Reads an application's list. Of an option that is given twice the first counts, as in Argo CD.
    pub fn parse<S: AsRef<str>>(list: &[S]) -> Self {
        let mut options = Self::default();
        let mut seen = Vec::new();
        for item in list {
            let item = item.as_ref().trim();
            let (name, value) = item.split_once('=').unwrap_or((item, ""));
            if seen.contains(&name) {
                continue;
            }
            if options.set(name, value).is_some() {
                seen.push(name);
            } else {
                options.unknown.push(item.to_owned());
            }
        }
        options
    }

    fn set(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "Validate" => self.validate = boolean(value)?,
            "CreateNamespace" => self.create_namespace = boolean(value)?,
            "PruneLast" => self.prune_last = boolean(value)?,
            "Prune" => self.prune = confirmable(value)?,
            "Delete" => self.delete = confirmable(value)?,
            "PrunePropagationPolicy" => self.prune_propagation_policy = propagation(value)?,
            "Replace" => self.replace = boolean(value)?,
            "Force" => self.force = boolean(value)?,
            "ServerSideApply" => self.server_side_apply = boolean(value)?,
            "ClientSideApplyMigration" => self.client_side_apply_migration = boolean(value)?,
            "ApplyOutOfSyncOnly" => self.apply_out_of_sync_only = boolean(value)?,
            "RespectIgnoreDifferences" => self.respect_ignore_differences = boolean(value)?,
            "FailOnSharedResource" => self.fail_on_shared_resource = boolean(value)?,
            "SkipDryRunOnMissingResource" => self.skip_dry_run_on_missing_resource = boolean(value)?,
            _ => return None,
        }
        Some(())
    }

    /// The options for one object: the application's, overridden by the object's `sync-options` annotation.
    pub fn for_resource(&self, annotation: Option<&str>) -> ResourceSyncOptions {
        let mut options = ResourceSyncOptions {
            validate: self.validate,
            prune_last: self.prune_last,
            prune: self.prune,
            delete: self.delete,
            replace: self.replace,
            force: self.force,
            server_side_apply: self.server_side_apply,
            skip_dry_run_on_missing_resource: self.skip_dry_run_on_missing_resource,
            unknown: Vec::new(),
        };
        let items = annotation.unwrap_or_default().split(',').map(str::trim).filter(|item| !item.is_empty());
        for item in items {
            let (name, value) = item.split_once('=').unwrap_or((item, ""));
            if options.set(name, value).is_none() {
                options.unknown.push(item.to_owned());
            }
        }
        options
    }
}

impl ResourceSyncOptions {
    fn set(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "Validate" => self.validate = boolean(value)?,
            "PruneLast" => self.prune_last = boolean(value)?,
            "Prune" => self.prune = confirmable(value)?,
            "Delete" => self.delete = confirmable(value)?,
            "Replace" => self.replace = boolean(value)?,
            "Force" => self.force = boolean(value)?,
            "ServerSideApply" => self.server_side_apply = boolean(value)?,
            "SkipDryRunOnMissingResource" => self.skip_dry_run_on_missing_resource = boolean(value)?,
            _ => return None,
        }
        Some(())
    }
}

fn boolean(value: &str) -> Option<bool> {
    value.parse().ok()
}

fn confirmable(value: &str) -> Option<Confirmable> {
    match value {
        "true" => Some(Confirmable::Allowed),
        "false" => Some(Confirmable::Refused),
        "confirm" => Some(Confirmable::NeedsConfirmation),
        _ => None,
    }
}

fn propagation(value: &str) -> Option<PropagationPolicy> {
    match value {
        "foreground" => Some(PropagationPolicy::Foreground),
        "background" => Some(PropagationPolicy::Background),
        "orphan" => Some(PropagationPolicy::Orphan),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{APPLICATION_OPTIONS, Confirmable, PropagationPolicy, RESOURCE_OPTIONS, SyncOptions};

    #[test]
    fn an_empty_list_gives_the_defaults() {
        assert_eq!(SyncOptions::parse::<&str>(&[]), SyncOptions::default());
    }

    #[test]
    fn every_listed_option_and_value_is_read() {
        for (name, values) in APPLICATION_OPTIONS {
            for value in *values {
                let options = SyncOptions::parse(&[format!("{name}={value}")]);
                assert!(options.unknown.is_empty(), "{name}={value}");
            }
        }
        for (name, values) in RESOURCE_OPTIONS {
            for value in *values {
                let options = SyncOptions::default().for_resource(Some(&format!("{name}={value}")));
                assert!(options.unknown.is_empty(), "{name}={value}");
            }
        }
    }

    #[test]
    fn unknown_options_and_values_are_kept_as_they_stand() {
        let options =
            SyncOptions::parse(&["Prune=maybe", "CreateNamespaces=true", "Replace", "CreateNamespace=true"]);
        assert_eq!(options.unknown, ["Prune=maybe", "CreateNamespaces=true", "Replace"]);
        assert!(options.create_namespace);
    }

    #[test]
    fn the_first_of_two_values_counts() {
        let options =
            SyncOptions::parse(&["PrunePropagationPolicy=orphan", "PrunePropagationPolicy=background"]);
        assert_eq!(options.prune_propagation_policy, PropagationPolicy::Orphan);
    }

    #[test]
    fn an_object_overrides_its_application() {
        let application = SyncOptions::parse(&["ServerSideApply=true", "Prune=false"]);
        let object =
            application.for_resource(Some(" Prune=confirm , ServerSideApply=false,CreateNamespace=true"));
        assert_eq!(object.prune, Confirmable::NeedsConfirmation);
        assert!(!object.server_side_apply);
        assert_eq!(object.unknown, ["CreateNamespace=true"]);
        assert_eq!(application.for_resource(None).prune, Confirmable::Refused);
    }
}
