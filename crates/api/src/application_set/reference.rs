//! References to what generators log in with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One entry of a Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["secretName", "key"]))]
pub struct SecretRef {
    /// Name of the Secret.
    pub secret_name: String,
    /// Name of the entry.
    pub key: String,
}

/// One entry of a ConfigMap.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["configMapName", "key"]))]
pub struct ConfigMapKeyRef {
    /// Name of the ConfigMap.
    pub config_map_name: String,
    /// Name of the entry.
    pub key: String,
}

/// A token for Bitbucket Server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["tokenRef"]))]
pub struct BearerTokenBitbucket {
    /// The token.
    pub token_ref: Option<SecretRef>,
}

/// A token for Bitbucket Cloud.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["tokenRef"]))]
pub struct BearerTokenBitbucketCloud {
    /// The token.
    pub token_ref: Option<SecretRef>,
}

/// User name and password for Bitbucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["username", "passwordRef"]))]
pub struct BasicAuthBitbucketServer {
    /// User name.
    pub username: String,
    /// Password or personal access token.
    pub password_ref: Option<SecretRef>,
}
