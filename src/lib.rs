//! Examples, end-to-end tests and benchmarks live in this package; the library is `gate-runtime`.

/// The README's program compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
