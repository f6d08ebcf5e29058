//! What reading may cost, all files of a render together.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Memory of a value in its list or map.
pub(super) const VALUE: usize = size_of::<serde_json::Value>();
/// Memory of a map beside its values: a node of the tree has room for eleven, however few there are.
pub(super) const MAP: usize = 11 * (size_of::<String>() + VALUE);
/// Who has taken this much waits for the others that have.
const LARGE: usize = 16 << 20;
/// Amounts between two questions whether to go on.
const PACE: u32 = 1024;

/// Memory that is left, and whether anybody still waits for the result.
pub(crate) struct Spending<'s> {
    bound: usize,
    spent: usize,
    goes_on: &'s dyn Fn() -> bool,
    until_asked: u32,
    stopped: bool,
    turn: Option<&'s Mutex<()>>,
    taken: Option<MutexGuard<'s, ()>>,
}

impl<'s> Spending<'s> {
    /// So many bytes, for as long as `goes_on` says so. Of all who share `turn`, one at a time takes much.
    pub(crate) fn new(bound: usize, goes_on: &'s dyn Fn() -> bool, turn: &'s Mutex<()>) -> Self {
        Self { goes_on, turn: Some(turn), ..Self::alone(bound) }
    }

    /// So many bytes, for somebody who has nobody beside himself.
    pub(crate) fn alone(bound: usize) -> Self {
        Self {
            bound,
            spent: 0,
            goes_on: &|| true,
            until_asked: PACE,
            stopped: false,
            turn: None,
            taken: None,
        }
    }

    /// What was taken so far.
    pub(crate) fn spent(&self) -> usize {
        self.spent
    }

    /// Gives back what was taken since `spent` was this: it was thrown away.
    pub(crate) fn give_back_to(&mut self, spent: usize) {
        self.spent = spent;
    }

    /// True if more was wanted than there is. Nothing can be taken any more.
    pub(crate) fn is_over(&self) -> bool {
        self.stopped
    }

    /// Takes, or says why not.
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), String> {
        self.spent = self.spent.saturating_add(bytes);
        if self.spent > self.bound {
            self.stopped = true;
        }
        self.until_asked = self.until_asked.saturating_sub(1);
        if self.until_asked == 0 {
            self.until_asked = PACE;
            self.stopped |= !(self.goes_on)();
        }
        if self.stopped {
            return Err(format!(
                "the documents take more than {} bytes of memory, aliases written out",
                self.bound
            ));
        }
        if self.spent > LARGE && self.taken.is_none() {
            self.taken = self.turn.map(|turn| turn.lock().unwrap_or_else(PoisonError::into_inner));
        }
        Ok(())
    }
}

/// Memory that a text takes as JSON values, at most, without reading it as such.
pub(super) fn weight_of_json(text: &str) -> usize {
    let mut weight = text.len().saturating_add(VALUE);
    let (mut in_text, mut escaped) = (false, false);
    for byte in text.bytes() {
        if in_text {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_text = false,
                _ => {}
            }
            continue;
        }
        let more = match byte {
            b'"' => {
                in_text = true;
                0
            }
            b'{' => VALUE + MAP,
            b'[' => VALUE,
            b',' => VALUE + size_of::<String>(),
            _ => 0,
        };
        weight = weight.saturating_add(more);
    }
    weight
}
