//! One watch, for as long as anybody wants it.

use std::sync::Arc;
use std::time::Duration;

use bridgehead_api::ResourceVersion;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, timeout};

use super::lines::Lines;
use super::{WatchEvent, WatchNews, WatchTarget};
use crate::cache::{Frame, FrameKind, ListPage};
use crate::connect::{ByteStream, Connection};
use crate::error::{ApiError, ApiErrorKind};
use crate::jitter;

/// How long one watch request lives, before up to a third more: a server that is drained or scaled gets
/// its clients spread again, and no two watches end together.
const LIFE: Duration = Duration::from_mins(5);
/// A server ends a watch in time; one that is this late is gone.
const GRACE: Duration = Duration::from_secs(15);
/// A list as a stream that stays silent for this long comes from a server that knows no such thing.
const SILENCE: Duration = Duration::from_secs(15);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Permissions that are missing are rarely granted a second later.
const REFUSED_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_REFUSED_PAUSE: Duration = Duration::from_mins(1);
/// A watch that has lived for this long was one, whatever it brought.
const STEADY: Duration = Duration::from_secs(1);
/// What a page of a list should weigh, and its bounds in objects.
const PAGE_BYTES: usize = 2 << 20;
const FIRST_PAGE: usize = 50;
const LARGEST_PAGE: usize = 500;

/// Nobody listens any more.
struct Closed;

pub(super) struct Task {
    pub(super) connection: Connection,
    pub(super) target: Arc<WatchTarget>,
    pub(super) events: mpsc::Sender<WatchEvent>,
    pub(super) budget: Arc<Semaphore>,
    pub(super) budget_size: usize,
}

/// Where a watch is.
struct Position {
    /// Where the next request goes on; `None`: from the start.
    resume: Option<ResourceVersion>,
    /// The server lists as a stream, as far as is known.
    streams_lists: bool,
    /// Attempts since anything came.
    failures: u32,
    /// What was told last.
    told: Told,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    Interrupted,
    Refused,
}

/// Why a request is over.
enum End {
    /// Go on from the last version, or in another way.
    Ended,
    /// Over as soon as it had begun, as a proxy in between may have it: go on after a pause.
    Brief,
    Failed(ApiError),
    Closed,
}

impl From<Closed> for End {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

impl Task {
    pub(super) async fn run(self) {
        let mut position = Position { resume: None, streams_lists: true, failures: 0, told: Told::Nothing };
        loop {
            let end = match (&position.resume, position.streams_lists) {
                (None, false) => self.list_pages(&mut position).await,
                _ => self.watch(&mut position).await,
            };
            let goes_on = match end {
                End::Ended => Ok(()),
                End::Brief => self.pause(&mut position, FIRST_PAUSE, LONGEST_PAUSE).await,
                End::Failed(error) => self.fail(&mut position, error).await,
                End::Closed => Err(Closed),
            };
            if goes_on.is_err() {
                return;
            }
        }
    }

    /// One watch request, which lists first if there is nowhere to go on from.
    async fn watch(&self, position: &mut Position) -> End {
        let lists = position.resume.is_none();
        let life = jitter::spread(LIFE, 1.0 / 3.0);
        let mut request = self
            .target
            .request("watch")
            .query("watch", "true")
            .query("allowWatchBookmarks", "true")
            .query("timeoutSeconds", &life.as_secs().to_string());
        request = match &position.resume {
            Some(version) => request.query("resourceVersion", version.as_str()),
            None => request.query("sendInitialEvents", "true").query("resourceVersionMatch", "NotOlderThan"),
        };
        let mut stream = match self.connection.open(request).await {
            Ok(stream) => stream,
            Err(error) if lists && is_not_understood(&error) => {
                position.streams_lists = false;
                return End::Ended;
            }
            Err(error) => return End::Failed(error),
        };
        let begun = if lists { self.frames(vec![Frame::list_begins()], 0).await } else { Ok(()) };
        let begun = match begun {
            Ok(()) => self.succeed(position).await,
            closed => closed,
        };
        match begun {
            Ok(()) => {
                let opened = Instant::now();
                let end = self.follow(&mut stream, position, life + GRACE).await;
                if opened.elapsed() >= STEADY {
                    position.failures = 0;
                    return end;
                }
                if matches!(end, End::Ended) { End::Brief } else { end }
            }
            Err(Closed) => End::Closed,
        }
    }

    async fn follow(&self, stream: &mut ByteStream, position: &mut Position, life: Duration) -> End {
        let (mut lines, mut complete) = (Lines::default(), Vec::new());
        loop {
            let listing = position.resume.is_none();
            let patience = if listing { SILENCE } else { life };
            let piece = match timeout(patience, stream.next()).await {
                Ok(Ok(Some(piece))) => piece,
                Ok(Ok(None)) | Err(_) if listing => {
                    position.streams_lists = false;
                    return End::Ended;
                }
                Ok(Ok(None)) => return End::Ended,
                Ok(Err(error)) => return End::Failed(error),
                Err(_) => {
                    return End::Failed(self.broken("nothing came for longer than the watch should live"));
                }
            };
            if lines.push(piece, &mut complete).is_err() {
                return End::Failed(self.broken("a line is longer than any object can be"));
            }
            if let Err(end) = self.take(&mut complete, position).await {
                return end;
            }
        }
    }

    /// Reads lines into frames and sends them on.
    async fn take(&self, lines: &mut Vec<bytes::Bytes>, position: &mut Position) -> Result<(), End> {
        let (mut frames, mut size, mut failed) = (Vec::with_capacity(lines.len()), 0, None);
        for line in lines.drain(..) {
            let frame = match Frame::parse(line) {
                Ok(frame) => frame,
                Err(error) => {
                    failed = Some(self.broken("a frame makes no sense").caused(error));
                    break;
                }
            };
            match frame.kind() {
                FrameKind::Failed => {
                    let status = frame.status().unwrap_or_default();
                    failed = Some(ApiError::from_status(self.target.operation("watch"), &status));
                    break;
                }
                FrameKind::Bookmark => {
                    position.failures = 0;
                    position.advance(&frame);
                }
                FrameKind::ListEnds => {
                    position.failures = 0;
                    position.resume = Some(frame.resource_version().clone());
                    frames.push(frame);
                }
                _ => {
                    position.failures = 0;
                    position.advance(&frame);
                    size += frame.size();
                    frames.push(frame);
                }
            }
        }
        if !frames.is_empty() {
            self.frames(frames, size).await?;
        }
        match failed {
            Some(error) => Err(End::Failed(error)),
            None => Ok(()),
        }
    }

    /// A list for servers that don't stream theirs.
    async fn list_pages(&self, position: &mut Position) -> End {
        if self.frames(vec![Frame::list_begins()], 0).await.is_err() {
            return End::Closed;
        }
        let (mut token, mut limit) = (String::new(), FIRST_PAGE);
        loop {
            let mut request = self.target.request("list").query("limit", &limit.to_string());
            if !token.is_empty() {
                request = request.query("continue", &token);
            }
            let answer = match self.connection.send(request).await {
                Ok(answer) => answer,
                Err(error) => return End::Failed(error),
            };
            let size = answer.body.len();
            let page = match ListPage::parse(&answer.body) {
                Ok(page) => page,
                Err(error) => {
                    return End::Failed(self.broken("a page of the list makes no sense").caused(error));
                }
            };
            drop(answer);
            limit = next_limit(page.frames.len(), size);
            if self.frames(page.frames, size).await.is_err() {
                return End::Closed;
            }
            token = page.continue_token;
            if token.is_empty() {
                let end = Frame::list_ends(page.resource_version.clone());
                position.resume = Some(page.resource_version);
                position.failures = 0;
                return match self.frames(vec![end], 0).await {
                    Ok(()) => match self.succeed(position).await {
                        Ok(()) => End::Ended,
                        Err(closed) => closed.into(),
                    },
                    Err(closed) => closed.into(),
                };
            }
        }
    }

    async fn fail(&self, position: &mut Position, error: ApiError) -> Result<(), Closed> {
        if error.kind == ApiErrorKind::Expired {
            // Not a failure: the server has forgotten where we were.
            position.resume = None;
            if position.failures == 0 {
                position.failures = 1;
                return Ok(());
            }
        }
        let refused = matches!(
            error.kind,
            ApiErrorKind::Forbidden | ApiErrorKind::Unauthorized | ApiErrorKind::KindNotServed
        );
        let told = if refused { Told::Refused } else { Told::Interrupted };
        // That a path is not served is told at every attempt: what is served has to be looked at until it is known.
        if position.told != told || error.kind == ApiErrorKind::KindNotServed {
            position.told = told;
            let message = error.to_string();
            let news = match told {
                Told::Refused => {
                    WatchNews::Refused { message: error.message.clone(), kind: error.kind.clone() }
                }
                _ => WatchNews::Interrupted { message },
            };
            self.send(news, None).await?;
        }
        let (first, longest) = match (&error.kind, refused) {
            (_, true) => (REFUSED_PAUSE, LONGEST_REFUSED_PAUSE),
            (ApiErrorKind::Throttled { retry_after: Some(pause) }, _) => (*pause, LONGEST_PAUSE.max(*pause)),
            _ => (FIRST_PAUSE, LONGEST_PAUSE),
        };
        tracing::debug!(target = %self.target.kind(), error = %error, "watch broke off");
        self.pause(position, first, longest).await
    }

    /// Waits longer each time, until something comes.
    async fn pause(&self, position: &mut Position, first: Duration, longest: Duration) -> Result<(), Closed> {
        let pause = first.saturating_mul(1 << position.failures.min(10)).min(longest);
        position.failures = position.failures.saturating_add(1);
        tokio::select! {
            () = tokio::time::sleep(jitter::spread(pause / 2, 1.0)) => Ok(()),
            () = self.events.closed() => Err(Closed),
        }
    }

    /// The server answers: what was told to be wrong is over.
    async fn succeed(&self, position: &mut Position) -> Result<(), Closed> {
        if position.told != Told::Nothing {
            position.told = Told::Nothing;
            self.send(WatchNews::Resumed, None).await?;
        }
        Ok(())
    }

    async fn frames(&self, frames: Vec<Frame>, size: usize) -> Result<(), Closed> {
        let size = u32::try_from(size.min(self.budget_size)).unwrap_or(u32::MAX);
        let budget = Arc::clone(&self.budget).acquire_many_owned(size).await.map_err(|_| Closed)?;
        self.send(WatchNews::Frames(frames), Some(budget)).await
    }

    async fn send(
        &self,
        news: WatchNews,
        budget: Option<tokio::sync::OwnedSemaphorePermit>,
    ) -> Result<(), Closed> {
        let event = WatchEvent { target: Arc::clone(&self.target), news, _budget: budget };
        self.events.send(event).await.map_err(|_| Closed)
    }

    fn broken(&self, message: &str) -> ApiError {
        ApiError::new(ApiErrorKind::Protocol, self.target.operation("watch"), message)
    }
}

impl Position {
    /// While a list comes in, there is nowhere to go on from but its start.
    fn advance(&mut self, frame: &Frame) {
        if self.resume.is_some() && !frame.resource_version().as_str().is_empty() {
            self.resume = Some(frame.resource_version().clone());
        }
    }
}

/// Servers before 1.32, and some that are aggregated, refuse to list as a stream.
fn is_not_understood(error: &ApiError) -> bool {
    matches!(error.kind, ApiErrorKind::Invalid { .. })
}

/// So many objects as make a page of the right weight, by what the last one weighed.
fn next_limit(objects: usize, bytes: usize) -> usize {
    let each = (bytes / objects.max(1)).max(1);
    (PAGE_BYTES / each).clamp(1, LARGEST_PAGE)
}
