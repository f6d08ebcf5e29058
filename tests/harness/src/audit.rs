//! What the API server was asked, from its audit log.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

/// The audit log of a cluster, which grows while it is read.
#[derive(Clone, Debug)]
pub struct AuditLog {
    path: PathBuf,
}

/// A place in the log: requests that were answered later come after it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mark(u64);

/// One request. A watch is listed as soon as it has begun, and once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// Such as `system:serviceaccount:argocd:bridgehead`.
    pub user: String,
    /// The client's own name.
    pub user_agent: String,
    /// The API group, empty for the core group.
    pub group: String,
    /// Such as `pods`; empty for requests that concern no resource, such as discovery.
    pub resource: String,
    /// Such as `status`, or empty.
    pub subresource: String,
    /// Empty for resources of the cluster.
    pub namespace: String,
    /// Empty where the request names no object.
    pub name: String,
    /// Path and query.
    pub uri: String,
    /// The HTTP status of the answer.
    pub code: u16,
}

impl Request {
    /// The verb with group, resource and subresource, such as `patch apps/deployments/scale`.
    pub fn summary(&self) -> String {
        if self.resource.is_empty() {
            let path = self.uri.split('?').next().unwrap_or_default();
            return format!("{} {path}", self.verb);
        }
        let mut text = format!("{} ", self.verb);
        for part in [&self.group, &self.resource, &self.subresource] {
            if !part.is_empty() {
                if !text.ends_with(' ') {
                    text.push('/');
                }
                text.push_str(part);
            }
        }
        text
    }
}

impl AuditLog {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// The log's file: JSON lines of `audit.k8s.io/v1` events.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The log's present end.
    pub fn mark(&self) -> Result<Mark> {
        let length = std::fs::metadata(&self.path).map(|file| file.len());
        Ok(Mark(length.with_context(|| format!("failed to read `{}`", self.path.display()))?))
    }

    /// The requests after a mark, in the order of their answers. A watch counts where it begins.
    pub fn requests_since(&self, mark: Mark) -> Result<Vec<Request>> {
        let mut bytes = Vec::new();
        std::fs::File::open(&self.path)
            .and_then(|mut file| {
                file.seek(SeekFrom::Start(mark.0))?;
                file.read_to_end(&mut bytes)
            })
            .with_context(|| format!("failed to read `{}`", self.path.display()))?;
        // The last line may be half written.
        let complete = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let mut requests: Vec<Request> = Vec::new();
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for line in bytes[..complete].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let event: Event =
                serde_json::from_slice(line).context("failed to read a line of the audit log")?;
            let id = event.audit_id.clone();
            match places.entry(id) {
                // The end of a request whose start was listed.
                Entry::Occupied(place) => requests[*place.get()] = event.into_request(),
                Entry::Vacant(_) if event.ends_an_older_watch() => {}
                Entry::Vacant(place) => {
                    place.insert(requests.len());
                    requests.push(event.into_request());
                }
            }
        }
        Ok(requests)
    }

    /// All requests since the API server first started.
    pub fn requests(&self) -> Result<Vec<Request>> {
        self.requests_since(Mark::default())
    }
}

/// Counts requests by whatever `key` says of each; those without a key are left out.
///
/// ```no_run
/// # use bridgehead_test_harness::{audit, test_cluster};
/// # fn example() -> anyhow::Result<()> {
/// let requests = test_cluster().audit_log()?.requests()?;
/// let agent = "system:serviceaccount:argocd:bridgehead";
/// let counts = audit::count(&requests, |request| (request.user == agent).then(|| request.summary()));
/// assert_eq!(counts.get("list secrets"), None);
/// # Ok(()) }
/// ```
pub fn count<K: Ord>(requests: &[Request], key: impl Fn(&Request) -> Option<K>) -> BTreeMap<K, usize> {
    let mut counts = BTreeMap::new();
    for key in requests.iter().filter_map(key) {
        *counts.entry(key).or_default() += 1;
    }
    counts
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(rename = "auditID")]
    audit_id: String,
    stage: String,
    verb: String,
    #[serde(rename = "requestURI")]
    request_uri: String,
    user: User,
    #[serde(default)]
    user_agent: String,
    #[serde(default)]
    object_ref: ObjectReference,
    #[serde(default)]
    response_status: ResponseStatus,
}

#[derive(Deserialize)]
struct User {
    #[serde(default)]
    username: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ObjectReference {
    api_group: String,
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ResponseStatus {
    code: u16,
}

impl Event {
    /// A watch that was let in has a line at its start and one at its end; this is its end, and
    /// its start was before what is read. One that was refused has a single line.
    fn ends_an_older_watch(&self) -> bool {
        self.verb == "watch" && self.stage == "ResponseComplete" && self.response_status.code == 200
    }

    fn into_request(self) -> Request {
        Request {
            verb: self.verb,
            user: self.user.username,
            user_agent: self.user_agent,
            group: self.object_ref.api_group,
            resource: self.object_ref.resource,
            subresource: self.object_ref.subresource,
            namespace: self.object_ref.namespace,
            name: self.object_ref.name,
            uri: self.request_uri,
            code: self.response_status.code,
        }
    }
}
