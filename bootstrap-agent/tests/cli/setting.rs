//! A namespace with CRDs in a real cluster, and the program.

use std::process::Output;

use anyhow::{Context, Result};
use bridgehead_test_harness::{Probe, namespace, test_cluster, wait_for_object};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::sync::OnceCell;

/// A namespace of the test's own.
pub(crate) struct Setting {
    pub(crate) client: kube::Client,
    pub(crate) namespace: String,
}

/// What the program printed, and its exit code.
#[derive(Debug)]
pub(crate) struct Printed {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Setting {
    pub(crate) async fn new(name: &str) -> Result<Self> {
        static DEFINED: OnceCell<()> = OnceCell::const_new();
        let client = test_cluster().client().await?;
        DEFINED.get_or_try_init(|| define(&client)).await?;
        let namespace = namespace(&client, name).await?;
        Ok(Self { client, namespace })
    }

    fn api(&self, kind: &str, plural: &str) -> Api<DynamicObject> {
        let resource = ApiResource {
            group: "argoproj.io".to_owned(),
            version: "v1alpha1".to_owned(),
            api_version: "argoproj.io/v1alpha1".to_owned(),
            kind: kind.to_owned(),
            plural: plural.to_owned(),
        };
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource)
    }

    pub(crate) fn applications(&self) -> Api<DynamicObject> {
        self.api("Application", "applications")
    }

    pub(crate) fn projects(&self) -> Api<DynamicObject> {
        self.api("AppProject", "appprojects")
    }

    /// Creates an application with a source and whatever `more` says of `spec`, `status` and the rest.
    pub(crate) async fn application(&self, name: &str, more: Value) -> Result<DynamicObject> {
        let mut value = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": name},
            "spec": {
                "project": "default",
                "source": {"repoURL": "https://git.example.com/config.git", "path": name, "targetRevision": "main"},
                "destination": {"server": "https://kubernetes.default.svc", "namespace": name},
            },
        });
        merge(&mut value, more);
        let object = serde_json::from_value(value)?;
        Ok(self.applications().create(&PostParams::default(), &object).await?)
    }

    pub(crate) async fn patch(&self, name: &str, change: Value) -> Result<DynamicObject> {
        let change = Patch::Merge(change);
        Ok(self.applications().patch(name, &PatchParams::default(), &change).await?)
    }

    /// The application, once `ready` says so.
    pub(crate) async fn until(&self, name: &str, what: &str, ready: fn(&Value) -> bool) -> Result<Value> {
        wait_for_object(&self.applications(), name, what, |object| {
            let value = object.and_then(|object| serde_json::to_value(object).ok()).unwrap_or_default();
            if ready(&value) { Probe::Done(value) } else { Probe::NotYet(value.to_string()) }
        })
        .await
    }

    /// Runs the program to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Result<Printed> {
        printed(self.start(arguments)?).await
    }

    /// Starts the program. It ends with the test.
    pub(crate) fn start(&self, arguments: &[&str]) -> Result<Child> {
        Command::new(env!("CARGO_BIN_EXE_bridgehead"))
            .args(arguments)
            .arg("--kubeconfig")
            .arg(test_cluster().kubeconfig())
            .args(["--namespace", &self.namespace])
            .env_remove("ARGOCD_NAMESPACE")
            .env_remove("KUBECTL_EXTERNAL_DIFF")
            .env("XDG_CACHE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/cache"))
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("failed to start bridgehead")
    }
}

pub(crate) async fn printed(child: Child) -> Result<Printed> {
    let Output { status, stdout, stderr } = child.wait_with_output().await?;
    Ok(Printed {
        code: status.code().context("bridgehead was ended by a signal")?,
        out: String::from_utf8(stdout)?,
        err: String::from_utf8(stderr)?,
    })
}

async fn define(client: &kube::Client) -> Result<()> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for definition in bridgehead_install::custom_resource_definitions() {
        let definition: CustomResourceDefinition = serde_json::from_value(definition)?;
        let name = api.create(&PostParams::default(), &definition).await?.metadata.name.unwrap_or_default();
        wait_for_object(&api, &name, "the definition to be Established", |definition| {
            let conditions = definition
                .and_then(|definition| definition.status.clone())
                .and_then(|status| status.conditions)
                .unwrap_or_default();
            let established = conditions.iter().any(|it| it.type_ == "Established" && it.status == "True");
            Probe::when(established, format!("{conditions:?}"))
        })
        .await?;
    }
    Ok(())
}

fn merge(value: &mut Value, more: Value) {
    match (value, more) {
        (Value::Object(fields), Value::Object(more)) => {
            for (name, field) in more {
                merge(fields.entry(name).or_insert(Value::Null), field);
            }
        }
        (value, more) => *value = more,
    }
}
