//! Every folder of `tests/corpus/diff` is a case: `desired.yaml` and `live.yaml`, and where the case needs
//! them `last-applied.yaml` (what the live object's annotation holds) and `rules.yaml` (`ignoreDifferences`,
//! `syncOptions` of the application, `settings` of `argocd-cm`). `expect.yaml` holds the verdict, and the
//! patch without the record of what was applied. `BLESS=1` writes it anew; a person reads that diff.
#![allow(clippy::disallowed_methods, reason = "the harness reads the corpus; the engine does not")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use bridgehead_api::annotations::LAST_APPLIED;
use bridgehead_api::application::{ApplicationSpec, ResourceIgnoreDifferences, SyncPolicy};
use bridgehead_engine::diff::{DiffRules, FieldDifference, PatchBody, Verdict, compare, three_way_patch};
use bridgehead_engine::manifest::{Desired, Live, Manifest, Origin};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Rules {
    ignore_differences: Vec<ResourceIgnoreDifferences>,
    sync_options: Vec<String>,
    settings: BTreeMap<String, String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Expect {
    /// Empty: the same.
    differences: Vec<FieldDifference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    strategic_merge_patch: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    merge_patch: Option<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    problems: Vec<String>,
}

fn case(expect: &Path) -> datatest_stable::Result<()> {
    let folder = expect.parent().ok_or("a folder")?;
    let read = |name: &str| -> datatest_stable::Result<Option<String>> {
        let path = folder.join(name);
        Ok(if path.exists() { Some(fs::read_to_string(path)?) } else { None })
    };
    let object = |name: &str| -> datatest_stable::Result<Option<Value>> {
        Ok(read(name)?.map(|text| serde_saphyr::from_str(&text)).transpose()?)
    };
    let manifest = Manifest::new(object("desired.yaml")?.ok_or("desired.yaml is missing")?);
    let desired = Desired { key: manifest.key(), manifest, origin: Origin::default() };
    let mut live = Manifest::new(object("live.yaml")?.ok_or("live.yaml is missing")?);
    if let Some(last) = object("last-applied.yaml")? {
        live.set_annotation(LAST_APPLIED, last.to_string());
    }
    let live = Live::new(live);
    let rules: Rules =
        read("rules.yaml")?.map(|text| serde_saphyr::from_str(&text)).transpose()?.unwrap_or_default();
    let spec = ApplicationSpec {
        ignore_differences: rules.ignore_differences,
        sync_policy: Some(SyncPolicy { sync_options: rules.sync_options, ..SyncPolicy::default() }),
        ..ApplicationSpec::default()
    };
    let (rules, problems) = DiffRules::of(&spec, &rules.settings);

    let differences = match compare(&desired, &live, &rules) {
        Verdict::Same => Vec::new(),
        Verdict::Different(differences) => differences,
    };
    let (mut strategic_merge_patch, mut merge_patch) = (None, None);
    match three_way_patch(&desired, &live) {
        None => {}
        Some(PatchBody::StrategicMerge(body)) => strategic_merge_patch = without_record(body),
        Some(PatchBody::Merge(body)) => merge_patch = without_record(body),
    }
    let problems = problems.iter().map(ToString::to_string).collect();
    let found = Expect { differences, strategic_merge_patch, merge_patch, problems };
    if std::env::var_os("BLESS").is_some() {
        fs::write(expect, serde_saphyr::to_string(&found)?)?;
        return Ok(());
    }
    let expected: Expect = serde_saphyr::from_str(&fs::read_to_string(expect)?)?;
    if found == expected {
        return Ok(());
    }
    Err(format!(
        "expected\n{}\nfound\n{}",
        serde_saphyr::to_string(&expected)?,
        serde_saphyr::to_string(&found)?
    )
    .into())
}

/// The patch without the record, which repeats `desired.yaml`; none where nothing else is in it.
fn without_record(mut body: Value) -> Option<Value> {
    if let Some(annotations) = body.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove(LAST_APPLIED);
    }
    for place in ["/metadata", ""] {
        let inner = if place.is_empty() { "metadata" } else { "annotations" };
        if let Some(fields) = body.pointer_mut(place).and_then(Value::as_object_mut)
            && fields.get(inner).and_then(Value::as_object).is_some_and(serde_json::Map::is_empty)
        {
            fields.remove(inner);
        }
    }
    (body != serde_json::json!({})).then_some(body)
}

datatest_stable::harness! {
    { test = case, root = "../../tests/corpus/diff", pattern = r"expect\.yaml$" },
}
