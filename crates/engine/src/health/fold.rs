//! An application's health: its worst object's.

use bridgehead_api::ObjectKey;
use bridgehead_api::application::HealthStatusCode;

use super::Health;

/// One object's part in its application's health.
#[derive(Clone, Copy, Debug)]
pub struct Counted<'a> {
    /// The object.
    pub key: &'a ObjectKey,
    /// Its health, if it has one.
    pub health: Option<&'a Health>,
    /// False for hooks, and for objects whose `ignore-healthcheck` annotation is `true`.
    pub counts: bool,
}

/// The worst of what counts; Healthy where nothing does. That an object is missing makes the application
/// OutOfSync, not unhealthy. The message names the object that decided.
pub fn application_health<'a>(objects: impl IntoIterator<Item = Counted<'a>>) -> Health {
    let mut worst: Option<(&ObjectKey, &Health)> = None;
    for object in objects {
        let Some(health) = object.health else { continue };
        if !object.counts || matches!(health.status, HealthStatusCode::Missing | HealthStatusCode::Healthy) {
            continue;
        }
        if worst.is_none_or(|(_, known)| health.status > known.status) {
            worst = Some((object.key, health));
        }
    }
    let Some((key, health)) = worst else { return Health::healthy("") };
    let object = format!("{}/{}", key.group_kind.kind, key.name);
    let message = match health.message.as_str() {
        "" => object,
        message => format!("{object}: {message}"),
    };
    Health::new(health.status, message)
}

#[cfg(test)]
mod tests {
    use bridgehead_api::GroupKind;

    use super::*;

    fn folded(objects: &[(&str, Option<HealthStatusCode>, bool)]) -> Health {
        let objects: Vec<(ObjectKey, Option<Health>, bool)> = objects
            .iter()
            .map(|(name, status, counts)| {
                let key = ObjectKey::new(GroupKind::new("apps", "Deployment"), "shop", *name);
                (key, status.map(|status| Health::new(status, "why")), *counts)
            })
            .collect();
        application_health(objects.iter().map(|(key, health, counts)| Counted {
            key,
            health: health.as_ref(),
            counts: *counts,
        }))
    }

    #[test]
    fn the_worst_object_decides_and_is_named() {
        use HealthStatusCode::{Degraded, Healthy, Progressing, Suspended};
        let health = folded(&[
            ("a", Some(Healthy), true),
            ("b", Some(Degraded), true),
            ("c", Some(Progressing), true),
            ("d", Some(Suspended), true),
        ]);
        assert_eq!(health, Health::new(Degraded, "Deployment/b: why"));
    }

    #[test]
    fn missing_objects_and_those_that_do_not_count_are_left_out() {
        use HealthStatusCode::{Degraded, Healthy, Missing};
        let health = folded(&[("a", Some(Missing), true), ("b", Some(Degraded), false), ("c", None, true)]);
        assert_eq!(health, Health::new(Healthy, ""));
    }

    #[test]
    fn an_application_without_objects_is_healthy() {
        assert_eq!(folded(&[]).status, HealthStatusCode::Healthy);
    }
}
