//! The sign-in page.

use axum::http::StatusCode;
use axum::response::Response;
use maud::html;

use super::frame::page;
use crate::auth::return_to::ReturnTo;

/// Renders the sign-in page, with the page that was requested, and the problem of the last attempt.
pub(crate) fn sign_in(
    status: StatusCode,
    form_secret: &str,
    wanted: Option<&ReturnTo>,
    problem: Option<&str>,
) -> Response {
    let main = html! {
        section.narrow {
            h1 { "Sign in" }
            p { "This is where people decide what agents may do." }
            form method="post" action="/sign-in" {
                input type="hidden" name="form_secret" value=(form_secret);
                @if let Some((name, value)) = wanted.map(ReturnTo::field) {
                    input type="hidden" name=(name) value=(value);
                }
                label for="token" { "Your reviewer token" }
                input #token type="password" name="token" autocomplete="current-password"
                    spellcheck="false" autofocus required aria-invalid[problem.is_some()]
                    aria-describedby="token-help";
                @if let Some(problem) = problem { p.problem role="alert" { (problem) } }
                p #token-help .faint { "It starts with " code { "gate_r_" } ". The person who \
                    maintains the people file created it for you with " code { "gate person" } "." }
                button.main { "Sign in" }
            }
        }
    };
    page(status, "Sign in", None, None, &main)
}
