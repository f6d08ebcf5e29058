//! A process that dies while it holds a cluster and a child, in the way it is told to. It reports
//! what must be gone afterwards (process ids, then a folder) in one file, and dies when another
//! one says that the report was seen.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};
use bridgehead_test_harness::{Cluster, Options, Process};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [death, report, seen] = arguments.as_slice() else { bail!("usage: DEATH REPORT SEEN") };
    let cluster = Cluster::start(Options::named("doomed"))?;
    // A child with a child of its own, as a program has that is started through a shell.
    let log = cluster.folder().join("sleep.log");
    let script = "sleep 1000 & echo $!; wait";
    let child = Process::spawn("sleep", Command::new("sh").args(["-c", script]), &log)?;
    while !child.log_tail().parse::<u32>().is_ok_and(|pid| pid > 0) {
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut pids: Vec<String> = cluster.pids().iter().map(|(_, pid)| pid.to_string()).collect();
    pids.extend([child.pid().to_string(), child.log_tail()]);
    std::fs::write(
        format!("{report}.part"),
        format!("{}\n{}\n", pids.join(" "), cluster.folder().display()),
    )?;
    std::fs::rename(format!("{report}.part"), report)?;
    while !Path::new(seen).exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    match death.as_str() {
        "panic" => panic!("told to"),
        "exit" => {
            // Nothing is dropped, as for what a static holds.
            std::mem::forget((cluster, child));
            Ok(())
        }
        "abort" => std::process::abort(),
        "signal" => loop {
            std::thread::park();
        },
        other => bail!("unknown death `{other}`"),
    }
}
