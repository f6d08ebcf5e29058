//! Tracking ids: which application manages an object.

use std::fmt;

use bridgehead_api::{GroupKind, ObjectKey, annotations};

use super::object::Manifest;

/// `<application>:<group>/<Kind>:<namespace>/<name>`. It names the object that it stands on, so that a copy
/// of the annotation on another object (an Endpoints copies its Service's) is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrackingId<'a> {
    /// Instance name of the application: its name, or `namespace_name` outside the control namespace.
    pub application: &'a str,
    /// API group; empty for the core group.
    pub group: &'a str,
    /// Kind.
    pub kind: &'a str,
    /// Namespace; the destination's for a cluster-scoped object.
    pub namespace: &'a str,
    /// Name; it may hold colons.
    pub name: &'a str,
}

impl<'a> TrackingId<'a> {
    /// Reads an annotation's value; none where it is no tracking id.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(3, ':');
        let (application, group_kind, namespaced_name) = (parts.next()?, parts.next()?, parts.next()?);
        let (group, kind) = group_kind.split_once('/')?;
        let (namespace, name) = namespaced_name.split_once('/')?;
        (!application.is_empty()).then_some(Self { application, group, kind, namespace, name })
    }

    /// True if the id names this object. A cluster-scoped object's id carries some namespace; it is not
    /// looked at.
    pub fn names(&self, group_kind: &GroupKind, namespace: &str, name: &str) -> bool {
        group_kind.is(self.group, self.kind)
            && self.name == name
            && (namespace.is_empty() || self.namespace == namespace)
    }
}

impl fmt::Display for TrackingId<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { application, group, kind, namespace, name } = self;
        write!(formatter, "{application}:{group}/{kind}:{namespace}/{name}")
    }
}

/// The tracking id that a manifest carries, if it is one.
pub fn tracking_id(manifest: &Manifest) -> Option<TrackingId<'_>> {
    TrackingId::parse(manifest.annotation(annotations::TRACKING_ID)?)
}

/// True unless the live object carries a tracking id that names another object. Where Git wants the object
/// under another group (an Ingress that moved from `extensions`), that kind counts too.
pub fn is_self_referencing(live: &Manifest, desired: Option<&ObjectKey>) -> bool {
    let Some(id) = tracking_id(live) else { return true };
    let (namespace, name) = (live.namespace(), live.name());
    id.names(&live.gvk().group_kind, namespace, name)
        || desired.is_some_and(|key| id.names(&key.group_kind, namespace, name))
}

/// Writes the tracking annotation of `application`. An object without a namespace gets `namespace`, the
/// destination's, into its id. CustomResourceDefinitions are left alone: several applications share them.
pub fn stamp_tracking(manifest: &mut Manifest, application: &str, namespace: &str) {
    if manifest.is_crd() {
        return;
    }
    let gvk = manifest.gvk();
    let own = manifest.namespace();
    let id = TrackingId {
        application,
        group: &gvk.group_kind.group,
        kind: &gvk.group_kind.kind,
        namespace: if own.is_empty() { namespace } else { own },
        name: manifest.name(),
    }
    .to_string();
    manifest.set_annotation(annotations::TRACKING_ID, id);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(api_version: &str, kind: &str, namespace: &str, name: &str) -> Manifest {
        let mut manifest =
            Manifest::new(json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}}));
        manifest.set_namespace(namespace);
        manifest
    }

    #[test]
    fn names_with_colons_survive_a_round_trip() {
        let text = "web:rbac.authorization.k8s.io/ClusterRole:argocd/system:web:reader";
        let id = TrackingId::parse(text).expect("an id");
        assert_eq!(id.name, "system:web:reader");
        assert_eq!(id.to_string(), text);
    }

    #[test]
    fn texts_of_another_form_are_no_ids() {
        for text in ["", "web", "web:/ConfigMap", "web:ConfigMap:ns/name", "web:/ConfigMap:name", ":/A:b/c"] {
            assert_eq!(TrackingId::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn cluster_scoped_objects_carry_the_destination_namespace() {
        let mut namespace = object("v1", "Namespace", "", "shop");
        stamp_tracking(&mut namespace, "web", "target");
        assert_eq!(namespace.annotation(annotations::TRACKING_ID), Some("web:/Namespace:target/shop"));
        assert!(is_self_referencing(&namespace, None));
    }

    #[test]
    fn custom_resource_definitions_are_not_stamped() {
        let mut crd = object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "a.b");
        let before = crd.clone();
        stamp_tracking(&mut crd, "web", "target");
        assert_eq!(crd, before);
    }

    #[test]
    fn a_copied_id_does_not_name_the_object_that_carries_it() {
        let mut service = object("v1", "Service", "shop", "web");
        stamp_tracking(&mut service, "web", "shop");
        let mut endpoints = object("v1", "Endpoints", "shop", "web");
        let copied = service.annotation(annotations::TRACKING_ID).expect("stamped").to_owned();
        endpoints.set_annotation(annotations::TRACKING_ID, copied);
        assert!(is_self_referencing(&service, None));
        assert!(!is_self_referencing(&endpoints, None));
    }

    #[test]
    fn an_object_that_moved_between_groups_is_still_itself() {
        let mut live = object("networking.k8s.io/v1", "Ingress", "shop", "web");
        live.set_annotation(annotations::TRACKING_ID, "web:extensions/Ingress:shop/web");
        assert!(!is_self_referencing(&live, None));
        let desired = ObjectKey::new(GroupKind::new("extensions", "Ingress"), "shop", "web");
        assert!(is_self_referencing(&live, Some(&desired)));
    }
}
