//! Everything that happened in a case.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use gate_runtime::{CaseId, Record, Timestamp};
use maud::html;

use super::frame::{Tab, page};
use super::pending::keys;
use super::timeline;
use crate::text::{ago, plain};
use crate::visitor::Visitor;

/// How many records are shown: the newest.
const MOST: usize = 500;

/// The address of a case's page.
pub(super) fn link(case: &CaseId) -> String {
    let id: String = form_urlencoded::byte_serialize(case.as_str().as_bytes()).collect();
    format!("/case?id={id}")
}

/// Everything that happened in a case, oldest first.
pub(crate) fn case(visitor: &Visitor, case: &CaseId, records: &[Arc<Record>], now: Timestamp) -> Response {
    let left_out = records.len().saturating_sub(MOST);
    let title = format!("Case {}", case.as_str());
    let main = html! {
        p.back { a href="/" data-up { "Pending" } }
        div #list data-live {
            h1 { "Case " (plain(case)) }
            @if left_out > 0 { p.faint { "The newest " (MOST) " of " (records.len()) " entries. " code { "gate case" } " has all of them." } }
            ol.timeline {
                @for record in records.iter().skip(left_out) {
                    @let told = timeline::tell(record);
                    li.(told.look()) {
                        p {
                            strong { (told.what()) }
                            @if let Some(subject) = record.subject() {
                                " " a href=(format!("/approvals/{}", subject.approval())) { (plain(subject.tool())) }
                            }
                            " " span.faint { (ago(record.at(), now)) }
                        }
                        (told.more())
                        @if let Some(info) = record.info() { p.faint { "Agent " (plain(info.agent())) " · run " (plain(info.run())) } }
                    }
                }
            }
        }
        (keys())
    };
    page(StatusCode::OK, &title, Some(visitor), Some(Tab::History), &main)
}
