//! The routes of the inbox.

mod decide;
mod events;
mod grant;
mod link;
mod look;
mod session;
pub(crate) mod slack;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use gate_runtime::Interruption;
use gate_runtime::id::{ApprovalId, CaseId};
use gate_runtime::review::Status;
use gate_runtime::store::ApprovalFilter;

use crate::api;
use crate::auth::current_user::CurrentUser;
use crate::forms::edit_form::EditForm;
use crate::forms::form_data::{FormData, LONGEST};
use crate::pages::{self, CaseHistory, DecisionDraft, FormToken, ShownPrecedents};
use crate::pending::filter::PendingFilter;
use crate::state::AppState;
use crate::web::extract::{EVENTS, LIVE};
use crate::web::middleware;
use crate::web::page_error::{PageError, PageResult};

/// Returns the router of all pages. Every request that changes something is a `POST`.
pub(crate) fn all(app: Arc<AppState>) -> Router {
    Router::new()
        .route("/", get(pending))
        .route("/sign-in", get(session::ask).post(session::sign_in))
        .route("/sign-out", post(session::sign_out))
        .route("/approvals/{id}", get(approval))
        .route("/approvals/{id}/approve", post(decide::approve))
        .route("/approvals/{id}/reject", post(decide::reject))
        .route("/approvals/{id}/respond", post(decide::respond))
        .route("/approvals/{id}/edit", get(edit).post(decide::edit))
        .route("/approvals/{id}/grant", get(grant::query).post(grant::give))
        .route("/history", get(look::history))
        .route("/rules", get(look::rules))
        .route("/overview", get(look::overview))
        .route("/standing", get(grant::grants_page))
        .route("/standing/revoke", post(grant::revoke))
        .route("/case", get(case))
        .route("/link/{token}", get(link::open))
        .route("/slack/actions", post(slack::actions))
        .route(EVENTS, get(events::events))
        .route(
            "/style.css",
            get(|| async { asset("text/css; charset=utf-8", include_str!("assets/style.css")) }),
        )
        .route(
            "/page.js",
            get(|| async {
                asset("text/javascript; charset=utf-8", include_str!("assets/page.js"))
            }),
        )
        .route(
            "/icon.svg",
            get(|| async { asset("image/svg+xml", include_str!("assets/icon.svg")) }),
        )
        .merge(api::routes())
        .fallback(|| async { PageError::not_found() })
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(LONGEST))
        .layer(from_fn_with_state(Arc::clone(&app), middleware::secure_requests))
        .with_state(app)
}

/// Answers a request with a method that its address does not accept.
async fn method_not_allowed(uri: Uri) -> Response {
    if uri.path().starts_with(api::PLACE) {
        return api::method_not_allowed().into_response();
    }
    let message = "A link decides nothing: open the page and use its forms.";
    PageError::with(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed", message).into_response()
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(kind))], text).into_response()
}

/// Redirects to the page of a call.
fn to_approval(id: ApprovalId) -> Redirect {
    Redirect::to(&format!("/approvals/{id}"))
}

impl AppState {
    /// A call, by the id in an address.
    async fn interruption(&self, id: &str) -> Result<Interruption, PageError> {
        let id: ApprovalId = id.parse().map_err(|_| PageError::not_found())?;
        self.gate.interruption(id).await?.ok_or_else(PageError::not_found)
    }

    /// Returns a call that waits for a decision, or redirects to the page of one that does not.
    async fn pending_call(&self, id: &str) -> Result<Interruption, PageError> {
        let interruption = self.interruption(id).await?;
        if interruption.approval().status() == Status::Pending {
            Ok(interruption)
        } else {
            Err(PageError::new(to_approval(interruption.id())))
        }
    }

    /// Finds the calls that people decided before: those of its case, and those of its tool.
    async fn precedents(&self, interruption: &Interruption) -> Result<ShownPrecedents, PageError> {
        let subject = interruption.approval().subject();
        let answer = self
            .projector
            .ask(&self.gate, |projections| projections.precedents.like(subject))
            .await?;
        let ((of_tool, of_case), is_behind) = (answer.found, answer.is_behind);
        let mut all: Vec<ApprovalId> = of_case.iter().chain(&of_tool).copied().collect();
        all.sort_unstable();
        all.dedup();
        if all.is_empty() {
            return Ok(ShownPrecedents { is_behind, ..ShownPrecedents::default() });
        }
        let filter = all.into_iter().fold(ApprovalFilter::all(), ApprovalFilter::id);
        let found: HashMap<ApprovalId, Interruption> = self
            .gate
            .interruptions(&filter)
            .await?
            .into_iter()
            .map(|asked| (asked.id(), asked))
            .collect();
        let pick = |ids: Vec<ApprovalId>| {
            ids.into_iter().filter_map(|id| found.get(&id).cloned()).collect()
        };
        Ok(ShownPrecedents { of_case: pick(of_case), of_tool: pick(of_tool), is_behind })
    }
}

async fn pending(
    State(app): State<Arc<AppState>>,
    user: CurrentUser,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> PageResult {
    let all = app.pending.pending(&app.gate, headers.contains_key(LIVE)).await?;
    let query = FormData::parse(query.unwrap_or_default().as_bytes());
    Ok(pages::pending(
        &user,
        &all,
        &PendingFilter::read(&query),
        query.get("page").parse().unwrap_or(1),
    ))
}

async fn approval(
    State(app): State<Arc<AppState>>,
    user: CurrentUser,
    Path(id): Path<String>,
) -> PageResult {
    let interruption = app.interruption(&id).await?;
    let form_token = FormToken::new(&user, &interruption)?;
    let found = app.precedents(&interruption).await?;
    Ok(pages::approval(&user, &interruption, &found, &form_token, &DecisionDraft::default()))
}

async fn edit(
    State(app): State<Arc<AppState>>,
    user: CurrentUser,
    Path(id): Path<String>,
) -> PageResult {
    let interruption = app.pending_call(&id).await?;
    let Some(descriptor) = interruption.descriptor() else {
        let message = "This inbox does not know the tool, so it cannot check the arguments: \
            approve or reject the call as it is.";
        return Err(PageError::with(StatusCode::CONFLICT, "It cannot be edited", message));
    };
    let form = EditForm::of(interruption.approval(), descriptor.input_schema());
    Ok(pages::edit(&user, &interruption, &FormToken::new(&user, &interruption)?, &form))
}

async fn case(
    State(app): State<Arc<AppState>>,
    user: CurrentUser,
    RawQuery(query): RawQuery,
) -> PageResult {
    let id = FormData::parse(query.unwrap_or_default().as_bytes())
        .exact("id")
        .ok_or_else(PageError::not_found)?;
    let case = CaseId::from(id);
    let history = CaseHistory::read(&app.gate, &case).await?;
    if history.count == 0 {
        return Err(PageError::not_found());
    }
    Ok(pages::case(&user, &case, &history, app.clock.now()))
}
