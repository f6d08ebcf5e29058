//! Schemas that the derive macro makes.

use tfplug::model::Model;
use tfplug::prelude::*;
use tfplug::schema::{Mode, Nesting, Shape};

use crate::provider::Box;

#[test]
fn the_derive_makes_the_schema_of_the_struct() {
    let schema = Box::<Stored>::schema();
    assert_eq!((schema.name.as_str(), schema.version), ("test_server", 2));
    assert_eq!(schema.description, "A server that listens.");
    assert_eq!(schema.deprecated.as_deref(), Some("Use a cloud."));
    let of = |name: &str| schema.attribute(name).unwrap();
    assert_eq!(of("region").mode, Mode::Required);
    assert_eq!(of("number").mode, Mode::OptionalComputed);
    assert_eq!(of("type").mode, Mode::Optional);
    assert_eq!(of("type").description, "What kind it is.\n\nOne of many.");
    assert_eq!(of("self").mode, Mode::Optional);
    assert_eq!(of("address").mode, Mode::OptionalComputed);
    assert_eq!(of("serial").mode, Mode::Computed);
    assert!(of("password_wo").write_only && of("password_wo").sensitive);
    assert!(matches!(of("disks").shape, Shape::Nested(Nesting::Map, _)));
    assert_eq!(of("port").block.unwrap().min, 1);
    assert!(schema.problems().is_empty(), "{}", schema.problems());
}

/// A model with every mistake that a schema can have.
#[derive(Clone, Debug, tfplug::Model)]
#[resource("test_wrong", identity(list))]
struct Wrong<S: Stage> {
    /// Kept by Terraform.
    count: S::Input<i64>,
    /// A bad name.
    #[attr(name = "Upper")]
    upper: S::Input<i64>,
    /// The same name.
    #[attr(name = "count")]
    again: S::Input<i64>,
    /// No plain value.
    list: S::Input<Vec<Inner>>,
    /// Without its version.
    #[attr(version = nothing)]
    secret: S::WriteOnly<Option<Secret>>,
    /// No block.
    #[block]
    block: S::Input<Vec<String>>,
    /// In a set.
    set: S::Input<Set<Hidden>>,
}

/// What is written only.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
struct Hidden {
    /// In a set.
    #[attr(write_only)]
    hidden: Option<Secret>,
}

/// Inside.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
struct Inner {
    /// A block in an attribute.
    #[block]
    block: Vec<Plain>,
}

/// Inside that.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
struct Plain {
    /// A value.
    value: bool,
}

#[test]
fn mistakes_in_a_schema_are_told_to_the_author() {
    let told = Wrong::<Stored>::schema().problems().to_string();
    for expected in [
        "at `count`: Terraform keeps this name for itself",
        "at `Upper`: a name has lower-case letters",
        "at `count`: the name stands twice",
        "at `list`: an identity is made of plain values",
        "at `secret`: its version is no attribute beside it",
        "at `block`: a block holds objects",
        "at `hidden`: Terraform has no write-only attributes in sets",
        "at `block`: a nested attribute can't hold a block",
    ] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
}
