//! A Kubernetes Secret: its metadata and its entries.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::{Secret, SecretProblem};
use crate::lenient::without_nulls;
use crate::metadata::ObjectMeta;

/// Entries of a Secret. Prints their names only, and is overwritten with zeros when dropped.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretData(BTreeMap<String, Zeroizing<Vec<u8>>>);

impl SecretData {
    /// The entry's bytes.
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        self.0.get(key).map(|bytes| bytes.as_slice())
    }

    /// Adds or replaces an entry.
    pub fn insert(&mut self, key: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.0.insert(key.into(), Zeroizing::new(bytes.into()));
    }

    /// Names of the entries.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The entry as text; the empty text where it is absent.
    pub fn text(&self, key: &'static str) -> Result<&str, SecretProblem> {
        std::str::from_utf8(self.get(key).unwrap_or_default()).map_err(|_| SecretProblem::NotText { key })
    }

    /// `data` of a manifest: every entry in base64.
    pub fn to_base64(&self) -> BTreeMap<String, String> {
        self.0.iter().map(|(key, bytes)| (key.clone(), STANDARD.encode(bytes.as_slice()))).collect()
    }

    pub(super) fn owned_text(&self, key: &'static str) -> Result<String, SecretProblem> {
        self.text(key).map(str::to_owned)
    }

    pub(super) fn secret(&self, key: &'static str) -> Result<Option<Secret>, SecretProblem> {
        let text = self.text(key)?;
        Ok((!text.is_empty()).then(|| Secret::new(text)))
    }

    pub(super) fn boolean(&self, key: &'static str) -> Result<bool, SecretProblem> {
        match self.text(key)? {
            // The words that Go's strconv.ParseBool takes.
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
            "" | "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
            other => Err(SecretProblem::NotBoolean { key, value: other.to_owned() }),
        }
    }

    pub(super) fn number(&self, key: &'static str) -> Result<i64, SecretProblem> {
        match self.text(key)? {
            "" => Ok(0),
            text => text.parse().map_err(|_| SecretProblem::NotNumber { key, value: text.to_owned() }),
        }
    }

    pub(super) fn put_text(&mut self, key: &str, text: &str) {
        if !text.is_empty() {
            self.insert(key, text);
        }
    }

    pub(super) fn put_secret(&mut self, key: &str, secret: Option<&Secret>) {
        if let Some(secret) = secret {
            self.put_text(key, secret.expose());
        }
    }

    pub(super) fn put_flag(&mut self, key: &str, flag: bool) {
        if flag {
            self.insert(key, "true");
        }
    }

    pub(super) fn put_number(&mut self, key: &str, number: i64) {
        if number != 0 {
            self.insert(key, number.to_string());
        }
    }
}

impl<K: Into<String>, B: Into<Vec<u8>>> FromIterator<(K, B)> for SecretData {
    fn from_iter<I: IntoIterator<Item = (K, B)>>(entries: I) -> Self {
        Self(entries.into_iter().map(|(key, bytes)| (key.into(), Zeroizing::new(bytes.into()))).collect())
    }
}

impl fmt::Debug for SecretData {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

/// A Kubernetes Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretObject {
    /// Name, labels, annotations and the like.
    pub metadata: ObjectMeta,
    /// Its entries.
    pub data: SecretData,
}

impl SecretObject {
    /// Reads a Secret, live or from a manifest. Entries of `stringData` win over those of `data`, as in the
    /// API server.
    pub fn from_value(value: Value) -> Result<Self, SecretProblem> {
        let Value::Object(mut fields) = without_nulls(value) else {
            return Err(SecretProblem::NotObject);
        };
        let metadata = fields.remove("metadata").unwrap_or_else(|| Value::Object(Map::new()));
        let metadata = serde_json::from_value(metadata).map_err(|_| SecretProblem::NotObject)?;
        let mut data = SecretData::default();
        for (key, encoded) in entries(fields.remove("data"))? {
            let bytes = STANDARD
                .decode(encoded.as_bytes())
                .map_err(|_| SecretProblem::NotBase64 { key: key.clone() })?;
            data.insert(key, bytes);
        }
        for (key, text) in entries(fields.remove("stringData"))? {
            data.insert(key, text);
        }
        Ok(Self { metadata, data })
    }

    /// The Secret as a manifest, ready to be written. It holds the entries in the open: do not log it.
    pub fn to_manifest(&self) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "Opaque",
            "metadata": self.metadata,
            "data": self.data.to_base64(),
        })
    }
}

fn entries(field: Option<Value>) -> Result<Vec<(String, String)>, SecretProblem> {
    let Some(field) = field else { return Ok(Vec::new()) };
    let Value::Object(entries) = field else { return Err(SecretProblem::NotObject) };
    entries
        .into_iter()
        .map(|(key, entry)| match entry {
            Value::String(text) => Ok((key, text)),
            _ => Err(SecretProblem::NotBase64 { key }),
        })
        .collect()
}
