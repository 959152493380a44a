//! The page of statistics: numbers of questions, times to decision, and decisions.

use axum::http::StatusCode;
use axum::response::Response;
use gate_runtime::Timestamp;
use maud::{Markup, html};

use super::frame::{Tab, page};
use super::pending::keys;
use super::span::TimeSpan;
use crate::auth::current_user::CurrentUser;
use crate::projections::projector::ProjectionAnswer;
use crate::projections::statistics::{ApprovalOutcome, CountSummary, Statistics, hour_of};
use crate::render::chart::{ChartUnit, PlotChart, Series};
use gate_runtime::english::grouped;

/// The most rules, and the most people, that are drawn: those with the most questions or votes.
const MOST: usize = 10;

/// The ways in which questions end, in the order in which they are drawn.
pub(super) const BECAME: [(ApprovalOutcome, usize, &str); 7] = [
    (ApprovalOutcome::Approved, 0, "approved"),
    (ApprovalOutcome::Edited, 1, "edited"),
    (ApprovalOutcome::Rejected, 2, "rejected"),
    (ApprovalOutcome::Answered, 3, "answered by a person"),
    (ApprovalOutcome::Covered, 4, "by standing permission"),
    (ApprovalOutcome::Expired, 5, "expired"),
    (ApprovalOutcome::Dropped, 6, "cancelled or denied"),
];

/// The plot styles of calls by the verdict of the rules: allowed, asked, or denied.
pub(super) const LET_THROUGH: usize = 8;
pub(super) const OPEN: usize = 7;
pub(super) const DENIED: usize = 9;
const REFUSED: usize = 10;

/// The counts of a time range.
#[derive(Debug)]
pub(crate) struct Overview {
    span: TimeSpan,
    all: CountSummary,
    /// The first hour of each column, and the counts of the column.
    columns: Vec<(i64, CountSummary)>,
}

impl Overview {
    pub(crate) fn of(statistics: &Statistics, span: TimeSpan, now: Timestamp) -> Self {
        let count = span.hours() / span.column();
        let column = |back: i64| {
            let last = hour_of(now).saturating_sub(back.saturating_mul(span.column()));
            let at = Timestamp::from_second(last.saturating_mul(3_600)).unwrap_or(now);
            (last.saturating_sub(span.column() - 1), statistics.of(at, span.column()))
        };
        Self {
            span,
            all: statistics.of(now, span.hours()),
            columns: (0..count).rev().map(column).collect(),
        }
    }
}

/// Converts a count into a number for a plot.
#[expect(
    clippy::cast_precision_loss,
    reason = "a picture of a number has no use for its last digits"
)]
pub(super) fn number(count: u64) -> f64 {
    count as f64
}

/// Renders the numbers and plots.
pub(crate) fn overview(
    user: &CurrentUser,
    answer: &ProjectionAnswer<Overview>,
    waiting: usize,
) -> Response {
    let Overview { span, all, .. } = &answer.found;
    let counts = &all.counts;
    let decided: u64 = counts
        .became
        .iter()
        .filter(|(became, _)| became.is_decided())
        .map(|(_, count)| count)
        .sum();
    let time = |percent| {
        counts
            .waits
            .percentile(percent)
            .map_or_else(|| "–".to_owned(), |time| ChartUnit::Time.format(time.as_secs_f64()))
    };
    let main = html! {
        h1 { "Overview" }
        (span.choice("/overview"))
        (behind(answer.is_behind))
        dl.figures {
            div { dt { "Waiting now" } dd { a href="/" { (waiting) } } }
            div { dt { "People were asked" } dd { (grouped(counts.asked)) } }
            div { dt { "People decided" } dd { (grouped(decided)) } }
            div { dt { "Rules let through" } dd { (grouped(counts.let_through)) } }
            div { dt { "Rules denied" } dd { (grouped(counts.denied)) } }
            div { dt { "Median time to decision" } dd { (time(50)) } }
            div { dt { "90% decided within" } dd { (time(90)) } }
        }
        div.plots {
            (volume(&answer.found))
            (waits(&answer.found))
            (by_rule(all))
            (by_person(all))
        }
        p.faint { "Times are in UTC. An outcome counts in the period in which the question was \
            asked; a vote counts in the period in which it was cast. Waiting times are \
            accurate to within 10%." }
        (keys())
    };
    page(StatusCode::OK, "Overview", Some(user), Some(Tab::Overview), &main)
}

/// Renders a warning if some records are not read yet.
pub(super) fn behind(is_behind: bool) -> Markup {
    html! { @if is_behind { p.warning role="status" { "The record is still being read, so \
    these numbers are too low. Reload the page in a while." } } }
}

fn volume(of: &Overview) -> Markup {
    let series = |style_index, name, count: fn(&CountSummary) -> u64| {
        let numbers = of.columns.iter().map(|(_, summary)| Some(number(count(summary)))).collect();
        Series { style_index, name, numbers }
    };
    let plot = PlotChart {
        id: "volume".into(),
        title: "Calls by verdict".into(),
        along: "Start of the period, UTC",
        labels: labels(of),
        measure: ChartUnit::Count,
        series: vec![
            series(LET_THROUGH, "let through", |summary| summary.counts.let_through),
            series(OPEN, "people asked", |summary| summary.counts.asked),
            series(DENIED, "denied", |summary| summary.counts.denied),
            series(REFUSED, "refused before any rule", |summary| summary.counts.refused),
        ],
    };
    if plot.series.iter().any(Series::is_there) { plot.columns() } else { nothing(&plot.title) }
}

fn waits(of: &Overview) -> Markup {
    let series = |style_index, name, percent| {
        let time = |(_, summary): &(i64, CountSummary)| {
            summary.counts.waits.percentile(percent).map(|time| time.as_secs_f64())
        };
        Series { style_index, name, numbers: of.columns.iter().map(time).collect() }
    };
    let plot = PlotChart {
        id: "waits".into(),
        title: "Time to decision".into(),
        along: "When people were asked, UTC",
        labels: labels(of),
        measure: ChartUnit::Time,
        series: vec![series(0, "median", 50), series(1, "90% within", 90)],
    };
    if plot.series.iter().any(Series::is_there) { plot.lines() } else { nothing(&plot.title) }
}

fn labels(of: &Overview) -> Vec<String> {
    of.columns.iter().map(|(hour, _)| of.span.label(*hour)).collect()
}

fn by_rule(all: &CountSummary) -> Markup {
    let mut rules: Vec<_> = all.rules.iter().filter(|(_, of)| !of.became.is_empty()).collect();
    rules.sort_by_key(|(_, of)| std::cmp::Reverse(of.became.values().sum::<u64>()));
    rules.truncate(MOST);
    let name = |rule: &Option<crate::projections::statistics::RuleKey>| match rule {
        Some(rule) => format!("{} · {}", rule.name, rule.source),
        None => "all other rules".to_owned(),
    };
    let series = |(became, style_index, name): (ApprovalOutcome, usize, &'static str)| {
        let numbers = rules
            .iter()
            .map(|(_, of)| Some(number(of.became.get(&became).copied().unwrap_or_default())))
            .collect();
        Series { style_index, name, numbers }
    };
    let plot = PlotChart {
        id: "rules".into(),
        title: "Outcomes, by the rule that asked".into(),
        along: "Rule",
        labels: rules.iter().map(|(rule, _)| name(rule)).collect(),
        measure: ChartUnit::Count,
        series: BECAME.into_iter().map(series).filter(Series::is_there).collect(),
    };
    if rules.is_empty() { nothing(&plot.title) } else { plot.rows() }
}

fn by_person(all: &CountSummary) -> Markup {
    let mut people: Vec<_> = all.people.iter().collect();
    people.sort_by_key(|(_, of)| std::cmp::Reverse(of.values().sum::<u64>()));
    people.truncate(MOST);
    let series = |(became, style_index, name): (ApprovalOutcome, usize, &'static str)| {
        let numbers = people
            .iter()
            .map(|(_, of)| Some(number(of.get(&became).copied().unwrap_or_default())))
            .collect();
        Series { style_index, name, numbers }
    };
    let name = |who: &Option<gate_runtime::id::ReviewerId>| {
        who.as_ref().map_or_else(|| "all others".to_owned(), ToString::to_string)
    };
    let plot = PlotChart {
        id: "people".into(),
        title: "Votes by person".into(),
        along: "Person",
        labels: people.iter().map(|(who, _)| name(who)).collect(),
        measure: ChartUnit::Count,
        series: BECAME
            .into_iter()
            .filter(|(became, ..)| became.is_decided())
            .map(series)
            .filter(Series::is_there)
            .collect(),
    };
    if people.is_empty() { nothing(&plot.title) } else { plot.rows() }
}

fn nothing(title: &str) -> Markup {
    html! { figure.plot { figcaption { (title) } p.faint { "Nothing in this period." } } }
}
