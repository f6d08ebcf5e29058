//! Applications: the list, the summary, conditions, history.

use std::collections::BTreeMap;
use std::io::{self, Write};

use bridgehead_api::application::{
    Application, ApplicationSource, RevisionHistory, SyncPolicyAutomated, SyncStatusCode,
};
use bridgehead_api::project::{AppProject, SyncWindow};

use super::table::{self, field, time};

/// Hex digits of a commit that are shown.
const SHORT: usize = 7;

/// `namespace/name`.
pub(crate) fn qualified_name(application: &Application) -> String {
    let metadata = &application.metadata;
    if metadata.namespace.is_empty() {
        metadata.name.clone()
    } else {
        format!("{}/{}", metadata.namespace, metadata.name)
    }
}

/// The list. `wide` adds where the manifests come from.
pub(crate) fn write_list<'a>(
    out: &mut dyn Write,
    applications: impl IntoIterator<Item = &'a Application>,
    wide: bool,
) -> io::Result<()> {
    let mut headers =
        vec!["NAME", "CLUSTER", "NAMESPACE", "PROJECT", "STATUS", "HEALTH", "SYNCPOLICY", "CONDITIONS"];
    if wide {
        headers.extend(["REPO", "PATH", "TARGET"]);
    }
    let rows = applications.into_iter().map(|application| {
        let spec = &application.spec;
        let mut row = vec![
            qualified_name(application),
            cluster_of(application).to_owned(),
            spec.destination.namespace.clone(),
            project_of(application).to_owned(),
            sync_of(application).to_owned(),
            health_of(application).to_owned(),
            short_policy(application).to_owned(),
            conditions_summary(application),
        ];
        if wide {
            let source = first_source(application);
            row.extend([source.repo_url, source.path, source.target_revision]);
        }
        row
    });
    table::write_rows(out, &headers, rows)
}

/// The lines at the top of `get`. `url`: the page of the application, where there is one.
pub(crate) fn write_summary(
    out: &mut dyn Write,
    application: &Application,
    url: Option<&str>,
    project: Option<&AppProject>,
) -> io::Result<()> {
    let spec = &application.spec;
    field(out, "Name:", &qualified_name(application))?;
    field(out, "Project:", project_of(application))?;
    field(out, "Server:", cluster_of(application))?;
    field(out, "Namespace:", &spec.destination.namespace)?;
    if let Some(url) = url {
        field(out, "URL:", url)?;
    }
    writeln!(out, "{}", if spec.has_multiple_sources() { "Sources:" } else { "Source:" })?;
    for source in spec.effective_sources().iter() {
        write_source(out, source)?;
    }
    let windows: Vec<String> = project
        .into_iter()
        .flat_map(|project| &project.spec.sync_windows)
        .filter(|window| concerns(window, application))
        .map(|window| format!("{}:{}:{}", window.kind, window.schedule, window.duration))
        .collect();
    if windows.is_empty() {
        field(out, "SyncWindow:", "Sync Allowed")?;
    } else {
        field(out, "Assigned Windows:", &windows.join(","))?;
    }
    field(out, "Sync Policy:", long_policy(application))?;
    field(out, "Sync Status:", &sync_line(application))?;
    let health = &application.status.health;
    let line = if health.message.is_empty() {
        health_of(application).to_owned()
    } else {
        format!("{} ({})", health_of(application), health.message)
    };
    field(out, "Health Status:", &line)
}

/// Errors and warnings; nothing where there are none.
pub(crate) fn write_conditions(out: &mut dyn Write, application: &Application) -> io::Result<()> {
    let conditions = &application.status.conditions;
    if conditions.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    table::write(
        out,
        ["CONDITION", "MESSAGE", "LAST TRANSITION"],
        conditions
            .iter()
            .map(|it| [it.r#type.as_str().to_owned(), it.message.clone(), time(it.last_transition_time)]),
    )?;
    writeln!(out)
}

/// Helm's parameters of one source; nothing for sources of other kinds.
pub(crate) fn write_parameters(out: &mut dyn Write, source: &ApplicationSource) -> io::Result<()> {
    let Some(helm) = &source.helm else { return Ok(()) };
    writeln!(out, "\n")?;
    let rows = helm.parameters.iter().map(|it| [it.name.clone(), cut(&it.value, 80)]);
    table::write(out, ["NAME", "VALUE"], rows)
}

/// Past deployments, oldest first, one table for each repository.
pub(crate) fn write_history(out: &mut dyn Write, history: &[RevisionHistory]) -> io::Result<()> {
    let mut repositories: Vec<(&str, Vec<[String; 3]>)> = Vec::new();
    for deployment in history {
        let single = std::slice::from_ref(&deployment.source);
        let several = !deployment.sources.is_empty();
        let sources = if several { deployment.sources.as_slice() } else { single };
        for (index, source) in sources.iter().enumerate() {
            let revision = if several { deployment.revisions.get(index) } else { Some(&deployment.revision) };
            let row = [
                deployment.id.to_string(),
                time(Some(deployment.deployed_at)),
                revision_of(source, revision.map_or("", String::as_str)),
            ];
            match repositories.iter_mut().find(|(url, _)| *url == source.repo_url) {
                Some((_, rows)) => rows.push(row),
                None => repositories.push((&source.repo_url, vec![row])),
            }
        }
    }
    for (index, (url, rows)) in repositories.into_iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        writeln!(out, "SOURCE  {url}")?;
        table::write(out, ["ID", "DATE", "REVISION"], rows)?;
    }
    Ok(())
}

fn write_source(out: &mut dyn Write, source: &ApplicationSource) -> io::Result<()> {
    field(out, "- Repo:", &source.repo_url)?;
    field(out, "  Target:", &source.target_revision)?;
    let helm_values = source.helm.as_ref().map(|helm| helm.value_files.join(","));
    let name_prefix = source.kustomize.as_ref().map(|kustomize| kustomize.name_prefix.clone());
    for (name, value) in [
        ("  Path:", source.path.as_str()),
        ("  Chart:", source.chart.as_str()),
        ("  Ref:", source.r#ref.as_str()),
        ("  Helm Values:", helm_values.as_deref().unwrap_or_default()),
        ("  Name Prefix:", name_prefix.as_deref().unwrap_or_default()),
    ] {
        if !value.is_empty() {
            field(out, name, value)?;
        }
    }
    Ok(())
}

fn cluster_of(application: &Application) -> &str {
    let destination = &application.spec.destination;
    if destination.server.is_empty() { &destination.name } else { &destination.server }
}

fn project_of(application: &Application) -> &str {
    let project = &application.spec.project;
    if project.is_empty() { "default" } else { project }
}

fn sync_of(application: &Application) -> &'static str {
    application.status.sync.status.map_or("", |status| status.as_str())
}

fn health_of(application: &Application) -> &'static str {
    application.status.health.status.map_or("", |status| status.as_str())
}

fn first_source(application: &Application) -> ApplicationSource {
    application.spec.effective_sources().first().cloned().unwrap_or_default()
}

fn automation(application: &Application) -> Option<&SyncPolicyAutomated> {
    let automated = application.spec.sync_policy.as_ref().and_then(|policy| policy.automated.as_ref());
    automated.filter(|automated| automated.is_enabled())
}

fn short_policy(application: &Application) -> &'static str {
    match automation(application) {
        None => "Manual",
        Some(automated) if automated.prunes() => "Auto-Prune",
        Some(_) => "Auto",
    }
}

fn long_policy(application: &Application) -> &'static str {
    match automation(application) {
        None => "Manual",
        Some(automated) if automated.prunes() => "Automated (Prune)",
        Some(_) => "Automated",
    }
}

fn conditions_summary(application: &Application) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for condition in &application.status.conditions {
        *counts.entry(condition.r#type.as_str()).or_default() += 1;
    }
    if counts.is_empty() {
        return "<none>".to_owned();
    }
    let items = counts.into_iter().map(|(condition, count)| {
        if count > 1 { format!("{condition}({count})") } else { condition.to_owned() }
    });
    items.collect::<Vec<_>>().join(",")
}

/// As in `Synced to main (a1b2c3d)`.
fn sync_line(application: &Application) -> String {
    let target = first_source(application).target_revision;
    let line = match application.status.sync.status {
        Some(SyncStatusCode::Synced) => format!("Synced to {target}"),
        Some(SyncStatusCode::OutOfSync) => format!("OutOfSync from {target}"),
        _ => sync_of(application).to_owned(),
    };
    let revision = application.status.sync.compared_revisions().first().map_or("", String::as_str);
    if !is_commit(&target) && revision.len() > SHORT {
        return format!("{line} ({})", head(revision, SHORT));
    }
    line
}

fn revision_of(source: &ApplicationSource, revision: &str) -> String {
    if revision.len() >= SHORT {
        format!("{} ({})", source.target_revision, head(revision, SHORT))
    } else {
        source.target_revision.clone()
    }
}

/// A full commit id, or the short form that people write.
fn is_commit(revision: &str) -> bool {
    matches!(revision.len(), 7 | 40 | 64) && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn head(text: &str, length: usize) -> &str {
    text.get(..length).unwrap_or(text)
}

fn cut(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let start: String = text.chars().take(limit - 3).collect();
    format!("{start}...")
}

/// Whether a window names this application, its namespace or its cluster. Globs with `*` alone.
fn concerns(window: &SyncWindow, application: &Application) -> bool {
    let destination = &application.spec.destination;
    let any = |patterns: &[String], texts: &[&str]| {
        patterns
            .iter()
            .any(|pattern| texts.iter().any(|text| crate::cli::app::selection::glob(pattern, text)))
    };
    let checks = [
        (&window.applications, vec![application.metadata.name.as_str()]),
        (&window.namespaces, vec![destination.namespace.as_str()]),
        (&window.clusters, vec![destination.server.as_str(), destination.name.as_str()]),
    ];
    let mut given = checks.iter().filter(|(patterns, _)| !patterns.is_empty()).peekable();
    if window.and_operator {
        given.peek().is_some() && given.all(|(patterns, texts)| any(patterns, texts))
    } else {
        given.any(|(patterns, texts)| any(patterns, texts))
    }
}

#[cfg(test)]
#[path = "application_tests.rs"]
mod tests;
