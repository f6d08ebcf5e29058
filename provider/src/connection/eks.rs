//! EKS clusters: endpoint and certificates by the API, tokens from this process.

use std::sync::Arc;

use bridgehead_eks::{Endpoints, Identity, Session};
use bridgehead_kubernetes::connect::{MintError, MintedToken};
use bridgehead_kubernetes::{ConnectionSettings, Credentials};
use tfplug::prelude::Diagnostics;

use super::Eks;

pub(super) async fn settings(eks: &Eks) -> Result<ConnectionSettings, Diagnostics> {
    let identity = Identity {
        region: eks.region.clone(),
        profile: eks.profile.clone(),
        role_arn: eks.role_arn.clone(),
        external_id: eks.external_id.clone(),
        session_name: Some("terraform-provider-bridgehead".to_owned()),
    };
    let session = Session::new(&identity, &Endpoints::default()).await?;
    let cluster = session.describe(&eks.cluster_name).await?;
    let name: Arc<str> = eks.cluster_name.as_str().into();
    let session = Arc::new(session);
    let credentials = Credentials::minted_by(move || {
        let (session, name) = (Arc::clone(&session), Arc::clone(&name));
        async move {
            let token = session.mint(&name).await.map_err(|error| MintError::new("AWS", error))?;
            Ok(MintedToken::new(token.expose(), Some(token.expires_at)))
        }
    });
    Ok(ConnectionSettings::server(cluster.endpoint)
        .with_certificate_authority(cluster.certificate_authority)
        .with_credentials(credentials))
}
