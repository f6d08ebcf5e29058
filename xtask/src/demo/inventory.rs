//! All objects of a cluster but those that come and go by themselves.

use std::collections::BTreeSet;

use anyhow::Result;
use bridgehead_test_harness::agent::dynamic;
use kube::Client;
use kube::api::ListParams;
use kube::discovery::{Discovery, verbs};

/// Kinds that the cluster itself writes at any time.
const OWN: [&str; 2] = ["Event", "Lease"];

/// Kind, namespace and name of every object.
pub(super) async fn list(client: &Client) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let discovery = Discovery::new(client.clone()).run().await?;
    for (resource, capabilities) in
        discovery.groups().flat_map(kube::discovery::ApiGroup::recommended_resources)
    {
        if OWN.contains(&resource.kind.as_str()) || !capabilities.supports_operation(verbs::LIST) {
            continue;
        }
        let objects = match dynamic(client, &resource, None).list(&ListParams::default()).await {
            Ok(objects) => objects,
            // A definition that went between the two requests.
            Err(kube::Error::Api(status)) if status.code == 404 => continue,
            Err(error) => return Err(error.into()),
        };
        for object in objects {
            let namespace = object.metadata.namespace.unwrap_or_default();
            let name = object.metadata.name.unwrap_or_default();
            found.insert(format!("{}/{} {namespace}/{name}", resource.group, resource.kind));
        }
    }
    Ok(found)
}
