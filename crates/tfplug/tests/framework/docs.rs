//! Documentation pages.

use crate::provider::server;

#[test]
fn a_page_shows_what_the_schema_says() {
    let example = |path: &str| {
        (path == "examples/resources/test_server/resource.tf").then(|| "resource {}\n".to_owned())
    };
    let pages = tfplug::docs::render(&server().schemas(), "test", example);
    let paths: Vec<String> = pages.iter().map(|(path, _)| path.display().to_string()).collect();
    assert_eq!(paths, ["docs/index.md", "docs/resources/server.md"]);
    let expected = r#"---
page_title: "test_server Resource"
subcategory: ""
description: |-
  A server that listens.
---

# test_server (Resource)

A server that listens.

~> **Deprecated** Use a cloud.

## Example Usage

```terraform
resource {}
```

## Schema

### Required

- `port` (Block Set) Its ports. (see [below for nested schema](#nested--port))
- `region` (String) Where it stands. A change replaces the object: servers don't walk.

### Optional

- `address` (String) What it is called. A change replaces the object.
- `disks` (Attributes Map) Its disks. (see [below for nested schema](#nested--disks))
- `number` (Number) Its number there. Default: `7`. A change replaces the object.
- `on_destroy` (String) What becomes of the disks. One of `delete`, `keep_disks`, `sell!`. Default: `"keep_disks"`.
- `password_wo` (String, Sensitive, Write-only) Its password. Sent again when `password_wo_version` changes.
- `password_wo_version` (Number) Raise it to set the password again.
- `self` (Boolean) Under another name.
- `type` (String) What kind it is. One of many.

### Read-Only

- `failure` (String) Why it stopped, if it did.
- `serial` (String) Its serial number.

<a id="nested--port"></a>
### Nested Schema for `port`

#### Required

- `number` (Number) Its number. A change replaces the object: ports are soldered.

#### Optional

- `protocol` (String) What speaks there. Default: `"tcp"`.

<a id="nested--disks"></a>
### Nested Schema for `disks`

#### Required

- `size` (Number) In bytes.

#### Optional

- `key_wo` (String, Sensitive, Write-only) What opens it.

## Import

The id has the form `region/number`.
"#;
    assert_eq!(pages[1].1, expected);
}
