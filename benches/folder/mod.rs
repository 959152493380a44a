//! Where the databases of a benchmark lie, which decides what an `fsync` costs.

use std::path::PathBuf;

/// Creates a folder in `GATE_BENCH_FOLDER`, or where Cargo keeps what benchmarks write.
pub(crate) fn create() -> tempfile::TempDir {
    let parent = std::env::var_os("GATE_BENCH_FOLDER")
        .map_or(PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    std::fs::create_dir_all(&parent).unwrap();
    tempfile::tempdir_in(parent).unwrap()
}
