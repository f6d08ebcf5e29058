//! Projects: the list and the summary.

use std::io::{self, Write};

use bridgehead_api::application::ApplicationDestination;
use bridgehead_api::project::{AppProject, ClusterResourceRestrictionItem, GroupKindPattern};

use super::table;

const NONE: &str = "<none>";
const WIDTH: usize = 30;

/// The list.
pub(crate) fn write_list<'a>(
    out: &mut dyn Write,
    projects: impl IntoIterator<Item = &'a AppProject>,
) -> io::Result<()> {
    table::write(
        out,
        [
            "NAME",
            "DESCRIPTION",
            "DESTINATIONS",
            "SOURCES",
            "CLUSTER-RESOURCE-WHITELIST",
            "NAMESPACE-RESOURCE-BLACKLIST",
            "SIGNATURE-KEYS",
            "ORPHANED-RESOURCES",
            "DESTINATION-SERVICE-ACCOUNTS",
        ],
        projects.into_iter().map(row),
    )
}

fn row(project: &AppProject) -> [String; 9] {
    let spec = &project.spec;
    let accounts: Vec<String> = service_accounts(project);
    [
        project.metadata.name.clone(),
        spec.description.clone(),
        summary(&spec.destinations.iter().map(destination).collect::<Vec<_>>(), "destinations"),
        summary(&spec.source_repos, "repos"),
        summary(&spec.cluster_resource_whitelist.iter().map(restriction).collect::<Vec<_>>(), "resources"),
        count(spec.namespace_resource_blacklist.len(), "resources"),
        count(spec.signature_keys.len(), "key(s)"),
        orphaned(project),
        summary(&accounts, "destinationServiceAccounts"),
    ]
}

/// Everything about one project.
pub(crate) fn write(out: &mut dyn Write, project: &AppProject) -> io::Result<()> {
    let spec = &project.spec;
    let line = |out: &mut dyn Write, name: &str, value: &str| {
        writeln!(out, "{}", format!("{name:<WIDTH$}{value}").trim_end())
    };
    line(out, "Name:", &project.metadata.name)?;
    line(out, "Description:", &spec.description)?;
    let allowed = match &spec.namespace_resource_whitelist {
        None => vec!["<all>".to_owned()],
        Some(items) => items.iter().map(pattern).collect(),
    };
    for (name, values) in [
        ("Destinations:", spec.destinations.iter().map(destination).collect()),
        ("Repositories:", spec.source_repos.clone()),
        ("Source Namespaces:", spec.source_namespaces.clone()),
        (
            "Allowed Cluster Resources:",
            spec.cluster_resource_whitelist.iter().map(restriction).collect::<Vec<_>>(),
        ),
        ("Denied Cluster Resources:", spec.cluster_resource_blacklist.iter().map(restriction).collect()),
        ("Allowed Namespaced Resources:", allowed),
        ("Denied Namespaced Resources:", spec.namespace_resource_blacklist.iter().map(pattern).collect()),
        ("Signature keys:", spec.signature_keys.iter().map(|key| key.key_id.clone()).collect()),
        ("Service Accounts:", service_accounts(project)),
    ] {
        line(out, name, values.first().map_or(NONE, String::as_str))?;
        for value in values.iter().skip(1) {
            line(out, "", value)?;
        }
    }
    line(out, "Orphaned Resources:", &orphaned(project))
}

fn destination(destination: &ApplicationDestination) -> String {
    let cluster = if destination.server.is_empty() { &destination.name } else { &destination.server };
    format!("{cluster},{}", destination.namespace)
}

fn restriction(item: &ClusterResourceRestrictionItem) -> String {
    if item.name.is_empty() {
        format!("{}/{}", item.group, item.kind)
    } else {
        format!("{}/{} ({})", item.group, item.kind, item.name)
    }
}

fn pattern(item: &GroupKindPattern) -> String {
    format!("{}/{}", item.group, item.kind)
}

fn service_accounts(project: &AppProject) -> Vec<String> {
    let accounts = project.spec.destination_service_accounts.iter();
    accounts.map(|it| format!("{},{},{}", it.server, it.namespace, it.default_service_account)).collect()
}

fn orphaned(project: &AppProject) -> String {
    let Some(settings) = &project.spec.orphaned_resources else { return "disabled".to_owned() };
    let warn = settings.warn.unwrap_or(false);
    if settings.ignore.is_empty() {
        format!("enabled (warn={warn})")
    } else {
        format!("enabled (warn={warn}, ignored {})", settings.ignore.len())
    }
}

fn summary(values: &[String], noun: &str) -> String {
    match values {
        [] => NONE.to_owned(),
        [one] => one.clone(),
        several => format!("{} {noun}", several.len()),
    }
}

fn count(number: usize, noun: &str) -> String {
    if number == 0 { NONE.to_owned() } else { format!("{number} {noun}") }
}
