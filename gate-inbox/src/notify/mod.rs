//! Who is told of what happens, beside the pages.

mod file;
mod webhook;

pub use file::{BadNotifyFile, NotifyFile};
pub use webhook::{BadWebhook, Webhook, WebhookSecret};
