//! Searches the records, newest first, with a limit on the work for one page.

mod record_text;

use std::sync::Arc;
use std::time::Duration;

use gate_runtime::Timestamp;
use gate_runtime::records::Record;
use gate_runtime::run::RunInfo;
use gate_runtime::store::StoreError;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tokio::time::Instant;

use self::record_text::{kind, people, texts, tool};
use crate::forms::form_data::FormData;
use crate::render::text_search::TextSearch;
use crate::render::untrusted_text::bare;
use crate::state::AppState;

/// The number of records on one page.
pub(crate) const EACH: usize = 50;

/// The number of records that are read for one page, and the time that this may take. At either
/// limit, the page shows how far it read, and a link continues from there.
const MOST: usize = 5_000;
const PATIENCE: Duration = Duration::from_secs(5);

/// The number of records that are read at once.
const BLOCK: u64 = 250;

/// The clock difference between writing processes that a search by days allows for.
const SKEW: Duration = Duration::from_hours(1);

/// The kinds of events: the value of the form field, and its label.
pub(crate) const KINDS: [(&str, &str); 16] = [
    ("asked", "people were asked"),
    ("let_through", "a rule let it through"),
    ("denied", "a rule denied it"),
    ("approved", "approved"),
    ("edited", "changed and approved"),
    ("rejected", "rejected"),
    ("answered", "replied instead of running it"),
    ("covered", "covered by a standing permission"),
    ("expired", "nobody decided in time"),
    ("taken_back", "cancelled, revoked or withdrawn"),
    ("ran", "ran"),
    ("failed", "failed, or outcome unknown"),
    ("refused", "refused before any rule saw it"),
    ("standing", "standing permissions and freezes"),
    ("action", "other actions of agents"),
    ("other", "anything else"),
];

/// The properties of the records to find. An empty text matches any record. Names are compared as
/// they are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HistorySearch {
    pub(crate) tool: String,
    pub(crate) agent: String,
    pub(crate) person: String,
    pub(crate) case: String,
    pub(crate) what: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) text: String,
    first: Option<Timestamp>,
    end: Option<Timestamp>,
    /// The name of an invalid field, and its problem.
    pub(crate) problem: Option<(&'static str, &'static str)>,
}

/// The position at which a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SearchCursor {
    Newest,
    /// Older than this record.
    Before(u64),
    /// Newer than this record.
    After(u64),
}

/// A page of the found records, newest first.
#[derive(Debug, Default)]
pub(crate) struct SearchPage {
    pub(crate) records: Vec<Arc<Record>>,
    pub(crate) records_read: usize,
    /// The cursor of the next older page; `None` at the end.
    pub(crate) older: Option<u64>,
    /// The cursor of the next newer page; `None` if this is the newest page.
    pub(crate) newer: Option<u64>,
}

impl HistorySearch {
    pub(crate) fn read(query: &FormData) -> Self {
        let [tool, agent, person, case, what, from, to, text] =
            ["tool", "agent", "person", "case", "what", "from", "to", "text"]
                .map(|name| query.filter(name));
        let mut search =
            Self { tool, agent, person, case, what, from, to, text, ..Self::default() };
        let midnight =
            |day: Date| day.to_zoned_datetime(TimeZone::UTC).map(|start| start.timestamp());
        let mut day = |name: &'static str, typed: &str, more: i64| {
            let parsed = typed
                .parse::<Date>()
                .and_then(|day| midnight(day.checked_add(jiff::Span::new().days(more))?));
            if parsed.is_err() && !typed.is_empty() {
                search.problem = Some((name, "type a day, like 2026-12-24"));
            }
            parsed.ok()
        };
        let (from, to) = (search.from.clone(), search.to.clone());
        let (first, end) = (day("from", &from, 0), day("to", &to, 1));
        (search.first, search.end) = (first, end);
        if !search.what.is_empty() && !KINDS.iter().any(|(kind, _)| *kind == search.what) {
            search.problem = Some(("what", "choose one of these"));
        }
        search
    }

    /// Returns its fields as pairs of a query string, without the empty ones.
    pub(crate) fn pairs(&self) -> Vec<(&'static str, &str)> {
        let Self { tool, agent, person, case, what, from, to, text, .. } = self;
        let all = [
            ("tool", tool),
            ("agent", agent),
            ("person", person),
            ("case", case),
            ("what", what),
            ("from", from),
            ("to", to),
            ("text", text),
        ];
        all.into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name, value.as_str()))
            .collect()
    }

    fn admits(&self, record: &Record) -> bool {
        let info = record.info();
        let is = |wanted: &str, found: Option<&str>| {
            wanted.is_empty() || found.is_some_and(|found| wanted == bare(found))
        };
        self.first.is_none_or(|first| record.at() >= first)
            && self.end.is_none_or(|end| record.at() < end)
            && (self.what.is_empty() || self.what == kind(record))
            && is(&self.tool, tool(record))
            && is(&self.agent, info.map(|info| info.agent().as_str()))
            && is(&self.case, info.and_then(RunInfo::case).map(AsRef::as_ref))
            && (self.person.is_empty() || people(record).iter().any(|who| self.person == bare(who)))
            && (self.text.is_empty() || self.is_in(record))
    }

    /// Returns whether the text occurs in the texts of a record, ignoring case.
    fn is_in(&self, record: &Record) -> bool {
        let text = TextSearch::new(&self.text);
        let has = |found: &str| text.matches(found);
        let info = record.info();
        let names = [
            tool(record),
            info.map(|info| info.agent().as_str()),
            info.map(|info| info.run().as_str()),
            info.and_then(RunInfo::case).map(AsRef::as_ref),
            record.subject().and_then(gate_runtime::run::CallSubject::reasoning),
        ];
        names.into_iter().flatten().any(has)
            || people(record).iter().any(|who| has(who))
            || texts(record).iter().any(|recorded_text| has(recorded_text))
    }

    /// Finds one page of matching records.
    pub(crate) async fn run(
        &self,
        app: &AppState,
        from: SearchCursor,
    ) -> Result<SearchPage, StoreError> {
        let newest = app.projector.newest(&app.gate).await?;
        let started = Instant::now();
        match from {
            SearchCursor::After(seq) => self.forward(app, seq, newest, started).await,
            SearchCursor::Before(seq) => {
                let found = self.backward(app, seq.saturating_sub(1).min(newest), started).await?;
                let newer = Some(
                    found.records.first().map_or(seq.saturating_sub(1), |record| record.seq()),
                );
                Ok(SearchPage { newer: newer.filter(|newer| *newer < newest), ..found })
            }
            SearchCursor::Newest => {
                let start = match self.end.and_then(|end| end.checked_add(SKEW).ok()) {
                    Some(end) => last_before(app, end, newest).await?,
                    None => newest,
                };
                self.backward(app, start, started).await
            }
        }
    }

    async fn backward(
        &self,
        app: &AppState,
        start: u64,
        started: Instant,
    ) -> Result<SearchPage, StoreError> {
        let (mut found, mut high) = (SearchPage::default(), start);
        while high > 0 {
            let low = high.saturating_sub(BLOCK);
            let block =
                app.gate.records(low, usize::try_from(high - low).unwrap_or(usize::MAX)).await?;
            for record in block.iter().rev().filter(|record| record.seq() <= high) {
                if found.records.len() == EACH || self.is_past(record) {
                    found.older =
                        (found.records.len() == EACH).then(|| record.seq().saturating_add(1));
                    return Ok(found);
                }
                found.records_read += 1;
                if self.admits(record) {
                    found.records.push(Arc::clone(record));
                }
            }
            high = low;
            if found.records_read >= MOST || started.elapsed() >= PATIENCE {
                found.older = (high > 0).then(|| high.saturating_add(1));
                return Ok(found);
            }
        }
        Ok(found)
    }

    /// Returns whether a record and all records before it are too old.
    fn is_past(&self, record: &Record) -> bool {
        self.first
            .and_then(|first| first.checked_sub(SKEW).ok())
            .is_some_and(|first| record.at() < first)
    }

    async fn forward(
        &self,
        app: &AppState,
        start: u64,
        newest: u64,
        started: Instant,
    ) -> Result<SearchPage, StoreError> {
        let (mut found, mut at) = (SearchPage::default(), start);
        'all: while at < newest {
            let block = app.gate.records(at, usize::try_from(BLOCK).unwrap_or(usize::MAX)).await?;
            if block.is_empty() {
                break;
            }
            for record in block {
                if found.records.len() == EACH {
                    break 'all;
                }
                (found.records_read, at) = (found.records_read + 1, record.seq());
                if self.admits(&record) {
                    found.records.push(record);
                }
            }
            if found.records_read >= MOST || started.elapsed() >= PATIENCE {
                break;
            }
        }
        found.newer = (at < newest).then_some(at);
        found.older =
            Some(found.records.first().map_or(start.saturating_add(1), |record| record.seq()))
                .filter(|seq| *seq > 1);
        found.records.reverse();
        Ok(found)
    }
}

/// Returns the number of the last record before a time, assuming that times grow with numbers.
async fn last_before(app: &AppState, end: Timestamp, newest: u64) -> Result<u64, StoreError> {
    let (mut low, mut high) = (0, newest);
    while low < high {
        let middle = low + (high - low) / 2;
        match app.gate.records(middle, 1).await?.first() {
            Some(record) if record.at() < end => low = record.seq(),
            _ => high = middle,
        }
    }
    Ok(low)
}
