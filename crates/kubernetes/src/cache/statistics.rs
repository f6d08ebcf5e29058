//! How much the cache keeps.

use bridgehead_api::GroupKind;

use super::kind::KindCache;

/// Of all kinds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Objects that are kept.
    pub held: usize,
    /// Bytes that they take.
    pub held_bytes: usize,
    /// Objects of which only 64 bits are kept.
    pub foreign: usize,
    /// Bytes that these take.
    pub foreign_bytes: usize,
    /// Kind by kind, ordered.
    pub kinds: Vec<KindStatistics>,
}

/// Of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindStatistics {
    /// Which.
    pub kind: GroupKind,
    /// Objects that are kept.
    pub held: usize,
    /// Bytes that they take.
    pub held_bytes: usize,
    /// Objects of which only 64 bits are kept.
    pub foreign: usize,
    /// Bytes that these take.
    pub foreign_bytes: usize,
}

pub(super) fn of<'c>(kinds: impl Iterator<Item = (&'c GroupKind, &'c KindCache)>) -> Statistics {
    let mut all = Statistics::default();
    for (name, kind) in kinds {
        let one = KindStatistics {
            kind: name.clone(),
            held: kind.held().count(),
            held_bytes: kind.held().map(super::Held::size).sum(),
            foreign: kind.foreign_count(),
            foreign_bytes: kind.foreign_size(),
        };
        all.held += one.held;
        all.held_bytes += one.held_bytes;
        all.foreign += one.foreign;
        all.foreign_bytes += one.foreign_bytes;
        all.kinds.push(one);
    }
    all.kinds.sort_by(|left, right| left.kind.cmp(&right.kind));
    all
}
