//! A whole provider: `example_file`, a file in a folder.
//!
//! ```console
//! $ cargo build --example file
//! $ mkdir -p plugins && ln -s "$PWD"/target/debug/examples/file plugins/terraform-provider-example
//! $ cat > terraformrc <<EOF
//! provider_installation {
//!   dev_overrides { "registry.terraform.io/bridgehead/example" = "$PWD/plugins" }
//!   direct {}
//! }
//! EOF
//! $ export TF_CLI_CONFIG_FILE=$PWD/terraformrc
//! ```
//!
//! ```hcl
//! terraform {
//!   required_providers { example = { source = "bridgehead/example" } }
//! }
//!
//! provider "example" { folder = "/tmp/example" }
//!
//! resource "example_file" "hello" {
//!   name    = "hello.txt"
//!   content = "Hello"
//! }
//! ```
//!
//! `terraform apply` then writes the file, `terraform plan` says that nothing is to be done, and says so
//! no longer when somebody changes the file.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::ExitCode;

use tfplug::prelude::*;

/// Files in a folder.
#[derive(Clone, Debug, tfplug::Model)]
#[provider]
pub struct Settings<S: Stage> {
    /// The folder. It may come from something that is made in the same apply.
    pub folder: S::Input<String>,
}

/// A file.
#[derive(Clone, Debug, tfplug::Model)]
#[resource("example_file", version = 0, identity(name))]
pub struct File<S: Stage> {
    /// Its name in the folder.
    #[attr(replace = "a file is not renamed, it is written anew", check = plain_name)]
    pub name: S::Input<String>,
    /// What is in it; empty if nothing is given.
    #[attr(default = "")]
    pub content: S::Input<String>,
    /// Bytes in it.
    pub size: S::Output<u64>,
}

fn plain_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() || name.contains('/') { Err("a name is not empty and has no `/`") } else { Ok(()) }
}

/// What resources work with.
pub struct Client {
    folder: Maybe<String>,
}

impl Client {
    /// Where a file lies. An error while the folder is not known yet: so a plan works before there is one.
    fn path(&self, name: &str) -> Result<PathBuf, Diagnostics> {
        Ok(PathBuf::from(self.folder.require("folder")?).join(name))
    }
}

struct Files;

impl Resource for Files {
    type Model = File<Stored>;
    type Client = Client;

    async fn create(&self, context: &Context<Client>, planned: File<Applying>) -> Outcome<Self::Model> {
        std::fs::write(context.client()?.path(&planned.name)?, &planned.content)?;
        let size = planned.content.len() as u64;
        Ok(planned.store(FileComputed { size }))
    }

    async fn read(&self, context: &Context<Client>, prior: File<Partial>) -> ReadResult<Self::Model> {
        let client = context.client()?;
        if client.folder.is_unknown() {
            return Ok(Live::Unchanged);
        }
        match std::fs::read_to_string(client.path(&prior.name)?) {
            Ok(content) => {
                let size = content.len() as u64;
                Ok(Live::Present(File { content, ..prior.store(FileComputed { size }) }))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Live::Gone),
            Err(error) => Err(error.into()),
        }
    }

    async fn update(
        &self,
        context: &Context<Client>,
        _prior: File<Partial>,
        planned: File<Applying>,
    ) -> Outcome<Self::Model> {
        self.create(context, planned).await
    }

    async fn delete(&self, context: &Context<Client>, prior: File<Partial>) -> Result<(), Diagnostics> {
        match std::fs::remove_file(context.client()?.path(&prior.name)?) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    async fn import(&self, context: &Context<Client>, import: &Import) -> Outcome<Self::Model> {
        let name: String = import.get("name")?;
        let content = std::fs::read_to_string(context.client()?.path(&name)?)?;
        let size = content.len() as u64;
        Ok(File { name, content, size })
    }
}

struct Example;

impl Provider for Example {
    type Model = Settings<Stored>;
    type Client = Client;

    async fn configure(&self, _host: &Host, config: Settings<Config>) -> Result<Client, Diagnostics> {
        Ok(Client { folder: config.folder })
    }

    fn register(&self, registry: &mut Registry<Client>) {
        registry.resource(Files);
    }
}

fn main() -> ExitCode {
    tfplug::server::run(Example, "registry.terraform.io/bridgehead/example")
}
