//! Routes of the history, of the policies with their rules, and of the statistics.

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
    State(app): State<Arc<AppState>>,
    user: CurrentUser,
    RawQuery(query): RawQuery,
) -> PageResult {
    let query = fields(query);
    let search = HistorySearch::read(&query);
    security_log::records_read(user.who(), "the page of what happened");
    let number = |name: &str| query.get(name).parse::<u64>().ok();
    let from = match (number("before"), number("after")) {
        (Some(seq), None) => SearchCursor::Before(seq),
        (None, Some(seq)) => SearchCursor::After(seq),
        _ => SearchCursor::Newest,
    };
    let found = if search.problem.is_some() {
        SearchPage::default()
    } else {
        search.run(&app, from).await?
    };
    Ok(pages::history(&user, &search, &found, app.gate.trail().as_ref(), app.clock.now()))
}

pub(super) async fn rules(
    State(app): State<Arc<AppState>>,
    user: CurrentUser,
    RawQuery(query): RawQuery,
) -> PageResult {
    let (span, now) = (TimeSpan::read(&fields(query).get("time")), app.clock.now());
    let answer =
        app.projector.ask(&app.gate, |projections| RulesView::of(projections, span, now)).await?;
    Ok(pages::rules(&user, &answer, now))
}

pub(super) async fn overview(
    State(app): State<Arc<AppState>>,
    user: CurrentUser,
    RawQuery(query): RawQuery,
) -> PageResult {
    let (span, now) = (TimeSpan::read(&fields(query).get("time")), app.clock.now());
    let answer = app
        .projector
        .ask(&app.gate, |projections| Overview::of(&projections.statistics, span, now))
        .await?;
    let waiting = app.pending.pending(&app.gate, false).await?.len();
    Ok(pages::overview(&user, &answer, waiting))
}
