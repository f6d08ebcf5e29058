//! Levels: their names, and which one the user asked for.

use tracing::Level;
use tracing_subscriber::filter::LevelFilter;

/// hclog's name of a level.
pub(super) fn name(level: Level) -> &'static str {
    match level {
        Level::TRACE => "trace",
        Level::DEBUG => "debug",
        Level::INFO => "info",
        Level::WARN => "warn",
        Level::ERROR => "error",
    }
}

/// The environment variable that sets the level of one provider alone:
/// `TF_LOG_PROVIDER_BRIDGEHEAD` for `registry.terraform.io/example/bridgehead`.
pub fn provider_variable(address: &str) -> String {
    let name = address.rsplit('/').next().unwrap_or(address);
    let name: String = name
        .chars()
        .map(|c| match c.to_ascii_uppercase() {
            c if c.is_ascii_alphanumeric() => c,
            _ => '_',
        })
        .collect();
    format!("TF_LOG_PROVIDER_{name}")
}

/// The level that the user asked for: `TF_LOG_PROVIDER_<NAME>`, else `TF_LOG_PROVIDER`, else
/// `TF_LOG`. None of them set: `None`.
pub fn host_level(address: &str, lookup: impl Fn(&str) -> Option<String>) -> Option<LevelFilter> {
    let provider = provider_variable(address);
    [provider.as_str(), "TF_LOG_PROVIDER", "TF_LOG"]
        .into_iter()
        .find_map(|key| lookup(key).filter(|value| !value.is_empty()))
        .map(|value| parse(&value))
}

/// As Terraform reads it: `JSON` and what it doesn't know mean everything.
fn parse(value: &str) -> LevelFilter {
    match value.to_ascii_uppercase().as_str() {
        "OFF" => LevelFilter::OFF,
        "ERROR" => LevelFilter::ERROR,
        "WARN" => LevelFilter::WARN,
        "INFO" => LevelFilter::INFO,
        "DEBUG" => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_variable_wins() {
        let level = |variables: &[(&str, &str)]| {
            host_level("registry.terraform.io/example/my-thing", |key| {
                let found = variables.iter().find(|(name, _)| *name == key);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(level(&[]), None);
        assert_eq!(level(&[("TF_LOG", "")]), None);
        assert_eq!(level(&[("TF_LOG", "debug")]), Some(LevelFilter::DEBUG));
        assert_eq!(level(&[("TF_LOG", "JSON")]), Some(LevelFilter::TRACE));
        assert_eq!(level(&[("TF_LOG", "debug"), ("TF_LOG_PROVIDER", "WARN")]), Some(LevelFilter::WARN));
        assert_eq!(
            level(&[("TF_LOG_PROVIDER", "WARN"), ("TF_LOG_PROVIDER_MY_THING", "off")]),
            Some(LevelFilter::OFF)
        );
    }
}
