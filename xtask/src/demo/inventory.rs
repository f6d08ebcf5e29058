//! What is in a cluster, to compare it before and after.

use std::collections::BTreeSet;

use anyhow::Result;
use bridgehead_test_harness::agent::dynamic;
use kube::ResourceExt;
use kube::api::{DynamicObject, ListParams, PartialObjectMeta};
use kube::discovery::{Discovery, verbs};

use super::stage::{NAMESPACES, PRIORITY_CLASSES, Stage};

/// Kinds that the cluster itself writes at any time.
const OWN: [&str; 2] = ["Event", "Lease"];
/// The provider's name in managed fields.
const MANAGER: &str = "bridgehead";

/// Kind, namespace and name of every object; in the user's cluster, where others work at the
/// same time, of those only that the configuration and its agent have to do with.
pub(super) async fn list(stage: &Stage) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let discovery = Discovery::new(stage.client.clone()).run_aggregated().await?;
    for (resource, capabilities) in
        discovery.groups().flat_map(kube::discovery::ApiGroup::recommended_resources)
    {
        if OWN.contains(&resource.kind.as_str()) || !capabilities.supports_operation(verbs::LIST) {
            continue;
        }
        let listed = dynamic(&stage.client, &resource, None).list_metadata(&ListParams::default()).await;
        let objects = match listed {
            Ok(objects) => objects,
            // A definition that went between the two requests, or an API that is not there for
            // us: nothing of ours is in it.
            Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404 | 405 | 503) => continue,
            Err(error) => return Err(error.into()),
        };
        for object in objects {
            if !stage.is_users() || is_ours(&object) {
                let namespace = object.namespace().unwrap_or_default();
                found.insert(format!(
                    "{}/{} {namespace}/{}",
                    resource.group,
                    resource.kind,
                    object.name_any()
                ));
            }
        }
    }
    Ok(found)
}

fn is_ours(object: &PartialObjectMeta<DynamicObject>) -> bool {
    let name = object.name_any();
    let named = [&NAMESPACES[..], &PRIORITY_CLASSES].iter().any(|names| names.contains(&name.as_str()));
    let inside = object.namespace().is_some_and(|namespace| NAMESPACES.contains(&namespace.as_str()));
    let mut managers = object.managed_fields().iter().filter_map(|entry| entry.manager.as_deref());
    named || inside || managers.any(|manager| manager == MANAGER)
}
