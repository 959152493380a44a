//! The history, the policies with their rules, and the statistics.

use std::sync::Arc;

use axum::extract::{RawQuery, State};

use crate::auth::current_user::CurrentUser;
use crate::forms::form_data::FormData;
use crate::pages::{self, Overview, RulesView, TimeSpan};
use crate::projections::search::{HistorySearch, SearchCursor, SearchPage};
use crate::security_log;
use crate::state::AppState;
use crate::web::page_error::PageResult;

fn fields(query: Option<String>) -> FormData {
    FormData::parse(query.unwrap_or_default().as_bytes())
}

pub(super) async fn history(
    State(office): State<Arc<AppState>>,
    visitor: CurrentUser,
    RawQuery(query): RawQuery,
) -> PageResult {
    let query = fields(query);
    let search = HistorySearch::read(&query);
    security_log::records_read(visitor.who(), "the page of what happened");
    let number = |name: &str| query.get(name).parse::<u64>().ok();
    let from = match (number("before"), number("after")) {
        (Some(seq), None) => SearchCursor::Before(seq),
        (None, Some(seq)) => SearchCursor::After(seq),
        _ => SearchCursor::Newest,
    };
    let found = if search.problem.is_some() {
        SearchPage::default()
    } else {
        search.run(&office, from).await?
    };
    Ok(pages::history(&visitor, &search, &found, office.gate.trail().as_ref(), office.clock.now()))
}

pub(super) async fn rules(
    State(office): State<Arc<AppState>>,
    visitor: CurrentUser,
    RawQuery(query): RawQuery,
) -> PageResult {
    let (span, now) = (TimeSpan::read(&fields(query).get("time")), office.clock.now());
    let told = office.chronicle.ask(&office.gate, |known| RulesView::of(known, span, now)).await?;
    Ok(pages::rules(&visitor, &told, now))
}

pub(super) async fn overview(
    State(office): State<Arc<AppState>>,
    visitor: CurrentUser,
    RawQuery(query): RawQuery,
) -> PageResult {
    let (span, now) = (TimeSpan::read(&fields(query).get("time")), office.clock.now());
    let told = office
        .chronicle
        .ask(&office.gate, |known| Overview::of(&known.statistics, span, now))
        .await?;
    let waiting = office.board.pending(&office.gate, false).await?.len();
    Ok(pages::overview(&visitor, &told, waiting))
}
