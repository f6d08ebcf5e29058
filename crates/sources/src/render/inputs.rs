//! What a render read: the same inputs give the same manifests.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One thing that a render looked at. Ids are those of Git's objects, in hex.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// A folder with all below it.
    Tree(String),
    /// The names and kinds in a folder, by digest; the files that were read are inputs of their own.
    Listing(String),
    /// A file or a symbolic link.
    Blob(String),
    /// There was nothing.
    Absent,
}

/// Everything that a render looked at, by path from the repository's root; the root is the empty path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputSet {
    entries: BTreeMap<String, Input>,
}

impl InputSet {
    /// Notes an input.
    pub(crate) fn note(&mut self, path: impl Into<String>, input: Input) {
        let path = path.into();
        // A tree says more than the listing of the same folder.
        if let (Some(Input::Tree(_)), Input::Listing(_)) = (self.entries.get(&path), &input) {
            return;
        }
        self.entries.insert(path, input);
    }

    /// The inputs with their paths, in the order of paths.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Input)> {
        self.entries.iter().map(|(path, input)| (path.as_str(), input))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True where nothing was read.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
