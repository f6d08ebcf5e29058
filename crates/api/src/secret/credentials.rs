//! What to log in to a repository with.

use super::{Secret, SecretData, SecretProblem};

/// Credentials of a repository, of any kind. All absent means anonymous.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// User name.
    pub username: String,
    /// Password, or a token that stands for one.
    pub password: Option<Secret>,
    /// Bearer token.
    pub bearer_token: Option<Secret>,
    /// Private key for SSH, as PEM text.
    pub ssh_private_key: Option<Secret>,
    /// Client certificate, as PEM text.
    pub tls_client_cert_data: String,
    /// Key of the client certificate, as PEM text.
    pub tls_client_cert_key: Option<Secret>,
    /// A GitHub App.
    pub github_app: GithubApp,
    /// Key of a Google Cloud service account, as JSON text.
    pub gcp_service_account_key: Option<Secret>,
    /// A service principal of Azure.
    pub azure: AzureServicePrincipal,
    /// Send basic authentication with the first request.
    pub force_http_basic_auth: bool,
    /// Use the workload identity of Azure.
    pub use_azure_workload_identity: bool,
}

/// An installation of a GitHub App, which makes its own tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GithubApp {
    /// Private key, as PEM text.
    pub private_key: Option<Secret>,
    /// Id of the app; 0 for none.
    pub id: i64,
    /// Id of the installation; 0 to look it up.
    pub installation_id: i64,
    /// URL of the API of a GitHub Enterprise server.
    pub enterprise_base_url: String,
}

/// A service principal of Azure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AzureServicePrincipal {
    /// Its client id.
    pub client_id: String,
    /// Its client secret.
    pub client_secret: Option<Secret>,
    /// Its tenant.
    pub tenant_id: String,
    /// URL of the directory that it is in; empty for the public one.
    pub active_directory_endpoint: String,
}

impl Credentials {
    /// True where there is something to log in with.
    pub fn are_present(&self) -> bool {
        !self.username.is_empty()
            || self.password.is_some()
            || self.bearer_token.is_some()
            || self.ssh_private_key.is_some()
            || !self.tls_client_cert_data.is_empty()
            || self.github_app.private_key.is_some()
            || self.use_azure_workload_identity
            || self.azure.client_secret.is_some()
    }

    pub(super) fn read(data: &SecretData) -> Result<Self, SecretProblem> {
        // Credential templates have been written with both spellings of Azure's ids.
        let either = |first, second| match data.text(first)? {
            "" => data.owned_text(second),
            text => Ok(text.to_owned()),
        };
        Ok(Self {
            username: data.owned_text("username")?,
            password: data.secret("password")?,
            bearer_token: data.secret("bearerToken")?,
            ssh_private_key: data.secret("sshPrivateKey")?,
            tls_client_cert_data: data.owned_text("tlsClientCertData")?,
            tls_client_cert_key: data.secret("tlsClientCertKey")?,
            github_app: GithubApp {
                private_key: data.secret("githubAppPrivateKey")?,
                id: data.number("githubAppID")?,
                installation_id: data.number("githubAppInstallationID")?,
                enterprise_base_url: data.owned_text("githubAppEnterpriseBaseUrl")?,
            },
            gcp_service_account_key: data.secret("gcpServiceAccountKey")?,
            azure: AzureServicePrincipal {
                client_id: either("azureServicePrincipalClientId", "azureServicePrincipalClientID")?,
                client_secret: data.secret("azureServicePrincipalClientSecret")?,
                tenant_id: either("azureServicePrincipalTenantId", "azureServicePrincipalTenantID")?,
                active_directory_endpoint: data.owned_text("azureActiveDirectoryEndpoint")?,
            },
            force_http_basic_auth: data.boolean("forceHttpBasicAuth")?,
            use_azure_workload_identity: data.boolean("useAzureWorkloadIdentity")?,
        })
    }

    pub(super) fn write(&self, data: &mut SecretData) {
        data.put_text("username", &self.username);
        data.put_secret("password", self.password.as_ref());
        data.put_secret("bearerToken", self.bearer_token.as_ref());
        data.put_secret("sshPrivateKey", self.ssh_private_key.as_ref());
        data.put_text("tlsClientCertData", &self.tls_client_cert_data);
        data.put_secret("tlsClientCertKey", self.tls_client_cert_key.as_ref());
        data.put_secret("githubAppPrivateKey", self.github_app.private_key.as_ref());
        data.put_number("githubAppID", self.github_app.id);
        data.put_number("githubAppInstallationID", self.github_app.installation_id);
        data.put_text("githubAppEnterpriseBaseUrl", &self.github_app.enterprise_base_url);
        data.put_secret("gcpServiceAccountKey", self.gcp_service_account_key.as_ref());
        data.put_text("azureServicePrincipalClientId", &self.azure.client_id);
        data.put_secret("azureServicePrincipalClientSecret", self.azure.client_secret.as_ref());
        data.put_text("azureServicePrincipalTenantId", &self.azure.tenant_id);
        data.put_text("azureActiveDirectoryEndpoint", &self.azure.active_directory_endpoint);
        data.put_flag("forceHttpBasicAuth", self.force_http_basic_auth);
        data.put_flag("useAzureWorkloadIdentity", self.use_azure_workload_identity);
    }

    /// These credentials, completed field by field from a template's. The two switches are the template's.
    pub(super) fn completed_from(mut self, template: &Self) -> Self {
        or_text(&mut self.username, &template.username);
        or_secret(&mut self.password, template.password.as_ref());
        or_secret(&mut self.bearer_token, template.bearer_token.as_ref());
        or_secret(&mut self.ssh_private_key, template.ssh_private_key.as_ref());
        or_text(&mut self.tls_client_cert_data, &template.tls_client_cert_data);
        or_secret(&mut self.tls_client_cert_key, template.tls_client_cert_key.as_ref());
        or_secret(&mut self.github_app.private_key, template.github_app.private_key.as_ref());
        or_number(&mut self.github_app.id, template.github_app.id);
        or_number(&mut self.github_app.installation_id, template.github_app.installation_id);
        or_text(&mut self.github_app.enterprise_base_url, &template.github_app.enterprise_base_url);
        or_secret(&mut self.gcp_service_account_key, template.gcp_service_account_key.as_ref());
        or_text(&mut self.azure.client_id, &template.azure.client_id);
        or_secret(&mut self.azure.client_secret, template.azure.client_secret.as_ref());
        or_text(&mut self.azure.tenant_id, &template.azure.tenant_id);
        or_text(&mut self.azure.active_directory_endpoint, &template.azure.active_directory_endpoint);
        self.force_http_basic_auth = template.force_http_basic_auth;
        self.use_azure_workload_identity = template.use_azure_workload_identity;
        self
    }
}

pub(super) fn or_text(own: &mut String, template: &str) {
    if own.is_empty() {
        template.clone_into(own);
    }
}

fn or_secret(own: &mut Option<Secret>, template: Option<&Secret>) {
    if own.is_none() {
        *own = template.cloned();
    }
}

fn or_number(own: &mut i64, template: i64) {
    if *own == 0 {
        *own = template;
    }
}
