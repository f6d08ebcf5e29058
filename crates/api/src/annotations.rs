//! Annotations, labels and finalizers that Argo CD reads or writes.

/// Which application manages an object, and the object's own key.
pub const TRACKING_ID: &str = "argocd.argoproj.io/tracking-id";
/// `normal` or `hard`: compare again now; removed when done.
pub const REFRESH: &str = "argocd.argoproj.io/refresh";
/// Wave of an object within its phase, a whole number.
pub const SYNC_WAVE: &str = "argocd.argoproj.io/sync-wave";
/// Comma-separated options of one object's sync.
pub const SYNC_OPTIONS: &str = "argocd.argoproj.io/sync-options";
/// Comma-separated options of one object's comparison.
pub const COMPARE_OPTIONS: &str = "argocd.argoproj.io/compare-options";
/// Comma-separated hook types.
pub const HOOK: &str = "argocd.argoproj.io/hook";
/// Comma-separated delete policies of a hook.
pub const HOOK_DELETE_POLICY: &str = "argocd.argoproj.io/hook-delete-policy";
/// `true`: this object's health does not count for its application.
pub const IGNORE_HEALTHCHECK: &str = "argocd.argoproj.io/ignore-healthcheck";
/// `true`: the agent leaves the application as it is.
pub const SKIP_RECONCILE: &str = "argocd.argoproj.io/skip-reconcile";
/// Time of the approval of pending deletions.
pub const DELETION_APPROVED: &str = "argocd.argoproj.io/deletion-approved";
/// Paths, separated by `;`, whose change makes an application's manifests change.
pub const MANIFEST_GENERATE_PATHS: &str = "argocd.argoproj.io/manifest-generate-paths";
/// Tells one request for a refresh from the next; removed with [`REFRESH`].
pub const REFRESH_TIMESTAMP: &str = "argocd.argoproj.io/refresh-timestamp";
/// Asks for the source to be hydrated again; removed when done.
pub const HYDRATE: &str = "argocd.argoproj.io/hydrate";
/// Tells one request for a hydration from the next; removed with [`HYDRATE`].
pub const HYDRATE_TIMESTAMP: &str = "argocd.argoproj.io/hydrate-timestamp";
/// Names the installation, where several manage one cluster; from `installationID` in `argocd-cm`.
pub const INSTALLATION_ID: &str = "argocd.argoproj.io/installation-id";
/// `true`: changes that the rules ignore do not cause a refresh.
pub const IGNORE_RESOURCE_UPDATES: &str = "argocd.argoproj.io/ignore-resource-updates";
/// `true`: a pod that is always restarted may end in a hook.
pub const IGNORE_RESTART_POLICY: &str = "argocd.argoproj.io/ignore-restart-policy";
/// URL of the server that shows an application.
pub const MANAGED_BY_URL: &str = "argocd.argoproj.io/managed-by-url";
/// Field manager whose fields the first server-side apply takes over.
pub const CLIENT_SIDE_APPLY_MIGRATION_MANAGER: &str =
    "argocd.argoproj.io/client-side-apply-migration-manager";
/// Rules for fields of one object that may differ.
pub const IGNORE_DIFFERENCES: &str = "argocd.argoproj.io/ignore-differences";
/// `true`: generate an ApplicationSet's applications again now; removed when done.
pub const APPLICATION_SET_REFRESH: &str = "argocd.argoproj.io/application-set-refresh";
/// What notifications have been sent; kept by the notifications controller.
pub const NOTIFIED: &str = "notified.notifications.argoproj.io";
/// Start of the annotations that subscribe to notifications, followed by `<trigger>.<service>`.
pub const NOTIFICATIONS_SUBSCRIBE_PREFIX: &str = "notifications.argoproj.io/subscribe.";
/// Start of the annotations that add links, followed by a name.
pub const LINK_PREFIX: &str = "link.argocd.argoproj.io/";
/// Start of the annotations that are shown as facts, followed by a name.
pub const NOTICE_PREFIX: &str = "notice.argocd.argoproj.io/";
/// Names the attempt that created a live hook: application UID, start, retry.
pub const HOOK_ATTEMPT: &str = "bridgehead.dev/hook-attempt";
/// `true`: the waves of an application, and of those below it that do not say otherwise, wait for the
/// Applications in them. `false`: they don't.
pub const WAIT_FOR_APPLICATIONS: &str = "bridgehead.dev/wait-for-applications";
/// `kubectl apply`'s record of what it applied last.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Helm's hook annotation.
pub const HELM_HOOK: &str = "helm.sh/hook";
/// Helm's hook order.
pub const HELM_HOOK_WEIGHT: &str = "helm.sh/hook-weight";
/// Helm's hook delete policies.
pub const HELM_HOOK_DELETE_POLICY: &str = "helm.sh/hook-delete-policy";
/// `keep`: never deleted with its release.
pub const HELM_RESOURCE_POLICY: &str = "helm.sh/resource-policy";

/// Label that tells what a Secret in the control namespace is for: `cluster`, `repository`, `repo-creds`.
pub const SECRET_TYPE: &str = "argocd.argoproj.io/secret-type";
/// Value of [`SECRET_TYPE`]: a cluster.
pub const SECRET_TYPE_CLUSTER: &str = "cluster";
/// Value of [`SECRET_TYPE`]: a repository.
pub const SECRET_TYPE_REPOSITORY: &str = "repository";
/// Value of [`SECRET_TYPE`]: credentials for every repository below a URL.
pub const SECRET_TYPE_REPO_CREDS: &str = "repo-creds";
/// Value of [`SECRET_TYPE`]: a repository that a hydrator may push to.
pub const SECRET_TYPE_REPOSITORY_WRITE: &str = "repository-write";
/// Value of [`SECRET_TYPE`]: credentials that a hydrator may push with to every repository below a URL.
pub const SECRET_TYPE_REPO_CREDS_WRITE: &str = "repo-write-creds";
/// Value of [`SECRET_TYPE`]: a token for the API of a Git host.
pub const SECRET_TYPE_SCM_CREDS: &str = "scm-creds";
/// Label of a cluster Secret: `true` has its Kubernetes version kept as a label.
pub const AUTO_LABEL_CLUSTER_INFO: &str = "argocd.argoproj.io/auto-label-cluster-info";
/// Label of a cluster Secret: the cluster's Kubernetes version.
pub const KUBERNETES_VERSION: &str = "argocd.argoproj.io/kubernetes-version";
/// Label that names the application in installations that track by label.
pub const APP_INSTANCE: &str = "app.kubernetes.io/instance";
/// Label that settings ConfigMaps carry, with value `argocd`.
pub const PART_OF: &str = "app.kubernetes.io/part-of";

/// Cascading deletion of an application's objects in the foreground.
pub const RESOURCES_FINALIZER: &str = "resources-finalizer.argocd.argoproj.io";
/// The same, spelled out.
pub const RESOURCES_FINALIZER_FOREGROUND: &str = "resources-finalizer.argocd.argoproj.io/foreground";
/// Cascading deletion in the background.
pub const RESOURCES_FINALIZER_BACKGROUND: &str = "resources-finalizer.argocd.argoproj.io/background";
/// Held by a hook until its end is recorded.
pub const HOOK_FINALIZER: &str = "argocd.argoproj.io/hook-finalizer";
/// Runs PreDelete hooks.
pub const PRE_DELETE_FINALIZER: &str = "pre-delete-finalizer.argocd.argoproj.io";
/// Runs PostDelete hooks.
pub const POST_DELETE_FINALIZER: &str = "post-delete-finalizer.argocd.argoproj.io";
