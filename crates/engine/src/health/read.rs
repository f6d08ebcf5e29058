//! Reading fields of an object that may lack any of them.

use serde_json::Value;

/// An object, read by JSON pointer. What is absent or of another type reads as nothing, as it does in Go.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(&'a Value);

impl<'a> Reader<'a> {
    pub(super) fn new(value: &'a Value) -> Self {
        Self(value)
    }

    /// The value, or null.
    pub(super) fn at(self, pointer: &str) -> &'a Value {
        self.0.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// The text, or the empty text.
    pub(super) fn text(self, pointer: &str) -> &'a str {
        self.at(pointer).as_str().unwrap_or("")
    }

    /// The whole number, if there is one.
    pub(super) fn number(self, pointer: &str) -> Option<i64> {
        self.at(pointer).as_i64()
    }

    /// The whole number, or 0.
    pub(super) fn count(self, pointer: &str) -> i64 {
        self.number(pointer).unwrap_or(0)
    }

    /// True where the value is `true`.
    pub(super) fn flag(self, pointer: &str) -> bool {
        self.at(pointer).as_bool() == Some(true)
    }

    /// The items of a list, each a reader.
    pub(super) fn items(self, pointer: &str) -> impl Iterator<Item = Reader<'a>> {
        self.at(pointer).as_array().into_iter().flatten().map(Reader)
    }

    /// The texts of a list.
    pub(super) fn texts(self, pointer: &str) -> impl Iterator<Item = &'a str> {
        self.at(pointer).as_array().into_iter().flatten().filter_map(Value::as_str)
    }

    /// The condition of this type in `status.conditions`.
    pub(super) fn condition(self, condition_type: &str) -> Option<Reader<'a>> {
        self.items("/status/conditions").find(|condition| condition.text("/type") == condition_type)
    }

    /// True if the controller has not yet seen the last change of the specification.
    pub(super) fn is_behind(self) -> bool {
        self.count("/metadata/generation") > self.count("/status/observedGeneration")
    }

    /// The whole object.
    pub(super) fn value(self) -> &'a Value {
        self.0
    }
}
