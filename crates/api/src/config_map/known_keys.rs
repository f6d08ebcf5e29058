//! The keys that Argo CD 3.6 knows, so that a misspelt one can be told from one that another program reads.

use crate::nearest::nearest;

const SETTINGS: &[&str] = &[
    "url",
    "additionalUrls",
    "dex.config",
    "dex.auth.connectorId",
    "oidc.config",
    "oidc.tls.insecure.skip.verify",
    "statusbadge.enabled",
    "statusbadge.url",
    "ga.trackingid",
    "ga.anonymizeusers",
    "help.chatUrl",
    "help.chatText",
    "admin.enabled",
    "application.instanceLabelKey",
    "application.resourceTrackingMethod",
    "application.allowedNodeLabels",
    "application.links",
    "application.sync.impersonation.enabled",
    "application.sync.impersonation.enforced",
    "application.sync.requireOverridePrivilegeForRevisionSync",
    "project.links",
    "resource.links",
    "installationID",
    "resource.customizations",
    "resource.exclusions",
    "resource.inclusions",
    "resource.selectors",
    "resource.ignoreResourceUpdatesEnabled",
    "resource.compareoptions",
    "resource.respectRBAC",
    "resource.customLabels",
    "resource.includeEventLabelKeys",
    "resource.excludeEventLabelKeys",
    "resource.sensitive.mask.annotations",
    "resource.manifest.compression",
    "resource.manifest.compression.enabled",
    "resource.manifest.storage",
    "kustomize.buildOptions",
    "kustomize.enable",
    "helm.enable",
    "jsonnet.enable",
    "helm.valuesFileSchemes",
    "timeout.reconciliation",
    "timeout.reconciliation.jitter",
    "timeout.hard.reconciliation",
    "users.anonymous.enabled",
    "users.session.duration",
    "passwordPattern",
    "cluster.inClusterEnabled",
    "globalProjects",
    "exec.enabled",
    "exec.shells",
    "extension.config",
    "server.maxPodLogsToRender",
    "server.rbac.log.enforce.enable",
    "server.rbac.disableApplicationFineGrainedRBACInheritance",
    "server.rbac.rollback.enforce.enable",
    "sourceHydrator.commitMessageTemplate",
    "sourceHydrator.readmeMessageTemplate",
    "commit.author.name",
    "commit.author.email",
    "ui.cssurl",
    "ui.bannercontent",
    "ui.bannerurl",
    "ui.bannerpermanent",
    "ui.bannerposition",
    "ui.view.resources.disabled",
    "ui.loginButtonText",
    "webhook.maxPayloadSizeMB",
    "webhook.refresh.jitter",
    "webhook.refresh.jitter.threshold",
    "repositories",
    "repository.credentials",
    "helm.repositories",
    "configManagementPlugins",
];

const SETTINGS_PREFIXES: &[&str] = &[
    "accounts.",
    "resource.customizations.",
    "kustomize.version.",
    "kustomize.path.",
    "kustomize.buildOptions.",
    "help.download.",
    "extension.config.",
    // Keys of this project's own.
    "bridgehead.",
];

/// `None` for a key that somebody reads; else a hint, where the key resembles a known one.
#[expect(clippy::option_option, reason = "unknown, and perhaps with a hint")]
pub(super) fn unknown_settings_key(key: &str) -> Option<Option<String>> {
    if SETTINGS.contains(&key) || SETTINGS_PREFIXES.iter().any(|prefix| key.starts_with(prefix)) {
        return None;
    }
    Some(nearest(key, SETTINGS.iter().copied()).map(|name| format!("did you mean `{name}`?")))
}

const CMD_PARAMS: &[&str] =
    &["application.namespaces", "hydrator.enabled", "log.format.timestamp", "repo.server", "commit.server"];

const CMD_PARAMS_PREFIXES: &[&str] = &[
    "controller.",
    "server.",
    "reposerver.",
    "commitserver.",
    "dexserver.",
    "applicationsetcontroller.",
    "notificationscontroller.",
    "otlp.",
    "redis.",
    // Keys of this project's own.
    "bridgehead.",
];

/// Keys that are only known with the name of their program in front.
const CONTROLLER: &[&str] = &[
    "controller.metrics.application.labels",
    "controller.metrics.application.conditions",
    "controller.metrics.cluster.labels",
    "controller.metrics.cache.expiration",
    "controller.status.processors",
    "controller.operation.processors",
    "controller.self.heal.timeout.seconds",
    "controller.sync.timeout.seconds",
    "controller.diff.server.side",
    "controller.log.level",
    "controller.log.format",
];

/// `None` for a key that somebody reads; else a hint, where there is one.
#[expect(clippy::option_option, reason = "unknown, and perhaps with a hint")]
pub(super) fn unknown_cmd_params_key(key: &str) -> Option<Option<String>> {
    if CMD_PARAMS.contains(&key) || CMD_PARAMS_PREFIXES.iter().any(|prefix| key.starts_with(prefix)) {
        return None;
    }
    if SETTINGS.contains(&key) {
        return Some(Some(format!("it belongs into `{}`", super::SETTINGS_NAME)));
    }
    let prefixed = format!("controller.{key}");
    let meant = CONTROLLER.iter().copied().find(|known| *known == prefixed);
    let meant = meant.or_else(|| nearest(key, CMD_PARAMS.iter().chain(CONTROLLER).copied()));
    Some(meant.map(|name| format!("did you mean `{name}`?")))
}
