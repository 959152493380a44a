//! The `letters` command: deliveries that have not been made.

use std::sync::Arc;

use gate_runtime::Timestamp;
use gate_runtime::notify::{Delivery, DeliveryState};
use gate_runtime::records::Record;
use gate_runtime::store::DeliveryFilter;
use serde_json::{Value, json};

use crate::args::DeliveryCommand;
use crate::context::CommandContext;
use crate::error::{CommandError, CommandResult};
use crate::output::{plain, plural, say, short, span};

pub(crate) async fn run(
    desk: &CommandContext,
    limit: usize,
    what: Option<&DeliveryCommand>,
) -> CommandResult {
    match what {
        None => list(desk, limit).await,
        Some(DeliveryCommand::Again { id: Some(id), .. }) => again(desk, id).await,
        Some(DeliveryCommand::Again { id: None, .. }) => all_again(desk).await,
    }
}

/// A delivery, and the record that it is about.
struct DeliveryRow {
    letter: Arc<Delivery>,
    record: Option<Arc<Record>>,
}

impl DeliveryRow {
    fn kind(&self) -> Option<&'static str> {
        self.record.as_ref().map(|record| record.kind())
    }

    fn tool(&self) -> Option<&str> {
        Some(self.record.as_ref()?.subject()?.tool().as_str())
    }

    fn cells(&self, now: Timestamp) -> Vec<String> {
        let letter = &*self.letter;
        let next = match letter.state() {
            DeliveryState::Waiting if letter.due_at() > now => {
                format!("in {}", span(now, letter.due_at()))
            }
            DeliveryState::Waiting => "now".to_owned(),
            _ => String::new(),
        };
        let call = letter.approval().map(|id| format!(" …{}", short(&id))).unwrap_or_default();
        let what = [self.tool(), self.kind()].into_iter().flatten().collect::<Vec<_>>().join(" ");
        vec![
            plain(letter.id()),
            letter.state().to_string(),
            letter.attempts().to_string(),
            next,
            plain(format!("{what}{call}")),
            plain(letter.problem().unwrap_or_default()),
        ]
    }

    fn object(&self) -> Value {
        let letter = &*self.letter;
        json!({
            "id": letter.id(),
            "notifier": letter.notifier(),
            "record": letter.record(),
            "kind": self.kind(),
            "approval": letter.approval().map(|id| id.to_string()),
            "tool": self.tool(),
            "state": letter.state(),
            "attempts": letter.attempts(),
            "due_at": letter.due_at(),
            "changed_at": letter.changed_at(),
            "problem": letter.problem(),
        })
    }
}

async fn list(desk: &CommandContext, limit: usize) -> CommandResult {
    let wanted = [DeliveryState::Waiting, DeliveryState::Sending, DeliveryState::Dead];
    let filter = wanted
        .into_iter()
        .fold(DeliveryFilter::all().limit(limit.saturating_add(1)), DeliveryFilter::state);
    let mut rows = Vec::new();
    let found = desk.gate.deliveries(&filter).await?;
    let is_more = found.len() > limit;
    for letter in found.into_iter().take(limit) {
        let record = desk.gate.records(letter.record().saturating_sub(1), 1).await?.pop();
        rows.push(DeliveryRow { letter, record });
    }
    let now = Timestamp::now();
    let heads = ["ID", "STATE", "TRIES", "NEXT", "WHAT", "PROBLEM"];
    desk.look.list(
        &rows,
        &heads,
        |row| row.cells(now),
        DeliveryRow::object,
        "All notifications are delivered.",
    )?;
    if is_more && desk.look.is_for_people() {
        say(&format!(
            "More than {limit} notifications are not delivered: use `--limit` to list more."
        ))?;
    }
    Ok(())
}

async fn again(desk: &CommandContext, id: &str) -> CommandResult {
    let missing = || {
        CommandError::Missing(format!(
            "there is no notification {}: `gate letters` lists them",
            plain(id)
        ))
    };
    let (notifier, record) = id.rsplit_once('-').ok_or_else(missing)?;
    let record = record.parse().ok().filter(|record| *record > 0).ok_or_else(missing)?;
    let found =
        desk.gate.deliveries(&DeliveryFilter::all().notifier(notifier).record(record)).await?;
    let letter = found.first().ok_or_else(missing)?;
    if desk.gate.deliver_again(letter).await?.is_none() {
        let words = format!(
            "{} is {}: only a dead notification can be queued again",
            plain(id),
            letter.state()
        );
        return Err(CommandError::TooLate(words));
    }
    desk.look.done(
        &format!("{} is queued again: a process that has its notifier delivers it", plain(id)),
        &json!({"again": [id]}),
    )
}

async fn all_again(desk: &CommandContext) -> CommandResult {
    let mut done = Vec::new();
    for letter in desk.gate.deliveries(&DeliveryFilter::all().state(DeliveryState::Dead)).await? {
        if desk.gate.deliver_again(&letter).await?.is_some() {
            done.push(letter.id());
        }
    }
    let words = match done.len() {
        0 => "No notifications are dead.".to_owned(),
        count => format!(
            "Queued again: {}. Processes that have their notifiers deliver them.",
            plural(count as u64, "notification")
        ),
    };
    desk.look.done(&words, &json!({"again": done}))
}
