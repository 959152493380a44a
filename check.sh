#!/usr/bin/env bash
# Runs every check and every test: what the README calls the test command. With --nightly also what
# takes long or installs much: README and book followed, other people's packages and systems, every
# page, the benchmarks, fuzzing, thousands of trails for all verifiers, and kills. It needs the
# pinned Rust toolchain, and Python 3 for an auditor's program, whose packages it installs into
# target/. Go and OpenSSL 3 verify trails, and Node drives Chromium, where they are or can be
# installed.
set -euo pipefail
cd "$(dirname "$0")"
export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-auto}" RUST_BACKTRACE="${RUST_BACKTRACE:-0}"
# What only a later edit or a debugger would use takes time and room, and a check needs none of it.
export CARGO_INCREMENTAL="${CARGO_INCREMENTAL:-0}"
export CARGO_PROFILE_DEV_DEBUG="${CARGO_PROFILE_DEV_DEBUG:-0}"

# At the end stands how long each part took.
part="" started=0 times=""
end_part() { [ -z "$part" ] || times+=$(printf '%5d s  %s' $((SECONDS - started)) "$part")$'\n'; }
step() { end_part; part=$* started=$SECONDS; printf '\n== %s\n' "$part"; }
report() {
    end_part
    printf '\n%s' "$times"
    if [ "$1" = 0 ]; then echo "All checks passed."; else echo "Failed: $part"; fi
}
trap 'report $?' EXIT

has_python() {
    command -v python3 >/dev/null || { echo "skipped: python3 is not installed"; return 1; }
}
# Sets $python to the Python of an environment of its own, $1, with the packages in the file $2.
install_python() {
    python=target/$1/bin/python
    [ -x "$python" ] || python3 -m venv "target/$1"
    "$python" -m pip install --quiet --disable-pip-version-check -r "$2"
}

step "format"
cargo fmt --all --check

step "lints"
cargo clippy --locked --workspace --all-targets --all-features -- -D warnings
cargo fmt --check --manifest-path fuzz/Cargo.toml
# Packages apart from the workspace have lock files of their own, which --nightly builds with.
for manifest in fuzz/Cargo.toml tests/{stranger,peers,sqlite/*}/Cargo.toml; do
    cargo update --quiet --workspace --locked --manifest-path "$manifest"
done

step "documents"
RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --all-features --no-deps

# Go, OpenSSL and Python for programs that are not ours; a browser, and what drives it.
step "programs that the tests need"
packaged=/usr/share/gocode/src/golang.org/x/mod missing=()
if ! command -v go >/dev/null; then
    missing+=(golang-go golang-golang-x-mod-dev)
elif [ ! -e "$packaged" ] && ! (cd auditor/go && go mod download) 2>/dev/null; then
    missing+=(golang-golang-x-mod-dev)
fi
command -v openssl >/dev/null || missing+=(openssl)
command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing+=(chromium)
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
if [ ${#missing[@]} -gt 0 ]; then
    root=(); [ "$(id -u)" = 0 ] || root=(sudo -n)
    install_missing() {
        command -v apt-get && "${root[@]}" apt-get update --quiet --quiet &&
            "${root[@]}" apt-get install --yes --quiet --quiet "${missing[@]}"
    }
    install_missing >/dev/null 2>&1 ||
        echo "not installed, so the tests that need them are skipped: ${missing[*]}"
fi
if command -v gofmt >/dev/null; then test -z "$(gofmt -l auditor/go)"; fi
if has_python; then install_python auditor auditor/requirements.txt; fi
if command -v npm >/dev/null; then
    (cd tests/browser && npm ci --ignore-scripts --no-audit --no-fund --silent) ||
        echo "skipped: browser tests: npm ci failed"
fi

# Three of them take minutes, and are for the night.
step "tests"
cargo test --locked --workspace --all-features -- \
    --skip pages_are_fit --skip a_long_trail --skip any_flipped_bit

step "the examples and the library with default features"
cargo clippy --locked -p gate-examples --examples -- -D warnings

step "packages for publication; licences and sources of dependencies"
cargo publish --locked --quiet --dry-run --workspace --no-verify --allow-dirty 2>&1 |
    { grep -v 'aborting upload due to dry run' || true; }
if [ "${1:-}" = --nightly ] && ! command -v cargo-deny >/dev/null; then
    # It takes five minutes to compile.
    cargo install --locked --quiet --root target/tools cargo-deny
    PATH="$PWD/target/tools/bin:$PATH"
fi
if command -v cargo-deny >/dev/null; then
    cargo deny --locked check licenses bans sources
    if cargo deny fetch 2>/dev/null; then
        cargo deny --locked check advisories
    else
        echo "skipped: the database of advisories cannot be reached"
    fi
else
    echo "skipped: cargo-deny is not installed; --nightly installs it"
fi

step "the airline desk, over recorded conversations"
for place in "${TAU_BENCH:-}" ../shared/tau-bench ../tau-bench; do
    if [ -n "$place" ] && [ -e "$place/historical_trajectories/gpt-4o-airline.json" ]; then
        tau_bench=$place
        break
    fi
done
if [ -n "${tau_bench:-}" ]; then
    target/debug/examples/airline_desk --tau-bench "$tau_bench"
else
    echo "skipped: no clone of https://github.com/sierra-research/tau-bench"
    echo "at \$TAU_BENCH or ../tau-bench"
fi

if [ "${1:-}" = --nightly ]; then
    step "the library without any feature"
    cargo clippy --locked -p gate-runtime --no-default-features -- -D warnings

    step "another crate that uses the library under another name"
    cargo fmt --check --manifest-path tests/stranger/Cargo.toml
    CARGO_TARGET_DIR="$PWD/target" \
        cargo run --locked --quiet --manifest-path tests/stranger/Cargo.toml | tail -n 1

    step "the SQLite store, beside other packages that link SQLite"
    for neighbour in tests/sqlite/*/; do
        cargo fmt --check --manifest-path "$neighbour/Cargo.toml"
        CARGO_TARGET_DIR="$PWD/target" \
            cargo run --locked --quiet --manifest-path "$neighbour/Cargo.toml"
    done

    step "the commands of the README and the book"
    if has_python; then
        CARGO_TARGET_DIR="$PWD/target" python3 tests/book/follow.py --gate . --bin target/debug
    fi

    step "the dialects, read by the providers' own Python packages"
    if has_python; then
        install_python dialects tests/dialects/requirements.txt
        target/debug/examples/dialects --json | "$python" tests/dialects/official.py
    fi

    step "the HTTP API, tested by schemathesis"
    if has_python; then
        install_python api tests/api/requirements.txt
        tests/api/run.sh target/debug/gate target/api/bin/schemathesis
    fi

    step "every page, wide and narrow, light and dark"
    GATE_BROWSER_ALL=1 cargo test --locked --workspace --all-features --test browser pages_are_fit

    step "the comparison with other systems"
    cargo fmt --check --manifest-path tests/peers/Cargo.toml
    CARGO_TARGET_DIR="$PWD/target" \
        cargo test --locked --quiet --manifest-path tests/peers/Cargo.toml

    step "the benchmarks build"
    # As the tests were: to compile everything once more, as they run, takes minutes and shows no
    # more.
    cargo build --locked --workspace --all-features --benches

    step "every parser of untrusted bytes, fuzzed by libFuzzer"
    fuzz/run.sh 60
    step "all verifiers, over thousands of trails and receipts"
    GATE_DIFFERENTIAL=1500 cargo test --locked --workspace --all-features --test suite auditors::
    step "thousands of processes, killed"
    GATE_CRASHES=5000 cargo test --locked --release -p gate --test crashes k71 -- --nocapture
fi
