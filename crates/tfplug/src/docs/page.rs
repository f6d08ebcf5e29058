//! One page each.

use std::fmt::Write as _;

use crate::framework::{Parameter, Signature};
use crate::schema::{Attribute, Mode, Nesting, Schema, Shape};

pub(super) fn provider(schema: &Schema, name: &str, example: Option<&str>) -> String {
    let mut page = head(&format!("{name} Provider"), &format!("{name} Provider"), &schema.description, None);
    fenced(&mut page, "## Example Usage", "terraform", example);
    attributes_section(&mut page, &schema.attributes);
    page
}

pub(super) fn resource(schema: &Schema, example: Option<&str>, import: Option<&str>) -> String {
    let mut page = schema_page(schema, "Resource", example);
    if import.is_some() || !schema.identity.is_empty() {
        page.push_str("\n## Import\n\n");
        if !schema.identity.is_empty() {
            let form = schema.identity.join("/");
            let _ = writeln!(page, "The id has the form `{form}`.");
        }
        if let Some(import) = import {
            let _ = write!(page, "\n```shell\n{}\n```\n", import.trim_end());
        }
    }
    page
}

pub(super) fn schema_page(schema: &Schema, kind: &str, example: Option<&str>) -> String {
    let title = format!("{} ({kind})", schema.name);
    let mut page =
        head(&format!("{} {kind}", schema.name), &title, &schema.description, schema.deprecated.as_deref());
    fenced(&mut page, "## Example Usage", "terraform", example);
    attributes_section(&mut page, &schema.attributes);
    page
}

pub(super) fn function(signature: &Signature, example: Option<&str>) -> String {
    let Signature { name, summary, description, parameters, variadic, returns } = signature;
    let mut page = head(&format!("{name} function"), &format!("function: {name}"), summary, None);
    let _ = write!(page, "\n{description}\n");
    fenced(&mut page, "## Example Usage", "terraform", example);
    let mut shown: Vec<String> =
        parameters.iter().map(|parameter| format!("{} {}", parameter.name, parameter.ty)).collect();
    shown.extend(variadic.iter().map(|parameter| format!("{} {}...", parameter.name, parameter.ty)));
    let _ = write!(page, "\n## Signature\n\n```text\n{name}({}) {returns}\n```\n", shown.join(", "));
    if !parameters.is_empty() || variadic.is_some() {
        page.push_str("\n## Arguments\n\n");
    }
    for Parameter { name, ty, description, nullable, .. } in parameters.iter().chain(variadic) {
        let nullable = if *nullable { ", Nullable" } else { "" };
        let _ = writeln!(page, "- `{name}` ({ty}{nullable}) {}", one_line(description));
    }
    page
}

fn head(page_title: &str, title: &str, description: &str, deprecated: Option<&str>) -> String {
    let first = description.split("\n\n").next().unwrap_or_default();
    let mut page = format!("---\npage_title: {page_title:?}\nsubcategory: \"\"\ndescription: |-\n");
    for line in first.lines() {
        let _ = writeln!(page, "  {line}");
    }
    let _ = write!(page, "---\n\n# {title}\n\n{description}\n");
    if let Some(instead) = deprecated {
        let _ = write!(page, "\n~> **Deprecated** {instead}\n");
    }
    page
}

fn fenced(page: &mut String, heading: &str, language: &str, text: Option<&str>) {
    if let Some(text) = text {
        let _ = write!(page, "\n{heading}\n\n```{language}\n{}\n```\n", text.trim_end());
    }
}

fn attributes_section(page: &mut String, attributes: &[Attribute]) {
    page.push_str("\n## Schema\n");
    let mut nested = Vec::new();
    groups(page, attributes, "", &mut nested);
    // Breadth first, so that a page reads from the outside in.
    let mut next = 0;
    while let Some((path, attributes)) = nested.get(next).cloned() {
        next += 1;
        let _ = write!(
            page,
            "\n<a id=\"nested--{}\"></a>\n### Nested Schema for `{path}`\n",
            path.replace('.', "--")
        );
        groups(page, attributes, &path, &mut nested);
    }
}

type Nested<'a> = Vec<(String, &'a [Attribute])>;

fn groups<'a>(page: &mut String, attributes: &'a [Attribute], parent: &str, nested: &mut Nested<'a>) {
    let headings = [
        ("Required", [Mode::Required, Mode::Required]),
        ("Optional", [Mode::Optional, Mode::OptionalComputed]),
        ("Read-Only", [Mode::Computed, Mode::Computed]),
    ];
    let level = if parent.is_empty() { "###" } else { "####" };
    for (heading, modes) in headings {
        let mut members: Vec<&Attribute> =
            attributes.iter().filter(|attribute| modes.contains(&attribute.mode)).collect();
        members.sort_by(|left, right| left.name.cmp(&right.name));
        if members.is_empty() {
            continue;
        }
        let _ = write!(page, "\n{level} {heading}\n\n");
        for attribute in members {
            let path = if parent.is_empty() {
                attribute.name.clone()
            } else {
                format!("{parent}.{}", attribute.name)
            };
            line(page, attribute, &path);
            if let Shape::Nested(_, members) = &attribute.shape {
                nested.push((path, members));
            }
        }
    }
}

fn line(page: &mut String, attribute: &Attribute, path: &str) {
    let mut facts = vec![type_name(attribute)];
    if attribute.sensitive {
        facts.push("Sensitive".to_owned());
    }
    if attribute.write_only {
        facts.push("Write-only".to_owned());
    }
    if attribute.deprecated.is_some() {
        facts.push("Deprecated".to_owned());
    }
    let mut text = one_line(&attribute.description);
    let mut add = |sentence: String| {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&sentence);
    };
    if !attribute.choices.is_empty() && attribute.mode.is_configurable() {
        let choices: Vec<String> = attribute.choices.iter().map(|choice| format!("`{choice}`")).collect();
        add(format!("One of {}.", choices.join(", ")));
    }
    if let Some(default) = attribute.default.as_ref().and_then(shown) {
        add(format!("Default: `{default}`."));
    }
    if let Some(why) = &attribute.replace {
        let why = if why.is_empty() { String::new() } else { format!(": {why}") };
        let may = if attribute.another.is_some() { "may replace" } else { "replaces" };
        add(format!("A change {may} the object{why}."));
    }
    if let Some(version) = &attribute.version {
        add(format!("Sent again when `{version}` changes."));
    }
    if let Some(instead) = &attribute.deprecated {
        add(instead.clone());
    }
    if matches!(attribute.shape, Shape::Nested(..)) {
        add(format!("(see [below for nested schema](#nested--{}))", path.replace('.', "--")));
    }
    let _ = writeln!(page, "- `{}` ({}) {text}", attribute.name, facts.join(", "));
}

fn type_name(attribute: &Attribute) -> String {
    use crate::value::Type;
    fn of(ty: &Type) -> String {
        match ty {
            Type::Bool => "Boolean".to_owned(),
            Type::Number => "Number".to_owned(),
            Type::String => "String".to_owned(),
            Type::Dynamic => "Dynamic".to_owned(),
            Type::List(element) => format!("List of {}", of(element)),
            Type::Set(element) => format!("Set of {}", of(element)),
            Type::Map(element) => format!("Map of {}", of(element)),
            Type::Object { .. } => "Object".to_owned(),
            Type::Tuple(_) => "Tuple".to_owned(),
        }
    }
    match &attribute.shape {
        Shape::Type(ty) => of(ty),
        Shape::Nested(nesting, _) => {
            let kind = if attribute.block.is_some() { "Block" } else { "Attributes" };
            match nesting {
                Nesting::Single if attribute.block.is_some() => "Block".to_owned(),
                Nesting::Single => "Attributes".to_owned(),
                Nesting::List => format!("{kind} List"),
                Nesting::Set => format!("{kind} Set"),
                Nesting::Map => format!("{kind} Map"),
            }
        }
    }
}

/// A default as a user would write it, if it is short.
fn shown(value: &crate::value::Value) -> Option<String> {
    let bytes = crate::codec::json::encode_untyped(value).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    (text.len() <= 60).then_some(text)
}

/// A description in a list: paragraphs become sentences.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
