//! Logs on standard error: JSON for machines, text for people.

use tracing_subscriber::EnvFilter;

use crate::cli::{AgentOptions, LogFormat};

/// Starts logging. A level that makes no sense falls back to `info`, and says so.
pub(super) fn start(options: &AgentOptions) {
    let (filter, problem) = match EnvFilter::try_new(&options.log_level) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new("info"), Some(error.to_string())),
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A process has one subscriber; where a test or an embedding program has set one, it stays.
    let _ = match options.log_format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => builder.try_init(),
    };
    if let Some(problem) = problem {
        tracing::warn!(level = options.log_level, problem, "the log level cannot be read; `info` is used");
    }
}
