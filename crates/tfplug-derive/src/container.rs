//! The struct: what kind of model it is, and its options.

use syn::spanned::Spanned as _;
use syn::{
    Attribute, Data, DeriveInput, Error, Expr, ExprLit, Fields, Generics, Ident, Lit, LitInt, LitStr, Meta,
    Result, Visibility,
};

use crate::field::Field;

/// What a struct is the model of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Resource,
    Data,
    Ephemeral,
    Provider,
    Nested,
}

pub(crate) struct Container {
    pub(crate) kind: Kind,
    pub(crate) ident: Ident,
    pub(crate) visibility: Visibility,
    pub(crate) generics: Generics,
    pub(crate) name: String,
    pub(crate) version: i64,
    pub(crate) identity: Vec<String>,
    pub(crate) description: String,
    pub(crate) deprecated: Option<String>,
    pub(crate) fields: Vec<Field>,
}

impl Container {
    pub(crate) fn read(input: &DeriveInput) -> Result<Container> {
        let Data::Struct(data) = &input.data else {
            return Err(Error::new(input.span(), "a model is a struct"));
        };
        let Fields::Named(named) = &data.fields else {
            return Err(Error::new(input.span(), "a model has named fields"));
        };
        let mut kinds = input.attrs.iter().filter_map(|attribute| Some((kind(attribute)?, attribute)));
        let Some((kind, attribute)) = kinds.next() else {
            return Err(Error::new(
                input.ident.span(),
                "say what it is the model of: #[resource(\"name\")], #[data(\"name\")], #[ephemeral(\"name\")], \
                 #[provider] or #[nested]",
            ));
        };
        if let Some((_, second)) = kinds.next() {
            return Err(Error::new(second.span(), "a model is the model of one thing"));
        }
        let mut container = Container {
            kind,
            ident: input.ident.clone(),
            visibility: input.vis.clone(),
            generics: input.generics.clone(),
            name: String::new(),
            version: 0,
            identity: Vec::new(),
            description: description(&input.attrs)?,
            deprecated: None,
            fields: Vec::new(),
        };
        container.read_options(attribute)?;
        let stage = container.stage()?;
        for field in &named.named {
            container.fields.push(Field::read(field, stage.as_ref())?);
        }
        for name in &container.identity {
            if !container.fields.iter().any(|field| field.name == *name) {
                return Err(Error::new(
                    attribute.span(),
                    format!("the identity names `{name}`, which is no field"),
                ));
            }
        }
        Ok(container)
    }

    /// The parameter that stands for the stage; a nested object has none.
    pub(crate) fn stage(&self) -> Result<Option<Ident>> {
        let parameters: Vec<&Ident> = self.generics.type_params().map(|parameter| &parameter.ident).collect();
        match (self.kind, parameters.as_slice()) {
            (Kind::Nested, []) => Ok(None),
            (Kind::Nested, _) => Err(Error::new(self.generics.span(), "a nested object has no stage")),
            (_, [stage]) => Ok(Some((*stage).clone())),
            _ => Err(Error::new(self.ident.span(), "a model has one parameter, its stage: `<S: Stage>`")),
        }
    }

    fn read_options(&mut self, attribute: &Attribute) -> Result<()> {
        let Meta::List(list) = &attribute.meta else {
            return match self.kind {
                Kind::Provider | Kind::Nested => Ok(()),
                _ => Err(Error::new(attribute.span(), "give the type name: (\"example_file\")")),
            };
        };
        list.parse_args_with(|input: syn::parse::ParseStream<'_>| {
            if input.peek(LitStr) {
                self.name = input.parse::<LitStr>()?.value();
                if input.is_empty() {
                    return Ok(());
                }
                input.parse::<syn::Token![,]>()?;
            }
            let options = input.parse_terminated(Meta::parse_any, syn::Token![,])?;
            for option in options {
                self.read_option(&option)?;
            }
            Ok(())
        })?;
        if self.name.is_empty() && !matches!(self.kind, Kind::Provider | Kind::Nested) {
            return Err(Error::new(attribute.span(), "give the type name first: (\"example_file\")"));
        }
        Ok(())
    }

    fn read_option(&mut self, option: &Meta) -> Result<()> {
        match option {
            Meta::NameValue(pair) if pair.path.is_ident("version") && self.kind == Kind::Resource => {
                self.version = integer(&pair.value)?.base10_parse()?;
            }
            Meta::NameValue(pair) if pair.path.is_ident("deprecated") => {
                self.deprecated = Some(string(&pair.value)?);
            }
            Meta::List(list) if list.path.is_ident("identity") && self.kind == Kind::Resource => {
                let names = list.parse_args_with(
                    syn::punctuated::Punctuated::<Ident, syn::Token![,]>::parse_terminated,
                )?;
                self.identity = names.iter().map(plain_name).collect();
            }
            other => return Err(Error::new(other.span(), "no such option here")),
        }
        Ok(())
    }
}

trait ParseAny: Sized {
    fn parse_any(input: syn::parse::ParseStream<'_>) -> Result<Self>;
}

impl ParseAny for Meta {
    fn parse_any(input: syn::parse::ParseStream<'_>) -> Result<Meta> {
        input.parse()
    }
}

fn kind(attribute: &Attribute) -> Option<Kind> {
    let kinds = [
        ("resource", Kind::Resource),
        ("data", Kind::Data),
        ("ephemeral", Kind::Ephemeral),
        ("provider", Kind::Provider),
        ("nested", Kind::Nested),
    ];
    kinds.into_iter().find(|(name, _)| attribute.path().is_ident(name)).map(|(_, kind)| kind)
}

/// The name without `r#`.
pub(crate) fn plain_name(ident: &Ident) -> String {
    let text = ident.to_string();
    text.strip_prefix("r#").unwrap_or(&text).to_owned()
}

/// The doc comment, each line without the space that follows the slashes.
pub(crate) fn description(attributes: &[Attribute]) -> Result<String> {
    let mut lines = Vec::new();
    for attribute in attributes {
        if let Meta::NameValue(pair) = &attribute.meta
            && pair.path.is_ident("doc")
        {
            let text = string(&pair.value)?;
            lines.extend(
                text.split('\n').map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned()),
            );
        }
    }
    Ok(lines.join("\n").trim().to_owned())
}

pub(crate) fn string(expression: &Expr) -> Result<String> {
    match expression {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Ok(text.value()),
        other => Err(Error::new(other.span(), "a string literal stands here")),
    }
}

pub(crate) fn integer(expression: &Expr) -> Result<&LitInt> {
    match expression {
        Expr::Lit(ExprLit { lit: Lit::Int(integer), .. }) => Ok(integer),
        other => Err(Error::new(other.span(), "an integer stands here")),
    }
}
