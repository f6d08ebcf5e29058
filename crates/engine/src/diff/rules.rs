//! Rules for fields that may differ: `spec.ignoreDifferences` of the Application and
//! `resource.customizations.ignoreDifferences.*` of `argocd-cm`.

use std::collections::BTreeMap;
use std::sync::Arc;

use bridgehead_api::ObjectKey;
use bridgehead_api::annotations;
use bridgehead_api::application::{ApplicationSpec, ConditionType, ResourceIgnoreDifferences, SyncOptions};
use globset::{Glob, GlobMatcher};
use serde::Deserialize;
use serde_json::Value;

use super::jq::JqPath;
use super::pointer::{self, Step};
use crate::manifest::{Desired, INVALID_SETTING_WARNING, Live, Manifest, Problem};

/// All rules that hold for one application. Cloning is cheap.
#[derive(Clone, Debug, Default)]
pub struct DiffRules {
    rules: Arc<[IgnoreRule]>,
    server_side_apply: bool,
    options: SyncOptions,
    fingerprint: u64,
}

/// One rule: places that are ignored in the objects that it matches.
#[derive(Clone, Debug)]
pub struct IgnoreRule {
    group: Pattern,
    kind: Pattern,
    name: String,
    namespace: String,
    pointers: Vec<Vec<Step>>,
    jq: Vec<JqPath>,
}

#[derive(Clone, Debug)]
enum Pattern {
    Any,
    Exactly(String),
    Glob(GlobMatcher),
}

impl Pattern {
    fn new(text: &str) -> Result<Self, String> {
        if text == "*" {
            Ok(Self::Any)
        } else if text.contains(['*', '?', '[', '{']) {
            let glob = Glob::new(text).map_err(|error| format!("`{text}` is not a glob: {error}"))?;
            Ok(Self::Glob(glob.compile_matcher()))
        } else {
            Ok(Self::Exactly(text.to_owned()))
        }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(own) => own == text,
            Self::Glob(glob) => glob.is_match(text),
        }
    }
}

/// A rule's fields in `argocd-cm`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Customization {
    json_pointers: Vec<String>,
    jq_path_expressions: Vec<String>,
    managed_fields_managers: Vec<String>,
}

/// Start of the keys in `argocd-cm` that hold rules; `all` or `<group>_<Kind>` follows.
const KEY: &str = "resource.customizations.ignoreDifferences.";

impl DiffRules {
    /// Reads the rules of an application, and those of `argocd-cm` by its data. A rule that cannot be read
    /// is left out and told of.
    pub fn of(spec: &ApplicationSpec, settings: &BTreeMap<String, String>) -> (Self, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut rules = Vec::new();
        let mut texts = String::new();
        for (key, text) in settings.iter().filter(|(key, _)| key.starts_with(KEY)) {
            texts.push_str(key);
            texts.push_str(text);
            match customization(&key[KEY.len()..], text) {
                Ok(rule) => read(&rule, &format!("`{key}` of argocd-cm"), &mut rules, &mut problems),
                Err(error) => problems.push(problem(format!("`{key}` of argocd-cm: {error}"))),
            }
        }
        for (position, rule) in spec.ignore_differences.iter().enumerate() {
            read(rule, &format!("spec.ignoreDifferences[{position}]"), &mut rules, &mut problems);
        }
        let sync_options = spec.sync_policy.as_ref().map(|policy| policy.sync_options.as_slice());
        let options = SyncOptions::parse(sync_options.unwrap_or_default());
        let text = format!("{texts}{:?}{options:?}", spec.ignore_differences);
        let rules = Self {
            rules: rules.into(),
            server_side_apply: options.server_side_apply,
            options,
            fingerprint: fingerprint(&text),
        };
        (rules, problems)
    }

    /// A number that changes with the rules.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The rules that match an object.
    pub(super) fn matching(&self, key: &ObjectKey) -> impl Iterator<Item = &IgnoreRule> {
        self.rules.iter().filter(move |rule| rule.matches(key))
    }

    /// True if the object is applied on the server's side.
    pub(super) fn applies_on_server(&self, manifest: &Manifest) -> bool {
        match manifest.annotation(annotations::SYNC_OPTIONS) {
            None => self.server_side_apply,
            annotation => {
                let options = self.options.for_resource(annotation);
                options.server_side_apply && !options.replace
            }
        }
    }

    /// The manifest with the ignored fields as they are in the cluster, for `RespectIgnoreDifferences=true`.
    /// `status` is never taken over.
    pub fn respect(&self, desired: &Desired, live: &Live) -> Manifest {
        let mut manifest = desired.manifest.clone();
        for rule in self.matching(&desired.key) {
            let live_value = live.manifest.value();
            let mut places = rule.places(manifest.value());
            places.extend(rule.places(live_value));
            places.sort_unstable_by(|left, right| right.cmp(left));
            places.dedup();
            for place in
                places.into_iter().filter(|place| place.first() != Some(&Step::Field("status".into())))
            {
                match pointer::get(live_value, &place) {
                    Some(value) if pointer::get(manifest.value(), &place) != Some(value) => {
                        pointer::set(manifest.value_mut(), &place, value.clone());
                    }
                    Some(_) => {}
                    None => pointer::remove(manifest.value_mut(), &place),
                }
            }
        }
        manifest
    }
}

impl IgnoreRule {
    fn matches(&self, key: &ObjectKey) -> bool {
        self.group.matches(&key.group_kind.group)
            && self.kind.matches(&key.group_kind.kind)
            && (self.name.is_empty() || self.name == *key.name)
            && (self.namespace.is_empty() || self.namespace == key.namespace())
    }

    /// Takes what is ignored out of an object.
    pub(super) fn remove_from(&self, object: &mut Value) {
        for place in self.places(object) {
            pointer::remove(object, &place);
        }
    }

    /// The places that it ignores, each before those that its removal would move.
    fn places(&self, object: &Value) -> Vec<Vec<Step>> {
        let selected = self.jq.iter().filter_map(|path| path.paths(object).ok()).flatten();
        let mut places: Vec<_> = self.pointers.iter().cloned().chain(selected).collect();
        places.sort_unstable_by(|left, right| right.cmp(left));
        places
    }
}

fn read(
    rule: &ResourceIgnoreDifferences,
    place: &str,
    rules: &mut Vec<IgnoreRule>,
    problems: &mut Vec<Problem>,
) {
    if !rule.managed_fields_managers.is_empty() {
        problems.push(problem(format!(
            "{place}: managedFieldsManagers has no effect, since the owners of fields are not kept; name the fields \
             in jsonPointers or jqPathExpressions"
        )));
    }
    let (group, kind) = match (Pattern::new(&rule.group), Pattern::new(&rule.kind)) {
        (Ok(group), Ok(kind)) => (group, kind),
        (Err(error), _) | (_, Err(error)) => {
            problems.push(problem(format!("{place}: {error}")));
            return;
        }
    };
    let mut pointers = Vec::new();
    for text in &rule.json_pointers {
        match pointer::parse(text) {
            Ok(steps) => pointers.push(steps),
            Err(error) => problems.push(problem(format!("{place}.jsonPointers: {error}"))),
        }
    }
    let mut jq = Vec::new();
    for text in &rule.jq_path_expressions {
        match JqPath::compile(text) {
            Ok(path) => jq.push(path),
            Err(error) => problems.push(problem(format!("{place}.jqPathExpressions: {error}"))),
        }
    }
    if !pointers.is_empty() || !jq.is_empty() {
        let (name, namespace) = (rule.name.clone(), rule.namespace.clone());
        rules.push(IgnoreRule { group, kind, name, namespace, pointers, jq });
    }
}

fn customization(target: &str, text: &str) -> Result<ResourceIgnoreDifferences, String> {
    let fields: Customization = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    let (group, kind) = match target {
        "all" => ("*", "*"),
        target => target.rsplit_once('_').unwrap_or(("", target)),
    };
    Ok(ResourceIgnoreDifferences {
        group: group.to_owned(),
        kind: kind.to_owned(),
        json_pointers: fields.json_pointers,
        jq_path_expressions: fields.jq_path_expressions,
        managed_fields_managers: fields.managed_fields_managers,
        ..ResourceIgnoreDifferences::default()
    })
}

fn problem(message: String) -> Problem {
    Problem::warning(ConditionType::Other(INVALID_SETTING_WARNING.to_owned()), None, message)
}

fn fingerprint(text: &str) -> u64 {
    use std::hash::{DefaultHasher, Hasher};
    let mut hasher = DefaultHasher::new();
    hasher.write(text.as_bytes());
    hasher.finish()
}
