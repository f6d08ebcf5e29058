//! What a host tells a plugin through its environment, and the line that answers it.

use std::fmt;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use rustls_pki_types::CertificateDer;

use super::listener::Address;

/// The environment variable by which Terraform and OpenTofu mark that they start a provider.
pub const MAGIC_COOKIE_KEY: &str = "TF_PLUGIN_MAGIC_COOKIE";

/// Its value. No secret: it only tells a host from a curious person.
pub const MAGIC_COOKIE_VALUE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";

/// The version of the plugin protocol that this crate speaks.
pub const PROTOCOL_VERSION: u32 = 6;

/// The version of go-plugin's own protocol, the form of the handshake line.
const CORE_PROTOCOL_VERSION: u32 = 1;

/// What the host said. Read once, when serving begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// Whether the magic cookie is there and right.
    pub started_by_host: bool,
    /// Protocol versions that the host speaks, in its order. Empty: it didn't say.
    pub protocol_versions: Vec<u32>,
    /// The host's certificate as PEM. Present: the host wants mutual TLS.
    pub client_certificate: Option<String>,
    /// Where the socket is to be made.
    pub socket_directory: Option<PathBuf>,
    /// Name or number of the group that may connect to the socket.
    pub socket_group: Option<String>,
    /// First port to try, as it was given.
    pub min_port: Option<String>,
    /// Last port to try, as it was given.
    pub max_port: Option<String>,
    /// Whether the host asks for all connections in one. It is told that this doesn't exist here.
    pub multiplexing_asked: bool,
}

impl Environment {
    /// Reads the environment of this process.
    pub fn of_process() -> Self {
        Self::from_lookup(|key| std::env::var(key).ok())
    }

    /// Reads an environment through `lookup`. A variable that is set but empty counts as not set,
    /// as it does for Terraform.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let get = |key: &str| lookup(key).filter(|value| !value.is_empty());
        let tls_disabled = get("TF_DISABLE_PLUGIN_TLS").is_some();
        Self {
            started_by_host: get(MAGIC_COOKIE_KEY).as_deref() == Some(MAGIC_COOKIE_VALUE),
            protocol_versions: get("PLUGIN_PROTOCOL_VERSIONS")
                .map(|list| parse_versions(&list))
                .unwrap_or_default(),
            client_certificate: get("PLUGIN_CLIENT_CERT").filter(|_| !tls_disabled),
            socket_directory: get("PLUGIN_UNIX_SOCKET_DIR").map(PathBuf::from),
            socket_group: get("PLUGIN_UNIX_SOCKET_GROUP"),
            min_port: get("PLUGIN_MIN_PORT"),
            max_port: get("PLUGIN_MAX_PORT"),
            multiplexing_asked: get("PLUGIN_MULTIPLEX_GRPC").is_some(),
        }
    }

    /// Whether host and plugin have a protocol version in common. A host that didn't name any
    /// is taken to speak ours.
    ///
    /// When they have none, the handshake line is printed all the same: the host then names both
    /// versions to its user, better than a plugin could.
    pub fn has_common_version(&self) -> bool {
        self.protocol_versions.is_empty() || self.protocol_versions.contains(&PROTOCOL_VERSION)
    }
}

fn parse_versions(list: &str) -> Vec<u32> {
    list.split(',').filter_map(|version| version.trim().parse().ok()).collect()
}

/// The one line that a plugin prints to its standard output.
#[derive(Debug, Clone)]
pub struct HandshakeLine<'a> {
    /// Where the plugin listens.
    pub address: &'a Address,
    /// The plugin's certificate; absent without TLS.
    pub certificate: Option<&'a CertificateDer<'a>>,
    /// Whether to add the field that answers a wish for multiplexing. Older hosts would take it
    /// for a part of the certificate, so it is there only when asked for.
    pub answer_multiplexing: bool,
}

impl fmt::Display for HandshakeLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let network = self.address.network();
        let address = self.address;
        write!(f, "{CORE_PROTOCOL_VERSION}|{PROTOCOL_VERSION}|{network}|{address}|grpc|")?;
        if let Some(certificate) = self.certificate {
            f.write_str(&STANDARD_NO_PAD.encode(certificate))?;
        }
        if self.answer_multiplexing {
            f.write_str("|false")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::from_lookup(|key| {
            variables.iter().find(|(name, _)| *name == key).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_host_is_known_by_its_cookie() {
        assert!(environment(&[(MAGIC_COOKIE_KEY, MAGIC_COOKIE_VALUE)]).started_by_host);
        assert!(!environment(&[(MAGIC_COOKIE_KEY, "something else")]).started_by_host);
        assert!(!environment(&[]).started_by_host);
    }

    #[test]
    fn versions_are_common_in_any_order() {
        let versions = |list| environment(&[("PLUGIN_PROTOCOL_VERSIONS", list)]);
        assert!(versions("5,6").has_common_version());
        assert!(versions("6,5").has_common_version());
        assert!(versions("garbage, 6").has_common_version());
        assert!(versions("").has_common_version());
        assert!(!versions("5").has_common_version());
        assert!(!versions("5,7").has_common_version());
    }

    #[test]
    fn tls_is_off_when_terraform_turned_it_off() {
        let with = [("PLUGIN_CLIENT_CERT", "pem")];
        let without = [("PLUGIN_CLIENT_CERT", "pem"), ("TF_DISABLE_PLUGIN_TLS", "1")];
        assert_eq!(environment(&with).client_certificate.as_deref(), Some("pem"));
        assert_eq!(environment(&without).client_certificate, None);
    }

    #[test]
    fn the_line_has_six_fields_and_a_seventh_when_asked() {
        let address = Address::Tcp(([127, 0, 0, 1], 10_000).into());
        let certificate = CertificateDer::from(vec![1, 2, 3, 4]);
        let mut line = HandshakeLine { address: &address, certificate: None, answer_multiplexing: false };
        assert_eq!(line.to_string(), "1|6|tcp|127.0.0.1:10000|grpc|");
        line.certificate = Some(&certificate);
        assert_eq!(line.to_string(), "1|6|tcp|127.0.0.1:10000|grpc|AQIDBA");
        line.answer_multiplexing = true;
        assert_eq!(line.to_string(), "1|6|tcp|127.0.0.1:10000|grpc|AQIDBA|false");
    }
}
