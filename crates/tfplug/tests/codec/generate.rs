//! Types and values of them.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tfplug::value::{Bounds, Number, Refinement, Type, Value};

/// What may stand in a generated value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Everything.
    All,
    /// Nothing unknown, and no number whose shortest form as a double isn't exact: go-cty writes those
    /// otherwise in JSON, by its own rule.
    Storable,
}

/// A type and a value of it.
pub(crate) fn typed(content: Content) -> impl Strategy<Value = (Type, Value)> {
    ty(true).prop_flat_map(move |ty| {
        let value = value(&ty, content);
        (Just(ty), value)
    })
}

/// Any type. Elements of a collection have one type, so in there nothing is dynamic.
fn ty(dynamic: bool) -> BoxedStrategy<Type> {
    if dynamic {
        prop_oneof![
            4 => concrete(),
            1 => Just(Type::Dynamic),
            2 => prop::collection::btree_map("[a-z_]{1,8}", prop_oneof![concrete(), Just(Type::Dynamic)], 0..4)
                .prop_map(Type::object),
            1 => prop::collection::vec(prop_oneof![concrete(), Just(Type::Dynamic)], 0..3).prop_map(Type::Tuple),
        ]
        .boxed()
    } else {
        concrete().boxed()
    }
}

fn concrete() -> impl Strategy<Value = Type> {
    let leaf = prop_oneof![Just(Type::Bool), Just(Type::Number), Just(Type::String)];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(Type::list),
            inner.clone().prop_map(Type::set),
            inner.clone().prop_map(Type::map),
            prop::collection::btree_map("[a-z_]{1,8}", inner.clone(), 0..4).prop_map(Type::object),
            prop::collection::vec(inner, 0..3).prop_map(Type::Tuple),
        ]
    })
}

/// A value of the type.
pub(crate) fn value(ty: &Type, content: Content) -> BoxedStrategy<Value> {
    let known = known(ty, content);
    match content {
        Content::All => prop_oneof![1 => Just(Value::Null), 1 => unknown(ty), 8 => known].boxed(),
        Content::Storable => prop_oneof![1 => Just(Value::Null), 8 => known].boxed(),
    }
}

fn known(ty: &Type, content: Content) -> BoxedStrategy<Value> {
    match ty {
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::Number => number(content).prop_map(Value::Number).boxed(),
        Type::String => text().prop_map(Value::String).boxed(),
        Type::List(element) => {
            prop::collection::vec(value(element, content), 0..4).prop_map(Value::List).boxed()
        }
        // Of which elements come twice nobody can tell while they are unknown.
        Type::Set(element) => {
            prop::collection::vec(value(element, Content::Storable), 0..4).prop_map(distinct).boxed()
        }
        Type::Map(element) => {
            prop::collection::btree_map(text(), value(element, content), 0..4).prop_map(Value::Map).boxed()
        }
        Type::Object { attributes, .. } => {
            let entries: Vec<_> =
                attributes.iter().map(|(name, ty)| (Just(name.clone()), value(ty, content))).collect();
            entries.prop_map(|entries| Value::Map(BTreeMap::from_iter(entries))).boxed()
        }
        Type::Tuple(types) => {
            let elements: Vec<_> = types.iter().map(|ty| value(ty, content)).collect();
            elements.prop_map(Value::List).boxed()
        }
        Type::Dynamic => concrete()
            .prop_flat_map(move |ty| {
                let value = value(&ty, content);
                (Just(ty), value)
            })
            .prop_map(|(ty, value)| Value::typed(ty, value))
            .boxed(),
    }
}

fn distinct(elements: Vec<Value>) -> Value {
    let mut set: Vec<Value> = Vec::new();
    for element in elements {
        if !set.contains(&element) {
            set.push(element);
        }
    }
    Value::Set(set)
}

/// Text that is in Unicode's composed form, to which Terraform brings all text.
fn text() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9 äöü€語\n\"\\\\/\u{1F600}]{0,12}"
}

fn number(content: Content) -> BoxedStrategy<Number> {
    let decimal = "-?[1-9][0-9]{0,40}(\\.[0-9]{0,30}[1-9])?".prop_map(|text| text.parse().unwrap());
    let eighths = any::<i32>().prop_map(|eighths| Number::from_f64(f64::from(eighths) / 8.0).unwrap());
    let exact = prop_oneof![
        any::<i64>().prop_map(Number::from),
        any::<u64>().prop_map(Number::from),
        any::<i16>().prop_map(|small| Number::from(i64::from(small))),
        decimal,
        eighths,
    ];
    let doubles =
        prop_oneof![-1e9..1e9, -1e-9..1e-9].prop_map(|double: f64| Number::from_f64(double).unwrap());
    match content {
        Content::All => prop_oneof![3 => exact, 1 => doubles].boxed(),
        Content::Storable => exact.boxed(),
    }
}

fn unknown(ty: &Type) -> BoxedStrategy<Value> {
    let bounds = match ty {
        Type::String => prop::option::of("[a-z0-9-]{1,12}")
            .prop_map(|prefix| Bounds { prefix, ..Bounds::default() })
            .boxed(),
        Type::Number => (prop::option::of(any::<i32>()), 1..1000_i32, any::<(bool, bool, bool)>())
            .prop_map(|(lower, above, (upper, with_lower, with_upper))| {
                let bound = |number: i32, inclusive| (Number::from(number), inclusive);
                Bounds {
                    lower: lower.map(|lower| bound(lower, with_lower)),
                    upper: upper.then(|| bound(lower.unwrap_or(0).saturating_add(above), with_upper)),
                    ..Bounds::default()
                }
            })
            .boxed(),
        Type::List(_) | Type::Set(_) | Type::Map(_) => {
            (prop::option::of(1..9_u64), prop::option::of(10..20_u64))
                .prop_map(|(shortest, longest)| Bounds { shortest, longest, ..Bounds::default() })
                .boxed()
        }
        _ => Just(Bounds::default()).boxed(),
    };
    let may_be_null = *ty != Type::Dynamic;
    (bounds, any::<bool>())
        .prop_map(move |(bounds, not_null)| {
            Value::Unknown(Refinement::new(Bounds { not_null: not_null && may_be_null, ..bounds }))
        })
        .boxed()
}
