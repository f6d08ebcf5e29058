//! A provider on the bare wire: the generated trait, no framework.
//!
//! It has one resource, `wire_note`, which lives in Terraform's state only. Its `behaviour` makes
//! it misbehave as a provider may, for the crate's own tests:
//!
//! - `panic`: planning panics;
//! - `print`: planning prints to standard output;
//! - `wait`: applying tells `endpoint` (host:port) and then waits until Terraform wants it to end.
//!
//! Its action `wire_panic` reports progress once and then panics.

use std::collections::BTreeMap;
use std::process::ExitCode;

use futures::StreamExt as _;
use rmp::{Marker, decode, encode};
use tfplug::proto::tfplugin6::provider_server::Provider;
use tfplug::proto::tfplugin6::{self as wire, Diagnostic, DynamicValue, diagnostic};
use tfplug::serve::{Options, Transport, run, stop_token};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status};
use tracing::{debug, info};

const ADDRESS: &str = "registry.terraform.io/example/wire";

fn main() -> ExitCode {
    let mut options = Options::from_arguments(ADDRESS, std::env::args());
    if std::env::args().any(|argument| argument == "--tcp") {
        options.transport = Transport::Tcp;
    }
    run(Wire, options)
}

/// The provider.
struct Wire;

#[tonic::async_trait]
impl Provider for Wire {
    async fn get_provider_schema(
        &self,
        _: Request<wire::get_provider_schema::Request>,
    ) -> Result<Response<wire::get_provider_schema::Response>, Status> {
        let note = schema(vec![
            wire::schema::Attribute { computed: true, ..attribute("id") },
            wire::schema::Attribute { required: true, ..attribute("text") },
            wire::schema::Attribute { optional: true, ..attribute("behaviour") },
            wire::schema::Attribute { optional: true, ..attribute("endpoint") },
        ]);
        Ok(Response::new(wire::get_provider_schema::Response {
            provider: Some(schema(Vec::new())),
            resource_schemas: BTreeMap::from([("wire_note".to_owned(), note)]),
            action_schemas: BTreeMap::from([(
                "wire_panic".to_owned(),
                wire::ActionSchema { schema: Some(schema(Vec::new())) },
            )]),
            ..wire::get_provider_schema::Response::default()
        }))
    }

    async fn validate_provider_config(
        &self,
        _: Request<wire::validate_provider_config::Request>,
    ) -> Result<Response<wire::validate_provider_config::Response>, Status> {
        Ok(Response::new(wire::validate_provider_config::Response::default()))
    }

    async fn configure_provider(
        &self,
        request: Request<wire::configure_provider::Request>,
    ) -> Result<Response<wire::configure_provider::Response>, Status> {
        info!(terraform_version = request.get_ref().terraform_version, "configured");
        Ok(Response::new(wire::configure_provider::Response::default()))
    }

    async fn stop_provider(
        &self,
        _: Request<wire::stop_provider::Request>,
    ) -> Result<Response<wire::stop_provider::Response>, Status> {
        Ok(Response::new(wire::stop_provider::Response::default()))
    }

    async fn validate_resource_config(
        &self,
        _: Request<wire::validate_resource_config::Request>,
    ) -> Result<Response<wire::validate_resource_config::Response>, Status> {
        Ok(Response::new(wire::validate_resource_config::Response::default()))
    }

    async fn upgrade_resource_state(
        &self,
        request: Request<wire::upgrade_resource_state::Request>,
    ) -> Result<Response<wire::upgrade_resource_state::Response>, Status> {
        let stored = request.into_inner().raw_state.unwrap_or_default().json;
        Ok(Response::new(wire::upgrade_resource_state::Response {
            upgraded_state: Some(DynamicValue { json: stored, msgpack: Vec::new() }),
            ..Default::default()
        }))
    }

    async fn read_resource(
        &self,
        request: Request<wire::read_resource::Request>,
    ) -> Result<Response<wire::read_resource::Response>, Status> {
        let request = request.into_inner();
        Ok(Response::new(wire::read_resource::Response {
            new_state: request.current_state,
            private: request.private,
            ..Default::default()
        }))
    }

    async fn plan_resource_change(
        &self,
        request: Request<wire::plan_resource_change::Request>,
    ) -> Result<Response<wire::plan_resource_change::Response>, Status> {
        let request = request.into_inner();
        let prior = Note::decode(request.prior_state.as_ref())?;
        let mut planned = Note::decode(request.proposed_new_state.as_ref())?;
        if let Some(note) = &mut planned {
            debug!(bytes = note.text.as_str().len(), "planning a note");
            match note.behaviour.as_str() {
                "panic" => panic!("asked to"),
                "print" => print_to_standard_output(),
                _ => {}
            }
            if prior.is_none() {
                note.id = Cell::Unknown;
            }
        }
        Ok(Response::new(wire::plan_resource_change::Response {
            planned_state: Some(Note::encode(planned.as_ref())?),
            planned_private: request.prior_private,
            ..Default::default()
        }))
    }

    async fn apply_resource_change(
        &self,
        request: Request<wire::apply_resource_change::Request>,
    ) -> Result<Response<wire::apply_resource_change::Response>, Status> {
        let stop = stop_token(&request);
        let request = request.into_inner();
        let mut applied = Note::decode(request.planned_state.as_ref())?;
        let mut diagnostics = Vec::new();
        if let Some(note) = &mut applied {
            if let Cell::Unknown = note.id {
                note.id = Cell::Text(format!("note-{}", note.text.as_str().len()));
            }
            if note.behaviour.as_str() == "wait" {
                let mut endpoint = TcpStream::connect(note.endpoint.as_str()).await?;
                endpoint.write_all(b"waiting\n").await?;
                // Nobody closes it but the end of the process, so that the other side can see that.
                let _open = std::os::fd::IntoRawFd::into_raw_fd(endpoint.into_std()?);
                stop.cancelled().await;
                diagnostics.push(Diagnostic {
                    severity: diagnostic::Severity::Error.into(),
                    summary: "interrupted while waiting".to_owned(),
                    ..Diagnostic::default()
                });
            }
        }
        Ok(Response::new(wire::apply_resource_change::Response {
            new_state: Some(Note::encode(applied.as_ref())?),
            private: request.planned_private,
            diagnostics,
            ..Default::default()
        }))
    }

    async fn invoke_action(
        &self,
        _: Request<wire::invoke_action::Request>,
    ) -> Result<Response<BoxStream<wire::invoke_action::Event>>, Status> {
        let events = futures::stream::iter(0..2).then(async |step| {
            // What is ready at once goes out at once, in one piece: let the first event go alone.
            tokio::task::yield_now().await;
            assert!(step == 0, "asked to, in a stream");
            let progress = wire::invoke_action::event::Progress { message: "begun".to_owned() };
            let event = wire::invoke_action::event::Type::Progress(progress);
            Ok(wire::invoke_action::Event { r#type: Some(event) })
        });
        Ok(Response::new(Box::pin(events)))
    }
}

#[expect(clippy::print_stdout, reason = "to show that it ends up where it does no harm")]
fn print_to_standard_output() {
    println!("printed by the provider");
}

fn schema(attributes: Vec<wire::schema::Attribute>) -> wire::Schema {
    let block = wire::schema::Block { attributes, ..Default::default() };
    wire::Schema { version: 0, block: Some(block) }
}

/// An attribute of type string.
fn attribute(name: &str) -> wire::schema::Attribute {
    wire::schema::Attribute { name: name.to_owned(), r#type: b"\"string\"".to_vec(), ..Default::default() }
}

/// A string as Terraform sends it.
#[derive(Debug, Default)]
enum Cell {
    #[default]
    Null,
    Unknown,
    Text(String),
}

impl Cell {
    fn as_str(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Null | Self::Unknown => "",
        }
    }
}

/// A `wire_note`.
#[derive(Debug, Default)]
struct Note {
    id: Cell,
    text: Cell,
    behaviour: Cell,
    endpoint: Cell,
}

impl Note {
    /// Reads a map of strings, or a null.
    fn decode(value: Option<&DynamicValue>) -> Result<Option<Self>, Status> {
        let mut bytes = value.map(|value| value.msgpack.as_slice()).unwrap_or_default();
        if bytes.is_empty() || Marker::from_u8(bytes[0]) == Marker::Null {
            return Ok(None);
        }
        let mut note = Self::default();
        for _ in 0..decode::read_map_len(&mut bytes).map_err(broken)? {
            let Cell::Text(name) = read_cell(&mut bytes)? else {
                return Err(broken("a key that is no string"));
            };
            let cell = read_cell(&mut bytes)?;
            match name.as_str() {
                "id" => note.id = cell,
                "text" => note.text = cell,
                "behaviour" => note.behaviour = cell,
                "endpoint" => note.endpoint = cell,
                other => return Err(broken(format!("an attribute {other}"))),
            }
        }
        Ok(Some(note))
    }

    fn encode(note: Option<&Self>) -> Result<DynamicValue, Status> {
        let mut bytes = Vec::new();
        match note {
            None => encode::write_nil(&mut bytes).map_err(broken)?,
            Some(Self { id, text, behaviour, endpoint }) => {
                let cells = [("behaviour", behaviour), ("endpoint", endpoint), ("id", id), ("text", text)];
                encode::write_map_len(&mut bytes, 4).map_err(broken)?;
                for (name, cell) in cells {
                    encode::write_str(&mut bytes, name).map_err(broken)?;
                    match cell {
                        Cell::Null => encode::write_nil(&mut bytes).map_err(broken)?,
                        // Extension 0 with one byte: how cty writes an unknown.
                        Cell::Unknown => bytes.extend([0xd4, 0, 0]),
                        Cell::Text(text) => encode::write_str(&mut bytes, text).map_err(broken)?,
                    }
                }
            }
        }
        Ok(DynamicValue { msgpack: bytes, json: Vec::new() })
    }
}

fn read_cell(bytes: &mut &[u8]) -> Result<Cell, Status> {
    let marker = bytes.first().map_or(Marker::Reserved, |byte| Marker::from_u8(*byte));
    match marker {
        Marker::Null => decode::read_nil(bytes).map(|()| Cell::Null).map_err(broken),
        Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => {
            let (text, rest) =
                decode::read_str_from_slice(*bytes).map_err(|error| broken(error.to_string()))?;
            *bytes = rest;
            Ok(Cell::Text(text.to_owned()))
        }
        _ => {
            let length = decode::read_ext_meta(bytes).map_err(broken)?.size as usize;
            *bytes = bytes.get(length..).ok_or_else(|| broken("a value that ends early"))?;
            Ok(Cell::Unknown)
        }
    }
}

fn broken(what: impl std::fmt::Display) -> Status {
    Status::invalid_argument(format!("failed to read a value: {what}"))
}
