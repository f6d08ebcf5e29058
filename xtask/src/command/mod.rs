//! The subcommands, a file each.

pub(crate) mod bench;
pub(crate) mod ci;
pub(crate) mod cluster;
pub(crate) mod demo;
pub(crate) mod deny;
pub(crate) mod docs;
pub(crate) mod lint;
pub(crate) mod test;
pub(crate) mod tool;
