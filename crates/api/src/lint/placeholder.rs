//! Placeholders in an ApplicationSet's template, and the parameters that its generators make.

use super::tree::{Node, Value};

/// Names of parameters that some generators of a set make.
#[derive(Default)]
pub(super) struct Parameters {
    /// Whole names.
    names: Vec<String>,
    /// Starts of names, such as `values.`.
    starts: Vec<String>,
}

const CLUSTER: &[&str] = &["name", "nameNormalized", "server", "project"];
const PATH: &[&str] =
    &["path", "path.basename", "path.basenameNormalized", "path.filename", "path.filenameNormalized"];
const PULL_REQUEST: &[&str] = &[
    "number",
    "title",
    "branch",
    "branch_slug",
    "target_branch",
    "target_branch_slug",
    "head_sha",
    "head_short_sha",
    "head_short_sha_7",
    "author",
];
const REPOSITORY: &[&str] = &[
    "organization",
    "repository",
    "repository_id",
    "url",
    "branch",
    "branchNormalized",
    "sha",
    "short_sha",
    "short_sha_7",
    "labels",
];

impl Parameters {
    /// Parameters of the generators of a set or inside a matrix or merge.
    pub(super) fn of(generators: &[Node]) -> Self {
        let mut parameters = Self::default();
        parameters.collect(generators);
        parameters
    }

    fn collect(&mut self, generators: &[Node]) {
        for generator in generators {
            for entry in generator.entries() {
                self.generator(&entry.name, &entry.value);
                if entry.value.get("values").is_some() {
                    self.starts.push("values.".to_owned());
                }
            }
        }
    }

    fn generator(&mut self, kind: &str, generator: &Node) {
        match kind {
            "list" => {
                for element in generator.get("elements").map(Node::items).unwrap_or_default() {
                    self.element("", element);
                }
            }
            "clusters" | "clusterDecisionResource" => {
                self.add(CLUSTER);
                self.starts.extend(["metadata.labels.".to_owned(), "metadata.annotations.".to_owned()]);
            }
            "git" | "oci" => match generator.text_of("pathParamPrefix") {
                "" => {
                    self.add(PATH);
                    self.starts.push("path[".to_owned());
                }
                prefix => self.starts.push(format!("{prefix}.path")),
            },
            "pullRequest" => self.add(PULL_REQUEST),
            "scmProvider" => self.add(REPOSITORY),
            "matrix" | "merge" => {
                self.collect(generator.get("generators").map(Node::items).unwrap_or_default());
            }
            _ => {}
        }
    }

    fn add(&mut self, names: &[&str]) {
        self.names.extend(names.iter().map(|name| (*name).to_owned()));
    }

    fn element(&mut self, prefix: &str, element: &Node) {
        for entry in element.entries() {
            let name = format!("{prefix}{}", entry.name);
            if let Value::Map(_) = entry.value.value {
                self.element(&format!("{name}."), &entry.value);
            }
            self.names.push(name);
        }
    }

    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
            || self.starts.iter().any(|start| name.starts_with(start))
    }
}

/// What is wrong with the placeholders of a text: what stands there, and what was meant.
pub(super) fn problem(text: &str, go_template: bool, parameters: &Parameters) -> Option<(String, String)> {
    let dotted =
        |name: &str| if go_template { format!("{{{{.{name}}}}}") } else { format!("{{{{{name}}}}}") };
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        let double = rest[start..].starts_with("{{");
        let open = if double { start + 2 } else { start + 1 };
        let before = rest[..start].chars().next_back();
        let length = rest[open..].find('}')?;
        let inside = rest[open..open + length].trim();
        let name = inside.strip_prefix('.').unwrap_or(inside);
        let known = parameters.has(name);
        if !double && before != Some('$') && known {
            return Some((format!("`{{{inside}}}` is no placeholder"), dotted(name)));
        }
        if double && known && go_template && !inside.starts_with('.') {
            return Some((
                format!("`{{{{{inside}}}}}` is no placeholder with `goTemplate: true`"),
                dotted(name),
            ));
        }
        if double && known && !go_template && inside.starts_with('.') {
            return Some((
                format!("`{{{{{inside}}}}}` is no placeholder without `goTemplate: true`"),
                dotted(name),
            ));
        }
        rest = &rest[open + length..];
    }
    None
}
