//! `cargo xtask`: one command for everything.

fn main() {}
