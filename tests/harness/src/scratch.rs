//! Folders for what a test writes.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::watchdog;

/// A fresh folder. It is removed when dropped, or when this process ends, however it ends.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    kept: bool,
}

impl Scratch {
    /// Makes a folder below the system's place for temporary ones.
    pub fn new() -> Result<Self> {
        Self::below(&std::env::temp_dir(), "bridgehead-")
    }

    /// Makes a folder in another place; its name begins with `prefix`.
    pub(crate) fn below(place: &Path, prefix: &str) -> Result<Self> {
        let path = watchdog::make_watched_folder(|| {
            let folder = tempfile::Builder::new().prefix(prefix).tempdir_in(place);
            Ok(folder.context("failed to make a folder")?.keep())
        })?;
        Ok(Self { path, kept: false })
    }

    /// Leaves the folder where it is, for good.
    pub fn keep(&mut self) {
        watchdog::forget_folder(&self.path);
        self.kept = true;
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.kept && std::fs::remove_dir_all(&self.path).is_ok() {
            watchdog::forget_folder(&self.path);
        }
    }
}
