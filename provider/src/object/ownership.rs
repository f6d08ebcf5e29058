//! Who declares a live object, as far as the object says so.

use bridgehead_api::annotations::TRACKING_ID;
use bridgehead_engine::manifest::{Manifest, is_self_referencing, tracking_id};
use serde_json::{Map, Value};

use super::FIELD_MANAGER;

/// The field manager of Argo CD and of Bridgehead's agent: what it owns comes from Git.
const ENGINE: &str = "argocd-controller";

/// Who declares an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Owner {
    /// This configuration, save these fields (in the shape of managedFields) that another manager applies.
    Terraform(Option<Value>),
    /// Git, through this application.
    Git(String),
}

/// Who declares the live object, given with its managedFields. `declared` are the annotations that this
/// configuration wants: a tracking id among them is no sign of another owner.
pub(crate) fn owner(live: &Value, declared: impl Fn(&str) -> bool) -> Owner {
    let manifest = Manifest::new(live.clone());
    if let Some(id) = tracking_id(&manifest)
        && is_self_referencing(&manifest, None)
        && !declared(TRACKING_ID)
    {
        return Owner::Git(id.application.to_owned());
    }
    Owner::Terraform(handed_over(live))
}

/// The fields of `spec`, labels, annotations and `data` that the engine owns, or that another manager
/// applies. Fields that people edit are drift, not a new owner.
fn handed_over(live: &Value) -> Option<Value> {
    let entries = live.pointer("/metadata/managedFields")?.as_array()?;
    let mut all = Value::Object(Map::new());
    for (_, fields) in others(live) {
        merge(&mut all, fields);
    }
    let ours =
        entries.iter().find(|entry| entry["manager"] == FIELD_MANAGER && entry["operation"] == "Apply");
    if let Some(fields) = ours.and_then(|entry| entry.get("fieldsV1")) {
        subtract(&mut all, fields);
    }
    all.as_object().is_some_and(|fields| !fields.is_empty()).then_some(all)
}

/// The other managers that declare something of a live object, and what.
fn others(live: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let entries = live.pointer("/metadata/managedFields").and_then(Value::as_array);
    entries.into_iter().flatten().filter_map(|entry| {
        let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
        let another = text("manager") != FIELD_MANAGER && text("operation") == "Apply";
        (another || text("manager") == ENGINE).then_some(())?;
        Some((text("manager"), entry.get("fieldsV1")?))
    })
}

/// What a manifest says otherwise than the live object, and is not written because another declares it: paths
/// with that manager, as in `metadata.labels.team (platform)`. Never the values.
pub(super) fn withheld(manifest: &Value, live: &Value, handed_over: &Value) -> Vec<String> {
    let mut paths = Vec::new();
    differing(manifest, live, handed_over, &mut Vec::new(), &mut paths);
    let named = paths.iter().map(|path| {
        let by = others(live).filter(|(_, fields)| is_handed_over(Some(fields), path));
        let by: Vec<&str> = by.map(|(manager, _)| manager).collect();
        format!("{} ({})", path.join("."), by.join(", "))
    });
    named.collect()
}

/// Paths of the handed over fields that are wanted otherwise than they are live.
fn differing<'f>(
    wanted: &Value,
    live: &Value,
    fields: &'f Value,
    path: &mut Vec<&'f str>,
    found: &mut Vec<Vec<&'f str>>,
) {
    for (name, below) in fields.as_object().into_iter().flatten() {
        let Some(name) = name.strip_prefix("f:") else { continue };
        let Some(inner) = wanted.get(name) else { continue };
        path.push(name);
        if is_leaf(below) {
            if live.get(name) != Some(inner) {
                found.push(path.clone());
            }
        } else {
            differing(inner, live.get(name).unwrap_or(&Value::Null), below, path, found);
        }
        path.pop();
    }
}

/// Whether fields say of a value that it is declared, and nothing of what is in it.
fn is_leaf(below: &Value) -> bool {
    below.as_object().is_some_and(|below| below.keys().all(|key| key == "."))
}

fn merge(into: &mut Value, fields: &Value) {
    let (Some(into), Some(fields)) = (into.as_object_mut(), fields.as_object()) else { return };
    for (name, below) in fields {
        merge(into.entry(name.clone()).or_insert_with(|| Value::Object(Map::new())), below);
    }
}

/// Whether another declares the field at this path, or what it is in.
pub(crate) fn is_handed_over(handed_over: Option<&Value>, path: &[&str]) -> bool {
    let Some(mut fields) = handed_over else { return false };
    for name in path {
        match fields.get(format!("f:{name}")) {
            Some(below) => fields = below,
            None => return false,
        }
    }
    true
}

/// Takes away what both own: where two managers apply the same value, nothing has been handed over.
fn subtract(from: &mut Value, fields: &Value) {
    let (Some(from), Some(fields)) = (from.as_object_mut(), fields.as_object()) else { return };
    for (name, below) in fields {
        let Some(inner) = from.get_mut(name) else { continue };
        subtract(inner, below);
        // That an object is there at all (`.`) says nothing of what is in it.
        let shared = below.as_object().is_some_and(|below| !below.is_empty());
        if inner.as_object().is_some_and(|left| left.keys().all(|key| shared && key == ".")) {
            from.remove(name);
        }
    }
}

/// Takes the handed over fields out of a manifest, so that a forced apply leaves them where they are.
pub(super) fn without_handed_over(manifest: &mut Value, handed_over: &Value) {
    let (Some(object), Some(fields)) = (manifest.as_object_mut(), handed_over.as_object()) else { return };
    for (name, below) in fields {
        let Some(name) = name.strip_prefix("f:") else { continue };
        match object.get_mut(name) {
            Some(_) if is_leaf(below) => {
                object.remove(name);
            }
            Some(inner) => without_handed_over(inner, below),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn live(managed_fields: &Value) -> Value {
        json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": "web", "namespace": "argocd", "managedFields": managed_fields},
        })
    }

    #[test]
    fn an_object_that_an_application_tracks_is_gits() {
        let mut object = live(&json!([]));
        object["metadata"]["annotations"] = json!({TRACKING_ID: "root:argoproj.io/Application:argocd/web"});
        assert_eq!(owner(&object, |_| false), Owner::Git("root".to_owned()));
        object["metadata"]["annotations"] =
            json!({TRACKING_ID: "root:argoproj.io/Application:argocd/another"});
        assert_eq!(owner(&object, |_| false), Owner::Terraform(None), "a copied id");
    }

    #[test]
    fn a_persons_edit_is_drift_and_another_appliers_field_is_theirs() {
        let fields = json!({"f:spec": {"f:project": {}}});
        let entry = |manager: &str, operation: &str| json!({"manager": manager, "operation": operation, "fieldsV1": fields});
        assert_eq!(
            owner(&live(&json!([entry("kubectl-edit", "Update")])), |_| false),
            Owner::Terraform(None)
        );
        assert_eq!(
            owner(&live(&json!([entry("team", "Apply")])), |_| false),
            Owner::Terraform(Some(fields.clone()))
        );
        let both = json!([entry("team", "Apply"), entry(FIELD_MANAGER, "Apply")]);
        assert_eq!(owner(&live(&both), |_| false), Owner::Terraform(None), "both say the same");
    }

    #[test]
    fn of_a_map_those_entries_are_anothers_that_it_alone_declares() {
        let labels = |labels: Value| json!({"f:metadata": {"f:labels": labels}});
        let fields = json!([
            {"manager": ENGINE, "operation": "Update",
             "fieldsV1": labels(json!({".": {}, "f:team": {}, "f:tier": {}}))},
            {"manager": FIELD_MANAGER, "operation": "Apply", "fieldsV1": labels(json!({"f:tier": {}}))},
        ]);
        let Owner::Terraform(handed_over) = owner(&live(&fields), |_| false) else { panic!("ours") };
        let is = |name: &str| is_handed_over(handed_over.as_ref(), &["metadata", "labels", name]);
        assert!(is("team") && !is("tier") && !is("other"));
        let both = json!([fields[1], {"manager": ENGINE, "operation": "Update",
                                      "fieldsV1": labels(json!({".": {}, "f:tier": {}}))}]);
        assert_eq!(owner(&live(&both), |_| false), Owner::Terraform(None));
    }

    #[test]
    fn a_handed_over_field_is_not_applied_again() {
        let mut manifest = json!({"spec": {"project": "a", "source": {"path": "x"}}});
        without_handed_over(&mut manifest, &json!({"f:spec": {"f:project": {}}}));
        assert_eq!(manifest, json!({"spec": {"source": {"path": "x"}}}));
    }

    #[test]
    fn what_another_declares_otherwise_is_named_with_its_manager() {
        let fields =
            json!({"f:metadata": {"f:labels": {"f:team": {}, "f:tier": {}}}, "f:spec": {"f:project": {}}});
        let mut object = live(&json!([{"manager": "team", "operation": "Apply", "fieldsV1": fields}]));
        object["metadata"]["labels"] = json!({"team": "theirs", "tier": "one"});
        object["spec"] = json!({"project": "theirs"});
        let wanted =
            json!({"metadata": {"labels": {"team": "ours", "tier": "one"}}, "spec": {"project": "a"}});
        let theirs = handed_over(&object).unwrap();
        assert_eq!(
            withheld(&wanted, &object, &theirs),
            ["metadata.labels.team (team)", "spec.project (team)"]
        );
    }
}
