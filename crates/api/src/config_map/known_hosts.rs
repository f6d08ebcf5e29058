//! `argocd-ssh-known-hosts-cm`: the host keys of SSH servers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Data, KNOWN_HOSTS_NAME, Problem, Reader};

const KEY: &str = "ssh_known_hosts";

/// One key of some hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownHost {
    /// Host names and patterns, as they stand: `host`, `[host]:port`, `*.host`, `!host`, or hashed as `|1|…`.
    pub hosts: Vec<String>,
    /// Type of the key, such as `ssh-ed25519`.
    pub key_type: String,
    /// The key, in its wire form.
    pub key: Vec<u8>,
    /// `cert-authority` or `revoked`, without the `@`.
    pub marker: Option<String>,
}

/// All keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownHosts {
    /// Keys that could be read.
    pub hosts: Vec<KnownHost>,
    /// The same as a file for `ssh`: the lines that could be read, as they stand.
    pub file: String,
}

impl KnownHosts {
    /// Reads `data` of `argocd-ssh-known-hosts-cm`.
    pub fn read(data: &Data) -> (Self, Vec<Problem>) {
        let mut reader = Reader::new(KNOWN_HOSTS_NAME, data);
        let mut known = Self::default();
        for (index, line) in reader.text(KEY).unwrap_or_default().lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(host) = entry(line) {
                known.hosts.push(host);
                known.file.push_str(line);
                known.file.push('\n');
            } else {
                let says = format!("has a broken line {}, which is left out", index + 1);
                reader.report(
                    KEY,
                    says,
                    Some("write `host key-type base64-key`, as `ssh-keyscan` prints it".to_owned()),
                );
            }
        }
        (known, reader.problems)
    }
}

fn entry(line: &str) -> Option<KnownHost> {
    let mut words = line.split_whitespace();
    let mut hosts = words.next()?;
    let mut marker = None;
    if let Some(name) = hosts.strip_prefix('@') {
        marker = Some(name.to_owned());
        hosts = words.next()?;
    }
    let key_type = words.next()?;
    let key = STANDARD.decode(words.next()?).ok()?;
    // The wire form begins with the length of the type, and the type.
    let length = u32::from_be_bytes(key.get(..4)?.try_into().ok()?);
    let named = key.get(4..4 + usize::try_from(length).ok()?)?;
    (named == key_type.as_bytes()).then(|| KnownHost {
        hosts: hosts.split(',').map(str::to_owned).collect(),
        key_type: key_type.to_owned(),
        key,
        marker,
    })
}

#[cfg(test)]
mod tests {
    use super::KnownHosts;
    use crate::config_map::Data;

    const GOOD: &str = "git.example.com,[git.example.com]:2222 ssh-ed25519 \
                        AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f comment";

    #[test]
    fn keys_are_read_and_broken_lines_told_by_number() {
        let text = format!("# keys\n{GOOD}\n\ngit.example.com ssh-rsa AAAAC3NzaC1lZDI1NTE5\nonly-a-host\n");
        let (known, problems) = KnownHosts::read(&Data::from([("ssh_known_hosts".to_owned(), text)]));
        assert_eq!(known.hosts.len(), 1);
        assert_eq!(known.hosts[0].hosts, ["git.example.com", "[git.example.com]:2222"]);
        assert_eq!(known.file, format!("{GOOD}\n"));
        let lines: Vec<_> = problems.iter().map(|problem| problem.says.clone()).collect();
        assert_eq!(
            lines,
            ["has a broken line 4, which is left out", "has a broken line 5, which is left out"]
        );
    }
}
