//! The operations of auditors: reading records, checkpoints and receipts.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use gate_runtime::records::Record;
use gate_runtime::trail::TrailReader;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::task::spawn_blocking;

use super::agents::id_of;
use super::bearer::BearerPerson;
use super::body::{JsonBody, QueryParams};
use super::operation::{CallerKind, HERE, Operation};
use super::problem::{ApiProblem, MALFORMED, NOT_FOUND, UNAVAILABLE};
use crate::sealed::SealedTrail;
use crate::security_log;
use crate::state::AppState;

/// The most records in one response.
const MOST: usize = 1_000;

/// Returns the operations of auditors.
pub(super) fn operations() -> Vec<Operation> {
    let after = json!({"type": "integer", "minimum": 0, "default": 0});
    let limit = json!({"type": "integer", "minimum": 1, "maximum": MOST, "default": 100});
    vec![
        Operation::new(
            ("get", "/api/v1/records"),
            CallerKind::Person,
            ("listRecords", "Lists all records in order, as they are stored."),
            get(records),
        )
        .query("after", "The number of the last record of the page before.", after, false)
        .query("limit", "How many to return.", limit, false)
        .gives::<Records>(),
        Operation::new(
            ("get", "/api/v1/checkpoint"),
            CallerKind::Person,
            (
                "getCheckpoint",
                "Returns the last checkpoint of the trail: a signed note (C2SP \
                tlog-checkpoint).",
            ),
            get(checkpoint),
        )
        .gives_text("text/plain")
        .or_else(HERE),
        Operation::new(
            ("get", "/api/v1/receipts/{id}"),
            CallerKind::Person,
            (
                "getReceipt",
                "Returns a file that proves the outcome of one call. Verify it with \
                `gate audit verify-receipt`.",
            ),
            get(receipt),
        )
        .gives_text("text/plain")
        .or_else(HERE),
    ]
}

/// A page of records, in order.
#[derive(Serialize, JsonSchema)]
struct Records {
    /// The records as they are stored. `seq` is the number of a record, without gaps.
    #[schemars(with = "Vec<Map<String, Value>>")]
    records: Vec<Arc<Record>>,
    /// The value of `after` for the next page; absent if there are no further records yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

async fn records(
    State(app): State<Arc<AppState>>,
    by: BearerPerson,
    query: QueryParams,
) -> Result<JsonBody<Records>, ApiProblem> {
    let after = query.get::<u64>("after")?.unwrap_or(0);
    let limit = query.get::<usize>("limit")?.unwrap_or(100);
    if !(1..=MOST).contains(&limit) || i64::try_from(after).is_err() {
        return Err(ApiProblem::new(
            MALFORMED,
            format_args!("`limit` must be from 1 to {MOST}, and `after` the number of a record."),
        ));
    }
    security_log::records_read(by.0.id(), &format!("records after {after}, at most {limit}"));
    let records = app.gate.records(after, limit).await?;
    let next = (records.len() == limit).then(|| records.last().map(|last| last.seq())).flatten();
    Ok(JsonBody(Records { records, next }))
}

/// Returns the last checkpoint of the trail, as a signed note.
async fn checkpoint(
    State(app): State<Arc<AppState>>,
    by: BearerPerson,
) -> Result<Response, ApiProblem> {
    security_log::records_read(by.0.id(), "the last checkpoint");
    let note = read(&app, |reader| Ok(Some(reader.note().to_string()))).await?;
    text(note)
}

/// Returns the receipt of one call: a file that proves its sealed records.
async fn receipt(
    State(app): State<Arc<AppState>>,
    by: BearerPerson,
    Path(id): Path<String>,
) -> Result<Response, ApiProblem> {
    let id = id_of(&id)?;
    security_log::records_read(by.0.id(), &format!("the receipt of {id}"));
    let receipt =
        read(&app, move |reader| Ok(reader.receipt(id)?.map(|receipt| receipt.to_string())))
            .await?;
    text(receipt)
}

fn text(found: Option<String>) -> Result<Response, ApiProblem> {
    let found = found.ok_or_else(|| ApiProblem::new(NOT_FOUND, "It is not sealed yet."))?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))], found)
        .into_response())
}

/// Reads the trail, verified against its last checkpoint, on a blocking thread.
async fn read<T: Send + 'static>(
    app: &AppState,
    of: impl FnOnce(&TrailReader) -> Result<T, gate_runtime::trail::TrailError> + Send + 'static,
) -> Result<T, ApiProblem> {
    let missing = || ApiProblem::new(NOT_FOUND, "This inbox has no trail configured.");
    let trail: SealedTrail = app.trail.clone().ok_or_else(missing)?;
    let read = spawn_blocking(move || of(&trail.open()?)).await;
    let out_of_order = || {
        ApiProblem::new(UNAVAILABLE, "The trail cannot be read, or is not what its key has signed.")
    };
    read.map_err(|_| out_of_order())?.map_err(|_| out_of_order())
}
