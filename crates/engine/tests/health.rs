//! Every folder of `tests/corpus/health` is a case: `live.yaml`, and the verdict in `expect.yaml`.
//! `BLESS=1` writes it anew; a person reads that diff.
#![allow(clippy::disallowed_methods, reason = "the harness reads the corpus; the engine does not")]

use std::fs;
use std::path::Path;

use bridgehead_engine::health::{Health, assess};
use bridgehead_engine::manifest::Manifest;

fn case(expect: &Path) -> datatest_stable::Result<()> {
    let live = fs::read_to_string(expect.parent().ok_or("a folder")?.join("live.yaml"))?;
    let found = assess(&Manifest::new(serde_saphyr::from_str(&live)?));
    if std::env::var_os("BLESS").is_some() {
        fs::write(expect, serde_saphyr::to_string(&found)?)?;
        return Ok(());
    }
    let expected: Option<Health> = serde_saphyr::from_str(&fs::read_to_string(expect)?)?;
    if found == expected {
        return Ok(());
    }
    Err(format!("expected {expected:?}, found {found:?}").into())
}

datatest_stable::harness! {
    { test = case, root = "../../tests/corpus/health", pattern = r"expect\.yaml$" },
}
