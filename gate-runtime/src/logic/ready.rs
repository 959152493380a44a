//! Ready-made policies that read no field, for any tool.

use super::policy::{Policy, PolicySource, approve, deny};
use super::tool::Tool;
use crate::values::requirement::anyone;

/// A ready-made policy: its own source is its text.
macro_rules! ready {
    ($(#[doc = $doc:literal])* $name:ident: $otherwise:expr) => {
        $(#[doc = $doc])*
        pub fn $name<T: Tool>() -> Policy<T> {
            let source = PolicySource {
                name: stringify!($name),
                about: concat!($($doc, "\n"),*),
                text: concat!("{ rules.otherwise(", stringify!($otherwise), ") }"),
                line: 0,
                column: 0,
            };
            Policy::ready(&source, $otherwise.into())
        }
    };
}

ready! {
    /// Every call runs without a person: for tools that change nothing.
    never_ask: approve()
}

ready! {
    /// Every call asks any reviewer.
    always_ask: anyone()
}

ready! {
    /// No call ever runs.
    always_deny: deny()
}
