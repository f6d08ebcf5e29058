//! The wire's definition has the shape of the published one: every RPC, message, field number
//! and type.
//!
//! `tests/protocol/tfplugin6.11.txt` was made from the definition in a release of Terraform
//! (v1.16.0-rc2, `docs/plugin-protocol/tfplugin6.proto`). To make it anew from a later one:
//!
//! ```sh
//! TFPLUG_PUBLISHED_DEFINITION=/path/to/tfplugin6.proto cargo test -p tfplug --test protocol_shape
//! ```

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::Path;

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/protocol/tfplugin6.11.txt");

#[test]
fn ours_has_the_shape_of_the_published_definition() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
    let ours = shape(&folder.join("tfplugin6.proto"));
    if let Some(published) = std::env::var_os("TFPLUG_PUBLISHED_DEFINITION") {
        std::fs::write(GOLDEN, shape(Path::new(&published)).join("\n") + "\n").unwrap();
    }
    let golden = std::fs::read_to_string(GOLDEN).unwrap();
    let published: Vec<&str> = golden.lines().collect();
    assert_eq!(ours, published);
}

/// One line for each RPC, message, field, enum and enum value, in alphabetical order.
fn shape(definition: &Path) -> Vec<String> {
    let set = protox::compile([definition], [definition.parent().unwrap()]).unwrap();
    let name = definition.file_name().and_then(|name| name.to_str()).unwrap();
    let file = set.file.iter().find(|file| file.name() == name).unwrap();
    let mut lines = BTreeSet::new();
    rpcs(file, &mut lines);
    for message in &file.message_type {
        describe(file.package(), message, &mut lines);
    }
    for item in &file.enum_type {
        describe_enum(file.package(), item, &mut lines);
    }
    lines.into_iter().collect()
}

fn rpcs(file: &FileDescriptorProto, lines: &mut BTreeSet<String>) {
    for service in &file.service {
        for rpc in &service.method {
            let stream = |streaming: bool| if streaming { "stream " } else { "" };
            lines.insert(format!(
                "rpc {}.{}/{}({}{}) -> {}{}",
                file.package(),
                service.name(),
                rpc.name(),
                stream(rpc.client_streaming()),
                rpc.input_type(),
                stream(rpc.server_streaming()),
                rpc.output_type()
            ));
        }
    }
}

fn describe(parent: &str, message: &DescriptorProto, lines: &mut BTreeSet<String>) {
    let name = format!("{parent}.{}", message.name());
    lines.insert(format!("message {name}"));
    for field in &message.field {
        lines.insert(format!("field {name} {}", describe_field(message, field)));
    }
    for nested in &message.nested_type {
        describe(&name, nested, lines);
    }
    for item in &message.enum_type {
        describe_enum(&name, item, lines);
    }
}

fn describe_field(message: &DescriptorProto, field: &FieldDescriptorProto) -> String {
    let label = match field.label() {
        Label::Repeated => "repeated ",
        _ if field.proto3_optional() => "optional ",
        _ => "",
    };
    let kind = match field.r#type() {
        Type::Message | Type::Enum => field.type_name().to_owned(),
        scalar => scalar.as_str_name().trim_start_matches("TYPE_").to_lowercase(),
    };
    let oneof = match field.oneof_index {
        Some(index) if !field.proto3_optional() => {
            let index = usize::try_from(index).unwrap();
            format!(" oneof {}", message.oneof_decl[index].name())
        }
        _ => String::new(),
    };
    format!("{:>2} {label}{kind} {}{oneof}", field.number(), field.name())
}

fn describe_enum(parent: &str, item: &EnumDescriptorProto, lines: &mut BTreeSet<String>) {
    for value in &item.value {
        lines.insert(format!("enum {parent}.{} {} {}", item.name(), value.number(), value.name()));
    }
}
