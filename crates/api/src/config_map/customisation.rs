//! `resource.customizations…`: what is special about a kind.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Reader;

/// Fields of a kind that may differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OverrideIgnoreDifferences {
    /// Fields by JSON pointer.
    #[serde(alias = "jsonpointers")]
    pub json_pointers: Vec<String>,
    /// Fields by jq path expression.
    #[serde(alias = "jqpathexpressions")]
    pub jq_path_expressions: Vec<String>,
    /// Field managers whose fields may differ.
    pub managed_fields_managers: Vec<String>,
}

impl OverrideIgnoreDifferences {
    /// True where no field is named.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What is special about a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceOverride {
    /// Lua script that tells the health.
    pub health_lua: String,
    /// The script may use Lua's standard libraries.
    pub use_open_libs: bool,
    /// Actions, as YAML text.
    pub actions: String,
    /// Fields that may differ without the application being out of sync.
    pub ignore_differences: OverrideIgnoreDifferences,
    /// Fields whose change causes no refresh.
    pub ignore_resource_updates: OverrideIgnoreDifferences,
}

/// Whether `status` counts in comparisons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IgnoreStatus {
    /// It counts for no kind.
    #[default]
    All,
    /// It counts for all kinds but CustomResourceDefinitions.
    Crd,
    /// It counts for all kinds.
    None,
}

/// How objects are compared, for all kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompareOptions {
    /// Rules of aggregated ClusterRoles do not count.
    pub ignore_aggregated_roles: bool,
    /// Whether `status` counts.
    pub ignore_resource_status_field: IgnoreStatus,
    /// Changes of fields that may differ cause no refresh.
    pub ignore_differences_on_resource_updates: bool,
}

impl Default for CompareOptions {
    fn default() -> Self {
        Self {
            ignore_aggregated_roles: false,
            ignore_resource_status_field: IgnoreStatus::All,
            ignore_differences_on_resource_updates: true,
        }
    }
}

const PREFIX: &str = "resource.customizations";
const COMPARE_OPTIONS: &str = "resource.compareoptions";

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireOverride {
    #[serde(rename = "health.lua")]
    health_lua: String,
    #[serde(rename = "health.lua.useOpenLibs")]
    use_open_libs: bool,
    actions: String,
    #[serde(rename = "ignoreDifferences")]
    ignore_differences: String,
    #[serde(rename = "ignoreResourceUpdates")]
    ignore_resource_updates: String,
}

/// Overrides by `group/Kind`, `Kind` for the core group, and `*/*` for all. Both forms of the settings are
/// read: the single document, and one key per kind and aspect, which wins.
pub(super) fn read_overrides(reader: &mut Reader<'_>) -> BTreeMap<String, ResourceOverride> {
    let mut overrides = BTreeMap::new();
    let whole: BTreeMap<String, WireOverride> = reader.yaml(PREFIX);
    for (kind, wire) in whole {
        let mut entry = ResourceOverride {
            health_lua: wire.health_lua,
            use_open_libs: wire.use_open_libs,
            actions: wire.actions,
            ..ResourceOverride::default()
        };
        entry.ignore_differences = rules(reader, PREFIX, &wire.ignore_differences);
        entry.ignore_resource_updates = rules(reader, PREFIX, &wire.ignore_resource_updates);
        overrides.insert(kind, entry);
    }
    let data = reader.data;
    for (key, value) in data {
        let Some(rest) = key.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix('.')) else { continue };
        let Some((aspect, group_kind)) = rest.split_once('.') else {
            reader.report(key, "names no kind and is left out", Some(key_form(rest)));
            continue;
        };
        let kind = match group_kind.split('_').collect::<Vec<_>>()[..] {
            ["all"] => "*/*".to_owned(),
            [kind] if !kind.is_empty() => kind.to_owned(),
            [group, kind] => format!("{group}/{kind}"),
            _ => {
                reader.report(key, format!("names no kind: `{group_kind}`"), Some(key_form(aspect)));
                continue;
            }
        };
        let entry = overrides.entry(kind).or_default();
        match aspect {
            "health" => entry.health_lua.clone_from(value),
            "useOpenLibs" => entry.use_open_libs = reader.boolean(key, false),
            "actions" => entry.actions.clone_from(value),
            "ignoreDifferences" => entry.ignore_differences = rules(reader, key, value),
            "ignoreResourceUpdates" => entry.ignore_resource_updates = rules(reader, key, value),
            // Its types are known from the API server's schemas.
            "knownTypeFields" => {}
            other => reader.report(key, format!("has the unknown aspect `{other}`"), aspects(other)),
        }
    }
    overrides
}

fn key_form(aspect: &str) -> String {
    format!("write `{PREFIX}.{aspect}.<group>_<Kind>`, or `…{aspect}.<Kind>` for the core group")
}

fn aspects(word: &str) -> Option<String> {
    let known =
        ["health", "useOpenLibs", "actions", "ignoreDifferences", "ignoreResourceUpdates", "knownTypeFields"];
    crate::nearest::nearest(word, known).map(|name| format!("did you mean `{name}`?"))
}

fn rules(reader: &mut Reader<'_>, key: &str, text: &str) -> OverrideIgnoreDifferences {
    if text.trim().is_empty() {
        return OverrideIgnoreDifferences::default();
    }
    serde_saphyr::from_str(text).unwrap_or_else(|error| {
        let first_line = error.to_string().lines().next().unwrap_or_default().to_owned();
        reader.report(key, format!("is not YAML of the right shape and is left out: {first_line}"), None);
        OverrideIgnoreDifferences::default()
    })
}

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names are Argo CD's")]
struct WireCompareOptions {
    ignore_aggregated_roles: bool,
    ignore_resource_status_field: Option<StatusWord>,
    ignore_differences_on_resource_updates: bool,
}

// An unquoted `off` may come as a boolean.
#[derive(Deserialize)]
#[serde(untagged)]
enum StatusWord {
    Flag(bool),
    Word(String),
}

impl Default for WireCompareOptions {
    fn default() -> Self {
        let options = CompareOptions::default();
        Self {
            ignore_aggregated_roles: options.ignore_aggregated_roles,
            ignore_resource_status_field: None,
            ignore_differences_on_resource_updates: options.ignore_differences_on_resource_updates,
        }
    }
}

pub(super) fn read_compare_options(reader: &mut Reader<'_>) -> CompareOptions {
    let wire: WireCompareOptions = reader.yaml(COMPARE_OPTIONS);
    let ignore_resource_status_field = match wire.ignore_resource_status_field {
        None => IgnoreStatus::All,
        Some(StatusWord::Flag(flag)) => {
            if flag {
                IgnoreStatus::All
            } else {
                IgnoreStatus::None
            }
        }
        Some(StatusWord::Word(word)) => match word.as_str() {
            "" | "all" => IgnoreStatus::All,
            "crd" => IgnoreStatus::Crd,
            "none" | "off" | "false" => IgnoreStatus::None,
            other => {
                let says = format!(
                    "has `ignoreResourceStatusField: {other}`, which is not `all`, `crd` or `none`; `all` is used"
                );
                reader.report(COMPARE_OPTIONS, says, None);
                IgnoreStatus::All
            }
        },
    };
    CompareOptions {
        ignore_aggregated_roles: wire.ignore_aggregated_roles,
        ignore_resource_status_field,
        ignore_differences_on_resource_updates: wire.ignore_differences_on_resource_updates,
    }
}
