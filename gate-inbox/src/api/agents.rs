//! The operations of remote agents: ask, wait, begin, and report the result of a call.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::stream::unfold;
use gate_runtime::Approval;
use gate_runtime::id::{ApprovalId, Role};
use gate_runtime::policy::{EscalationTier, ReviewerSelector};
use gate_runtime::remote::{RemoteCall, RemoteError};
use gate_runtime::review::{DecideError, Status};
use gate_runtime::run::NotRun;
use gate_runtime::tool::ToolOutcome;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::ask::{NewApproval, NewQuestion};
use super::bearer::BearerAgent;
use super::body::{JsonBody, QueryParams, created};
use super::document::{Call, Page};
use super::operation::{CallerKind, HERE, Operation, STATE};
use super::problem::{ApiProblem, CONFLICT, ID_USED, INVALID, MALFORMED, TOO_MANY};
use crate::state::AppState;

/// The longest time that a request waits for a decision, in seconds. Proxies may cut connections
/// that are silent for longer.
const LONGEST_WAIT: u64 = 25;

/// The interval of keep-alive messages of a stream, and the most of them.
const QUIET: Duration = Duration::from_secs(15);
const LASTS: u32 = 40;

/// The response about an agent's call.
type CallResponse = Result<JsonBody<Call>, ApiProblem>;

/// The description of the parameter `attempt`.
const WHICH: &str = "The attempt: the value of `attempts` when the call began.";

/// Returns the operations of agents.
pub(super) fn operations() -> Vec<Operation> {
    let first = json!({"type": "integer", "minimum": 1, "default": 1});
    let seconds = json!({"type": "integer", "minimum": 0, "maximum": 25});
    let agent = |at: (&'static str, &'static str), message: (&'static str, &'static str), route| {
        Operation::new(at, CallerKind::Agent, message, route)
    };
    vec![
        agent(
            ("post", "/api/v1/approvals"),
            (
                "askApproval",
                "Asks people about a call. Asking again under the same id returns the \
                same question.",
            ),
            post(ask),
        )
        .takes::<NewApproval>()
        .gives::<Call>()
        .by_status(&[StatusCode::CREATED, StatusCode::OK])
        .or_else(&[StatusCode::CONFLICT, StatusCode::TOO_MANY_REQUESTS]),
        agent(
            ("get", "/api/v1/approvals"),
            ("listApprovals", "Lists the agent's calls of one run."),
            get(of_run),
        )
        .query("run", "The run.", json!({"type": "string", "minLength": 1}), true)
        .gives::<Page<Call>>(),
        agent(
            ("post", "/api/v1/questions"),
            ("askQuestion", "Asks people a question that is no call."),
            post(question),
        )
        .takes::<NewQuestion>()
        .gives::<Call>()
        .by_status(&[StatusCode::CREATED, StatusCode::OK])
        .or_else(&[StatusCode::CONFLICT, StatusCode::TOO_MANY_REQUESTS]),
        agent(
            ("get", "/api/v1/approvals/{id}"),
            ("getApproval", "Returns a call; with `wait`, as soon as people have decided."),
            get(one),
        )
        .query("wait", "How many seconds to wait for a decision.", seconds, false)
        .gives::<Call>()
        .or_else(HERE),
        agent(
            ("get", "/api/v1/approvals/{id}/events"),
            (
                "streamApproval",
                "Streams a call now, and once it is decided: server-sent events \
                named `call`.",
            ),
            get(events),
        )
        .streams()
        .or_else(&[StatusCode::NOT_FOUND, StatusCode::TOO_MANY_REQUESTS]),
        agent(
            ("post", "/api/v1/approvals/{id}/cancel"),
            ("cancelApproval", "Cancels a question."),
            post(cancel),
        )
        .takes::<CancelRequest>()
        .gives::<Call>()
        .or_else(STATE),
        agent(
            ("post", "/api/v1/approvals/{id}/begin"),
            (
                "beginCall",
                "Records that an approved call begins, once. Then the program may \
                run it.",
            ),
            post(begin),
        )
        .gives::<Call>()
        .or_else(STATE),
        agent(
            ("post", "/api/v1/approvals/{id}/still-runs"),
            (
                "stillRuns",
                "Reports that a call that began still runs: at least every 30 seconds, or \
                it counts as lost.",
            ),
            post(heartbeat),
        )
        .query("attempt", WHICH, first.clone(), false)
        .gives::<Call>()
        .or_else(STATE),
        agent(
            ("post", "/api/v1/approvals/{id}/outcome"),
            ("endCall", "Reports how a call that began has ended."),
            post(end),
        )
        .query("attempt", WHICH, first, false)
        .takes::<EndRequest>()
        .gives::<Call>()
        .or_else(STATE),
        agent(
            ("post", "/api/v1/actions"),
            ("logAction", "Records what the program did without a decision by a person."),
            post(log),
        )
        .takes::<NewAction>()
        .gives::<Recorded>()
        .by_status(&[StatusCode::CREATED]),
    ]
}

async fn ask(
    State(app): State<Arc<AppState>>,
    agent: BearerAgent,
    JsonBody(new): JsonBody<NewApproval>,
) -> Result<Response, ApiProblem> {
    let call = new.call(&agent.entry, app.callbacks.as_ref())?;
    open(&agent, call).await
}

async fn question(
    State(app): State<Arc<AppState>>,
    agent: BearerAgent,
    JsonBody(new): JsonBody<NewQuestion>,
) -> Result<Response, ApiProblem> {
    let call = new.call(&agent.entry, app.callbacks.as_ref())?;
    open(&agent, call).await
}

/// Asks about a call, unless too many questions of its agent are pending, which is checked in the
/// transaction. A repeated question is not a new one.
async fn open(agent: &BearerAgent, call: RemoteCall) -> Result<Response, ApiProblem> {
    let call = call.at_once(agent.entry.at_once() as u64);
    match agent.calls.ask(call).await {
        Ok(remote_approval) if remote_approval.is_new() => Ok(created(
            Call::from(&*remote_approval),
            &format!("/api/v1/approvals/{}", remote_approval.id()),
        )),
        Ok(asked) => Ok(JsonBody(Call::from(&*asked)).into_response()),
        Err(RemoteError::IdUsed { problem }) => Err(ApiProblem::new(ID_USED, problem)),
        Err(RemoteError::NobodyToAsk { problem }) => Err(ApiProblem::new(INVALID, problem)),
        Err(RemoteError::TooManyWait { at_once }) => {
            let message = format!(
                "{at_once} of this agent's questions already wait: wait for decisions, or raise \
                 `at_once` in the people file."
            );
            Err(ApiProblem::new(TOO_MANY, message))
        }
        Err(RemoteError::TooCostly { again_after }) => {
            let detail = "Checking arguments against their schemas has taken too much time: \
                send simpler schemas.";
            Err(ApiProblem::wait(Duration::from_secs(again_after.into()), detail))
        }
        Err(RemoteError::NotRun(reason)) => Err(reason.into()),
    }
}

/// Converts a refusal into a problem for an agent, which names the status of the call, and not the
/// reviewer.
fn problem_for(error: DecideError) -> ApiProblem {
    match error {
        DecideError::AlreadyDecided(remote_approval) => {
            let message = format!(
                "It is {}, and began {}.",
                remote_approval.status(),
                times(remote_approval.attempts())
            );
            ApiProblem::new(CONFLICT, message)
        }
        error => error.into(),
    }
}

/// Formats a number of times: `never`, `once`, `3 times`.
fn times(count: u32) -> String {
    match count {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

/// Returns the attempt that a request is about. Defaults to the first.
fn attempt(query: &QueryParams) -> Result<u32, ApiProblem> {
    // Most calls begin once. For a later attempt, a wrong number is refused as already decided.
    Ok(query.get("attempt")?.unwrap_or(1))
}

/// Parses the approval id in a path.
pub(super) fn id_of(text: &str) -> Result<ApprovalId, ApiProblem> {
    text.parse().map_err(|_| ApiProblem::not_found())
}

fn found_call(found: Option<Arc<Approval>>) -> CallResponse {
    found.map(|approval| JsonBody(Call::from(&*approval))).ok_or_else(ApiProblem::not_found)
}

/// Returns a call. With `wait`, responds once people have decided, or after that many seconds.
async fn one(agent: BearerAgent, Path(id): Path<String>, query: QueryParams) -> CallResponse {
    let id = id_of(&id)?;
    match query.get::<u64>("wait")? {
        None => found_call(agent.calls.approval(id).await?),
        Some(seconds) if seconds <= LONGEST_WAIT => {
            found_call(agent.calls.decided(id, Duration::from_secs(seconds)).await?)
        }
        Some(_) => {
            let message = format!("`wait` is at most {LONGEST_WAIT} seconds: ask again then.");
            Err(ApiProblem::new(MALFORMED, message))
        }
    }
}

/// Returns the calls of one run.
async fn of_run(
    agent: BearerAgent,
    query: QueryParams,
) -> Result<JsonBody<Page<Call>>, ApiProblem> {
    let run = query.get::<String>("run")?.filter(|run| !run.is_empty());
    let run = run.ok_or_else(|| ApiProblem::new(MALFORMED, "Name the run: `?run=…`."))?;
    let items = agent
        .calls
        .approvals(&run.into())
        .await?
        .iter()
        .map(|approval| Call::from(&**approval))
        .collect();
    Ok(JsonBody(Page { items, next: None }))
}

/// Streams a call: its current state, and its state once it is decided.
async fn events(
    State(app): State<Arc<AppState>>,
    agent: BearerAgent,
    Path(id): Path<String>,
) -> Result<Response, ApiProblem> {
    let id = id_of(&id)?;
    let first = agent.calls.approval(id).await?.ok_or_else(ApiProblem::not_found)?;
    let Some(slot) = app.sse.reserve_for_agent(agent.calls.agent()) else {
        return Err(ApiProblem::new(
            TOO_MANY,
            "Too many streams are open: use `?wait=25` instead.",
        ));
    };
    let listener = Arc::new((app, agent));
    // Produces the next message, and whether another one may follow.
    let stream = unfold(Some((first, slot)), move |state| {
        let listener = Arc::clone(&listener);
        async move {
            let (remote_approval, stream_slot) = state?;
            let data = serde_json::to_string(&Call::from(&*remote_approval)).ok()?;
            let is_last = remote_approval.status() != Status::Pending;
            let event = Ok::<_, Infallible>(Event::default().event("call").data(data));
            let next = if is_last {
                None
            } else {
                decided(&listener.0, &listener.1, id).await.map(|stands| (stands, stream_slot))
            };
            Some((event, next))
        }
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(QUIET)).into_response())
}

/// Returns the call once it is decided; `None` if that takes too long, it cannot be read, or the
/// agent's token is revoked.
async fn decided(app: &AppState, agent: &BearerAgent, id: ApprovalId) -> Option<Arc<Approval>> {
    for _ in 0..LASTS {
        // If the store does not answer, the stream ends, and the agent connects again.
        let remote_approval = agent.calls.decided(id, QUIET).await.ok()??;
        if !agent.is_known(app) {
            return None;
        }
        if remote_approval.status() != Status::Pending {
            return Some(remote_approval);
        }
    }
    None
}

/// The reason for cancelling something.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Cancellation")]
struct CancelRequest {
    /// The reason, which is recorded.
    #[schemars(length(min = 1, max = 2_000))]
    reason: String,
}

async fn cancel(
    agent: BearerAgent,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<CancelRequest>,
) -> CallResponse {
    if body.reason.trim().is_empty() {
        return Err(ApiProblem::new(INVALID, "Give a reason: `reason` is recorded."));
    }
    let remote_approval =
        agent.calls.cancel(id_of(&id)?, body.reason.trim()).await.map_err(problem_for)?;
    Ok(JsonBody(Call::from(&*remote_approval)))
}

/// Records that an approved call begins. A call begins only once.
async fn begin(agent: BearerAgent, Path(id): Path<String>) -> CallResponse {
    let id = id_of(&id)?;
    let approval = agent.calls.approval(id).await?.ok_or_else(ApiProblem::not_found)?;
    // The people file may require a new role that it did not require when the call was asked about.
    if let Some(role) = agent.entry.asks().iter().find(|role| !asks(&approval, role)) {
        let message = format!(
            "A {role} must now agree to every call of this agent: cancel this one, and ask again \
             under another id."
        );
        return Err(ApiProblem::new(CONFLICT, message));
    }
    match agent.calls.begin(id).await {
        Ok(started_call) => Ok(JsonBody(Call::from(&*started_call))),
        Err(NotRun::Invalid { problem }) => Err(ApiProblem::new(CONFLICT, problem)),
        Err(reason) => Err(reason.into()),
    }
}

/// Returns whether the approval required a role.
fn asks(approval: &Approval, role: &Role) -> bool {
    let is_of_role = |tier: &EscalationTier| match tier.who() {
        ReviewerSelector::Role { role: required } => required == role,
        _ => false,
    };
    approval.requirements().iter().any(|requirement| requirement.tiers().iter().any(is_of_role))
}

async fn heartbeat(agent: BearerAgent, Path(id): Path<String>, query: QueryParams) -> CallResponse {
    let remote_approval =
        agent.calls.heartbeat(id_of(&id)?, attempt(&query)?).await.map_err(problem_for)?;
    Ok(JsonBody(Call::from(&*remote_approval)))
}

/// The result of a call, as its agent reports it.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "Ended")]
enum EndRequest {
    /// The returned value: any JSON.
    Result(Value),
    /// The message of the error that it failed with.
    Error(String),
}

async fn end(
    agent: BearerAgent,
    Path(id): Path<String>,
    query: QueryParams,
    JsonBody(ended): JsonBody<EndRequest>,
) -> CallResponse {
    let outcome = match ended {
        EndRequest::Result(value) => ToolOutcome::returned(&value),
        EndRequest::Error(error) => ToolOutcome::failed(error),
    };
    let remote_approval =
        agent.calls.end(id_of(&id)?, attempt(&query)?, outcome).await.map_err(problem_for)?;
    Ok(JsonBody(Call::from(&*remote_approval)))
}

/// An action of the program that no person decides.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewAction {
    /// The run.
    #[schemars(length(min = 1, max = 256))]
    run: String,
    /// The action, in a few words.
    #[schemars(length(min = 1, max = 256))]
    action: String,
    /// Details of the action.
    #[serde(default)]
    details: Map<String, Value>,
    /// The case it belongs to.
    #[schemars(length(min = 1, max = 256))]
    case: Option<String>,
    /// The call of the same agent that it follows from.
    in_reply_to: Option<String>,
}

/// The response for a recorded action.
#[derive(Serialize, JsonSchema)]
struct Recorded {
    /// True: the action is recorded.
    recorded: bool,
}

async fn log(
    agent: BearerAgent,
    JsonBody(new): JsonBody<NewAction>,
) -> Result<Response, ApiProblem> {
    let reply = new.in_reply_to.as_deref().map(str::parse::<ApprovalId>).transpose();
    let reply =
        reply.map_err(|_| ApiProblem::new(INVALID, "`in_reply_to` must be an approval's id."))?;
    let (run, case) = (new.run.into(), new.case.map(Into::into));
    agent.calls.log_action(&run, case, new.action, &Value::Object(new.details), reply).await?;
    Ok((StatusCode::CREATED, JsonBody(Recorded { recorded: true })).into_response())
}
