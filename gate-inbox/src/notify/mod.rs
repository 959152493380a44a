//! Notifiers: Slack, mail, PagerDuty, webhooks.
//!
//! Each is a [`Notifier`](gate_runtime::notify::Notifier). They describe the stored question in
//! plain text that hides nothing. They never decide: a Slack button and a link in a mail lead to
//! the inbox, where the gate checks whose vote counts.

mod file;
pub(crate) mod http;
pub(crate) mod link;
mod mail;
pub(crate) mod notification;
mod pagerduty;
pub(crate) mod setting;
pub(crate) mod slack;
mod webhook;

pub use file::{BadNotifyFile, ConfiguredNotifiers, NotifyFile};
pub use link::{Intent, LinkKey, Links};
pub use mail::Mail;
pub use pagerduty::{PagerDuty, Severity};
pub use setting::BadSetting;
pub use slack::Slack;
pub use webhook::{Callbacks, Webhook, WebhookSecret};
