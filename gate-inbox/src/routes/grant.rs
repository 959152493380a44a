//! Standing permissions: giving one with an approval, listing those that hold, revoking one.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use gate_runtime::Interruption;
use gate_runtime::id::GrantId;
use gate_runtime::review::DecideError;

use super::decide::{DecisionForm, SubmitOutcome};
use super::to_approval;
use crate::auth::current_user::CurrentUser;
use crate::forms::grant_form::{GrantForm, scope};
use crate::forms::grant_scope::GrantScope;
use crate::notify::Intent;
use crate::pages::{self, DecisionDraft, FormToken, ProblemForm};
use crate::pending::eligibility::{VoteEligibility, eligibility, why_no_grant};
use crate::projections::projector::ProjectionSet;
use crate::state::AppState;
use crate::web::extract::SubmittedForm;
use crate::web::page_error::{PageError, PageResult};

/// Shows the form.
pub(super) async fn query(
    State(app): State<Arc<AppState>>,
    user: CurrentUser,
    Path(id): Path<String>,
) -> PageResult {
    let interruption = app.pending_call(&id).await?;
    check(&user, &interruption)?;
    let form_token = FormToken::new(&user, &interruption)?;
    Ok(pages::grant(&user, &interruption, &form_token, &GrantForm::of(interruption.approval())))
}

/// Returns the reason why there is no form, as an error page.
fn check(user: &CurrentUser, interruption: &Interruption) -> Result<(), PageError> {
    let message = match eligibility(interruption.approval(), user, interruption.now()) {
        VoteEligibility::Asked if user.must_sign() => Some(
            "your vote counts only if it is signed, and no page can sign it: use `gate grants add \
             … --signing-key FILE`.",
        ),
        VoteEligibility::Asked => why_no_grant(interruption.approval(), user, interruption.now()),
        _ => Some("you are not one of the people who decide this call."),
    };
    let refuse = |message| {
        PageError::with(
            StatusCode::FORBIDDEN,
            "No standing permission",
            &format!("You cannot grant one here: {message}"),
        )
    };
    message.map_or(Ok(()), |message| Err(refuse(message)))
}

/// Previews the scope of the permission. Once it is confirmed, approves the call and gives the
/// permission.
pub(super) async fn give(State(app): State<Arc<AppState>>, decision: DecisionForm) -> PageResult {
    let (user, interruption) = (&decision.user, &decision.interruption);
    let mut form = GrantForm::of(interruption.approval());
    let Some(grant_scope) = form.read(&decision.fields, interruption.approval()) else {
        return Ok(pages::grant(user, interruption, &FormToken::new(user, interruption)?, &form));
    };
    if decision.fields.get("confirmed") != "yes" {
        return confirm(&decision, &form, &grant_scope, None);
    }
    if let Some(message) = decision.unconfirmed() {
        return confirm(&decision, &form, &grant_scope, Some(message));
    }
    let me = decision.reviewer(&app).await?;
    let decide = interruption.grant(&me, scope(&grant_scope, interruption.now()));
    let on_refused = |error: &DecideError| {
        if let DecideError::Scope(bad) = error {
            form.add_error(bad);
        }
    };
    match decision.send_as(&app, Intent::Open, decide, on_refused).await? {
        SubmitOutcome::Done => Ok(to_approval(interruption.id()).into_response()),
        SubmitOutcome::Refused(_) if form.is_wrong() => {
            Ok(pages::grant(user, interruption, &FormToken::new(user, interruption)?, &form))
        }
        SubmitOutcome::Refused(problem) => confirm(&decision, &form, &grant_scope, Some(problem)),
    }
}

fn confirm(
    decision: &DecisionForm,
    form: &GrantForm,
    scope: &GrantScope,
    problem: Option<String>,
) -> PageResult {
    let form_token = FormToken::new(&decision.user, &decision.interruption)?;
    let draft = DecisionDraft::of(ProblemForm::Grant, problem, decision.fields.get("comment"));
    Ok(pages::confirm_grant(
        &decision.user,
        &decision.interruption,
        &form_token,
        form,
        scope,
        &draft,
    ))
}

/// Shows the active standing permissions and freezes.
pub(super) async fn grants_page(State(app): State<Arc<AppState>>, user: CurrentUser) -> PageResult {
    let active = app.gate.active_controls().await?;
    let ids: Vec<GrantId> = active.grants.iter().map(|grant| grant.id()).collect();
    let uses =
        |id: &GrantId, projections: &ProjectionSet| Some((*id, projections.precedents.uses(*id)?));
    let answer =
        app.projector.ask(&app.gate, |known| ids.iter().filter_map(|id| uses(id, known)).collect());
    Ok(pages::grants_and_freezes(&user, &active, &answer.await?, app.clock.now()))
}

/// Revokes a permission. Also succeeds if the permission no longer holds.
pub(super) async fn revoke(State(app): State<Arc<AppState>>, sent: SubmittedForm) -> PageResult {
    let id: GrantId = sent.fields.get("grant").parse().map_err(|_| PageError::not_found())?;
    let me = app.reviewer(&sent.user).await?;
    if let Some(grant) =
        app.gate.active_controls().await?.grants.into_iter().find(|grant| grant.id() == id)
    {
        app.gate.revoke(&grant, &me).await.map_err(|error| match error {
            DecideError::Refused(refused) => PageError::with(
                StatusCode::FORBIDDEN,
                "Not yours to decide",
                &format!("The permission was not revoked: {refused}."),
            ),
            _ => PageError::unavailable(),
        })?;
    }
    Ok(Redirect::to("/standing").into_response())
}
