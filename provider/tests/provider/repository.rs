//! `bridgehead_repository`.

use serde_json::{Value as Json, json};

use crate::cluster_objects::{Stage, delete, edit, get};
use crate::terraform::Terraform;

fn repository(namespace: &str, body: &str) -> String {
    format!(
        "resource \"bridgehead_repository\" \"this\" {{\n  name = \"config\"\n  namespace = \"{namespace}\"\n  \
         url = \"https://git.example.com/config.git\"\n{body}\n}}\n"
    )
}

/// What the Secret holds, decoded by the API server's own rule: base64.
async fn entry(stage: &Stage, name: &str) -> Option<String> {
    let live = get(&stage.secrets(), "config").await;
    let encoded = live["data"][name].as_str()?;
    let secret = bridgehead_api::secret::SecretObject::from_value(json!({"data": {name: encoded}})).unwrap();
    Some(String::from_utf8(secret.data.get(name).unwrap().to_vec()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_lives_through_its_life_and_its_password_is_in_no_state() {
    let stage = Stage::new("repository").await;
    let first = "  username = \"ci\"\n  password_wo = \"hunter2-secret\"\n  password_wo_version = 1\n";
    let terraform = Terraform::with(stage.cluster, &repository(&stage.namespace, first));
    terraform.apply();
    assert_eq!(entry(&stage, "password").await.as_deref(), Some("hunter2-secret"));
    assert_eq!(entry(&stage, "url").await.as_deref(), Some("https://git.example.com/config.git"));
    let live = get(&stage.secrets(), "config").await;
    assert_eq!(live["metadata"]["labels"]["argocd.argoproj.io/secret-type"], "repository");
    assert!(!terraform.state_file().contains("hunter2-secret"));

    // A new password is sent when the version says so.
    let second = first.replace("hunter2-secret", "another-secret");
    terraform.configure(&repository(&stage.namespace, &second));
    terraform.assert_nothing_to_do();
    let third = second.replace("version = 1", "version = 2") + "  project = \"shop\"\n";
    terraform.configure(&repository(&stage.namespace, &third));
    terraform.apply();
    assert_eq!(entry(&stage, "password").await.as_deref(), Some("another-secret"));
    assert_eq!(entry(&stage, "project").await.as_deref(), Some("shop"));

    // Drift, of a secret too.
    edit(&stage.secrets(), "config", &json!({"stringData": {"password": "mine", "username": "me"}})).await;
    let plan = terraform.plan();
    assert!(plan.contains("\"me\" -> \"ci\"") && plan.contains("password_wo_version"), "{plan}");
    terraform.apply();
    assert_eq!(entry(&stage, "password").await.as_deref(), Some("another-secret"));
    assert_eq!(entry(&stage, "username").await.as_deref(), Some("ci"));

    // Without its attributes the password goes.
    terraform.configure(&repository(&stage.namespace, "  username = \"ci\"\n"));
    terraform.apply();
    assert_eq!(entry(&stage, "password").await, None);
    assert_eq!(entry(&stage, "project").await, None);
    terraform.assert_imports("bridgehead_repository.this", &format!("{}/config", stage.namespace));

    delete(&stage.secrets(), "config").await;
    terraform.apply();
    terraform.destroy();
    assert_eq!(get(&stage.secrets(), "config").await, Json::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_no_repository_any_more_is_drift_and_can_be_destroyed() {
    let stage = Stage::new("norepository").await;
    let body = "  username = \"ci\"\n  password_wo = \"hunter2\"\n  password_wo_version = 1\n";
    let terraform = Terraform::with(stage.cluster, &repository(&stage.namespace, body));
    terraform.apply();
    let secrets = stage.secrets();
    let label = "argocd.argoproj.io/secret-type";
    edit(&secrets, "config", &json!({"metadata": {"labels": {label: null}}})).await;
    let plan = terraform.plan();
    assert!(plan.contains("The label `argocd.argoproj.io/secret-type` is not `repository`"), "{plan}");
    terraform.apply();
    assert_eq!(get(&secrets, "config").await["metadata"]["labels"][label], "repository");

    let broken = json!({"insecure": "maybe", "url": "", "type": "svn", "githubAppID": "x"});
    edit(&secrets, "config", &json!({"stringData": broken})).await;
    let plan = terraform.plan();
    assert!(
        plan.contains("entry `insecure` is `maybe`") && plan.contains("entry `url` is missing"),
        "{plan}"
    );
    terraform.apply();
    assert_eq!(entry(&stage, "insecure").await, None);
    assert_eq!(entry(&stage, "githubAppID").await, None);
    assert_eq!(entry(&stage, "type").await.as_deref(), Some("git"));
    assert_eq!(entry(&stage, "password").await.as_deref(), Some("hunter2"));

    // Nor can it be read with entries that no attribute stands for, or that are not declared.
    terraform.configure(&repository(&stage.namespace, "  username = \"ci\"\n"));
    terraform.apply();
    for (name, encoded) in [("depth", "eA=="), ("insecureOCIForceHttp", "bWF5YmU="), ("password", "/w==")] {
        edit(&secrets, "config", &json!({"data": {name: encoded}})).await;
        let plan = terraform.plan();
        assert!(plan.contains("is no repository as it stands") && plan.contains("1 to change"), "{plan}");
        terraform.apply();
        assert_eq!(get(&secrets, "config").await["data"][name], Json::Null, "{name}");
    }

    edit(&secrets, "config", &json!({"stringData": {"insecure": "maybe"}})).await;
    terraform.destroy();
    assert_eq!(get(&secrets, "config").await, Json::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_git_declares_is_imported_as_it_is() {
    let stage = Stage::new("gitrepository").await;
    let configuration = repository(&stage.namespace, "  username = \"ci\"\n  project = \"shop\"\n");
    let terraform = Terraform::with(stage.cluster, &configuration);
    terraform.apply();
    let id = format!("root:/Secret:{}/config", stage.namespace);
    let change = json!({"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": id}}});
    edit(&stage.secrets(), "config", &change).await;
    terraform.assert_imports("bridgehead_repository.this", &format!("{}/config", stage.namespace));
    assert!(terraform.destroy().contains("is declared in Git: it was left there"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_the_wrong_kind_of_url_is_told_at_plan() {
    let stage = Stage::new("wrongkey").await;
    let terraform =
        Terraform::with(stage.cluster, &repository(&stage.namespace, "  ssh_private_key_wo = \"key\"\n"));
    assert!(terraform.fail(&["plan"]).contains("An SSH key is of no use for this URL"));
}
