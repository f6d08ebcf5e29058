//! Which objects a command is about: `GROUP:KIND:NAME` and `GROUP:KIND:NAMESPACE/NAME`, with `*`, and `!`
//! in front to leave out.

use bridgehead_api::ObjectKey;
use bridgehead_api::application::{Application, SyncOperationResource};

use crate::cli::error::CliError;

/// What `--resource` says, taken together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    exclude: bool,
    group: String,
    kind: String,
    namespace: String,
    name: String,
}

impl Selection {
    /// Reads the values of `--resource`.
    pub(crate) fn parse(texts: &[String]) -> Result<Self, CliError> {
        Ok(Self { rules: texts.iter().map(|text| rule(text)).collect::<Result<_, _>>()? })
    }

    /// Adds one object.
    pub(crate) fn add(&mut self, key: &ObjectKey) {
        self.rules.push(Rule {
            exclude: false,
            group: key.group_kind.group.to_string(),
            kind: key.group_kind.kind.to_string(),
            namespace: key.namespace().to_owned(),
            name: key.name.to_string(),
        });
    }

    /// True where nothing was said: everything is meant.
    pub(crate) fn is_everything(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether this object is meant. An exclusion that fits wins; with exclusions alone, the others are meant.
    pub(crate) fn includes(&self, group: &str, kind: &str, namespace: &str, name: &str) -> bool {
        let fits = |rule: &&Rule| {
            glob_or_empty(&rule.group, group)
                && glob_or_empty(&rule.kind, kind)
                && (rule.namespace.is_empty() || glob(&rule.namespace, namespace))
                && glob_or_empty(&rule.name, name)
        };
        let mut matching = self.rules.iter().filter(fits).peekable();
        match matching.peek() {
            None => self.rules.iter().all(|rule| rule.exclude),
            Some(_) => !matching.any(|rule| rule.exclude),
        }
    }

    /// The objects of an application that are meant.
    pub(crate) fn of(&self, application: &Application) -> Vec<SyncOperationResource> {
        if self.is_everything() {
            return Vec::new();
        }
        let resources = application.status.resources.iter();
        resources
            .filter(|it| self.includes(&it.group, &it.kind, &it.namespace, &it.name))
            .map(|it| SyncOperationResource {
                group: it.group.clone(),
                kind: it.kind.clone(),
                name: it.name.clone(),
                namespace: it.namespace.clone(),
            })
            .collect()
    }
}

fn rule(text: &str) -> Result<Rule, CliError> {
    let problem = || {
        CliError::Usage(format!(
            "`{text}` names no object: write GROUP:KIND:NAME or GROUP:KIND:NAMESPACE/NAME, as in apps:Deployment:web"
        ))
    };
    let (exclude, rest) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
    let [group, kind, name] = rest.split(':').collect::<Vec<_>>().try_into().map_err(|_| problem())?;
    let (namespace, name) = match name.split('/').collect::<Vec<_>>().as_slice() {
        [name] => ("", *name),
        [namespace, name] => (*namespace, *name),
        _ => return Err(problem()),
    };
    let owned = str::to_owned;
    Ok(Rule {
        exclude,
        group: owned(group),
        kind: owned(kind),
        namespace: owned(namespace),
        name: owned(name),
    })
}

/// An empty part of a rule stands for the empty text: the core group has no name.
fn glob_or_empty(pattern: &str, text: &str) -> bool {
    pattern == text || (!pattern.is_empty() && glob(pattern, text))
}

/// `*` stands for any text, `?` for any one character.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut star) = (0, None);
    let mut position = 0;
    while position < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, position));
                at += 1;
            }
            Some(character) if *character == '?' || *character == text[position] => {
                at += 1;
                position += 1;
            }
            _ => match star {
                // The last star takes in one character more.
                Some((place, taken)) => {
                    star = Some((place, taken + 1));
                    at = place + 1;
                    position = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|character| *character == '*')
}

#[cfg(test)]
mod tests {
    use super::{Selection, glob};

    fn selection(texts: &[&str]) -> Selection {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        Selection::parse(&texts).expect("test selection")
    }

    #[test]
    fn nothing_said_means_everything() {
        assert!(selection(&[]).includes("apps", "Deployment", "shop", "web"));
    }

    #[test]
    fn an_empty_group_is_the_core_group() {
        let services = selection(&[":Service:web"]);
        assert!(services.includes("", "Service", "shop", "web"));
        assert!(!services.includes("serving.knative.dev", "Service", "shop", "web"));
    }

    #[test]
    fn a_namespace_tells_objects_of_one_name_apart() {
        let rollout = selection(&["argoproj.io:Rollout:a/web"]);
        assert!(rollout.includes("argoproj.io", "Rollout", "a", "web"));
        assert!(!rollout.includes("argoproj.io", "Rollout", "b", "web"));
    }

    #[test]
    fn exclusions_alone_leave_the_others() {
        let without = selection(&["!*:Service:*"]);
        assert!(without.includes("apps", "Deployment", "shop", "web"));
        assert!(!without.includes("", "Service", "shop", "web"));
    }

    #[test]
    fn an_exclusion_wins() {
        let some = selection(&["apps:*:*", "!apps:Deployment:web"]);
        assert!(some.includes("apps", "StatefulSet", "shop", "db"));
        assert!(!some.includes("apps", "Deployment", "shop", "web"));
        assert!(!some.includes("", "Service", "shop", "web"));
    }

    #[test]
    fn what_names_no_object_is_refused() {
        for text in ["Deployment:web", "a:b:c:d", "a:b:c/d/e"] {
            assert!(Selection::parse(&[text.to_owned()]).is_err(), "{text}");
        }
    }

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abcd", false),
            ("*-eu-*", "shop-eu-1", true),
            ("w?b", "web", true),
            ("", "a", false),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
    }
}
