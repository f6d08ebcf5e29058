//! Real clusters, Git servers and binaries for tests and the demo.
//!
//! ```no_run
//! use bridgehead_test_harness::{namespace, test_cluster};
//!
//! #[tokio::test]
//! async fn something_holds() -> anyhow::Result<()> {
//!     let cluster = test_cluster(); // one per test binary, up in seconds, ends with it
//!     let client = cluster.client().await?; // an administrator's
//!     let namespace = namespace(&client, "something").await?; // one per test
//!     // cluster.kubeconfig() is a path for programs
//!     Ok(())
//! }
//! ```
//!
//! - A cluster of one's own, for API server restarts and flags: [`Cluster::start`].
//! - What a Pod's ServiceAccount may do: [`Cluster::service_account`].
//! - Who asked the API server what: [`Cluster::audit_log`] and [`audit::count`].
//! - Git over HTTP, HTTPS and SSH, with faults on demand: [`git::GitServer`], [`git::GitSshServer`].
//! - An API server that asks before it accepts: [`webhook::AdmissionWebhook`].
//! - This workspace's binaries: [`binary`].
//! - Waiting: [`wait_for`], [`wait_for_object`]; they say what they saw last.
//! - Children that end with the test, however it ends: [`Process`].
//! - A real Terraform with the provider installed: [`terraform::Terraform`].
//! - Programs that are built once per machine: [`tools::ensure`].
//!
//! By hand: `cargo xtask cluster up --name N [--audit-log]` prints the path of a kubeconfig;
//! `cargo xtask cluster list` and `down --name N`.
//!
//! Pods do what the annotation `test.bridgehead/pod` says (`unready`, `running`, `failed`,
//! `pending`); without it they are ready at once, and those of Jobs succeed at once.
//!
//! `BRIDGEHEAD_KEEP_CLUSTERS=1` keeps the folders of clusters with their logs, until a later start
//! without it.

pub mod agent;
pub mod audit;
mod binaries;
pub mod cache;
mod certificates;
mod cluster;
pub mod git;
mod http_server;
mod ports;
mod process;
mod scratch;
pub mod terraform;
pub mod tools;
mod wait;
mod watchdog;
pub mod webhook;

pub use binaries::{binary, workspace};
pub use cluster::{
    Cluster, Detached, Options, SERVICE_RANGE, ServiceAccountAccess, Status, client, down, list, namespace,
    supervise, test_cluster, up,
};
pub use process::{Process, ProcessIdentity, ended_by, tail};
pub use scratch::Scratch;
pub use wait::{Probe, deadline, wait_for, wait_for_every, wait_for_object};
pub use watchdog::end;

/// Runs a future to its end from anywhere, inside of a runtime or not.
pub(crate) fn block_on<T: Send>(future: impl AsyncFnOnce() -> anyhow::Result<T> + Send) -> anyhow::Result<T> {
    use anyhow::Context;
    // A runtime cannot block on another one in the same thread.
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .context("failed to start a runtime")?
                .block_on(future())
        });
        match thread.join() {
            Ok(outcome) => outcome,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
