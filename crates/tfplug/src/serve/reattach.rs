//! Reattach: the server runs by itself, under a debugger say, and Terraform is told where it is.

use std::io::{self, Write as _};

use serde_json::json;

use super::handshake::PROTOCOL_VERSION;
use super::listener::Address;

/// The value of `TF_REATTACH_PROVIDERS` that leads to a server of this process at `address`.
pub fn reattach_json(provider: &str, address: &Address) -> String {
    json!({
        provider: {
            "Protocol": "grpc",
            "ProtocolVersion": PROTOCOL_VERSION,
            "Pid": std::process::id(),
            // Terraform leaves the process alone when it is done.
            "Test": true,
            "Addr": { "Network": address.network(), "String": address.to_string() },
        }
    })
    .to_string()
}

/// Tells the person at the terminal how to attach. The line with the variable can be pasted into
/// a shell.
pub(super) fn announce(provider: &str, address: &Address) -> io::Result<()> {
    let reattach = reattach_json(provider, address);
    let mut stdout = io::stdout().lock();
    writeln!(
        stdout,
        "{provider} is running. Terraform uses it when this is set in its environment:\n\n    \
         TF_REATTACH_PROVIDERS='{reattach}'\n\nCtrl-C ends it."
    )?;
    stdout.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_what_terraform_reads() {
        let address = Address::Unix("/tmp/plugin".into());
        let text = reattach_json("registry.terraform.io/example/thing", &address);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let provider = &value["registry.terraform.io/example/thing"];
        assert_eq!(provider["Protocol"], "grpc");
        assert_eq!(provider["ProtocolVersion"], 6);
        assert_eq!(provider["Test"], true);
        assert_eq!(provider["Pid"], std::process::id());
        assert_eq!(provider["Addr"]["Network"], "unix");
        assert_eq!(provider["Addr"]["String"], "/tmp/plugin");
    }
}
