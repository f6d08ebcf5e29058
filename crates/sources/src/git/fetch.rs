//! Asking for a commit, and taking its pack.

use bridgehead_api::CommitSha;
use bytes::Bytes;
use tokio::sync::mpsc::Sender;

use super::incoming::{Incoming, refused};
use super::packet::{Message, Packet, text};
use super::refs::{AGENT, Capabilities, broken};
use crate::error::{RepositoryProblem, Step};

/// Name of the capability to leave out files by their size.
pub(super) const FILTER: &str = "filter";

/// A commit that we have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    /// The commit.
    pub(crate) commit: CommitSha,
    /// True if its parents were left out.
    pub(crate) shallow: bool,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct FetchRequest {
    /// Commits to get.
    pub(crate) wants: Vec<CommitSha>,
    /// Leave out their history.
    pub(crate) shallow: bool,
    /// What we have already: the server sends the difference.
    pub(crate) held: Vec<Held>,
    /// Files of more bytes are left out, where the server can do that.
    pub(crate) largest: Option<u64>,
}

impl FetchRequest {
    fn filter(&self) -> Option<String> {
        // Git leaves out what has as many bytes or more.
        self.largest.map(|largest| format!("filter blob:limit={}", largest.saturating_add(1)))
    }
}

/// A piece of a pack on its way to the disk.
#[derive(Debug)]
pub(crate) enum PackPiece {
    /// Bytes.
    Data(Bytes),
    /// The server has sent all of it. A stream that ends without this is not a pack.
    End,
}

/// The request of version 2.
pub(super) fn request_2(capabilities: &Capabilities, request: &FetchRequest) -> Message {
    let mut message = Message::default();
    message.line("command=fetch");
    if capabilities.has("agent") {
        message.line(AGENT);
    }
    if capabilities.has("object-format") {
        message.line("object-format=sha1");
    }
    message.delimiter().line("thin-pack").line("ofs-delta");
    // `no-progress` is not asked for: progress is the sign of life while a server prepares a large pack.
    if capabilities.fetch_has("shallow") {
        for held in request.held.iter().filter(|held| held.shallow) {
            message.line(&format!("shallow {}", held.commit));
        }
        if request.shallow {
            message.line("deepen 1");
        }
    }
    if let Some(filter) = request.filter().filter(|_| capabilities.fetch_has(FILTER)) {
        message.line(&filter);
    }
    for want in &request.wants {
        message.line(&format!("want {want}"));
    }
    for held in usable(capabilities.fetch_has("shallow"), request) {
        message.line(&format!("have {}", held.commit));
    }
    message.line("done").flush();
    message
}

/// The request of versions 0 and 1.
pub(super) fn request_0(capabilities: &Capabilities, request: &FetchRequest) -> Message {
    let mut message = Message::default();
    let wished = ["side-band-64k", "thin-pack", "ofs-delta", "shallow", "agent"];
    let filter = request.filter().filter(|_| capabilities.has(FILTER));
    let wished = wished.into_iter().chain(filter.is_some().then_some(FILTER));
    let mut chosen: Vec<&str> = wished.filter(|name| capabilities.has(name)).collect();
    if let Some(agent) = chosen.iter_mut().find(|name| **name == "agent") {
        *agent = AGENT;
    }
    for (index, want) in request.wants.iter().enumerate() {
        match index {
            0 => message.line(&format!("want {want} {}", chosen.join(" "))),
            _ => message.line(&format!("want {want}")),
        };
    }
    let shallow = capabilities.has("shallow");
    if shallow {
        for held in request.held.iter().filter(|held| held.shallow) {
            message.line(&format!("shallow {}", held.commit));
        }
        if request.shallow {
            message.line("deepen 1");
        }
    }
    if let Some(filter) = filter {
        message.line(&filter);
    }
    message.flush();
    for held in usable(shallow, request) {
        message.line(&format!("have {}", held.commit));
    }
    message.line("done");
    message
}

/// What may be offered: to a server that knows nothing of shallow clones, only commits with their history.
fn usable(shallow: bool, request: &FetchRequest) -> impl Iterator<Item = &Held> {
    request.held.iter().filter(move |held| shallow || !held.shallow)
}

/// Reads the answer of version 2 and hands the pack on.
pub(super) async fn answer_2(
    incoming: &mut Incoming,
    pack: &Sender<PackPiece>,
) -> Result<(), RepositoryProblem> {
    incoming.at(Step::Request);
    loop {
        let Packet::Data(data) = incoming.packet().await? else {
            return Err(broken(Step::Request, "the answer holds no pack"));
        };
        match text(&data) {
            "packfile" => break,
            // Acknowledgments, shallow-info, wanted-refs: nothing that we do not know already.
            _section => skip_section(incoming).await?,
        }
    }
    incoming.at(Step::Pack);
    side_band(incoming, None, pack).await
}

async fn skip_section(incoming: &mut Incoming) -> Result<(), RepositoryProblem> {
    loop {
        match incoming.packet().await? {
            Packet::Data(_) => {}
            Packet::Delimiter => return Ok(()),
            Packet::Flush | Packet::ResponseEnd => {
                return Err(broken(Step::Request, "the answer ends before the pack"));
            }
        }
    }
}

/// Reads the answer of versions 0 and 1 and hands the pack on.
pub(super) async fn answer_0(
    incoming: &mut Incoming,
    capabilities: &Capabilities,
    request: &FetchRequest,
    pack: &Sender<PackPiece>,
) -> Result<(), RepositoryProblem> {
    incoming.at(Step::Request);
    if !capabilities.has("side-band-64k") {
        return Err(RepositoryProblem::Unsupported { what: "fetch from servers without side bands" });
    }
    if request.shallow && capabilities.has("shallow") {
        // The new boundary: which commits have no parents here.
        while let Packet::Data(_) = incoming.packet().await? {}
    }
    loop {
        match incoming.packet().await? {
            Packet::Data(data) if matches!(data.first(), Some(1..=3)) => {
                incoming.at(Step::Pack);
                return side_band(incoming, Some(data), pack).await;
            }
            // ACK and NAK.
            Packet::Data(_) | Packet::Flush => {}
            Packet::Delimiter | Packet::ResponseEnd => {
                return Err(broken(Step::Request, "a mark out of place"));
            }
        }
    }
}

/// The pack comes in band 1, progress in band 2, and a fatal error in band 3.
async fn side_band(
    incoming: &mut Incoming,
    first: Option<Bytes>,
    pack: &Sender<PackPiece>,
) -> Result<(), RepositoryProblem> {
    let mut next = first;
    loop {
        let mut data = match next.take() {
            Some(data) => data,
            None => match incoming.packet().await? {
                Packet::Data(data) => data,
                Packet::Flush | Packet::ResponseEnd => {
                    // If the writer is gone, it says why itself.
                    let _ = pack.send(PackPiece::End).await;
                    return Ok(());
                }
                Packet::Delimiter => return Err(broken(Step::Pack, "a mark out of place")),
            },
        };
        if data.is_empty() {
            continue;
        }
        match data.split_to(1)[0] {
            1 if data.is_empty() => {}
            1 => {
                if pack.send(PackPiece::Data(data)).await.is_err() {
                    return Ok(());
                }
            }
            2 => {}
            3 => return Err(refused(&data)),
            _ => return Err(broken(Step::Pack, "an unknown side band")),
        }
    }
}
