//! Entry point of the `bridgehead` binary.

fn main() {}
