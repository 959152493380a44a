//! The page of the records, newest first.

use axum::http::StatusCode;
use axum::response::Response;
use gate_runtime::Timestamp;
use gate_runtime::records::{GateEvent, Record, RecordEvent};
use gate_runtime::trail::TrailStatus;
use maud::{Markup, html};

use super::answers::field_error;
use super::frame::{Tab, page};
use super::pending::keys;
use super::query::{address, filters, typed};
use super::timeline;
use crate::auth::current_user::CurrentUser;
use crate::projections::search::{HistorySearch, KINDS, SearchPage};
use crate::render::untrusted_text::{ago, bare, block, plain, plural};
use gate_runtime::english::grouped;

/// Renders the page of the records that were found, with the state of the trail.
pub(crate) fn history(
    user: &CurrentUser,
    search: &HistorySearch,
    found: &SearchPage,
    trail: Option<&TrailStatus>,
    now: Timestamp,
) -> Response {
    let pairs = search.pairs();
    let main = html! {
        h1 { "History" }
        (seal(trail, now))
        (form(search))
        div #list {
            @if search.problem.is_none() {
                p.faint role="status" { (search_summary(search, found)) }
            }
            @if found.records.is_empty() && search.problem.is_none() {
                div.empty { p { @if pairs.is_empty() { "No records \
                    yet." } @else { "No entries here match." } } }
            }
            ol.timeline { @for record in &found.records { (entry(record, now)) } }
            @if found.newer.is_some() || found.older.is_some() {
                nav.steps aria-label="Pages" {
                    @if let Some(seq) = found.newer {
                        a href=(address("/history", &pairs, &[])) { "Newest" }
                        a rel="prev"
                            href=(address("/history", &pairs, &[("after", &seq.to_string())]))
                        {
                            "Newer"
                        }
                    }
                    @if let Some(seq) = found.older {
                        a rel="next"
                            href=(address("/history", &pairs, &[("before", &seq.to_string())]))
                        {
                            "Older"
                        }
                    }
                }
            }
        }
        (keys())
    };
    let status =
        if search.problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    page(status, "History", Some(user), Some(Tab::History), &main)
}

fn search_summary(search: &HistorySearch, found: &SearchPage) -> String {
    let (count, records_read) = (found.records.len(), grouped(found.records_read as u64));
    let more = if found.older.is_some() { ". For more, see “Older”" } else { "" };
    if search.pairs().is_empty() {
        format!("{}{more}", plural(count, "entry"))
    } else {
        format!("{count} of {records_read} searched entries match{more}")
    }
}

/// Describes the state of the trail.
fn seal(trail: Option<&TrailStatus>, now: Timestamp) -> Markup {
    let Some(trail) = trail else {
        return html! {
            p.state {
                strong { "This inbox has no sealed trail." }
                " Its gate writes no trail, so nothing here proves that the record is whole. "
                "If another process writes one, check it with " code { "gate audit verify" } "."
            }
        };
    };
    html! {
        div.state {
            p {
                strong { "Sealed up to record " (grouped(trail.sealed())) }
                @if let Some(at) = trail.sealed_at() { " " (ago(at, now)) }
                ": a checkpoint covers " (grouped(trail.size())) " entries."
            }
            p {
                @if trail.unsealed() == 0 { "No records wait to be sealed." }
                @else { "Newer records that wait to be sealed: " (grouped(trail.unsealed())) "." }
                @if trail.cosignatures() > 0 { " Witnesses that cosigned \
                    it: " (trail.cosignatures()) "." }
                @if !trail.is_writing() { " Another process writes it." }
            }
            @if let Some(trouble) = trail.last_error() {
                div.warning { p { "The trail cannot be written. Until it can, no \
                    tool starts:" } (block(trouble)) }
            }
            @if let Some(trouble) = trail.witness_error() {
                div.warning { p { "A witness did not cosign it. This stops \
                    nothing:" } (block(trouble)) }
            }
        }
    }
}

fn form(search: &HistorySearch) -> Markup {
    let problem =
        |name: &str| search.problem.filter(|(field, _)| *field == name).map(|(_, message)| message);
    let fields = html! {
        (typed("text", "Contains text", "search", &search.text))
        div {
            label for="filter-what" { "What happened" }
            select #filter-what name="what" aria-invalid[problem("what").is_some()] {
                option value="" { "anything" }
                @for (kind, kind_label) in KINDS {
                    option value=(kind) selected[search.what == kind] { (kind_label) }
                }
            }
            (field_error(problem("what")))
        }
        (typed("tool", "Tool", "text", &search.tool))
        (typed("agent", "Agent", "text", &search.agent))
        (typed("person", "By or on behalf of", "text", &search.person))
        (typed("case", "Case", "text", &search.case))
        div { (typed("from", "From (UTC)", "date", &search.from)) (field_error(problem("from"))) }
        div {
            (typed("to", "To, inclusive (UTC)", "date", &search.to)) (field_error(problem("to")))
        }
    };
    filters("/history", !search.pairs().is_empty(), &fields)
}

fn entry(record: &Record, now: Timestamp) -> Markup {
    let timeline_entry = timeline::describe(record);
    html! {
        li.(timeline_entry.css_class()) {
            p {
                (timeline_entry.title(record))
                " "
                span.faint {
                    (ago(record.at(), now)) " · "
                    span.exact { (bare(format!("{:.0}", record.at()))) } " · record " (record.seq())
                }
            }
            (timeline_entry.more())
            @if let Some(info) = record.info() {
                p.faint {
                    "Agent " (plain(info.agent()))
                    @if let Some(principal) = info.principal() { " for " (plain(principal)) }
                    " · run " (plain(info.run()))
                    @if let Some(case) = info.case() {
                        " · case " a href=(super::case::link(case)) { (plain(case)) }
                    }
                }
            }
            @if matches!(
                record.event(),
                RecordEvent::Gate(GateEvent::GrantGiven { .. } | GateEvent::Frozen { .. })
            ) {
                p.faint { a href="/standing" { "See what is active now" } }
            }
        }
    }
}
