//! What somebody meant who wrote a field that does not exist.

use serde_json::Value as Schema;

use crate::crd::Kind;
use crate::nearest::nearest;

/// Where an unknown field stands.
pub(super) struct Context<'a> {
    /// Path of the object that it is in.
    pub(super) parent: &'a str,
    /// Schema of that object.
    pub(super) schema: &'a Schema,
    /// Kind of the document.
    pub(super) kind: Kind,
}

/// What objects are called in [`KNOWN`].
fn place(context: &Context<'_>) -> &'static str {
    let last = context.parent.rsplit('.').next().unwrap_or_default();
    let name = last.split('[').next().unwrap_or_default();
    match name {
        "spec" if context.kind == Kind::ApplicationSet && context.parent == "spec" => "set",
        "spec" if context.kind == Kind::AppProject => "project",
        "spec" => "application",
        "source" | "sources" | "drySource" => "source",
        "helm" => "helm",
        "kustomize" => "kustomize",
        "syncPolicy" if context.kind == Kind::ApplicationSet && context.parent == "spec.syncPolicy" => {
            "set policy"
        }
        "syncPolicy" => "policy",
        "automated" => "automated",
        "retry" => "retry",
        "destination" | "destinations" => "destination",
        "syncWindows" => "window",
        "roles" => "role",
        "generators" => "generator",
        "git" => "git",
        "ignoreDifferences" => "ignore",
        _ => "",
    }
}

/// Well-known mistakes that edits of letters do not explain: place, field, what to write.
const KNOWN: &[(&str, &[&str], &str)] = &[
    ("source", &["repo", "url", "repository", "repositoryURL", "gitRepo"], "did you mean `repoURL`?"),
    (
        "source",
        &["branch", "tag", "revision", "version", "commit", "chartVersion", "gitRevision"],
        "did you mean `targetRevision`?",
    ),
    ("source", &["folder", "dir"], "did you mean `path`?"),
    ("helm", &["set", "setValues"], "did you mean `parameters`?"),
    ("helm", &["valuesFiles", "valuesFile", "files"], "did you mean `valueFiles`?"),
    ("helm", &["chart", "repoURL", "targetRevision", "path"], "it belongs one level up, into the source"),
    (
        "kustomize",
        &["overlays", "overlay"],
        "did you mean `path` of the source? Kustomize renders the folder that it names, as in `path: overlays/live`",
    ),
    ("kustomize", &["path", "directory"], "it belongs one level up: `path` of the source"),
    ("kustomize", &["labels"], "did you mean `commonLabels`?"),
    ("kustomize", &["annotations"], "did you mean `commonAnnotations`?"),
    ("kustomize", &["patchesStrategicMerge", "patchesJson6902"], "did you mean `patches`?"),
    ("policy", &["auto", "automatic", "autoSync", "autosync"], "did you mean `automated`?"),
    ("policy", &["options"], "did you mean `syncOptions`?"),
    ("policy", &["createNamespace"], "did you mean `syncOptions: [CreateNamespace=true]`?"),
    ("automated", &["syncOptions", "retry"], "it belongs one level up, into `syncPolicy`"),
    ("retry", &["maxRetries", "count", "attempts", "maxAttempts", "times"], "did you mean `limit`?"),
    ("destination", &["cluster", "clusterName"], "did you mean `name`?"),
    ("destination", &["url", "clusterURL", "endpoint"], "did you mean `server`?"),
    ("destination", &["ns"], "did you mean `namespace`?"),
    ("project", &["sourceRepositories", "repositories", "repos", "sources"], "did you mean `sourceRepos`?"),
    ("project", &["namespaces"], "did you mean `destinations`?"),
    ("project", &["windows", "maintenanceWindows"], "did you mean `syncWindows`?"),
    (
        "project",
        &["clusterResourceAllowList", "clusterResourceAllowlist"],
        "did you mean `clusterResourceWhitelist`?",
    ),
    (
        "project",
        &["clusterResourceDenyList", "clusterResourceDenylist"],
        "did you mean `clusterResourceBlacklist`?",
    ),
    (
        "project",
        &["namespaceResourceAllowList", "namespaceResourceAllowlist"],
        "did you mean `namespaceResourceWhitelist`?",
    ),
    (
        "project",
        &["namespaceResourceDenyList", "namespaceResourceDenylist"],
        "did you mean `namespaceResourceBlacklist`?",
    ),
    ("window", &["cron", "start", "startTime"], "did you mean `schedule`?"),
    ("window", &["type", "action"], "did you mean `kind`?"),
    ("window", &["apps"], "did you mean `applications`?"),
    ("role", &["permissions", "rules"], "did you mean `policies`?"),
    ("role", &["users", "members"], "did you mean `groups`?"),
    ("generator", &["scm"], "did you mean `scmProvider`?"),
    ("generator", &["pr", "pullrequest"], "did you mean `pullRequest`?"),
    ("git", &["url", "repo", "repository"], "did you mean `repoURL`?"),
    ("git", &["branch", "targetRevision"], "did you mean `revision`?"),
    ("git", &["path", "paths", "dirs"], "did you mean `directories: [{path: …}]`?"),
    ("ignore", &["apiVersion"], "did you mean `group`, without the version?"),
    ("ignore", &["fields", "paths"], "did you mean `jsonPointers` or `jqPathExpressions`?"),
];

/// What to do about an unknown field.
pub(super) fn hint(context: &Context<'_>, name: &str) -> Option<String> {
    let place = place(context);
    if let Some((_, _, hint)) = KNOWN.iter().find(|(at, names, _)| *at == place && names.contains(&name)) {
        return Some((*hint).to_owned());
    }
    let siblings: Vec<&str> = names(context.schema).collect();
    // One that differs in nothing but case comes first, then the same name elsewhere, then a similar one.
    if let Some(same) = siblings.iter().find(|sibling| sibling.eq_ignore_ascii_case(name)) {
        return Some(format!("did you mean `{same}`?"));
    }
    if let Some(similar) = nearest(name, siblings.iter().copied()) {
        return Some(format!("did you mean `{similar}`?"));
    }
    if let Some(below) = below(context.schema, name, 2) {
        return Some(format!("did you mean `{below}`?"));
    }
    if let Some(level) = above(context, name) {
        return Some(level);
    }
    (!siblings.is_empty() && siblings.len() <= 12).then(|| format!("known here: `{}`", siblings.join("`, `")))
}

fn names(schema: &Schema) -> impl Iterator<Item = &str> {
    schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str())
}

/// The field in an object at most `depth` levels below, the nearest level first.
fn below(schema: &Schema, name: &str, depth: usize) -> Option<String> {
    for (child, property) in schema["properties"].as_object().into_iter().flatten() {
        if names(property).any(|below| below == name) {
            return Some(format!("{child}.{name}"));
        }
        let items = &property["items"];
        if names(items).any(|below| below == name) {
            return Some(format!("{child}[].{name}"));
        }
    }
    if depth < 2 {
        return None;
    }
    schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .find_map(|(child, property)| below(property, name, depth - 1).map(|rest| format!("{child}.{rest}")))
}

/// Whether an object above has the field: somebody indented too far.
fn above(context: &Context<'_>, name: &str) -> Option<String> {
    let segments: Vec<&str> = context.parent.split('.').collect();
    for length in (1..segments.len()).rev() {
        let node = segments[..length].iter().try_fold(context.kind.schema(), |node, segment| {
            let (field, rest) = segment.split_once('[').map_or((*segment, ""), |(field, rest)| (field, rest));
            let property = node["properties"].get(field)?;
            if rest.is_empty() { Some(property) } else { property.get("items") }
        })?;
        if node["properties"].get(name).is_some() {
            return Some(format!("it belongs further up, into `{}`", segments[..length].join(".")));
        }
    }
    None
}
