//! Words of argocd that are none of ours, and what does their job.

use std::ffi::OsString;

const MANIFEST: &str = "write the Application to a file: `bridgehead lint` checks it, `kubectl apply -f` or Git brings it \
                        into the cluster, and Terraform does with `bridgehead_application`";
const PROJECT: &str =
    "projects are manifests here: `kubectl apply -f`, Git, or `bridgehead_project` in Terraform";
const REPOSITORY: &str = "`bridgehead_repository` in Terraform declares one, with a password that is kept in no state; \
                          so does a Secret with the label `argocd.argoproj.io/secret-type: repository`";
const CLUSTER: &str = "`bridgehead_cluster` in Terraform declares one, with a token that is kept in no state; so does a \
                       Secret with the label `argocd.argoproj.io/secret-type: cluster`";
const LOGIN: &str = "none is needed: your kubeconfig says who you are, and Kubernetes' RBAC what you may do";
const SETS: &str = "ApplicationSets are checked by `bridgehead lint`, and not generated yet";
const REFRESH: &str =
    "`bridgehead app get NAME --refresh` compares with Git at once, `--hard-refresh` from scratch";
const CHOOSE: &str = "name the applications, or choose them with `--selector` or `--project`";
const LOCAL: &str = "`--revision` compares with any commit that was pushed";

/// Verbs, as they stand on the command line.
const VERBS: &[(&[&str], &str)] = &[
    (&["account"], LOGIN),
    (&["app", "create"], MANIFEST),
    (&["app", "edit"], MANIFEST),
    (&["app", "refresh"], REFRESH),
    (&["app", "set"], MANIFEST),
    (&["appset"], SETS),
    (&["cluster", "add"], CLUSTER),
    (&["cluster", "get"], "`bridgehead cluster list -o yaml` shows all that is known of each"),
    (&["login"], LOGIN),
    (&["logout"], LOGIN),
    (&["proj", "create"], PROJECT),
    (&["proj", "role"], "roles are part of the project's manifest; the agent hands out no tokens"),
    (&["relogin"], LOGIN),
    (&["repo", "add"], REPOSITORY),
    (&["repo", "get"], "`bridgehead repo list -o yaml` shows all that is known of each"),
];

/// Flags of verbs that are there.
const FLAGS: &[(&[&str], &str, &str)] = &[
    (&["app", "sync"], "--all", CHOOSE),
    (&["app", "diff"], "--local", LOCAL),
    (&["app", "diff"], "--server-side", LOCAL),
];

/// What to do instead, for a command line that was not understood.
pub(super) fn hint(arguments: &[OsString]) -> Option<&'static str> {
    let words: Vec<&str> = arguments.iter().skip(1).filter_map(|argument| argument.to_str()).collect();
    let says = |verb: &[&str]| words.windows(verb.len()).any(|part| part == verb);
    let flag = FLAGS
        .iter()
        .find(|(verb, flag, _)| says(verb) && words.iter().any(|word| word.split('=').next() == Some(*flag)));
    let verb = VERBS.iter().find(|(verb, _)| says(verb));
    flag.map(|(_, _, hint)| *hint).or(verb.map(|(_, hint)| *hint))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn line(words: &[&str]) -> Vec<OsString> {
        ["bridgehead"].iter().chain(words).map(OsString::from).collect()
    }

    #[test]
    fn a_hint_goes_when_its_word_becomes_one_of_ours() {
        for (verb, _) in VERBS {
            let mut words = verb.to_vec();
            words.push("anything");
            assert!(crate::cli::Cli::try_parse_from(line(&words)).is_err(), "{verb:?} is understood");
        }
        for (verb, flag, _) in FLAGS {
            let mut words = verb.to_vec();
            words.extend([*flag, "anything"]);
            assert!(crate::cli::Cli::try_parse_from(line(&words)).is_err(), "{verb:?} {flag} is understood");
        }
    }

    #[test]
    fn global_flags_may_stand_before_the_verb() {
        assert_eq!(hint(&line(&["-n", "argocd", "app", "refresh", "web"])), Some(REFRESH));
        assert_eq!(hint(&line(&["app", "sync", "--all"])), Some(CHOOSE));
        assert_eq!(hint(&line(&["app", "sync", "--everything"])), None);
    }
}
