//! The wire: messages, clients and servers generated from `proto/`.
//!
//! - [`tfplugin6`]: Terraform's plugin protocol 6.11. A provider is an implementation of
//!   [`tfplugin6::provider_server::Provider`]; [`crate::serve()`] takes one.
//! - [`plugin`]: the services of go-plugin's host (shutdown, stdio, broker).
//! - [`health`]: gRPC's health service.
//!
//! Nothing here knows what a message means: that is for the modules that use it.

// Generated code has its own manners.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
/// Terraform's plugin protocol 6.11.
pub mod tfplugin6 {
    tonic::include_proto!("tfplugin6");
}

#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
/// The services that go-plugin's host expects of each plugin.
pub mod plugin {
    tonic::include_proto!("plugin");
}

#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
/// gRPC's health service, `grpc.health.v1`.
pub mod health {
    tonic::include_proto!("grpc.health.v1");
}
