//! States of older versions and of other types.

use serde_json::{Value as Json, json};

use crate::configuration::thing;
use crate::terraform::Terraform;

#[test]
fn state_of_an_older_version_is_upgraded() {
    let terraform = Terraform::with(&thing("text = \"old\""));
    terraform.apply();
    let path = terraform.path("work/terraform.tfstate");
    let mut state: Json = serde_json::from_str(&terraform.state_file()).unwrap();
    let instance = &mut state["resources"][0]["instances"][0];
    instance["schema_version"] = json!(0);
    let attributes = instance["attributes"].as_object_mut().unwrap();
    let text = attributes.remove("text").unwrap();
    attributes.insert("title".to_owned(), text);
    // Added since then.
    attributes.remove("color");
    attributes.remove("revision");
    std::fs::write(path, state.to_string()).unwrap();
    terraform.assert_nothing_to_do();
    terraform.succeed(&["destroy", "-auto-approve"]);
}

#[test]
fn state_of_a_later_version_is_refused() {
    let terraform = Terraform::with(&thing(""));
    terraform.apply();
    let mut state: Json = serde_json::from_str(&terraform.state_file()).unwrap();
    state["resources"][0]["instances"][0]["schema_version"] = json!(9);
    std::fs::write(terraform.path("work/terraform.tfstate"), state.to_string()).unwrap();
    let output = terraform.end_with(1, &["plan"]);
    assert!(output.contains("version"), "{output}");
}

#[test]
fn an_object_moves_from_another_type() {
    let terraform = Terraform::with("resource \"terraform_data\" \"note\" {\n  input = \"text\"\n}\n");
    terraform.apply();
    terraform.configure(
        "resource \"corner_note\" \"note\" {\n  text = \"text\"\n}\n\
         moved {\n  from = terraform_data.note\n  to = corner_note.note\n}\n",
    );
    let moved = terraform.succeed(&["apply", "-auto-approve"]);
    assert!(moved.contains("0 added, 0 changed, 0 destroyed"), "{moved}");
    terraform.assert_nothing_to_do();
}

#[test]
fn an_object_of_a_type_that_is_not_taken_over_stays_where_it_is() {
    let terraform = Terraform::with("resource \"terraform_data\" \"note\" {\n  input = 5\n}\n");
    terraform.apply();
    terraform.configure(
        "resource \"corner_note\" \"note\" {\n  text = \"text\"\n}\n\
         moved {\n  from = terraform_data.note\n  to = corner_note.note\n}\n",
    );
    let output = terraform.end_with(1, &["plan"]);
    assert!(output.contains("terraform_data can't be moved here"), "{output}");
}
