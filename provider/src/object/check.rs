//! What is wrong with a manifest, told at the attribute that it comes from: at plan of what is known then,
//! at apply of everything, in the same words.

use bridgehead_api::lint::{Severity, lint};
use serde_json::{Value as Json, json};
use tfplug::path::{Path, Step};
use tfplug::prelude::{Diagnostic, Diagnostics};
use tfplug::schema::{Attribute, Shape};

use super::Kind;
use super::codec::Encoded;
use super::field::field_of;

/// A name that Kubernetes takes: a DNS label, or several with dots between them.
pub(crate) fn object_name(text: &str) -> Result<(), String> {
    if text.len() <= 253 && text.split('.').all(|label| tfplug::check::dns_label(label).is_ok()) {
        return Ok(());
    }
    Err(format!(
        "`{text}` is not a name that Kubernetes takes: lower-case letters, digits, `-` and `.`, with a letter \
         or digit at both ends."
    ))
}

/// Looks at a specification, as far as it is known.
pub(crate) fn check(
    kind: Kind,
    attributes: &[Attribute],
    name: &str,
    namespace: &str,
    spec: &Encoded,
    problems: &mut Diagnostics,
) {
    let manifest = json!({
        "apiVersion": bridgehead_api::API_VERSION,
        "kind": kind.name(),
        "metadata": {"name": name, "namespace": namespace},
        "spec": Json::Object(spec.fields.clone()),
    });
    // JSON is YAML; on lines of its own each value has a place.
    let text = serde_json::to_string_pretty(&manifest).unwrap_or_default();
    for finding in lint(&text) {
        let Some(path) = attribute_path(attributes, &finding.path) else { continue };
        // What is not known may be anything, and so may what contains it be complete.
        if spec.unknown.iter().any(|unknown| unknown.starts_with(&path) || path.starts_with(unknown)) {
            continue;
        }
        let detail = finding.hint.as_deref().map(sentence).unwrap_or_default();
        let diagnostic = match finding.severity {
            Severity::Error => Diagnostic::error(capitalised(&finding.says)),
            Severity::Warning => Diagnostic::warning(capitalised(&finding.says)),
        };
        problems.push(diagnostic.detail(detail).at(path));
    }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

fn sentence(hint: &str) -> String {
    format!("{}.", capitalised(hint.trim_end_matches('.')))
}

/// `spec.syncPolicy.syncOptions[0]` as `sync_policy.sync_options[0]`. `None` for what is no attribute.
fn attribute_path(attributes: &[Attribute], place: &str) -> Option<Path> {
    let rest = place.strip_prefix("spec").or_else(|| place.strip_prefix("metadata"))?;
    let mut path = Path::root();
    let mut level: Option<&[Attribute]> = Some(attributes);
    for token in tokens(rest) {
        match token {
            Token::Name(name) => {
                let Some(attribute) =
                    level.and_then(|level| level.iter().find(|attribute| field_of(&attribute.name) == name))
                else {
                    // A key of a map of texts, or something below what has an attribute.
                    break;
                };
                path = path.attribute(&attribute.name);
                level = match &attribute.shape {
                    Shape::Nested(_, nested) => Some(nested),
                    Shape::Type(_) => None,
                };
            }
            Token::Index(index) => path = path.with(Step::Index(index)),
        }
    }
    (rest.is_empty() || !path.is_root()).then_some(path)
}

enum Token {
    Name(String),
    Index(usize),
}

fn tokens(place: &str) -> Vec<Token> {
    let mut found = Vec::new();
    for part in place.split(['.', '[']).filter(|part| !part.is_empty()) {
        let part = part.trim_end_matches(']');
        match part.parse() {
            Ok(index) => found.push(Token::Index(index)),
            Err(_) => found.push(Token::Name(part.trim_matches('"').to_owned())),
        }
    }
    found
}
