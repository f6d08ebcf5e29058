//! Writes `Attr` for an object inside a model.

use proc_macro2::TokenStream;
use quote::quote;

use crate::container::Container;
use crate::field::Field;

pub(crate) fn write(container: &Container) -> TokenStream {
    let Container { ident, .. } = container;
    let attributes = container.fields.iter().map(Field::attribute);
    let fields: Vec<_> = container.fields.iter().map(|field| &field.ident).collect();
    let names: Vec<_> = container.fields.iter().map(|field| &field.name).collect();
    quote! {
        #[automatically_derived]
        impl ::tfplug::attr::Attr for #ident {
            fn shape() -> ::tfplug::schema::Shape {
                ::tfplug::schema::Shape::Nested(::tfplug::schema::Nesting::Single, ::std::vec![#(#attributes),*])
            }

            fn from_value(
                value: &::tfplug::value::Value,
                path: &::tfplug::path::Path,
            ) -> ::core::result::Result<Self, ::tfplug::codec::ValueError> {
                ::tfplug::attr::expect_object(value, path)?;
                ::core::result::Result::Ok(#ident {
                    #(#fields: ::tfplug::attr::Attr::from_value(value.attribute(#names), &path.attribute(#names))?,)*
                })
            }

            fn to_value(&self) -> ::tfplug::value::Value {
                ::tfplug::value::Value::map([
                    #((#names, ::tfplug::attr::Attr::to_value(&self.#fields)),)*
                ] as [(&str, ::tfplug::value::Value); _])
            }
        }
    }
}
