//! One repository on one server, with one set of credentials.

use std::sync::{Mutex, PoisonError};

use bridgehead_api::CommitSha;
use bridgehead_engine::source::RefAdvertisement;
use tokio::sync::mpsc::Sender;

use super::fetch::{self, FetchRequest, PackPiece};
use super::http::Http;
use super::incoming::{Budget, Incoming};
use super::packet::Message;
use super::refs::{self, Capabilities, Greeting};
use super::ssh::Ssh;
use crate::access::{Location, ProxyEnvironment, RepoAccess};
use crate::error::{RepositoryProblem, Step};
use crate::settings::Limits;

/// The far end, and what is known of it.
pub(crate) struct Remote {
    line: Line,
    limits: Limits,
    /// What the server could do when it was asked last. Over HTTP this saves a request per operation.
    known: Mutex<Option<Capabilities>>,
}

enum Line {
    Http(Http),
    Ssh(Ssh),
}

/// One exchange with the server.
struct Conversation<'r> {
    remote: &'r Remote,
    incoming: Incoming,
    input: Option<super::ssh::Input>,
    version_2: bool,
}

impl Remote {
    /// Prepares to talk; nothing is sent yet. `None` for a local repository.
    pub(crate) fn new(
        access: &RepoAccess,
        proxies: &ProxyEnvironment,
        limits: &Limits,
    ) -> Result<Option<Self>, RepositoryProblem> {
        let line = match access.location()? {
            Location::Http(url) => Line::Http(Http::new(&url, access, proxies, limits)?),
            Location::Ssh { user, host, port, path } => {
                Line::Ssh(Ssh::new(&user, &host, port, &path, access)?)
            }
            Location::Local(_) => return Ok(None),
        };
        Ok(Some(Self { line, limits: limits.clone(), known: Mutex::new(None) }))
    }

    /// Lists the refs: one request where the server is known to speak version 2.
    pub(crate) async fn list_refs(
        &self,
        additional: &[String],
    ) -> Result<RefAdvertisement, RepositoryProblem> {
        let limits = &self.limits;
        let budget =
            Budget::new(limits.idle, limits.advertise, limits.advertisement_bytes, "the list of refs");
        let known = self.known().filter(|known| known.version_2 && matches!(self.line, Line::Http(_)));
        let mut conversation;
        let greeting = if let Some(capabilities) = known {
            conversation = self.without_greeting(budget, capabilities.version_2);
            Greeting { capabilities, ..Greeting::default() }
        } else {
            let (opened, greeting) = self.greeted(budget).await?;
            conversation = opened;
            greeting
        };
        let found = if greeting.capabilities.version_2 {
            let message = refs::list_request(&greeting.capabilities, additional);
            let asked = conversation.ask(message, Step::Refs).await;
            self.forget_if_it_failed(asked)?;
            refs::list_answer(&mut conversation.incoming).await?
        } else {
            conversation.goodbye().await;
            greeting.refs
        };
        Ok(found.into_advertisement(additional))
    }

    /// Fetches, and hands the pack on as it comes. Ends without [`PackPiece::End`] where it fails.
    pub(crate) async fn fetch(
        &self,
        request: &FetchRequest,
        pack: Sender<PackPiece>,
    ) -> Result<(), RepositoryProblem> {
        let limits = &self.limits;
        let budget = Budget::new(limits.idle, limits.fetch, limits.pack_bytes, "the pack");
        let known = self.known().filter(|_| matches!(self.line, Line::Http(_)));
        let mut conversation;
        let capabilities = if let Some(capabilities) = known {
            conversation = self.without_greeting(budget, capabilities.version_2);
            capabilities
        } else {
            let (opened, greeting) = self.greeted(budget).await?;
            conversation = opened;
            greeting.capabilities
        };
        let message = if capabilities.version_2 {
            fetch::request_2(&capabilities, request)
        } else {
            fetch::request_0(&capabilities, request)
        };
        let asked = conversation.ask(message, Step::Request).await;
        self.forget_if_it_failed(asked)?;
        let answer = if capabilities.version_2 {
            fetch::answer_2(&mut conversation.incoming, &pack).await
        } else {
            fetch::answer_0(&mut conversation.incoming, &capabilities, request, &pack).await
        };
        answer.map_err(|problem| gone(problem, &request.wants, capabilities.version_2))
    }

    /// True unless the server is known to give out the tips of refs only.
    pub(crate) fn gives_any_commit(&self) -> bool {
        self.known().is_none_or(|known| {
            known.version_2
                || known.has("allow-any-sha1-in-want")
                || known.has("allow-reachable-sha1-in-want")
        })
    }

    /// True unless the server is known not to leave out history.
    pub(crate) fn leaves_out_history(&self) -> bool {
        self.known().is_none_or(|known| {
            if known.version_2 { known.fetch_has("shallow") } else { known.has("shallow") }
        })
    }

    /// True if the server is known to leave out files by their size.
    pub(crate) fn leaves_out_large_files(&self) -> bool {
        self.known().is_some_and(|known| {
            if known.version_2 { known.fetch_has(fetch::FILTER) } else { known.has(fetch::FILTER) }
        })
    }

    /// Asks what the server can do, unless that is known.
    pub(crate) async fn meet(&self) -> Result<(), RepositoryProblem> {
        if self.known().is_some() {
            return Ok(());
        }
        let limits = &self.limits;
        let budget =
            Budget::new(limits.idle, limits.advertise, limits.advertisement_bytes, "the list of refs");
        let (mut conversation, _) = self.greeted(budget).await?;
        conversation.goodbye().await;
        Ok(())
    }

    fn known(&self) -> Option<Capabilities> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, capabilities: Option<Capabilities>) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = capabilities;
    }

    /// What was known may have changed, as after a move or an upgrade of the server.
    fn forget_if_it_failed<T>(&self, outcome: Result<T, RepositoryProblem>) -> Result<T, RepositoryProblem> {
        if outcome.is_err() {
            self.remember(None);
        }
        outcome
    }

    fn without_greeting(&self, budget: Budget, version_2: bool) -> Conversation<'_> {
        let incoming = Incoming::new(super::incoming::Source::Http(None), budget, Step::Greeting);
        Conversation { remote: self, incoming, input: None, version_2 }
    }

    async fn greeted(&self, budget: Budget) -> Result<(Conversation<'_>, Greeting), RepositoryProblem> {
        let (source, input) = match &self.line {
            Line::Http(http) => (http.greet(&budget).await?, None),
            Line::Ssh(ssh) => {
                let (output, input) = ssh.open(&budget, self.limits.connect).await?;
                (super::incoming::Source::Ssh(output), Some(input))
            }
        };
        let incoming = Incoming::new(source, budget, Step::Greeting);
        let mut conversation = Conversation { remote: self, incoming, input, version_2: false };
        let greeting = refs::greeting(&mut conversation.incoming).await?;
        conversation.version_2 = greeting.capabilities.version_2;
        self.remember(Some(greeting.capabilities.clone()));
        Ok((conversation, greeting))
    }
}

impl Conversation<'_> {
    /// Sends a request. The answer is read from `incoming`.
    async fn ask(&mut self, message: Message, step: Step) -> Result<(), RepositoryProblem> {
        let budget = self.incoming.budget;
        match (&self.remote.line, &self.input) {
            (Line::Http(http), _) => {
                let response = http.post(message.into_bytes(), self.version_2, &budget, step).await?;
                self.incoming.continue_with(response);
                self.incoming.at(step);
                Ok(())
            }
            (Line::Ssh(_), Some(input)) => {
                self.incoming.at(step);
                budget.within(step, 0, budget.idle, input.send(message.into_bytes(), step)).await
            }
            (Line::Ssh(_), None) => Err(refs::broken(step, "the channel is closed")),
        }
    }

    /// Tells a server of version 0 over SSH that nothing is wanted. It is leaving that matters, not manners.
    async fn goodbye(&mut self) {
        if let Some(input) = &self.input {
            let mut message = Message::default();
            message.flush();
            let budget = self.incoming.budget;
            let _ =
                budget.within(Step::Refs, 0, budget.idle, input.send(message.into_bytes(), Step::Refs)).await;
        }
    }
}

/// Git itself gives out every commit that it has over version 2, so its refusal is final. Other servers, and older
/// versions, may have the commit behind a ref.
fn gone(problem: RepositoryProblem, wants: &[CommitSha], version_2: bool) -> RepositoryProblem {
    match (&problem, wants) {
        (RepositoryProblem::Refused { message }, [commit, ..])
            if version_2 && message.contains("not our ref") =>
        {
            RepositoryProblem::CommitGone { commit: commit.clone() }
        }
        _ => problem,
    }
}
