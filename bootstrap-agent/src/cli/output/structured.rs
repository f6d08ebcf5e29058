//! JSON and YAML.

use std::io::Write;

use clap::ValueEnum;
use serde_json::Value;

use crate::cli::error::CliError;

/// Formats for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Structured {
    /// JSON
    Json,
    /// YAML
    Yaml,
}

/// Writes one value.
pub(crate) fn write(out: &mut dyn Write, format: Structured, value: &Value) -> Result<(), CliError> {
    match format {
        Structured::Json => {
            serde_json::to_writer_pretty(&mut *out, value).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Structured::Yaml => out.write_all(yaml(value)?.as_bytes())?,
    }
    Ok(())
}

/// Writes YAML documents, each after a line with `---`.
pub(crate) fn write_documents(out: &mut dyn Write, documents: &[Value]) -> Result<(), CliError> {
    for document in documents {
        writeln!(out, "---")?;
        out.write_all(yaml(document)?.as_bytes())?;
    }
    Ok(())
}

/// One value as YAML, ending in a line break.
pub(crate) fn yaml(value: &Value) -> Result<String, CliError> {
    let mut text =
        serde_saphyr::to_string(value).map_err(|error| CliError::content("a value as YAML", error))?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    #[test]
    fn what_is_written_as_yaml_is_read_as_the_same() {
        let value = json!({
            "yes": "yes", "octal": "0755", "number": "1e3", "empty": "", "null": "null", "tilde": "~",
            "lines": "a\n  b\n\nc\n", "last line open": "a\nb", "colon": "a: b", "hash": "a #b", "list": [[], {}, [1, -2.5]],
            "unicode": "é→", "control": "\u{7}", "date": "2026-11-21", "base60": "12:30:45", "tab": "\ta", "space": " a ",
        });
        let text = super::yaml(&value).expect("YAML");
        let read: Value = serde_saphyr::from_str(&text).expect("the same YAML");
        assert_eq!(read, value, "{text}");
    }
}
