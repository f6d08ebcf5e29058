//! What the machine says to people.

use bridgehead_api::ObjectKey;

use super::task::Task;

/// What is waited for: hooks before objects.
pub(super) fn waiting_message(tasks: &[&Task]) -> String {
    let Some(first) = tasks.iter().find(|task| task.is_hook()).or(tasks.first()) else {
        return String::new();
    };
    let what = if first.is_hook() { "completion of hook" } else { "healthy state of" };
    format!("waiting for {what} {}{}", first.id, and_more(tasks.len()))
}

/// ` and N more` after the first of several.
pub(super) fn and_more(count: usize) -> String {
    if count > 1 { format!(" and {} more", count - 1) } else { String::new() }
}

/// `deployment.apps/web`, as kubectl names an object.
pub fn kubectl_name(key: &ObjectKey) -> String {
    let kind = key.group_kind.kind.to_lowercase();
    if key.group_kind.group.is_empty() {
        format!("{kind}/{}", key.name)
    } else {
        format!("{kind}.{}/{}", key.group_kind.group, key.name)
    }
}
