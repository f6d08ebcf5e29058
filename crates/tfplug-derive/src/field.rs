//! A field: who sets it, what it holds, how it behaves.

use proc_macro2::TokenStream;
use quote::quote;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Error, Expr, ExprLit, GenericArgument, Ident, Lit, Meta, PathArguments, Result, Token, Type};

use crate::container::{description, integer, plain_name, string};

/// Who sets a field.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setter {
    Input,
    Either,
    Output,
    WriteOnly,
}

pub(crate) struct Field {
    pub(crate) ident: Ident,
    /// The name in a configuration.
    pub(crate) name: String,
    pub(crate) setter: Setter,
    /// What it holds, without the stage around it.
    pub(crate) holds: Type,
    description: String,
    options: Vec<Opt>,
    block: Option<(u32, u32)>,
}

enum Opt {
    Default(Expr),
    Check(Expr),
    Replace(String),
    Another(Expr),
    Keep,
    Sensitive,
    Deprecated(String),
    Version(String),
}

impl Field {
    pub(crate) fn read(field: &syn::Field, stage: Option<&Ident>) -> Result<Field> {
        let Some(ident) = field.ident.clone() else {
            return Err(Error::new(field.span(), "a field has a name"));
        };
        let (setter, holds) = match stage {
            Some(stage) => staged_type(&field.ty, stage)?,
            None => (Setter::Input, field.ty.clone()),
        };
        let mut read = Field {
            name: plain_name(&ident),
            ident,
            setter,
            holds,
            description: description(&field.attrs)?,
            options: Vec::new(),
            block: None,
        };
        // Checked at the end: they depend on other options, in whatever order these stand.
        let mut assertions = Vec::new();
        for attribute in &field.attrs {
            if attribute.path().is_ident("attr") {
                let options = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)?;
                for option in options {
                    read.read_option(&option, stage.is_some(), &mut assertions)?;
                }
            } else if attribute.path().is_ident("block") {
                read.block = Some(limits(&attribute.meta)?);
            }
        }
        for (name, option) in assertions {
            if name == "optional" && stage.is_none() && read.setter == Setter::Output {
                read.setter = Setter::Either;
            }
            read.assert_is(&name, stage.is_some(), &option)?;
        }
        Ok(read)
    }

    fn read_option(
        &mut self,
        option: &Meta,
        staged: bool,
        assertions: &mut Vec<(String, Meta)>,
    ) -> Result<()> {
        let Some(name) = option.path().get_ident().map(ToString::to_string) else {
            return Err(Error::new(option.span(), "no such option"));
        };
        match (name.as_str(), option) {
            ("default", Meta::NameValue(pair)) => self.options.push(Opt::Default(pair.value.clone())),
            ("check", Meta::NameValue(pair)) => self.options.push(Opt::Check(pair.value.clone())),
            ("replace", Meta::NameValue(pair)) => self.options.push(Opt::Replace(string(&pair.value)?)),
            ("replace", Meta::Path(_)) => self.options.push(Opt::Replace(String::new())),
            ("another", Meta::NameValue(pair)) => self.options.push(Opt::Another(pair.value.clone())),
            ("keep", Meta::Path(_)) => self.options.push(Opt::Keep),
            ("sensitive", Meta::Path(_)) => self.options.push(Opt::Sensitive),
            ("deprecated", Meta::NameValue(pair)) => self.options.push(Opt::Deprecated(string(&pair.value)?)),
            ("name", Meta::NameValue(pair)) => self.name = string(&pair.value)?,
            ("version", Meta::NameValue(pair)) => {
                let name = match &pair.value {
                    Expr::Path(path) => path.path.require_ident().map(plain_name)?,
                    other => string(other)?,
                };
                self.options.push(Opt::Version(name));
            }
            ("write_only", Meta::Path(_)) if !staged => self.setter = Setter::WriteOnly,
            ("computed", Meta::Path(_)) if !staged => {
                if inside_option(&self.holds).is_none() {
                    return Err(Error::new(
                        option.span(),
                        "a computed field of a nested object is an `Option`: it is `None` until the provider sets it",
                    ));
                }
                self.setter = Setter::Output;
            }
            ("required" | "optional" | "computed" | "write_only", Meta::Path(_)) => {
                assertions.push((name, option.clone()));
            }
            _ => {
                return Err(Error::new(
                    option.span(),
                    format!("no such option, or not in this form: `{name}`"),
                ));
            }
        }
        Ok(())
    }

    /// An error if the type of the field says something else than the option.
    fn assert_is(&self, name: &str, staged: bool, option: &Meta) -> Result<()> {
        let nullable = inside_option(&self.holds).is_some();
        let fits = match name {
            "required" => matches!(self.setter, Setter::Input | Setter::WriteOnly) && !nullable,
            // In a nested object the type says only whether the value may be null.
            "optional" if !staged => nullable || self.has_default(),
            "optional" => match self.setter {
                Setter::Input => nullable || self.has_default(),
                Setter::Either => true,
                Setter::WriteOnly => nullable,
                Setter::Output => false,
            },
            "computed" => matches!(self.setter, Setter::Either | Setter::Output),
            _ => self.setter == Setter::WriteOnly,
        };
        if fits {
            return Ok(());
        }
        Err(Error::new(option.span(), format!("the type of the field says that it isn't {name}")))
    }

    fn has_default(&self) -> bool {
        self.options.iter().any(|option| matches!(option, Opt::Default(_)))
    }

    /// The expression that makes its `Attribute`.
    pub(crate) fn attribute(&self) -> TokenStream {
        let Field { name, holds, description, .. } = self;
        let inner = inside_option(holds).unwrap_or(holds);
        let who = match self.setter {
            Setter::Input => quote!(),
            Setter::Either => quote!(let attribute = attribute.either();),
            Setter::Output => quote!(let attribute = attribute.output();),
            Setter::WriteOnly => quote!(let attribute = attribute.write_only();),
        };
        let block = self.block.map(|(min, max)| {
            quote!(let attribute = attribute.block(::tfplug::schema::Limits { min: #min, max: #max });)
        });
        let options = self.options.iter().map(|option| match option {
            Opt::Default(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => quote! {
                let attribute = {
                    let default: #inner = ::core::str::FromStr::from_str(#text)
                        .expect("the default in the model is a valid value");
                    attribute.default(&default)
                };
            },
            Opt::Default(value) => quote! {
                let attribute = {
                    let default: #inner = #value;
                    attribute.default(&default)
                };
            },
            Opt::Check(check) => quote! {
                let attribute = attribute.check::<#inner, _>(|value: &#inner| (#check)(value));
            },
            Opt::Replace(why) => quote!(let attribute = attribute.replace(#why);),
            Opt::Another(another) => quote!(let attribute = attribute.another(#another);),
            Opt::Keep => quote!(let attribute = attribute.keep();),
            Opt::Sensitive => quote!(let attribute = attribute.sensitive();),
            Opt::Deprecated(instead) => quote!(let attribute = attribute.deprecated(#instead);),
            Opt::Version(version) => quote!(let attribute = attribute.version(#version);),
        });
        quote! {{
            let attribute = ::tfplug::schema::Attribute::of::<#holds>(#name).description(#description);
            #who
            #block
            #(#options)*
            attribute
        }}
    }
}

/// `S::Input<T>` taken apart.
fn staged_type(ty: &Type, stage: &Ident) -> Result<(Setter, Type)> {
    let wrong = || {
        Error::new(
            ty.span(),
            format!(
                "a field is a `{stage}::Input<T>`, `{stage}::Either<T>`, `{stage}::Output<T>` or `{stage}::WriteOnly<T>`"
            ),
        )
    };
    let Type::Path(path) = ty else { return Err(wrong()) };
    let mut segments = path.path.segments.iter();
    let (Some(first), Some(second), None) = (segments.next(), segments.next(), segments.next()) else {
        return Err(wrong());
    };
    if first.ident != *stage {
        return Err(wrong());
    }
    let setter = match second.ident.to_string().as_str() {
        "Input" => Setter::Input,
        "Either" => Setter::Either,
        "Output" => Setter::Output,
        "WriteOnly" => Setter::WriteOnly,
        _ => return Err(wrong()),
    };
    let PathArguments::AngleBracketed(arguments) = &second.arguments else { return Err(wrong()) };
    match arguments.args.first() {
        Some(GenericArgument::Type(holds)) if arguments.args.len() == 1 => Ok((setter, holds.clone())),
        _ => Err(wrong()),
    }
}

/// The `T` of an `Option<T>`.
fn inside_option(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first() {
        Some(GenericArgument::Type(inner)) if last.ident == "Option" => Some(inner),
        _ => None,
    }
}

fn limits(meta: &Meta) -> Result<(u32, u32)> {
    let mut limits = (0, 0);
    if let Meta::List(list) = meta {
        for option in list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)? {
            match &option {
                Meta::NameValue(pair) if pair.path.is_ident("min") => {
                    limits.0 = integer(&pair.value)?.base10_parse()?;
                }
                Meta::NameValue(pair) if pair.path.is_ident("max") => {
                    limits.1 = integer(&pair.value)?.base10_parse()?;
                }
                other => return Err(Error::new(other.span(), "a block takes `min` and `max`")),
            }
        }
    }
    Ok(limits)
}
