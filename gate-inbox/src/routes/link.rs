//! Links of mails and messages. Opening one neither decides nor uses it up: a page describes the
//! decision, and its form decides.

use std::sync::Arc;

use axum::extract::{FromRequestParts as _, Path, Request, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use gate_runtime::Approval;
use gate_runtime::policy::Requirement;
use gate_runtime::review::Status;

use crate::auth::current_user::CurrentUser;
use crate::notify::Intent;
use crate::notify::link::{BadLink, SignedLink};
use crate::pages::{self, FormToken};
use crate::pending::eligibility::{VoteEligibility, eligibility};
use crate::state::AppState;
use crate::web::page_error::{PageError, PageResult};

impl AppState {
    /// Returns the link of a token, if its signature is valid, it has not expired, and it was not
    /// used.
    pub(super) fn link(&self, token: &str) -> Result<SignedLink, PageError> {
        let links = self.links.as_ref().ok_or_else(PageError::not_found)?;
        let link = links.read(token, self.clock.now()).map_err(|bad| match bad {
            BadLink::NotOurs => {
                let message = "This inbox did not make this link, or a part of the link is \
                     missing. Nothing was decided.";
                PageError::with(StatusCode::NOT_FOUND, "Not a link of this inbox", message)
            }
            BadLink::Over => {
                let message = "This link has expired. Nothing was decided: check in the inbox \
                    whether the call still waits.";
                PageError::with(StatusCode::GONE, "Link expired", message)
            }
        })?;
        if links.is_used(&link).map_err(|_| PageError::unavailable())? {
            Err(already_used())
        } else {
            Ok(link)
        }
    }

    /// Uses up a link, if it is for this answer to this call in its current state.
    pub(super) fn consume_link(
        &self,
        token: &str,
        intent: Intent,
        approval: &Approval,
    ) -> Result<(), PageError> {
        let (link, links) =
            (self.link(token)?, self.links.as_ref().ok_or_else(PageError::not_found)?);
        if (link.intent, link.approval, link.shown) != (intent, approval.id(), approval.shown()) {
            let message = "This link is for something else. Nothing was decided: open it again.";
            return Err(PageError::with(StatusCode::CONFLICT, "Wrong link", message));
        }
        match links.consume(&link, self.clock.now()) {
            Ok(true) => Ok(()),
            Ok(false) => Err(already_used()),
            Err(_) => Err(PageError::unavailable()),
        }
    }
}

fn already_used() -> PageError {
    let message = "This link was already used, and each link decides once. If the call still \
        waits, decide on its page.";
    PageError::with(StatusCode::GONE, "Link already used", message)
}

pub(super) async fn open(
    State(app): State<Arc<AppState>>,
    Path(token): Path<String>,
    request: Request,
) -> PageResult {
    let link = app.link(&token)?;
    let mut parts = request.into_parts().0;
    let user = CurrentUser::from_request_parts(&mut parts, &app).await?;
    let interruption = app.interruption(&link.approval.to_string()).await?;
    let approval = interruption.approval();
    let wants_more = approval.answers().is_some()
        || user.must_sign()
        || approval.requirements().iter().any(Requirement::wants_signature);
    let is_theirs = eligibility(approval, &user, interruption.now()) == VoteEligibility::Asked;
    // The page of the call shows its state, its reviewers, and the required signatures.
    if link.intent == Intent::Open
        || approval.status() != Status::Pending
        || !is_theirs
        || wants_more
    {
        return Ok(super::to_approval(approval.id()).into_response());
    }
    if approval.shown() != link.shown {
        return Ok(pages::changed(&user, &interruption));
    }
    Ok(pages::link(
        &user,
        &interruption,
        &FormToken::new(&user, &interruption)?,
        link.intent,
        &token,
    ))
}
