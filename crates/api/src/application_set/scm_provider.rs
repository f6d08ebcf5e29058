//! The generator over the repositories of an organisation.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::reference::{BasicAuthBitbucketServer, BearerTokenBitbucket, ConfigMapKeyRef, SecretRef};
use super::spec::ApplicationSetTemplate;

/// Repositories of an organisation; exactly one host is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ScmProviderGenerator {
    /// GitHub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub github: Option<ScmProviderGeneratorGithub>,
    /// GitLab.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gitlab: Option<ScmProviderGeneratorGitlab>,
    /// Bitbucket Cloud.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bitbucket: Option<ScmProviderGeneratorBitbucket>,
    /// Bitbucket Server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bitbucket_server: Option<ScmProviderGeneratorBitbucketServer>,
    /// Gitea.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gitea: Option<ScmProviderGeneratorGitea>,
    /// Azure DevOps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub azure_dev_ops: Option<ScmProviderGeneratorAzureDevOps>,
    /// Only repositories that one of these lets through.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<ScmProviderGeneratorFilter>,
    /// `ssh` or `https`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub clone_protocol: String,
    /// How often to look. Default 30 minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requeue_after_seconds: Option<i64>,
    /// Overrides the ApplicationSet's template, field by field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<Box<ApplicationSetTemplate>>,
    /// More parameters, as `values.<name>`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
    /// AWS CodeCommit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws_code_commit: Option<ScmProviderGeneratorAwsCodeCommit>,
}

/// An organisation at GitHub.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["organization"]))]
pub struct ScmProviderGeneratorGithub {
    /// Name of the organisation.
    pub organization: String,
    /// URL of the API; GitHub's own where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api: String,
    /// Token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_ref: Option<SecretRef>,
    /// Secret with a GitHub App, used instead of a token.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub app_secret_name: String,
    /// Every branch, instead of the default one.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub all_branches: bool,
    /// Leave out archived repositories.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub exclude_archived_repos: bool,
}

/// A group at GitLab.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["group"]))]
pub struct ScmProviderGeneratorGitlab {
    /// Id or full path of the group.
    pub group: String,
    /// Look into subgroups too.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub include_subgroups: bool,
    /// URL of the API; GitLab's own where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api: String,
    /// Token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_ref: Option<SecretRef>,
    /// Every branch, instead of the default one.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub all_branches: bool,
    /// Do not check the server's certificate.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub insecure: bool,
    /// Projects that were shared with the group too. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_shared_projects: Option<bool>,
    /// Only projects with this topic.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub topic: String,
    /// Certificates that are trusted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_ref: Option<ConfigMapKeyRef>,
    /// Archived repositories too.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub include_archived_repos: bool,
}

/// A workspace at Bitbucket Cloud.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["owner", "user", "appPasswordRef"]))]
pub struct ScmProviderGeneratorBitbucket {
    /// Name of the workspace.
    pub owner: String,
    /// User name.
    pub user: String,
    /// App password.
    pub app_password_ref: Option<SecretRef>,
    /// Every branch, instead of the default one.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub all_branches: bool,
}

/// A project of a Bitbucket Server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["project", "api"]))]
pub struct ScmProviderGeneratorBitbucketServer {
    /// Key of the project.
    pub project: String,
    /// URL of the API.
    pub api: String,
    /// User name and password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basic_auth: Option<BasicAuthBitbucketServer>,
    /// Every branch, instead of the default one.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub all_branches: bool,
    /// Token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bearer_token: Option<BearerTokenBitbucket>,
    /// Do not check the server's certificate.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub insecure: bool,
    /// Certificates that are trusted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_ref: Option<ConfigMapKeyRef>,
}

/// An organisation of a Gitea server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["owner", "api"]))]
pub struct ScmProviderGeneratorGitea {
    /// Name of the organisation or the user.
    pub owner: String,
    /// URL of the server.
    pub api: String,
    /// Token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_ref: Option<SecretRef>,
    /// Every branch, instead of the default one.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub all_branches: bool,
    /// Do not check the server's certificate.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub insecure: bool,
    /// Leave out archived repositories.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub exclude_archived_repos: bool,
}

/// A team project at Azure DevOps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["organization", "teamProject", "accessTokenRef"]))]
pub struct ScmProviderGeneratorAzureDevOps {
    /// Name of the organisation.
    pub organization: String,
    /// URL of the server; Azure's own where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api: String,
    /// Name of the team project.
    pub team_project: String,
    /// Token.
    pub access_token_ref: Option<SecretRef>,
    /// Every branch, instead of the default one.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub all_branches: bool,
}

/// Repositories in AWS CodeCommit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ScmProviderGeneratorAwsCodeCommit {
    /// Only repositories with these tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tag_filters: Vec<TagFilter>,
    /// Role to assume; the agent's own where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub role: String,
    /// Region; the agent's own where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub region: String,
    /// Every branch, instead of the default one.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub all_branches: bool,
}

/// A tag.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["key"]))]
pub struct TagFilter {
    /// Name.
    pub key: String,
    /// Value; empty for any.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub value: String,
}

/// What a repository must be like; everything given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ScmProviderGeneratorFilter {
    /// Regular expression over the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository_match: Option<String>,
    /// Paths that must be there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths_exist: Vec<String>,
    /// Paths that must not be there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths_do_not_exist: Vec<String>,
    /// Regular expression over labels or topics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_match: Option<String>,
    /// Regular expression over the branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch_match: Option<String>,
}
