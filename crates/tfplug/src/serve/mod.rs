//! Serving a provider to Terraform or OpenTofu.
//!
//! ```text
//! cookie ─ listen ─ certificate ─ handshake line ─ connections ─ RPCs ─ Shutdown ─ exit
//! ```
//!
//! The host starts the provider's binary with a few environment variables ([`Environment`]).
//! The binary listens on a socket that only its user can reach, prints one line that says where
//! ([`HandshakeLine`]), and from then on speaks gRPC under mutual TLS: only the host that started
//! it can connect, and only to it. Logs go to standard error in the host's own form ([`hclog`]).
//!
//! [`run`] is all that `main` needs:
//!
//! ```no_run
//! use std::process::ExitCode;
//! use tfplug::proto::tfplugin6::provider_server::Provider;
//! use tfplug::serve::{Options, run};
//!
//! /// All that `main` has to do, once there is a provider.
//! fn start(provider: impl Provider) -> ExitCode {
//!     let address = "registry.terraform.io/example/thing";
//!     run(provider, Options::from_arguments(address, std::env::args()))
//! }
//! ```
//!
//! # What a provider can rely on
//!
//! - Standard output is out of reach: what anything prints goes to standard error.
//! - A panic in an RPC fails that RPC with a message that names it. The process and other RPCs go on.
//! - [`stop_token`] of a request is cancelled when the user presses Ctrl-C. The server goes on, so
//!   that the state reached can be returned. Ctrl-C itself is the host's matter and does nothing.
//! - Messages of up to 256 MiB in both directions.
//! - When the host is done, or gone, the process ends, and its socket is removed.

mod connection;
mod handshake;
pub mod hclog;
mod listener;
mod reattach;
mod rpc;
mod services;
mod signals;
mod stdout;
mod stop;
mod tls;

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use thiserror::Error;
use tokio_rustls::TlsAcceptor;
use tonic::transport::Server;
use tracing::level_filters::LevelFilter;
use tracing::{debug, error, warn};

pub use handshake::{Environment, HandshakeLine, MAGIC_COOKIE_KEY, MAGIC_COOKIE_VALUE, PROTOCOL_VERSION};
pub use listener::{Address, ListenError, Transport};
pub use reattach::reattach_json;
pub use stop::stop_token;
pub use tls::TlsError;

use crate::proto::tfplugin6::provider_server::Provider;
use connection::OpenConnections;
use listener::Listener;
use signals::Interrupt;
use stdout::Stdout;
use stop::{Shutdown, Stop};
use tls::MutualTls;

/// Receive windows of HTTP/2, per stream and connection. A schema or a large state then takes
/// few round trips; the default of 64 KiB makes it hundreds.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;

/// How long the runtime may take to end after serving: blocking work may still run.
const RUNTIME_GRACE: Duration = Duration::from_millis(100);

/// Who starts the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Terraform does, and ends it.
    #[default]
    Host,
    /// A person does, under a debugger perhaps: the server prints how to attach Terraform to it
    /// (`TF_REATTACH_PROVIDERS`), speaks without TLS, and ends with Ctrl-C.
    Reattach,
}

/// What the process's log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Logs {
    /// Tracing events in the host's form on standard error (readable ones in
    /// [`Mode::Reattach`]), at the level that the user asked for, and panics among them.
    #[default]
    Installed,
    /// Whatever the program has set up itself.
    Untouched,
}

/// How to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The provider's full address, such as `registry.terraform.io/example/thing`.
    pub address: String,
    /// Who starts the process.
    pub mode: Mode,
    /// How the host reaches it.
    pub transport: Transport,
    /// What the process's log is.
    pub logs: Logs,
}

impl Options {
    /// Serving to Terraform, the usual way.
    pub fn new(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            mode: Mode::default(),
            transport: Transport::default(),
            logs: Logs::default(),
        }
    }

    /// As [`Options::new`]; with `--debug` or `-debug` among the arguments, in
    /// [`Mode::Reattach`]. Terraform itself gives no arguments.
    pub fn from_arguments(address: impl Into<String>, arguments: impl IntoIterator<Item = String>) -> Self {
        let debug = arguments.into_iter().any(|argument| argument == "--debug" || argument == "-debug");
        Self { mode: if debug { Mode::Reattach } else { Mode::Host }, ..Self::new(address) }
    }
}

/// Why serving failed.
#[derive(Debug, Error)]
pub enum ServeError {
    /// No address to listen on.
    #[error("failed to find an address to listen on")]
    Listen(#[from] ListenError),
    /// No TLS.
    #[error("failed to set up TLS with the host")]
    Tls(#[from] TlsError),
    /// Standard output can't be used.
    #[error("failed to tell the host the server's address on standard output")]
    Stdout(#[source] io::Error),
    /// Signals can't be handled.
    #[error("failed to handle signals")]
    Signals(#[source] io::Error),
    /// The server broke.
    #[error("failed to serve")]
    Server(#[from] tonic::transport::Error),
    /// There is no runtime.
    #[error("failed to start the async runtime")]
    Runtime(#[source] io::Error),
}

/// Serves `provider` until the host is done: the whole of a provider's `main`.
///
/// Brings its own runtime, prints what goes wrong to standard error, and doesn't wait for
/// blocking work that nobody needs any more.
pub fn run<P: Provider>(provider: P, options: Options) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&ServeError::Runtime(error)),
    };
    let served = runtime.block_on(serve(provider, options));
    runtime.shutdown_timeout(RUNTIME_GRACE);
    served.unwrap_or_else(|error| fail(&error))
}

fn fail(error: &ServeError) -> ExitCode {
    error!(error = error as &dyn std::error::Error, "provider failed");
    let mut text = format!("Error: {error}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    say(&text);
    ExitCode::FAILURE
}

/// Prints to standard error. When that is gone, nobody listens.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Serves `provider` until the host is done. Needs a tokio runtime with I/O and time.
///
/// Takes over standard output, the signals SIGINT, SIGTERM and SIGHUP and, unless
/// [`Options::logs`] says otherwise, log and panic hook: it is the last thing that a process does.
///
/// Returns code 1 when no host started the process, after telling the person who did.
pub async fn serve<P: Provider>(provider: P, options: Options) -> Result<ExitCode, ServeError> {
    let environment = Environment::of_process();
    if options.mode == Mode::Host && !environment.started_by_host {
        say(&by_hand(&options.address));
        return Ok(ExitCode::FAILURE);
    }
    if options.logs == Logs::Installed {
        install_logs(&options);
    }
    let shutdown = Shutdown::default();
    let stop = Stop::default();
    let open = OpenConnections::default();

    let mut tls = None;
    let listener = Listener::bind(options.transport, &environment).await?;
    let address = listener.address();
    match options.mode {
        Mode::Host => {
            let mut stdout = Stdout::claim().map_err(ServeError::Stdout)?;
            signals::handle(Interrupt::Ignored, shutdown.clone()).map_err(ServeError::Signals)?;
            tls = environment.client_certificate.as_deref().map(MutualTls::with_client).transpose()?;
            greet(&mut stdout, &environment, &address, tls.as_ref())?;
            signals::watch_parent(open.clone(), shutdown.clone());
        }
        Mode::Reattach => {
            signals::handle(Interrupt::Ends, shutdown.clone()).map_err(ServeError::Signals)?;
            reattach::announce(&options.address, &address).map_err(ServeError::Stdout)?;
        }
    }

    let acceptor = tls.map(|tls| TlsAcceptor::from(tls.config));
    let connections = connection::accept(listener, acceptor, open, shutdown.token().clone());
    let rpcs = rpc::Rpcs::new(provider, stop.clone(), shutdown.clone(), &options.address);
    let server = Server::builder()
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .serve_with_incoming_shutdown(rpcs, connections, async {
            shutdown.token().cancelled().await;
            stop.stop();
        });
    tokio::select! {
        served = server => served?,
        ended = shutdown.work_ended() => if !ended {
            warn!("ended before all work did");
        },
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the handshake line.
fn greet(
    stdout: &mut Stdout,
    environment: &Environment,
    address: &Address,
    tls: Option<&MutualTls>,
) -> Result<(), ServeError> {
    if !environment.has_common_version() {
        warn!(host = ?environment.protocol_versions, "the host speaks no version that this provider speaks");
    }
    let line = HandshakeLine {
        address,
        certificate: tls.map(|tls| &tls.certificate),
        answer_multiplexing: environment.multiplexing_asked,
    };
    debug!(network = address.network(), %address, tls = tls.is_some(), "listening");
    stdout.print_line(&line.to_string()).map_err(ServeError::Stdout)
}

fn install_logs(options: &Options) {
    let level = hclog::host_level(&options.address, |key| std::env::var(key).ok());
    match options.mode {
        // A host that wasn't asked for logs throws them away.
        Mode::Host => hclog::install(level.unwrap_or(LevelFilter::WARN)),
        Mode::Reattach => hclog::install_readable(level.unwrap_or(LevelFilter::INFO)),
    }
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        let backtrace = std::backtrace::Backtrace::capture();
        error!(
            location = location.unwrap_or_default(),
            backtrace = %backtrace,
            "panic: {}",
            panic.payload_as_str().unwrap_or("no message"),
        );
    }));
}

/// What a person reads who started the provider by hand.
fn by_hand(address: &str) -> String {
    format!(
        "This program is the Terraform provider {address}. Terraform and OpenTofu start it \
         themselves:\nname it under required_providers and run `terraform init`.\n\n\
         To attach Terraform to a provider that you start yourself, for debugging, \
         start it with --debug."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_among_the_arguments_means_reattach() {
        let mode = |arguments: &[&str]| {
            let arguments = arguments.iter().map(|argument| (*argument).to_owned());
            Options::from_arguments("a/b/c", arguments).mode
        };
        assert_eq!(mode(&["provider"]), Mode::Host);
        assert_eq!(mode(&["provider", "--debug"]), Mode::Reattach);
        assert_eq!(mode(&["provider", "-debug"]), Mode::Reattach);
    }
}
