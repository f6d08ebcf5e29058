//! One thread, a clock that only stands or jumps, and an order that a seed decides.
//!
//! ```text
//! ready tasks? ─ yes ─► poll one of them, chosen at random
//!      └ no ─► move the clock to the next timer ─► its task is ready
//! ```
//! Tasks belong to processes. Killing a process drops its futures where they stand, as SIGKILL would.

mod queue;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use jiff::{SignedDuration, Timestamp};
pub use queue::{Queue, oneshot};

use crate::random::Random;

/// Polls at one and the same moment after which a task is said to spin.
const MOST_POLLS_AT_ONCE: u32 = 100_000;

/// Polls of one executor after which a run is said to be too busy: a quiet one needs a hundredth of them.
const MOST_POLLS: u64 = 3_000_000;

/// The executor. Clones are the same one.
#[derive(Clone)]
pub struct Executor(Rc<Shared>);

/// What is killed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Process(pub u32);

/// Why a run came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paused {
    /// The given condition holds.
    Reached,
    /// The given time has come.
    Deadline,
    /// Nothing is left that could ever happen.
    Idle,
    /// The clock does not move: some tasks wake each other for ever.
    Spinning,
    /// The clock moves, but far too much happens.
    TooBusy,
}

type Task = Pin<Box<dyn Future<Output = ()>>>;

struct Shared {
    now: Cell<Timestamp>,
    next_task: Cell<u64>,
    next_timer: Cell<u64>,
    polls: Cell<u64>,
    tasks: RefCell<BTreeMap<u64, (Process, Option<Task>)>>,
    ready: Arc<Ready>,
    timers: RefCell<BTreeMap<(Timestamp, u64), Waker>>,
    order: Random,
}

#[derive(Default)]
struct Ready(Mutex<BTreeSet<u64>>);

struct TaskWaker {
    task: u64,
    ready: Arc<Ready>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.ready.0.lock().unwrap_or_else(PoisonError::into_inner).insert(self.task);
    }
}

impl Executor {
    /// An executor whose clock stands at `start`.
    pub fn new(start: Timestamp, order: Random) -> Self {
        Self(Rc::new(Shared {
            now: Cell::new(start),
            next_task: Cell::new(0),
            next_timer: Cell::new(0),
            polls: Cell::new(0),
            tasks: RefCell::default(),
            ready: Arc::default(),
            timers: RefCell::default(),
            order,
        }))
    }

    /// The present.
    pub fn now(&self) -> Timestamp {
        self.0.now.get()
    }

    /// The present plus a span.
    pub fn after(&self, span: SignedDuration) -> Timestamp {
        self.now().saturating_add(span).unwrap_or(Timestamp::MAX)
    }

    /// Starts a task.
    pub fn spawn(&self, process: Process, future: impl Future<Output = ()> + 'static) {
        let task = self.0.next_task.replace(self.0.next_task.get() + 1);
        self.0.tasks.borrow_mut().insert(task, (process, Some(Box::pin(future))));
        self.wake(task);
    }

    /// Ends a process at once. A task that is being polled right now ends when its poll returns.
    pub fn kill(&self, process: Process) {
        let dying: Vec<_> = {
            let mut tasks = self.0.tasks.borrow_mut();
            let ids: Vec<u64> =
                tasks.iter().filter(|(_, (owner, _))| *owner == process).map(|(id, _)| *id).collect();
            ids.into_iter().filter_map(|id| tasks.remove(&id)).collect()
        };
        // Outside the borrow: dropping a future may end timers and close queues.
        drop(dying);
    }

    /// Ends everything. Tasks hold executors, and executors their tasks: nobody else would let go of them.
    pub fn end(&self) {
        // Outside the borrow, and again for what a future starts while it is dropped.
        while let Some((_, task)) = self.pop() {
            drop(task);
        }
    }

    fn pop(&self) -> Option<(u64, (Process, Option<Task>))> {
        self.0.tasks.borrow_mut().pop_first()
    }

    /// Returns once the clock has reached `at`.
    pub fn sleep_until(&self, at: Timestamp) -> Sleep {
        Sleep { executor: self.clone(), at, timer: None }
    }

    /// Returns after a span.
    pub fn sleep(&self, span: SignedDuration) -> Sleep {
        self.sleep_until(self.after(span))
    }

    fn wake(&self, task: u64) {
        self.0.ready.0.lock().unwrap_or_else(PoisonError::into_inner).insert(task);
    }

    fn next_ready(&self) -> Option<u64> {
        let mut ready = self.0.ready.0.lock().unwrap_or_else(PoisonError::into_inner);
        let chosen = match ready.len() {
            0 => return None,
            1 => 0,
            several => self.0.order.below(several),
        };
        let task = ready.iter().nth(chosen).copied()?;
        ready.remove(&task);
        Some(task)
    }

    fn poll(&self, id: u64) {
        let Some(mut task) = self.0.tasks.borrow_mut().get_mut(&id).and_then(|(_, task)| task.take()) else {
            return;
        };
        let waker = Waker::from(Arc::new(TaskWaker { task: id, ready: Arc::clone(&self.0.ready) }));
        let poll = task.as_mut().poll(&mut Context::from_waker(&waker));
        let mut tasks = self.0.tasks.borrow_mut();
        if poll.is_ready() {
            tasks.remove(&id);
        } else if let Some((_, place)) = tasks.get_mut(&id) {
            *place = Some(task);
            return;
        }
        drop(tasks);
        drop(task);
    }

    /// Runs until `reached` says so, at the latest until `deadline`.
    pub fn run(&self, deadline: Timestamp, mut reached: impl FnMut() -> bool) -> Paused {
        let mut polls_at_once = 0;
        loop {
            if reached() {
                return Paused::Reached;
            }
            if let Some(task) = self.next_ready() {
                polls_at_once += 1;
                if polls_at_once > MOST_POLLS_AT_ONCE {
                    return Paused::Spinning;
                }
                let polls = self.0.polls.replace(self.0.polls.get() + 1);
                if polls > MOST_POLLS {
                    return Paused::TooBusy;
                }
                self.poll(task);
                continue;
            }
            polls_at_once = 0;
            let Some(next) = self.0.timers.borrow().keys().next().copied() else { return Paused::Idle };
            if next.0 > deadline {
                self.0.now.set(deadline.max(self.now()));
                return Paused::Deadline;
            }
            self.0.now.set(next.0.max(self.now()));
            let waker = self.0.timers.borrow_mut().remove(&next);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

/// A pause. Dropping it takes its timer away.
pub struct Sleep {
    executor: Executor,
    at: Timestamp,
    timer: Option<(Timestamp, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.executor.now() >= self.at {
            return Poll::Ready(());
        }
        let shared = Rc::clone(&self.executor.0);
        let at = self.at;
        let key = *self.timer.get_or_insert_with(|| {
            let number = shared.next_timer.replace(shared.next_timer.get() + 1);
            (at, number)
        });
        shared.timers.borrow_mut().insert(key, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.timer {
            self.executor.0.timers.borrow_mut().remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn executor(seed: u64) -> Executor {
        Executor::new(Timestamp::UNIX_EPOCH, Random::new(seed, "order"))
    }

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_clock_jumps_from_timer_to_timer() {
        let executor = executor(1);
        let seen = Rc::new(RefCell::new(Vec::new()));
        for wait in [30, 10, 20] {
            let (inner, seen) = (executor.clone(), Rc::clone(&seen));
            executor.spawn(Process(0), async move {
                inner.sleep(SignedDuration::from_secs(wait)).await;
                seen.borrow_mut().push(inner.now().as_second());
            });
        }
        assert_eq!(executor.run(second(25), || false), Paused::Deadline);
        assert_eq!((seen.borrow().clone(), executor.now()), (vec![10, 20], second(25)));
        assert_eq!(executor.run(second(99), || false), Paused::Idle);
        assert_eq!(*seen.borrow(), [10, 20, 30]);
    }

    #[test]
    fn the_seed_decides_who_of_the_ready_goes_first() {
        let order = |seed| {
            let executor = executor(seed);
            let seen = Rc::new(RefCell::new(Vec::new()));
            for name in 0..8 {
                let seen = Rc::clone(&seen);
                executor.spawn(Process(0), async move { seen.borrow_mut().push(name) });
            }
            executor.run(second(1), || false);
            seen.take()
        };
        assert_eq!(order(1), order(1));
        assert!((2..20).any(|seed| order(seed) != order(1)));
    }

    #[test]
    fn killing_a_process_drops_its_futures_and_no_others() {
        struct Guard(Rc<Cell<bool>>);
        impl Drop for Guard {
            fn drop(&mut self) {
                self.0.set(true);
            }
        }
        let executor = executor(1);
        let dropped = [Rc::new(Cell::new(false)), Rc::new(Cell::new(false))];
        for (number, flag) in (0..).zip(&dropped) {
            let guard = Guard(Rc::clone(flag));
            let sleeper = executor.clone();
            executor.spawn(Process(number), async move {
                sleeper.sleep(SignedDuration::from_secs(5)).await;
                drop(guard);
            });
        }
        executor.run(second(1), || false);
        executor.kill(Process(0));
        assert_eq!(dropped.each_ref().map(|flag| flag.get()), [true, false]);
        assert_eq!(executor.run(second(9), || false), Paused::Idle);
    }

    #[test]
    fn tasks_that_wake_each_other_for_ever_are_found_out() {
        let executor = executor(1);
        executor.spawn(
            Process(0),
            std::future::poll_fn(|context| {
                context.waker().wake_by_ref();
                Poll::Pending
            }),
        );
        assert_eq!(executor.run(second(1), || false), Paused::Spinning);
    }

    #[test]
    fn a_queue_wakes_its_reader() {
        let executor = executor(1);
        let queue = Queue::default();
        let (reader, seen) = (queue.clone(), Rc::new(Cell::new(0)));
        let inner = Rc::clone(&seen);
        executor.spawn(Process(0), async move { inner.set(reader.next().await) });
        executor.run(second(1), || false);
        queue.push(7);
        executor.run(second(1), || false);
        assert_eq!(seen.get(), 7);
    }
}
