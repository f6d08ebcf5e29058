//! Signals, and a host that is gone.

use std::io;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tracing::{debug, info};

use super::connection::OpenConnections;
use super::stop::Shutdown;

/// How long running work may go on after a signal that ends the server: it needs time to
/// answer with the state that it reached.
const SIGNAL_GRACE: Duration = Duration::from_secs(10);

/// How often to look whether the host is still there: one system call.
const PARENT_INTERVAL: Duration = Duration::from_secs(2);

/// What an interrupt (Ctrl-C) does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interrupt {
    /// Nothing: the terminal sends it to the host too, which then decides and says so by
    /// StopProvider and Shutdown.
    Ignored,
    /// Ends the server.
    Ends,
}

/// Handles signals from now on, for as long as the process lives.
#[cfg(unix)]
pub(super) fn handle(interrupt: Interrupt, shutdown: Shutdown) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut terminations = signal(SignalKind::terminate())?;
    let mut hangups = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupts.recv() => on_interrupt(interrupt, &shutdown),
                _ = terminations.recv() => on_end("SIGTERM", &shutdown),
                _ = hangups.recv() => on_end("SIGHUP", &shutdown),
            }
        }
    });
    Ok(())
}

/// Handles Ctrl-C from now on, for as long as the process lives.
#[cfg(not(unix))]
pub(super) fn handle(interrupt: Interrupt, shutdown: Shutdown) -> io::Result<()> {
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            on_interrupt(interrupt, &shutdown);
        }
    });
    Ok(())
}

fn on_interrupt(interrupt: Interrupt, shutdown: &Shutdown) {
    match interrupt {
        Interrupt::Ignored => debug!("interrupted: left to the host"),
        Interrupt::Ends => on_end("SIGINT", shutdown),
    }
}

fn on_end(signal: &'static str, shutdown: &Shutdown) {
    info!(signal, "ending");
    shutdown.begin(SIGNAL_GRACE);
}

/// Ends the server when the process that started it is gone and no connection is open: a host
/// that was killed asks for nothing and sends no Shutdown.
#[cfg(unix)]
pub(super) fn watch_parent(open: OpenConnections, shutdown: Shutdown) {
    let parent = std::os::unix::process::parent_id();
    tokio::spawn(async move {
        let mut ticks = interval(PARENT_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if std::os::unix::process::parent_id() != parent && open.none() {
                info!("ending: the host is gone");
                return shutdown.begin(Duration::ZERO);
            }
        }
    });
}

/// Windows ends a plugin's process with its host's job.
#[cfg(not(unix))]
pub(super) fn watch_parent(_open: OpenConnections, _shutdown: Shutdown) {}
