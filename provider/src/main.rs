//! Entry point of the provider process.

fn main() {}
