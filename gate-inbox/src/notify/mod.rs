//! The ways to tell people where they look anyway: Slack, mail, PagerDuty.
//!
//! Each is a [`Notifier`](gate_runtime::notify::Notifier). They tell what the stored question says,
//! in plain text that hides nothing, and decide nothing: a button of Slack and a link in a mail
//! lead back to the inbox, where the gate says whose vote counts.

mod file;
pub(crate) mod http;
pub(crate) mod link;
mod mail;
mod pagerduty;
pub(crate) mod setting;
pub(crate) mod slack;
pub(crate) mod told;
mod webhook;

pub use file::{BadNotifyFile, ConfiguredNotifiers, NotifyFile};
pub use link::{Intent, LinkKey, Links};
pub use mail::Mail;
pub use pagerduty::{PagerDuty, Severity};
pub use setting::BadSetting;
pub use slack::Slack;
pub use webhook::{Callbacks, Webhook, WebhookSecret};
