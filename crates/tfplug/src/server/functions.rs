//! GetFunctions, CallFunction.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Server, convert};
use crate::framework::{FunctionError, Parameter, Provider};
use crate::proto::tfplugin6 as wire;
use crate::value::Value;

impl<P: Provider> Server<P> {
    pub(super) fn signatures(&self) -> BTreeMap<String, wire::Function> {
        let functions = self.registry.functions.iter().map(|(name, function)| {
            let signature = function.signature();
            let function = wire::Function {
                parameters: signature.parameters.iter().map(parameter).collect(),
                variadic_parameter: signature.variadic.as_ref().map(parameter),
                r#return: Some(wire::function::Return { r#type: signature.returns.to_bytes() }),
                summary: signature.summary,
                description: signature.description,
                description_kind: wire::StringKind::Markdown.into(),
                deprecation_message: String::new(),
            };
            (name.clone(), function)
        });
        functions.collect()
    }

    pub(super) fn call_function(
        &self,
        request: &wire::call_function::Request,
    ) -> Result<wire::DynamicValue, FunctionError> {
        let function =
            self.registry.functions.get(&request.name).ok_or_else(|| {
                FunctionError::new(format!("the provider has no function `{}`", request.name))
            })?;
        let signature = function.signature();
        let mut arguments: Vec<Value> = Vec::with_capacity(request.arguments.len());
        for (index, argument) in request.arguments.iter().enumerate() {
            let parameter = signature.parameters.get(index).or(signature.variadic.as_ref());
            let parameter =
                parameter.ok_or_else(|| FunctionError::argument(index, "one argument too many"))?;
            let value = convert::value(Some(argument), &parameter.ty)
                .map_err(|errors| FunctionError::argument(index, errors))?;
            arguments.push(value);
        }
        let result = catch_unwind(AssertUnwindSafe(|| function.call(&arguments))).unwrap_or_else(|_| {
            Err(FunctionError::new("the function panicked: this is a bug in the provider"))
        })?;
        convert::dynamic(&result, &signature.returns).map_err(FunctionError::new)
    }
}

fn parameter(parameter: &Parameter) -> wire::function::Parameter {
    wire::function::Parameter {
        name: parameter.name.clone(),
        r#type: parameter.ty.to_bytes(),
        allow_null_value: parameter.nullable,
        allow_unknown_values: false,
        description: parameter.description.clone(),
        description_kind: wire::StringKind::Markdown.into(),
    }
}
