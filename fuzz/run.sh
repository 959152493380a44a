#!/usr/bin/env bash
# Fuzzes every parser of foreign bytes for so many seconds each, 60 if nothing else is said, and
# stops at the first finding: the input is then in target/fuzz/findings. What leads further is kept
# in target/fuzz/corpus, for the next time.
#
# It needs the pinned Rust toolchain and a C++ compiler, for libFuzzer. cargo-fuzz is built into
# target/; the sanitizers, for which it would need a nightly toolchain, are left out: the crate
# forbids unsafe code.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:-60}
target=$(cd .. && pwd)/target
version=0.13.2
host=$(rustc -vV | sed -n 's/^host: //p')

"$target/cargo-fuzz/bin/cargo-fuzz" --version 2>/dev/null | grep -qF " $version" ||
    cargo install --locked --root "$target/cargo-fuzz" "cargo-fuzz@$version"
"$target/cargo-fuzz/bin/cargo-fuzz" fuzz build --fuzz-dir . --sanitizer none \
    --target "$host" --target-dir "$target/fuzz/build"

mkdir -p "$target/fuzz/findings"
for source in targets/*.rs; do
    name=$(basename "$source" .rs)
    printf '\n== %s\n' "$name"
    mkdir -p "$target/fuzz/corpus/$name"
    # The time limit is on the clock, not of the processor: a busy machine needs some leeway.
    "$target/fuzz/build/$host/release/$name" "$target/fuzz/corpus/$name" "seeds/$name" \
        -verbosity=0 -print_final_stats=1 \
        -max_total_time="$seconds" -timeout=60 -rss_limit_mb=1024 \
        -artifact_prefix="$target/fuzz/findings/$name-"
done
printf '\nNothing found.\n'
