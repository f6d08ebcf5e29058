//! The types that values have, and their JSON form.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value as Json;

/// The type of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// True or false.
    Bool,
    /// A number of any size.
    Number,
    /// Text.
    String,
    /// Any type: the value carries its own.
    Dynamic,
    /// Elements of one type, in order.
    List(Box<Type>),
    /// Elements of one type, each once.
    Set(Box<Type>),
    /// Elements of one type, by key.
    Map(Box<Type>),
    /// Attributes of a type each, by name.
    Object {
        /// The types.
        attributes: BTreeMap<String, Type>,
        /// Names of the attributes that a user may leave out. Only in type constraints.
        optional: BTreeSet<String>,
    },
    /// Elements of a type each, in order.
    Tuple(Vec<Type>),
}

/// Why bytes are not the JSON form of a type.
#[derive(Debug, thiserror::Error)]
pub enum TypeError {
    /// Not JSON.
    #[error("failed to read a type")]
    Json(#[source] serde_json::Error),
    /// JSON, but no type.
    #[error("`{0}` is not a type")]
    Shape(String),
}

impl Type {
    /// A list.
    pub fn list(element: Type) -> Type {
        Type::List(Box::new(element))
    }

    /// A set.
    pub fn set(element: Type) -> Type {
        Type::Set(Box::new(element))
    }

    /// A map.
    pub fn map(element: Type) -> Type {
        Type::Map(Box::new(element))
    }

    /// An object whose attributes are all there.
    pub fn object<K: Into<String>>(attributes: impl IntoIterator<Item = (K, Type)>) -> Type {
        let attributes = attributes.into_iter().map(|(name, ty)| (name.into(), ty)).collect();
        Type::Object { attributes, optional: BTreeSet::new() }
    }

    /// Whether it is or holds [`Type::Dynamic`].
    pub fn has_dynamic(&self) -> bool {
        match self {
            Type::Dynamic => true,
            Type::Bool | Type::Number | Type::String => false,
            Type::List(element) | Type::Set(element) | Type::Map(element) => element.has_dynamic(),
            Type::Object { attributes, .. } => attributes.values().any(Type::has_dynamic),
            Type::Tuple(elements) => elements.iter().any(Type::has_dynamic),
        }
    }

    /// The JSON form, as schemas and dynamic values carry it.
    pub fn to_json(&self) -> Json {
        match self {
            Type::Bool => "bool".into(),
            Type::Number => "number".into(),
            Type::String => "string".into(),
            Type::Dynamic => "dynamic".into(),
            Type::List(element) => Json::Array(vec!["list".into(), element.to_json()]),
            Type::Set(element) => Json::Array(vec!["set".into(), element.to_json()]),
            Type::Map(element) => Json::Array(vec!["map".into(), element.to_json()]),
            Type::Tuple(elements) => {
                let elements = elements.iter().map(Type::to_json).collect();
                Json::Array(vec!["tuple".into(), Json::Array(elements)])
            }
            Type::Object { attributes, optional } => {
                let types = attributes.iter().map(|(name, ty)| (name.clone(), ty.to_json())).collect();
                let mut parts = vec!["object".into(), Json::Object(types)];
                if !optional.is_empty() {
                    parts.push(Json::Array(optional.iter().map(|name| name.as_str().into()).collect()));
                }
                Json::Array(parts)
            }
        }
    }

    /// The JSON form as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_json().to_string().into_bytes()
    }

    /// The type that JSON stands for.
    pub fn from_json(json: &Json) -> Result<Type, TypeError> {
        let no_type = || TypeError::Shape(json.to_string());
        match json {
            Json::String(name) => match name.as_str() {
                "bool" => Ok(Type::Bool),
                "number" => Ok(Type::Number),
                "string" => Ok(Type::String),
                "dynamic" => Ok(Type::Dynamic),
                _ => Err(no_type()),
            },
            Json::Array(parts) => match (parts.first().and_then(Json::as_str), parts.get(1)) {
                (Some("list"), Some(element)) if parts.len() == 2 => {
                    Ok(Type::list(Type::from_json(element)?))
                }
                (Some("set"), Some(element)) if parts.len() == 2 => Ok(Type::set(Type::from_json(element)?)),
                (Some("map"), Some(element)) if parts.len() == 2 => Ok(Type::map(Type::from_json(element)?)),
                (Some("tuple"), Some(Json::Array(elements))) if parts.len() == 2 => {
                    elements.iter().map(Type::from_json).collect::<Result<_, _>>().map(Type::Tuple)
                }
                (Some("object"), Some(Json::Object(types))) if parts.len() <= 3 => {
                    let attributes = types
                        .iter()
                        .map(|(name, ty)| Ok((name.clone(), Type::from_json(ty)?)))
                        .collect::<Result<_, TypeError>>()?;
                    let optional = match parts.get(2) {
                        None => BTreeSet::new(),
                        Some(Json::Array(names)) => names
                            .iter()
                            .map(|name| name.as_str().map(str::to_owned).ok_or_else(no_type))
                            .collect::<Result<_, _>>()?,
                        Some(_) => return Err(no_type()),
                    };
                    Ok(Type::Object { attributes, optional })
                }
                _ => Err(no_type()),
            },
            _ => Err(no_type()),
        }
    }

    /// The type that bytes of JSON stand for.
    pub fn from_bytes(bytes: &[u8]) -> Result<Type, TypeError> {
        Type::from_json(&serde_json::from_slice(bytes).map_err(TypeError::Json)?)
    }
}

/// As Terraform writes it: `list(string)`, `object({name = string})`.
impl fmt::Display for Type {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Bool => formatter.write_str("bool"),
            Type::Number => formatter.write_str("number"),
            Type::String => formatter.write_str("string"),
            Type::Dynamic => formatter.write_str("any"),
            Type::List(element) => write!(formatter, "list({element})"),
            Type::Set(element) => write!(formatter, "set({element})"),
            Type::Map(element) => write!(formatter, "map({element})"),
            Type::Tuple(elements) => {
                formatter.write_str("tuple([")?;
                for (index, element) in elements.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(formatter, "{comma}{element}")?;
                }
                formatter.write_str("])")
            }
            Type::Object { attributes, optional } => {
                formatter.write_str("object({")?;
                for (index, (name, ty)) in attributes.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    if optional.contains(name) {
                        write!(formatter, "{comma}{name} = optional({ty})")?;
                    } else {
                        write!(formatter, "{comma}{name} = {ty}")?;
                    }
                }
                formatter.write_str("})")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_the_json_form_that_terraform_has() {
        let ty = Type::Object {
            attributes: BTreeMap::from([
                ("a".to_owned(), Type::list(Type::String)),
                ("b".to_owned(), Type::Tuple(vec![Type::Number, Type::Dynamic])),
            ]),
            optional: BTreeSet::from(["a".to_owned()]),
        };
        let json = r#"["object",{"a":["list","string"],"b":["tuple",["number","dynamic"]]},["a"]]"#;
        assert_eq!(ty.to_json().to_string(), json);
        assert_eq!(Type::from_bytes(json.as_bytes()).unwrap(), ty);
        assert_eq!(ty.to_string(), "object({a = optional(list(string)), b = tuple([number, any])})");
    }

    #[test]
    fn what_is_no_type_is_refused() {
        for json in [
            r#""text""#,
            r#"["list"]"#,
            r#"["list","string","string"]"#,
            "{}",
            "[",
            r#"["object",["string"]]"#,
        ] {
            assert!(Type::from_bytes(json.as_bytes()).is_err(), "{json}");
        }
    }
}
