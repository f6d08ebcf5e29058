//! The floor: the same objects, created by a client that does nothing else.

use std::time::Instant;

use anyhow::{Context, Result};
use bridgehead_test_harness::agent::{dynamic, kind};
use bridgehead_test_harness::{Cluster, Options};
use futures::{StreamExt, TryStreamExt};
use kube::api::{DynamicObject, PostParams};
use serde_json::{Value, json};

use super::{Scale, namespaces, repository};

pub(super) async fn run(scale: Scale) -> Result<Value> {
    let cluster = Cluster::start(Options::named("bench-floor"))?;
    let client = cluster.client().await?;
    namespaces(&client).await?;
    let begun = Instant::now();
    let all =
        (0..scale.applications).flat_map(|number| (0..scale.objects).map(move |object| (number, object)));
    futures::stream::iter(all)
        .map(|(number, object)| {
            let client = client.clone();
            async move {
                let what = match object {
                    1 => "Service",
                    2 => "Secret",
                    _ => "ConfigMap",
                };
                let api = dynamic(&client, &kind("", "v1", what), Some(&repository::namespace(number)));
                let manifest = value(number, object, what);
                let manifest: DynamicObject = serde_json::from_value(manifest)?;
                api.create(&PostParams::default(), &manifest).await.context("failed to create an object")
            }
        })
        .buffer_unordered(32)
        .try_for_each(|_| async { Ok(()) })
        .await?;
    Ok(json!({"seconds": begun.elapsed().as_secs_f64(), "requests": scale.applications * scale.objects}))
}

/// The same object that the repository holds, as JSON.
fn value(number: usize, object: usize, what: &str) -> Value {
    let name = repository::object_name(number, object);
    let metadata = json!({"name": name, "labels": {"app": name}});
    match what {
        "Service" => json!({
            "apiVersion": "v1", "kind": what, "metadata": metadata,
            "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
        }),
        "Secret" => {
            json!({"apiVersion": "v1", "kind": what, "metadata": metadata, "type": "Opaque", "data": {"key": "dmFsdWU="}})
        }
        _ => json!({
            "apiVersion": "v1", "kind": what, "metadata": metadata,
            "data": {"value": "first", "padding": "0123456789".repeat(20)},
        }),
    }
}
