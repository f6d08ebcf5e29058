//! An object that is gone.

use std::time::Duration;

use bridgehead_api::{ObjectKey, Uid};

use super::{Verdict, WaitError, wait_for};
use crate::connect::Connection;
use crate::discovery::Resource;

/// Waits until an object is gone. With `uid`, one of the same name that came after it does not count.
/// What blocks the deletion, as far as the object says so, is part of the error.
pub async fn gone(
    connection: &Connection,
    resource: &Resource,
    key: &ObjectKey,
    uid: Option<&Uid>,
    within: Duration,
) -> Result<(), WaitError> {
    wait_for(connection, resource, key, within, format!("{key} to be gone"), |live| {
        let Some(live) = live else { return Verdict::Done(()) };
        if uid.is_some_and(|uid| *uid != live.uid) {
            return Verdict::Done(());
        }
        let finalizers: Vec<&str> = live.finalizers().collect();
        Verdict::NotYet(match (live.is_terminating(), finalizers.is_empty()) {
            (false, _) => "it is there, and nobody has deleted it".to_owned(),
            (true, true) => "it is being deleted".to_owned(),
            (true, false) => {
                format!(
                    "it is being deleted and waits for {}: {}",
                    plural(finalizers.len()),
                    finalizers.join(", ")
                )
            }
        })
    })
    .await
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "its finalizer" } else { "its finalizers" }
}
