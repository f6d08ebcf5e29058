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
    /// In the plan of a create, what was kept with the object that it replaces, if it replaces one; in the
    /// destroy of that object, what the plan of its successor kept. In no state.
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<Box<Private>>,
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

    /// Of the plan of a create, made from what came with it: nothing, or what was kept of the object that
    /// is replaced.
    pub(crate) fn of_create(self) -> Private {
        let other = self.other.clone().unwrap_or_else(|| Box::new(self.of_state()));
        Private { other: Some(other), ..Private::default() }
    }

    /// As the operation on an object sees it that is there. Terraform gives the destroy of a replaced object
    /// what the plan of its successor kept.
    pub(crate) fn of_destroy(mut self) -> Private {
        match self.other.take() {
            Some(own) => Private { other: Some(Box::new(self)), ..*own },
            None => self,
        }
    }

    /// Without what only a plan knows.
    pub(crate) fn of_state(self) -> Private {
        Private { other: None, ..self }
    }

    /// Whether there is a successor, in a destroy.
    pub(crate) fn is_replaced(&self) -> bool {
        self.other.is_some()
    }

    /// What the plan of the successor kept, in a destroy.
    pub(crate) fn get_of_successor(&self, key: &str) -> Option<&Json> {
        self.other.as_ref()?.kept.get(key)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(key: &str) -> Private {
        let mut private = Private::default();
        private.set(key, Json::Bool(true));
        private
    }

    #[test]
    fn the_destroy_of_a_replaced_object_sees_its_own_and_its_successors() {
        let mut planned = kept("old").of_create();
        assert_eq!(planned.get("old"), None, "a new object begins with nothing");
        planned.set("new", Json::Bool(true));
        let planned = Private::from_bytes(&planned.to_bytes());
        let destroy = planned.clone().of_destroy();
        assert!(destroy.is_replaced());
        assert!(destroy.get("old").is_some() && destroy.get("new").is_none());
        assert!(destroy.get_of_successor("new").is_some());
        assert_eq!(planned.of_state(), kept("new"));
    }

    #[test]
    fn an_object_without_a_successor_is_not_replaced() {
        assert!(!kept("old").of_destroy().is_replaced());
        assert!(
            Private::default().of_create().of_destroy().is_replaced(),
            "a tainted one, which kept nothing"
        );
    }
}
