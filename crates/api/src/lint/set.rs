//! What the schema of an ApplicationSet cannot say.

use schemars::JsonSchema;

use super::placeholder::{Parameters, problem};
use super::schema::{field, word};
use super::tree::{Node, Value};
use super::{Report, annotations, application, metadata, schema};
use crate::application_set::{NestedMatrixGenerator, NestedMergeGenerator};
use crate::crd::{self, Kind};

const GENERATORS: &[&str] = &[
    "list",
    "clusters",
    "git",
    "oci",
    "scmProvider",
    "clusterDecisionResource",
    "pullRequest",
    "matrix",
    "merge",
    "plugin",
];

const OPERATORS: &[&str] = &["In", "NotIn", "Exists", "DoesNotExist"];

pub(super) fn check(document: &Node, report: &mut Report) {
    let Some(spec) = document.get("spec") else { return };
    let generators = spec.get("generators").map(Node::items).unwrap_or_default();
    check_generators("spec.generators", generators, report);
    check_strategy(spec, report);
    let Some(template) = spec.get("template") else { return };
    if let Some(application) = template.get("spec") {
        application::check_spec("spec.template.spec", application, report);
    }
    annotations::check_at(
        "spec.template.metadata.annotations",
        template.at(&["metadata", "annotations"]),
        report,
    );
    metadata::finalizers(
        "spec.template.metadata.finalizers",
        template.at(&["metadata", "finalizers"]),
        report,
    );
    let go_template = spec.get("goTemplate").is_some_and(|flag| flag.value == Value::Boolean(true));
    placeholders("spec.template", template, go_template, &Parameters::of(generators), report);
    let name = template.at(&["metadata", "name"]);
    if name.is_none() && spec.get("templatePatch").is_none() {
        let place = template.get("metadata").unwrap_or(template);
        report.error("spec.template.metadata.name", place, "required field `name` is missing", None);
    }
    if let Some(name) = name.filter(|name| name.text().is_some_and(|text| !text.contains('{'))) {
        let says = "every application would have the same name";
        let hint = "put a parameter into it, as in `'shop-{{name}}'`".to_owned();
        report.warning("spec.template.metadata.name", name, says, Some(hint));
    }
}

fn check_generators(path: &str, generators: &[Node], report: &mut Report) {
    for (index, generator) in generators.iter().enumerate() {
        let path = format!("{path}[{index}]");
        if !matches!(generator.value, Value::Map(_)) {
            continue;
        }
        let kinds: Vec<_> = GENERATORS.iter().copied().filter(|kind| generator.get(kind).is_some()).collect();
        match kinds[..] {
            [kind] => {
                if let Some(body) = generator.get(kind) {
                    check_generator(&path, kind, body, report);
                }
            }
            [] if generator.entries().iter().any(|entry| entry.name != "selector") => {}
            [] => report.error(
                &*path,
                generator,
                "names no generator",
                Some(format!("known: `{}`", GENERATORS.join("`, `"))),
            ),
            _ => {
                let says = format!("names several generators: `{}`", kinds.join("`, `"));
                let hint = "give each its own item of the list, or combine them in a `matrix` or a `merge`";
                report.error(&*path, generator, says, Some(hint.to_owned()));
            }
        }
        if let Some(selector) = generator.get("selector") {
            check_selector(&field(&path, "selector"), selector, report);
        }
    }
}

fn check_generator(path: &str, kind: &str, body: &Node, report: &mut Report) {
    let path = &field(path, kind);
    let some = |name: &str| body.get(name).is_some_and(|list| !list.items().is_empty());
    match kind {
        "git" | "oci" => {
            if !some("directories") && !some("files") {
                let hint = "write `directories: [{path: '*'}]`";
                report.error(path, body, "names neither `directories` nor `files`", Some(hint.to_owned()));
            }
            if some("directories") && some("files") {
                let says = "`directories` and `files` are both set, and `files` is not read";
                report.warning(field(path, "files"), body, says, None);
            }
        }
        "matrix" | "merge" => {
            let inner = body.get("generators").map(Node::items).unwrap_or_default();
            let given = body.get("generators").is_some();
            if kind == "matrix" && given && inner.len() != 2 {
                let says = format!("a matrix combines two generators, not {}", inner.len());
                report.error(field(path, "generators"), body, says, None);
            }
            if kind == "merge" && given && inner.len() < 2 {
                let says = format!("a merge takes two generators or more, not {}", inner.len());
                report.error(field(path, "generators"), body, says, None);
            }
            if kind == "merge" && body.get("mergeKeys").is_some() && !some("mergeKeys") {
                report.error(field(path, "mergeKeys"), body, "a merge needs at least one key", None);
            }
            nested(&field(path, "generators"), inner, report);
        }
        "clusters" => {
            if let Some(selector) = body.get("selector") {
                check_selector(&field(path, "selector"), selector, report);
            }
        }
        "clusterDecisionResource" => {
            if let Some(selector) = body.get("labelSelector") {
                check_selector(&field(path, "labelSelector"), selector, report);
            }
        }
        _ => {}
    }
}

/// A matrix or a merge inside another is free-form in the CRD: what is in there is checked here alone.
fn nested(path: &str, generators: &[Node], report: &mut Report) {
    check_generators(path, generators, report);
    for (index, generator) in generators.iter().enumerate() {
        typed::<NestedMatrixGenerator>(&format!("{path}[{index}].matrix"), generator.get("matrix"), report);
        typed::<NestedMergeGenerator>(&format!("{path}[{index}].merge"), generator.get("merge"), report);
    }
}

fn typed<T: JsonSchema>(path: &str, body: Option<&Node>, report: &mut Report) {
    let Some(body) = body else { return };
    schema::value(path, body, &crd::schema_of::<T>(), Kind::ApplicationSet, report);
    for (index, generator) in body.get("generators").map(Node::items).unwrap_or_default().iter().enumerate() {
        for kind in ["matrix", "merge"] {
            if let Some(third) = generator.get(kind) {
                let says = format!("a `{kind}` cannot be nested this deep");
                report.error(format!("{path}.generators[{index}].{kind}"), third, says, None);
            }
        }
    }
}

fn check_selector(path: &str, selector: &Node, report: &mut Report) {
    for (index, item) in
        selector.get("matchExpressions").map(Node::items).unwrap_or_default().iter().enumerate()
    {
        if let Some(operator) = item.get("operator") {
            let path = format!("{path}.matchExpressions[{index}].operator");
            word(&path, operator, operator.text().unwrap_or_default(), OPERATORS, report);
        }
    }
}

fn check_strategy(spec: &Node, report: &mut Report) {
    let Some(strategy) = spec.get("strategy") else { return };
    if let Some(kind) = strategy.get("type") {
        let words = ["AllAtOnce", "RollingSync"];
        word("spec.strategy.type", kind, kind.text().unwrap_or_default(), &words, report);
    }
    if let Some(order) = strategy.get("deletionOrder") {
        let words = ["AllAtOnce", "Reverse"];
        word("spec.strategy.deletionOrder", order, order.text().unwrap_or_default(), &words, report);
    }
    let steps = strategy.at(&["rollingSync", "steps"]).map(Node::items).unwrap_or_default();
    if strategy.text_of("type") == "RollingSync" && steps.is_empty() {
        let says = "a rolling sync without steps syncs nothing";
        report.error("spec.strategy.rollingSync.steps", strategy, says, None);
    }
    for (index, step) in steps.iter().enumerate() {
        let path = format!("spec.strategy.rollingSync.steps[{index}]");
        for (index, item) in
            step.get("matchExpressions").map(Node::items).unwrap_or_default().iter().enumerate()
        {
            if let Some(operator) = item.get("operator") {
                let path = format!("{path}.matchExpressions[{index}].operator");
                word(&path, operator, operator.text().unwrap_or_default(), &["In", "NotIn"], report);
            }
        }
        if let Some(most) = step.get("maxUpdate") {
            let is_share = |text: &str| {
                text.strip_suffix('%')
                    .is_some_and(|number| number.parse::<u32>().is_ok_and(|share| share <= 100))
            };
            if most.text().is_some_and(|text| !is_share(text)) {
                report.error(
                    format!("{path}.maxUpdate"),
                    most,
                    "must be a number, or a share such as `25%`",
                    None,
                );
            }
        }
    }
}

fn placeholders(path: &str, node: &Node, go_template: bool, parameters: &Parameters, report: &mut Report) {
    match &node.value {
        Value::Text(text) => {
            if let Some((says, meant)) = problem(text, go_template, parameters) {
                report.error(path, node, says, Some(format!("did you mean `{meant}`?")));
            }
        }
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                placeholders(&format!("{path}[{index}]"), item, go_template, parameters, report);
            }
        }
        Value::Map(entries) => {
            for entry in entries {
                placeholders(&field(path, &entry.name), &entry.value, go_template, parameters, report);
            }
        }
        _ => {}
    }
}
