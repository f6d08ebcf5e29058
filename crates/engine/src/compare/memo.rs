//! Verdicts that are known already.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use bridgehead_api::{ObjectKey, ResourceVersion};
use sha2::{Digest, Sha256};

use crate::diff::{self, DiffRules};
use crate::manifest::{Desired, Live, Manifest};

/// Remembers, for each object, the last pair of manifest and live state that was compared: an event on one
/// object makes only that one be compared again. Bounded by the number of objects; [`DiffMemo::retain`]
/// drops those that are gone.
#[derive(Debug, Default)]
pub struct DiffMemo {
    known: HashMap<ObjectKey, Known>,
}

#[derive(Debug, PartialEq, Eq)]
struct Pair {
    desired: [u8; 16],
    live: ResourceVersion,
    /// The version of its kind in which the live object was read: fields have other names in another.
    read_in: Arc<str>,
    rules: u64,
}

#[derive(Debug)]
struct Known {
    pair: Pair,
    same: bool,
}

impl DiffMemo {
    /// True if applying the manifest would change nothing.
    pub(super) fn is_same(&mut self, desired: &Desired, live: &Live, rules: &DiffRules) -> bool {
        let pair = Pair {
            desired: digest(&desired.manifest),
            live: live.resource_version.clone(),
            read_in: live.manifest.gvk().version,
            rules: rules.fingerprint(),
        };
        // Without a resourceVersion two states cannot be told apart.
        let usable = !pair.live.is_empty();
        if usable
            && let Some(known) = self.known.get(&desired.key)
            && known.pair == pair
        {
            return known.same;
        }
        let same = diff::compare(desired, live, rules).is_same();
        if usable {
            self.known.insert(desired.key.clone(), Known { pair, same });
        }
        same
    }

    /// Forgets the objects that `keep` does not name.
    pub fn retain(&mut self, keep: impl Fn(&ObjectKey) -> bool) {
        self.known.retain(|key, _| keep(key));
    }

    /// Number of verdicts that are kept.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// True where nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

fn digest(manifest: &Manifest) -> [u8; 16] {
    let mut hasher = io::BufWriter::with_capacity(1024, HashWriter(Sha256::new()));
    serde_json::to_writer(&mut hasher, manifest.value()).expect("JSON of a JSON value into memory");
    let hasher = hasher.into_inner().ok().expect("writing into memory cannot fail").0;
    let digest = hasher.finalize();
    digest[..16].try_into().expect("a SHA-256 has 32 bytes")
}

struct HashWriter(Sha256);

impl io::Write for HashWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
