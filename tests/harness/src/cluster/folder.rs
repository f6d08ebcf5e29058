//! A cluster's folder, and the rest of folders whose owners have died.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};

use crate::cache;
use crate::process::ProcessIdentity;
use crate::watchdog;

/// Keeps folders, with the logs in them, after the end.
const KEEP: &str = "BRIDGEHEAD_KEEP_CLUSTERS";

/// Holds the identity of the process that owns the folder.
const OWNER: &str = "owner.json";

#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// A fresh folder for a cluster that ends with this process.
    pub(super) fn temporary(name: &str) -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        Self::create(&clusters()?.join(format!("{name}.{}.{next}", std::process::id())))
    }

    /// The folder of a cluster that is found again by its name.
    pub(super) fn named(name: &str) -> Result<Self> {
        Self::create(&clusters()?.join(name))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn create(path: &Path) -> Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        sweep()?;
        let make = || {
            std::fs::DirBuilder::new()
                .mode(0o700)
                .create(path)
                .with_context(|| format!("failed to create `{}`", path.display()))?;
            Ok(path.to_owned())
        };
        let path = if keeps() { make()? } else { watchdog::make_watched_folder(make)? };
        let folder = Self { path };
        let owner = ProcessIdentity::of(std::process::id()).context("failed to identify this process")?;
        let owner = serde_json::to_vec(&owner).context("failed to write this process's identity")?;
        std::fs::write(folder.path.join(OWNER), owner).context("failed to write the owner of a folder")?;
        Ok(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if keeps() {
            eprintln!("kept `{}`", self.path.display());
        } else if std::fs::remove_dir_all(&self.path).is_ok() {
            watchdog::forget_folder(&self.path);
        }
    }
}

/// Where the folders of all clusters are.
pub(super) fn clusters() -> Result<PathBuf> {
    cache::folder_for("clusters")
}

/// Removes folders whose owner is gone: after a loss of power there was no watchdog either.
fn sweep() -> Result<()> {
    let clusters = clusters()?;
    let listing =
        std::fs::read_dir(&clusters).with_context(|| format!("failed to list `{}`", clusters.display()))?;
    for entry in listing.flatten() {
        // A folder without an owner is being made at this moment.
        let Ok(content) = std::fs::read(entry.path().join(OWNER)) else { continue };
        let Ok(owner) = serde_json::from_slice::<ProcessIdentity>(&content) else { continue };
        if !owner.is_running() && !keeps() {
            // Another process may sweep at the same time.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

fn keeps() -> bool {
    std::env::var_os(KEEP).is_some()
}
