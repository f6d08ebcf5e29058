//! Which fields of a live object we own, by its managedFields.

use serde_json::Value;

/// Our field manager: Argo CD's, so that fields stay owned through a takeover, and through the way back.
pub const FIELD_MANAGER: &str = "argocd-controller";

/// Takes everything out of managedFields but what we have applied on the server's side: that tells which fields
/// an apply will take away, and all the rest, often more than half of the object, tells nothing here.
pub fn retain_own_fields(object: &mut Value) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    let is_empty = match metadata.get_mut("managedFields") {
        Some(Value::Array(entries)) => {
            entries.retain(is_own_apply);
            entries.is_empty()
        }
        _ => true,
    };
    if is_empty {
        metadata.remove("managedFields");
    }
}

/// The fields that we applied last on the server's side, in the form of `fieldsV1`. They have the names of the
/// version that they were applied in: none where that is another than the object's.
pub fn own_fields(object: &Value) -> Option<&Value> {
    let version = object.get("apiVersion");
    let entries = object.pointer("/metadata/managedFields")?.as_array()?;
    entries.iter().find(|entry| is_own_apply(entry) && entry.get("apiVersion") == version)?.get("fieldsV1")
}

fn is_own_apply(entry: &Value) -> bool {
    let text = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default();
    text("manager") == FIELD_MANAGER && text("operation") == "Apply" && text("subresource").is_empty()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_we_applied_on_the_servers_side_is_kept() {
        let entry = |manager: &str, operation: &str| json!({"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": {"f:data": {}}});
        let mut scaled = entry(FIELD_MANAGER, "Apply");
        scaled["subresource"] = json!("scale");
        let mut object = json!({"apiVersion": "v1", "metadata": {"name": "a", "managedFields": [
            entry("kubectl", "Apply"), entry(FIELD_MANAGER, "Update"), scaled, entry(FIELD_MANAGER, "Apply"),
        ]}});
        retain_own_fields(&mut object);
        assert_eq!(object["metadata"]["managedFields"], json!([entry(FIELD_MANAGER, "Apply")]));
        assert_eq!(own_fields(&object), Some(&json!({"f:data": {}})));
        object["apiVersion"] = json!("v2");
        assert_eq!(own_fields(&object), None);
    }

    #[test]
    fn nothing_is_left_of_managed_fields_that_are_not_ours() {
        let mut object = json!({"metadata": {"name": "a", "managedFields": [{"manager": "kubectl"}]}});
        retain_own_fields(&mut object);
        assert_eq!(object, json!({"metadata": {"name": "a"}}));
    }
}
