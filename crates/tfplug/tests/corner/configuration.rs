//! Configurations that the tests share.

/// A thing with every attribute set.
pub(crate) const FULL: &str = r#"
resource "corner_thing" "it" {
  name     = "full"
  text     = ""
  flag     = false
  signed   = -9223372036854775808
  unsigned = 18446744073709551615
  ratio    = 0.1
  number   = 123456789012345678901234567890.000000000000000000001
  json     = "{ \"b\": [1, 2],  \"a\": null }"
  span     = "60s"
  anything = { list = [1, "two", null, { three = 3 }], number = 0.1, nothing = null }

  texts   = ["a", null, ""]
  ports   = [443, 80, 443]
  labels  = { "a/b" = "c", "empty" = "" }
  matrix  = [[1, 2.5], [], [18446744073709551616]]
  grouped = {
    one = [{ name = "a", size = null, weight = 1, items = null, inner = null, secret_wo = null, serial = null, nick = "x" }]
    two = []
  }

  single = {
    name      = "single"
    size      = 1e30
    items     = []
    inner     = { name = "inner", value = 0.30000000000000004 }
    secret_wo = "hidden in a nested object"
  }
  list = [{ name = "first", weight = 7 }, { name = "second", items = ["x"], secret_wo = "hidden in a list" }]
  set  = [{ name = "b", value = 1 }, { name = "a", note = "some" }, { name = "c", value = 0.1 }]
  members = [{ name = "x" }, { name = "yy" }]
  map  = { "k.1" = { name = "one" }, "k 2" = { name = "two", inner = { name = "deep" } } }

  origin {
    name = "here"
  }
  step {
    command = "first"
    argument { value = "a" }
    argument { value = "b" }
  }
  step {
    command = "second"
  }
  rule {
    name  = "z"
    value = 26
  }
  rule {
    name = "y"
  }

  tags             = ["given"]
  password         = "kept in the state"
  token_wo         = "never to be seen"
  token_wo_version = 1
  timeouts         = { create = "90s" }
}
"#;

/// A thing with nothing but its name.
pub(crate) const BARE: &str = r#"
resource "corner_thing" "it" {
  name = "bare"
}
"#;

/// A thing with a name and these lines.
pub(crate) fn thing(lines: &str) -> String {
    format!("resource \"corner_thing\" \"it\" {{\n  name = \"it\"\n{lines}\n}}\n")
}
