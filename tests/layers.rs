//! A module names only layers before its own, or its own.

#![allow(clippy::unwrap_used, reason = "a test says what it expects")]

use std::fs;
use std::path::{Path, PathBuf};

/// First to last. `assemble.rs` puts all of them together, and `lib.rs` and `prelude.rs` name what is public.
const LAYERS: [&str; 6] = ["values", "provenance", "logic", "ports", "engine", "adapters"];

#[test]
fn every_import_points_down() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("gate-runtime/src");
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (depth, layer) in LAYERS.iter().enumerate() {
        for file in files(&source.join(layer)) {
            seen += 1;
            let text = fs::read_to_string(&file).unwrap();
            for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
                for above in LAYERS.iter().skip(depth + 1) {
                    if line.contains(&format!("crate::{above}")) {
                        wrong.push(format!(
                            "{}:{}: {layer} names {above}: {}",
                            file.display(),
                            number + 1,
                            line.trim()
                        ));
                    }
                }
            }
        }
    }
    assert!(seen > 50, "only {seen} files were looked at");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
