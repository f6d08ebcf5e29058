//! `argocd-tls-certs-cm`: the certificates of HTTPS servers.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Data, Problem, Reader, TLS_CERTS_NAME};

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Certificates by host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsCertificates {
    /// For each host, in lower case and without port, the PEM text of the certificates that are trusted there.
    pub by_host: BTreeMap<String, String>,
}

impl TlsCertificates {
    /// Reads `data` of `argocd-tls-certs-cm`.
    pub fn read(data: &Data) -> (Self, Vec<Problem>) {
        let mut reader = Reader::new(TLS_CERTS_NAME, data);
        let mut certificates = Self::default();
        for (host, pem) in data {
            match count(pem) {
                Some(0) => reader.report(host, "holds no certificate in PEM form", None),
                Some(_) => {
                    certificates.by_host.insert(host.to_lowercase(), pem.clone());
                }
                None => reader.report(host, "holds a certificate that is cut off or not base64", None),
            }
        }
        (certificates, reader.problems)
    }

    /// PEM text of the certificates for a host, which may carry a port.
    pub fn for_host(&self, host: &str) -> Option<&str> {
        let host = host.to_lowercase();
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.is_empty() => name,
            _ => &host,
        };
        self.by_host.get(name.trim_start_matches('[').trim_end_matches(']')).map(String::as_str)
    }
}

/// How many certificates there are; `None` where one is broken.
fn count(pem: &str) -> Option<usize> {
    let mut certificates = 0;
    let mut rest = pem;
    while let Some(begin) = rest.find(BEGIN) {
        let after = &rest[begin + BEGIN.len()..];
        let end = after.find(END)?;
        let body: String = after[..end].split_whitespace().collect();
        STANDARD.decode(body).ok().filter(|der| !der.is_empty())?;
        certificates += 1;
        rest = &after[end + END.len()..];
    }
    Some(certificates)
}

#[cfg(test)]
mod tests {
    use super::TlsCertificates;
    use crate::config_map::Data;

    #[test]
    fn certificates_are_found_by_host_with_or_without_port() {
        let good = "-----BEGIN CERTIFICATE-----\nAAEC\nAwQF\n-----END CERTIFICATE-----\n";
        let data = Data::from([
            ("Git.example.com".to_owned(), good.to_owned()),
            ("empty.example.com".to_owned(), String::new()),
            ("cut.example.com".to_owned(), "-----BEGIN CERTIFICATE-----\nAAEC\n".to_owned()),
        ]);
        let (certificates, problems) = TlsCertificates::read(&data);
        assert_eq!(certificates.for_host("git.example.com:8443"), Some(good));
        assert_eq!(certificates.for_host("other.example.com"), None);
        let keys: Vec<_> = problems.iter().map(|problem| problem.key.as_str()).collect();
        assert_eq!(keys, ["cut.example.com", "empty.example.com"]);
    }
}
