//! The subcommands.

pub(crate) mod cluster;
