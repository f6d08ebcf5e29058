//! `argocd-cmd-params-cm`: the parameters of Argo CD's programs, as far as they mean something here.

use std::time::Duration;

use super::known_keys::unknown_cmd_params_key;
use super::{CMD_PARAMS_NAME, Data, Problem, Reader};

/// The parameters that this release reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CmdParams {
    /// Namespaces beside the agent's own whose Applications are managed, as globs or `/regular expressions/`.
    pub application_namespaces: Vec<String>,
    /// Applications that are compared at once.
    pub status_processors: usize,
    /// Operations that run at once.
    pub operation_processors: usize,
    /// Objects that are applied at once.
    pub apply_parallelism: usize,
    /// Pause between two self-heals of one application; zero for the growing pause below.
    pub self_heal_timeout: Duration,
    /// First pause between self-heals.
    pub self_heal_backoff: Duration,
    /// Factor by which that pause grows.
    pub self_heal_backoff_factor: u32,
    /// Longest pause between self-heals.
    pub self_heal_backoff_cap: Duration,
    /// Longest time that a sync may take; zero for no limit.
    pub sync_timeout: Duration,
    /// Pause between waves where nothing better tells that an object was seen.
    pub sync_wave_delay: Duration,
    /// How long the last good comparison stands while a repository cannot be reached.
    pub repository_error_grace: Duration,
    /// Compare by server-side dry run.
    pub server_side_diff: bool,
    /// Requests to a cluster in a second, on average.
    pub client_qps: u32,
    /// Requests to a cluster at once.
    pub client_burst: u32,
    /// `debug`, `info`, `warn` or `error`.
    pub log_level: String,
    /// `json` or `text`.
    pub log_format: String,
    /// Longest that a request to a Git server may take.
    pub git_request_timeout: Duration,
    /// Fetch submodules.
    pub git_submodules: bool,
    /// Read hidden folders of plain manifests.
    pub include_hidden_directories: bool,
    /// Largest sum of the files of one application with plain manifests, in bytes; 0 for no limit.
    pub max_combined_manifests: u64,
    /// What ApplicationSets may do to Applications; empty for everything.
    pub application_set_policy: String,
    /// An ApplicationSet may choose another policy; by default where the policy is empty.
    pub application_set_policy_override: Option<bool>,
    /// ApplicationSets may roll out step by step.
    pub application_set_progressive_syncs: bool,
    /// How often Git generators look for new commits.
    pub application_set_requeue: Duration,
}

impl Default for CmdParams {
    fn default() -> Self {
        Self {
            application_namespaces: Vec::new(),
            status_processors: 20,
            operation_processors: 10,
            apply_parallelism: 20,
            self_heal_timeout: Duration::ZERO,
            self_heal_backoff: Duration::from_secs(2),
            self_heal_backoff_factor: 3,
            self_heal_backoff_cap: Duration::from_mins(5),
            sync_timeout: Duration::ZERO,
            sync_wave_delay: Duration::from_secs(2),
            repository_error_grace: Duration::from_mins(3),
            server_side_diff: false,
            client_qps: 50,
            client_burst: 100,
            log_level: "info".to_owned(),
            log_format: "json".to_owned(),
            git_request_timeout: Duration::from_secs(15),
            git_submodules: true,
            include_hidden_directories: false,
            max_combined_manifests: 10_000_000,
            application_set_policy: String::new(),
            application_set_policy_override: None,
            application_set_progressive_syncs: false,
            application_set_requeue: Duration::from_mins(3),
        }
    }
}

impl CmdParams {
    /// Reads `data` of `argocd-cmd-params-cm`.
    pub fn read(data: &Data) -> (Self, Vec<Problem>) {
        let mut reader = Reader::new(CMD_PARAMS_NAME, data);
        let reader = &mut reader;
        let defaults = Self::default();
        let application_set_policy_override = reader
            .text("applicationsetcontroller.enable.policy.override")
            .is_some()
            .then(|| reader.boolean("applicationsetcontroller.enable.policy.override", true));
        let params = Self {
            application_namespaces: reader.list("application.namespaces"),
            status_processors: reader.number("controller.status.processors", defaults.status_processors),
            operation_processors: reader
                .number("controller.operation.processors", defaults.operation_processors),
            apply_parallelism: reader
                .number("controller.kubectl.parallelism.limit", defaults.apply_parallelism),
            self_heal_timeout: seconds(
                reader,
                "controller.self.heal.timeout.seconds",
                defaults.self_heal_timeout,
            ),
            self_heal_backoff: seconds(
                reader,
                "controller.self.heal.backoff.timeout.seconds",
                defaults.self_heal_backoff,
            ),
            self_heal_backoff_factor: reader
                .number("controller.self.heal.backoff.factor", defaults.self_heal_backoff_factor),
            self_heal_backoff_cap: seconds(
                reader,
                "controller.self.heal.backoff.cap.seconds",
                defaults.self_heal_backoff_cap,
            ),
            sync_timeout: seconds(reader, "controller.sync.timeout.seconds", defaults.sync_timeout),
            sync_wave_delay: seconds(reader, "controller.sync.wave.delay.seconds", defaults.sync_wave_delay),
            repository_error_grace: seconds(
                reader,
                "controller.repo.error.grace.period.seconds",
                defaults.repository_error_grace,
            ),
            server_side_diff: reader.boolean("controller.diff.server.side", defaults.server_side_diff),
            client_qps: reader.number("controller.k8s.client.qps", defaults.client_qps),
            client_burst: reader.number("controller.k8s.client.burst", defaults.client_burst),
            log_level: word(
                reader,
                "controller.log.level",
                &["debug", "info", "warn", "error"],
                defaults.log_level,
            ),
            log_format: word(reader, "controller.log.format", &["json", "text"], defaults.log_format),
            git_request_timeout: reader
                .duration("reposerver.git.request.timeout", defaults.git_request_timeout),
            git_submodules: reader.boolean("reposerver.enable.git.submodule", defaults.git_submodules),
            include_hidden_directories: reader
                .boolean("reposerver.include.hidden.directories", defaults.include_hidden_directories),
            max_combined_manifests: bytes(
                reader,
                "reposerver.max.combined.directory.manifests.size",
                defaults.max_combined_manifests,
            ),
            application_set_policy: word(
                reader,
                "applicationsetcontroller.policy",
                &["sync", "create-only", "create-update", "create-delete"],
                defaults.application_set_policy,
            ),
            application_set_policy_override,
            application_set_progressive_syncs: reader.boolean(
                "applicationsetcontroller.enable.progressive.syncs",
                defaults.application_set_progressive_syncs,
            ),
            application_set_requeue: reader
                .duration("applicationsetcontroller.requeue.after", defaults.application_set_requeue),
        };
        for key in data.keys() {
            if let Some(hint) = unknown_cmd_params_key(key) {
                reader.report(key, "is not known and is not read", hint);
            }
        }
        (params, std::mem::take(&mut reader.problems))
    }
}

fn seconds(reader: &mut Reader<'_>, key: &str, default: Duration) -> Duration {
    Duration::from_secs(reader.number(key, default.as_secs()))
}

fn word(reader: &mut Reader<'_>, key: &str, words: &[&str], default: String) -> String {
    match reader.text(key) {
        None => default,
        Some(text) if words.contains(&text) => text.to_owned(),
        Some(other) => {
            reader.report(key, format!("is `{other}`, which is none of `{}`", words.join("`, `")), None);
            default
        }
    }
}

/// A quantity as Kubernetes writes it: `10M`, `1G`, `100Mi`.
fn bytes(reader: &mut Reader<'_>, key: &str, default: u64) -> u64 {
    let Some(text) = reader.text(key) else { return default };
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: Option<u64> = match unit {
        "" => Some(1),
        "k" => Some(1_000),
        "M" => Some(1_000_000),
        "G" => Some(1_000_000_000),
        "Ki" => Some(1 << 10),
        "Mi" => Some(1 << 20),
        "Gi" => Some(1 << 30),
        _ => None,
    };
    let size = number.parse::<u64>().ok().zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
    size.unwrap_or_else(|| {
        reader.report(key, format!("is `{text}`, not a size such as `10M`; {default} bytes are used"), None);
        default
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::CmdParams;
    use crate::config_map::Data;

    #[test]
    fn nothing_written_gives_the_defaults() {
        assert_eq!(CmdParams::read(&Data::new()), (CmdParams::default(), vec![]));
    }

    #[test]
    fn parameters_are_read_and_broken_ones_told() {
        let data = Data::from(
            [
                ("application.namespaces", "team-*, apps"),
                ("controller.status.processors", "50"),
                ("controller.sync.timeout.seconds", "-1"),
                ("controller.self.heal.timeout.seconds", "5"),
                ("controller.log.level", "loud"),
                ("reposerver.max.combined.directory.manifests.size", "20Mi"),
                ("reposerver.git.request.timeout", "30s"),
                ("server.insecure", "true"),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned())),
        );
        let (params, problems) = CmdParams::read(&data);
        assert_eq!(params.application_namespaces, ["team-*", "apps"]);
        assert_eq!(params.status_processors, 50);
        assert_eq!(params.self_heal_timeout, Duration::from_secs(5));
        assert_eq!(params.max_combined_manifests, 20 << 20);
        assert_eq!(params.git_request_timeout, Duration::from_secs(30));
        let keys: Vec<_> = problems.iter().map(|problem| problem.key.as_str()).collect();
        assert_eq!(keys, ["controller.sync.timeout.seconds", "controller.log.level"]);
    }

    #[test]
    fn keys_of_the_other_config_map_and_without_their_program_are_told() {
        let keys = ["timeout.reconciliation", "metrics.application.labels", "server.anything"];
        let data = keys.map(|key| (key.to_owned(), "x".to_owned())).into_iter().collect();
        let (_, problems) = CmdParams::read(&data);
        let hints: Vec<_> = problems.iter().filter_map(|problem| problem.hint.as_deref()).collect();
        assert_eq!(
            hints,
            ["did you mean `controller.metrics.application.labels`?", "it belongs into `argocd-cm`"]
        );
    }
}
