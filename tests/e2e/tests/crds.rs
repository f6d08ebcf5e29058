//! The API server treats objects under our CustomResourceDefinitions as it does under Argo CD's.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use bridgehead_api::crd::{self, Kind};
use bridgehead_test_harness::{Probe, namespace, test_cluster, wait_for, workspace};
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Expected {
    Stored(Value),
    Refused(BTreeSet<Cause>),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Cause {
    field: String,
    reason: String,
}

fn objects(client: &Client, kind: Kind, namespace: &str) -> Api<DynamicObject> {
    let gvk = GroupVersionKind::gvk(bridgehead_api::GROUP, bridgehead_api::VERSION, kind.as_str());
    Api::namespaced_with(client.clone(), namespace, &ApiResource::from_gvk_with_plural(&gvk, kind.plural()))
}

/// A client of a cluster in which our definitions are served.
async fn client() -> Result<Client> {
    let client = test_cluster().client().await?;
    let gvk = GroupVersionKind::gvk("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
    let definitions: Api<DynamicObject> = Api::all_with(client.clone(), &ApiResource::from_gvk(&gvk));
    for definition in crd::all() {
        let object: DynamicObject = serde_json::from_value(definition)?;
        match definitions.create(&PostParams::default(), &object).await {
            Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => {}
            other => {
                other.with_context(|| format!("failed to create {:?}", object.metadata.name))?;
            }
        }
    }
    for kind in Kind::ALL {
        let name = format!("{}.{}", kind.plural(), bridgehead_api::GROUP);
        wait_for(&format!("{name} to be established without complaint"), async || {
            let live = definitions.get(&name).await?;
            let conditions = live.data["status"]["conditions"].as_array().cloned().unwrap_or_default();
            let holds = |wanted: &str| {
                conditions
                    .iter()
                    .any(|condition| condition["type"] == wanted && condition["status"] == "True")
            };
            ensure!(!holds("NonStructuralSchema"), "{name} is not structural: {conditions:?}");
            Ok(Probe::when(holds("Established") && holds("NamesAccepted"), format!("{conditions:?}")))
        })
        .await?;
    }
    Ok(client)
}

fn without_metadata(object: &DynamicObject) -> Result<Value> {
    let mut value = serde_json::to_value(object)?;
    let fields = value.as_object_mut().context("an object")?;
    for key in ["apiVersion", "kind", "metadata"] {
        fields.remove(key);
    }
    Ok(value)
}

fn yaml<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
    serde_saphyr::from_str(&text).with_context(|| format!("failed to parse {}", path.display()))
}

/// `None` where the case holds, else what is different.
async fn check(client: &Client, namespace: &str, folder: &Path) -> Result<Option<String>> {
    let mut input: Value = yaml(&folder.join("input.yaml"))?;
    let expected: Expected = yaml(&folder.join("expect.yaml"))?;
    let kind = input["kind"].as_str().and_then(Kind::from_name).context("`kind` is one of the three")?;
    input["metadata"]["name"] = folder.file_name().and_then(|name| name.to_str()).context("a name")?.into();
    let object: DynamicObject = serde_json::from_value(input)?;
    let created = objects(client, kind, namespace).create(&PostParams::default(), &object).await;
    Ok(match (created, expected) {
        (Ok(live), Expected::Stored(expected)) => {
            let stored = without_metadata(&live)?;
            (stored != expected).then(|| format!("stored {stored:#}\ninstead of {expected:#}"))
        }
        (Ok(live), Expected::Refused(causes)) => {
            Some(format!("stored {:#} instead of {causes:?}", live.data))
        }
        (Err(kube::Error::Api(status)), Expected::Refused(expected)) => {
            let details =
                status.details.as_ref().map(|details| details.causes.as_slice()).unwrap_or_default();
            let causes: BTreeSet<_> = details
                .iter()
                .map(|it| Cause { field: it.field.clone(), reason: it.reason.clone() })
                .collect();
            (causes != expected).then(|| format!("refused for {causes:?}\ninstead of {expected:?}: {status}"))
        }
        (Err(error), _) => Some(format!("refused: {error}")),
    })
}

#[tokio::test]
async fn objects_are_pruned_and_refused_as_under_argo_cds_definitions() -> Result<()> {
    let client = client().await?;
    let namespace = namespace(&client, "crds").await?;
    let corpus = workspace().join("tests/corpus/crds");
    let mut folders: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(&corpus)? {
        let path = entry?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    ensure!(folders.len() > 40, "the corpus is in {}", corpus.display());
    let mut failures = Vec::new();
    for folder in &folders {
        let name = folder.display();
        match check(&client, &namespace, folder).await {
            Ok(None) => {}
            Ok(Some(difference)) => failures.push(format!("{name}: {difference}")),
            Err(error) => failures.push(format!("{name}: {error:#}")),
        }
    }
    ensure!(failures.is_empty(), "\n{}", failures.join("\n\n"));
    Ok(())
}

/// An object with every field that the schema has.
fn sample(schema: &Value) -> Value {
    if let Some(word) = schema["enum"].get(0) {
        return word.clone();
    }
    if schema.get("x-kubernetes-int-or-string").is_some() {
        return json!("25%");
    }
    match schema["type"].as_str() {
        Some("object") => {
            let mut fields = serde_json::Map::new();
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                fields.insert(name.clone(), sample(property));
            }
            if let Some(values) = schema.get("additionalProperties") {
                fields.insert("key".to_owned(), sample(values));
            }
            if schema.get("x-kubernetes-preserve-unknown-fields").is_some() {
                fields.insert("anything".to_owned(), json!({"at": ["all", null]}));
            }
            Value::Object(fields)
        }
        Some("array") => json!([sample(&schema["items"])]),
        Some("integer") => json!(7),
        Some("boolean") => json!(true),
        Some("string") if schema["format"] == "date-time" => json!("2026-10-01T08:00:00Z"),
        Some("string") => json!("words"),
        _ => json!({"anything": ["at", "all"]}),
    }
}

#[tokio::test]
async fn every_field_of_the_schemas_is_stored_as_written() -> Result<()> {
    let client = client().await?;
    let namespace = namespace(&client, "every-field").await?;
    for kind in Kind::ALL {
        let mut object = sample(kind.schema());
        object["apiVersion"] = bridgehead_api::API_VERSION.into();
        object["kind"] = kind.as_str().into();
        object["metadata"] = json!({"name": "every-field"});
        let wanted: DynamicObject = serde_json::from_value(object)?;
        let api = objects(&client, *kind, &namespace);
        let strict = PostParams { field_manager: None, dry_run: false };
        let mut live =
            api.create(&strict, &wanted).await.with_context(|| format!("failed to create {kind:?}"))?;
        if *kind == Kind::ApplicationSet {
            live.data["status"] = wanted.data["status"].clone();
            live = api
                .replace_status("every-field", &strict, &live)
                .await
                .context("failed to write the status")?;
        }
        ensure!(live.data == wanted.data, "{kind:?} was stored as {:#}", live.data);
    }
    Ok(())
}

#[tokio::test]
async fn a_written_type_is_read_back_as_the_same_value() -> Result<()> {
    let client = client().await?;
    let namespace = namespace(&client, "types").await?;
    let sample = sample(Kind::Application.schema());
    let mut wanted = bridgehead_api::application::Application::from_value(sample)?;
    wanted.api_version = bridgehead_api::API_VERSION.to_owned();
    wanted.kind = "Application".to_owned();
    wanted.metadata = bridgehead_api::metadata::ObjectMeta::named(&namespace, "types");
    let object: DynamicObject = serde_json::from_value(serde_json::to_value(&wanted)?)?;
    let live =
        objects(&client, Kind::Application, &namespace).create(&PostParams::default(), &object).await?;
    let read = bridgehead_api::application::Application::from_value(serde_json::to_value(&live)?)?;
    assert_eq!((read.spec, read.status, read.operation), (wanted.spec, wanted.status, wanted.operation));
    Ok(())
}

/// What a check of a manifest says, and that of it which the schemas say too.
#[derive(Deserialize)]
struct Check {
    valid: bool,
    #[serde(default)]
    errors: Vec<CheckError>,
}

#[derive(Deserialize)]
struct CheckError {
    path: String,
    says: String,
}

impl CheckError {
    fn is_the_schemas(&self) -> bool {
        ["unknown field", "required", "boolean"].iter().any(|word| self.says.contains(word))
    }
}

/// `None` where the API server judges all documents of a case as its check does.
async fn judge(client: &Client, namespace: &str, folder: &Path) -> Result<Option<String>> {
    let expected: Check = yaml(&folder.join("expect.yaml"))?;
    let text = std::fs::read_to_string(folder.join("manifest.yaml"))?;
    let case = folder.file_name().and_then(|name| name.to_str()).context("a case has a name")?;
    let schemas: Vec<&CheckError> = expected.errors.iter().filter(|error| error.is_the_schemas()).collect();
    if !expected.valid && schemas.is_empty() {
        return Ok(None);
    }
    let strict = PatchParams { force: true, ..PatchParams::apply("test").validation_strict() };
    for (index, mut document) in serde_saphyr::from_multiple::<Value>(&text)?.into_iter().enumerate() {
        let kind =
            document["kind"].as_str().and_then(Kind::from_name).context("`kind` is one of the three")?;
        let name = format!("{case}-{index}");
        document["metadata"]["name"] = name.clone().into();
        document["metadata"]["namespace"] = namespace.into();
        let answer = objects(client, kind, namespace).patch(&name, &strict, &Patch::Apply(&document)).await;
        match answer {
            Ok(live) if expected.valid => {
                if live.data["spec"] != document["spec"] {
                    return Ok(Some(format!(
                        "stored {:#}\ninstead of {:#}",
                        live.data["spec"], document["spec"]
                    )));
                }
            }
            Ok(_) => return Ok(Some("stored".to_owned())),
            Err(kube::Error::Api(status)) if !expected.valid => {
                let fields = schemas.iter().filter_map(|error| error.path.rsplit('.').next());
                if !fields.into_iter().any(|field| status.message.contains(field)) {
                    return Ok(Some(format!("refused for something else: {status}")));
                }
            }
            Err(error) => return Ok(Some(format!("refused: {error}"))),
        }
    }
    Ok(None)
}

#[tokio::test]
async fn what_users_write_is_stored_whole_and_what_is_wrong_in_it_refused() -> Result<()> {
    let client = client().await?;
    let namespace = namespace(&client, "users").await?;
    let mut failures = Vec::new();
    let folders = std::fs::read_dir(workspace().join("tests/corpus/seeds"))?.flatten();
    let folders: Vec<PathBuf> = folders.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    ensure!(folders.len() > 40, "the corpus is not there");
    for folder in &folders {
        if let Some(difference) = judge(&client, &namespace, folder).await? {
            failures.push(format!("{}: {difference}", folder.display()));
        }
    }
    ensure!(failures.is_empty(), "\n{}", failures.join("\n\n"));
    Ok(())
}
