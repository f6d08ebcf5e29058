//! All objects of a cluster but those that come and go by themselves.

use std::collections::BTreeSet;

use anyhow::Result;
use bridgehead_test_harness::agent::dynamic;
use kube::api::ListParams;
use kube::discovery::{ApiGroup, Discovery, verbs};
use kube::{Client, ResourceExt};

/// Kinds that the cluster itself writes at any time.
const OWN: [&str; 2] = ["Event", "Lease"];

/// Kind, namespace and name of every object.
pub async fn list(client: &Client) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let discovery = Discovery::new(client.clone()).run_aggregated().await?;
    let kinds = discovery.groups().flat_map(ApiGroup::recommended_resources);
    for (resource, capabilities) in kinds {
        if OWN.contains(&resource.kind.as_str()) || !capabilities.supports_operation(verbs::LIST) {
            continue;
        }
        let objects = match dynamic(client, &resource, None).list_metadata(&ListParams::default()).await {
            Ok(objects) => objects,
            // A definition that went between the two requests.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 405) => continue,
            Err(error) => return Err(error.into()),
        };
        found.extend(objects.items.iter().map(|object| {
            let namespace = object.namespace().unwrap_or_default();
            format!("{}/{} {namespace}/{}", resource.group, resource.kind, object.name_any())
        }));
    }
    Ok(found)
}
