//! The events that a webhook sends, and their content.

use gate_runtime::Approval;
use gate_runtime::notify::DeliveryNotice;
use gate_runtime::records::{CallEvent, Record, RecordEvent};
use gate_runtime::review::Status;
use serde_json::{Value, json};

use crate::notify::setting::BadSetting;

/// The default events of a webhook: what people are asked, what comes of it, and freezes.
const USUAL: &[&str] = &[
    "call.asked",
    "call.voted",
    "call.withdrawn",
    "call.escalated",
    "call.reminded",
    "call.expired",
    "call.cancelled",
    "call.revoked",
    "call.faltered",
    "call.lost",
    "call.settled",
    "gate.frozen",
    "gate.freeze_lifted",
];

/// The events that a webhook can send in addition.
const FURTHER: &[&str] = &[
    "call.assessed",
    "call.covered",
    "call.uncovered",
    "call.voided",
    "call.lapsed",
    "call.abandoned",
    "call.reassessed",
    "call.imported",
    "call.dispatched",
    "call.finished",
    "gate.directory_changed",
    "gate.call_refused",
    "gate.action",
    "gate.grant_given",
    "gate.grant_revoked",
];

/// All events of one kind.
const KINDS: &[&str] = &["call.*", "gate.*"];

/// The events that a webhook tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EventFilter(Vec<&'static str>);

impl Default for EventFilter {
    fn default() -> Self {
        Self(USUAL.to_vec())
    }
}

impl EventFilter {
    /// Parses the names of events, or of all events of a kind.
    pub(super) fn named<T: AsRef<str>>(
        names: impl IntoIterator<Item = T>,
    ) -> Result<Self, BadSetting> {
        let known = |name: &str| {
            USUAL.iter().chain(FURTHER).chain(KINDS).find(|known| **known == name).copied()
        };
        let mut events = Vec::new();
        for name in names {
            events.push(known(name.as_ref()).ok_or_else(|| unknown(name.as_ref()))?);
        }
        if events.is_empty() {
            return Err(BadSetting::new("it has no events: name an event, or leave `events` out"));
        }
        Ok(Self(events))
    }

    pub(super) fn admit(&self, record: &Record) -> bool {
        let Some(name) = name_of(record) else { return false };
        let kind = name.split_once('.').map_or("", |(kind, _)| kind);
        self.0.iter().any(|event| *event == name || event.strip_suffix(".*") == Some(kind))
    }
}

fn unknown(name: &str) -> BadSetting {
    let all: Vec<String> =
        USUAL.iter().chain(FURTHER).chain(KINDS).map(|known| format!("`{known}`")).collect();
    let name = gate_runtime::review::SanitizedText::of(name);
    BadSetting::new(format!("unknown event `{name}`: the events are {}", all.join(", ")))
}

/// Returns the name of the event; `None` if no webhook sends it.
fn name_of(record: &Record) -> Option<&'static str> {
    let asks = matches!(record.event(), RecordEvent::Call(CallEvent::Assessed { .. }))
        && record.asks_people();
    let kind = if asks { "asked" } else { record.kind() };
    let start = if matches!(record.event(), RecordEvent::Call(_)) { "call." } else { "gate." };
    USUAL.iter().chain(FURTHER).find(|known| known.strip_prefix(start) == Some(kind)).copied()
}

/// Returns the message that is sent: the event, and the call in its current state, without secrets.
pub(super) fn payload(notice: &DeliveryNotice) -> Option<Value> {
    let record = notice.record();
    let mut data = match notice.approval() {
        Some(approval) => call(approval),
        None => json!({"event": record.event(), "run": record.run(), "case": record.case()}),
    };
    if let Some(data) = data.as_object_mut() {
        data.insert("record".to_owned(), json!(record.seq()));
        data.insert("status_then".to_owned(), json!(record.status()));
        if let Some(tool) = notice.tool() {
            data.insert("description".to_owned(), json!(tool.description()));
        }
        if let RecordEvent::Call(CallEvent::Voted { vote }) = record.event() {
            data.insert(
                "vote".to_owned(),
                json!({"by": vote.reviewer(), "decision": vote.decision().kind()}),
            );
        }
    }
    Some(json!({"type": name_of(record)?, "timestamp": record.at(), "data": data}))
}

fn call(approval: &Approval) -> Value {
    let is_pending = approval.status() == Status::Pending;
    let mut call = approval.json_summary();
    call.insert("waits_for".to_owned(), json!(is_pending.then(|| approval.waits_for())));
    call.insert("expires_at".to_owned(), json!(approval.expires_at().filter(|_| is_pending)));
    Value::Object(call)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_there_is_not_is_refused_with_those_that_there_are() {
        let error = EventFilter::named(["call.asked", "call.askd"]).unwrap_err().to_string();
        assert!(
            error.contains("unknown event `call.askd`: the events are `call.asked`, "),
            "{error}"
        );
        assert!(EventFilter::named([""; 0]).is_err());
        assert_eq!(EventFilter::named(USUAL.iter().copied()).unwrap(), EventFilter::default());
        assert!(EventFilter::named(FURTHER.iter().chain(KINDS).copied()).is_ok());
    }
}
