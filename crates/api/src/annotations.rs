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
/// Names the attempt that created a live hook: application UID, start, retry.
pub const HOOK_ATTEMPT: &str = "bridgehead.dev/hook-attempt";
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
