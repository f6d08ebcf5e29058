//! From rendered manifests to what Git wants in one cluster.

use std::collections::HashMap;
use std::fmt;

use bridgehead_api::application::{ConditionType, SyncOptions};
use bridgehead_api::{GroupKind, ObjectKey, annotations};
use serde_json::Value;

use super::hook::{is_hook, wave_problem};
use super::object::{Desired, Manifest, Origin};
use super::order::{defined_kind, defined_scope_is_namespaced};
use super::problem::Problem;
use super::tracking::stamp_tracking;

/// Where manifests go, and for whom.
#[derive(Clone, Copy)]
pub struct Destination<'a> {
    /// The application's instance name, as tracking ids carry it.
    pub application: &'a str,
    /// Namespace of objects that name none; may be empty.
    pub namespace: &'a str,
    /// Whether a kind lives in namespaces; none for a kind that the cluster does not serve.
    pub is_namespaced: &'a dyn Fn(&GroupKind) -> Option<bool>,
    /// `installationID` of `argocd-cm`, where several installations manage one cluster.
    pub installation_id: Option<&'a str>,
    /// The application's sync options.
    pub options: &'a SyncOptions,
}

impl fmt::Debug for Destination<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Destination")
            .field("application", &self.application)
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

/// Makes manifests ready for the destination: lists are taken apart, namespaces set or taken away as the kind
/// asks for it, tracking is stamped, and of several manifests of one object the last counts.
pub fn normalise_desired(
    rendered: Vec<(Manifest, Origin)>,
    destination: &Destination<'_>,
) -> (Vec<Desired>, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut manifests = Vec::with_capacity(rendered.len());
    for (manifest, origin) in rendered {
        take_apart(manifest, origin, 0, &mut manifests, &mut problems);
    }
    let defined = defined_scopes(&manifests);
    let mut wanted: Vec<Option<Desired>> = Vec::with_capacity(manifests.len());
    let mut places: HashMap<ObjectKey, usize> = HashMap::with_capacity(manifests.len());
    for (mut manifest, origin) in manifests {
        if let Err(message) = check(&manifest) {
            problems.push(Problem::incomplete(&origin, message));
            continue;
        }
        let own_namespace = manifest.namespace().to_owned();
        let kind = manifest.gvk().group_kind;
        let namespaced = (destination.is_namespaced)(&kind).or_else(|| defined.get(&kind).copied());
        stamp(&mut manifest, destination);
        match namespaced {
            Some(false) if !own_namespace.is_empty() => manifest.set_namespace(""),
            Some(true) | None if own_namespace.is_empty() => manifest.set_namespace(destination.namespace),
            _ => {}
        }
        let key = manifest.key();
        problems.extend(object_problems(&manifest, &key, &origin, namespaced, destination));
        let place = wanted.len();
        if !key.name.is_empty()
            && let Some(earlier) = places.insert(key.clone(), place)
            && let Some(replaced) = wanted[earlier].take()
        {
            problems.push(repeated(&key, &replaced.origin, &origin));
        }
        wanted.push(Some(Desired { key, manifest, origin }));
    }
    (wanted.into_iter().flatten().collect(), problems)
}

/// Lists of lists are not a thing; this bound keeps a crafted one from growing the stack.
const DEEPEST_LIST: u32 = 8;

fn take_apart(
    manifest: Manifest,
    origin: Origin,
    depth: u32,
    into: &mut Vec<(Manifest, Origin)>,
    problems: &mut Vec<Problem>,
) {
    let is_list = manifest.kind().ends_with("List")
        && manifest.value().get("items").is_some_and(|items| items.is_array() || items.is_null());
    if !is_list {
        into.push((manifest, origin));
        return;
    }
    if depth == DEEPEST_LIST {
        problems.push(Problem::incomplete(&origin, "lists are nested too deeply"));
        return;
    }
    let items = manifest.value().get("items").and_then(Value::as_array);
    for item in items.into_iter().flatten().filter(|item| !item.is_null()) {
        take_apart(Manifest::new(item.clone()), origin.clone(), depth + 1, into, problems);
    }
}

fn defined_scopes(manifests: &[(Manifest, Origin)]) -> HashMap<GroupKind, bool> {
    manifests
        .iter()
        .filter_map(|(manifest, _)| Some((defined_kind(manifest)?, defined_scope_is_namespaced(manifest)?)))
        .collect()
}

/// What every manifest needs before it can be told from others.
fn check(manifest: &Manifest) -> Result<(), String> {
    let value = manifest.value();
    if !value.is_object() {
        return Err("the document is not a Kubernetes object; it has to be a mapping with apiVersion, kind and metadata".into());
    }
    for (pointer, field) in [("/apiVersion", "apiVersion"), ("/kind", "kind")] {
        text_at(value, pointer, field)?.ok_or_else(|| {
            let name = manifest.name();
            if name.is_empty() {
                format!("the object has no {field}")
            } else {
                format!("object `{name}` has no {field}")
            }
        })?;
    }
    let kind = manifest.kind();
    if value.get("metadata").is_some_and(|metadata| !metadata.is_object()) {
        return Err(format!("metadata of this {kind} is not a mapping"));
    }
    let name = text_at(value, "/metadata/name", "metadata.name")?;
    let prefix = text_at(value, "/metadata/generateName", "metadata.generateName")?;
    text_at(value, "/metadata/namespace", "metadata.namespace")?;
    if name.is_none() && prefix.is_none() {
        return Err(format!("this {kind} has no metadata.name"));
    }
    for field in ["labels", "annotations"] {
        texts_only(manifest, field)?;
    }
    if name.is_none() && !is_hook(manifest) {
        return Err(format!(
            "this {kind} has metadata.generateName and no metadata.name; only hooks can be created anew by each \
             sync, so give it a name or an `{}` annotation",
            annotations::HOOK
        ));
    }
    Ok(())
}

fn text_at<'v>(value: &'v Value, pointer: &str, field: &str) -> Result<Option<&'v str>, String> {
    match value.pointer(pointer) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
        Some(other) => Err(format!("{field} is `{other}`, which is not text; put it in quotes")),
    }
}

fn texts_only(manifest: &Manifest, field: &str) -> Result<(), String> {
    let entries = manifest.value().pointer(&format!("/metadata/{field}"));
    let object = || format!("{} `{}`", manifest.kind(), manifest.name());
    match entries {
        None | Some(Value::Null) => Ok(()),
        Some(Value::Object(entries)) => {
            match entries.iter().find(|(_, value)| !value.is_string() && !value.is_null()) {
                None => Ok(()),
                Some((name, value)) => Err(format!(
                    "metadata.{field}[{name}] of {} is `{value}`, which is not text; put it in quotes",
                    object()
                )),
            }
        }
        Some(_) => Err(format!("metadata.{field} of {} is not a mapping", object())),
    }
}

fn stamp(manifest: &mut Manifest, destination: &Destination<'_>) {
    stamp_tracking(manifest, destination.application, destination.namespace);
    if let Some(id) = destination.installation_id
        && !manifest.is_crd()
    {
        manifest.set_annotation(annotations::INSTALLATION_ID, id);
    }
}

fn object_problems(
    manifest: &Manifest,
    key: &ObjectKey,
    origin: &Origin,
    namespaced: Option<bool>,
    destination: &Destination<'_>,
) -> Vec<Problem> {
    let mut problems: Vec<Problem> = wave_problem(manifest)
        .map(|problem| Problem { origin: Some(origin.clone()), ..problem })
        .into_iter()
        .collect();
    if namespaced == Some(true) && key.namespace().is_empty() {
        let message = format!(
            "{} `{}` needs a namespace; set spec.destination.namespace of the application or metadata.namespace",
            key.group_kind.kind, key.name
        );
        problems.push(Problem::rejected(key.clone(), Some(origin), message));
    }
    if namespaced.is_none() && !skips_missing_kind(manifest, destination.options) {
        let message = format!(
            "the cluster does not know the kind {} of {}; install its CustomResourceDefinition first or in the same \
             application, or set the sync option SkipDryRunOnMissingResource=true",
            key.group_kind.kind,
            manifest.api_version(),
        );
        problems.push(Problem::rejected(key.clone(), Some(origin), message));
    }
    problems
}

fn skips_missing_kind(manifest: &Manifest, options: &SyncOptions) -> bool {
    options.for_resource(manifest.annotation(annotations::SYNC_OPTIONS)).skip_dry_run_on_missing_resource
}

fn repeated(key: &ObjectKey, earlier: &Origin, later: &Origin) -> Problem {
    let message = format!("{key} is declared twice, in {earlier} and in {later}; the last one counts");
    Problem::warning(ConditionType::RepeatedResourceWarning, Some(key.clone()), message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::manifest::ProblemKind;

    fn run(documents: Vec<Value>, options: &SyncOptions) -> (Vec<Desired>, Vec<Problem>) {
        let known = |kind: &GroupKind| match &*kind.kind {
            "ConfigMap" | "Secret" | "Job" => Some(true),
            "Namespace" | "ClusterRole" | "CustomResourceDefinition" => Some(false),
            _ => None,
        };
        let rendered = (1..)
            .zip(documents)
            .map(|(line, value)| (Manifest::new(value), Origin { file: "all.yaml".into(), line }))
            .collect();
        let destination = Destination {
            application: "web",
            namespace: "shop",
            is_namespaced: &known,
            installation_id: None,
            options,
        };
        normalise_desired(rendered, &destination)
    }

    fn normalised(documents: Vec<Value>) -> (Vec<String>, Vec<String>) {
        let (desired, problems) = run(documents, &SyncOptions::default());
        let keys = desired.iter().map(|desired| desired.key.to_string()).collect();
        (keys, problems.iter().map(ToString::to_string).collect())
    }

    fn config_map(name: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}})
    }

    #[test]
    fn namespaced_objects_get_the_destination_namespace_and_keep_their_own() {
        let mut elsewhere = config_map("b");
        elsewhere["metadata"]["namespace"] = json!("other");
        let (keys, problems) = normalised(vec![config_map("a"), elsewhere]);
        assert_eq!(keys, ["/ConfigMap/shop/a", "/ConfigMap/other/b"]);
        assert!(problems.is_empty(), "{problems:?}");
    }

    #[test]
    fn cluster_scoped_objects_lose_their_namespace_but_their_id_keeps_it() {
        let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": "reader", "namespace": "charts"}});
        let (desired, _) = run(vec![role], &SyncOptions::default());
        assert_eq!(desired[0].key.to_string(), "rbac.authorization.k8s.io/ClusterRole//reader");
        assert_eq!(
            desired[0].manifest.annotation(annotations::TRACKING_ID),
            Some("web:rbac.authorization.k8s.io/ClusterRole:charts/reader")
        );
        assert_eq!(desired[0].manifest.value().pointer("/metadata/namespace"), None);
    }

    #[test]
    fn lists_are_taken_apart() {
        let list =
            json!({"apiVersion": "v1", "kind": "List", "items": [config_map("a"), null, config_map("b")]});
        assert_eq!(normalised(vec![list]).0, ["/ConfigMap/shop/a", "/ConfigMap/shop/b"]);
    }

    #[test]
    fn one_bad_manifest_does_not_hide_the_others() {
        let (keys, problems) = normalised(vec![
            json!({"kind": "ConfigMap", "metadata": {"name": "a"}}),
            json!({"apiVersion": "v1", "kind": "ConfigMap"}),
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": 7}}),
            json!("text"),
            json!({"apiVersion": "v1", "kind": "Job", "metadata": {"generateName": "a-"}}),
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "labels": {"scrape": true}}}),
            config_map("good"),
        ]);
        assert_eq!(keys, ["/ConfigMap/shop/good"]);
        assert_eq!(problems.len(), 6);
        assert_eq!(problems[0], "all.yaml:1: object `a` has no apiVersion");
        assert_eq!(problems[1], "all.yaml:2: this ConfigMap has no metadata.name");
        assert!(problems[2].contains("`7`, which is not text"), "{}", problems[2]);
        assert!(problems[5].contains("metadata.labels[scrape]"), "{}", problems[5]);
    }

    #[test]
    fn of_two_manifests_of_one_object_the_last_counts() {
        let mut second = config_map("a");
        second["data"] = json!({"k": "v"});
        let (desired, problems) =
            run(vec![config_map("a"), config_map("b"), second], &SyncOptions::default());
        let names: Vec<&str> = desired.iter().map(|desired| &*desired.key.name).collect();
        assert_eq!(names, ["b", "a"]);
        assert!(desired[1].manifest.value().get("data").is_some());
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].condition(), ConditionType::RepeatedResourceWarning);
        assert!(problems[0].message.contains("all.yaml:1 and in all.yaml:3"), "{}", problems[0].message);
    }

    #[test]
    fn a_hook_with_only_a_name_prefix_is_never_repeated() {
        let hook = json!({"apiVersion": "batch/v1", "kind": "Job",
            "metadata": {"generateName": "m-", "annotations": {annotations::HOOK: "PreSync"}}});
        let (desired, problems) = run(vec![hook.clone(), hook], &SyncOptions::default());
        assert_eq!((desired.len(), problems.len()), (2, 0));
    }

    #[test]
    fn an_unknown_kind_is_rejected_unless_its_definition_comes_along_or_it_may_be_missing() {
        let object = json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}});
        let (desired, problems) = run(vec![object.clone()], &SyncOptions::default());
        assert_eq!(desired.len(), 1);
        assert_eq!(problems[0].kind, ProblemKind::Rejected);
        assert!(problems[0].message.contains("Widget"));

        let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "widgets.example.com"},
            "spec": {"group": "example.com", "names": {"kind": "Widget"}, "scope": "Cluster"}});
        let (desired, problems) = run(vec![object.clone(), definition], &SyncOptions::default());
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(desired[0].key.namespace(), "");

        let lenient = SyncOptions::parse(&["SkipDryRunOnMissingResource=true"]);
        let (desired, problems) = run(vec![object], &lenient);
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(desired[0].key.namespace(), "shop");
    }
}
