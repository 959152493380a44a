//! `[[webhook]]`: web addresses.

use super::outside::Outside;
use super::table::{Kind, Mistakes, Said, Table};
use crate::notify::webhook::{BadWebhook, Webhook, WebhookSecret};

pub(super) const WEBHOOK: Kind = Kind {
    name: "webhook",
    this: "this webhook",
    each: "a webhook",
    fields: &["name", "url", "secrets", "secrets_env", "events", "allow_private"],
};

/// The webhook of a table, whose name was read before.
pub(super) fn webhook(
    table: &Table<'_>,
    name: Option<Said<&str>>,
    outside: Outside<'_>,
    mistakes: &mut Mistakes<'_>,
) -> Option<Webhook> {
    let url = table.text("url", "https://ops.example/gate", mistakes);
    let written = outside.secrets(table, ("secrets", "whsec_…"), mistakes);
    let events = table.some_texts("events", "call.asked", mistakes);
    let is_private = table.flag("allow_private", mistakes).unwrap_or_default();
    let mut good = |at: usize, result: Result<Webhook, BadWebhook>| match result {
        Ok(webhook) => Some(webhook),
        Err(bad) => {
            mistakes.add(at, bad.to_string());
            None
        }
    };
    let mut secrets: Vec<WebhookSecret> = Vec::new();
    let written = written?;
    for secret in &written {
        match secret.value.parse() {
            Ok(secret) => secrets.push(secret),
            Err(bad) => {
                good(secret.at, Err(bad));
            }
        }
    }
    if secrets.len() < written.len() {
        return None;
    }
    let (name, url) = (name?, url?);
    let make = if is_private { Webhook::private } else { Webhook::new };
    // What is wrong with all of it stands at its first line; the address and the name have theirs.
    let at = match (Webhook::private(name.value, "http://localhost", secrets.clone()), secrets.is_empty()) {
        (_, true) => table.at,
        (Err(_), _) => name.at,
        (Ok(_), _) => url.at,
    };
    let mut webhook = good(at, make(name.value, url.value, secrets))?;
    if let Some(events) = events {
        // One by one, so that each mistake has its own line.
        for event in &events {
            good(event.at, webhook.clone().events([event.value]))?;
        }
        webhook = good(table.at, webhook.events(events.iter().map(|event| event.value)))?;
    }
    Some(webhook)
}
