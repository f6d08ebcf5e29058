//! Ctrl-C, and the other signals that end a program.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use bridgehead_test_harness::end;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

/// A signal ends this process at once, and what it has started ends with it; unless there is
/// something to be taken down first.
#[derive(Clone, Default)]
pub(crate) struct Interrupt(Arc<State>);

#[derive(Default)]
struct State {
    orderly: AtomicBool,
    heard: Notify,
}

impl Interrupt {
    /// Listens from now on, also where the one who started this process ignored signals.
    pub(crate) fn listen() -> Result<Self> {
        let interrupt = Self::default();
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        for kind in kinds {
            let signals = signal(kind).context("failed to listen for signals")?;
            tokio::spawn(interrupt.clone().answer(signals, 128 + kind.as_raw_value()));
        }
        Ok(interrupt)
    }

    async fn answer(self, mut signals: Signal, code: i32) {
        while signals.recv().await.is_some() {
            if !self.0.orderly.swap(false, Ordering::SeqCst) {
                end(code);
            }
            // Nobody may be there to read it: the terminal is gone.
            let _ = writeln!(
                std::io::stderr(),
                "\nInterrupted: what was made in your cluster is taken down. Once more leaves it as it is."
            );
            self.0.heard.notify_one();
        }
    }

    /// From now on the first signal is left to [`Self::heard`]; the second ends the process.
    pub(super) fn be_orderly(&self) {
        self.0.orderly.store(true, Ordering::SeqCst);
    }

    /// Returns when a signal has come after [`Self::be_orderly`].
    pub(super) async fn heard(&self) {
        self.0.heard.notified().await;
    }
}
