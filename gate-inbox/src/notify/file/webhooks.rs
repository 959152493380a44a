//! `[[webhook]]` and `[callbacks]`: web addresses that the operator of the inbox sets, or that an
//! agent names with its question.

use super::context::ConfigContext;
use super::table::{ConfigMistakes, ConfigTable, LocatedValue, TableKind};
use crate::notify::setting::BadSetting;
use crate::notify::webhook::{Callbacks, Webhook, WebhookSecret};

pub(super) const WEBHOOK: TableKind = TableKind {
    name: "webhook",
    this: "this webhook",
    each: "a webhook",
    fields: &["name", "url", "secrets", "secrets_env", "events", "allow_private"],
};

/// Reads the webhook of a table, whose name was read before.
pub(super) fn webhook(
    table: &ConfigTable<'_>,
    name: Option<LocatedValue<&str>>,
    outside: ConfigContext<'_>,
    mistakes: &mut ConfigMistakes<'_>,
) -> Option<Webhook> {
    let url = table.text("url", "https://ops.example/gate", mistakes);
    let written = outside.secrets(table, ("secrets", "whsec_…"), mistakes);
    let events = table.some_texts("events", "call.asked", mistakes);
    let is_private = table.flag("allow_private", mistakes).unwrap_or_default();
    let mut good = |at: usize, result: Result<Webhook, BadSetting>| match result {
        Ok(webhook) => Some(webhook),
        Err(bad) => {
            mistakes.add(at, bad.to_string());
            None
        }
    };
    let written = written?;
    let secrets = read(&written, |at, bad| drop(good(at, Err(bad))))?;
    let (name, url) = (name?, url?);
    let make = if is_private { Webhook::private } else { Webhook::new };
    // What is wrong with all of it stands at its first line; the address and the name have theirs.
    let at = match (
        Webhook::private(name.value, "http://localhost", secrets.clone()),
        secrets.is_empty(),
    ) {
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

/// Reads the secrets of a table, if all of them are valid.
fn read(
    written: &[LocatedValue<impl AsRef<str>>],
    mut wrong: impl FnMut(usize, BadSetting),
) -> Option<Vec<WebhookSecret>> {
    let mut secrets = Vec::new();
    for secret in written {
        match secret.value.as_ref().parse() {
            Ok(secret) => secrets.push(secret),
            Err(bad) => wrong(secret.at, bad),
        }
    }
    (secrets.len() == written.len()).then_some(secrets)
}

pub(super) const CALLBACKS: TableKind = TableKind {
    name: "callbacks",
    this: "`[callbacks]`",
    each: "`[callbacks]`",
    fields: &["secrets", "secrets_env", "allow_private"],
};

/// Reads the table that lets agents name an address to notify.
pub(super) fn callbacks(
    table: &ConfigTable<'_>,
    outside: ConfigContext<'_>,
    mistakes: &mut ConfigMistakes<'_>,
) -> Option<Callbacks> {
    let written = outside.secrets(table, ("secrets", "whsec_…"), mistakes);
    let is_private = table.flag("allow_private", mistakes).unwrap_or_default();
    let secrets = read(&written?, |at, bad| mistakes.add(at, bad.to_string()))?;
    let made = if is_private { Callbacks::private(secrets) } else { Callbacks::new(secrets) };
    made.map_err(|bad| mistakes.add(table.at, bad.to_string())).ok()
}
