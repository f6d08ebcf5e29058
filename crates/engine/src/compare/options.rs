//! What a comparison needs to know of the application.

use bridgehead_api::ObjectKey;
use bridgehead_api::application::{ApplicationSpec, SyncOptions};

use crate::health::HealthRules;

/// What a comparison needs to know of the application.
#[derive(Clone, Debug, Default)]
pub struct CompareOptions {
    /// Instance name, as tracking ids carry it.
    pub application: String,
    /// The application's sync options.
    pub sync: SyncOptions,
    /// The destination namespace, where the sync keeps its labels and annotations: it is never extraneous.
    pub managed_namespace: Option<String>,
    /// What the objects' health depends on beside themselves.
    pub health: HealthRules,
}

impl CompareOptions {
    /// The options of an application, by its specification, instance name and what health depends on.
    pub fn of(spec: &ApplicationSpec, instance: &str, health: HealthRules) -> Self {
        let policy = spec.sync_policy.as_ref();
        let sync =
            SyncOptions::parse(policy.map(|policy| policy.sync_options.as_slice()).unwrap_or_default());
        let managed = policy.is_some_and(|policy| policy.managed_namespace_metadata.is_some());
        Self {
            application: instance.to_owned(),
            managed_namespace: managed.then(|| spec.destination.namespace.clone()),
            sync,
            health,
        }
    }

    /// True if the key is the Application's own.
    pub(super) fn is_itself(&self, key: &ObjectKey) -> bool {
        *self.application == *key.name
            || self.application.split_once('_') == Some((key.namespace(), &key.name))
    }
}
