//! Entry point of the provider process.

use std::process::ExitCode;

fn main() -> ExitCode {
    terraform_provider_bridgehead::run()
}
