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
    /// Reads a case from its beginning, and keeps the end of it: whoever asks says what belongs to
    /// one, and it may be much.
    pub(crate) async fn read(gate: &AnyGate, case: &CaseId) -> Result<Self, StoreError> {
        let (mut story, mut after) = (Self::default(), 0);
        loop {
            let part = gate.case_after(case.clone(), after, PART).await?;
            let is_last = part.len() < PART;
            story.count += part.len();
            after = part.last().map_or(after, |record| record.seq());
            story.newest.extend(part);
            story.newest.drain(..story.newest.len().saturating_sub(MOST));
            if is_last {
                return Ok(story);
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
    visitor: &CurrentUser,
    case: &CaseId,
    story: &CaseHistory,
    now: Timestamp,
) -> Response {
    let title = format!("Case {}", case.as_str());
    let main = html! {
        p.back { a href="/" data-up { "Pending" } }
        div #list data-live {
            h1 { "Case " (plain(case)) }
            @if story.count > story.newest.len() {
                p.faint {
                    "The newest " (story.newest.len()) " of " (story.count) " entries. "
                    code { "gate case" } " lists all of them."
                }
            }
            ol.timeline {
                @for record in &story.newest {
                    @let told = timeline::tell(record);
                    li.(told.look()) {
                        p {
                            strong { (told.what()) }
                            @if let Some(subject) = record.subject() {
                                " "
                                a href=(format!("/approvals/{}", subject.approval())) {
                                    (plain(subject.tool()))
                                }
                            }
                            " " span.faint { (ago(record.at(), now)) }
                        }
                        (told.more())
                        @if let Some(info) = record.info() {
                            p.faint { "Agent " (plain(info.agent())) " · run " (plain(info.run())) }
                        }
                    }
                }
            }
        }
        (keys())
    };
    page(StatusCode::OK, &title, Some(visitor), Some(Tab::History), &main)
}
