//! How many passes are made at once.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use futures::channel::oneshot;

/// Slots for passes. Who waits for one that had one before goes before new passes, first come first served.
#[derive(Debug)]
pub(super) struct Slots {
    free: Cell<usize>,
    /// How many more may step aside: what they have learnt meanwhile is kept in memory.
    asides: Cell<usize>,
    waiting: RefCell<VecDeque<oneshot::Sender<()>>>,
}

impl Slots {
    pub(super) fn new(count: usize) -> Self {
        let count = count.max(1);
        Self { free: Cell::new(count), asides: Cell::new(count * 2), waiting: RefCell::default() }
    }

    /// Gives a slot back for as long as something is waited for, if not too many do so already.
    pub(super) fn step_aside(&self) -> bool {
        let Some(left) = self.asides.get().checked_sub(1) else { return false };
        self.asides.set(left);
        self.leave();
        true
    }

    /// Waits for a slot again.
    pub(super) async fn step_back(&self) {
        self.wait().await;
        self.asides.set(self.asides.get() + 1);
    }

    /// True if a new pass may begin.
    pub(super) fn is_free(&self) -> bool {
        self.free.get() > 0
    }

    /// Takes a slot that is free.
    pub(super) fn enter(&self) {
        self.free.set(self.free.get().saturating_sub(1));
    }

    /// Gives a slot back, to who waits for one.
    pub(super) fn leave(&self) {
        while let Some(next) = self.waiting.borrow_mut().pop_front() {
            // Who was dropped meanwhile needs none.
            if next.send(()).is_ok() {
                return;
            }
        }
        self.free.set(self.free.get() + 1);
    }

    /// Waits for a slot, and takes it.
    async fn wait(&self) {
        if self.is_free() {
            self.enter();
            return;
        }
        let (sender, receiver) = oneshot::channel();
        self.waiting.borrow_mut().push_back(sender);
        // The sender is dropped with the controller only, and with it whoever waits here.
        let _ = receiver.await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn who_had_a_slot_goes_before_new_passes() {
        let slots = Slots::new(1);
        slots.enter();
        let mut back = std::pin::pin!(slots.wait());
        assert!(back.as_mut().now_or_never().is_none());
        slots.leave();
        assert!(!slots.is_free(), "it is taken already");
        assert!(back.now_or_never().is_some());
        slots.leave();
        assert!(slots.is_free());
    }

    #[test]
    fn not_everybody_steps_aside_at_once() {
        let slots = Slots::new(1);
        for _ in 0..2 {
            slots.enter();
            assert!(slots.step_aside());
        }
        slots.enter();
        assert!(!slots.step_aside(), "and so no new pass begins");
        assert!(!slots.is_free());
        let mut back = std::pin::pin!(slots.step_back());
        assert!(back.as_mut().now_or_never().is_none());
        slots.leave();
        assert!(back.now_or_never().is_some());
        assert!(slots.step_aside());
    }

    #[test]
    fn a_slot_goes_past_who_waits_no_more() {
        let slots = Slots::new(1);
        slots.enter();
        assert!(slots.wait().now_or_never().is_none());
        slots.leave();
        assert!(slots.is_free());
    }
}
