//! Service.

use super::Health;
use super::read::Reader;

/// A load balancer works once it has an address; every other Service at once.
pub(super) fn health(service: Reader<'_>) -> Health {
    if service.text("/spec/type") == "LoadBalancer"
        && service.items("/status/loadBalancer/ingress").next().is_none()
    {
        return Health::progressing("waiting for the load balancer's address");
    }
    Health::healthy("")
}
