//! Names and identifiers. Each is a type of its own, so that a target revision cannot stand where a
//! commit is meant, nor a cluster-scoped object where a namespaced one is.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text as it stands.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// True where there is no text.
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(Arc::from(text))
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(Arc::from(text))
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "{:?}", &*self.0)
            }
        }
    };
}

text_id! {
    /// The name of a namespace.
    Namespace
}
text_id! {
    /// `metadata.uid`: one object for its whole life.
    Uid
}
text_id! {
    /// `metadata.resourceVersion`: opaque, compared for equality only.
    ResourceVersion
}
text_id! {
    /// A full commit id, 40 (SHA-1) or 64 (SHA-256) lower-case hex digits.
    CommitSha
}
text_id! {
    /// What the user typed as `targetRevision`: branch, tag, short or full SHA, `HEAD`, or a semver range.
    TargetRevision
}

/// API group and kind, without the version: what stays the same when an object moves between versions.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupKind {
    /// API group; empty for the core group.
    pub group: Arc<str>,
    /// Kind, as in `Deployment`.
    pub kind: Arc<str>,
}

impl GroupKind {
    /// Builds the pair.
    pub fn new(group: impl Into<Arc<str>>, kind: impl Into<Arc<str>>) -> Self {
        Self { group: group.into(), kind: kind.into() }
    }

    /// True if both parts equal the given text.
    pub fn is(&self, group: &str, kind: &str) -> bool {
        &*self.group == group && &*self.kind == kind
    }
}

impl fmt::Display for GroupKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.group, self.kind)
    }
}

impl fmt::Debug for GroupKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// API group, version and kind.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct GroupVersionKind {
    /// Group and kind.
    #[serde(flatten)]
    pub group_kind: GroupKind,
    /// Version, as in `v1`.
    pub version: Arc<str>,
}

impl GroupVersionKind {
    /// Reads `apiVersion` (`v1`, `apps/v1`) and `kind`.
    pub fn parse(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        Self { group_kind: GroupKind::new(group, kind), version: version.into() }
    }

    /// `apiVersion` as a manifest writes it.
    pub fn api_version(&self) -> String {
        if self.group_kind.group.is_empty() {
            self.version.to_string()
        } else {
            format!("{}/{}", self.group_kind.group, self.version)
        }
    }
}

/// Where an object lives.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Scope {
    /// Outside every namespace.
    Cluster,
    /// In this namespace.
    Namespaced(Namespace),
}

impl Scope {
    /// The namespace's name, if there is one.
    pub fn namespace(&self) -> Option<&Namespace> {
        match self {
            Scope::Cluster => None,
            Scope::Namespaced(namespace) => Some(namespace),
        }
    }
}

/// One object in one cluster, whatever version it is read in.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectKey {
    /// Group and kind.
    #[serde(flatten)]
    pub group_kind: GroupKind,
    /// Cluster or namespace.
    pub scope: Scope,
    /// `metadata.name`.
    pub name: Arc<str>,
}

impl ObjectKey {
    /// A namespaced object's key, or a cluster-scoped one's where `namespace` is empty.
    pub fn new(group_kind: GroupKind, namespace: &str, name: impl Into<Arc<str>>) -> Self {
        let scope = if namespace.is_empty() { Scope::Cluster } else { Scope::Namespaced(namespace.into()) };
        Self { group_kind, scope, name: name.into() }
    }

    /// The namespace's name, or the empty text for a cluster-scoped object.
    pub fn namespace(&self) -> &str {
        self.scope.namespace().map_or("", Namespace::as_str)
    }
}

/// `group/Kind/namespace/name`, the form that Argo CD sorts and prints by.
impl fmt::Display for ObjectKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}/{}", self.group_kind, self.namespace(), self.name)
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// An Application, by namespace and name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ApplicationKey {
    /// Namespace of the Application object.
    pub namespace: Namespace,
    /// Its name.
    pub name: Arc<str>,
}

impl ApplicationKey {
    /// Builds the key.
    pub fn new(namespace: impl Into<Namespace>, name: impl Into<Arc<str>>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// The name that tracking ids carry: the plain name in the control namespace, `namespace_name` elsewhere.
    pub fn instance_name(&self, control_namespace: &Namespace) -> String {
        if self.namespace == *control_namespace {
            self.name.to_string()
        } else {
            format!("{}_{}", self.namespace, self.name)
        }
    }

    /// The application that tracking ids call by this name.
    pub fn of_instance(name: &str, control_namespace: &Namespace) -> Self {
        match name.split_once('_') {
            Some((namespace, name)) => Self::new(namespace, name),
            None => Self::new(control_namespace.clone(), name),
        }
    }
}

impl fmt::Display for ApplicationKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.name)
    }
}

impl fmt::Debug for ApplicationKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}
