//! Where built tools, clusters and port reservations live: outside every clone, so that a
//! fresh checkout finds what another one has built.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// `$XDG_CACHE_HOME/bridgehead`, else `~/.cache/bridgehead`. Created if absent.
pub fn folder() -> Result<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty()) {
        Some(base) => PathBuf::from(base),
        None => std::env::home_dir()
            .context("neither XDG_CACHE_HOME nor HOME is set: there is no place for the cache")?
            .join(".cache"),
    };
    subfolder(&base.join("bridgehead"))
}

/// A folder below [`folder`], created if absent.
pub fn folder_for(what: &str) -> Result<PathBuf> {
    subfolder(&folder()?.join(what))
}

fn subfolder(path: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(path).with_context(|| format!("failed to create `{}`", path.display()))?;
    Ok(path.to_owned())
}

/// An advisory lock on a file, held until dropped or until the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for the lock. `waiting` is called once if somebody else holds it.
    pub fn acquire(path: &Path, waiting: impl FnOnce()) -> Result<Self> {
        if let Some(lock) = Self::try_acquire(path)? {
            return Ok(lock);
        }
        waiting();
        let file = open(path)?;
        file.lock().with_context(|| format!("failed to lock `{}`", path.display()))?;
        Ok(Self { _file: file })
    }

    /// Takes the lock if it is free.
    pub fn try_acquire(path: &Path) -> Result<Option<Self>> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("failed to lock `{}`", path.display()))
            }
        }
    }
}

fn open(path: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .with_context(|| format!("failed to open the lock file `{}`", path.display()))
}
