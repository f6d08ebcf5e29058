//! Waiting for a condition, and saying what was seen when it does not come.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::TryStreamExt;
use kube::api::{Api, WatchEvent, WatchParams};
use serde::de::DeserializeOwned;

/// What one look at a condition found.
#[derive(Debug)]
pub enum Probe<T> {
    /// It holds.
    Done(T),
    /// It does not hold; the text says what is there instead.
    NotYet(String),
}

impl Probe<()> {
    /// `Done` if `holds`, else what was `seen`.
    pub fn when(holds: bool, seen: impl Into<String>) -> Self {
        if holds { Self::Done(()) } else { Self::NotYet(seen.into()) }
    }
}

/// How long a condition may take: far more than a slow machine needs, so that only what never
/// comes fails. `BRIDGEHEAD_TEST_DEADLINE` sets other seconds.
pub fn deadline() -> Duration {
    let seconds = std::env::var("BRIDGEHEAD_TEST_DEADLINE").ok().and_then(|value| value.parse().ok());
    Duration::from_secs(seconds.unwrap_or(180))
}

/// Looks again and again until the condition holds. An error of a look ends the wait, and so
/// does the [`deadline`], with what was seen last.
///
/// ```no_run
/// # async fn example(client: kube::Client) -> anyhow::Result<()> {
/// use bridgehead_test_harness::{Probe, wait_for};
/// use k8s_openapi::api::core::v1::Namespace;
/// let namespaces: kube::Api<Namespace> = kube::Api::all(client);
/// wait_for("namespace team-a to be gone", async || {
///     let found = namespaces.get_opt("team-a").await?;
///     Ok(Probe::when(found.is_none(), format!("{:?}", found.and_then(|it| it.status))))
/// })
/// .await?;
/// # Ok(()) }
/// ```
pub async fn wait_for<T>(what: &str, look: impl AsyncFnMut() -> Result<Probe<T>>) -> Result<T> {
    wait_for_every(Duration::from_millis(50), what, look).await
}

/// [`wait_for`] with another pause between two looks.
pub async fn wait_for_every<T>(
    pause: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Result<Probe<T>>,
) -> Result<T> {
    let limit = deadline();
    let end = Instant::now() + limit;
    loop {
        match look().await.with_context(|| format!("while waiting for {what}"))? {
            Probe::Done(value) => return Ok(value),
            Probe::NotYet(seen) if Instant::now() > end => {
                bail!("waited {limit:?} for {what}; seen last: {seen}")
            }
            Probe::NotYet(_) => tokio::time::sleep(pause).await,
        }
    }
}

/// Waits on the watch of one object until `look` is done with it; `None` is its absence.
pub async fn wait_for_object<K, T>(
    api: &Api<K>,
    name: &str,
    what: &str,
    mut look: impl FnMut(Option<&K>) -> Probe<T>,
) -> Result<T>
where
    K: Clone + DeserializeOwned + std::fmt::Debug + kube::Resource,
{
    let limit = deadline();
    let end = Instant::now() + limit;
    let mut seen = String::from("nothing");
    while Instant::now() < end {
        let current = api.get_opt(name).await.with_context(|| format!("while waiting for {what}"))?;
        match look(current.as_ref()) {
            Probe::Done(value) => return Ok(value),
            Probe::NotYet(text) => seen = text,
        }
        // From the version just read; from the start of all events for an object that is absent.
        let version = current.and_then(|object| object.meta().resource_version.clone());
        let left = end.saturating_duration_since(Instant::now()).as_secs().clamp(1, 60);
        let params = WatchParams::default()
            .fields(&format!("metadata.name={name}"))
            .timeout(u32::try_from(left).unwrap_or(60));
        let events = api.watch(&params, version.as_deref().unwrap_or("0")).await;
        let mut events = std::pin::pin!(events.with_context(|| format!("while waiting for {what}"))?);
        // A broken or expired watch is answered by reading again.
        while let Ok(Some(event)) = events.try_next().await {
            let probe = match &event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => look(Some(object)),
                WatchEvent::Deleted(_) => look(None),
                WatchEvent::Bookmark(_) => continue,
                WatchEvent::Error(_) => break,
            };
            match probe {
                Probe::Done(value) => return Ok(value),
                Probe::NotYet(text) => seen = text,
            }
        }
    }
    bail!("waited {limit:?} for {what}; seen last: {seen}")
}
