//! What programs ask, and what people decide without a page: JSON over HTTP, under `/api/v1`.
//!
//! Agents and people have tokens of two kinds, and neither does the other's part.

mod agents;
mod ask;
mod auditors;
mod bearer;
mod body;
mod document;
mod operation;
mod problem;
mod reviewers;

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use serde_json::{Value, json};

use self::body::Json;
use self::document::{Call, Page, Permission, Review};
use self::operation::{By, Operation};
pub(crate) use self::problem::{NOT_HERE, Problem as ApiProblem, UNAVAILABLE};
use self::problem::{NOT_SO, Problem};
use crate::office::Office;

/// Where every operation is, and nothing else.
pub(crate) const PLACE: &str = "/api/";

/// Every operation, the document that describes them, and problems for everything else under `/api`.
pub(crate) fn routes() -> Router<Arc<Office>> {
    let document = Arc::new(operation::document(&operations()));
    let describe = get(move || {
        let document = Arc::clone(&document);
        async move { Json(Value::clone(&document)) }
    });
    operation::serve(operations())
        .route("/api/openapi.json", describe)
        .route("/api/{*rest}", get(nothing).post(nothing).put(nothing).delete(nothing).patch(nothing))
}

async fn nothing() -> Problem {
    Problem::not_found()
}

/// What is answered to a method that a path of the API does not have.
pub(crate) fn not_so() -> Problem {
    Problem::new(NOT_SO, "This path does not take this method: see /api/openapi.json.")
}

fn operations() -> Vec<Operation> {
    let mut all = of_agents();
    all.extend(of_reviewers());
    all.extend(of_auditors());
    all
}

const HERE: &[StatusCode] = &[StatusCode::NOT_FOUND];
const STATE: &[StatusCode] = &[StatusCode::NOT_FOUND, StatusCode::CONFLICT];
const MADE: &[StatusCode] = &[StatusCode::CREATED, StatusCode::OK];

fn of_agents() -> Vec<Operation> {
    use agents::{
        Cancellation, Ended, NewAction, Recorded, begin, cancel, end, events, log, of_run, one, question, still_runs,
    };
    use ask::{NewApproval, NewQuestion};
    let seconds = json!({"type": "integer", "minimum": 0, "maximum": 25});
    vec![
        Operation::new(
            ("post", "/api/v1/approvals"),
            By::Agent,
            ("askApproval", "Asks people about a call. Asked again under the same id, it is the same question."),
            post(agents::ask),
        )
        .takes::<NewApproval>()
        .gives::<Call>()
        .by_status(MADE)
        .or_else(&[StatusCode::CONFLICT]),
        Operation::new(
            ("get", "/api/v1/approvals"),
            By::Agent,
            ("listApprovals", "The agent's calls of one run."),
            get(of_run),
        )
        .query("run", "The run.", json!({"type": "string", "minLength": 1}), true)
        .gives::<Page<Call>>(),
        Operation::new(
            ("post", "/api/v1/questions"),
            By::Agent,
            ("askQuestion", "Asks people a question that is no call."),
            post(question),
        )
        .takes::<NewQuestion>()
        .gives::<Call>()
        .by_status(MADE)
        .or_else(&[StatusCode::CONFLICT]),
        Operation::new(
            ("get", "/api/v1/approvals/{id}"),
            By::Agent,
            ("getApproval", "How a call stands; with `wait`, as soon as people have decided."),
            get(one),
        )
        .query("wait", "How many seconds to wait for a decision.", seconds, false)
        .gives::<Call>()
        .or_else(HERE),
        Operation::new(
            ("get", "/api/v1/approvals/{id}/events"),
            By::Agent,
            ("streamApproval", "How a call stands now, and once it is decided: server-sent events named `call`."),
            get(events),
        )
        .gives_text("text/event-stream")
        .or_else(&[StatusCode::NOT_FOUND, StatusCode::TOO_MANY_REQUESTS]),
        Operation::new(
            ("post", "/api/v1/approvals/{id}/cancel"),
            By::Agent,
            ("cancelApproval", "Takes a question back."),
            post(cancel),
        )
        .takes::<Cancellation>()
        .gives::<Call>()
        .or_else(STATE),
        Operation::new(
            ("post", "/api/v1/approvals/{id}/begin"),
            By::Agent,
            ("beginCall", "Puts on the record that an approved call begins: once. Then the program may run it."),
            post(begin),
        )
        .gives::<Call>()
        .or_else(STATE),
        Operation::new(
            ("post", "/api/v1/approvals/{id}/still-runs"),
            By::Agent,
            ("stillRuns", "Says that a call that began still runs: every 30 seconds at least, or it counts as lost."),
            post(still_runs),
        )
        .gives::<Call>()
        .or_else(STATE),
        Operation::new(
            ("post", "/api/v1/approvals/{id}/outcome"),
            By::Agent,
            ("endCall", "Says how a call ended that began."),
            post(end),
        )
        .takes::<Ended>()
        .gives::<Call>()
        .or_else(STATE),
        Operation::new(
            ("post", "/api/v1/actions"),
            By::Agent,
            ("logAction", "Puts on the record what the program did that no person decides."),
            post(log),
        )
        .takes::<NewAction>()
        .gives::<Recorded>()
        .by_status(&[StatusCode::CREATED]),
    ]
}

fn of_reviewers() -> Vec<Operation> {
    use reviewers::{Answering, Approval, Editing, Granting, Reason, Rejection};
    let status = json!({"type": "string", "default": "pending"});
    let limit = json!({"type": "integer", "minimum": 1, "maximum": 100, "default": 50});
    let after = json!({"type": "string", "format": "uuid"});
    vec![
        Operation::new(
            ("get", "/api/v1/reviews"),
            By::Person,
            ("listReviews", "What waits for people, or stands otherwise, oldest first."),
            get(reviewers::list),
        )
        .query("status", "How they stand.", status, false)
        .query("after", "The last one of the page before.", after, false)
        .query("limit", "How many.", limit, false)
        .gives::<Page<Review>>(),
        Operation::new(
            ("get", "/api/v1/reviews/{id}"),
            By::Person,
            ("getReview", "A question with everything that a decision is about."),
            get(reviewers::one),
        )
        .gives::<Review>()
        .or_else(HERE),
        Operation::new(
            ("post", "/api/v1/reviews/{id}/approve"),
            By::Person,
            ("approve", "Lets it run as it was shown."),
            post(reviewers::approve),
        )
        .takes::<Approval>()
        .gives::<Review>()
        .or_else(STATE),
        Operation::new(
            ("post", "/api/v1/reviews/{id}/edit"),
            By::Person,
            ("edit", "Lets it run with other arguments."),
            post(reviewers::edit),
        )
        .takes::<Editing>()
        .gives::<Review>()
        .or_else(STATE),
        Operation::new(
            ("post", "/api/v1/reviews/{id}/reject"),
            By::Person,
            ("reject", "Does not let it run, and says why."),
            post(reviewers::reject),
        )
        .takes::<Rejection>()
        .gives::<Review>()
        .or_else(STATE),
        Operation::new(
            ("post", "/api/v1/reviews/{id}/respond"),
            By::Person,
            ("respond", "Answers in the tool's place, which does not run."),
            post(reviewers::respond),
        )
        .takes::<Answering>()
        .gives::<Review>()
        .or_else(STATE),
        Operation::new(
            ("post", "/api/v1/reviews/{id}/grant"),
            By::Person,
            ("grant", "Lets it run, and later calls like it."),
            post(reviewers::grant),
        )
        .takes::<Granting>()
        .gives::<Review>()
        .or_else(STATE),
        Operation::new(
            ("post", "/api/v1/reviews/{id}/revoke"),
            By::Person,
            ("revoke", "Takes an approval back that has not begun."),
            post(reviewers::revoke),
        )
        .takes::<Reason>()
        .gives::<Review>()
        .or_else(STATE),
        Operation::new(
            ("get", "/api/v1/grants"),
            By::Person,
            ("listGrants", "The standing permissions that hold."),
            get(reviewers::grants),
        )
        .gives::<Page<Permission>>(),
        Operation::new(
            ("delete", "/api/v1/grants/{id}"),
            By::Person,
            ("endGrant", "Takes a standing permission back."),
            delete(reviewers::end_grant),
        )
        .by_status(&[StatusCode::NO_CONTENT])
        .or_else(HERE),
    ]
}

fn of_auditors() -> Vec<Operation> {
    let after = json!({"type": "integer", "minimum": 0, "default": 0});
    let limit = json!({"type": "integer", "minimum": 1, "maximum": 1000, "default": 100});
    vec![
        Operation::new(
            ("get", "/api/v1/records"),
            By::Person,
            ("listRecords", "Everything that happened, in order, as it is kept."),
            get(auditors::records),
        )
        .query("after", "The number of the last record of the page before.", after, false)
        .query("limit", "How many.", limit, false)
        .gives::<auditors::Records>(),
        Operation::new(
            ("get", "/api/v1/checkpoint"),
            By::Person,
            ("getCheckpoint", "The last checkpoint of the trail: a signed note (C2SP tlog-checkpoint)."),
            get(auditors::checkpoint),
        )
        .gives_text("text/plain")
        .or_else(HERE),
        Operation::new(
            ("get", "/api/v1/receipts/{id}"),
            By::Person,
            ("getReceipt", "A file that proves what became of one call, which `gate audit verify-receipt` verifies."),
            get(auditors::receipt),
        )
        .gives_text("text/plain")
        .or_else(HERE),
    ]
}
