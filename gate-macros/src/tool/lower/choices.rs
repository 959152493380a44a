//! Reads the properties of a tool from its options.

use proc_macro2::Span;
use syn::ext::IdentExt as _;
use syn::{Ident, LitStr, Path, Signature};

use crate::errors::ErrorAccumulator;
use crate::names::did_you_mean;
use crate::tool::model::{Argument, ToolHints};
use crate::tool::options::ToolOptions;

/// Marks the arguments that `secret(…)` names, which must exist.
pub(super) fn mark_secrets(
    secrets: &[Ident],
    arguments: &mut [Argument],
    errors: &mut ErrorAccumulator,
) {
    for secret in secrets {
        let names: Vec<String> =
            arguments.iter().map(|argument| argument.name.unraw().to_string()).collect();
        if let Some(argument) = arguments.iter_mut().find(|argument| argument.name == *secret) {
            argument.is_secret = true;
        } else {
            let suggestion = did_you_mean(&secret.to_string(), names.iter().map(String::as_str));
            errors.at(
                secret,
                format_args!("`secret` names no argument: there is no `{secret}`{suggestion}"),
            );
        }
    }
}

/// Reads the hints, and refuses those that contradict each other: a tool that only reads destroys
/// nothing.
pub(super) fn hints(options: &ToolOptions, errors: &mut ErrorAccumulator) -> ToolHints {
    if let (Some(_), Some(destructive)) = (&options.read_only, &options.destructive) {
        errors.at(destructive, "`read_only` and `destructive` contradict each other: keep one");
    }
    ToolHints {
        read_only: options.read_only.is_some(),
        destructive: options.destructive.is_some(),
        idempotent: options.idempotent.is_some(),
        open_world: options.open_world.is_some(),
    }
}

/// Every tool has a policy, named by a path.
pub(super) fn policy_path(options: &ToolOptions, errors: &mut ErrorAccumulator) -> Option<Path> {
    let Some(literal) = &options.policy else {
        if !options.is_broken {
            let message = "a tool needs a policy: add `policy = \"…\"` with the path of one, as \
                `never_ask`, `always_ask` or your own";
            errors.at_span(Span::call_site(), message);
        }
        return None;
    };
    path_in(literal, "a policy, like `refunds` or `crate::policies::refunds`", errors)
}

/// Parses a text that names an item as a path, spanned at the literal, so that the compiler reports
/// errors there.
fn path_in(literal: &LitStr, what: &str, errors: &mut ErrorAccumulator) -> Option<Path> {
    let path = literal.parse_with(Path::parse_mod_style).ok();
    if path.is_none() {
        errors.at(literal, format_args!("expected the path of {what}"));
    }
    path
}

/// Reads the path of the function that finds out whether a call took effect.
pub(super) fn reconciler(given: Option<&LitStr>, errors: &mut ErrorAccumulator) -> Option<Path> {
    path_in(given?, "a function that takes the call, like `was_refunded`", errors)
}

/// Reads `on_error`: either the model handles a failure, or people are asked.
pub(super) fn asks_on_error(given: Option<&LitStr>, errors: &mut ErrorAccumulator) -> bool {
    if let Some(literal) = given.filter(|literal| literal.value() != "ask") {
        errors.at(
            literal,
            "`on_error` is `\"ask\"`, so that people decide what to do when the tool fails; or \
             leave it out",
        );
    }
    given.is_some()
}

/// Checks that model providers accept the name.
pub(super) fn tool_name(
    given: Option<&LitStr>,
    function: &Ident,
    errors: &mut ErrorAccumulator,
) -> String {
    let name = given.map_or_else(|| function.unraw().to_string(), LitStr::value);
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let problem = if name.is_empty() || name.len() > 64 {
        "it has 1 to 64 characters"
    } else if !name.chars().all(fits) {
        "it has letters of the English alphabet, digits, `_` and `-` only"
    } else {
        return name;
    };
    match given {
        Some(literal) => {
            errors.at(literal, format_args!("model providers refuse this name: {problem}"));
        }
        None => errors.at(
            function,
            format_args!("model providers refuse this name: {problem}; add `name = \"…\"`"),
        ),
    }
    name
}

/// A time limit is a whole number with a unit. Only an async function can be stopped.
pub(super) fn timeout(
    given: Option<&LitStr>,
    signature: &Signature,
    errors: &mut ErrorAccumulator,
) -> Option<u64> {
    let literal = given?;
    let text = literal.value();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.strip_prefix(digits) {
        Some("ms") => Some(1),
        Some("s") => Some(1_000),
        Some("m") => Some(60_000),
        Some("h") => Some(3_600_000),
        _ => None,
    };
    let time =
        digits.parse::<u64>().ok().zip(unit).and_then(|(count, unit)| count.checked_mul(unit));
    if signature.asyncness.is_none() {
        errors.at(literal, "`timeout` needs an `async fn`: a plain function cannot be stopped");
    } else if time.is_none_or(|time| time == 0) {
        errors.at(literal, "expected a time like \"500ms\", \"30s\", \"5m\" or \"1h\"");
    }
    time
}
