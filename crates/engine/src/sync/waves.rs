//! Waves of prunes, and how a record remembers them.
//!
//! Prunes run in the mirrored order of their waves: of the distinct waves in which something is to be
//! pruned, the highest takes the lowest one's place, and so on. The mirror depends on the whole set, and
//! the set shrinks as objects go. So the first record of an attempt notes each prune's wave, and a later
//! plan reads the note instead of mirroring what is left.

use std::collections::BTreeMap;

const NOTE: &str = "waiting to be pruned in wave ";

/// The message of a prune that has not run yet.
pub(super) fn note(wave: i64) -> String {
    format!("{NOTE}{wave}")
}

/// The wave that a note names.
pub(super) fn from_note(message: &str) -> Option<i64> {
    message.strip_prefix(NOTE)?.parse().ok()
}

/// For each distinct wave, the wave that takes its place.
pub(super) fn mirror(waves: impl IntoIterator<Item = i64>) -> BTreeMap<i64, i64> {
    let distinct: std::collections::BTreeSet<i64> = waves.into_iter().collect();
    distinct.iter().copied().zip(distinct.iter().rev().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_wave_is_pruned_first() {
        assert_eq!(mirror([0, 5, 5, -1]), BTreeMap::from([(-1, 5), (0, 0), (5, -1)]));
    }

    #[test]
    fn a_note_gives_back_its_wave() {
        assert_eq!(from_note(&note(-3)), Some(-3));
        assert_eq!(from_note("pruned"), None);
    }
}
