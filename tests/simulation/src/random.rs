//! Choices that a seed decides.

use std::cell::RefCell;
use std::rc::Rc;

use jiff::SignedDuration;
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};

/// A stream of choices. Clones share the stream; streams of one seed with different names are independent,
/// so that one more choice in one place does not change every other place.
#[derive(Clone, Debug)]
pub struct Random(Rc<RefCell<ChaCha8Rng>>);

impl Random {
    /// The stream `name` of a seed.
    pub fn new(seed: u64, name: &str) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let stream = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        random.set_stream(stream);
        Self(Rc::new(RefCell::new(random)))
    }

    /// Any number.
    pub fn number(&self) -> u64 {
        self.0.borrow_mut().next_u64()
    }

    /// A number below `bound`; 0 if there is none.
    pub fn below(&self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX);
        if bound == 0 { 0 } else { usize::try_from(self.number() % bound).unwrap_or(0) }
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&self, low: i64, high: i64) -> i64 {
        let span = high.saturating_sub(low).saturating_add(1).max(1).unsigned_abs();
        low.saturating_add(i64::try_from(self.number() % span).unwrap_or(0))
    }

    /// True in `per_mille` of a thousand cases.
    pub fn chance(&self, per_mille: u32) -> bool {
        self.number() % 1000 < u64::from(per_mille)
    }

    /// One of these.
    pub fn pick<'i, T>(&self, items: &'i [T]) -> Option<&'i T> {
        items.get(self.below(items.len()))
    }

    /// A time span between two, in milliseconds.
    pub fn milliseconds(&self, low: i64, high: i64) -> SignedDuration {
        SignedDuration::from_millis(self.between(low, high))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_and_a_name_decide_the_stream() {
        let numbers = |seed, name| {
            let random = Random::new(seed, name);
            [random.number(), random.number()]
        };
        assert_eq!(numbers(1, "faults"), numbers(1, "faults"));
        assert_ne!(numbers(1, "faults"), numbers(1, "order"));
        assert_ne!(numbers(1, "faults"), numbers(2, "faults"));
    }
}
