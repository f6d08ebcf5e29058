//! How tasks hand each other values.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// Values in the order in which they were pushed. Clones are the same queue.
pub struct Queue<T>(Rc<RefCell<Inner<T>>>);

struct Inner<T> {
    values: VecDeque<T>,
    waiting: Vec<Waker>,
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self(Rc::new(RefCell::new(Inner { values: VecDeque::new(), waiting: Vec::new() })))
    }
}

impl<T> Queue<T> {
    /// Adds a value.
    pub fn push(&self, value: T) {
        let waiting = {
            let mut inner = self.0.borrow_mut();
            inner.values.push_back(value);
            std::mem::take(&mut inner.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Takes the first value, if there is one.
    pub fn try_next(&self) -> Option<T> {
        self.0.borrow_mut().values.pop_front()
    }

    /// Takes the first value, as soon as there is one. Cancelling loses none.
    pub async fn next(&self) -> T {
        poll_fn(|context| {
            let mut inner = self.0.borrow_mut();
            match inner.values.pop_front() {
                Some(value) => Poll::Ready(value),
                None => {
                    if !inner.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                        inner.waiting.push(context.waker().clone());
                    }
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// How many values wait.
    pub fn len(&self) -> usize {
        self.0.borrow().values.len()
    }

    /// True if none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A place for one value: the sender's end, and a future that yields the value.
pub fn oneshot<T>() -> (impl FnOnce(T), impl Future<Output = T>) {
    let queue = Queue::default();
    let sender = queue.clone();
    (move |value| sender.push(value), async move { queue.next().await })
}
