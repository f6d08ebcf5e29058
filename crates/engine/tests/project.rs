//! Every folder of `tests/corpus/project` is a case: `project.yaml`, and in `expect.yaml` a list of questions
//! with the words of the refusal, or none where the project permits.
#![allow(clippy::disallowed_methods, reason = "the harness reads the corpus; the engine does not")]

use std::fs;
use std::path::Path;

use bridgehead_api::application::ApplicationSource;
use bridgehead_api::project::AppProject;
use bridgehead_api::{GroupKind, ObjectKey};
use bridgehead_engine::project::{
    ProjectDestination, Refusal, check_destination, check_object, check_source, check_source_namespace,
};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    ask: Ask,
    /// What the refusal has to say; absent where the project permits.
    #[serde(default)]
    refused: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Ask {
    source: Option<String>,
    application_namespace: Option<String>,
    server: String,
    name: String,
    namespace: String,
    cluster_project: String,
    /// `group/Kind/namespace/name`; the namespace is empty for a cluster-scoped object.
    object: Option<String>,
}

fn case(expect: &Path) -> datatest_stable::Result<()> {
    let project = fs::read_to_string(expect.parent().ok_or("a folder")?.join("project.yaml"))?;
    let project = AppProject::from_value(serde_saphyr::from_str(&project)?)?;
    let questions: Vec<Question> = serde_saphyr::from_str(&fs::read_to_string(expect)?)?;
    for question in questions {
        let answer = answer(&project, &question.ask)?;
        match answer {
            Ok(()) if question.refused.is_empty() => {}
            Err(Refusal { message })
                if !question.refused.is_empty()
                    && question.refused.iter().all(|words| message.contains(words)) => {}
            other => return Err(format!("{question:?}: {other:?}").into()),
        }
    }
    Ok(())
}

fn answer(project: &AppProject, ask: &Ask) -> datatest_stable::Result<Result<(), Refusal>> {
    if let Some(url) = &ask.source {
        let source = ApplicationSource { repo_url: url.clone(), ..ApplicationSource::default() };
        return Ok(check_source(project, &source));
    }
    if let Some(namespace) = &ask.application_namespace {
        return Ok(check_source_namespace(project, namespace, "argocd"));
    }
    let destination = ProjectDestination {
        server: &ask.server,
        name: &ask.name,
        namespace: &ask.namespace,
        cluster_project: &ask.cluster_project,
    };
    let Some(object) = &ask.object else { return Ok(check_destination(project, destination)) };
    let parts: Vec<&str> = object.split('/').collect();
    let [group, kind, namespace, name] = parts.as_slice() else { return Err("four parts".into()) };
    let key = ObjectKey::new(GroupKind::new(*group, *kind), namespace, *name);
    Ok(check_object(project, &key, !namespace.is_empty(), destination))
}

datatest_stable::harness! {
    { test = case, root = "../../tests/corpus/project", pattern = r"expect\.yaml$" },
}
