//! A provider with one resource, and its RPCs as functions.

use std::collections::BTreeMap;

use tfplug::codec::msgpack;
use tfplug::model::{Model, NoSettings};
use tfplug::prelude::*;
use tfplug::proto::tfplugin6 as wire;
use tfplug::proto::tfplugin6::provider_server::Provider as _;
use tfplug::server::Server;
use tfplug::value::{Type, Value};
use tonic::Request;

/// A server that listens.
#[derive(Clone, Debug, tfplug::Model)]
#[resource("test_server", version = 2, identity(region, number), deprecated = "Use a cloud.")]
pub(crate) struct Box<S: Stage> {
    /// Where it stands.
    #[attr(replace = "servers don't walk")]
    pub(crate) region: S::Input<String>,
    /// Its number there.
    #[attr(default = 7, replace)]
    pub(crate) number: S::Input<i64>,
    /// What kind it is.
    ///
    /// One of many.
    pub(crate) r#type: S::Input<Option<String>>,
    /// What becomes of the disks.
    #[attr(default = "keep_disks")]
    pub(crate) on_destroy: S::Input<OnDestroy>,
    /// Under another name.
    #[attr(name = "self")]
    pub(crate) renamed: S::Input<Option<bool>>,
    /// What it is called.
    #[attr(replace)]
    pub(crate) address: S::Either<String>,
    /// Its disks.
    pub(crate) disks: S::Input<Option<BTreeMap<String, Disk>>>,
    /// Its ports.
    #[block(min = 1)]
    pub(crate) port: S::Input<Set<Port>>,
    /// Its password.
    #[attr(version = password_wo_version)]
    pub(crate) password_wo: S::WriteOnly<Option<Secret>>,
    /// Raise it to set the password again.
    pub(crate) password_wo_version: S::Input<Option<i64>>,
    /// Its serial number.
    #[attr(keep)]
    pub(crate) serial: S::Output<String>,
    /// Why it stopped, if it did.
    pub(crate) failure: S::Output<Option<String>>,
}

/// What becomes of the disks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, tfplug::Choice)]
pub(crate) enum OnDestroy {
    /// They go too.
    Delete,
    /// They stay.
    KeepDisks,
    /// They are sold.
    #[choice(name = "sell!")]
    Sell,
}

/// A disk.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub(crate) struct Disk {
    /// In bytes.
    pub(crate) size: Number,
    /// What opens it.
    #[attr(write_only)]
    pub(crate) key_wo: Option<Secret>,
}

/// A port.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub(crate) struct Port {
    /// Its number.
    #[attr(replace = "ports are soldered")]
    pub(crate) number: u16,
    /// What speaks there.
    #[attr(default = "tcp")]
    pub(crate) protocol: String,
}

struct Boxes;

impl Resource for Boxes {
    type Model = Box<Stored>;
    type Client = ();

    async fn create(&self, _context: &Context<()>, planned: Box<Applying>) -> Outcome<Self::Model> {
        let address = planned.address.clone().unwrap_or_else(|| "10.0.0.1".to_owned());
        Ok(planned.store(BoxComputed { address, serial: "s-1".to_owned(), failure: None }))
    }

    async fn read(&self, _context: &Context<()>, _prior: Box<Partial>) -> ReadResult<Self::Model> {
        Ok(Live::Unchanged)
    }

    async fn update(
        &self,
        context: &Context<()>,
        _prior: Box<Partial>,
        planned: Box<Applying>,
    ) -> Outcome<Self::Model> {
        self.create(context, planned).await
    }

    async fn delete(&self, _context: &Context<()>, _prior: Box<Partial>) -> Result<(), Diagnostics> {
        Ok(())
    }

    async fn import(&self, _context: &Context<()>, import: &Import) -> Outcome<Self::Model> {
        Ok(Box {
            region: import.get("region")?,
            number: import.get("number")?,
            r#type: None,
            on_destroy: OnDestroy::Delete,
            renamed: None,
            address: import.id().unwrap_or("by identity").to_owned(),
            disks: None,
            port: Set::default(),
            password_wo: (),
            password_wo_version: None,
            serial: "s-2".to_owned(),
            failure: None,
        })
    }
}

struct Test;

impl Provider for Test {
    type Model = NoSettings<Stored>;
    type Client = ();

    async fn configure(&self, _host: &Host, _config: NoSettings<Config>) -> Result<(), Diagnostics> {
        Ok(())
    }

    fn register(&self, registry: &mut Registry<()>) {
        registry.resource(Boxes);
    }
}

pub(crate) fn server() -> Server<impl Provider> {
    Server::new(Test)
}

pub(crate) fn ty() -> Type {
    Box::<Stored>::schema().ty()
}

/// A configuration with a region, one port and these attributes.
pub(crate) fn config(attributes: &[(&str, Value)]) -> Value {
    let mut config = Value::map([("region", Value::from("north")), ("port", Value::Set(vec![port(80)]))]);
    for (name, value) in attributes {
        config.entries_mut().unwrap().insert((*name).to_owned(), value.clone());
    }
    config
}

pub(crate) fn port(number: i64) -> Value {
    Value::map([("number", Value::from(number)), ("protocol", Value::Null)])
}

pub(crate) fn dynamic(value: &Value, ty: &Type) -> wire::DynamicValue {
    wire::DynamicValue { msgpack: msgpack::encode(value, ty).unwrap(), json: Vec::new() }
}

pub(crate) fn decode(dynamic: Option<&wire::DynamicValue>) -> Value {
    dynamic.map_or(Value::Null, |dynamic| msgpack::decode(&dynamic.msgpack, &ty()).unwrap())
}

/// What PlanResourceChange answers.
pub(crate) async fn plan(prior: &Value, config: &Value) -> wire::plan_resource_change::Response {
    let request = wire::plan_resource_change::Request {
        type_name: "test_server".to_owned(),
        prior_state: Some(dynamic(prior, &ty())),
        proposed_new_state: Some(dynamic(config, &ty())),
        config: Some(dynamic(config, &ty())),
        ..wire::plan_resource_change::Request::default()
    };
    server().plan_resource_change(Request::new(request)).await.unwrap().into_inner()
}

/// What ApplyResourceChange answers.
pub(crate) async fn apply(
    prior: &Value,
    planned: &Value,
    config: &Value,
) -> wire::apply_resource_change::Response {
    let request = wire::apply_resource_change::Request {
        type_name: "test_server".to_owned(),
        prior_state: Some(dynamic(prior, &ty())),
        planned_state: Some(dynamic(planned, &ty())),
        config: Some(dynamic(config, &ty())),
        ..wire::apply_resource_change::Request::default()
    };
    server().apply_resource_change(Request::new(request)).await.unwrap().into_inner()
}

/// The state after a create with this configuration.
pub(crate) async fn created(config: &Value) -> Value {
    let planned = plan(&Value::Null, config).await;
    assert_eq!(planned.diagnostics, []);
    let applied = apply(&Value::Null, &decode(planned.planned_state.as_ref()), config).await;
    assert_eq!(applied.diagnostics, []);
    decode(applied.new_state.as_ref())
}
