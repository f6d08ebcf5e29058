//! The agent's binary on a real API server.

mod access;
mod bad_input;
mod crash;
mod guard;
mod guides;
mod hooks;
mod kinds;
mod operations;
mod polling;
mod projects;
mod refs;
mod rest;
mod rights;
mod sync;
mod waves;
mod windows;
