//! The bridgehead binary: the agent in the cluster, the command line elsewhere.

pub mod agent;
pub mod cli;
pub mod controller;
mod runtime;
