//! Deleting applications.

use anyhow::Result;
use serde_json::{Value, json};

use crate::setting::{Setting, printed};

// Holds the application, so that its finalizers can be seen.
const HELD: &str = "example.com/held";
const PLAIN: &str = "resources-finalizer.argocd.argoproj.io";
const FOREGROUND: &str = "resources-finalizer.argocd.argoproj.io/foreground";
const BACKGROUND: &str = "resources-finalizer.argocd.argoproj.io/background";

fn deleting(application: &Value) -> bool {
    application["metadata"]["deletionTimestamp"].is_string()
}

#[tokio::test]
async fn finalizers_say_what_becomes_of_the_objects() -> Result<()> {
    let setting = Setting::new("delete").await?;
    for (name, flags, before, after) in [
        ("plain", vec![], vec![], vec![PLAIN]),
        ("kept", vec![], vec![BACKGROUND], vec![BACKGROUND]),
        ("foreground", vec!["-p", "foreground"], vec![], vec![FOREGROUND]),
        ("same", vec!["-p", "foreground"], vec![PLAIN], vec![PLAIN]),
        ("background", vec!["-p", "background"], vec![PLAIN], vec![BACKGROUND]),
        ("orphaned", vec!["--cascade=false"], vec![PLAIN, BACKGROUND], vec![]),
    ] {
        let with_held = |finalizers: &[&str]| json!([&[HELD], finalizers].concat());
        setting.application(name, json!({"metadata": {"finalizers": with_held(&before)}})).await?;
        let printed = setting.run(&[&["app", "delete", name, "--yes"], flags.as_slice()].concat()).await?;
        assert_eq!(printed.code, 0, "{name}: {printed:?}");
        assert_eq!(printed.out, format!("application '{name}' deleted\n"));
        let application = setting.until(name, "the deletion to be asked for", deleting).await?;
        assert_eq!(application["metadata"]["finalizers"], with_held(&after), "{name}");
        setting.patch(name, json!({"metadata": {"finalizers": null}})).await?;
    }
    let contradiction =
        setting.run(&["app", "delete", "plain", "--cascade=false", "-p", "background"]).await?;
    assert_eq!(contradiction.code, 1, "{contradiction:?}");
    Ok(())
}

#[tokio::test]
async fn the_end_of_an_application_is_waited_for() -> Result<()> {
    let setting = Setting::new("gone").await?;
    setting.application("web", json!({"metadata": {"finalizers": ["example.com/held"]}})).await?;
    let delete = setting.start(&["app", "delete", "web", "--yes", "--wait"])?;
    let wait = setting.start(&["app", "wait", "web", "--delete"])?;
    setting.until("web", "the deletion to be asked for", deleting).await?;
    setting.patch("web", json!({"metadata": {"finalizers": null}})).await?;
    for command in [delete, wait] {
        let printed = printed(command).await?;
        assert_eq!(printed.code, 0, "{printed:?}");
        assert!(printed.out.to_lowercase().contains("application 'web' deleted"), "{printed:?}");
    }
    Ok(())
}
