//! What is kept with an object beside its state.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// Private data: an object of JSON, in bytes that mean nothing to Terraform.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Private {
    /// The author's.
    #[serde(skip_serializing_if = "Map::is_empty")]
    kept: Map<String, Json>,
    /// A create or update did not come to its end: the next plan is an update.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unfinished: bool,
}

impl Private {
    /// From the wire. What another implementation of the provider kept is dropped: it can't be read.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Private {
        serde_json::from_slice(bytes).unwrap_or_default()
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        if *self == Private::default() {
            return Vec::new();
        }
        // A map of JSON values with strings as keys always has a JSON form.
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Json> {
        self.kept.get(key)
    }

    pub(crate) fn set(&mut self, key: &str, value: Json) {
        self.kept.insert(key.to_owned(), value);
    }

    pub(crate) fn remove(&mut self, key: &str) {
        self.kept.remove(key);
    }

    pub(crate) fn is_unfinished(&self) -> bool {
        self.unfinished
    }

    pub(crate) fn set_unfinished(&mut self, unfinished: bool) {
        self.unfinished = unfinished;
    }
}
