//! Configurations that the tests share, and what they look at in the cluster.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use bridgehead_e2e::Stage;
use bridgehead_test_harness::{Cluster, binary, terraform::Terraform};

/// The kinds of workloads that the tests deploy.
const WORKLOADS: [(&str, &str, &str); 2] = [("apps", "v1", "Deployment"), ("", "v1", "ConfigMap")];

/// A provider block for the cluster.
pub(crate) fn provider(cluster: &Cluster) -> String {
    format!(
        "provider \"bridgehead\" {{\n  kubernetes = {{ config_path = \"{}\" }}\n}}\n",
        cluster.kubeconfig().display()
    )
}

/// A Terraform with this configuration below the provider block.
pub(crate) fn terraform(cluster: &Cluster, configuration: &str) -> Result<Terraform> {
    let binary = binary("terraform-provider-bridgehead")?;
    Terraform::new(&binary, &format!("{}{configuration}", provider(cluster)))
}

/// An application with automated sync.
pub(crate) struct Application<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) address: &'a str,
    /// Of its own for each test: tracking ids name the application, and not the agent.
    pub(crate) name: &'a str,
    pub(crate) url: &'a str,
    pub(crate) path: &'a str,
    /// Namespace of the workloads.
    pub(crate) destination: &'a str,
    pub(crate) on_destroy: &'a str,
    /// More lines.
    pub(crate) more: &'a str,
}

impl Application<'_> {
    /// The resource.
    pub(crate) fn resource(&self) -> String {
        format!(
            r#"
resource "bridgehead_application" "{address}" {{
  name        = "{name}"
  namespace   = "{control}"
  source      = {{ repo_url = "{url}", path = "{path}", target_revision = "HEAD" }}
  destination = {{ server = "https://kubernetes.default.svc", namespace = "{destination}" }}
  sync_policy = {{
    automated    = {{ prune = true, self_heal = true }}
    sync_options = ["CreateNamespace=true"]
    retry        = {{ limit = 1, backoff = {{ duration = "1s" }} }}
  }}
  on_destroy = "{on_destroy}"
  {more}
}}
"#,
            address = self.address,
            name = self.name,
            control = self.stage.namespace,
            url = self.url,
            path = self.path,
            destination = self.destination,
            on_destroy = self.on_destroy,
            more = self.more,
        )
    }

    /// The resource, and a wait for it with these lines.
    pub(crate) fn awaited(&self, lines: &str) -> String {
        format!(
            r#"{application}
resource "bridgehead_application_wait" "{address}" {{
  name      = bridgehead_application.{address}.name
  namespace = bridgehead_application.{address}.namespace
  {lines}
}}
"#,
            application = self.resource(),
            address = self.address,
        )
    }
}

/// UIDs of the workloads in a namespace, by kind and name.
pub(crate) async fn workloads(stage: &Stage, namespace: &str) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for (group, version, kind) in WORKLOADS {
        let objects = stage.objects(group, version, kind, namespace);
        for object in objects.list(&kube::api::ListParams::default()).await? {
            let (name, uid) = (object.metadata.name, object.metadata.uid);
            let name = name.context("an object has a name")?;
            if name != "kube-root-ca.crt" {
                found.insert(format!("{kind}/{name}"), uid.context("an object has a UID")?);
            }
        }
    }
    Ok(found)
}
