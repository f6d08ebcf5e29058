//! What a server sends, packet by packet. Every read has a deadline and counts against a bound.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;

use super::http;
use super::packet::{LONGEST, Packet, length};
use super::ssh;
use crate::error::{RepositoryProblem, Step};

/// Where bytes come from.
pub(super) enum Source {
    /// The body of an HTTP response; `None` before the first request.
    Http(Option<reqwest::Response>),
    /// The output of a command over SSH.
    Ssh(ssh::Output),
}

/// Time and bytes of an operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// Longest silence.
    pub(crate) idle: Duration,
    /// When the whole operation must be over.
    pub(crate) deadline: Instant,
    /// How long the whole operation may take, for messages.
    pub(crate) total: Duration,
    /// Bytes that may come.
    pub(crate) bytes: u64,
    /// What those bytes are, for messages.
    pub(crate) what: &'static str,
}

impl Budget {
    pub(crate) fn new(idle: Duration, total: Duration, bytes: u64, what: &'static str) -> Self {
        Self { idle, deadline: Instant::now() + total, total, bytes, what }
    }

    /// Runs one step of the conversation, at most for `longest` and never past the deadline.
    pub(super) async fn within<T>(
        &self,
        step: Step,
        received: u64,
        longest: Duration,
        work: impl Future<Output = Result<T, RepositoryProblem>>,
    ) -> Result<T, RepositoryProblem> {
        let until = (Instant::now() + longest).min(self.deadline);
        let after = if until == self.deadline { self.total } else { longest };
        match tokio::time::timeout_at(until, work).await {
            Ok(outcome) => outcome,
            Err(_) => Err(RepositoryProblem::TimedOut { step, after, bytes: received }),
        }
    }
}

/// The stream of packets.
pub(super) struct Incoming {
    source: Source,
    buffer: BytesMut,
    pub(super) budget: Budget,
    pub(super) step: Step,
    received: u64,
    total: u64,
}

impl Incoming {
    pub(super) fn new(source: Source, budget: Budget, step: Step) -> Self {
        Self { source, buffer: BytesMut::new(), budget, step, received: 0, total: 0 }
    }

    /// Goes on with the answer to another request.
    pub(super) fn continue_with(&mut self, response: reqwest::Response) {
        self.source = Source::Http(Some(response));
        self.buffer.clear();
        self.received = 0;
    }

    /// Names the step that the next reads belong to, and what has come already and was not read.
    pub(super) fn at(&mut self, step: Step) {
        if self.step != step {
            self.step = step;
            self.received = self.buffer.len() as u64;
        }
    }

    /// The next packet; an end of the stream is an error.
    pub(super) async fn packet(&mut self) -> Result<Packet, RepositoryProblem> {
        match self.packet_or_end().await? {
            Some(packet) => Ok(packet),
            None => Err(self.broken_off("the connection was closed")),
        }
    }

    /// The next packet, or `None` where the stream ends between packets.
    pub(super) async fn packet_or_end(&mut self) -> Result<Option<Packet>, RepositoryProblem> {
        if !self.fill(4).await? {
            return if self.buffer.is_empty() { Ok(None) } else { Err(self.no_packet()) };
        }
        let head = [self.buffer[0], self.buffer[1], self.buffer[2], self.buffer[3]];
        let packet = match length(head) {
            Some(0) => Packet::Flush,
            Some(1) => Packet::Delimiter,
            Some(2) => Packet::ResponseEnd,
            Some(length @ 4..=LONGEST) => {
                if !self.fill(length).await? {
                    return Err(self.broken_off("the connection was closed inside of a packet"));
                }
                let mut data = self.buffer.split_to(length).freeze();
                let _ = data.split_to(4);
                if let Some(message) = data.strip_prefix(b"ERR ") {
                    return Err(refused(message));
                }
                return Ok(Some(Packet::Data(data)));
            }
            Some(_) | None => return Err(self.no_packet()),
        };
        let _ = self.buffer.split_to(4);
        Ok(Some(packet))
    }

    fn no_packet(&self) -> RepositoryProblem {
        let shown = String::from_utf8_lossy(&self.buffer[..self.buffer.len().min(60)]).into_owned();
        if self.step == Step::Greeting {
            return RepositoryProblem::NotGit { reason: format!("it begins with {shown:?}") };
        }
        RepositoryProblem::Protocol { step: self.step, reason: format!("{shown:?} is no packet") }
    }

    fn broken_off(&self, reason: &str) -> RepositoryProblem {
        let said = match &self.source {
            Source::Ssh(output) => output.said(),
            Source::Http(_) => None,
        };
        match said {
            Some(message) => ssh::refusal(&message),
            None => RepositoryProblem::BrokenOff {
                step: self.step,
                bytes: self.received,
                reason: reason.to_owned(),
            },
        }
    }

    /// Reads until the buffer holds this many bytes; false where the stream ends before.
    async fn fill(&mut self, bytes: usize) -> Result<bool, RepositoryProblem> {
        while self.buffer.len() < bytes {
            let budget = self.budget;
            let chunk = budget
                .within(
                    self.step,
                    self.received,
                    budget.idle,
                    chunk(&mut self.source, self.step, self.received),
                )
                .await?;
            let Some(chunk) = chunk else { return Ok(false) };
            self.received += chunk.len() as u64;
            self.total += chunk.len() as u64;
            if self.total > budget.bytes {
                return Err(RepositoryProblem::TooLarge { what: budget.what, limit: budget.bytes });
            }
            self.buffer.extend_from_slice(&chunk);
        }
        Ok(true)
    }
}

async fn chunk(source: &mut Source, step: Step, received: u64) -> Result<Option<Bytes>, RepositoryProblem> {
    match source {
        Source::Http(None) => Ok(None),
        Source::Http(Some(response)) => {
            response.chunk().await.map_err(|error| http::broken(step, received, &error))
        }
        Source::Ssh(output) => output.chunk(step, received).await,
    }
}

/// What a server says when it refuses, in the middle of the protocol.
pub(super) fn refused(message: &[u8]) -> RepositoryProblem {
    let message = String::from_utf8_lossy(message).trim().chars().take(300).collect::<String>();
    let lower = message.to_lowercase();
    if lower.contains("repository") && (lower.contains("not found") || lower.contains("not exist")) {
        return RepositoryProblem::NotFound { answer: message };
    }
    RepositoryProblem::Refused { message }
}
