//! Standing permissions: giving one with an approval, listing those that hold, revoking one.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use gate_runtime::Interruption;
use gate_runtime::id::GrantId;
use gate_runtime::review::{DecideError, Status};

use super::decide::{DecisionForm, SubmitOutcome};
use crate::auth::current_user::{CurrentUser, SubmittedForm};
use crate::forms::grant_form::{GrantForm, scope};
use crate::forms::grant_scope::GrantScope;
use crate::notify::Intent;
use crate::pages::{self, DecisionDraft, FormToken, ProblemForm};
use crate::pending::eligibility::{VoteEligibility, no_grant, part};
use crate::projections::projector::ProjectionSet;
use crate::state::AppState;
use crate::web::page_error::{PageError, PageResult};

/// Shows the form.
pub(super) async fn ask(
    State(office): State<Arc<AppState>>,
    visitor: CurrentUser,
    Path(id): Path<String>,
) -> PageResult {
    let asked = office.asked(&id).await?;
    if asked.approval().status() != Status::Pending {
        return Ok(Redirect::to(&format!("/approvals/{}", asked.id())).into_response());
    }
    check(&visitor, &asked)?;
    let stamp = FormToken::new(&visitor, &asked)?;
    Ok(pages::grant(&visitor, &asked, &stamp, &GrantForm::of(asked.approval())))
}

/// Returns why there is no form, as an error that is shown in its place.
fn check(visitor: &CurrentUser, asked: &Interruption) -> Result<(), PageError> {
    let words = match part(asked.approval(), visitor, asked.now()) {
        VoteEligibility::Asked if visitor.must_sign() => Some(
            "your vote counts only if it is signed, and no page can sign it: use `gate grants add \
             … --signing-key FILE`.",
        ),
        VoteEligibility::Asked => no_grant(asked.approval(), visitor, asked.now()),
        _ => Some("you are not one of the people who decide this call."),
    };
    let stop = |words| {
        PageError::with(
            StatusCode::FORBIDDEN,
            "No standing permission",
            &format!("You cannot grant one here: {words}"),
        )
    };
    words.map_or(Ok(()), |words| Err(stop(words)))
}

/// Shows what the permission would cover, and, once that is confirmed, approves the call and gives
/// the permission.
pub(super) async fn give(
    State(office): State<Arc<AppState>>,
    Path(id): Path<String>,
    sent: SubmittedForm,
) -> PageResult {
    let desk = DecisionForm::open(&office, &id, sent).await?;
    let (visitor, asked) = (&desk.visitor, &desk.asked);
    let mut form = GrantForm::of(asked.approval());
    let Some(reach) = form.read(&desk.fields, asked.approval()) else {
        return Ok(pages::grant(visitor, asked, &FormToken::new(visitor, asked)?, &form));
    };
    if desk.fields.get("confirmed") != "yes" {
        return confirm(&desk, &form, &reach, None);
    }
    if let Some(words) = desk.unconfirmed() {
        return confirm(&desk, &form, &reach, Some(words));
    }
    let me = desk.reviewer(&office).await?;
    let deciding = asked.grant(&me, scope(&reach, asked.now()));
    let tell = |error: &DecideError| {
        if let DecideError::Scope(bad) = error {
            form.tell(bad);
        }
    };
    match desk.send_as(&office, Intent::Open, deciding, tell).await? {
        SubmitOutcome::Done => {
            Ok(Redirect::to(&format!("/approvals/{}", asked.id())).into_response())
        }
        SubmitOutcome::Refused(_) if form.is_wrong() => {
            Ok(pages::grant(visitor, asked, &FormToken::new(visitor, asked)?, &form))
        }
        SubmitOutcome::Refused(words) => confirm(&desk, &form, &reach, Some(words)),
    }
}

fn confirm(
    desk: &DecisionForm,
    form: &GrantForm,
    reach: &GrantScope,
    problem: Option<String>,
) -> PageResult {
    let stamp = FormToken::new(&desk.visitor, &desk.asked)?;
    let problem = problem.map(|problem| (ProblemForm::Grant, problem));
    let draft =
        DecisionDraft { problem, words: desk.fields.get("comment"), comment: String::new() };
    Ok(pages::confirm_grant(&desk.visitor, &desk.asked, &stamp, form, reach, &draft))
}

/// Shows the standing permissions and the stops that hold.
pub(super) async fn standing(
    State(office): State<Arc<AppState>>,
    visitor: CurrentUser,
) -> PageResult {
    let standing = office.gate.active_controls().await?;
    let ids: Vec<GrantId> = standing.grants.iter().map(|grant| grant.id()).collect();
    let uses = |id: &GrantId, known: &ProjectionSet| Some((*id, known.precedents.uses(*id)?));
    let told = office
        .chronicle
        .ask(&office.gate, |known| ids.iter().filter_map(|id| uses(id, known)).collect());
    Ok(pages::standing(&visitor, &standing, &told.await?, office.clock.now()))
}

/// Revokes a permission. For one that holds no more this succeeds too, because that is what was
/// wanted.
pub(super) async fn revoke(State(office): State<Arc<AppState>>, sent: SubmittedForm) -> PageResult {
    let id: GrantId = sent.fields.get("grant").parse().map_err(|_| PageError::not_found())?;
    let me = office.reviewer(&sent.visitor).await?;
    if let Some(grant) =
        office.gate.active_controls().await?.grants.into_iter().find(|grant| grant.id() == id)
    {
        office.gate.revoke(&grant, &me).await.map_err(|error| match error {
            DecideError::Refused(refused) => PageError::with(
                StatusCode::FORBIDDEN,
                "Not yours to decide",
                &format!("The permission was not revoked: {refused}."),
            ),
            _ => PageError::trouble(),
        })?;
    }
    Ok(Redirect::to("/standing").into_response())
}
