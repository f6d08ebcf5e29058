//! The command line against a real API server, with a test in the agent's place.

mod delete;
mod lint;
mod operations;
mod read;
mod setting;
mod source;
