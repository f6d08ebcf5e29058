//! What a Pod with a ServiceAccount is given, for programs that run outside of one.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, ObjectMeta, PostParams};

use super::Cluster;
use super::kubeconfig::{Credentials, kubeconfig};
use crate::certificates::write_private;

/// The rights of a ServiceAccount, ready for use.
#[derive(Debug)]
pub struct ServiceAccountAccess {
    /// The bearer token.
    pub token: String,
    /// A kubeconfig with that token.
    pub kubeconfig: PathBuf,
    /// A folder as it is mounted into Pods: `token`, `ca.crt`, `namespace`.
    pub mount: PathBuf,
}

impl Cluster {
    /// A token for a ServiceAccount that exists, valid for `seconds` (600 or more).
    pub async fn service_account(
        &self,
        namespace: &str,
        name: &str,
        seconds: i64,
    ) -> Result<ServiceAccountAccess> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client().await?, namespace);
        let request = TokenRequest {
            metadata: ObjectMeta::default(),
            spec: TokenRequestSpec { expiration_seconds: Some(seconds), ..TokenRequestSpec::default() },
            status: None,
        };
        let answer = accounts
            .create_token_request(name, &PostParams::default(), &request)
            .await
            .with_context(|| format!("failed to get a token for ServiceAccount `{namespace}/{name}`"))?;
        let token = answer.status.context("the API server returned no token")?.token;
        let mount = self.folder().join("serviceaccounts").join(namespace).join(name);
        std::fs::create_dir_all(&mount).with_context(|| format!("failed to create `{}`", mount.display()))?;
        self.write_access(&mount, namespace, name, token)
    }

    fn write_access(
        &self,
        mount: &Path,
        namespace: &str,
        name: &str,
        token: String,
    ) -> Result<ServiceAccountAccess> {
        let user = format!("system:serviceaccount:{namespace}:{name}");
        let content =
            kubeconfig(self.name(), &self.server(), self.authority(), &user, &Credentials::Token(&token));
        let path = mount.join("kubeconfig.yaml");
        write_private(&path, &content)?;
        write_private(&mount.join("token"), &token)?;
        write_private(&mount.join("ca.crt"), self.authority())?;
        write_private(&mount.join("namespace"), namespace)?;
        Ok(ServiceAccountAccess { token, kubeconfig: path, mount: mount.to_owned() })
    }
}
