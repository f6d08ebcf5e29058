//! Asking a server what it serves.

use std::sync::Arc;

use futures::StreamExt;

use super::document::{Aggregated, CoreVersions, GroupList, ResourceList, VersionInfo};
use super::{Discovery, GroupProblem, Resource, ServerVersion};
use crate::connect::{Answer, Connection, RequestBuilder};
use crate::error::{ApiError, ApiErrorKind};

/// Aggregated discovery where it is served (1.26 and later), the old documents elsewhere.
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
    application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
/// Requests at once for old servers.
const OLD_STYLE_AT_ONCE: usize = 8;

/// The answers of the last time, so that an unchanged server needs no body.
#[derive(Default)]
pub(super) struct Memory {
    version: Option<ServerVersion>,
    core: Option<Remembered>,
    groups: Option<Remembered>,
}

#[derive(Clone)]
struct Remembered {
    tag: Option<String>,
    resources: Vec<Resource>,
    problems: Vec<GroupProblem>,
}

/// Asks a server what it serves. Groups that can't be looked at are problems of the result; an error
/// means that nothing could be had.
pub async fn discover(connection: &Connection) -> Result<Discovery, ApiError> {
    discover_again(connection, &mut Memory::default()).await
}

pub(super) async fn discover_again(
    connection: &Connection,
    memory: &mut Memory,
) -> Result<Discovery, ApiError> {
    let version = async {
        match &memory.version {
            Some(version) => Ok(version.clone()),
            None => read_version(connection).await,
        }
    };
    let (version, core, groups) = futures::try_join!(
        version,
        part(connection, "/api", memory.core.as_ref()),
        part(connection, "/apis", memory.groups.as_ref()),
    )?;
    let resources = core.resources.iter().chain(&groups.resources).cloned();
    let problems = core.problems.iter().chain(&groups.problems).cloned().collect();
    let discovery = Discovery::new(version.clone(), resources, problems);
    *memory = Memory { version: Some(version), core: Some(core), groups: Some(groups) };
    Ok(discovery)
}

/// Asks for the server's version: the cheapest proof that it answers.
pub(super) async fn read_version(connection: &Connection) -> Result<ServerVersion, ApiError> {
    let answer = connection.send(RequestBuilder::get("/version", "read the server's version")).await?;
    Ok(answer.json::<VersionInfo>()?.into())
}

async fn part(
    connection: &Connection,
    path: &'static str,
    last: Option<&Remembered>,
) -> Result<Remembered, ApiError> {
    let request = RequestBuilder::get(path, "discover the server's API")
        .accept(AGGREGATED)
        .unless_tag(last.and_then(|last| last.tag.as_deref()));
    let answer = connection.send(request).await?;
    if let (304, Some(last)) = (answer.status, last) {
        return Ok(last.clone());
    }
    let head: Head = answer.json()?;
    if head.kind == "APIGroupDiscoveryList" {
        let (resources, problems) = answer.json::<Aggregated>()?.into_parts();
        return Ok(Remembered { tag: answer.etag, resources, problems });
    }
    let (resources, problems) = one_by_one(connection, path, &answer).await?;
    Ok(Remembered { tag: None, resources, problems })
}

#[derive(serde::Deserialize)]
struct Head {
    #[serde(default)]
    kind: String,
}

async fn one_by_one(
    connection: &Connection,
    path: &str,
    answer: &Answer,
) -> Result<(Vec<Resource>, Vec<GroupProblem>), ApiError> {
    let group_versions: Vec<(String, String)> = if path == "/api" {
        let versions = answer.json::<CoreVersions>()?.versions;
        versions.into_iter().map(|version| (String::new(), version)).collect()
    } else {
        let groups = answer.json::<GroupList>()?.groups;
        groups
            .iter()
            .flat_map(|group| {
                group
                    .versions()
                    .into_iter()
                    .map(|version| (group.name.clone(), version.to_owned()))
                    .collect::<Vec<_>>()
            })
            .collect()
    };
    let lists: Vec<_> = futures::stream::iter(group_versions)
        .map(|(group, version)| async move {
            let path = match group.as_str() {
                "" => format!("/api/{version}"),
                group => format!("/apis/{group}/{version}"),
            };
            let request = RequestBuilder::get(path, format!("discover `{group}/{version}`"));
            let list = match connection.send(request).await {
                Ok(answer) => answer.json::<ResourceList>(),
                Err(error) => Err(error),
            };
            (group, version, list)
        })
        .buffered(OLD_STYLE_AT_ONCE)
        .collect()
        .await;
    let (mut resources, mut problems) = (Vec::new(), Vec::new());
    for (group, version, list) in lists {
        match list {
            Ok(list) => resources.extend(list.read(&group, &version)),
            // A group whose API server is away answers 503; that the whole server is away is an error.
            Err(error) if error.kind == ApiErrorKind::Unreachable => return Err(error),
            Err(error) => {
                problems.push(GroupProblem {
                    group: Arc::from(group),
                    version: Arc::from(version),
                    message: error.message,
                });
            }
        }
    }
    Ok((resources, problems))
}
