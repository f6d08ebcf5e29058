//! Writes `Model` and its companions for a resource, data source, ephemeral resource or provider block.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::container::{Container, Kind};
use crate::field::{Field, Setter};

pub(crate) fn write(container: &Container) -> TokenStream {
    let model = model(container);
    let companions = match container.kind {
        Kind::Provider => quote!(),
        _ => companions(container),
    };
    quote! { #model #companions }
}

fn model(container: &Container) -> TokenStream {
    let Container { ident, name, version, identity, description, .. } = container;
    let marker = match container.kind {
        Kind::Resource => quote!(ResourceModel),
        Kind::Data => quote!(DataModel),
        Kind::Ephemeral => quote!(EphemeralModel),
        Kind::Provider | Kind::Nested => quote!(ProviderModel),
    };
    let some = container
        .deprecated
        .as_ref()
        .map(|text| quote!(::core::option::Option::Some(::std::string::String::from(#text))));
    let deprecated = some.unwrap_or_else(|| quote!(::core::option::Option::None));
    let attributes = container.fields.iter().map(Field::attribute);
    let fields: Vec<_> = container.fields.iter().map(|field| &field.ident).collect();
    let names: Vec<_> = container.fields.iter().map(|field| &field.name).collect();
    quote! {
        #[automatically_derived]
        impl<S: ::tfplug::stage::Stage> ::tfplug::model::Model for #ident<S> {
            type Stage = S;
            type At<T: ::tfplug::stage::Stage> = #ident<T>;

            fn schema() -> ::tfplug::schema::Schema {
                ::tfplug::schema::Schema {
                    name: ::std::string::String::from(#name),
                    version: #version,
                    description: ::std::string::String::from(#description),
                    deprecated: #deprecated,
                    attributes: ::std::vec![#(#attributes),*],
                    identity: ::std::vec![#(::std::string::String::from(#identity)),*],
                }
            }

            fn from_value(
                value: &::tfplug::value::Value,
                path: &::tfplug::path::Path,
            ) -> ::core::result::Result<Self, ::tfplug::codec::ValueError> {
                ::core::result::Result::Ok(#ident {
                    #(#fields: ::tfplug::stage::Slot::from_value(value.attribute(#names), &path.attribute(#names))?,)*
                })
            }

            fn to_value(&self) -> ::tfplug::value::Value {
                ::tfplug::value::Value::map([
                    #((#names, ::tfplug::stage::Slot::to_value(&self.#fields)),)*
                ] as [(&str, ::tfplug::value::Value); _])
            }
        }

        #[automatically_derived]
        impl<S: ::tfplug::stage::Stage> ::tfplug::model::#marker for #ident<S> {}
    }
}

/// The struct of all that the provider sets, and the ways from stage to stage.
fn companions(container: &Container) -> TokenStream {
    let Container { ident, visibility, .. } = container;
    let computed = format_ident!("{ident}Computed");
    let computed_fields: Vec<&Field> = container
        .fields
        .iter()
        .filter(|field| matches!(field.setter, Setter::Either | Setter::Output))
        .collect();
    let names: Vec<_> = computed_fields.iter().map(|field| &field.ident).collect();
    let types: Vec<_> = computed_fields.iter().map(|field| &field.holds).collect();
    let docs = computed_fields.iter().map(|field| format!("`{}`", field.name));
    let summary = format!("What the provider sets in a [`{ident}`].");
    let stored: Vec<TokenStream> = container
        .fields
        .iter()
        .map(|Field { ident, setter, .. }| match setter {
            Setter::Input => quote!(#ident: self.#ident),
            Setter::Either | Setter::Output => quote!(#ident: computed.#ident),
            Setter::WriteOnly => quote!(#ident: ()),
        })
        .collect();
    let of_applying = container.fields.iter().map(|Field { ident, setter, .. }| match setter {
        Setter::Input | Setter::Either => quote!(#ident: ::core::clone::Clone::clone(&self.#ident)),
        Setter::Output => quote!(#ident: ::core::option::Option::None),
        Setter::WriteOnly => quote!(#ident: ()),
    });
    let of_stored = container.fields.iter().map(|Field { ident, setter, .. }| match setter {
        Setter::Input => quote!(#ident: ::core::clone::Clone::clone(&self.#ident)),
        Setter::Either | Setter::Output => {
            quote!(#ident: ::core::option::Option::Some(::core::clone::Clone::clone(&self.#ident)))
        }
        Setter::WriteOnly => quote!(#ident: ()),
    });
    quote! {
        #[doc = #summary]
        #visibility struct #computed {
            #(
                #[doc = #docs]
                pub #names: #types,
            )*
        }

        #[automatically_derived]
        impl #ident<::tfplug::stage::Applying> {
            /// What is stored: the planned values, and what the provider sets.
            #[must_use]
            #[allow(dead_code, unused_variables, clippy::needless_pass_by_value)]
            pub fn store(self, computed: #computed) -> #ident<::tfplug::stage::Stored> {
                #ident { #(#stored),* }
            }

            /// What is known before the provider has set anything.
            #[must_use]
            #[allow(dead_code)]
            pub fn partial(&self) -> #ident<::tfplug::stage::Partial> {
                #ident { #(#of_applying),* }
            }
        }

        #[automatically_derived]
        impl #ident<::tfplug::stage::Partial> {
            /// What is stored: the values of the prior state, and what the provider sets.
            #[must_use]
            #[allow(dead_code, unused_variables, clippy::needless_pass_by_value)]
            pub fn store(self, computed: #computed) -> #ident<::tfplug::stage::Stored> {
                #ident { #(#stored),* }
            }
        }

        #[automatically_derived]
        impl #ident<::tfplug::stage::Stored> {
            /// The same, as of an object that may not be finished.
            #[must_use]
            #[allow(dead_code)]
            pub fn partial(&self) -> #ident<::tfplug::stage::Partial> {
                #ident { #(#of_stored),* }
            }
        }
    }
}
