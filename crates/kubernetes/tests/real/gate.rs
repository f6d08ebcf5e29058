//! A way to the API server that can be closed and opened.

use std::sync::Arc;

use anyhow::Result;
use bridgehead_kubernetes::{Connection, ConnectionSettings, connect};
use bridgehead_test_harness::Cluster;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes connections on to a port while it is open. Closing breaks those that there are.
pub(crate) struct Gate {
    pub(crate) port: u16,
    is_open: Arc<watch::Sender<bool>>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Gate {
    pub(crate) async fn to(port: u16) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let own_port = listener.local_addr()?.port();
        let is_open = Arc::new(watch::Sender::new(true));
        let state = Arc::clone(&is_open);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let mut state = state.subscribe();
                tokio::spawn(async move {
                    if *state.borrow_and_update() {
                        tokio::select! {
                            () = pass(client, port) => {}
                            _ = state.wait_for(|is_open| !is_open) => {}
                        }
                    }
                });
            }
        });
        Ok(Self { port: own_port, is_open, accepting })
    }

    pub(crate) fn close(&self) {
        self.is_open.send_replace(false);
    }

    pub(crate) fn open(&self) {
        self.is_open.send_replace(true);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pass(mut client: TcpStream, port: u16) {
    if let Ok(mut server) = TcpStream::connect(("127.0.0.1", port)).await {
        let _ended = tokio::io::copy_bidirectional(&mut client, &mut server).await;
    }
}

/// An administrator's connection that goes through the gate.
pub(crate) fn connection_through(cluster: &Cluster, gate: &Gate) -> Result<Connection> {
    let mut settings = ConnectionSettings::kubeconfig(Some(cluster.kubeconfig()), None)?;
    settings.server = format!("https://127.0.0.1:{}", gate.port);
    Ok(connect(&settings)?)
}
