//! Argo CD's annotations, on objects of every kind.

use std::str::FromStr;

use super::schema::{expect_text, field};
use super::tree::Node;
use super::{Report, schema};
use crate::annotations as names;
use crate::application::{APPLICATION_OPTIONS, HookDeletePolicy, HookType, RESOURCE_OPTIONS};
use crate::nearest::nearest;

const PREFIX: &str = "argocd.argoproj.io/";

const KNOWN: &[&str] = &[
    "tracking-id",
    "installation-id",
    "refresh",
    "refresh-timestamp",
    "hydrate",
    "hydrate-timestamp",
    "sync-wave",
    "sync-options",
    "compare-options",
    "hook",
    "hook-delete-policy",
    "hook-finalizer",
    "ignore-healthcheck",
    "ignore-resource-updates",
    "ignore-restart-policy",
    "ignore-default-links",
    "ignore-differences",
    "skip-reconcile",
    "deletion-approved",
    "manifest-generate-paths",
    "managed-by-url",
    "client-side-apply-migration-manager",
    "application-set-refresh",
    "secret-type",
    "auto-label-cluster-info",
    "kubernetes-version",
];

const HELM_HOOKS: &[&str] = &[
    "pre-install",
    "post-install",
    "pre-upgrade",
    "post-upgrade",
    "pre-delete",
    "post-delete",
    "pre-rollback",
    "post-rollback",
    "test",
    "test-success",
    "test-failure",
    "crd-install",
];

const COMPARE_OPTIONS: &[(&str, &[&str])] =
    &[("ServerSideDiff", &["true", "false"]), ("IncludeMutationWebhook", &["true", "false"])];

pub(super) fn check(document: &Node, report: &mut Report) {
    check_at("metadata.annotations", document.at(&["metadata", "annotations"]), report);
}

/// Checks annotations that lie at a path.
pub(super) fn check_at(path: &str, annotations: Option<&Node>, report: &mut Report) {
    for entry in annotations.map(Node::entries).unwrap_or_default() {
        let path = field(path, &entry.name);
        if !expect_text(&path, &entry.value, report) {
            continue;
        }
        let text = entry.value.text().unwrap_or_default();
        // What a template makes of it is not known.
        if text.contains("{{") {
            continue;
        }
        one(&path, &entry.name, text, &entry.value, report);
        let Some(name) = entry.name.strip_prefix(PREFIX) else { continue };
        if !KNOWN.contains(&name) {
            let meant = match name {
                "hook-sync-wave" | "wave" | "hook-weight" => Some("sync-wave"),
                "sync-option" => Some("sync-options"),
                "delete-policy" => Some("hook-delete-policy"),
                _ => nearest(name, KNOWN.iter().copied()),
            };
            let hint = meant.map(|meant| format!("did you mean `{PREFIX}{meant}`?"));
            report.warning(path, entry, format!("nobody reads the annotation `{}`", entry.name), hint);
        }
    }
}

fn one(path: &str, name: &str, text: &str, node: &Node, report: &mut Report) {
    match name {
        names::HOOK => {
            let words: Vec<_> = HookType::ALL.iter().map(|word| word.as_str()).collect();
            each_word::<HookType>(path, text, &words, node, report);
        }
        names::HOOK_DELETE_POLICY => {
            let words: Vec<_> = HookDeletePolicy::ALL.iter().map(|word| word.as_str()).collect();
            each_word::<HookDeletePolicy>(path, text, &words, node, report);
        }
        names::HELM_HOOK => {
            for word in items(text).filter(|word| !HELM_HOOKS.contains(word)) {
                schema::word(path, node, word, HELM_HOOKS, report);
            }
        }
        names::SYNC_WAVE | names::HELM_HOOK_WEIGHT if text.trim().parse::<i64>().is_err() => {
            report.error(path, node, format!("the wave `{text}` is not a whole number"), None);
        }
        names::SYNC_OPTIONS => {
            for item in items(text) {
                let name = item.split('=').next().unwrap_or_default();
                let is_resource_option = RESOURCE_OPTIONS.iter().any(|(known, _)| *known == name);
                if !is_resource_option && APPLICATION_OPTIONS.iter().any(|(known, _)| *known == name) {
                    let hint = "write it into the application's `spec.syncPolicy.syncOptions`";
                    let says = format!("`{name}` is an option of a whole application, not of one object");
                    report.warning(path, node, says, Some(hint.to_owned()));
                } else {
                    option(path, item, RESOURCE_OPTIONS, node, report);
                }
            }
        }
        names::COMPARE_OPTIONS => {
            for item in items(text).filter(|item| *item != "IgnoreExtraneous") {
                option(path, item, COMPARE_OPTIONS, node, report);
            }
        }
        names::REFRESH => schema::word(path, node, text, &["normal", "hard"], report),
        names::SKIP_RECONCILE | names::IGNORE_HEALTHCHECK | names::IGNORE_RESOURCE_UPDATES => {
            schema::word(path, node, text, &["true", "false"], report);
        }
        _ => {}
    }
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

fn each_word<T: FromStr>(path: &str, text: &str, words: &[&str], node: &Node, report: &mut Report) {
    for item in items(text).filter(|item| item.parse::<T>().is_err()) {
        schema::word(path, node, item, words, report);
    }
}

/// Checks one `Name=value`.
pub(super) fn option(path: &str, item: &str, known: &[(&str, &[&str])], node: &Node, report: &mut Report) {
    let (name, value) = item.split_once('=').unwrap_or((item, ""));
    if let Some((_, values)) = known.iter().find(|(known, _)| *known == name) {
        if !values.contains(&value) {
            let hint = nearest(value, values.iter().copied()).map_or_else(
                || format!("known: `{}`", values.join("`, `")),
                |near| format!("did you mean `{name}={near}`?"),
            );
            report.error(path, node, format!("option `{name}` cannot be `{value}`"), Some(hint));
        }
        return;
    }
    let hint = if let Some(near) = nearest(name, known.iter().map(|(known, _)| *known)) {
        let value = if value.is_empty() { "true" } else { value };
        Some(format!("did you mean `{near}={value}`?"))
    } else {
        None
    };
    report.error(path, node, format!("unknown option `{name}`"), hint);
}
