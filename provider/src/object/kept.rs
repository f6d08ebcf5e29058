//! Write-only values: what becomes of them at an update, and how their drift is seen although they are kept
//! nowhere.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use tfplug::prelude::*;

use super::text;
use crate::connection::Clients;

/// Slow enough that a leaked state does not give a short password away at once.
const ROUNDS: u32 = 20_000;
const PRIVATE: &str = "secrets";

/// A hash of a secret text that is good for this object only.
fn hash(uid: &str, name: &str, text: &str) -> String {
    let mut digest = Sha256::digest(format!("{uid}\0{name}\0{text}"));
    for _ in 0..ROUNDS {
        digest = Sha256::new().chain_update(uid).chain_update(digest).finalize();
    }
    hex::encode(digest)
}

/// Remembers, beside the object as it was written, what its secrets hash to.
pub(crate) fn remember(
    context: &Context<Clients>,
    live: &Json,
    secrets: &[(&str, Option<&str>)],
) -> Result<(), Diagnostics> {
    let uid = text(live, "/metadata/uid");
    let given = secrets.iter().filter_map(|(name, text)| Some((*name, (*text)?)));
    let hashes: BTreeMap<&str, String> = given.map(|(name, text)| (name, hash(uid, name, text))).collect();
    context.remember(PRIVATE, &hashes)
}

/// Whether a secret is no longer what was written. Nothing is known of an object that was imported.
pub(crate) fn has_drifted(context: &Context<Clients>, uid: &str, name: &str, live: Option<&str>) -> bool {
    let Some(hashes) = context.recall::<BTreeMap<String, String>>(PRIVATE) else { return false };
    match (hashes.get(name), live) {
        (None, None) => false,
        (Some(written), Some(live)) => *written != hash(uid, name, live),
        _ => true,
    }
}

/// The secret to write: the one that is given, else the live one while its version says that there is one.
pub(crate) fn chosen<'t>(
    given: Option<&'t Secret>,
    version: Option<i64>,
    live: Option<&'t str>,
) -> Option<&'t str> {
    given.map(Secret::expose).or(live.filter(|_| version.is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_good_for_one_object_and_entry() {
        assert_eq!(hash("u", "a", "x"), hash("u", "a", "x"));
        assert_ne!(hash("u", "a", "x"), hash("v", "a", "x"));
        assert_ne!(hash("u", "a", "x"), hash("u", "b", "x"));
    }

    #[test]
    fn a_secret_stays_until_its_version_goes() {
        assert_eq!(chosen(None, Some(1), Some("old")), Some("old"));
        assert_eq!(chosen(None, None, Some("old")), None);
        assert_eq!(chosen(Some(&Secret::new("new")), Some(1), Some("old")), Some("new"));
    }
}
