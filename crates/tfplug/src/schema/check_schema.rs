//! Mistakes in a schema that Terraform would tell badly or not at all.

use super::{Attribute, Mode, Nesting, Schema, Shape};
use crate::diagnostic::Diagnostics;

/// Names that Terraform keeps for itself at the top of a resource or data source.
const RESERVED: [&str; 7] =
    ["connection", "count", "depends_on", "for_each", "lifecycle", "provider", "provisioner"];

impl Schema {
    /// What is wrong with the schema itself: each a mistake of the provider's author.
    pub fn problems(&self) -> Diagnostics {
        let mut problems = Diagnostics::new();
        let owner = if self.name.is_empty() { "the provider block" } else { &self.name };
        for attribute in &self.attributes {
            if RESERVED.contains(&attribute.name.as_str()) {
                tell(&mut problems, owner, &attribute.name, "Terraform keeps this name for itself");
            }
        }
        attributes(&mut problems, owner, &self.attributes, Place { blocks_allowed: true, in_set: false });
        for name in &self.identity {
            match self.attribute(name) {
                None => tell(&mut problems, owner, name, "it is part of the identity, but no attribute"),
                Some(attribute) if !matches!(attribute.shape, Shape::Type(_)) => {
                    tell(&mut problems, owner, name, "an identity is made of plain values");
                }
                Some(_) => {}
            }
        }
        problems
    }
}

/// Where attributes stand.
#[derive(Clone, Copy)]
struct Place {
    blocks_allowed: bool,
    in_set: bool,
}

fn attributes(problems: &mut Diagnostics, owner: &str, attributes: &[Attribute], place: Place) {
    for (index, attribute) in attributes.iter().enumerate() {
        let name = &attribute.name;
        let good = name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
            && name.chars().all(|character| {
                character.is_ascii_lowercase() || character.is_ascii_digit() || character == '_'
            });
        if !good {
            tell(problems, owner, name, "a name has lower-case letters, digits and underscores only");
        }
        if attributes[..index].iter().any(|other| other.name == *name) {
            tell(problems, owner, name, "the name stands twice");
        }
        if attribute.write_only && attribute.mode.is_computed() {
            tell(problems, owner, name, "what is write-only can't be computed");
        }
        if attribute.block.is_some() && !place.blocks_allowed {
            tell(problems, owner, name, "a nested attribute can't hold a block");
        }
        if attribute.block.is_some() && !matches!(attribute.shape, Shape::Nested(..)) {
            tell(problems, owner, name, "a block holds objects");
        }
        if attribute.replace.is_some() && attribute.mode == Mode::Computed {
            tell(problems, owner, name, "what only the provider sets can't ask for a replacement");
        }
        if let Some(version) = &attribute.version
            && !attributes.iter().any(|other| other.name == *version)
        {
            tell(problems, owner, name, "its version is no attribute beside it");
        }
        if attribute.write_only && place.in_set {
            tell(problems, owner, name, "Terraform has no write-only attributes in sets");
        }
        if let Shape::Nested(nesting, nested) = &attribute.shape {
            let blocks_allowed = attribute.block.is_some();
            let in_set = place.in_set || *nesting == Nesting::Set;
            self::attributes(problems, owner, nested, Place { blocks_allowed, in_set });
        }
    }
}

fn tell(problems: &mut Diagnostics, owner: &str, name: &str, what: &str) {
    problems.error(
        "",
        format!("The schema of {owner} is wrong at `{name}`"),
        format!("{what}. This is a bug in the provider."),
    );
}
