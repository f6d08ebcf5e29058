//! The folder: one JSON file per object, in the form in which states are stored.

use std::io::ErrorKind;
use std::path::PathBuf;

use tfplug::codec::json::{self, Objects};
use tfplug::model::Model;
use tfplug::prelude::*;

/// What resources work with.
pub struct Store {
    folder: Maybe<String>,
    padded: bool,
}

impl Store {
    pub fn new(folder: Maybe<String>, padded: bool) -> Store {
        Store { folder, padded }
    }

    /// Whether the folder is known: only then there is something to look at.
    pub fn is_known(&self) -> bool {
        !self.folder.is_unknown()
    }

    pub fn path(&self, kind: &str, name: &str) -> Result<PathBuf, Diagnostics> {
        Ok(PathBuf::from(self.folder.require("folder")?).join(format!("{kind}-{name}.json")))
    }

    /// Where a waiting thing says that it waits.
    pub fn pipe(&self) -> Result<PathBuf, Diagnostics> {
        Ok(PathBuf::from(self.folder.require("folder")?).join("waiting"))
    }

    pub fn write<M: Model<Stage = Stored>>(
        &self,
        kind: &str,
        name: &str,
        object: &M,
    ) -> Result<(), Diagnostics> {
        let mut bytes = json::encode(&object.to_value(), &M::schema().ty())?;
        if self.padded {
            bytes.insert(0, b' ');
        }
        Ok(std::fs::write(self.path(kind, name)?, bytes)?)
    }

    /// The object; `None` if there is none.
    pub fn read<M: Model<Stage = Stored>>(&self, kind: &str, name: &str) -> Result<Option<M>, Diagnostics> {
        let bytes = match std::fs::read(self.path(kind, name)?) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let value = json::decode(&bytes, &M::schema().ty(), Objects::Exact)?;
        Ok(Some(M::from_value(&value, &Path::root())?))
    }

    pub fn remove(&self, kind: &str, name: &str) -> Result<(), Diagnostics> {
        match std::fs::remove_file(self.path(kind, name)?) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}
