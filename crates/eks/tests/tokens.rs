//! Tokens against those of botocore, which awscli's `eks get-token` is made of.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::SystemTime;

use aws_credential_types::Credentials;
use bridgehead_eks::{presign, token_of};
use jiff::Timestamp;
use serde_json::Value;

#[test]
fn tokens_are_those_of_awscli() {
    let golden: Value = serde_json::from_str(include_str!("golden/tokens.json")).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        let text = |name: &str| case[name].as_str().unwrap_or_default();
        let session_token = case["session_token"].as_str().map(str::to_owned);
        let credentials =
            Credentials::new(text("access_key"), text("secret_key"), session_token, None, "golden");
        let at = SystemTime::from(text("at").parse::<Timestamp>().unwrap());
        let endpoint = text("url").split("/?").next().unwrap();
        let url = presign(&credentials, text("region"), endpoint, text("cluster"), at).unwrap();
        assert_eq!(parts(&url), parts(text("url")), "{}", text("name"));
        assert_eq!(token_of(text("url")), text("token"), "{}", text("name"));
    }
}

/// What the signature covers: the order of a query's parts has no meaning.
fn parts(url: &str) -> (&str, Vec<&str>) {
    let (address, query) = url.split_once('?').unwrap();
    let mut pairs: Vec<&str> = query.split('&').collect();
    pairs.sort_unstable();
    (address, pairs)
}
