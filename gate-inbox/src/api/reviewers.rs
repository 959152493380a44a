//! The operations of reviewers' programs: list, decide, grant, revoke.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{MethodRouter, delete, get, post};
use gate_runtime::Interruption;
use gate_runtime::grants::Scope;
use gate_runtime::id::{ApprovalId, GrantId};
use gate_runtime::review::{Decide, Edit, Status};
use gate_runtime::store::ApprovalFilter;
use gate_runtime::tool::Amount;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::agents::id_of;
use super::bearer::BearerPerson;
use super::body::{JsonBody, QueryParams};
use super::document::{Page, Permission, Review};
use super::operation::{CallerKind, HERE, Operation, STATE};
use super::problem::{ApiProblem, CHANGED, INVALID, MALFORMED};
use crate::state::AppState;

/// The most questions on a page.
const MOST: usize = 100;

type ReviewResponse = Result<JsonBody<Review>, ApiProblem>;

/// Every status, as a value of the parameter.
const STATES: [&str; 11] = [
    "pending",
    "approved",
    "denied",
    "rejected",
    "expired",
    "cancelled",
    "responded",
    "dispatched",
    "succeeded",
    "failed",
    "indeterminate",
];

/// Returns the operations of reviewers.
pub(super) fn operations() -> Vec<Operation> {
    let status = json!({"type": "string", "enum": STATES, "default": "pending"});
    let limit = json!({"type": "integer", "minimum": 1, "maximum": MOST, "default": 50});
    let after = json!({"type": "string", "format": "uuid"});
    let person =
        |at: (&'static str, &'static str), message: (&'static str, &'static str), route| {
            Operation::new(at, CallerKind::Person, message, route)
        };
    vec![
        person(
            ("get", "/api/v1/reviews"),
            ("listReviews", "Lists questions by status, oldest first; pending by default."),
            get(list),
        )
        .query("status", "The status to list.", status, false)
        .query("after", "The `next` of the page before.", after, false)
        .query("limit", "How many to return.", limit, false)
        .gives::<Page<Review>>(),
        person(
            ("get", "/api/v1/reviews/{id}"),
            ("getReview", "Returns a question with everything that a decision is about."),
            get(interruption),
        )
        .gives::<Review>()
        .or_else(HERE),
        decide_operation::<ApproveRequest>(
            "/api/v1/reviews/{id}/approve",
            "approve",
            "Lets it run as it was shown.",
            post(approve),
        ),
        decide_operation::<EditRequest>(
            "/api/v1/reviews/{id}/edit",
            "edit",
            "Lets it run with other arguments.",
            post(edit),
        ),
        decide_operation::<RejectRequest>(
            "/api/v1/reviews/{id}/reject",
            "reject",
            "Rejects it and gives the reason.",
            post(reject),
        ),
        decide_operation::<RespondRequest>(
            "/api/v1/reviews/{id}/respond",
            "respond",
            "Replies instead of running the tool.",
            post(respond),
        ),
        decide_operation::<GrantRequest>(
            "/api/v1/reviews/{id}/grant",
            "grant",
            "Lets it run, and later calls like it.",
            post(grant),
        ),
        decide_operation::<Reason>(
            "/api/v1/reviews/{id}/revoke",
            "revoke",
            "Revokes an approval of a call that has not begun.",
            post(revoke),
        ),
        person(
            ("get", "/api/v1/grants"),
            ("listGrants", "Lists the active standing permissions."),
            get(grants),
        )
        .gives::<Page<Permission>>(),
        person(
            ("delete", "/api/v1/grants/{id}"),
            ("endGrant", "Revokes a standing permission."),
            delete(end_grant),
        )
        .by_status(&[StatusCode::NO_CONTENT])
        .or_else(HERE),
    ]
}

/// Returns the operation of one kind of decision.
fn decide_operation<T: JsonSchema>(
    path: &'static str,
    id: &'static str,
    about: &'static str,
    route: MethodRouter<Arc<AppState>>,
) -> Operation {
    Operation::new(("post", path), CallerKind::Person, (id, about), route)
        .takes::<T>()
        .gives::<Review>()
        .or_else(STATE)
}

/// Lists questions of a status, oldest first. Defaults to pending questions.
async fn list(
    State(app): State<Arc<AppState>>,
    _: BearerPerson,
    query: QueryParams,
) -> Result<JsonBody<Page<Review>>, ApiProblem> {
    let limit = query.get::<usize>("limit")?.unwrap_or(50);
    if !(1..=MOST).contains(&limit) {
        return Err(ApiProblem::new(MALFORMED, format_args!("`limit` must be from 1 to {MOST}.")));
    }
    let status = query.get::<String>("status")?.unwrap_or_else(|| "pending".to_owned());
    let status: Status = serde_json::from_value(Value::from(status)).map_err(|_| {
        ApiProblem::new(MALFORMED, "`status` must be one like `pending` or `succeeded`.")
    })?;
    let mut filter = ApprovalFilter::all().status(status).limit(limit);
    if let Some(after) = query.get::<ApprovalId>("after")? {
        filter = filter.after(after);
    }
    let found = app.gate.interruptions(&filter).await?;
    let next =
        (found.len() == limit).then(|| found.last().map(|last| last.id().to_string())).flatten();
    Ok(JsonBody(Page { items: found.iter().map(Review::from).collect(), next }))
}

async fn interruption(
    State(app): State<Arc<AppState>>,
    _: BearerPerson,
    Path(id): Path<String>,
) -> ReviewResponse {
    Ok(JsonBody(Review::from(&find_interruption(&app, &id).await?)))
}

async fn find_interruption(app: &AppState, id: &str) -> Result<Interruption, ApiProblem> {
    app.gate.interruption(id_of(id)?).await?.ok_or_else(ApiProblem::not_found)
}

/// The evidence that was shown to a reviewer, and a comment.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Approval")]
struct ApproveRequest {
    /// The digest of the shown content, from `shown` of the question.
    shown: String,
    /// The name of the tool. Required if the call is destructive.
    confirm: Option<String>,
    /// A comment, which is recorded.
    #[schemars(length(max = 10_000))]
    comment: Option<String>,
}

/// A rejection.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Rejection")]
struct RejectRequest {
    /// The digest of the shown content, from `shown` of the question.
    shown: String,
    /// The reason, which the agent gets.
    #[schemars(length(min = 1, max = 10_000))]
    reason: String,
}

/// An approval of other arguments.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Editing")]
struct EditRequest {
    /// The digest of the shown content, from `shown` of the question.
    shown: String,
    /// All arguments that the call is to run with.
    arguments: Map<String, Value>,
    /// The name of the tool. Required if the call is destructive.
    confirm: Option<String>,
    /// A comment, which is recorded.
    #[schemars(length(max = 10_000))]
    comment: Option<String>,
}

/// An answer instead of running the tool.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Answering")]
struct RespondRequest {
    /// The digest of the shown content, from `shown` of the question.
    shown: String,
    /// The answer that the agent gets: any JSON. A question of the kind `choice` takes one of its
    /// choices.
    value: Value,
    /// A comment, which is recorded.
    #[schemars(length(max = 10_000))]
    comment: Option<String>,
}

/// An approval of this call, and of later calls like it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Granting")]
struct GrantRequest {
    /// The digest of the shown content, from `shown` of the question.
    shown: String,
    /// The name of the tool. Required if the call is destructive.
    confirm: Option<String>,
    /// A comment, which is recorded.
    #[schemars(length(max = 10_000))]
    comment: Option<String>,
    /// Covers calls of every run, not only of this run.
    #[serde(default)]
    any_run: bool,
    /// Covers calls of every agent.
    #[serde(default)]
    any_agent: bool,
    /// Covers calls on behalf of every person.
    #[serde(default)]
    any_principal: bool,
    /// The arguments that may have any value. All other arguments keep their values.
    #[serde(default)]
    any: Vec<String>,
    /// The arguments that may be any amount from 0 to these limits.
    #[serde(default)]
    up_to: BTreeMap<String, AmountLimit>,
    /// The number of calls that it covers.
    #[schemars(range(min = 1))]
    uses: Option<u32>,
    /// The argument whose sum is limited.
    budget: Option<Budget>,
    /// The number of seconds after which `uses` and `budget` are counted anew.
    #[schemars(range(min = 1))]
    per: Option<u32>,
    /// The number of seconds for which it holds. At most a year.
    #[schemars(range(min = 1, max = 31_536_000))]
    lasts: u32,
}

/// A sum that is limited.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Budget {
    /// The name of the argument.
    argument: String,
    /// The limit.
    max: AmountLimit,
}

/// An amount: a whole number, or a text of digits like `12.50`.
#[derive(Clone, Copy, Deserialize)]
#[serde(transparent)]
struct AmountLimit(Amount);

impl JsonSchema for AmountLimit {
    fn schema_name() -> Cow<'static, str> {
        "Amount".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An amount: a whole number, or a string of digits like `12.50`.",
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": 9_007_199_254_740_992_u64},
                {"type": "string", "pattern": r"^(0|[1-9][0-9]{0,18})(\.[0-9]{1,18})?$"},
            ],
        })
    }
}

/// The reason of a decision.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Reason {
    /// The reason, which the agent gets.
    #[schemars(length(min = 1, max = 10_000))]
    reason: String,
}

/// Returns the question, if it is still as it was shown. For a question that has ended, the gate's
/// own message describes the outcome.
async fn as_shown(app: &AppState, id: &str, shown: &str) -> Result<Interruption, ApiProblem> {
    let interruption = find_interruption(app, id).await?;
    let approval = interruption.approval();
    if !approval.status().is_terminal() && approval.shown().to_string() != shown {
        return Err(ApiProblem::new(
            CHANGED,
            "`shown` is not the current digest: get the review again, then decide.",
        ));
    }
    Ok(interruption)
}

/// Checks that the approval of a destructive call names its tool.
fn confirmed(interruption: &Interruption, confirm: Option<&String>) -> Result<(), ApiProblem> {
    let tool = interruption.approval().tool();
    if interruption.is_destructive() && confirm.is_none_or(|typed| typed.trim() != tool.as_str()) {
        let message =
            format!("This call cannot be undone: set `confirm` to the name of the tool, {tool}.");
        return Err(ApiProblem::new(INVALID, message));
    }
    Ok(())
}

/// Sends a decision, with its comment, and returns the resulting state of the call.
async fn send(
    app: &AppState,
    id: &str,
    decide: Decide<'_>,
    comment: Option<&String>,
) -> ReviewResponse {
    let body = comment.map(|text| text.trim()).filter(|text| !text.is_empty());
    match body {
        Some(text) => decide.comment(text).await?,
        None => decide.await?,
    };
    Ok(JsonBody(Review::from(&find_interruption(app, id).await?)))
}

async fn approve(
    State(app): State<Arc<AppState>>,
    BearerPerson(me): BearerPerson,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<ApproveRequest>,
) -> ReviewResponse {
    let interruption = as_shown(&app, &id, &body.shown).await?;
    confirmed(&interruption, body.confirm.as_ref())?;
    send(&app, &id, interruption.approve(&me), body.comment.as_ref()).await
}

async fn reject(
    State(app): State<Arc<AppState>>,
    BearerPerson(me): BearerPerson,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<RejectRequest>,
) -> ReviewResponse {
    let interruption = as_shown(&app, &id, &body.shown).await?;
    send(&app, &id, interruption.reject(&me, body.reason.trim()), None).await
}

async fn edit(
    State(app): State<Arc<AppState>>,
    BearerPerson(me): BearerPerson,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<EditRequest>,
) -> ReviewResponse {
    let interruption = as_shown(&app, &id, &body.shown).await?;
    confirmed(&interruption, body.confirm.as_ref())?;
    let edit = Edit::between(&interruption.approval().arguments().to_json(), &body.arguments);
    send(&app, &id, interruption.edit(&me, edit), body.comment.as_ref()).await
}

async fn respond(
    State(app): State<Arc<AppState>>,
    BearerPerson(me): BearerPerson,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<RespondRequest>,
) -> ReviewResponse {
    let interruption = as_shown(&app, &id, &body.shown).await?;
    send(&app, &id, interruption.respond(&me, body.value), body.comment.as_ref()).await
}

async fn grant(
    State(app): State<Arc<AppState>>,
    BearerPerson(me): BearerPerson,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<GrantRequest>,
) -> ReviewResponse {
    let interruption = as_shown(&app, &id, &body.shown).await?;
    confirmed(&interruption, body.confirm.as_ref())?;
    let scope = body.scope(interruption.now())?;
    send(&app, &id, interruption.grant(&me, scope), body.comment.as_ref()).await
}

impl GrantRequest {
    fn scope(&self, now: gate_runtime::Timestamp) -> Result<Scope, ApiProblem> {
        let mut scope = if self.any_run { Scope::any_run() } else { Scope::this_run() };
        scope = if self.any_agent { scope.any_agent() } else { scope };
        scope = if self.any_principal { scope.any_principal() } else { scope };
        scope = self.any.iter().fold(scope, Scope::any);
        scope = self.up_to.iter().fold(scope, |scope, (name, max)| scope.up_to(name, max.0));
        scope = self.uses.into_iter().fold(scope, Scope::uses);
        scope = self
            .budget
            .iter()
            .fold(scope, |scope, budget| scope.budget(&budget.argument, budget.max.0));
        scope = self
            .per
            .into_iter()
            .fold(scope, |scope, seconds| scope.per(Duration::from_secs(seconds.into())));
        let end = now.checked_add(Duration::from_secs(self.lasts.into()));
        Ok(scope.until(
            end.map_err(|_| ApiProblem::new(INVALID, "`lasts` is too long: use a shorter time."))?,
        ))
    }
}

/// Revokes an approval whose call has not begun.
async fn revoke(
    State(app): State<Arc<AppState>>,
    BearerPerson(me): BearerPerson,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<Reason>,
) -> ReviewResponse {
    find_interruption(&app, &id).await?.revoke(&me, body.reason.trim()).await?;
    Ok(JsonBody(Review::from(&find_interruption(&app, &id).await?)))
}

/// Lists the active grants.
async fn grants(
    State(app): State<Arc<AppState>>,
    _: BearerPerson,
) -> Result<JsonBody<Page<Permission>>, ApiProblem> {
    let items = app.gate.active_controls().await?.grants.iter().map(Permission::from).collect();
    Ok(JsonBody(Page { items, next: None }))
}

/// Revokes a grant.
async fn end_grant(
    State(app): State<Arc<AppState>>,
    BearerPerson(me): BearerPerson,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiProblem> {
    let id: GrantId = id.parse().map_err(|_| ApiProblem::not_found())?;
    let found = app.gate.active_controls().await?.grants.into_iter().find(|grant| grant.id() == id);
    // A grant that no longer holds counts as revoked.
    if let Some(grant) = found {
        app.gate.revoke(&grant, &me).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
