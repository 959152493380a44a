//! `[pagerduty]`: a service of PagerDuty.

use super::context::ConfigContext;
use super::table::{ConfigMistakes, ConfigTable, TableKind};
use crate::notify::pagerduty::{PagerDuty, Severity};

pub(super) const PAGERDUTY: TableKind = TableKind {
    name: "pagerduty",
    this: "`[pagerduty]`",
    each: "`[pagerduty]`",
    fields: &["key", "key_env", "every_question", "severity", "api"],
};

/// Reads the service of a table.
pub(super) fn pagerduty(
    table: &ConfigTable<'_>,
    outside: ConfigContext<'_>,
    mistakes: &mut ConfigMistakes<'_>,
) -> Option<PagerDuty> {
    let key = outside.secret(table, ("key", "0123456789abcdef0123456789abcdef"), mistakes);
    let every_question = table.flag("every_question", mistakes);
    let severity = table.some_text("severity", mistakes);
    let api = table.address("api", "https://events.eu.pagerduty.com", mistakes);
    let known = [Severity::Critical, Severity::Error, Severity::Warning, Severity::Info];
    let found = severity
        .as_ref()
        .and_then(|value| known.into_iter().find(|known| known.word() == value.value));
    if let (Some(severity_text), None) = (&severity, found) {
        mistakes.add(
            severity_text.at,
            "`severity` is `\"critical\"`, `\"error\"`, `\"warning\"` or `\"info\"`",
        );
    }
    let key = key?;
    let mut pagerduty =
        mistakes.good(key.at, PagerDuty::new(&key.value))?.severity(found.unwrap_or_default());
    if every_question? {
        pagerduty = pagerduty.every_question();
    }
    match api {
        Some(api) => pagerduty.api(api).ok(),
        None => Some(pagerduty),
    }
}
