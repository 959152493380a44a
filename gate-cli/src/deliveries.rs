//! The `deliveries` command: notifications that are not delivered.

use std::sync::Arc;

use gate_runtime::Timestamp;
use gate_runtime::notify::{Delivery, DeliveryState};
use gate_runtime::records::Record;
use gate_runtime::store::DeliveryFilter;
use serde_json::{Value, json};

use crate::args::DeliveryCommand;
use crate::context::CommandContext;
use crate::error::{CommandError, CommandResult};
use crate::output::{plain, plural, print_text, short, span};

pub(crate) async fn run(
    context: &CommandContext,
    limit: usize,
    what: Option<&DeliveryCommand>,
) -> CommandResult {
    match what {
        None => list(context, limit).await,
        Some(DeliveryCommand::Retry { id: Some(id), .. }) => retry(context, id).await,
        Some(DeliveryCommand::Retry { id: None, .. }) => retry_all(context).await,
    }
}

/// A delivery, and the record that it is about.
struct DeliveryRow {
    delivery: Arc<Delivery>,
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
        let delivery = &*self.delivery;
        let next = match delivery.state() {
            DeliveryState::Waiting if delivery.due_at() > now => {
                format!("in {}", span(now, delivery.due_at()))
            }
            DeliveryState::Waiting => "now".to_owned(),
            _ => String::new(),
        };
        let call = delivery.approval().map(|id| format!(" …{}", short(&id))).unwrap_or_default();
        let what = [self.tool(), self.kind()].into_iter().flatten().collect::<Vec<_>>().join(" ");
        vec![
            plain(delivery.id()),
            delivery.state().to_string(),
            delivery.attempts().to_string(),
            next,
            plain(format!("{what}{call}")),
            plain(delivery.problem().unwrap_or_default()),
        ]
    }

    fn object(&self) -> Value {
        let delivery = &*self.delivery;
        json!({
            "id": delivery.id(),
            "notifier": delivery.notifier(),
            "record": delivery.record(),
            "kind": self.kind(),
            "approval": delivery.approval().map(|id| id.to_string()),
            "tool": self.tool(),
            "state": delivery.state(),
            "attempts": delivery.attempts(),
            "due_at": delivery.due_at(),
            "changed_at": delivery.changed_at(),
            "problem": delivery.problem(),
        })
    }
}

async fn list(context: &CommandContext, limit: usize) -> CommandResult {
    let wanted = [DeliveryState::Waiting, DeliveryState::Sending, DeliveryState::Dead];
    let filter = wanted
        .into_iter()
        .fold(DeliveryFilter::all().limit(limit.saturating_add(1)), DeliveryFilter::state);
    let mut rows = Vec::new();
    let found = context.gate.deliveries(&filter).await?;
    let is_more = found.len() > limit;
    for delivery in found.into_iter().take(limit) {
        let record = context.gate.records(delivery.record().saturating_sub(1), 1).await?.pop();
        rows.push(DeliveryRow { delivery, record });
    }
    let now = Timestamp::now();
    let column_names = ["ID", "STATE", "TRIES", "NEXT", "WHAT", "PROBLEM"];
    context.format.list(
        &rows,
        &column_names,
        |row| row.cells(now),
        DeliveryRow::object,
        "All notifications are delivered.",
    )?;
    if is_more && context.format.is_for_people() {
        print_text(&format!(
            "More than {limit} notifications are not delivered: use `--limit` to list more."
        ))?;
    }
    Ok(())
}

async fn retry(context: &CommandContext, id: &str) -> CommandResult {
    let missing = || {
        CommandError::Missing(format!(
            "there is no notification {}: `gate deliveries` lists them",
            plain(id)
        ))
    };
    let (notifier, record) = id.rsplit_once('-').ok_or_else(missing)?;
    let record = record.parse().ok().filter(|record| *record > 0).ok_or_else(missing)?;
    let found =
        context.gate.deliveries(&DeliveryFilter::all().notifier(notifier).record(record)).await?;
    let delivery = found.first().ok_or_else(missing)?;
    if context.gate.deliver_again(delivery).await?.is_none() {
        let message = format!(
            "{} is {}: only a dead notification can be queued again",
            plain(id),
            delivery.state()
        );
        return Err(CommandError::TooLate(message));
    }
    context.format.done(
        &format!("{} is queued again: a process that has its notifier delivers it", plain(id)),
        &json!({"again": [id]}),
    )
}

async fn retry_all(context: &CommandContext) -> CommandResult {
    let mut done = Vec::new();
    for delivery in
        context.gate.deliveries(&DeliveryFilter::all().state(DeliveryState::Dead)).await?
    {
        if context.gate.deliver_again(&delivery).await?.is_some() {
            done.push(delivery.id());
        }
    }
    let message = match done.len() {
        0 => "No notifications are dead.".to_owned(),
        count => format!(
            "Queued again: {}. Processes that have their notifiers deliver them.",
            plural(count as u64, "notification")
        ),
    };
    context.format.done(&message, &json!({"again": done}))
}
