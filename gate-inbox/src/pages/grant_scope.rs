//! Describes the scope of a standing permission.

use gate_runtime::Timestamp;
use maud::{Markup, html};
use serde_json::Value;

use crate::forms::grant_scope::{
    AmountCap, AmountFormat, ArgumentBound, GrantExpiry, GrantScope, PrincipalScope,
};
use crate::render::untrusted_text::{bare, plain, plural, until, value};
use crate::render::value_hint::{exact, value_hint};

/// The longest value that is shown on one line, in characters.
const SHORT: usize = 80;

/// Renders the scope of the permission.
pub(super) fn scope_summary(scope: &GrantScope, now: Timestamp) -> Markup {
    html! {
        ul.reach {
            li {
                "The tool " strong { (plain(&scope.tool)) } ", "
                @match &scope.run {
                    Some(run) => { "in the run " (plain(run)) " only" },
                    None => strong { "in any run" },
                }
            }
            li {
                @match &scope.agent {
                    Some(agent) => { "proposed by the agent " (plain(agent)) },
                    None => strong { "proposed by any agent that is judged by the same rules" },
                }
                ", "
                @match &scope.principal {
                    PrincipalScope::One(principal) => { "on behalf of " (plain(principal)) },
                    PrincipalScope::Nobody => "on behalf of nobody",
                    PrincipalScope::Anyone => strong { "on behalf of anyone" },
                }
            }
            @for (name, bound) in &scope.arguments { li { (argument(name, bound, now)) } }
            li { (count(scope, now)) }
            li { (end(scope, now)) }
        }
    }
}

fn argument(name: &str, bound: &ArgumentBound, now: Timestamp) -> Markup {
    html! {
        code { (plain(name)) } ": "
        @match bound {
            ArgumentBound::Any => strong { "anything" },
            ArgumentBound::UpTo(limit) => {
                (amounts(limit.of)) " from 0 to " strong { (limit.max) } (meant(name, limit, now))
            },
            ArgumentBound::Same(same) => { "exactly " (exactly(same)) },
        }
    }
}

/// Renders a value as JSON, so that a text of digits is not mistaken for a number. A short value is
/// rendered inline.
fn exactly(same: &Value) -> Markup {
    let text = same.to_string();
    let is_short = text.chars().count() <= SHORT;
    html! { @if is_short { code.value { (plain(text)) } } @else { (value(same)) } }
}

fn amounts(written: AmountFormat) -> &'static str {
    match written {
        AmountFormat::Whole => "any whole number",
        AmountFormat::Number => "any number",
        AmountFormat::Text => "any text that is a plain decimal,",
    }
}

/// Renders the meaning of a limit, if it follows from the name of its argument.
fn meant(name: &str, limit: &AmountCap, now: Timestamp) -> Markup {
    let message =
        limit.max.in_units(0).and_then(|whole| value_hint(None, name, &whole.into(), now));
    html! { @if let Some(message) = message { " (" (message) ")" } }
}

fn count(scope: &GrantScope, now: Timestamp) -> Markup {
    let within = scope
        .window
        .map_or_else(|| "in all".to_owned(), |window| format!("in any {}", one(&exact(window))));
    html! {
        @match (scope.uses, &scope.budget) {
            (None, None) => strong { "any number of these calls" },
            (Some(uses), None) => { "at most " (calls(uses)) " " (within) },
            (None, Some((name, limit))) => {
                "any number of calls, but the sum of " code { (plain(name)) } " is at most "
                (limit.max) (meant(name, limit, now)) " " (within)
            },
            (Some(uses), Some((name, limit))) => {
                "at most " (calls(uses)) ", and the sum of " code { (plain(name)) } " is at most "
                (limit.max) (meant(name, limit, now)) ", both " (within)
            },
        }
    }
}

fn calls(uses: u64) -> String {
    plural(usize::try_from(uses).unwrap_or(usize::MAX), "call")
}

/// Drops the number of a single unit: `1 day` is `day`; `7 days` and `1 day 12 hours` stay.
fn one(length: &str) -> &str {
    length.strip_prefix("1 ").filter(|unit| !unit.contains(' ')).unwrap_or(length)
}

fn end(scope: &GrantScope, now: Timestamp) -> Markup {
    html! {
        @match scope.end {
            GrantExpiry::Open => strong { "until someone revokes it" },
            GrantExpiry::After(time) => {
                "for " (exact(time)) " from when it is granted, unless someone revokes it first"
            },
            GrantExpiry::At(time) => {
                "until " (bare(format!("{time:.0}"))) " (" (until(time, now)) ")"
            },
        }
    }
}
