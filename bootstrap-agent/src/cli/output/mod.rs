//! What commands print: argocd's shapes, made of strings without touching a terminal.

pub(super) mod application;
pub(super) mod operation;
pub(super) mod project;
pub(super) mod resources;
pub(super) mod structured;
pub(super) mod table;
pub(super) mod tree;
