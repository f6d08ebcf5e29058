//! Compiles the protocol definitions in `proto/` with neither protoc nor network.

use std::error::Error;

const DEFINITIONS: [&str; 3] = ["tfplugin6.proto", "plugin.proto", "health.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(DEFINITIONS, ["proto"])?;
    tonic_prost_build::configure()
        // Ordered maps: the same schema gives the same bytes each time.
        .btree_map(".")
        // An RPC that a provider doesn't have answers UNIMPLEMENTED, which hosts expect.
        .generate_default_stubs(true)
        .compile_fds(descriptors)?;
    Ok(())
}
