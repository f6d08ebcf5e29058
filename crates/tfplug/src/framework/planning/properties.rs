//! What holds of every plan, whatever the schema, the configuration and the prior state.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::consistency::{check_applied, check_plan};
use super::super::walk::{fill_defaults, storable};
use super::plan;
use crate::schema::{Attribute, Mode, Nesting, Shape};
use crate::value::{Type, Value};

proptest! {
    #[test]
    fn a_plan_is_one_that_terraform_accepts((attributes, first, second) in schema_with_two_configurations()) {
        let prior = made(&attributes, &settled(&first));
        for prior in [Value::Null, prior] {
            let config = fill_defaults(&attributes, &second);
            let planned = storable(&attributes, &plan(&attributes, &config, &prior, false));
            let problems = check_plan(&attributes, &config, &prior, &planned);
            prop_assert!(problems.is_empty(), "{}", problems);
        }
    }

    #[test]
    fn what_was_applied_needs_no_change((attributes, first, second) in schema_with_two_configurations()) {
        let mut state = Value::Null;
        for config in [settled(&first), settled(&second)] {
            let filled = fill_defaults(&attributes, &config);
            let planned = plan(&attributes, &filled, &state, false);
            let applied = made_of(&attributes, &planned);
            let problems = check_applied(&attributes, &planned, &applied);
            prop_assert!(problems.is_empty(), "{}", problems);
            prop_assert_eq!(&plan(&attributes, &filled, &applied, false), &applied);
            state = applied;
        }
    }

    #[test]
    fn a_plan_with_more_known_takes_no_promise_back((attributes, first, second) in schema_with_two_configurations()) {
        let prior = made(&attributes, &settled(&first));
        let early = plan(&attributes, &fill_defaults(&attributes, &second), &prior, false);
        let late = plan(&attributes, &fill_defaults(&attributes, &settled(&second)), &prior, false);
        prop_assert!(refines(&late, &early), "early: {early:?}\nlate: {late:?}");
    }

    #[test]
    fn an_unfinished_object_is_changed_if_anything_of_it_is_computed((attributes, first, _) in schema_with_two_configurations()) {
        let config = settled(&first);
        let state = made(&attributes, &config);
        let planned = plan(&attributes, &fill_defaults(&attributes, &config), &state, true);
        let computed = attributes.iter().any(Attribute::is_made_up);
        let given = |attribute: &Attribute| attribute.is_made_up() && !config.attribute(&attribute.name).is_null();
        if computed && !attributes.iter().any(given) {
            prop_assert_ne!(planned, state);
        }
    }
}

/// The state after a create with this configuration.
fn made(attributes: &[Attribute], config: &Value) -> Value {
    made_of(attributes, &plan(attributes, &fill_defaults(attributes, config), &Value::Null, false))
}

/// What a provider makes of a plan: each unknown becomes a value.
fn made_of(attributes: &[Attribute], planned: &Value) -> Value {
    let ty = Type::object(attributes.iter().map(|attribute| (attribute.name.clone(), attribute.ty())));
    storable(attributes, &known(planned, &ty))
}

fn known(value: &Value, ty: &Type) -> Value {
    match (value, ty) {
        (Value::Unknown(_), Type::Bool) => Value::Bool(true),
        (Value::Unknown(_), Type::Number) => Value::from(1),
        (Value::Unknown(_), Type::String) => Value::from("made"),
        (Value::Unknown(_), Type::List(_)) => Value::List(Vec::new()),
        (Value::Unknown(_), Type::Set(_)) => Value::Set(Vec::new()),
        (Value::Unknown(_), Type::Map(_)) => Value::Map(BTreeMap::new()),
        (Value::Unknown(_), Type::Object { attributes, .. }) => Value::map(
            attributes
                .iter()
                .map(|(name, ty)| (name, known(&Value::unknown(), ty)))
                .map(|(name, value)| (name.clone(), value)),
        ),
        (Value::List(elements), Type::List(ty)) => {
            Value::List(elements.iter().map(|value| known(value, ty)).collect())
        }
        (Value::Set(elements), Type::Set(ty)) => {
            Value::Set(elements.iter().map(|value| known(value, ty)).collect())
        }
        (Value::Map(entries), Type::Map(ty)) => {
            Value::map(entries.iter().map(|(key, value)| (key.clone(), known(value, ty))))
        }
        (Value::Map(entries), Type::Object { attributes, .. }) => {
            Value::map(entries.iter().map(|(name, value)| (name.clone(), known(value, &attributes[name]))))
        }
        (value, _) => value.clone(),
    }
}

/// The configuration with its unknowns known. They become what no known value is.
fn settled(config: &Value) -> Value {
    match config {
        Value::Unknown(_) => Value::from("late"),
        Value::List(elements) => Value::List(elements.iter().map(settled).collect()),
        Value::Set(elements) => Value::Set(elements.iter().map(settled).collect()),
        Value::Map(entries) => Value::map(entries.iter().map(|(name, value)| (name.clone(), settled(value)))),
        known => known.clone(),
    }
}

/// Whether all that `early` says is so in `late`.
fn refines(late: &Value, early: &Value) -> bool {
    match (early, late) {
        (Value::Unknown(_), _) => true,
        (Value::List(early), Value::List(late)) => {
            early.len() == late.len() && early.iter().zip(late).all(|(early, late)| refines(late, early))
        }
        (Value::Set(early), Value::Set(late)) => {
            early.len() == late.len()
                && early.iter().all(|early| late.iter().any(|late| refines(late, early)))
        }
        (Value::Map(early), Value::Map(late)) => {
            early.keys().eq(late.keys()) && early.iter().all(|(name, early)| refines(&late[name], early))
        }
        (early, late) => early == late,
    }
}

type Case = (Vec<Attribute>, Value, Value);

fn schema_with_two_configurations() -> impl Strategy<Value = Case> {
    schema(2, false).prop_flat_map(|attributes| {
        let (first, second) = (configuration(&attributes), configuration(&attributes));
        (Just(attributes), first, second)
    })
}

fn schema(depth: u32, in_set: bool) -> BoxedStrategy<Vec<Attribute>> {
    prop::collection::vec(attribute(depth, in_set), 1..4)
        .prop_map(|attributes| {
            let named = attributes
                .into_iter()
                .enumerate()
                .map(|(index, attribute)| Attribute { name: format!("a{index}"), ..attribute });
            named.collect()
        })
        .boxed()
}

/// All leaves are strings: of what type they are means nothing to a plan.
fn attribute(depth: u32, in_set: bool) -> BoxedStrategy<Attribute> {
    let leaf = (0..6_u8, any::<bool>(), any::<bool>()).prop_map(move |(kind, keep, nullable)| {
        let base = Attribute::of::<Option<String>>("");
        match kind {
            0 => Attribute::of::<String>(""),
            1 => base,
            2 => Attribute { nullable, keep, ..base.either() },
            3 => Attribute { nullable: false, ..base.default(&"default".to_owned()) },
            4 => Attribute { nullable, keep, ..base.output() },
            _ if in_set => base,
            _ => base.write_only(),
        }
    });
    if depth == 0 {
        return leaf.boxed();
    }
    let nesting =
        prop_oneof![Just(Nesting::Single), Just(Nesting::List), Just(Nesting::Set), Just(Nesting::Map)];
    let nested = (nesting, any::<bool>()).prop_flat_map(move |(nesting, required)| {
        schema(depth - 1, in_set || nesting == Nesting::Set).prop_map(move |attributes| Attribute {
            shape: Shape::Nested(nesting, attributes),
            mode: if required { Mode::Required } else { Mode::Optional },
            same: |left, right| left == right,
            ..Attribute::of::<Option<String>>("")
        })
    });
    prop_oneof![3 => leaf, 2 => nested].boxed()
}

fn configuration(attributes: &[Attribute]) -> BoxedStrategy<Value> {
    let entries: Vec<_> =
        attributes.iter().map(|attribute| (Just(attribute.name.clone()), given(attribute))).collect();
    entries.prop_map(|entries| Value::Map(BTreeMap::from_iter(entries))).boxed()
}

fn given(attribute: &Attribute) -> BoxedStrategy<Value> {
    let text = prop_oneof![Just("x"), Just("y"), Just("z")].prop_map(Value::from);
    let known = match &attribute.shape {
        Shape::Type(_) => prop_oneof![4 => text, 1 => Just(Value::unknown())].boxed(),
        Shape::Nested(nesting, nested) => {
            let object = configuration(nested);
            match nesting {
                Nesting::Single => object,
                Nesting::List => prop::collection::vec(object, 0..3).prop_map(Value::List).boxed(),
                Nesting::Map => {
                    prop::collection::btree_map("[kl]", object, 0..3).prop_map(Value::Map).boxed()
                }
                Nesting::Set => prop::collection::vec(object, 0..3).prop_map(distinct).boxed(),
            }
        }
    };
    match attribute.mode {
        Mode::Computed => Just(Value::Null).boxed(),
        Mode::Required => known,
        Mode::Optional | Mode::OptionalComputed => prop_oneof![1 => Just(Value::Null), 3 => known].boxed(),
    }
}

/// Elements that remain distinct when they are known.
fn distinct(elements: Vec<Value>) -> Value {
    let mut set: Vec<Value> = Vec::new();
    for element in elements {
        if !set.iter().any(|other| settled(other) == settled(&element)) {
            set.push(element);
        }
    }
    Value::Set(set)
}
