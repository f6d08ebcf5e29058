//! Argo CD's settings, which lie in ConfigMaps of its own namespace. Each reader takes `data` and gives typed
//! settings and a list of what is wrong: a broken entry is reported and its default used, and never hides the
//! others.

mod cmd_params;
mod customisation;
mod known_hosts;
mod known_keys;
mod resource_filter;
mod settings;
mod tls_certs;

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use crate::duration::parse_duration;

pub use cmd_params::CmdParams;
pub use customisation::{CompareOptions, IgnoreStatus, OverrideIgnoreDifferences, ResourceOverride};
pub use known_hosts::{KnownHost, KnownHosts};
pub use resource_filter::{FilteredResource, ResourceFilter};
pub use settings::{Settings, TrackingMethod};
pub use tls_certs::TlsCertificates;

/// Name of the ConfigMap with the general settings.
pub const SETTINGS_NAME: &str = "argocd-cm";
/// Name of the ConfigMap with the parameters of the programs.
pub const CMD_PARAMS_NAME: &str = "argocd-cmd-params-cm";
/// Name of the ConfigMap with the host keys of SSH servers.
pub const KNOWN_HOSTS_NAME: &str = "argocd-ssh-known-hosts-cm";
/// Name of the ConfigMap with the certificates of HTTPS servers.
pub const TLS_CERTS_NAME: &str = "argocd-tls-certs-cm";
/// Name of the ConfigMap with the roles.
pub const RBAC_NAME: &str = "argocd-rbac-cm";
/// Name of the ConfigMap with triggers and templates of notifications.
pub const NOTIFICATIONS_NAME: &str = "argocd-notifications-cm";

/// `data` of a ConfigMap.
pub type Data = BTreeMap<String, String>;

/// One thing that is wrong in a ConfigMap.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{config_map}`: key `{key}` {says}")]
pub struct Problem {
    /// Name of the ConfigMap.
    pub config_map: &'static str,
    /// The key.
    pub key: String,
    /// What is wrong, and what is done instead.
    pub says: String,
    /// What to write, where that can be told.
    pub hint: Option<String>,
}

/// Reads entries, and collects what is wrong.
struct Reader<'a> {
    config_map: &'static str,
    data: &'a Data,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn new(config_map: &'static str, data: &'a Data) -> Self {
        Self { config_map, data, problems: Vec::new() }
    }

    fn report(&mut self, key: &str, says: impl Into<String>, hint: Option<String>) {
        self.problems.push(Problem {
            config_map: self.config_map,
            key: key.to_owned(),
            says: says.into(),
            hint,
        });
    }

    /// The entry without white space around it; `None` where it is absent or empty.
    fn text(&self, key: &str) -> Option<&'a str> {
        self.data.get(key).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    fn list(&self, key: &str) -> Vec<String> {
        let items = self.text(key).unwrap_or_default().split(',').map(str::trim);
        items.filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    fn boolean(&mut self, key: &str, default: bool) -> bool {
        match self.text(key) {
            None => default,
            Some("1" | "t" | "T" | "TRUE" | "true" | "True") => true,
            Some("0" | "f" | "F" | "FALSE" | "false" | "False") => false,
            Some(other) => {
                let says = format!("is `{other}`, not `true` or `false`; `{default}` is used");
                self.report(key, says, None);
                default
            }
        }
    }

    fn number<T: FromStr + Copy + std::fmt::Display>(&mut self, key: &str, default: T) -> T {
        let Some(text) = self.text(key) else { return default };
        text.parse().unwrap_or_else(|_| {
            self.report(key, format!("is `{text}`, not a number in range; {default} is used"), None);
            default
        })
    }

    fn duration(&mut self, key: &str, default: Duration) -> Duration {
        let Some(text) = self.text(key) else { return default };
        if let Some(duration) =
            parse_duration(text).ok().and_then(|duration| Duration::try_from(duration).ok())
        {
            duration
        } else {
            let hint = text.parse::<u32>().ok().map(|seconds| format!("write `{seconds}s`"));
            let says = format!("is `{text}`, not a duration; {default:?} is used");
            self.report(key, says, hint);
            default
        }
    }

    fn yaml<T: serde::de::DeserializeOwned + Default>(&mut self, key: &str) -> T {
        let Some(text) = self.text(key) else { return T::default() };
        // A text of comments only is an empty list.
        if text.lines().all(|line| line.trim_start().starts_with('#') || line.trim().is_empty()) {
            return T::default();
        }
        serde_saphyr::from_str(text).unwrap_or_else(|error| {
            let first_line = error.to_string().lines().next().unwrap_or_default().to_owned();
            self.report(key, format!("is not YAML of the right shape and is left out: {first_line}"), None);
            T::default()
        })
    }
}
