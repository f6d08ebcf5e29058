//! The CustomResourceDefinitions, made from the Rust types.
//!
//! ```text
//! type ── schemars ──► JSON Schema ── structural() ──► OpenAPI v3 as the API server wants it ──► CRD
//! ```

mod structural;
#[cfg(test)]
mod tests;

use std::sync::OnceLock;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::application::Application;
use crate::application_set::ApplicationSet;
use crate::project::AppProject;

/// One of the three kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Application.
    Application,
    /// ApplicationSet.
    ApplicationSet,
    /// AppProject.
    AppProject,
}

impl Kind {
    /// All three, in the order in which they are installed.
    pub const ALL: &[Self] = &[Self::Application, Self::AppProject, Self::ApplicationSet];

    /// The kind, as a manifest writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Application => "Application",
            Self::ApplicationSet => "ApplicationSet",
            Self::AppProject => "AppProject",
        }
    }

    /// The plural, as URLs and `kubectl` write it.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Application => "applications",
            Self::ApplicationSet => "applicationsets",
            Self::AppProject => "appprojects",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }

    fn short_names(self) -> [&'static str; 2] {
        match self {
            Self::Application => ["app", "apps"],
            Self::ApplicationSet => ["appset", "appsets"],
            Self::AppProject => ["appproj", "appprojs"],
        }
    }

    /// The structural schema of the kind's objects. It is made once: the ApplicationSet's has 11,000 nodes.
    pub fn schema(self) -> &'static Value {
        static SCHEMAS: [OnceLock<Value>; 3] = [const { OnceLock::new() }; 3];
        match self {
            Self::Application => SCHEMAS[0].get_or_init(schema_of::<Application>),
            Self::ApplicationSet => SCHEMAS[1].get_or_init(schema_of::<ApplicationSet>),
            Self::AppProject => SCHEMAS[2].get_or_init(schema_of::<AppProject>),
        }
    }
}

pub(crate) fn schema_of<T: JsonSchema>() -> Value {
    let generator =
        SchemaSettings::openapi3().with(|settings| settings.inline_subschemas = true).into_generator();
    structural::structural(generator.into_root_schema_for::<T>().to_value())
}

/// The three CustomResourceDefinitions, in the order in which they are installed.
pub fn all() -> Vec<Value> {
    Kind::ALL.iter().map(|kind| definition(*kind)).collect()
}

/// The CustomResourceDefinition of one kind, `apiextensions.k8s.io/v1`.
pub fn definition(kind: Kind) -> Value {
    let mut schema = kind.schema().clone();
    if kind == Kind::ApplicationSet {
        // An application's specification is in here 28 times. Described each time it would be a megabyte, of
        // the megabyte and a half that etcd takes; one description, in the template, is enough.
        let generators = &mut schema["properties"]["spec"]["properties"]["generators"];
        structural::without_descriptions_below(generators, &["template", "generators"]);
    }
    let mut version = json!({
        "name": crate::VERSION,
        "served": true,
        "storage": true,
        "schema": {"openAPIV3Schema": schema},
    });
    match kind {
        // Status, operation and specification share one write path: a status subresource would shut Argo CD's
        // clients out, which write `operation` and `status.operationState` by plain updates.
        Kind::Application => {
            version["subresources"] = json!({});
            version["additionalPrinterColumns"] = json!([
                {"name": "Sync Status", "type": "string", "jsonPath": ".status.sync.status"},
                {"name": "Health Status", "type": "string", "jsonPath": ".status.health.status"},
                {"name": "Revision", "type": "string", "jsonPath": ".status.sync.revision", "priority": 10},
                {"name": "Project", "type": "string", "jsonPath": ".spec.project", "priority": 10},
            ]);
        }
        Kind::ApplicationSet => version["subresources"] = json!({"status": {}}),
        Kind::AppProject => {}
    }
    let name = format!("{}.{}", kind.plural(), crate::GROUP);
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": name,
            "labels": {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "argocd"},
        },
        "spec": {
            "group": crate::GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind.as_str(),
                "listKind": format!("{}List", kind.as_str()),
                "plural": kind.plural(),
                "singular": kind.as_str().to_lowercase(),
                "shortNames": kind.short_names(),
            },
            "versions": [version],
        },
    })
}
