//! Trees, drawn as argocd draws them.

use std::io::{self, Write};

use bridgehead_api::Time;

use super::table;

/// An object and what belongs to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Node {
    /// `Kind/name`.
    pub(crate) name: String,
    pub(crate) status: String,
    pub(crate) health: String,
    /// What the last operation said of it.
    pub(crate) message: String,
    /// Why it has this health.
    pub(crate) reason: String,
    pub(crate) created: Option<Time>,
    pub(crate) children: Vec<Node>,
}

/// Name, status, health, message.
pub(crate) fn write(out: &mut dyn Write, roots: &[Node]) -> io::Result<()> {
    let rows = lines(roots)
        .into_iter()
        .map(|(name, node)| [name, node.status.clone(), node.health.clone(), node.message.clone()]);
    table::write(out, ["KIND/NAME", "STATUS", "HEALTH", "MESSAGE"], rows)
}

/// The same with age and the reason of the health.
pub(crate) fn write_detailed(out: &mut dyn Write, roots: &[Node], now: Time) -> io::Result<()> {
    let rows = lines(roots).into_iter().map(|(name, node)| {
        [
            name,
            node.status.clone(),
            node.health.clone(),
            node.created.map_or_else(String::new, |created| age(created, now)),
            node.message.clone(),
            node.reason.clone(),
        ]
    });
    table::write(out, ["KIND/NAME", "STATUS", "HEALTH", "AGE", "MESSAGE", "REASON"], rows)
}

fn lines(roots: &[Node]) -> Vec<(String, &Node)> {
    let mut lines = Vec::new();
    for root in roots {
        lines.push((root.name.clone(), root));
        below(root, "", &mut lines);
    }
    lines
}

fn below<'n>(node: &'n Node, indent: &str, lines: &mut Vec<(String, &'n Node)>) {
    for (index, child) in node.children.iter().enumerate() {
        let last = index + 1 == node.children.len();
        lines.push((format!("{indent}{}{}", if last { "└─" } else { "├─" }, child.name), child));
        below(child, &format!("{indent}{}", if last { "  " } else { "│ " }), lines);
    }
}

/// As kubectl shows ages: `45s`, `12m`, `5h`, `3d`.
fn age(created: Time, now: Time) -> String {
    let seconds = now.timestamp().as_second().saturating_sub(created.timestamp().as_second()).max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::{Node, write, write_detailed};

    fn node(name: &str, health: &str, children: Vec<Node>) -> Node {
        Node {
            name: name.to_owned(),
            health: health.to_owned(),
            created: "2026-11-21T08:00:00Z".parse().ok(),
            children,
            ..Node::default()
        }
    }

    #[test]
    fn branches_show_what_belongs_to_what() {
        let mut deployment = node(
            "Deployment/web",
            "Healthy",
            vec![
                node(
                    "ReplicaSet/web-1",
                    "Healthy",
                    vec![node("Pod/web-1-a", "Healthy", vec![]), node("Pod/web-1-b", "Progressing", vec![])],
                ),
                node("ReplicaSet/web-0", "Healthy", vec![]),
            ],
        );
        deployment.status = "Synced".to_owned();
        deployment.message = "deployment.apps/web configured".to_owned();
        let roots = [deployment, node("Service/web", "Healthy", vec![])];
        let mut plain = Vec::new();
        write(&mut plain, &roots).expect("a vector takes everything");
        insta::assert_snapshot!("plain", String::from_utf8(plain).expect("text"));
        let mut detailed = Vec::new();
        let now = "2026-11-21T11:00:00Z".parse().expect("a time");
        write_detailed(&mut detailed, &roots, now).expect("a vector takes everything");
        insta::assert_snapshot!("detailed", String::from_utf8(detailed).expect("text"));
    }
}
