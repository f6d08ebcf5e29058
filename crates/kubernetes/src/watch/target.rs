//! What a watch looks at.

use bridgehead_api::GroupKind;

use crate::connect::RequestBuilder;
use crate::discovery::Resource;

/// Objects of one kind: all of them, those of a namespace, those with certain labels or fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchTarget {
    /// The kind, in the version that frames are wanted in.
    pub resource: Resource,
    /// Only in this namespace.
    pub namespace: Option<String>,
    /// As in `app=web,tier!=cache`.
    pub label_selector: Option<String>,
    /// As in `metadata.name=web`.
    pub field_selector: Option<String>,
}

impl WatchTarget {
    /// All objects of a kind.
    pub fn all(resource: Resource) -> Self {
        Self { resource, namespace: None, label_selector: None, field_selector: None }
    }

    /// Only those of one namespace.
    #[must_use]
    pub fn in_namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// Only those with these labels.
    #[must_use]
    pub fn labelled(mut self, selector: impl Into<String>) -> Self {
        self.label_selector = Some(selector.into());
        self
    }

    /// Only the one with this name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.field_selector = Some(format!("metadata.name={name}"));
        self
    }

    /// The kind.
    pub fn kind(&self) -> &GroupKind {
        &self.resource.gvk.group_kind
    }

    /// As in `watch apps/Deployment in shop`.
    pub(super) fn operation(&self, verb: &str) -> String {
        match &self.namespace {
            Some(namespace) => format!("{verb} {} in {namespace}", self.kind()),
            None => format!("{verb} {}", self.kind()),
        }
    }

    pub(super) fn request(&self, verb: &str) -> RequestBuilder {
        let path = self.resource.collection(self.namespace.as_deref());
        let mut request = RequestBuilder::get(path, self.operation(verb));
        if let Some(selector) = &self.label_selector {
            request = request.query("labelSelector", selector);
        }
        if let Some(selector) = &self.field_selector {
            request = request.query("fieldSelector", selector);
        }
        request
    }
}
