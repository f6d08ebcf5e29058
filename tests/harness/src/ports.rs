//! Ports of clusters.
//!
//! A port that the system hands out for binding to zero may be given to an outgoing connection
//! between the question and its use, or while an API server is down for a restart. So ports
//! come from below the range for outgoing connections (32768 on Linux, 49152 elsewhere), and a
//! lock file keeps each for its cluster.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Result, bail};

use crate::cache::{self, Lock};

const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A port on loopback that no other cluster of this user takes.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) number: u16,
    _lock: Lock,
}

/// Reserves a port that nobody listens on. The search begins at a place that depends on this
/// process, so that parallel test processes rarely meet.
pub(crate) fn reserve() -> Result<Port> {
    let locks = cache::folder_for("ports")?;
    let start = u16::try_from(u64::from(std::process::id()) * 37 % u64::from(COUNT)).unwrap_or_default();
    for step in 0..COUNT {
        let number = FIRST + (start + step) % COUNT;
        let Some(lock) = Lock::try_acquire(&locks.join(number.to_string()))? else { continue };
        if TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok() {
            return Ok(Port { number, _lock: lock });
        }
    }
    bail!("no free port between {FIRST} and {} on loopback", FIRST + COUNT)
}
