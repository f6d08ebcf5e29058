//! A data source, an ephemeral resource, a function.

use std::collections::BTreeMap;

use tfplug::framework::{FunctionError, Parameter, Signature, take};
use tfplug::prelude::*;
use tfplug::value::{Type, Value};

use crate::store::Store;
use crate::thing::Thing;

/// Looks a thing up.
#[derive(Clone, Debug, tfplug::Model)]
#[data("corner_thing")]
pub struct FoundThing<S: Stage> {
    /// Its name.
    pub name: S::Input<String>,
    /// Its color.
    pub color: S::Output<String>,
    /// Its labels.
    pub labels: S::Output<Option<BTreeMap<String, String>>>,
}

/// The data source.
pub struct ReadThing;

impl DataSource for ReadThing {
    type Model = FoundThing<Stored>;
    type Client = Store;

    async fn read(
        &self,
        context: &Context<Store>,
        config: FoundThing<Applying>,
    ) -> Result<FoundThing<Stored>, Diagnostics> {
        let thing: Option<Thing<Stored>> = context.client()?.read("thing", &config.name)?;
        let thing = thing.ok_or_else(|| Diagnostic::error("There is no such thing").at("name"))?;
        Ok(config.store(FoundThingComputed { color: thing.color, labels: thing.labels }))
    }
}

/// A token that is made anew each time.
#[derive(Clone, Debug, tfplug::Model)]
#[ephemeral("corner_token")]
pub struct Token<S: Stage> {
    /// How long it is.
    #[attr(default = 8)]
    pub length: S::Input<u16>,
    /// The token.
    pub token: S::Output<Secret>,
}

/// The ephemeral resource.
pub struct Tokens;

impl EphemeralResource for Tokens {
    type Model = Token<Stored>;
    type Client = Store;

    async fn open(
        &self,
        context: &Context<Store>,
        config: Token<Applying>,
    ) -> Result<Opened<Token<Stored>>, Diagnostics> {
        let token = Secret::new("t".repeat(usize::from(config.length)));
        context.remember("opened", &true)?;
        Ok(config.store(TokenComputed { token }).into())
    }

    async fn close(&self, context: &Context<Store>) -> Result<(), Diagnostics> {
        match context.recall("opened") {
            Some(true) => Ok(()),
            _ => Err(Diagnostic::error("The token was never opened").into()),
        }
    }
}

/// `join(separator, parts...)`.
pub struct Join;

impl Function for Join {
    fn signature(&self) -> Signature {
        Signature {
            name: "join".to_owned(),
            summary: "Joins texts".to_owned(),
            description: "Joins any number of texts with a separator between them.".to_owned(),
            parameters: vec![Parameter::of::<String>("separator", "What stands between them.")],
            variadic: Some(Parameter::of::<String>("parts", "The texts.")),
            returns: Type::String,
        }
    }

    fn call(&self, arguments: &[Value]) -> Result<Value, FunctionError> {
        let separator: String = take(arguments, 0)?;
        let parts: Vec<String> =
            (1..arguments.len()).map(|index| take(arguments, index)).collect::<Result<_, _>>()?;
        if parts.is_empty() {
            return Err(FunctionError::argument(0, "there is nothing to join"));
        }
        Ok(Value::string(parts.join(&separator)))
    }
}
