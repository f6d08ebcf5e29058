//! Rights that are taken away while the agent runs.

use anyhow::Result;
use bridgehead_e2e::QUICK;
use bridgehead_test_harness::agent::{Agent, AgentOptions, apply, dynamic, install_agent, kind, start_agent};
use bridgehead_test_harness::{Cluster, Options, Probe, wait_for};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

const NAMESPACE: &str = "argocd";
const RBAC: &str = "rbac.authorization.k8s.io";

#[tokio::test]
async fn nothing_is_written_by_rules_that_may_not_be_read_any_more() -> Result<()> {
    let mut cluster = Cluster::start(Options { audit_log: true, ..Options::named("rights") })?;
    install_agent(&cluster, NAMESPACE).await?;
    // No Lease: the API server is away for longer than one lasts, perhaps.
    let arguments = QUICK.iter().copied().chain(["--leader-elect=false"]).map(str::to_owned).collect();
    let options = AgentOptions { namespace: NAMESPACE.into(), arguments, binary: None };
    let mut agent = start_agent(&cluster, &options).await?;
    agent.ready().await?;

    // All that it had, but projects. Rights are looked at when a watch begins: the API server ends those there are.
    let named = |groups: &[&str], resources: &[&str]| json!({"apiGroups": groups, "resources": resources, "verbs": ["*"]});
    let groups = ["", "apps", "apiextensions.k8s.io", "coordination.k8s.io", RBAC];
    let most = json!([named(&groups, &["*"]), named(&["argoproj.io"], &["applications"])]);
    grant(&cluster, "Role", &json!([])).await?;
    grant(&cluster, "ClusterRole", &most).await?;
    cluster.restart_apiserver()?;
    page(&mut agent, "/readyz", 503, &["failed to watch appprojects", "forbidden", "bridgehead-agent"])
        .await?;
    page(&mut agent, "/healthz", 200, &["ok"]).await?;

    let mark = cluster.audit_log()?.mark()?;
    let application = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "late", "namespace": NAMESPACE},
        "spec": {
            "project": "default", "source": {"repoURL": "https://git.invalid/late", "path": "app"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "default"},
        },
    });
    apply(&cluster.client().await?, &[application]).await?;

    grant(&cluster, "ClusterRole", &json!([named(&["*"], &["*"])])).await?;
    page(&mut agent, "/readyz", 200, &["ok"]).await?;
    let applications =
        dynamic(&cluster.client().await?, &kind("argoproj.io", "v1alpha1", "Application"), Some(NAMESPACE));
    wait_for("the application to be told what is wrong", async || {
        let found = applications.get("late").await?;
        let told = found.data.pointer("/status/conditions").is_some();
        Ok(Probe::when(told, found.data.to_string()))
    })
    .await?;
    // The first that it wrote came after it could read projects again.
    let user = format!("system:serviceaccount:{NAMESPACE}:bridgehead-agent");
    let all = cluster.audit_log()?.requests_since(mark)?;
    let of_agent = all.iter().filter(|request| request.user == user);
    let mut order = of_agent.filter(|request| {
        let is_read = matches!(request.verb.as_str(), "get" | "list" | "watch");
        !is_read || (request.resource == "appprojects" && request.code < 400)
    });
    let first = order.next().map(|request| request.resource.clone());
    assert_eq!(first.as_deref(), Some("appprojects"));
    Ok(())
}

/// Gives a role of the agent these rules.
async fn grant(cluster: &Cluster, role: &str, rules: &Value) -> Result<()> {
    let client = cluster.client().await?;
    let (name, namespace) = match role {
        "Role" => ("bridgehead-agent".to_owned(), Some(NAMESPACE)),
        _ => (format!("bridgehead-agent-{NAMESPACE}"), None),
    };
    let roles = dynamic(&client, &kind(RBAC, "v1", role), namespace);
    roles.patch(&name, &PatchParams::default(), &Patch::Merge(json!({"rules": rules}))).await?;
    Ok(())
}

async fn page(agent: &mut Agent, path: &str, status: u16, words: &[&str]) -> Result<()> {
    wait_for(&format!("{path} to be {status} with {words:?}"), async || {
        agent.process.must_run()?;
        let (found, body) = agent.get(path)?;
        let has_words = words.iter().all(|word| body.contains(word));
        Ok(Probe::when(found == status && has_words, format!("{found} {body}")))
    })
    .await
}
