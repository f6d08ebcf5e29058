//! APIService.

use super::Health;
use super::read::Reader;

pub(super) fn health(api_service: Reader<'_>) -> Health {
    match api_service.condition("Available") {
        None => Health::progressing("waiting to be processed"),
        Some(available) => {
            let message = format!("{}: {}", available.text("/reason"), available.text("/message"));
            if available.text("/status") == "True" {
                Health::healthy(message)
            } else {
                Health::progressing(message)
            }
        }
    }
}
