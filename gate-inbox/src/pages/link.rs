//! The page that describes the decision of a mail's link before anything is decided.

use axum::http::StatusCode;
use axum::response::Response;
use gate_runtime::Interruption;
use maud::html;

use super::answers::{DecisionDraft, approve_form, reject_form};
use super::approval::{arguments, before, claim, rules};
use super::frame::{FormToken, page};
use crate::auth::current_user::CurrentUser;
use crate::notify::Intent;
use crate::render::untrusted_text::{bare, headline, plain, until};

/// Renders the page, with the form that decides.
pub(crate) fn link(
    user: &CurrentUser,
    interruption: &Interruption,
    form_token: &FormToken,
    intent: Intent,
    token: &str,
) -> Response {
    let (approval, review) = (interruption.approval(), interruption.review());
    let (info, is_approval) = (approval.subject().info(), intent == Intent::Approve);
    let title = format!("{} {}?", if is_approval { "Approve" } else { "Reject" }, approval.tool());
    let main = html! {
        section.narrow {
            h1 { (plain(&title)) }
            p.about { (headline(review.headline())) }
            p {
                strong { "Nothing is decided yet." } " If you send this form, you, "
                (plain(user.name())) ", "
                @if is_approval {
                    "agree that the agent " (plain(info.agent())) " runs " (plain(approval.tool()))
                    ", once, with exactly what is shown here."
                } @else {
                    "refuse to let the agent " (plain(info.agent())) " run "
                    (plain(approval.tool())) " with what is shown here. The agent is told why."
                }
            }
            p { "It needs " (plain(approval.waits_for())) "." }
            @if let Some(principal) = info.principal() {
                p { "It acts for " (plain(principal)) "." }
            }
            @if let Some(end) = approval.expires_at() { p { "Deadline: \
                " (until(end, interruption.now())) "." } }
            (arguments(interruption, &review))
            (claim(&review))
            (rules(approval))
            (before(&review))
            section.answers aria-label="Your decision" {
                @if is_approval {
                    (approve_form(interruption, form_token, &DecisionDraft::default(), Some(token)))
                }
                @else {
                    (reject_form(interruption, form_token, &DecisionDraft::default(), Some(token)))
                }
            }
            p { a href=(format!("/approvals/{}", approval.id())) { "See all details \
                first" } }
        }
    };
    page(StatusCode::OK, &bare(&title), Some(user), None, &main)
}
