//! `cargo xtask docs`.

use anyhow::Result;

use crate::process::{cargo, execute};

pub(crate) fn run() -> Result<()> {
    let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--document-private-items"]);
    execute(doc.env("RUSTDOCFLAGS", "--deny warnings"))
}
