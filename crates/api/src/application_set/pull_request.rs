//! The generator over the open pull requests of a repository.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::reference::{
    BasicAuthBitbucketServer, BearerTokenBitbucket, BearerTokenBitbucketCloud, ConfigMapKeyRef, SecretRef,
};
use super::spec::ApplicationSetTemplate;

/// Open pull requests of a repository; exactly one host is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct PullRequestGenerator {
    /// GitHub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub github: Option<PullRequestGeneratorGithub>,
    /// GitLab.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gitlab: Option<PullRequestGeneratorGitLab>,
    /// Gitea.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gitea: Option<PullRequestGeneratorGitea>,
    /// Bitbucket Server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bitbucket_server: Option<PullRequestGeneratorBitbucketServer>,
    /// Only pull requests that one of these lets through.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<PullRequestGeneratorFilter>,
    /// How often to look. Default 30 minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requeue_after_seconds: Option<i64>,
    /// Overrides the ApplicationSet's template, field by field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<Box<ApplicationSetTemplate>>,
    /// Bitbucket Cloud.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bitbucket: Option<PullRequestGeneratorBitbucket>,
    /// Azure DevOps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub azuredevops: Option<PullRequestGeneratorAzureDevOps>,
    /// More parameters, as `values.<name>`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
    /// A repository that does not exist has no pull requests, instead of being an error.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub continue_on_repo_not_found_error: bool,
}

/// A repository at GitHub.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["owner", "repo"]))]
pub struct PullRequestGeneratorGithub {
    /// Organisation or user.
    pub owner: String,
    /// Name.
    pub repo: String,
    /// URL of the API; GitHub's own where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api: String,
    /// Token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_ref: Option<SecretRef>,
    /// Secret with a GitHub App, used instead of a token.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub app_secret_name: String,
    /// Only pull requests with all of these labels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
}

/// A project at GitLab.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["project"]))]
pub struct PullRequestGeneratorGitLab {
    /// Id or full path.
    pub project: String,
    /// URL of the API; GitLab's own where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api: String,
    /// Token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_ref: Option<SecretRef>,
    /// Only merge requests with all of these labels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// `opened`, `closed`, `merged` or `locked`; empty for all.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pull_request_state: String,
    /// Do not check the server's certificate.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub insecure: bool,
    /// Certificates that are trusted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_ref: Option<ConfigMapKeyRef>,
}

/// A repository of a Gitea server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["owner", "repo", "api"]))]
pub struct PullRequestGeneratorGitea {
    /// Organisation or user.
    pub owner: String,
    /// Name.
    pub repo: String,
    /// URL of the server.
    pub api: String,
    /// Token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_ref: Option<SecretRef>,
    /// Do not check the server's certificate.
    #[serde(skip_serializing_if = "crate::omit::is_false")]
    pub insecure: bool,
    /// Only pull requests with all of these labels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
}

/// A repository of a Bitbucket Server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["project", "repo", "api"]))]
pub struct PullRequestGeneratorBitbucketServer {
    /// Key of the project.
    pub project: String,
    /// Name.
    pub repo: String,
    /// URL of the API.
    pub api: String,
    /// User name and password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basic_auth: Option<BasicAuthBitbucketServer>,
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

/// A repository at Bitbucket Cloud.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["owner", "repo"]))]
pub struct PullRequestGeneratorBitbucket {
    /// Workspace.
    pub owner: String,
    /// Name.
    pub repo: String,
    /// URL of the API; Bitbucket's own where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api: String,
    /// User name and password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basic_auth: Option<BasicAuthBitbucketServer>,
    /// Token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bearer_token: Option<BearerTokenBitbucketCloud>,
}

/// A repository at Azure DevOps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("required" = ["organization", "project", "repo"]))]
pub struct PullRequestGeneratorAzureDevOps {
    /// Organisation.
    pub organization: String,
    /// Project.
    pub project: String,
    /// Name.
    pub repo: String,
    /// URL of the server; Azure's own where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api: String,
    /// Token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_ref: Option<SecretRef>,
    /// Only pull requests with all of these labels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
}

/// What a pull request must be like; everything given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct PullRequestGeneratorFilter {
    /// Regular expression over its branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch_match: Option<String>,
    /// Regular expression over the branch it goes to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_branch_match: Option<String>,
    /// Regular expression over its title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title_match: Option<String>,
}
