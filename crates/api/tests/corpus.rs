//! The linter over what users write, a folder of `tests/corpus/seeds` per case; and over what the API server has
//! judged, a folder of `tests/corpus/crds` per case.

use std::path::Path;

use bridgehead_api::application::Application;
use bridgehead_api::application_set::ApplicationSet;
use bridgehead_api::lint::{Finding, Severity, lint};
use bridgehead_api::project::AppProject;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    valid: bool,
    #[serde(default)]
    errors: Vec<ExpectedError>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedError {
    path: String,
    says: String,
}

impl ExpectedError {
    fn is(&self, finding: &Finding) -> bool {
        self.path == finding.path && finding.to_string().contains(&self.says)
    }
}

fn the_linter_says_what_is_expected(manifest: &Path) -> datatest_stable::Result<()> {
    let text = std::fs::read_to_string(manifest)?;
    let expected: Expected =
        serde_saphyr::from_str(&std::fs::read_to_string(manifest.with_file_name("expect.yaml"))?)?;
    let errors: Vec<Finding> =
        lint(&text).into_iter().filter(|finding| finding.severity == Severity::Error).collect();
    let missing: Vec<_> = expected
        .errors
        .iter()
        .filter(|error| !errors.iter().any(|it| error.is(it)))
        .map(|it| (&it.path, &it.says))
        .collect();
    let surplus: Vec<_> =
        errors.iter().filter(|finding| !expected.errors.iter().any(|error| error.is(finding))).collect();
    if expected.valid != errors.is_empty() || !missing.is_empty() || !surplus.is_empty() {
        return Err(format!("not said: {missing:#?}\nsaid, and not expected: {surplus:#?}").into());
    }
    Ok(())
}

/// What the linter calls good, the types read without loss.
fn good_manifests_are_read_by_the_types(manifest: &Path) -> datatest_stable::Result<()> {
    let text = std::fs::read_to_string(manifest)?;
    if lint(&text).iter().any(|finding| finding.severity == Severity::Error) {
        return Ok(());
    }
    for document in serde_saphyr::from_multiple::<Value>(&text)? {
        let read = match document["kind"].as_str() {
            Some("Application") => serde_json::to_value(Application::from_value(document.clone())?)?,
            Some("ApplicationSet") => serde_json::to_value(ApplicationSet::from_value(document.clone())?)?,
            Some("AppProject") => serde_json::to_value(AppProject::from_value(document.clone())?)?,
            _ => continue,
        };
        lost("", &document, &read)?;
    }
    Ok(())
}

/// Fails where a value is in the first and not in the second, apart from what `omitempty` leaves out.
fn lost(path: &str, written: &Value, read: &Value) -> datatest_stable::Result<()> {
    match (written, read) {
        (Value::Object(written), _) => {
            for (name, value) in written {
                let is_zero = matches!(value, Value::Null | Value::Bool(false))
                    || value == 0
                    || value == ""
                    || value.as_array().is_some_and(Vec::is_empty)
                    || value.as_object().is_some_and(serde_json::Map::is_empty);
                match read.get(name) {
                    Some(read) => lost(&format!("{path}.{name}"), value, read)?,
                    None if is_zero => {}
                    None => return Err(format!("{path}.{name} is lost").into()),
                }
            }
        }
        (Value::Array(written), Value::Array(read)) if written.len() == read.len() => {
            for (index, (written, read)) in written.iter().zip(read).enumerate() {
                lost(&format!("{path}[{index}]"), written, read)?;
            }
        }
        _ if written == read => {}
        _ => return Err(format!("{path}: {written} became {read}").into()),
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Stored(serde::de::IgnoredAny),
    Refused(Vec<Cause>),
}

#[derive(Deserialize)]
struct Cause {
    field: String,
    reason: String,
}

/// What the API server refuses, the linter refuses at the same place. What the agent writes, `status`, is not the
/// linter's matter.
fn the_linter_refuses_what_the_api_server_refuses(input: &Path) -> datatest_stable::Result<()> {
    let outcome: Outcome =
        serde_saphyr::from_str(&std::fs::read_to_string(input.with_file_name("expect.yaml"))?)?;
    let Outcome::Refused(causes) = outcome else { return Ok(()) };
    let findings = lint(&std::fs::read_to_string(input)?);
    for cause in causes.iter().filter(|cause| cause.field != "<nil>" && !cause.field.starts_with("status")) {
        let told = findings.iter().any(|it| it.severity == Severity::Error && it.path == cause.field);
        if !told {
            return Err(format!("{} ({}) is not among {findings:#?}", cause.field, cause.reason).into());
        }
    }
    Ok(())
}

datatest_stable::harness! {
    {
        test = the_linter_refuses_what_the_api_server_refuses,
        root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/corpus/crds"),
        pattern = r"input\.yaml$",
    },
    {
        test = the_linter_says_what_is_expected,
        root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/corpus/seeds"),
        pattern = r"manifest\.yaml$",
    },
    {
        test = good_manifests_are_read_by_the_types,
        root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/corpus/seeds"),
        pattern = r"manifest\.yaml$",
    },
}
