//! Compares the public API of each crate with its file in `tests/public-api`, so that a change
//! appears in a diff. `UPDATE_PUBLIC_API=1` writes the files.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use public_api::Builder;

const CRATES: [&str; 5] = ["gate-audit", "gate-core", "gate-runtime", "gate-sqlite", "gate-inbox"];

/// Writes rustdoc's JSON of each crate, and returns the folder. The format is unstable, so rustdoc
/// writes it only with an opt-in, which a separate program sets. With the same features as in the
/// other checks, no dependency is compiled again.
fn describe(root: &Path) -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let ended = Command::new(env!("CARGO"))
        .args(["doc", "--locked", "--quiet", "--workspace", "--all-features", "--no-deps", "--lib"])
        .env("RUSTDOC", root.join("tests/public-api/rustdoc.sh"))
        .env("RUSTDOCFLAGS", "-Z unstable-options --output-format json --cap-lints allow")
        .env("CARGO_TARGET_DIR", &target)
        .current_dir(root)
        .status()
        .unwrap();
    assert!(ended.success(), "rustdoc does not describe the crates");
    target.join("doc")
}

#[cfg(unix)]
#[test]
fn the_public_api_is_as_written() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let described = describe(root);
    let mut changed = String::new();
    for name in CRATES {
        let described = described.join(name.replace('-', "_")).with_extension("json");
        let api = Builder::from_rustdoc_json(described)
            .omit_auto_derived_impls(true)
            .omit_auto_trait_impls(true)
            .omit_blanket_impls(true)
            .build()
            .unwrap()
            .to_string();
        let file = root.join("tests/public-api").join(name).with_extension("txt");
        if env::var_os("UPDATE_PUBLIC_API").is_some() {
            fs::write(&file, &api).unwrap();
        }
        let written = fs::read_to_string(&file).unwrap_or_default();
        let [before, now] = [&written, &api].map(|text| text.lines().collect::<BTreeSet<_>>());
        for (sign, lines) in [('-', before.difference(&now)), ('+', now.difference(&before))] {
            for line in lines {
                writeln!(changed, "{sign} {name}: {line}").unwrap();
            }
        }
    }
    assert!(
        changed.is_empty(),
        "the public API changed; UPDATE_PUBLIC_API=1 writes it down:\n{changed}"
    );
}
