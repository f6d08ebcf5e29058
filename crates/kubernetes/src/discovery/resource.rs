//! One resource: a kind in one version, and its paths.

use std::fmt;
use std::sync::Arc;

use bridgehead_api::{GroupVersionKind, ObjectKey};

/// What can be done with a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
#[allow(missing_docs)]
pub enum Verb {
    Get = 1,
    List = 2,
    Watch = 4,
    Create = 8,
    Update = 16,
    Patch = 32,
    Delete = 64,
    DeleteCollection = 128,
}

/// A set of verbs.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Verbs(u16);

impl Verbs {
    /// All that are listed here; others don't matter to us.
    pub fn parse<'t>(verbs: impl IntoIterator<Item = &'t str>) -> Self {
        let bits = verbs.into_iter().map(|verb| match verb {
            "get" => Verb::Get as u16,
            "list" => Verb::List as u16,
            "watch" => Verb::Watch as u16,
            "create" => Verb::Create as u16,
            "update" => Verb::Update as u16,
            "patch" => Verb::Patch as u16,
            "delete" => Verb::Delete as u16,
            "deletecollection" => Verb::DeleteCollection as u16,
            _ => 0,
        });
        Self(bits.fold(0, |set, bit| set | bit))
    }

    /// All of them.
    pub const fn all() -> Self {
        Self(255)
    }

    /// True if the verb is in the set.
    pub fn has(self, verb: Verb) -> bool {
        self.0 & verb as u16 != 0
    }
}

impl fmt::Debug for Verbs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Verbs({:#010b})", self.0)
    }
}

/// A kind in one version, as a server serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Group, version and kind.
    pub gvk: GroupVersionKind,
    /// Plural name, as paths and RBAC have it.
    pub plural: Arc<str>,
    /// Its objects live in namespaces.
    pub namespaced: bool,
    /// What can be done with it.
    pub verbs: Verbs,
    /// It has a `status` subresource, so that generation counts changes of spec.
    pub has_status: bool,
}

impl Resource {
    /// A resource that needs no discovery: one of Kubernetes' own, or of our CRDs.
    pub fn known(api_version: &str, kind: &str, plural: &str, namespaced: bool) -> Self {
        Self {
            gvk: GroupVersionKind::parse(api_version, kind),
            plural: plural.into(),
            namespaced,
            verbs: Verbs::all(),
            has_status: false,
        }
    }

    /// Path of all objects, or of those in one namespace.
    pub fn collection(&self, namespace: Option<&str>) -> String {
        let api_version = self.gvk.api_version();
        let root = if self.gvk.group_kind.group.is_empty() { "/api" } else { "/apis" };
        match namespace.filter(|namespace| self.namespaced && !namespace.is_empty()) {
            Some(namespace) => {
                format!("{root}/{api_version}/namespaces/{}/{}", encode_segment(namespace), self.plural)
            }
            None => format!("{root}/{api_version}/{}", self.plural),
        }
    }

    /// Path of one object.
    pub fn object(&self, namespace: &str, name: &str) -> String {
        format!("{}/{}", self.collection(Some(namespace)), encode_segment(name))
    }

    /// Path of one object, by its key.
    pub fn path_of(&self, key: &ObjectKey) -> String {
        self.object(key.namespace(), &key.name)
    }
}

/// A name as a path's segment. RBAC objects may have nearly anything in theirs.
pub fn encode_segment(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => {
                encoded.push(char::from(byte));
            }
            _ => {
                const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
                encoded.push('%');
                encoded.push(char::from(DIGITS[usize::from(byte >> 4)]));
                encoded.push(char::from(DIGITS[usize::from(byte & 15)]));
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_api() {
        let pods = Resource::known("v1", "Pod", "pods", true);
        assert_eq!(pods.collection(None), "/api/v1/pods");
        assert_eq!(pods.object("shop", "web"), "/api/v1/namespaces/shop/pods/web");
        let roles = Resource::known("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", false);
        assert_eq!(
            roles.object("ignored", "system:a b"),
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:a%20b"
        );
    }
}
