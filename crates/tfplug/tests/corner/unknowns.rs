//! Values that are only known after apply.

use serde_json::json;

use crate::terraform::Terraform;

/// Every kind of attribute, wholly or partly unknown in the first plan.
const UNKNOWN: &str = r#"
resource "terraform_data" "late" {
  input = { text = "late", number = 18446744073709551616, list = ["a", "b"], flag = true }
}
locals { late = terraform_data.late.output }

resource "corner_thing" "it" {
  name     = "it"
  text     = local.late.text
  flag     = local.late.flag
  number   = local.late.number
  span     = "${length(local.late.list)}m"
  json     = jsonencode({ a = local.late.text })
  anything = { a = local.late.text, b = [local.late.number, 1] }
  texts    = [local.late.text, "known", null]
  ports    = [80, length(local.late.list)]
  labels   = { known = "a", late = local.late.text }
  matrix   = [[1], [local.late.number]]
  single   = { name = local.late.text, inner = { name = "known", value = length(local.late.list) } }
  list     = [{ name = "known" }, { name = local.late.text, secret_wo = local.late.text }]
  set      = [{ name = "known" }, { name = local.late.text }]
  members  = [{ name = "known" }, { name = local.late.text }]
  map      = { for text in ["x", "y"] : text => { name = "${text}-${local.late.text}" } }
  color    = local.late.text
  owner    = local.late.text
  tags     = local.late.list
  token_wo = local.late.text
  token_wo_version = length(local.late.list)

  dynamic "step" {
    for_each = local.late.list
    content {
      command = step.value
      argument { value = step.value }
    }
  }
  dynamic "rule" {
    for_each = local.late.list
    content { name = rule.value }
  }
  rule { name = "known" }
}
"#;

#[test]
fn unknowns_of_every_kind_become_known_as_promised() {
    let terraform = Terraform::with(UNKNOWN);
    terraform.apply();
    let values = terraform.values();
    assert_eq!(values["texts"], json!(["late", "known", null]));
    assert_eq!(values["step"][1]["argument"][0]["value"], "b");
    assert_eq!(values["rule"].as_array().unwrap().len(), 3);
    assert_eq!(values["token_length"], 4);
    // And once more, as an update.
    terraform.configure(&UNKNOWN.replace("input =", "triggers_replace = 1\n  input ="));
    let updated = terraform.apply();
    assert!(updated.contains("1 added, 0 changed, 1 destroyed"), "{updated}");
    terraform.succeed(&["destroy", "-auto-approve"]);
}

#[test]
fn an_unknown_name_replaces_only_if_it_turns_out_to_differ() {
    let configuration = |trigger: u8| {
        format!(
            "resource \"terraform_data\" \"late\" {{\n  input = \"same\"\n  triggers_replace = {trigger}\n}}\n\
             resource \"corner_thing\" \"it\" {{\n  name = terraform_data.late.output\n}}\n"
        )
    };
    let terraform = Terraform::with(&configuration(1));
    terraform.apply();
    terraform.configure(&configuration(2));
    terraform.apply();
    assert_eq!(terraform.values()["name"], "same");
}

#[test]
fn a_provider_whose_configuration_is_unknown_plans_and_applies() {
    let terraform = Terraform::with("");
    let folder = terraform.path("objects");
    let configuration = |trigger: u8| {
        format!(
            "resource \"terraform_data\" \"folder\" {{\n  input = {:?}\n  triggers_replace = {trigger}\n}}\n\
             provider \"corner\" {{\n  folder = terraform_data.folder.output\n  format {{ padded = true }}\n}}\n\
             resource \"corner_thing\" \"it\" {{\n  name = \"it\"\n}}\n",
            folder.to_str().unwrap()
        )
    };
    terraform.configure_all(&configuration(1));
    terraform.apply();
    assert!(std::fs::read_to_string(terraform.thing("it")).unwrap().starts_with(" {"));
    // The object exists while the folder is unknown again: it can't be looked at, and that is no error.
    terraform.configure_all(&configuration(2));
    terraform.apply();
}
