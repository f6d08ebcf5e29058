//! JSON in a string.

use std::fmt;
use std::str::FromStr;

/// JSON in a string: two are equal when they hold the same data, however it is laid out.
#[derive(Clone, Debug)]
pub struct Json {
    text: String,
    data: serde_json::Value,
}

impl Json {
    /// The data.
    pub fn data(&self) -> &serde_json::Value {
        &self.data
    }
}

impl From<serde_json::Value> for Json {
    fn from(data: serde_json::Value) -> Json {
        Json { text: data.to_string(), data }
    }
}

impl FromStr for Json {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Json, serde_json::Error> {
        Ok(Json { text: text.to_owned(), data: serde_json::from_str(text)? })
    }
}

impl fmt::Display for Json {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Json) -> bool {
        self.data == other.data
    }
}

crate::text_attr!(Json);
