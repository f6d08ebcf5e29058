//! Hooks: which manifests are run rather than kept, when, and how they go.

use std::str::FromStr;

use bridgehead_api::annotations;
use bridgehead_api::application::{ConditionType, HookDeletePolicy, HookType};

use super::object::Manifest;
use super::problem::{INVALID_SETTING_WARNING, Problem};

/// What becomes of a manifest in a sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Applied, compared, pruned.
    Managed,
    /// Run in its phases.
    Hook,
    /// Shown, but never applied: `Skip` is its only hook type.
    Skipped,
    /// Left out altogether: its hook annotation names no type that is known (Helm's `test`, for one).
    Ignored,
}

/// What becomes of the manifest.
pub fn disposition(manifest: &Manifest) -> Disposition {
    let types = hook_types(manifest);
    let argo_hook = manifest.annotation(annotations::HOOK).is_some();
    let helm_hook = manifest.annotation(annotations::HELM_HOOK).is_some_and(|value| value != "crd-install");
    if !argo_hook && !helm_hook {
        return Disposition::Managed;
    }
    match types.as_slice() {
        [] => Disposition::Ignored,
        [HookType::Skip] => Disposition::Skipped,
        _ => Disposition::Hook,
    }
}

/// True if the manifest is run as a hook.
pub fn is_hook(manifest: &Manifest) -> bool {
    disposition(manifest) == Disposition::Hook
}

/// The hook's types: those of Argo CD's annotation, or those that Helm's stand for where it has none.
pub fn hook_types(manifest: &Manifest) -> Vec<HookType> {
    let own = words(manifest, annotations::HOOK);
    if own.is_empty() {
        mapped(manifest, annotations::HELM_HOOK, |word| match word {
            "crd-install" | "pre-install" | "pre-upgrade" => Some(HookType::PreSync),
            "post-install" | "post-upgrade" => Some(HookType::PostSync),
            "pre-delete" => Some(HookType::PreDelete),
            "post-delete" => Some(HookType::PostDelete),
            _ => None,
        })
    } else {
        own
    }
}

/// When the hook is deleted: Argo CD's policies, or those that Helm's stand for where it has none.
/// Empty where nothing is said; the sync then deletes before it creates.
pub fn hook_delete_policies(manifest: &Manifest) -> Vec<HookDeletePolicy> {
    let own = words(manifest, annotations::HOOK_DELETE_POLICY);
    if own.is_empty() {
        mapped(manifest, annotations::HELM_HOOK_DELETE_POLICY, |word| match word {
            "before-hook-creation" => Some(HookDeletePolicy::BeforeHookCreation),
            "hook-succeeded" => Some(HookDeletePolicy::HookSucceeded),
            "hook-failed" => Some(HookDeletePolicy::HookFailed),
            _ => None,
        })
    } else {
        own
    }
}

/// The wave: the sync-wave annotation, else Helm's hook weight, else 0. A text that is no whole number
/// counts as absent.
pub fn sync_wave(manifest: &Manifest) -> i64 {
    [annotations::SYNC_WAVE, annotations::HELM_HOOK_WEIGHT]
        .into_iter()
        .find_map(|name| whole_number(manifest.annotation(name)?))
        .unwrap_or(0)
}

/// What is wrong with the annotation that should give the wave.
pub fn wave_problem(manifest: &Manifest) -> Option<Problem> {
    let (name, value) = [annotations::SYNC_WAVE, annotations::HELM_HOOK_WEIGHT]
        .into_iter()
        .find_map(|name| Some((name, manifest.annotation(name)?)))?;
    if whole_number(value).is_some() {
        return None;
    }
    let key = manifest.key();
    let message = format!(
        "{key}: annotation `{name}` is `{value}`, which is not a whole number; wave {} is used",
        sync_wave(manifest)
    );
    Some(Problem::warning(ConditionType::Other(INVALID_SETTING_WARNING.to_owned()), Some(key), message))
}

/// Reads a number as Go does: an optional sign and digits.
fn whole_number(text: &str) -> Option<i64> {
    text.parse::<i64>().ok()
}

fn words<T: FromStr + PartialEq>(manifest: &Manifest, name: &str) -> Vec<T> {
    mapped(manifest, name, |word| word.parse().ok())
}

fn mapped<T: PartialEq>(manifest: &Manifest, name: &str, read: impl Fn(&str) -> Option<T>) -> Vec<T> {
    let mut found = Vec::new();
    for item in manifest.annotation(name).unwrap_or_default().split(',') {
        if let Some(item) = read(item.trim())
            && !found.contains(&item)
        {
            found.push(item);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn annotated(pairs: &[(&str, &str)]) -> Manifest {
        let mut manifest =
            Manifest::new(json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "migrate"}}));
        for (name, value) in pairs {
            manifest.set_annotation(name, *value);
        }
        manifest
    }

    #[test]
    fn several_types_are_read_with_white_space() {
        let job = annotated(&[(annotations::HOOK, "PreSync , PostSync,PreSync")]);
        assert_eq!(hook_types(&job), [HookType::PreSync, HookType::PostSync]);
        assert_eq!(disposition(&job), Disposition::Hook);
    }

    #[test]
    fn helm_types_count_only_where_argo_cd_has_none() {
        let helm = annotated(&[(annotations::HELM_HOOK, "pre-install,pre-upgrade")]);
        assert_eq!(hook_types(&helm), [HookType::PreSync]);
        let both = annotated(&[(annotations::HELM_HOOK, "pre-install"), (annotations::HOOK, "PostSync")]);
        assert_eq!(hook_types(&both), [HookType::PostSync]);
    }

    #[test]
    fn tests_of_helm_charts_and_unknown_types_are_left_out() {
        assert_eq!(disposition(&annotated(&[(annotations::HELM_HOOK, "test")])), Disposition::Ignored);
        assert_eq!(disposition(&annotated(&[(annotations::HOOK, "BeforeSync")])), Disposition::Ignored);
        assert_eq!(disposition(&annotated(&[(annotations::HELM_HOOK, "crd-install")])), Disposition::Managed);
    }

    #[test]
    fn skip_alone_is_shown_and_skip_with_others_is_a_hook() {
        assert_eq!(disposition(&annotated(&[(annotations::HOOK, "Skip")])), Disposition::Skipped);
        assert_eq!(disposition(&annotated(&[(annotations::HOOK, "Skip,Sync")])), Disposition::Hook);
    }

    #[test]
    fn delete_policies_come_from_either_annotation() {
        let own = annotated(&[(annotations::HOOK_DELETE_POLICY, "HookSucceeded,HookFailed")]);
        assert_eq!(
            hook_delete_policies(&own),
            [HookDeletePolicy::HookSucceeded, HookDeletePolicy::HookFailed]
        );
        let helm = annotated(&[(annotations::HELM_HOOK_DELETE_POLICY, "before-hook-creation")]);
        assert_eq!(hook_delete_policies(&helm), [HookDeletePolicy::BeforeHookCreation]);
    }

    #[test]
    fn the_wave_falls_back_to_the_hook_weight_and_to_zero() {
        assert_eq!(sync_wave(&annotated(&[(annotations::SYNC_WAVE, "-5")])), -5);
        assert_eq!(sync_wave(&annotated(&[(annotations::HELM_HOOK_WEIGHT, "3")])), 3);
        assert_eq!(
            sync_wave(&annotated(&[(annotations::SYNC_WAVE, "1"), (annotations::HELM_HOOK_WEIGHT, "3")])),
            1
        );
        assert_eq!(sync_wave(&annotated(&[])), 0);
    }

    #[test]
    fn a_wave_that_is_no_number_is_told_and_ignored() {
        let bad = annotated(&[(annotations::SYNC_WAVE, "first"), (annotations::HELM_HOOK_WEIGHT, "2")]);
        assert_eq!(sync_wave(&bad), 2);
        let problem = wave_problem(&bad).expect("a problem");
        assert!(problem.message.contains("`first`"), "{}", problem.message);
        assert_eq!(wave_problem(&annotated(&[(annotations::SYNC_WAVE, "+2")])), None);
    }
}
