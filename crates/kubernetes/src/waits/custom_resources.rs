//! CRDs that are in force.

use std::time::Duration;

use bridgehead_api::ObjectKey;

use super::{Verdict, WaitError, condition, wait_for};
use crate::connect::Connection;
use crate::discovery::Resource;

/// Waits until a CRD, named `plural.group`, is served.
pub async fn crd_established(connection: &Connection, name: &str, within: Duration) -> Result<(), WaitError> {
    let crds = Resource::known(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        false,
    );
    let key = ObjectKey::new(crds.gvk.group_kind.clone(), "", name);
    wait_for(connection, &crds, &key, within, format!("CRD `{name}` to be established"), |live| {
        let Some(live) = live else { return Verdict::NotYet("there is no such CRD".to_owned()) };
        // Names that another CRD has taken are never given to this one.
        if let Some(("False", reason, message)) = condition(live, "NamesAccepted") {
            return Verdict::Never(format!("its names are not accepted: {reason}: {message}"));
        }
        match condition(live, "Established") {
            Some(("True", ..)) => Verdict::Done(()),
            Some((status, reason, message)) => {
                Verdict::NotYet(format!("Established is {status}: {reason}: {message}"))
            }
            None => Verdict::NotYet("it has no condition Established".to_owned()),
        }
    })
    .await
}

/// Waits for several CRDs at once.
pub async fn crds_established(
    connection: &Connection,
    names: &[&str],
    within: Duration,
) -> Result<(), WaitError> {
    let waits = names.iter().map(|name| crd_established(connection, name, within));
    futures::future::try_join_all(waits).await.map(|_| ())
}
