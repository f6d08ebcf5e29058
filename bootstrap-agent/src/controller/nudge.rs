//! Waking the loop when something was put into the queue from outside of it.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Poll, Waker};

/// The loop sleeps until an event or the next due time as it knew it. Who adds to the queue beside the loop
/// nudges it, or the work would lie there until the next event.
#[derive(Debug, Default)]
pub(super) struct Nudge {
    given: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Nudge {
    /// Ends the present wait, or else the next one.
    pub(super) fn give(&self) {
        self.given.set(true);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Waits for `other` or a nudge.
    pub(super) async fn or(&self, other: impl Future<Output = ()>) {
        let mut other = pin!(other);
        poll_fn(|context| {
            if self.given.take() {
                return Poll::Ready(());
            }
            *self.waker.borrow_mut() = Some(context.waker().clone());
            other.as_mut().poll(context)
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn a_nudge_ends_one_wait_and_is_not_lost_if_nobody_waits_yet() {
        let nudge = Nudge::default();
        assert!(nudge.or(std::future::pending()).now_or_never().is_none());
        nudge.give();
        assert!(nudge.or(std::future::pending()).now_or_never().is_some());
        assert!(nudge.or(std::future::pending()).now_or_never().is_none());
    }

    #[test]
    fn a_nudge_wakes_who_waits() {
        let nudge = Nudge::default();
        let waits = nudge.or(std::future::pending());
        let gives = async { nudge.give() };
        futures::executor::block_on(futures::future::join(waits, gives));
    }
}
