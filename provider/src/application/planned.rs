//! Applications as this plan is going to make them, for those that it destroys.
//!
//! ```text
//! plan of a create ──note──┐        it is known: the destroy leaves what is deployed to it
//! plan of a destroy ─find──┴→ the later of the two sees the other
//!                                   it comes too late: the plan of the create is an error
//! ```
//! Terraform plans the two in any order, and applies them in another process.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::deployments::{Deployment, Place};

/// What is in the same configuration without a reference between the two is planned at about the same time.
const SIBLINGS: Duration = Duration::from_secs(5);
/// However much goes on: as long as destroys wait, Terraform may have no slot to plan the others in.
const AT_MOST: Duration = Duration::from_secs(10);

/// What applications were planned to deploy in this process.
pub(crate) struct PlannedDeployments {
    known: Mutex<Known>,
    news: Notify,
    patience: Duration,
    at_most: Duration,
}

impl Default for PlannedDeployments {
    fn default() -> Self {
        Self { known: Mutex::default(), news: Notify::new(), patience: SIBLINGS, at_most: AT_MOST }
    }
}

#[derive(Default)]
struct Known {
    made: Vec<(Place, Deployment)>,
    /// Destroys that were planned to take down what they have deployed.
    taken_down: Vec<(Place, Deployment)>,
    /// When something was planned last: a create, or the first destroy.
    last: Option<Instant>,
    /// When the first destroy was planned.
    destroying: Option<Instant>,
}

/// What becomes of what is deployed where there is no successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Otherwise {
    /// It is deleted.
    TakenDown,
    /// It stays, or the plan fails.
    Stays,
}

impl PlannedDeployments {
    fn known(&self) -> MutexGuard<'_, Known> {
        // A push leaves the lists whole, whatever panics elsewhere.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in an application that is made, or made to deploy something else. Returns the name of one whose
    /// destroy was planned too early to know of it, and would delete what both deploy.
    pub(super) fn note(&self, place: &Place, made: Deployment) -> Option<String> {
        let mut known = self.known();
        let late = find(&known.taken_down, place, &made);
        known.made.push((place.clone(), made));
        known.last = Some(Instant::now());
        drop(known);
        self.news.notify_waiters();
        late
    }

    /// The name of an application that this plan makes in the place of one that it destroys. Waits a moment
    /// for its plan; not again where nothing more was planned since, as when all is destroyed, nor for longer
    /// than all destroys of a plan may take together.
    pub(super) async fn successor(
        &self,
        place: &Place,
        destroyed: &Deployment,
        otherwise: Otherwise,
    ) -> Option<String> {
        loop {
            let news = self.news.notified();
            tokio::pin!(news);
            // Before the look, so that no news in between is lost.
            news.as_mut().enable();
            let patience = {
                let mut known = self.known();
                if let Some(name) = find(&known.made, place, destroyed) {
                    return Some(name);
                }
                let now = Instant::now();
                let end = *known.destroying.get_or_insert(now) + self.at_most;
                let patience = end.min(*known.last.get_or_insert(now) + self.patience);
                if now >= patience {
                    if otherwise == Otherwise::TakenDown {
                        known.taken_down.push((place.clone(), destroyed.clone()));
                    }
                    return None;
                }
                patience
            };
            tokio::select! {
                () = news => {}
                () = tokio::time::sleep_until(patience) => {}
            }
        }
    }
}

fn find(among: &[(Place, Deployment)], place: &Place, wanted: &Deployment) -> Option<String> {
    among
        .iter()
        .find(|(other, deployment)| other == place && deployment.is_the_same(wanted))
        .map(|(_, deployment)| deployment.name.clone())
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use serde_json::json;

    use super::*;

    fn deployment(name: &str, path: &str) -> Deployment {
        let source = json!({"repoURL": "https://git.example.com/a.git", "path": path});
        let spec = json!({"source": source, "destination": {"name": "spoke"}});
        Deployment::of(&json!({"metadata": {"name": name}, "spec": spec})).unwrap()
    }

    fn place() -> Place {
        ("None".to_owned(), "argocd".to_owned())
    }

    #[tokio::test]
    async fn a_destroy_that_is_planned_first_waits_for_its_successor() {
        let planned = PlannedDeployments::default();
        let shop = deployment("shop", "web");
        let place = place();
        let waiting = planned.successor(&place, &shop, Otherwise::TakenDown);
        let noting = async {
            assert_eq!(planned.note(&place, deployment("other", "api")), None);
            assert_eq!(planned.note(&place, deployment("store", "web")), None);
        };
        let (found, ()) = tokio::join!(waiting, noting);
        assert_eq!(found.as_deref(), Some("store"));
    }

    #[tokio::test]
    async fn however_much_is_planned_meanwhile_all_destroys_together_wait_no_longer_than_their_time() {
        let planned = PlannedDeployments { at_most: Duration::ZERO, ..PlannedDeployments::default() };
        for name in ["shop", "blog"] {
            planned.note(&place(), deployment("other", "api"));
            let destroyed = deployment(name, name);
            let found = planned.successor(&place(), &destroyed, Otherwise::TakenDown).now_or_never();
            assert_eq!(found, Some(None), "it doesn't wait");
        }
    }

    #[tokio::test]
    async fn a_successor_that_comes_too_late_is_told_whose_place_it_takes() {
        let planned = PlannedDeployments { patience: Duration::ZERO, ..PlannedDeployments::default() };
        let (shop, kept) = (deployment("shop", "web"), deployment("kept", "api"));
        assert_eq!(planned.successor(&place(), &shop, Otherwise::TakenDown).await, None);
        assert_eq!(planned.successor(&place(), &kept, Otherwise::Stays).await, None);
        let elsewhere = ("None".to_owned(), "other".to_owned());
        assert_eq!(planned.note(&elsewhere, deployment("store", "web")), None);
        assert_eq!(planned.note(&place(), deployment("keeper", "api")), None);
        assert_eq!(planned.note(&place(), deployment("store", "web")).as_deref(), Some("shop"));
    }
}
