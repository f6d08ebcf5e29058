//! What the schema of an application's specification cannot say.

use super::Report;
use super::annotations::option;
use super::kinds::right_group;
use super::schema::field;
use super::tree::{Node, Value};
use crate::application::APPLICATION_OPTIONS;
use crate::duration::parse_seconds_or_duration;

pub(super) fn check_application(document: &Node, report: &mut Report) {
    if let Some(spec) = document.get("spec") {
        check_spec("spec", spec, report);
        if sources(spec).next().is_none() {
            report.warning("spec.source", spec, "there is no source, so there is nothing to deploy", None);
        }
    }
}

/// Checks a specification, of an Application or in a template.
pub(super) fn check_spec(path: &str, spec: &Node, report: &mut Report) {
    if let Some(destination) = spec.get("destination") {
        check_destination(&field(path, "destination"), destination, report);
    }
    let multiple = spec.get("sources").is_some_and(|sources| !sources.items().is_empty());
    if multiple && spec.get("source").is_some() {
        let says = "`source` and `sources` are both set, and `source` is not read";
        report.warning(field(path, "source"), spec, says, Some("keep one of them".to_owned()));
    }
    if let Some(hydrator) = spec.get("sourceHydrator") {
        check_hydrator(&field(path, "sourceHydrator"), hydrator, report);
    }
    for (below, source) in sources(spec) {
        check_source(&field(path, &below).replace("[\"", ".").replace("\"]", ""), source, multiple, report);
    }
    if let Some(policy) = spec.get("syncPolicy") {
        check_policy(&field(path, "syncPolicy"), policy, report);
    }
    for (index, rule) in spec.get("ignoreDifferences").map(Node::items).unwrap_or_default().iter().enumerate()
    {
        check_rule(&format!("{path}.ignoreDifferences[{index}]"), rule, report);
    }
    if let Some(limit) = spec.get("revisionHistoryLimit")
        && matches!(limit.value, Value::Integer(number) if number < 0)
    {
        report.error(field(path, "revisionHistoryLimit"), limit, "must not be below 0", None);
    }
}

/// Every source with its path below the specification.
fn sources(spec: &Node) -> impl Iterator<Item = (String, &Node)> {
    let several = spec.get("sources").map(Node::items).unwrap_or_default();
    let several = several.iter().enumerate().map(|(index, source)| (format!("sources[{index}]"), source));
    let one = spec.get("source").map(|source| ("source".to_owned(), source));
    let dry = spec
        .at(&["sourceHydrator", "drySource"])
        .map(|source| ("sourceHydrator.drySource".to_owned(), source));
    one.into_iter().chain(several).chain(dry)
}

fn check_destination(path: &str, destination: &Node, report: &mut Report) {
    let (server, name) = (destination.text_of("server"), destination.text_of("name"));
    if !server.is_empty() && !name.is_empty() {
        let says = "`server` and `name` are both set";
        report.error(path, destination, says, Some("keep one of them: both name the cluster".to_owned()));
    }
    if server.is_empty() && name.is_empty() && matches!(destination.value, Value::Map(_)) {
        let says = "neither `server` nor `name` names the cluster";
        let hint = "write `server: https://kubernetes.default.svc` for the cluster that the agent runs in";
        report.warning(path, destination, says, Some(hint.to_owned()));
    }
}

fn check_hydrator(path: &str, hydrator: &Node, report: &mut Report) {
    if let Some(folder) = hydrator.at(&["syncSource", "path"]) {
        let text = folder.text().unwrap_or_default();
        if matches!(text, "." | "/") {
            let says = format!("`{text}` is the repository's root, which a hydrator must not overwrite");
            report.error(format!("{path}.syncSource.path"), folder, says, None);
        }
    }
}

fn check_source(path: &str, source: &Node, multiple: bool, report: &mut Report) {
    let has = |name: &str| !source.text_of(name).is_empty();
    let is_dry = path.ends_with("drySource");
    let names_something = has("path") || has("chart") || (multiple && has("ref"));
    if has("repoURL") && !names_something && !is_dry {
        let says = if multiple { "no `path`, `chart` or `ref`" } else { "no `path` and no `chart`" };
        let hint = if source.text_of("repoURL").starts_with("oci://") {
            "write `path: .` for the artifact's root"
        } else {
            "write `path: .` for the repository's root"
        };
        report.error(path, source, format!("the source has {says}"), Some(hint.to_owned()));
    }
    if has("chart") && !has("targetRevision") {
        let says = "a chart needs `targetRevision`, the version of the chart";
        report.error(field(path, "targetRevision"), source, says, Some("`'*'` is the newest".to_owned()));
    }
    if has("chart") && has("ref") {
        report.error(
            field(path, "ref"),
            source,
            "only files of Git repositories can be referred to, not charts",
            None,
        );
    }
    let tools: Vec<_> = ["helm", "kustomize", "directory", "plugin"]
        .into_iter()
        .filter(|tool| source.get(tool).is_some())
        .collect();
    if tools.len() > 1 {
        let says = format!("`{}` are all set, and one tool renders a source", tools.join("`, `"));
        report.error(path, source, says, None);
    }
    if let Some(helm) = source.get("helm")
        && !helm.text_of("values").is_empty()
        && helm.get("valuesObject").is_some()
    {
        let says = "`values` and `valuesObject` are both set, and `values` is not read";
        report.warning(format!("{path}.helm.values"), helm, says, None);
    }
}

fn check_policy(path: &str, policy: &Node, report: &mut Report) {
    let options = policy.get("syncOptions").map(Node::items).unwrap_or_default();
    for (index, item) in options.iter().enumerate() {
        match item.text() {
            Some(text) if !text.contains("{{") => {
                option(&format!("{path}.syncOptions[{index}]"), text, APPLICATION_OPTIONS, item, report);
            }
            _ => {}
        }
    }
    let creates = options.iter().any(|item| item.text() == Some("CreateNamespace=true"));
    if let Some(metadata) = policy.get("managedNamespaceMetadata")
        && !creates
        && !options.iter().any(|item| item.text().is_some_and(|text| text.contains("{{")))
    {
        let says = "only works together with the option `CreateNamespace=true`";
        report.warning(field(path, "managedNamespaceMetadata"), metadata, says, None);
    }
    for name in ["duration", "maxDuration"] {
        if let Some(duration) = policy.at(&["retry", "backoff", name])
            && let Some(text) = duration.text().filter(|text| !text.contains("{{") && !text.is_empty())
            && let Err(problem) = parse_seconds_or_duration(text)
        {
            report.error(
                format!("{path}.retry.backoff.{name}"),
                duration,
                problem.to_string(),
                duration_hint(text),
            );
        }
    }
    if let Some(factor) = policy.at(&["retry", "backoff", "factor"])
        && matches!(factor.value, Value::Integer(number) if number < 1)
    {
        report.error(format!("{path}.retry.backoff.factor"), factor, "must be 1 or more", None);
    }
}

/// `1d` is what people write and Go does not read.
pub(super) fn duration_hint(text: &str) -> Option<String> {
    let days: u64 = text.strip_suffix('d')?.parse().ok()?;
    Some(format!("write `{}h`", days.checked_mul(24)?))
}

fn check_rule(path: &str, rule: &Node, report: &mut Report) {
    let some = |name: &str| rule.get(name).is_some_and(|list| !list.items().is_empty());
    let is_rule = matches!(rule.value, Value::Map(_));
    if is_rule && !some("jsonPointers") && !some("jqPathExpressions") && !some("managedFieldsManagers") {
        let says = "ignores nothing";
        let hint = "name fields in `jsonPointers`, `jqPathExpressions` or `managedFieldsManagers`";
        report.warning(path, rule, says, Some(hint.to_owned()));
    }
    for (index, pointer) in rule.get("jsonPointers").map(Node::items).unwrap_or_default().iter().enumerate() {
        let text = pointer.text().unwrap_or("/");
        if !text.starts_with('/') && !text.contains("{{") {
            let slashed = text.trim_start_matches('.').replace('.', "/");
            let hint = Some(format!("did you mean `/{slashed}`?"));
            let says = format!("`{text}` is not a JSON pointer, which begins with `/`");
            report.error(format!("{path}.jsonPointers[{index}]"), pointer, says, hint);
        }
    }
    let (group, kind) = (rule.text_of("group"), rule.text_of("kind"));
    if let Some(right) = right_group(group, kind) {
        let says = format!("there is no `{kind}` in the group `{group}`, so the rule matches nothing");
        report.warning(
            field(path, "group"),
            rule.get("group").unwrap_or(rule),
            says,
            Some(format!("write `group: {right:?}`")),
        );
    }
}
