//! The watches of one cluster.

use std::sync::Arc;

use bridgehead_api::GroupKind;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

use super::task::Task;
use super::{WatchEvent, WatchTarget};
use crate::connect::Connection;

/// Events that wait to be taken; each has all frames of one piece of a body.
const EVENTS: usize = 256;

/// Running watches. Dropping it ends them.
pub struct Watches {
    connection: Connection,
    events: mpsc::Sender<WatchEvent>,
    budget: Arc<Semaphore>,
    budget_size: usize,
    running: Vec<Running>,
}

struct Running {
    target: Arc<WatchTarget>,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watches {
    /// No watch yet. `budget`: bytes of frames that may wait to be taken, of all watches together
    /// (a single larger frame still passes). The receiver gets everything that the watches have to
    /// tell, each watch's in order.
    pub fn new(connection: Connection, budget: usize) -> (Self, mpsc::Receiver<WatchEvent>) {
        let (events, receiver) = mpsc::channel(EVENTS);
        let budget_size = budget.clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        let budget = Arc::new(Semaphore::new(budget_size));
        (Self { connection, events, budget, budget_size, running: Vec::new() }, receiver)
    }

    /// Begins to watch. `false` if this is watched already.
    ///
    /// Must be called within a tokio runtime.
    pub fn start(&mut self, target: WatchTarget) -> bool {
        if self.running.iter().any(|running| *running.target == target) {
            return false;
        }
        let target = Arc::new(target);
        let task = Task {
            connection: self.connection.clone(),
            target: Arc::clone(&target),
            events: self.events.clone(),
            budget: Arc::clone(&self.budget),
            budget_size: self.budget_size,
        };
        self.running.push(Running { target, task: tokio::spawn(task.run()) });
        true
    }

    /// Ends every watch of a kind. Events that are under way may still come.
    pub fn stop(&mut self, kind: &GroupKind) {
        self.running.retain(|running| running.target.kind() != kind);
    }

    /// Ends one watch.
    pub fn stop_target(&mut self, target: &WatchTarget) {
        self.running.retain(|running| *running.target != *target);
    }

    /// What is watched.
    pub fn targets(&self) -> impl Iterator<Item = &WatchTarget> {
        self.running.iter().map(|running| &*running.target)
    }
}
