//! What a resource, data source or provider block looks like, and how each of its attributes behaves.
//!
//! Mostly made by `#[derive(Model)]`; [`Schema`] is plain data all the same.
//!
//! A block (`rule { ... }`) and a nested attribute (`rules = [{ ... }]`) are both an [`Attribute`] here,
//! because planning, validation and consistency treat them alike; [`Attribute::block`] tells them apart.

mod attribute;
mod check_schema;

use crate::value::Type;

pub use attribute::{Another, Attribute, Check, Limits, Mode, Nesting, Same, Shape, checked};

/// The shape of a resource, a data source or the provider block.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    /// The type name with the provider's prefix, `example_file`. Empty for the provider itself.
    pub name: String,
    /// Raised when stored states have to be upgraded.
    pub version: i64,
    /// Markdown.
    pub description: String,
    /// What to use in its stead.
    pub deprecated: Option<String>,
    /// Attributes and blocks.
    pub attributes: Vec<Attribute>,
    /// The attributes that tell one object from all others, in the order in which an import id has them.
    pub identity: Vec<String>,
}

impl Schema {
    /// The type of its values: an object.
    pub fn ty(&self) -> Type {
        Type::object(self.attributes.iter().map(|attribute| (attribute.name.clone(), attribute.ty())))
    }

    /// The attribute or block with this name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    /// The type of its identity: an object of the identifying attributes.
    pub fn identity_type(&self) -> Type {
        Type::object(
            self.identity
                .iter()
                .filter_map(|name| self.attribute(name))
                .map(|attribute| (attribute.name.clone(), attribute.ty())),
        )
    }
}
