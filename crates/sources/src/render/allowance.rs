//! What one render may spend, whatever the repository says.
//!
//! A render runs on a thread that nobody can interrupt, and holds one of few permits. So it asks here before
//! each step whether it may go on: it ends at its bounds, at its deadline, and when nobody waits for it any more.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::error::RenderProblem;
use crate::settings::Limits;

/// Time, folders and names that are left.
pub(crate) struct Allowance<'a> {
    limits: &'a Limits,
    /// Taken by renders that need much memory.
    turn: &'a Mutex<()>,
    until: Option<Instant>,
    given_up: Arc<AtomicBool>,
    folders: Cell<usize>,
    entries: Cell<usize>,
}

/// Why a render may not go on.
#[derive(Debug)]
pub(crate) enum Spent {
    /// Nobody waits for it.
    GivenUp,
    /// A bound was hit.
    Bound(RenderProblem),
}

/// Held by who waits for a render: the render ends soon after it is dropped.
#[derive(Default)]
pub(crate) struct Interest(Arc<AtomicBool>);

impl Interest {
    /// What the render looks at.
    pub(crate) fn given_up(&self) -> Arc<AtomicBool> {
        self.0.clone()
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl<'a> Allowance<'a> {
    /// The whole allowance; the time counts from now on.
    pub(crate) fn new(limits: &'a Limits, turn: &'a Mutex<()>, given_up: Arc<AtomicBool>) -> Self {
        Self {
            limits,
            turn,
            until: Instant::now().checked_add(limits.render),
            given_up,
            folders: Cell::new(limits.folders),
            entries: Cell::new(limits.entries),
        }
    }

    /// Renders that need much memory go one after the other, by this.
    pub(crate) fn turn(&self) -> &'a Mutex<()> {
        self.turn
    }

    /// Asks whether there is time left and somebody waits.
    pub(crate) fn go_on(&self) -> Result<(), Spent> {
        if self.given_up.load(Ordering::Relaxed) {
            return Err(Spent::GivenUp);
        }
        if self.until.is_some_and(|until| Instant::now() >= until) {
            return Err(Spent::Bound(RenderProblem::TooSlow { limit: self.limits.render }));
        }
        Ok(())
    }

    /// Pays for a folder with so many names.
    pub(crate) fn folder(&self, entries: usize) -> Result<(), Spent> {
        take(&self.folders, 1, "the number of folders of the source", self.limits.folders, "folders")?;
        take(
            &self.entries,
            entries,
            "the number of names in folders of the source",
            self.limits.entries,
            "names",
        )
    }
}

fn take(left: &Cell<usize>, amount: usize, what: &str, bound: usize, unit: &str) -> Result<(), Spent> {
    match left.get().checked_sub(amount) {
        Some(rest) => {
            left.set(rest);
            Ok(())
        }
        None => Err(Spent::Bound(RenderProblem::TooLarge {
            what: what.to_owned(),
            limit: format!("{bound} {unit}"),
        })),
    }
}
