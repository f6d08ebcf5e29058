//! What the schema of a project cannot say.

use super::application::duration_hint;
use super::kinds::right_group;
use super::tree::{Node, Value};
use super::{Report, cron, policy, schema};
use crate::duration::parse_duration;

pub(super) fn check(document: &Node, report: &mut Report) {
    let Some(spec) = document.get("spec") else { return };
    let list = |name: &str| spec.get(name).map(Node::items).unwrap_or_default();
    twice("spec.sourceRepos", list("sourceRepos"), report);
    twice("spec.sourceNamespaces", list("sourceNamespaces"), report);
    destinations(list("destinations"), report);
    for name in [
        "clusterResourceWhitelist",
        "clusterResourceBlacklist",
        "namespaceResourceWhitelist",
        "namespaceResourceBlacklist",
    ] {
        kinds(name, list(name), report);
    }
    roles(document.at(&["metadata"]).map_or("", |metadata| metadata.text_of("name")), list("roles"), report);
    for (index, window) in list("syncWindows").iter().enumerate() {
        check_window(&format!("spec.syncWindows[{index}]"), window, report);
    }
    for (index, policy) in spec
        .at(&["sourceIntegrity", "git", "policies"])
        .map(Node::items)
        .unwrap_or_default()
        .iter()
        .enumerate()
    {
        if let Some(mode) = policy.at(&["gpg", "mode"]) {
            let path = format!("spec.sourceIntegrity.git.policies[{index}].gpg.mode");
            schema::word(&path, mode, mode.text().unwrap_or_default(), &["none", "head", "strict"], report);
        }
    }
    for (name, what) in [("sourceRepos", "from no repository"), ("destinations", "to no cluster")] {
        if list(name).is_empty() {
            let says = format!("applications of this project may deploy {what}");
            report.warning(format!("spec.{name}"), spec, says, Some(format!("list some in `{name}`")));
        }
    }
}

fn twice(path: &str, items: &[Node], report: &mut Report) {
    for (index, item) in items.iter().enumerate() {
        let Some(text) = item.text() else { continue };
        if items[..index].iter().any(|earlier| earlier.text() == Some(text)) {
            report.error(format!("{path}[{index}]"), item, format!("`{text}` is there twice"), None);
        }
        denies_all(&format!("{path}[{index}]"), item, text, report);
    }
}

fn denies_all(path: &str, node: &Node, text: &str, report: &mut Report) {
    if text == "!*" {
        report.error(
            path,
            node,
            "`!*` denies everything",
            Some("leave the whole list empty instead".to_owned()),
        );
    }
}

fn destinations(items: &[Node], report: &mut Report) {
    let key = |item: &Node| {
        let server = item.text_of("server");
        let cluster = if server.is_empty() { item.text_of("name") } else { server };
        (cluster.to_owned(), item.text_of("namespace").to_owned())
    };
    for (index, item) in items.iter().enumerate() {
        let path = format!("spec.destinations[{index}]");
        if items[..index].iter().any(|earlier| key(earlier) == key(item)) {
            report.error(&*path, item, "this destination is there twice", None);
        }
        for name in ["server", "name", "namespace"] {
            denies_all(&format!("{path}.{name}"), item, item.text_of(name), report);
        }
    }
}

fn kinds(list: &str, items: &[Node], report: &mut Report) {
    for (index, item) in items.iter().enumerate() {
        let (group, kind) = (item.text_of("group"), item.text_of("kind"));
        if let Some(right) = right_group(group, kind) {
            let says = format!("there is no `{kind}` in the group `{group}`, so the entry matches nothing");
            let place = item.get("group").unwrap_or(item);
            report.warning(
                format!("spec.{list}[{index}].group"),
                place,
                says,
                Some(format!("write `group: {right:?}`")),
            );
        }
    }
}

fn roles(project: &str, roles: &[Node], report: &mut Report) {
    for (index, role) in roles.iter().enumerate() {
        let path = format!("spec.roles[{index}]");
        let name = role.text_of("name");
        if !name.is_empty() && roles[..index].iter().any(|earlier| earlier.text_of("name") == name) {
            report.error(format!("{path}.name"), role, format!("the role `{name}` is there twice"), None);
        }
        let is_name = name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.ends_with(|c: char| c.is_ascii_alphanumeric())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if !name.is_empty() && !is_name {
            let says = format!(
                "`{name}` is not a role's name: letters, digits, `-` and `_`, with a letter or digit at both ends"
            );
            report.error(format!("{path}.name"), role, says, None);
        }
        let policies = role.get("policies").map(Node::items).unwrap_or_default();
        for (index, item) in policies.iter().enumerate() {
            let Some(line) = item.text() else { continue };
            let path = format!("{path}.policies[{index}]");
            if let Some((says, hint)) = policy::problem(project, name, line) {
                report.error(&*path, item, says, hint);
            }
            if policies[..index].iter().any(|earlier| earlier.text() == Some(line)) {
                report.error(path, item, "this policy is there twice", None);
            }
        }
    }
}

fn check_window(path: &str, window: &Node, report: &mut Report) {
    if !matches!(window.value, Value::Map(_)) {
        return;
    }
    for (name, example) in [("kind", "allow"), ("schedule", "0 22 * * *"), ("duration", "8h")] {
        if window.text_of(name).is_empty() {
            let says = format!("a window needs `{name}`");
            report.error(
                format!("{path}.{name}"),
                window,
                says,
                Some(format!("as in `{name}: {example:?}`")),
            );
        }
    }
    if let Some(kind) = window.get("kind") {
        schema::word(
            &format!("{path}.kind"),
            kind,
            kind.text().unwrap_or_default(),
            &["allow", "deny"],
            report,
        );
    }
    if let Some(schedule) = window.get("schedule")
        && let Some((says, hint)) = schedule.text().and_then(cron::problem)
    {
        report.error(format!("{path}.schedule"), schedule, says, hint);
    }
    if let Some(duration) = window.get("duration") {
        let text = duration.text().unwrap_or_default();
        if !text.is_empty()
            && let Err(problem) = parse_duration(text)
        {
            report.error(format!("{path}.duration"), duration, problem.to_string(), duration_hint(text));
        }
    }
    let some = |name: &str| window.get(name).is_some_and(|list| !list.items().is_empty());
    if !some("applications") && !some("namespaces") && !some("clusters") {
        let says = "the window holds for nothing";
        let hint = "list `applications`, `namespaces` or `clusters`; `'*'` is all";
        report.error(path, window, says, Some(hint.to_owned()));
    }
}
