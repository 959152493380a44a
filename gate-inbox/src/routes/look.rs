//! Looking back: what happened, what the rules did, how much is asked.

use std::sync::Arc;

use axum::extract::{RawQuery, State};

use crate::fields::Fields;
use crate::office::Office;
use crate::pages::{self, Overview, Rules, Span};
use crate::search::{From, Search, SearchPage};
use crate::security_log;
use crate::stop::Answer;
use crate::visitor::Visitor;

fn fields(query: Option<String>) -> Fields {
    Fields::parse(query.unwrap_or_default().as_bytes())
}

pub(super) async fn history(
    State(office): State<Arc<Office>>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Answer {
    let query = fields(query);
    let search = Search::read(&query);
    security_log::records_read(visitor.who(), "the page of what happened");
    let number = |name: &str| query.get(name).parse::<u64>().ok();
    let from = match (number("before"), number("after")) {
        (Some(seq), None) => From::Before(seq),
        (None, Some(seq)) => From::After(seq),
        _ => From::Newest,
    };
    let found = if search.problem.is_some() {
        SearchPage::default()
    } else {
        search.run(&office, from).await?
    };
    Ok(pages::history(&visitor, &search, &found, office.gate.trail().as_ref(), office.clock.now()))
}

pub(super) async fn rules(
    State(office): State<Arc<Office>>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Answer {
    let (span, now) = (Span::read(&fields(query).get("time")), office.clock.now());
    let told = office.chronicle.ask(&*office.gate, |known| Rules::of(known, span, now)).await?;
    Ok(pages::rules(&visitor, &told, now))
}

pub(super) async fn overview(
    State(office): State<Arc<Office>>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Answer {
    let (span, now) = (Span::read(&fields(query).get("time")), office.clock.now());
    let told = office
        .chronicle
        .ask(&*office.gate, |known| Overview::of(&known.statistics, span, now))
        .await?;
    let waiting = office.board.pending(&*office.gate, false).await?.len();
    Ok(pages::overview(&visitor, &told, waiting))
}
