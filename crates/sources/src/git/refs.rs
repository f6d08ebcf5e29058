//! Greetings and refs.

use std::collections::BTreeMap;

use bridgehead_api::CommitSha;
use bridgehead_engine::source::RefAdvertisement;

use super::incoming::Incoming;
use super::packet::{Message, Packet, text};
use crate::error::{RepositoryProblem, Step};

/// What we call ourselves.
pub(super) const AGENT: &str = concat!("agent=bridgehead/", env!("CARGO_PKG_VERSION"));

/// Refs of one repository that are looked at. A server that sends more is asked for too much.
const MOST_REFS: usize = 500_000;

/// What a server can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Capabilities {
    /// Version 2 of the protocol.
    pub(super) version_2: bool,
    /// Capabilities by name, with their values where they have some.
    named: BTreeMap<String, String>,
}

impl Capabilities {
    fn insert(&mut self, capability: &str) {
        let (name, value) = capability.split_once('=').unwrap_or((capability, ""));
        self.named.insert(name.to_owned(), value.to_owned());
    }

    /// True if the server can do this.
    pub(super) fn has(&self, name: &str) -> bool {
        self.named.contains_key(name)
    }

    /// True if the server's `fetch` of version 2 can do this.
    pub(super) fn fetch_has(&self, feature: &str) -> bool {
        self.named.get("fetch").is_some_and(|list| list.split(' ').any(|word| word == feature))
    }

    fn check_format(&self) -> Result<(), RepositoryProblem> {
        match self.named.get("object-format").map(String::as_str) {
            None | Some("" | "sha1") => Ok(()),
            Some(_) => {
                Err(RepositoryProblem::Unsupported { what: "read repositories with SHA-256 object ids" })
            }
        }
    }
}

/// What a server says first: with version 2 what it can do, before that its refs too.
#[derive(Debug, Default)]
pub(super) struct Greeting {
    pub(super) capabilities: Capabilities,
    pub(super) refs: Refs,
}

/// Refs as they come in.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Refs {
    /// The commit or tag object of each ref.
    direct: BTreeMap<String, CommitSha>,
    /// What annotated tags point to in the end.
    peeled: BTreeMap<String, CommitSha>,
}

impl Refs {
    fn insert(&mut self, name: &str, id: &str) -> Result<(), RepositoryProblem> {
        if self.direct.len() >= MOST_REFS {
            return Err(RepositoryProblem::TooLarge { what: "the list of refs", limit: MOST_REFS as u64 });
        }
        let id = object_id(id)?;
        match name.strip_suffix("^{}") {
            Some(tag) => self.peeled.insert(tag.to_owned(), id),
            None => self.direct.insert(name.to_owned(), id),
        };
        Ok(())
    }

    /// Each ref with its commit. Names that were not asked for are left out.
    pub(super) fn into_advertisement(mut self, wanted: &[String]) -> RefAdvertisement {
        self.direct.append(&mut self.peeled);
        let head = self.direct.remove("HEAD");
        let mut refs = self.direct;
        refs.retain(|name, _| {
            name.starts_with("refs/heads/") || name.starts_with("refs/tags/") || wanted.contains(name)
        });
        RefAdvertisement { head, refs }
    }
}

/// Reads the first message of a server.
pub(super) async fn greeting(incoming: &mut Incoming) -> Result<Greeting, RepositoryProblem> {
    let mut greeting = Greeting::default();
    let mut first = true;
    let mut after_service = false;
    loop {
        let data = match incoming.packet().await? {
            Packet::Data(data) => data,
            // Over HTTP the service's name stands in a message of its own.
            Packet::Flush if after_service => {
                after_service = false;
                continue;
            }
            Packet::Flush => break,
            Packet::Delimiter | Packet::ResponseEnd => {
                return Err(broken(incoming.step, "a mark out of place"));
            }
        };
        let line = text(&data);
        if first && line.starts_with("# service=") {
            after_service = true;
            continue;
        }
        if first {
            first = false;
            match line {
                "version 2" => {
                    greeting.capabilities.version_2 = true;
                    continue;
                }
                "version 1" => {
                    first = true;
                    continue;
                }
                _ => {}
            }
            if !greeting.capabilities.version_2 {
                let (reference, capabilities) = line.split_once('\0').unwrap_or((line, ""));
                capabilities
                    .split(' ')
                    .filter(|name| !name.is_empty())
                    .for_each(|name| greeting.capabilities.insert(name));
                first_reference(&mut greeting.refs, reference, incoming.step)?;
                incoming.at(Step::Refs);
                continue;
            }
        }
        if greeting.capabilities.version_2 {
            greeting.capabilities.insert(line);
        } else if !line.starts_with("shallow ") {
            let (id, name) =
                line.split_once(' ').ok_or_else(|| broken(incoming.step, "a ref without a name"))?;
            greeting.refs.insert(name, id)?;
        }
    }
    greeting.capabilities.check_format()?;
    Ok(greeting)
}

fn first_reference(refs: &mut Refs, line: &str, step: Step) -> Result<(), RepositoryProblem> {
    let Some((id, name)) = line.split_once(' ') else {
        return Err(RepositoryProblem::NotGit {
            reason: format!("it begins with {:?}", line.chars().take(60).collect::<String>()),
        });
    };
    // An empty repository has no refs to carry the capabilities.
    if name == "capabilities^{}" {
        return Ok(());
    }
    refs.insert(name, id).map_err(|_| broken(step, "the first ref is not one"))
}

/// The request for refs of version 2.
pub(super) fn list_request(capabilities: &Capabilities, additional: &[String]) -> Message {
    let mut message = Message::default();
    message.line("command=ls-refs");
    if capabilities.has("agent") {
        message.line(AGENT);
    }
    if capabilities.has("object-format") {
        message.line("object-format=sha1");
    }
    message.delimiter().line("peel").line("symrefs");
    message.line("ref-prefix HEAD").line("ref-prefix refs/heads/").line("ref-prefix refs/tags/");
    for name in additional {
        message.line(&format!("ref-prefix {name}"));
    }
    message.flush();
    message
}

/// Reads the answer to [`list_request`].
pub(super) async fn list_answer(incoming: &mut Incoming) -> Result<Refs, RepositoryProblem> {
    incoming.at(Step::Refs);
    let mut refs = Refs::default();
    loop {
        let data = match incoming.packet().await? {
            Packet::Data(data) => data,
            Packet::Flush => return Ok(refs),
            Packet::Delimiter | Packet::ResponseEnd => return Err(broken(Step::Refs, "a mark out of place")),
        };
        let mut words = text(&data).split(' ');
        let (Some(id), Some(name)) = (words.next(), words.next()) else {
            return Err(broken(Step::Refs, "a ref without a name"));
        };
        // HEAD of an empty repository.
        if id == "unborn" {
            continue;
        }
        refs.insert(name, id)?;
        for attribute in words {
            if let Some(peeled) = attribute.strip_prefix("peeled:") {
                refs.insert(&format!("{name}^{{}}"), peeled)?;
            }
        }
    }
}

/// An object id as the protocol writes it.
pub(super) fn object_id(text: &str) -> Result<CommitSha, RepositoryProblem> {
    if text.len() == 40 && text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
        Ok(CommitSha::from(text))
    } else {
        Err(broken(Step::Refs, "an object id that is not one"))
    }
}

pub(super) fn broken(step: Step, reason: &str) -> RepositoryProblem {
    RepositoryProblem::Protocol { step, reason: reason.to_owned() }
}
