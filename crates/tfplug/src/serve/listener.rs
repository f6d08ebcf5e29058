//! Where the server listens: a unix socket that nobody else can reach, or a loopback port.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;
use tokio::net::TcpListener;

use super::handshake::Environment;

/// How the host reaches the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transport {
    /// A unix socket where the platform has them, else TCP.
    #[default]
    Platform,
    /// A port on 127.0.0.1, as on Windows.
    Tcp,
}

/// An address as the handshake writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// Path of a unix socket.
    Unix(PathBuf),
    /// Loopback address and port.
    Tcp(SocketAddr),
}

impl Address {
    /// Go's name of the network.
    pub fn network(&self) -> &'static str {
        match self {
            Self::Unix(_) => "unix",
            Self::Tcp(_) => "tcp",
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => path.display().fmt(f),
            Self::Tcp(address) => address.fmt(f),
        }
    }
}

/// Why there is no address to listen on.
#[derive(Debug, Error)]
pub enum ListenError {
    /// The socket could not be made.
    #[error("failed to listen on a unix socket in `{directory}`")]
    Socket {
        /// Where it was to be.
        directory: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The socket could not be handed to the group that the host named.
    #[error("failed to let the group `{group}` connect to `{path}`")]
    Group {
        /// As the host named it.
        group: String,
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A port that the host gave is no port.
    #[error("failed to read `{variable}`: `{value}` is no port")]
    Port {
        /// The environment variable.
        variable: &'static str,
        /// Its value.
        value: String,
    },
    /// The first port is beyond the last.
    #[error("failed to choose a port: PLUGIN_MIN_PORT {min} is greater than PLUGIN_MAX_PORT {max}")]
    PortRange {
        /// First.
        min: u16,
        /// Last.
        max: u16,
    },
    /// Every port of the range is taken.
    #[error("failed to listen on 127.0.0.1, ports {min} to {max}")]
    Tcp {
        /// First that was tried.
        min: u16,
        /// Last that was tried.
        max: u16,
        /// What the system said to the last.
        source: io::Error,
    },
}

/// A bound listener. Dropping it removes the socket file.
#[derive(Debug)]
pub(super) enum Listener {
    #[cfg(unix)]
    Unix(unix::Socket),
    Tcp(TcpListener, SocketAddr),
}

impl Listener {
    /// Binds where host and options say.
    pub(super) async fn bind(transport: Transport, environment: &Environment) -> Result<Self, ListenError> {
        match transport {
            #[cfg(unix)]
            Transport::Platform => unix::Socket::bind(environment).map(Self::Unix),
            _ => bind_tcp(environment).await,
        }
    }

    pub(super) fn address(&self) -> Address {
        match self {
            #[cfg(unix)]
            Self::Unix(socket) => Address::Unix(socket.path().to_owned()),
            Self::Tcp(_, address) => Address::Tcp(*address),
        }
    }

    /// Waits for the next connection.
    pub(super) async fn accept(&self) -> io::Result<Box<dyn super::connection::Io>> {
        match self {
            #[cfg(unix)]
            Self::Unix(socket) => Ok(Box::new(socket.accept().await?)),
            Self::Tcp(listener, _) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
        }
    }
}

async fn bind_tcp(environment: &Environment) -> Result<Listener, ListenError> {
    let min = port("PLUGIN_MIN_PORT", environment.min_port.as_deref())?;
    let max = port("PLUGIN_MAX_PORT", environment.max_port.as_deref())?;
    if min > max {
        return Err(ListenError::PortRange { min, max });
    }
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for port in min..=max {
        let bound = TcpListener::bind(("127.0.0.1", port)).await;
        match bound.and_then(|listener| Ok((listener.local_addr()?, listener))) {
            Ok((address, listener)) => return Ok(Listener::Tcp(listener, address)),
            Err(error) => last = error,
        }
    }
    Err(ListenError::Tcp { min, max, source: last })
}

/// A port from the environment. Not given: 0, which is any free one.
fn port(variable: &'static str, value: Option<&str>) -> Result<u16, ListenError> {
    let Some(value) = value else { return Ok(0) };
    value.parse().map_err(|_| ListenError::Port { variable, value: value.to_owned() })
}

#[cfg(unix)]
mod unix {
    use std::fs::Permissions;
    use std::io;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::{PermissionsExt as _, chown};
    use std::path::{Path, PathBuf};

    use nix::unistd::Group;
    use tempfile::{TempDir, TempPath};
    use tokio::net::{UnixListener, UnixStream};

    use super::{Environment, ListenError};

    /// The longest path that every unix takes for a socket: 104 bytes on macOS with the final
    /// zero, 108 on Linux.
    const LONGEST_PATH: usize = 103;

    /// Characters that [`Socket::bind`] adds to a directory: `/tfplug-XXXXXX/plugin-XXXXXX`.
    const NAMES: usize = 28;

    /// A listening socket and the file that it is. Field order is drop order.
    #[derive(Debug)]
    pub(in crate::serve) struct Socket {
        listener: UnixListener,
        path: TempPath,
        _directory: Option<TempDir>,
    }

    impl Socket {
        /// Binds in the directory that the host gave, else in a directory of its own which only
        /// this user can enter: without TLS, that is what keeps others out.
        pub(super) fn bind(environment: &Environment) -> Result<Self, ListenError> {
            let parent = environment.socket_directory.clone().unwrap_or_else(temporary_directory);
            let failed = |source| ListenError::Socket { directory: parent.clone(), source };
            let private = match environment.socket_directory {
                Some(_) => None,
                None => Some(private_directory(&parent).map_err(failed)?),
            };
            let directory = private.as_ref().map_or(parent.as_path(), TempDir::path);
            let (listener, path) = tempfile::Builder::new()
                .prefix("plugin-")
                .make_in(directory, |path| std::os::unix::net::UnixListener::bind(path))
                .map_err(failed)?
                .into_parts();
            if let Some(group) = &environment.socket_group {
                share_with_group(private.as_ref().map(TempDir::path), &path, group).map_err(|source| {
                    ListenError::Group { group: group.clone(), path: path.to_path_buf(), source }
                })?;
            }
            listener.set_nonblocking(true).map_err(failed)?;
            Ok(Self {
                listener: UnixListener::from_std(listener).map_err(failed)?,
                path,
                _directory: private,
            })
        }

        pub(super) fn path(&self) -> &Path {
            &self.path
        }

        pub(super) async fn accept(&self) -> io::Result<UnixStream> {
            Ok(self.listener.accept().await?.0)
        }
    }

    /// The user's temporary directory, unless a socket in it would have too long a path.
    fn temporary_directory() -> PathBuf {
        let directory = std::env::temp_dir();
        if directory.as_os_str().as_bytes().len() + NAMES > LONGEST_PATH {
            return PathBuf::from("/tmp");
        }
        directory
    }

    fn private_directory(parent: &Path) -> io::Result<TempDir> {
        tempfile::Builder::new()
            .prefix("tfplug-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(parent)
    }

    fn share_with_group(directory: Option<&Path>, socket: &Path, group: &str) -> io::Result<()> {
        let id = match group.parse() {
            Ok(id) => id,
            Err(_) => {
                Group::from_name(group)?.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?.gid.as_raw()
            }
        };
        if let Some(directory) = directory {
            chown(directory, None, Some(id))?;
            std::fs::set_permissions(directory, Permissions::from_mode(0o710))?;
        }
        chown(socket, None, Some(id))?;
        std::fs::set_permissions(socket, Permissions::from_mode(0o660))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[tokio::test]
    async fn a_socket_is_private_and_leaves_nothing_behind() {
        use std::os::unix::fs::PermissionsExt as _;
        let listener = Listener::bind(Transport::Platform, &Environment::default()).await.unwrap();
        let Address::Unix(path) = listener.address() else { panic!("expected a unix socket") };
        let directory = path.parent().unwrap().to_owned();
        let mode = std::fs::metadata(&directory).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert!(path.exists());
        drop(listener);
        assert!(!path.exists());
        assert!(!directory.exists());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_socket_is_made_where_the_host_wants_it_and_for_its_group() {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
        let directory = tempfile::tempdir().unwrap();
        let group = std::fs::metadata(directory.path()).unwrap().gid();
        let environment = Environment {
            socket_directory: Some(directory.path().to_owned()),
            socket_group: Some(group.to_string()),
            ..Environment::default()
        };
        let listener = Listener::bind(Transport::Platform, &environment).await.unwrap();
        let Address::Unix(path) = listener.address() else { panic!("expected a unix socket") };
        assert_eq!(path.parent(), Some(directory.path()));
        let metadata = std::fs::metadata(&path).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o660);
        assert_eq!(metadata.gid(), group);
        drop(listener);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn an_unknown_group_is_named() {
        let environment =
            Environment { socket_group: Some("no-such-group-here".into()), ..Environment::default() };
        let error = Listener::bind(Transport::Platform, &environment).await.unwrap_err();
        assert!(error.to_string().contains("`no-such-group-here`"), "{error}");
    }

    #[tokio::test]
    async fn the_first_free_port_of_the_range_is_taken() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = taken.local_addr().unwrap().port();
        let environment = Environment {
            min_port: Some(port.to_string()),
            max_port: Some(port.saturating_add(50).to_string()),
            ..Environment::default()
        };
        let listener = Listener::bind(Transport::Tcp, &environment).await.unwrap();
        let Address::Tcp(address) = listener.address() else { panic!("expected a port") };
        assert!(address.ip().is_loopback());
        assert!(address.port() > port && address.port() <= port.saturating_add(50));
    }

    #[tokio::test]
    async fn ports_that_make_no_sense_are_named() {
        let bind = async |min: &str, max: &str| {
            let environment = Environment {
                min_port: Some(min.into()),
                max_port: Some(max.into()),
                ..Environment::default()
            };
            Listener::bind(Transport::Tcp, &environment).await.unwrap_err().to_string()
        };
        assert!(bind("many", "2").await.contains("PLUGIN_MIN_PORT"));
        assert!(bind("1", "70000").await.contains("PLUGIN_MAX_PORT"));
        assert!(bind("3", "2").await.contains("greater than"));
    }
}
