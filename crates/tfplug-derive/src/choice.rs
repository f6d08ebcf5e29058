//! Writes `Attr` for an enum that is one of a few texts.

use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned as _;
use syn::{Data, DeriveInput, Error, Fields, Ident, Meta, Result};

use crate::container::{plain_name, string};

pub(crate) fn write(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new(input.span(), "a choice is an enum"));
    };
    let mut variants: Vec<&Ident> = Vec::new();
    let mut texts: Vec<String> = Vec::new();
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(Error::new(variant.span(), "a choice has no fields"));
        }
        let mut text = snake_case(&plain_name(&variant.ident));
        for attribute in variant.attrs.iter().filter(|attribute| attribute.path().is_ident("choice")) {
            match attribute.parse_args()? {
                Meta::NameValue(pair) if pair.path.is_ident("name") => text = string(&pair.value)?,
                other => return Err(Error::new(other.span(), "a choice takes `name = \"...\"`")),
            }
        }
        variants.push(&variant.ident);
        texts.push(text);
    }
    let ident = &input.ident;
    let list = texts.iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(", ");
    Ok(quote! {
        #[automatically_derived]
        impl ::core::str::FromStr for #ident {
            type Err = ::std::string::String;

            fn from_str(text: &str) -> ::core::result::Result<Self, ::std::string::String> {
                match text {
                    #(#texts => ::core::result::Result::Ok(#ident::#variants),)*
                    other => ::core::result::Result::Err(::std::format!("`{other}` is none of {}.", #list)),
                }
            }
        }

        #[automatically_derived]
        impl ::core::fmt::Display for #ident {
            fn fmt(&self, formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                formatter.pad(match self {
                    #(#ident::#variants => #texts,)*
                })
            }
        }

        #[automatically_derived]
        impl ::tfplug::attr::Attr for #ident {
            fn shape() -> ::tfplug::schema::Shape {
                ::tfplug::schema::Shape::Type(::tfplug::value::Type::String)
            }

            fn choices() -> &'static [&'static str] {
                &[#(#texts),*]
            }

            fn checks() -> ::std::vec::Vec<::tfplug::schema::Check> {
                ::std::vec![::tfplug::schema::checked(|text: &::std::string::String| text.parse::<#ident>().map(|_| ()))]
            }

            fn from_value(
                value: &::tfplug::value::Value,
                path: &::tfplug::path::Path,
            ) -> ::core::result::Result<Self, ::tfplug::codec::ValueError> {
                let text = <::std::string::String as ::tfplug::attr::Attr>::from_value(value, path)?;
                text.parse().map_err(|why: ::std::string::String| ::tfplug::codec::ValueError::refused(path, &why))
            }

            fn to_value(&self) -> ::tfplug::value::Value {
                ::tfplug::value::Value::String(::std::string::ToString::to_string(self))
            }
        }
    })
}

/// `KeepAll` as `keep_all`.
fn snake_case(name: &str) -> String {
    let mut text = String::new();
    for (index, character) in name.chars().enumerate() {
        if character.is_uppercase() && index > 0 {
            text.push('_');
        }
        text.extend(character.to_lowercase());
    }
    text
}
