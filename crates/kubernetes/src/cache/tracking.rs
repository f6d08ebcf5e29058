//! Whose an object is, by its tracking id.

/// The application that `tracking_id` (`app:group/Kind:namespace/name`) names, if the id speaks of the
/// very object that carries it.
///
/// Controllers copy annotations to what they create: a ReplicaSet carries its Deployment's id. Such an
/// object is nobody's. For cluster-scoped objects (`namespace` empty) the id has the destination's
/// namespace, which is not looked at.
pub fn tracked_by<'t>(
    tracking_id: &'t str,
    group: &str,
    kind: &str,
    namespace: &str,
    name: &str,
) -> Option<&'t str> {
    // Names of RBAC objects may hold colons, so the id is read from its front.
    let (application, rest) = tracking_id.split_once(':')?;
    let (their_kind, place) = rest.split_once(':')?;
    let (their_group, their_kind) = their_kind.split_once('/')?;
    let (their_namespace, their_name) = place.split_once('/')?;
    let same_place = namespace.is_empty() || their_namespace == namespace;
    (!application.is_empty()
        && their_group == group
        && their_kind == kind
        && same_place
        && their_name == name)
        .then_some(application)
}

#[cfg(test)]
mod tests {
    use super::tracked_by;

    #[test]
    fn an_id_counts_only_on_the_object_that_it_names() {
        let id = "shop:apps/Deployment:store/web";
        assert_eq!(tracked_by(id, "apps", "Deployment", "store", "web"), Some("shop"));
        assert_eq!(tracked_by(id, "apps", "ReplicaSet", "store", "web-7f9c"), None);
        assert_eq!(tracked_by(id, "apps", "Deployment", "other", "web"), None);
    }

    #[test]
    fn cluster_scoped_objects_carry_the_destinations_namespace() {
        let id = "shop:rbac.authorization.k8s.io/ClusterRole:store/system:reader";
        let group = "rbac.authorization.k8s.io";
        assert_eq!(tracked_by(id, group, "ClusterRole", "", "system:reader"), Some("shop"));
    }

    #[test]
    fn what_is_no_tracking_id_names_nobody() {
        for id in ["", "shop", "shop:", "shop:apps/Deployment", ":apps/Deployment:store/web", "a:b:c"] {
            assert_eq!(tracked_by(id, "apps", "Deployment", "store", "web"), None, "{id}");
        }
    }
}
