//! Between the wire's messages and this crate's values.

use crate::codec::{json, msgpack};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::path::{Path, Step};
use crate::proto::tfplugin6 as wire;
use crate::schema::{Attribute, Mode, Nesting, Schema, Shape};
use crate::value::{Type, Value};

/// A value of a type from the wire. Nothing at all is null.
pub(super) fn value(dynamic: Option<&wire::DynamicValue>, ty: &Type) -> Result<Value, Diagnostics> {
    match dynamic {
        Some(dynamic) if !dynamic.msgpack.is_empty() => Ok(msgpack::decode(&dynamic.msgpack, ty)?),
        Some(dynamic) if !dynamic.json.is_empty() => {
            Ok(json::decode(&dynamic.json, ty, json::Objects::Exact)?)
        }
        _ => Ok(Value::Null),
    }
}

/// A value of a type for the wire.
pub(super) fn dynamic(value: &Value, ty: &Type) -> Result<wire::DynamicValue, Diagnostics> {
    Ok(wire::DynamicValue { msgpack: msgpack::encode(value, ty)?, json: Vec::new() })
}

/// An identity for the wire.
pub(super) fn identity(
    value: Option<&Value>,
    schema: &Schema,
) -> Result<Option<wire::ResourceIdentityData>, Diagnostics> {
    value
        .map(|value| {
            Ok(wire::ResourceIdentityData { identity_data: Some(dynamic(value, &schema.identity_type())?) })
        })
        .transpose()
}

pub(super) fn path(path: &Path) -> Option<wire::AttributePath> {
    use wire::attribute_path::step::Selector;
    let mut steps = Vec::new();
    for step in path.steps() {
        let selector = match step {
            Step::Attribute(name) => Selector::AttributeName(name.clone()),
            Step::Key(key) => Selector::ElementKeyString(key.clone()),
            Step::Index(index) => Selector::ElementKeyInt(i64::try_from(*index).unwrap_or(i64::MAX)),
            // Beyond here the protocol has no names.
            Step::Element => break,
        };
        steps.push(wire::attribute_path::Step { selector: Some(selector) });
    }
    (!steps.is_empty()).then_some(wire::AttributePath { steps })
}

pub(super) fn diagnostics(diagnostics: Diagnostics) -> Vec<wire::Diagnostic> {
    diagnostics.into_iter().map(diagnostic).collect()
}

/// The diagnostics at places that Terraform can show a line for. It knows none within the value of an
/// attribute: there the attribute is pointed at, and the text names the place.
pub(super) fn placed(mut diagnostics: Diagnostics, schema: &Schema) -> Diagnostics {
    for diagnostic in &mut diagnostics {
        let shown = shown(&diagnostic.path, &schema.attributes);
        if shown == diagnostic.path {
            continue;
        }
        let place = diagnostic.path.to_string();
        if !diagnostic.summary.contains(&place) && !diagnostic.detail.contains(&place) {
            let gap = if diagnostic.detail.is_empty() { "" } else { "\n\n" };
            diagnostic.detail = format!("{}{gap}At `{place}`.", diagnostic.detail);
        }
        diagnostic.path = shown;
    }
    diagnostics
}

/// The path up to the first attribute that is no block, with the element of it.
fn shown(path: &Path, attributes: &[Attribute]) -> Path {
    let mut shown = Path::root();
    let mut level = attributes;
    let mut steps = path.steps().iter();
    while let Some(step) = steps.next() {
        shown = shown.with(step.clone());
        let Step::Attribute(name) = step else { continue };
        let attribute = level.iter().find(|attribute| attribute.name == *name);
        match attribute.map(|attribute| (attribute.block, &attribute.shape)) {
            Some((Some(_), Shape::Nested(_, nested))) => level = nested,
            Some(_) => {
                let element = steps.next().filter(|step| matches!(step, Step::Index(_) | Step::Key(_)));
                return element.map_or(shown.clone(), |element| shown.with(element.clone()));
            }
            None => return path.clone(),
        }
    }
    shown
}

fn diagnostic(diagnostic: Diagnostic) -> wire::Diagnostic {
    let severity = match diagnostic.severity {
        Severity::Error => wire::diagnostic::Severity::Error,
        Severity::Warning => wire::diagnostic::Severity::Warning,
    };
    wire::Diagnostic {
        severity: severity.into(),
        summary: diagnostic.summary,
        detail: diagnostic.detail,
        attribute: path(&diagnostic.path),
    }
}

pub(super) fn schema(schema: &Schema) -> wire::Schema {
    let mut block = block(&schema.attributes, &schema.description);
    block.deprecated = schema.deprecated.is_some();
    block.deprecation_message = schema.deprecated.clone().unwrap_or_default();
    wire::Schema { version: schema.version, block: Some(block) }
}

fn block(attributes: &[Attribute], description: &str) -> wire::schema::Block {
    let (blocks, plain): (Vec<&Attribute>, Vec<&Attribute>) =
        attributes.iter().partition(|attribute| attribute.block.is_some());
    wire::schema::Block {
        attributes: plain.into_iter().map(attribute).collect(),
        block_types: blocks.into_iter().map(nested_block).collect(),
        description: description.to_owned(),
        description_kind: wire::StringKind::Markdown.into(),
        ..wire::schema::Block::default()
    }
}

fn nested_block(attribute: &Attribute) -> wire::schema::NestedBlock {
    use wire::schema::nested_block::NestingMode;
    let (nesting, nested): (_, &[Attribute]) = match &attribute.shape {
        Shape::Nested(nesting, nested) => (*nesting, nested),
        Shape::Type(_) => (Nesting::Single, &[]),
    };
    let nesting = match nesting {
        Nesting::Single => NestingMode::Single,
        Nesting::List => NestingMode::List,
        Nesting::Set => NestingMode::Set,
        Nesting::Map => NestingMode::Map,
    };
    let limits = attribute.block.unwrap_or_default();
    let mut block = block(nested, &attribute.description);
    block.deprecated = attribute.deprecated.is_some();
    block.deprecation_message = attribute.deprecated.clone().unwrap_or_default();
    wire::schema::NestedBlock {
        type_name: attribute.name.clone(),
        block: Some(block),
        nesting: nesting.into(),
        min_items: limits.min.into(),
        max_items: limits.max.into(),
    }
}

fn attribute(attribute: &Attribute) -> wire::schema::Attribute {
    use wire::schema::object::NestingMode;
    let (ty, nested) = match &attribute.shape {
        Shape::Type(ty) => (ty.to_bytes(), None),
        Shape::Nested(nesting, nested) => {
            let nesting = match nesting {
                Nesting::Single => NestingMode::Single,
                Nesting::List => NestingMode::List,
                Nesting::Set => NestingMode::Set,
                Nesting::Map => NestingMode::Map,
            };
            let attributes = nested.iter().map(self::attribute).collect();
            let object = wire::schema::Object {
                attributes,
                nesting: nesting.into(),
                ..wire::schema::Object::default()
            };
            (Vec::new(), Some(object))
        }
    };
    wire::schema::Attribute {
        name: attribute.name.clone(),
        r#type: ty,
        nested_type: nested,
        description: attribute.description.clone(),
        description_kind: wire::StringKind::Markdown.into(),
        required: attribute.mode == Mode::Required,
        optional: matches!(attribute.mode, Mode::Optional | Mode::OptionalComputed),
        computed: attribute.mode.is_computed(),
        sensitive: attribute.sensitive,
        write_only: attribute.write_only,
        deprecated: attribute.deprecated.is_some(),
        deprecation_message: attribute.deprecated.clone().unwrap_or_default(),
    }
}
