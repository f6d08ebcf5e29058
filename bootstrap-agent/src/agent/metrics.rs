//! Metrics in Argo CD's names where they say the same, and in ours for the rest.

use std::sync::atomic::AtomicI64;

use bridgehead_api::application::SyncPolicyAutomated;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::controller::Controller;
use crate::controller::world::World;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AppInfo {
    namespace: String,
    name: String,
    project: String,
    repo: String,
    dest_server: String,
    dest_namespace: String,
    sync_status: String,
    health_status: String,
    operation: String,
    autosync_enabled: String,
}

/// All metrics, in the text format.
pub(super) fn render<W: World>(controller: &Controller<W>) -> String {
    let mut registry = Registry::default();
    let info = Family::<AppInfo, Gauge<i64, AtomicI64>>::default();
    for (key, entry) in controller.applications() {
        let application = &entry.application;
        let source = application.spec.source.as_ref().or(application.spec.sources.first());
        let policy = application.spec.sync_policy.as_ref().and_then(|policy| policy.automated.as_ref());
        let labels = AppInfo {
            namespace: key.namespace.to_string(),
            name: key.name.to_string(),
            project: application.spec.project.clone(),
            repo: source
                .map(|source| bridgehead_api::secret::without_user_info(&source.repo_url))
                .unwrap_or_default(),
            dest_server: application.spec.destination.server.clone(),
            dest_namespace: application.spec.destination.namespace.clone(),
            sync_status: application.status.sync.status.map_or("Unknown", |status| status.as_str()).into(),
            health_status: application
                .status
                .health
                .status
                .map_or("Unknown", |status| status.as_str())
                .into(),
            operation: application.operation.as_ref().map_or("", |_| "sync").into(),
            autosync_enabled: policy.is_some_and(SyncPolicyAutomated::is_enabled).to_string(),
        };
        info.get_or_create(&labels).set(1);
    }
    registry.register("argocd_app_info", "Applications and what is known of them", info);
    let counters = controller.counters();
    registry.register(
        "bridgehead_passes",
        "Passes over applications",
        ConstCounter::new(counters.passes.get()),
    );
    registry.register(
        "bridgehead_advertisements",
        "Times that a repository was asked for its refs",
        ConstCounter::new(counters.advertisements.get()),
    );
    registry.register(
        "bridgehead_passes_again",
        "Passes that were made again at once because their application changed",
        ConstCounter::new(counters.again.get()),
    );
    let mut text = String::new();
    // Writing into a text cannot fail.
    let _ = encode(&mut text, &registry);
    text
}
