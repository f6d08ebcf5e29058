//! What is known of a value that is not known.

use super::Number;

/// What is known of an unknown value. Mostly nothing.
///
/// A refinement that a provider puts into a plan binds it at apply: Terraform refuses a value outside.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Refinement {
    bounds: Option<Box<Bounds>>,
}

/// The bounds of an unknown value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bounds {
    /// It won't be null.
    pub not_null: bool,
    /// The string will begin with this (at most 256 bytes).
    pub prefix: Option<String>,
    /// The number won't be below this; true: it may be equal.
    pub lower: Option<(Number, bool)>,
    /// The number won't be above this; true: it may be equal.
    pub upper: Option<(Number, bool)>,
    /// The collection will have at least so many elements.
    pub shortest: Option<u64>,
    /// The collection will have at most so many elements.
    pub longest: Option<u64>,
}

impl Refinement {
    /// A refinement with these bounds; bounds that say nothing are no refinement.
    pub fn new(bounds: Bounds) -> Refinement {
        let bounds = (bounds != Bounds::default()).then(|| Box::new(bounds));
        Refinement { bounds }
    }

    /// That the value won't be null, and no more.
    pub fn not_null() -> Refinement {
        Refinement::new(Bounds { not_null: true, ..Bounds::default() })
    }

    /// The bounds, if there are any.
    pub fn bounds(&self) -> Option<&Bounds> {
        self.bounds.as_deref()
    }
}
