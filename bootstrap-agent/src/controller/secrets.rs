//! Secrets on their way to the API server: their values are never told.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bridgehead_engine::manifest::Desired;
use serde_json::Value;

/// What stands before a value that the API server quotes.
const QUOTE: &str = "Invalid value: ";

/// As the API server decodes: with padding, and whatever the last bits are.
const DECODER: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// True for `v1/Secret`.
pub(super) fn is_secret(desired: &Desired) -> bool {
    desired.key.group_kind.is("", "Secret")
}

/// What is wrong with a Secret whose `data` is not base64. The API server would say so with the value.
pub(super) fn undecodable(desired: &Desired) -> Option<String> {
    if !is_secret(desired) {
        return None;
    }
    let data = desired.manifest.value().get("data")?.as_object()?;
    let wrong = |value: &Value| {
        let text: String = value.as_str()?.chars().filter(|letter| !matches!(letter, '\r' | '\n')).collect();
        DECODER.decode(text).err()
    };
    let (key, _) = data.iter().find(|(_, value)| wrong(value).is_some())?;
    Some(format!(
        "Secret \"{}\" is invalid: `data.{key}` is not base64: write plain text in `stringData`, or encode it",
        desired.key.name
    ))
}

/// The message without any value that it quotes.
pub(super) fn without_values(message: &str) -> String {
    let Some(begin) = message.find(QUOTE) else { return message.to_owned() };
    // A value may hold anything, so that only the last end of a quotation is one for certain.
    let rest = message.rfind("\": ").map_or("", |end| &message[end + 1..]);
    format!("{}{QUOTE}(hidden){rest}", &message[..begin])
}

#[cfg(test)]
mod tests {
    use bridgehead_engine::manifest::{Manifest, Origin};
    use serde_json::json;

    use super::*;

    fn secret(data: &Value) -> Desired {
        let manifest = Manifest::new(json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login", "namespace": "shop"},
            "data": data,
        }));
        Desired { key: manifest.key(), manifest, origin: Origin::default() }
    }

    #[test]
    fn plain_text_in_data_is_told_by_its_key_alone() {
        let message =
            undecodable(&secret(&json!({"user": "bWU=", "password": "hunter2!"}))).expect("a problem");
        assert!(
            message.contains("`data.password` is not base64") && message.contains("stringData"),
            "{message}"
        );
        assert!(!message.contains("hunter2"), "{message}");
    }

    #[test]
    fn what_the_api_server_decodes_is_let_through() {
        for value in ["", "aGk=", "aGl=", "aGVs\nbG8=\n"] {
            assert_eq!(undecodable(&secret(&json!({"key": value}))), None, "{value:?}");
        }
    }

    #[test]
    fn values_that_are_quoted_are_cut_out() {
        let told = "Secret \"login\" is invalid: patch: Invalid value: \"map[data:map[password:hun\": ter2]]\": \
                    error decoding from json: illegal base64 data at input byte 4";
        let shown = without_values(told);
        assert_eq!(
            shown,
            "Secret \"login\" is invalid: patch: Invalid value: (hidden): error decoding from json: illegal base64 \
             data at input byte 4"
        );
        let cut = without_values("data: Invalid value: \"hunter2");
        assert_eq!(cut, "data: Invalid value: (hidden)");
        assert_eq!(without_values("forbidden"), "forbidden");
    }
}
