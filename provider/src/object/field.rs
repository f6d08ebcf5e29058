//! Attribute names and field names.

/// Fields whose name is not the attribute's in camel case.
const IRREGULAR: &[(&str, &str)] = &[("repo_url", "repoURL"), ("key_id", "keyID")];

/// The field that an attribute stands for: `target_revision` is `targetRevision`.
pub(super) fn field_of(attribute: &str) -> String {
    if let Some((_, field)) = IRREGULAR.iter().find(|(name, _)| *name == attribute) {
        return (*field).to_owned();
    }
    let mut field = String::with_capacity(attribute.len());
    let mut raise = false;
    for character in attribute.chars() {
        match character {
            '_' => raise = true,
            other if raise => {
                field.push(other.to_ascii_uppercase());
                raise = false;
            }
            other => field.push(other),
        }
    }
    field
}

/// Attributes that hold JSON in a text, where the field holds the data.
pub(super) fn is_json_text(attribute: &str) -> bool {
    attribute == "values_object"
}

/// Attributes that are text where the field is a number or a text.
pub(super) fn is_int_or_string(attribute: &str) -> bool {
    attribute == "count"
}

/// Attributes for which false, empty or zero is not the same as absent.
pub(super) fn absence_matters(attribute: &str) -> bool {
    matches!(attribute, "enabled" | "warn" | "namespace_resource_whitelist")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_fields_in_another_case() {
        assert_eq!(field_of("path"), "path");
        assert_eq!(field_of("jq_path_expressions"), "jqPathExpressions");
        assert_eq!(field_of("repo_url"), "repoURL");
    }
}
