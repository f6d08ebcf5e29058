//! Ingress.

use super::Health;
use super::read::Reader;

pub(super) fn health(ingress: Reader<'_>) -> Health {
    if ingress.items("/status/loadBalancer/ingress").next().is_some() {
        Health::healthy("")
    } else {
        Health::progressing("waiting for the controller to publish an address")
    }
}
