//! How long operations may take.

use std::time::Duration;

use tfplug::prelude::{Span, Timeouts};

const WRITE: Duration = Duration::from_mins(5);
const DELETE: Duration = Duration::from_mins(10);

fn chosen(span: Option<&Span>, usual: Duration) -> Duration {
    span.map_or(usual, Span::duration)
}

/// Of a create: five minutes unless the user says otherwise.
pub(crate) fn create_timeout(timeouts: Option<&Timeouts>) -> Duration {
    chosen(timeouts.and_then(|timeouts| timeouts.create.as_ref()), WRITE)
}

/// Of an update: five minutes unless the user says otherwise.
pub(crate) fn update_timeout(timeouts: Option<&Timeouts>) -> Duration {
    chosen(timeouts.and_then(|timeouts| timeouts.update.as_ref()), WRITE)
}

/// Of a delete: ten minutes unless the user says otherwise.
pub(crate) fn delete_timeout(timeouts: Option<&Timeouts>) -> Duration {
    chosen(timeouts.and_then(|timeouts| timeouts.delete.as_ref()), DELETE)
}
