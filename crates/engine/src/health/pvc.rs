//! PersistentVolumeClaim.

use super::Health;
use super::read::Reader;

pub(super) fn health(claim: Reader<'_>) -> Health {
    match claim.text("/status/phase") {
        "Bound" => Health::healthy(""),
        "Pending" => Health::progressing(""),
        "Lost" => Health::degraded("the volume is lost"),
        _ => Health::unknown(""),
    }
}
