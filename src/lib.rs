//! Examples, end-to-end tests and benchmarks live in this package; the library is `gate-runtime`.

/// The README's programs compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// The book's programs run.
#[cfg(doctest)]
mod book {
    #[doc = include_str!("../docs/start/tool.md")]
    struct Tool;

    #[doc = include_str!("../docs/start/tomorrow.md")]
    struct Tomorrow;

    #[doc = include_str!("../docs/guide/first-tool.md")]
    struct FirstTool;

    #[doc = include_str!("../docs/guide/rules.md")]
    struct Rules;

    #[doc = include_str!("../docs/guide/people.md")]
    struct People;

    #[doc = include_str!("../docs/guide/models.md")]
    struct Models;

    #[doc = include_str!("../docs/guide/scale.md")]
    struct Scale;

    #[doc = include_str!("../docs/guide/trust.md")]
    struct Trust;

    #[doc = include_str!("../docs/operate/notifiers.md")]
    struct Notifiers;

    #[doc = include_str!("../docs/operate/trail.md")]
    struct Trail;
}
