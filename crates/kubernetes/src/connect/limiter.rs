//! How many requests go at once: as many as the server takes, found out by asking.
//!
//! Additive increase, multiplicative decrease. The limit grows by one for every `limit` answers that
//! came while all places were taken, and halves when the server says 429 or doesn't answer in time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// One overload answers many requests at once; it counts once.
const PAUSE_BETWEEN_DECREASES: Duration = Duration::from_secs(1);
const LEAST: usize = 1;
const MOST: usize = 64;

/// Places for requests to one API server.
#[derive(Clone, Debug)]
pub struct Limiter(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    places: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    limit: usize,
    /// Places still to be taken away, from permits that are out.
    owed: usize,
    /// Good answers since the last increase.
    credit: usize,
    decreased: Option<Instant>,
}

/// What a limiter looks like at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimiterState {
    /// Requests that may go at once.
    pub limit: usize,
    /// Places that are free.
    pub free: usize,
}

/// One place. Give it back with [`Permit::succeeded`] or [`Permit::overloaded`]; dropping it says
/// nothing about the server.
#[derive(Debug)]
pub struct Permit {
    inner: Arc<Inner>,
    place: Option<OwnedSemaphorePermit>,
}

impl Limiter {
    /// `start` requests at once to begin with, between 1 and 64.
    pub fn new(start: usize) -> Self {
        let limit = start.clamp(LEAST, MOST);
        Self(Arc::new(Inner {
            places: Arc::new(Semaphore::new(limit)),
            state: Mutex::new(State { limit, owed: 0, credit: 0, decreased: None }),
        }))
    }

    /// Waits for a place.
    pub async fn acquire(&self) -> Permit {
        // The semaphore is never closed; without a place the request would simply not be counted.
        let place = Arc::clone(&self.0.places).acquire_owned().await.ok();
        Permit { inner: Arc::clone(&self.0), place }
    }

    /// For metrics.
    pub fn state(&self) -> LimiterState {
        LimiterState { limit: self.0.lock().limit, free: self.0.places.available_permits() }
    }
}

impl Inner {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// The server answered and was not overloaded.
    pub fn succeeded(self) {
        let mut state = self.inner.lock();
        if self.inner.places.available_permits() > 0 {
            return; // Nobody waits: more places would change nothing.
        }
        state.credit += 1;
        if state.credit >= state.limit && state.limit < MOST {
            state.credit = 0;
            state.limit += 1;
            if state.owed > 0 {
                state.owed -= 1;
            } else {
                self.inner.places.add_permits(1);
            }
        }
    }

    /// The server said that it has too much to do, or didn't answer in time.
    pub fn overloaded(self) {
        let mut state = self.inner.lock();
        state.credit = 0;
        if state.decreased.is_some_and(|last| last.elapsed() < PAUSE_BETWEEN_DECREASES) {
            return;
        }
        state.decreased = Some(Instant::now());
        let limit = (state.limit / 2).max(LEAST);
        let fewer = state.limit - limit;
        state.limit = limit;
        let taken = self.inner.places.forget_permits(fewer);
        state.owed += fewer - taken;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Some(place) = self.place.take() else { return };
        let mut state = self.inner.lock();
        if state.owed > 0 {
            state.owed -= 1;
            place.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_limit_halves_once_for_one_overload() {
        let limiter = Limiter::new(16);
        let permits: Vec<Permit> = futures::future::join_all((0..16).map(|_| limiter.acquire())).await;
        for permit in permits {
            permit.overloaded();
        }
        assert_eq!(limiter.state(), LimiterState { limit: 8, free: 8 });
    }

    #[tokio::test]
    async fn the_limit_grows_only_while_all_places_are_taken() {
        let limiter = Limiter::new(2);
        for _ in 0..10 {
            limiter.acquire().await.succeeded();
        }
        assert_eq!(limiter.state().limit, 2);
        for _ in 0..2 {
            let (first, second) = (limiter.acquire().await, limiter.acquire().await);
            first.succeeded();
            drop(second);
        }
        assert_eq!(limiter.state(), LimiterState { limit: 3, free: 3 });
    }

    #[tokio::test]
    async fn the_limit_never_falls_below_one() {
        let limiter = Limiter::new(1);
        limiter.acquire().await.overloaded();
        assert_eq!(limiter.state(), LimiterState { limit: 1, free: 1 });
    }
}
