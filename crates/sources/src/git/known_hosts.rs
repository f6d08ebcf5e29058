//! Which host keys are right: the format of `ssh_known_hosts`, as `argocd-ssh-known-hosts-cm` holds it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bridgehead_api::config_map::{KnownHost, KnownHosts};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// What the known keys say of a key that a server shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is known.
    Known,
    /// Others are known.
    Changed,
    /// It is known to be lost.
    Revoked,
    /// None is known.
    Unknown,
}

/// The name that known hosts are listed under: the host, or `[host]:port` for a port of its own.
pub(super) fn listed_name(host: &str, port: u16) -> String {
    let host = host.to_lowercase();
    if port == 22 { host } else { format!("[{host}]:{port}") }
}

/// Types of the keys that are known for a host.
pub(super) fn key_types<'k>(known: &'k KnownHosts, name: &str) -> Vec<&'k str> {
    of(known, name).filter(|host| host.marker.is_none()).map(|host| host.key_type.as_str()).collect()
}

/// Judges a key in its wire form.
pub(super) fn judge(known: &KnownHosts, name: &str, key: &[u8]) -> Verdict {
    let mut verdict = Verdict::Unknown;
    for host in of(known, name) {
        match host.marker.as_deref() {
            Some("revoked") if host.key == key => return Verdict::Revoked,
            None if host.key == key => verdict = Verdict::Known,
            None if verdict == Verdict::Unknown => verdict = Verdict::Changed,
            // Keys of authorities (with a marker) sign host certificates, which are not asked for.
            Some(_) | None => {}
        }
    }
    verdict
}

fn of<'k>(known: &'k KnownHosts, name: &str) -> impl Iterator<Item = &'k KnownHost> {
    known.hosts.iter().filter(move |host| matches(&host.hosts, name))
}

/// One pattern that matches is enough, unless a negated one matches too.
fn matches(patterns: &[String], name: &str) -> bool {
    let mut found = false;
    for pattern in patterns {
        if let Some(negated) = pattern.strip_prefix('!') {
            if wildcard(negated.to_lowercase().as_bytes(), name.as_bytes()) {
                return false;
            }
        } else if pattern.starts_with("|1|") {
            found |= hashed(pattern, name);
        } else {
            found |= wildcard(pattern.to_lowercase().as_bytes(), name.as_bytes());
        }
    }
    found
}

/// `*` and `?`.
fn wildcard(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p + 1, n));
                p += 1;
            }
            Some(byte) if *byte == b'?' || *byte == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match retry {
                Some((after, at)) => {
                    retry = Some((after, at + 1));
                    p = after;
                    n = at + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

/// `|1|salt|hash`: HMAC-SHA1 of the name.
fn hashed(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('|').skip(2).map(|part| STANDARD.decode(part).ok());
    let (Some(Some(salt)), Some(Some(hash))) = (parts.next(), parts.next()) else { return false };
    let Ok(mut code) = Hmac::<Sha1>::new_from_slice(&salt) else { return false };
    code.update(name.as_bytes());
    code.verify_slice(&hash).is_ok()
}

#[cfg(test)]
mod tests {
    use bridgehead_api::config_map::{KnownHost, KnownHosts};

    use super::{Verdict, judge, listed_name};

    fn known(lines: &[(&str, &[u8], Option<&str>)]) -> KnownHosts {
        let hosts = lines
            .iter()
            .map(|(hosts, key, marker)| KnownHost {
                hosts: hosts.split(',').map(str::to_owned).collect(),
                key_type: "ssh-ed25519".into(),
                key: key.to_vec(),
                marker: marker.map(str::to_owned),
            })
            .collect();
        KnownHosts { hosts, file: String::new() }
    }

    #[test]
    fn a_port_of_its_own_is_part_of_the_name() {
        let hosts = known(&[("[Git.example.com]:2222", b"one", None), ("git.example.com", b"two", None)]);
        assert_eq!(judge(&hosts, &listed_name("GIT.example.com", 2222), b"one"), Verdict::Known);
        assert_eq!(judge(&hosts, &listed_name("git.example.com", 22), b"one"), Verdict::Changed);
        assert_eq!(judge(&hosts, &listed_name("git.example.com", 23), b"one"), Verdict::Unknown);
    }

    #[test]
    fn patterns_negation_and_revocation_count() {
        let hosts = known(&[
            ("*.example.com,!bad.example.com", b"one", None),
            ("git.example.com", b"lost", Some("revoked")),
        ]);
        assert_eq!(judge(&hosts, "git.example.com", b"one"), Verdict::Known);
        assert_eq!(judge(&hosts, "bad.example.com", b"one"), Verdict::Unknown);
        assert_eq!(judge(&hosts, "git.example.com", b"lost"), Verdict::Revoked);
        assert_eq!(judge(&hosts, "example.com", b"one"), Verdict::Unknown);
    }

    #[test]
    fn hashed_names_are_compared_by_their_hash() {
        // The hash was computed with Python's hmac module.
        let hosts = known(&[("|1|c2FsdHNhbHRzYWx0c2FsdHNhbHQ=|FQ+T8llbOEZw6kMi1xhxPdATPO4=", b"one", None)]);
        assert_eq!(judge(&hosts, "example.com", b"one"), Verdict::Known);
        assert_eq!(judge(&hosts, "other.com", b"one"), Verdict::Unknown);
    }
}
