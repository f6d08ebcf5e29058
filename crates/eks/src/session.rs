//! Who asks AWS, and where.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_sts::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use jiff::Timestamp;

use crate::presign::{presign, token_of};
use crate::{ClusterDescription, EksError, describe};

/// EKS takes a token for 15 minutes; clocks differ.
const LIFE: Duration = Duration::from_mins(14);

/// Whose credentials, and in which region. What is absent comes from the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// As in `eu-west-1`.
    pub region: Option<String>,
    /// A profile of the shared configuration files.
    pub profile: Option<String>,
    /// A role to assume with those credentials.
    pub role_arn: Option<String>,
    /// What the role's trust policy asks for besides.
    pub external_id: Option<String>,
    /// Name of the role's session in CloudTrail.
    pub session_name: Option<String>,
}

/// Where AWS is, if not where it always is: tests, private links.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// Of EKS.
    pub eks: Option<String>,
    /// Of STS: role assumption, and the host of presigned URLs.
    pub sts: Option<String>,
}

/// A bearer token for one cluster.
#[derive(Clone)]
pub struct Token {
    text: String,
    /// When another one is due.
    pub expires_at: Timestamp,
}

impl Token {
    /// The token. Whoever calls this keeps it secret.
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Token").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// AWS, as seen by one identity. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Session {
    config: SdkConfig,
    region: String,
    eks_endpoint: Option<String>,
    sts_endpoint: String,
}

impl Session {
    /// Reads the environment and the configuration files. Credentials are looked for when they are needed.
    pub async fn new(identity: &Identity, endpoints: &Endpoints) -> Result<Self, EksError> {
        let mut loader = aws_config::defaults(BehaviorVersion::latest());
        if let Some(profile) = &identity.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = &identity.region {
            loader = loader.region(Region::new(region.clone()));
        }
        Self::of(loader.load().await, identity, endpoints).await
    }

    /// The same with access keys that are given, not looked for.
    pub async fn with_credentials(
        identity: &Identity,
        endpoints: &Endpoints,
        access_key: &str,
        secret_key: &str,
    ) -> Result<Self, EksError> {
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .credentials_provider(Credentials::new(access_key, secret_key, None, None, "configuration"));
        if let Some(region) = &identity.region {
            loader = loader.region(Region::new(region.clone()));
        }
        Self::of(loader.load().await, identity, endpoints).await
    }

    async fn of(mut config: SdkConfig, identity: &Identity, endpoints: &Endpoints) -> Result<Self, EksError> {
        let region = config.region().map(ToString::to_string).ok_or(EksError::NoRegion)?;
        if let Some(role) = &identity.role_arn {
            config = assuming(&config, role, identity, endpoints).await;
        }
        let sts_endpoint = match &endpoints.sts {
            Some(endpoint) => endpoint.clone(),
            None => regional_sts(&region).await?,
        };
        Ok(Self { config, region, eks_endpoint: endpoints.eks.clone(), sts_endpoint })
    }

    /// The region that was found.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// What EKS says of a cluster, if it can be connected to.
    pub async fn describe(&self, cluster: &str) -> Result<ClusterDescription, EksError> {
        let mut settings = aws_sdk_eks::config::Builder::from(&self.config);
        if let Some(endpoint) = &self.eks_endpoint {
            settings = settings.endpoint_url(endpoint);
        }
        let client = aws_sdk_eks::Client::from_conf(settings.build());
        describe::describe(&client, cluster, &self.region).await
    }

    /// Mints a token for a cluster, every time. No request is sent, but for credentials.
    pub async fn mint(&self, cluster: &str) -> Result<Token, EksError> {
        let provider = self.config.credentials_provider().ok_or_else(|| {
            let none = aws_credential_types::provider::error::CredentialsError::not_loaded_no_source();
            EksError::Credentials(none)
        })?;
        let credentials = provider.provide_credentials().await.map_err(EksError::Credentials)?;
        self.sign(&credentials, cluster, SystemTime::now())
    }

    fn sign(&self, credentials: &Credentials, cluster: &str, now: SystemTime) -> Result<Token, EksError> {
        let url = presign(credentials, &self.region, &self.sts_endpoint, cluster, now)?;
        // A token dies with the credentials that signed it.
        let until = now + LIFE;
        let until = credentials.expiry().map_or(until, |expiry| expiry.min(until));
        let expires_at = Timestamp::try_from(until).unwrap_or(Timestamp::MAX);
        Ok(Token { text: token_of(&url), expires_at })
    }
}

async fn assuming(config: &SdkConfig, role: &str, identity: &Identity, endpoints: &Endpoints) -> SdkConfig {
    let mut base = config.clone().into_builder();
    if let Some(endpoint) = &endpoints.sts {
        base = base.endpoint_url(endpoint);
    }
    let mut provider = AssumeRoleProvider::builder(role)
        .configure(&base.build())
        .session_name(identity.session_name.as_deref().unwrap_or("bridgehead"));
    if let Some(id) = &identity.external_id {
        provider = provider.external_id(id);
    }
    let provider = provider.build().await;
    let mut builder = config.clone().into_builder();
    builder.set_credentials_provider(Some(aws_credential_types::provider::SharedCredentialsProvider::new(
        provider,
    )));
    builder.build()
}

/// The region's own STS: EKS refuses URLs of the global one in most regions.
async fn regional_sts(region: &str) -> Result<String, EksError> {
    let error = |source: Box<dyn std::error::Error + Send + Sync>| EksError::Endpoint {
        region: region.to_owned(),
        source,
    };
    let params = Params::builder()
        .region(region.to_owned())
        .use_global_endpoint(false)
        .build()
        .map_err(|source| error(source.into()))?;
    let endpoint = DefaultResolver::new().resolve_endpoint(&params).await.map_err(error)?;
    Ok(endpoint.url().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_partition_has_its_own_sts() {
        for (region, host) in [
            ("eu-west-1", "https://sts.eu-west-1.amazonaws.com"),
            ("us-east-1", "https://sts.us-east-1.amazonaws.com"),
            ("cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn"),
            ("us-gov-west-1", "https://sts.us-gov-west-1.amazonaws.com"),
        ] {
            assert_eq!(regional_sts(region).await.unwrap(), host);
        }
    }

    fn session() -> Session {
        Session {
            config: SdkConfig::builder().build(),
            region: "eu-west-1".to_owned(),
            eks_endpoint: None,
            sts_endpoint: "https://sts.eu-west-1.amazonaws.com".to_owned(),
        }
    }

    #[test]
    fn a_token_dies_with_its_credentials() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let life = |expiry| {
            let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, expiry, "test");
            let token = session().sign(&credentials, "shop", now).unwrap();
            token.expires_at.as_second() - 1_000_000
        };
        assert_eq!(life(None), 14 * 60);
        assert_eq!(life(Some(now + Duration::from_hours(1))), 14 * 60);
        assert_eq!(life(Some(now + Duration::from_mins(5))), 300);
    }

    #[test]
    fn a_token_is_not_printed() {
        let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
        let token = session().sign(&credentials, "shop", SystemTime::now()).unwrap();
        assert!(!format!("{token:?}").contains("k8s-aws-v1"));
    }
}
