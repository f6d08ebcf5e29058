//! Entry point of the `bridgehead` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    bridgehead::cli::run(std::env::args_os())
}
