//! Against a real API server.

mod connection;
mod discovery;
mod following;
mod gate;
mod ownership;
mod support;
mod waits;
mod writes;
