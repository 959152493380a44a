//! Every mistake gives one error, at the user's own tokens, in words.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says what it expects")]

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn mistakes_do_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/ui/*/*.rs");
}

/// Every file says in its first line how many mistakes it makes, and the compiler reports so many
/// errors, of the whole program: the tools of each stand in a registry, where one mistake could
/// cascade. (A method cannot be listed.)
#[test]
fn one_mistake_gives_one_error() {
    let files = cases();
    assert!(files.len() > 95, "only {} files", files.len());
    for file in files {
        let source = fs::read_to_string(&file).unwrap();
        let diagnostics = source.lines().next().and_then(|line| line.strip_prefix("// mistakes: "));
        let mistakes: usize =
            diagnostics.and_then(|count| count.parse().ok()).expect("`// mistakes: n` in line 1");
        let is_of_a_tool = file.parent().is_some_and(|topic| topic.ends_with("tool"))
            && !file.ends_with("method.rs");
        assert!(
            !is_of_a_tool || source.contains("registry! {"),
            "{} lists its tools in no registry",
            file.display()
        );
        let stderr = fs::read_to_string(file.with_extension("stderr")).unwrap();
        let errors = stderr.lines().filter(|line| line.starts_with("error")).count();
        assert_eq!(errors, mistakes, "{}\n{stderr}", file.display());
    }
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let topics = fs::read_dir(folder).unwrap().map(|topic| topic.unwrap().path());
    let files =
        topics.flat_map(|topic| fs::read_dir(topic).unwrap().map(|file| file.unwrap().path()));
    files.filter(|file| file.extension().is_some_and(|extension| extension == "rs")).collect()
}
