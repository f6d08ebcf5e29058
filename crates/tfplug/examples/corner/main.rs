//! The corner provider: every kind of attribute, and every way for an operation to go wrong. Its objects
//! are JSON files in a folder. The tests of this crate drive it by a real Terraform; as an example it
//! shows each feature once.

#![allow(unreachable_pub, reason = "a binary has no API")]

mod extras;
mod note;
mod store;
mod thing;

use std::process::ExitCode;

use tfplug::prelude::*;

/// Objects that are files.
#[derive(Clone, Debug, tfplug::Model)]
#[provider]
pub struct Settings<S: Stage> {
    /// Where the files lie. May be unknown while Terraform plans.
    pub folder: S::Input<String>,
    /// How files are written.
    #[block(max = 1)]
    pub format: S::Input<Vec<Format>>,
}

/// How files are written.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct Format {
    /// A space in front of each file, to show that a provider block has blocks.
    pub padded: Option<bool>,
}

struct Corner;

impl Provider for Corner {
    type Model = Settings<Stored>;
    type Client = store::Store;

    async fn configure(&self, _host: &Host, config: Settings<Config>) -> Result<store::Store, Diagnostics> {
        let padded = config
            .format
            .known()
            .is_some_and(|formats| formats.iter().any(|format| format.padded == Some(true)));
        Ok(store::Store::new(config.folder, padded))
    }

    fn register(&self, registry: &mut Registry<store::Store>) {
        registry
            .resource(thing::Things)
            .resource(note::Notes)
            .data_source(extras::ReadThing)
            .ephemeral(extras::Tokens)
            .function(extras::Join);
    }
}

fn main() -> ExitCode {
    tfplug::server::run(Corner, "registry.terraform.io/bridgehead/corner")
}
