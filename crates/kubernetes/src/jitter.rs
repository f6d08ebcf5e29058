//! Chance at the edge, so that many clients don't ask in step.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// A number from 0 (included) to 1 (excluded).
pub(crate) fn fraction() -> f64 {
    // Each RandomState has keys of its own.
    let bits = RandomState::new().hash_one(0_u8) >> 11;
    // 53 bits fit a double exactly.
    #[allow(clippy::cast_precision_loss)]
    let fraction = bits as f64 / (1_u64 << 53) as f64;
    fraction
}

/// `time`, up to `share` of it longer.
pub(crate) fn spread(time: Duration, share: f64) -> Duration {
    time.mul_f64(1.0 + share * fraction())
}
