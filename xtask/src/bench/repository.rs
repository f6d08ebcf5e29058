//! The repository of the benchmark: a folder for each application, small objects in it.

use std::fmt::Write as _;

use anyhow::Result;
use bridgehead_test_harness::git::Repository;

use super::{NAMESPACES, Scale};

pub(super) fn application_name(number: usize) -> String {
    format!("app-{number:04}")
}

pub(super) fn folder(number: usize) -> String {
    format!("apps/{}", application_name(number))
}

pub(super) fn namespace(number: usize) -> String {
    format!("bench-{:02}", number % NAMESPACES)
}

pub(super) fn object_name(application: usize, object: usize) -> String {
    format!("{}-{object}", application_name(application))
}

/// One Service, one Secret, and ConfigMaps for the rest.
pub(super) fn fill(repository: &Repository, scale: Scale) -> Result<()> {
    for application in 0..scale.applications {
        let mut text = String::new();
        for object in 0..scale.objects {
            writeln!(text, "---\n{}", manifest(application, object, "first"))?;
        }
        repository.write(&format!("{}/all.yaml", folder(application)), text)?;
    }
    Ok(())
}

/// Changes the first ConfigMap of an application.
pub(super) fn change(repository: &Repository, application: usize, value: &str) -> Result<()> {
    let path = format!("{}/all.yaml", folder(application));
    let text = std::fs::read_to_string(repository.tree().join(&path))?;
    let mut documents: Vec<String> =
        text.split("---\n").filter(|part| !part.trim().is_empty()).map(str::to_owned).collect();
    documents[0] = manifest(application, 0, value);
    let mut text = String::new();
    for document in &documents {
        writeln!(text, "---\n{}", document.trim_end())?;
    }
    repository.write(&path, text)
}

pub(super) fn manifest(application: usize, object: usize, value: &str) -> String {
    let name = object_name(application, object);
    match object {
        1 => format!(
            "apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\nspec:\n  selector:\n    app: {name}\n  ports:\n  - name: http\n    port: 80\n    targetPort: 8080\n"
        ),
        2 => format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\ntype: Opaque\ndata:\n  key: dmFsdWU=\n"
        ),
        _ => format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  labels:\n    app: {name}\ndata:\n  value: {value}\n  padding: \"{}\"\n",
            "0123456789".repeat(20)
        ),
    }
}
