//! The derive macros of tfplug: `#[derive(tfplug::Model)]` and `#[derive(tfplug::Choice)]`.
//!
//! `container` and `field` read a struct and its options, `staged` writes the model of a resource,
//! data source or provider, `nested` that of an object inside one. `choice` reads and writes an enum.

mod choice;
mod container;
mod field;
mod nested;
mod staged;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a struct the model of a resource, data source, ephemeral resource, provider block or nested
/// object.
///
/// # On the struct, one of
///
/// - `#[resource("example_file", version = 1, identity(path), deprecated = "Use ...")]`: the version is
///   that of the stored state, the identity names the attributes that tell one object from all others;
/// - `#[data("example_file")]`, `#[ephemeral("example_token")]`, `#[provider]`;
/// - `#[nested]`: an object inside one of them. It has no stage: its fields are plain types.
///
/// Its doc comment is the description.
///
/// # On a field
///
/// The type says who sets it: `S::Input<T>`, `S::Either<T>`, `S::Output<T>`, `S::WriteOnly<T>`; an
/// `Option<T>` may be null. The doc comment is the description. `#[attr(...)]` takes:
///
/// - `default = expression`: the value where the user gives none (a string literal is parsed);
/// - `check = function` (any number of them): `fn(&T) -> Result<(), impl Display>` for known values;
/// - `replace` or `replace = "why"`: a change means a new object;
/// - `another = function`, with `replace`: `fn(&Value, &Value) -> bool` says of a prior and a planned value, parts
///   of which may be unknown, whether they mean different objects; other changes replace nothing;
/// - `keep`: an update doesn't change this computed value;
/// - `sensitive`, `deprecated = "Use ..."`, `name = "type"`;
/// - `version = attribute`, for a write-only value: the attribute whose change sends it again;
/// - `required`, `optional`, `computed`, `write_only`: no effect beyond an error if the type says
///   otherwise. In a nested object `write_only`, `computed` and `optional, computed` make a field so;
///   a computed field is an `Option` there, `None` until the provider sets it.
///
/// `#[block]` or `#[block(min = 1, max = 2)]` makes a field of nested objects a block.
///
/// # What it adds
///
/// Beside `Model`: `FileComputed`, a struct of all that the provider sets, and
/// `store(FileComputed) -> File<Stored>` on `File<Applying>` and `File<Partial>`, so that a forgotten
/// value doesn't compile; `partial() -> File<Partial>` on `File<Applying>` and `File<Stored>`.
#[proc_macro_derive(Model, attributes(resource, data, ephemeral, provider, nested, attr, block))]
pub fn model(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let tokens = container::Container::read(&input).map(|container| match container.kind {
        container::Kind::Nested => nested::write(&container),
        _ => staged::write(&container),
    });
    tokens.unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Makes an enum without fields one of a few texts: `KeepAll` is `keep_all`, unless
/// `#[choice(name = "...")]` says otherwise. What is none of them is an error at plan that lists them.
///
/// Beside `Attr` it adds `FromStr` and `Display`.
#[proc_macro_derive(Choice, attributes(choice))]
pub fn choice(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    choice::write(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}
