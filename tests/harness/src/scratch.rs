//! Folders for what a test writes.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::watchdog;

/// A fresh folder. It is removed when dropped, or when this process ends, however it ends.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes a folder below the system's place for temporary ones.
    pub fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("bridgehead-").tempdir();
        let path = folder.context("failed to make a folder")?.keep();
        watchdog::watch_folder(&path)?;
        Ok(Self { path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if std::fs::remove_dir_all(&self.path).is_ok() {
            watchdog::forget_folder(&self.path);
        }
    }
}
