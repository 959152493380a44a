//! Everything that happened in a case.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use gate_runtime::id::CaseId;
use gate_runtime::records::Record;
use gate_runtime::store::StoreError;
use gate_runtime::{AnyGate, Timestamp};
use maud::html;

use super::frame::{Tab, page};
use super::pending::keys;
use super::timeline;
use crate::auth::current_user::CurrentUser;
use crate::render::untrusted_text::{ago, plain};

/// The most records that are shown: the newest.
const MOST: usize = 500;

/// The number of records that are read at once.
const PART: usize = 500;

/// The newest records of a case.
#[derive(Debug, Default)]
pub(crate) struct CaseHistory {
    newest: VecDeque<Arc<Record>>,
    /// The number of records in all.
    pub(crate) count: usize,
}

impl CaseHistory {
    /// Reads a case from its beginning, and keeps only its newest records: agents choose the case
    /// of a call, so a case may be long.
    pub(crate) async fn read(gate: &AnyGate, case: &CaseId) -> Result<Self, StoreError> {
        let (mut history, mut after) = (Self::default(), 0);
        loop {
            let records = gate.case_after(case.clone(), after, PART).await?;
            let is_last = records.len() < PART;
            history.count += records.len();
            after = records.last().map_or(after, |record| record.seq());
            history.newest.extend(records);
            history.newest.drain(..history.newest.len().saturating_sub(MOST));
            if is_last {
                return Ok(history);
            }
        }
    }
}

/// Returns the address of a case's page.
pub(super) fn link(case: &CaseId) -> String {
    let id: String = form_urlencoded::byte_serialize(case.as_str().as_bytes()).collect();
    format!("/case?id={id}")
}

/// Everything that happened in a case, oldest first.
pub(crate) fn case(
    user: &CurrentUser,
    case: &CaseId,
    history: &CaseHistory,
    now: Timestamp,
) -> Response {
    let title = format!("Case {}", case.as_str());
    let main = html! {
        p.back { a href="/" data-up { "Pending" } }
        div #list data-live {
            h1 { "Case " (plain(case)) }
            @if history.count > history.newest.len() {
                p.faint {
                    "The newest " (history.newest.len()) " of " (history.count) " entries. "
                    code { "gate case" } " lists all of them."
                }
            }
            ol.timeline {
                @for record in &history.newest {
                    @let entry = timeline::describe(record);
                    li.(entry.css_class()) {
                        p {
                            (entry.title(record))
                            " " span.faint { (ago(record.at(), now)) }
                        }
                        (entry.more())
                        @if let Some(info) = record.info() {
                            p.faint { "Agent " (plain(info.agent())) " · run " (plain(info.run())) }
                        }
                    }
                }
            }
        }
        (keys())
    };
    page(StatusCode::OK, &title, Some(user), Some(Tab::History), &main)
}
