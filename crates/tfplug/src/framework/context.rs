//! What an operation is given beside the model.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use super::private::Private;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::Model;
use crate::stage::Partial;
use crate::value::Value;

/// What an operation is given beside the model: the provider's client, the user's wish to stop, and
/// places for warnings, private data and an object half made.
pub struct Context<C> {
    client: Option<Arc<C>>,
    stop: CancellationToken,
    notes: Mutex<Notes>,
}

/// What an operation leaves behind beside its result.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) warnings: Diagnostics,
    pub(crate) private: Private,
    pub(crate) exists: Option<(Value, IfItFails)>,
}

/// What becomes of an object whose create fails after it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfItFails {
    /// It stays, and the next apply goes on with an update. Terraform destroys every object whose create
    /// returned an error before it goes on, so the errors are told as warnings, and the apply succeeds.
    Finish,
    /// Terraform's way: the apply fails, and the next one destroys the object and makes it anew.
    Recreate,
}

/// The user has asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operation was interrupted")]
pub struct Interrupted;

impl<C> Context<C> {
    pub(crate) fn new(client: Option<Arc<C>>, stop: CancellationToken, private: Private) -> Context<C> {
        let notes = Notes { private, ..Notes::default() };
        Context { client, stop, notes: Mutex::new(notes) }
    }

    pub(crate) fn notes(&self) -> MutexGuard<'_, Notes> {
        // A panic elsewhere leaves the notes whole: each change is one assignment.
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the provider made of its configuration. An error where there is none: while Terraform only
    /// validates.
    pub fn client(&self) -> Result<&C, Diagnostics> {
        self.client.as_deref().ok_or_else(|| {
            Diagnostic::error("The provider is not configured")
                .detail("This operation needs the provider's configuration, and Terraform has not given it.")
                .into()
        })
    }

    /// Tells the user something that is not an error. What is meant as an error is told as a warning.
    pub fn warn(&self, mut warning: Diagnostic) {
        warning.severity = crate::diagnostic::Severity::Warning;
        self.notes().warnings.push(warning);
    }

    /// Cancelled when the user presses Ctrl-C. Long work then ends soon and returns an error; what it
    /// has reached is told by [`Context::exists`] before.
    pub fn stop_token(&self) -> &CancellationToken {
        &self.stop
    }

    /// Waits for `work`, but not beyond the user's wish to stop; it is dropped then. For waits: work
    /// that makes something is better not dropped midway.
    pub async fn interruptible<T>(&self, work: impl Future<Output = T>) -> Result<T, Interrupted> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Interrupted),
            done = work => Ok(done),
        }
    }

    /// Says, in a create or update, that the object exists in this form: if the operation fails, is
    /// interrupted or panics from here on, this is what the state has. Without it a create that fails
    /// leaves nothing in the state, and an update the prior state.
    ///
    /// May be called again as the object grows; the last one counts.
    pub fn exists<M: Model<Stage = Partial>>(&self, state: &M, if_it_fails: IfItFails) {
        self.notes().exists = Some((state.to_value(), if_it_fails));
    }

    /// Whether [`Context::exists`] was called in this operation.
    pub fn is_known_to_exist(&self) -> bool {
        self.notes().exists.is_some()
    }

    /// Keeps something with the object that is not part of its schema. Replaces what has the same key.
    pub fn remember(&self, key: &str, value: &impl Serialize) -> Result<(), Diagnostics> {
        let value = serde_json::to_value(value)?;
        self.notes().private.set(key, value);
        Ok(())
    }

    /// What was kept under the key, if it still reads as a `T`.
    pub fn recall<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let value = self.notes().private.get(key)?.clone();
        serde_json::from_value(value).ok()
    }

    /// Forgets what was kept under the key.
    pub fn forget(&self, key: &str) {
        self.notes().private.remove(key);
    }

    /// In a delete: whether the object goes because another is made in its place in the same apply. Not told
    /// where the successor was made before (`create_before_destroy`): then it is there already.
    pub fn is_replaced(&self) -> bool {
        self.notes().private.is_replaced()
    }

    /// In a delete of an object that is replaced: what [`Resource::plan`](super::Resource::plan) remembered
    /// for its successor.
    pub fn recall_of_successor<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let value = self.notes().private.get_of_successor(key)?.clone();
        serde_json::from_value(value).ok()
    }

    /// Says, in a read, that the object is not as it was left, in a way that no attribute shows: the next plan is an
    /// update, though nothing else may differ.
    pub fn needs_update(&self) {
        self.notes().private.set_unfinished(true);
    }

    /// Whether an earlier create or update of this object did not come to its end.
    pub fn is_unfinished(&self) -> bool {
        self.notes().private.is_unfinished()
    }
}
