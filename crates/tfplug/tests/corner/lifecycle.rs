//! Create, refresh, update, replace, import, destroy.

use serde_json::json;

use crate::configuration::{BARE, FULL, thing};
use crate::terraform::Terraform;

#[test]
fn every_kind_of_attribute_lives_from_create_to_destroy() {
    let terraform = Terraform::with(FULL);
    let created = terraform.apply();
    assert!(created.contains("1 added, 0 changed, 0 destroyed"), "{created}");

    let state = terraform.state_file();
    for digits in [
        "18446744073709551615",
        "123456789012345678901234567890.000000000000000000001",
        "-9223372036854775808",
    ] {
        assert!(state.contains(digits), "{digits}: {state}");
    }
    let values = terraform.values();
    assert_eq!(values["text"], "");
    assert_eq!(values["texts"], json!(["a", null, ""]));
    assert_eq!(values["ports"], json!([80, 443]));
    assert_eq!(values["single"]["weight"], 3);
    assert_eq!(
        (&values["single"]["serial"], &values["map"]["k 2"]["nick"]),
        (&json!("single-1"), &json!("nick-1"))
    );
    assert_eq!(values["set"].as_array().unwrap().len(), 3);
    assert_eq!(values["color"], "red");
    assert_eq!(values["owner"], "owner-of-full");
    assert_eq!(values["tags"], json!(["given"]));
    assert_eq!(values["token_length"], 16);
    assert_eq!(values["status"]["conditions"][0]["note"], "as it should be");
    assert_eq!(values["rule"].as_array().unwrap().len(), 2);
    assert_eq!(values["revision"], 1);

    terraform.succeed(&["apply", "-refresh-only", "-auto-approve"]);
    terraform.assert_nothing_to_do();

    let changed = FULL
        .replace("\"two\", null", "\"zwei\", true")
        .replace("2.5", "2.75")
        .replace("name = \"yy\"", "name = \"zzz\"")
        .replace("name = \"second\"", "name = \"third\"")
        .replace("note = \"some\"", "note = \"other\"")
        .replace("value = \"b\"", "value = \"c\"")
        .replace("text     = \"\"", "text     = null")
        .replace("token_wo         = \"never to be seen\"", "token_wo         = \"another\"")
        .replace("token_wo_version = 1", "token_wo_version = 2");
    terraform.configure(&changed);
    let updated = terraform.apply();
    assert!(updated.contains("0 added, 1 changed, 0 destroyed"), "{updated}");
    let updated = terraform.values();
    assert_eq!(updated["id"], values["id"]);
    assert_eq!(updated["members"][0]["seen"], 2);
    assert_eq!(updated["list"][1]["serial"], "third-2");
    assert_eq!(updated["list"][1]["nick"], "nick-1");
    assert_eq!((&updated["revision"], &updated["token_length"]), (&json!(2), &json!(7)));

    let destroyed = terraform.succeed(&["destroy", "-auto-approve"]);
    assert!(destroyed.contains("full will be gone"), "{destroyed}");
    assert!(destroyed.contains("1 destroyed"), "{destroyed}");
    assert!(!terraform.thing("full").exists());
}

#[test]
fn a_thing_with_nothing_set_lives_too() {
    let terraform = Terraform::with(BARE);
    terraform.apply();
    let values = terraform.values();
    assert_eq!(values["text"], json!(null));
    assert_eq!(values["step"], json!([]));
    assert_eq!(values["tags"], json!(["revision-1"]));
    terraform.configure(&BARE.replace("name = \"bare\"", "name = \"bare\"\n  flag = true"));
    terraform.apply();
    let updated = terraform.values();
    // What is kept is kept, what is not is made anew.
    assert_eq!(updated["owner"], values["owner"]);
    assert_eq!(updated["tags"], json!(["revision-2"]));
    terraform.configure(BARE);
    terraform.apply();
    terraform.succeed(&["destroy", "-auto-approve"]);
}

#[test]
fn setting_and_dropping_every_attribute_is_an_update() {
    let terraform = Terraform::with(BARE);
    terraform.apply();
    let id = terraform.values()["id"].clone();
    terraform.configure(&FULL.replace("name     = \"full\"", "name     = \"bare\""));
    terraform.apply();
    terraform.configure(BARE);
    terraform.apply();
    assert_eq!(terraform.values()["id"], id);
    assert_eq!(terraform.values()["matrix"], json!(null));
}

#[test]
fn a_rename_replaces_and_says_why() {
    let terraform = Terraform::with(BARE);
    terraform.apply();
    terraform.configure(&BARE.replace("\"bare\"", "\"renamed\""));
    let plan = terraform.plan();
    assert!(plan.contains("must be replaced") && plan.contains("a thing is not renamed"), "{plan}");
    let replaced = terraform.apply();
    assert!(replaced.contains("1 added, 0 changed, 1 destroyed"), "{replaced}");
    assert!(!terraform.thing("bare").exists() && terraform.thing("renamed").exists());
}

#[test]
fn what_is_destroyed_knows_whether_a_successor_is_made_in_its_place() {
    let terraform = Terraform::with(BARE);
    terraform.apply();
    terraform.configure(&BARE.replace("\"bare\"", "\"renamed\""));
    let renamed = terraform.apply();
    assert!(renamed.contains("bare of revision 1 makes room for renamed"), "{renamed}");
    let replaced = terraform.succeed(&["apply", "-auto-approve", "-replace=corner_thing.it"]);
    assert!(replaced.contains("renamed of revision 1 makes room for renamed"), "{replaced}");
    let destroyed = terraform.succeed(&["destroy", "-auto-approve"]);
    assert!(!destroyed.contains("makes room"), "{destroyed}");
    // One that is tainted has a successor too.
    terraform.configure(&thing("behaviour = \"fail_and_recreate\""));
    terraform.end_with(1, &["apply", "-auto-approve"]);
    terraform.configure(&thing(""));
    let replaced = terraform.apply();
    assert!(replaced.contains("it of revision 0 makes room for it"), "{replaced}");
    terraform.configure("");
    let destroyed = terraform.succeed(&["apply", "-auto-approve"]);
    assert!(destroyed.contains("1 destroyed") && !destroyed.contains("makes room"), "{destroyed}");
}

#[test]
fn a_plan_may_ask_for_a_replacement_by_itself() {
    let terraform = Terraform::with(&thing(""));
    terraform.apply();
    terraform.configure(&thing("color = \"black\""));
    let plan = terraform.plan();
    assert!(plan.contains("what is to be black is made anew"), "{plan}");
    terraform.apply();
}

#[test]
fn values_that_mean_the_same_are_no_change() {
    let terraform = Terraform::with(&thing("json = \"{\\\"a\\\":[1,2]}\"\nspan = \"60s\"\nratio = 0.1"));
    terraform.apply();
    terraform.configure(&thing("json = \"{ \\\"a\\\": [1, 2] }\"\nspan = \"1m\"\nratio = 0.10"));
    terraform.assert_nothing_to_do();
    terraform.configure(&thing("json = \"{ \\\"a\\\": [1, 3] }\"\nspan = \"1m\"\nratio = 0.1"));
    let plan = terraform.plan();
    assert!(plan.contains("json") && !plan.contains("~ span"), "{plan}");
    terraform.apply();
}

#[test]
fn drift_is_found_and_repaired() {
    let terraform = Terraform::with(&thing("labels = { a = \"b\" }"));
    terraform.apply();
    let file = terraform.thing("it");
    let drifted =
        std::fs::read_to_string(&file).unwrap().replace(r#""labels":{"a":"b"}"#, r#""labels":{"a":"x"}"#);
    std::fs::write(&file, drifted).unwrap();
    let plan = terraform.plan();
    assert!(plan.contains(r#""x" -> "b""#), "{plan}");
    terraform.apply();
    std::fs::remove_file(&file).unwrap();
    let plan = terraform.plan();
    assert!(plan.contains("1 to add"), "{plan}");
    terraform.apply();
}

#[test]
fn a_thing_is_imported_by_its_id() {
    let terraform = Terraform::with(FULL);
    terraform.apply();
    terraform.succeed(&["state", "rm", "corner_thing.it"]);
    terraform.succeed(&["import", "corner_thing.it", "full"]);
    terraform.assert_nothing_to_do();
    terraform.succeed(&["state", "rm", "corner_thing.it"]);
    let missing = terraform.end_with(1, &["import", "corner_thing.it", "another"]);
    assert!(missing.contains("There is no thing `another`"), "{missing}");
    terraform.configure(&format!("{FULL}\nimport {{\n  to = corner_thing.it\n  id = \"full\"\n}}\n"));
    let imported = terraform.succeed(&["apply", "-auto-approve"]);
    assert!(imported.contains("1 imported, 0 added, 0 changed, 0 destroyed"), "{imported}");
    terraform.assert_nothing_to_do();
}

#[test]
fn terraform_writes_the_configuration_of_an_imported_thing() {
    let terraform = Terraform::with(&thing("labels = { a = \"b\" }\nsingle = { name = \"x\" }\nratio = 0.1"));
    terraform.apply();
    terraform.succeed(&["state", "rm", "corner_thing.it"]);
    terraform.configure("import {\n  to = corner_thing.it\n  id = \"it\"\n}\n");
    terraform.succeed(&["plan", "-generate-config-out=generated.tf"]);
    let imported = terraform.apply();
    assert!(imported.contains("1 imported, 0 added, 0 changed, 0 destroyed"), "{imported}");
}

#[test]
fn data_sources_functions_and_ephemeral_resources_answer() {
    let terraform = Terraform::with(&format!(
        r#"
{}
data "corner_thing" "found" {{ name = corner_thing.it.name }}
ephemeral "corner_token" "one" {{ length = 5 }}
resource "corner_thing" "second" {{
  name             = "second"
  token_wo         = ephemeral.corner_token.one.token
  token_wo_version = 1
}}
output "color" {{ value = data.corner_thing.found.color }}
output "joined" {{ value = provider::corner::join("-", "a", "b", "c") }}
output "length" {{ value = corner_thing.second.token_length }}
"#,
        thing("")
    ));
    terraform.apply();
    let outputs = terraform.succeed(&["output", "-json"]);
    for expected in [r#""value": "red""#, r#""value": "a-b-c""#, r#""value": 5"#] {
        assert!(outputs.contains(expected), "{outputs}");
    }
    terraform.configure(&format!("{}output \"none\" {{ value = provider::corner::join(\"-\") }}", thing("")));
    let failed = terraform.end_with(1, &["plan"]);
    assert!(failed.contains("there is nothing to join"), "{failed}");
}
