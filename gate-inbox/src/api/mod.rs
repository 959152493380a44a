//! The API for programs that ask, and for programs of people who decide: JSON over HTTP, under
//! `/api/v1`.
//!
//! Agents and people have two kinds of tokens, and neither can act as the other.

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
use axum::routing::get;
use serde_json::Value;

use self::body::JsonBody;
pub(crate) use self::document::Call;
use self::operation::Operation;
use self::problem::NOT_SO;
pub(crate) use self::problem::{ApiProblem, NOT_HERE, UNAVAILABLE};
use crate::state::AppState;

/// The path prefix of all operations, and of nothing else.
pub(crate) const PLACE: &str = "/api/";

/// Returns the routes of every operation, of the document that describes them, and of problems for
/// all other paths under `/api`.
pub(crate) fn routes() -> Router<Arc<AppState>> {
    let document = Arc::new(operation::document(&operations()));
    let describe = get(move || {
        let document = Arc::clone(&document);
        async move { JsonBody(Value::clone(&document)) }
    });
    operation::serve(operations()).route("/api/openapi.json", describe).route(
        "/api/{*rest}",
        get(route_not_found)
            .post(route_not_found)
            .put(route_not_found)
            .delete(route_not_found)
            .patch(route_not_found),
    )
}

async fn route_not_found() -> ApiProblem {
    ApiProblem::not_found()
}

/// Returns the problem for a method that a path of the API does not support.
pub(crate) fn method_not_allowed() -> ApiProblem {
    ApiProblem::new(NOT_SO, "This path does not take this method: see /api/openapi.json.")
}

fn operations() -> Vec<Operation> {
    let mut all = agents::operations();
    all.extend(reviewers::operations());
    all.extend(auditors::operations());
    all
}
