//! An inbox: people decide in the browser what agents may do.
//!
//! An [`Inbox`] shows the calls that wait in the store of a [`Gate`](gate_runtime::Gate), and takes
//! decisions from people who signed in. The gate may be the agent's own, or one without tools over
//! the same database: the program that proposed a call runs it, once it is decided. The inbox
//! renders its pages on the server. They work without JavaScript, and load nothing from other
//! hosts.
//!
//! ```
//! use gate_inbox::Inbox;
//! use gate_runtime::prelude::*;
//! use gate_runtime::{FileDirectory, NoTools};
//! use gate_runtime::people::ReviewerToken;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("people.toml");
//! # std::fs::write(
//! #     &path,
//! #     format!(
//! #         "[[person]]\nid = \"dana\"\nroles = [\"manager\"]\ntoken = \"{}\"\n",
//! #         ReviewerToken::new().hash()
//! #     ),
//! # )?;
//! let people = FileDirectory::open(&path)?;
//! let gate: Gate<NoTools> = Gate::builder(()).directory(people.clone()).build().await?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let serving = tokio::spawn(Inbox::new(gate, people).serve(listener));
//! # serving.abort();
//! # Ok(()) }
//! ```
//!
//! [`Slack`], [`Mail`] and [`PagerDuty`] notify people, a [`Webhook`] notifies programs. Each is a
//! [`Notifier`](gate_runtime::notify::Notifier); a [`NotifyFile`] configures them without code.
//!
//! # Security
//! - A session begins with a person's token, and ends when the people file no longer has that token
//!   for this person. Its cookie holds 256 random bits, and scripts cannot read it.
//! - A decision needs a form of this inbox, which works once, in the session that it was rendered
//!   for. No link decides. If [`Inbox::slack`] is configured, a button in Slack decides too, by a
//!   request that Slack signed.
//! - A decision is about the content that the form showed. If the call has changed since, nothing
//!   is decided.
//! - Everybody who can sign in sees every call that waits. The gate checks who may decide.

mod api;
mod auth;
mod forms;
mod inbox;
mod notify;
mod pages;
mod pending;
mod projections;
mod record_feed;
mod render;
mod routes;
mod sealed;
mod security_log;
mod slack_actions;
mod state;
mod unread;
mod web;

pub use auth::authenticator::{SignIn, SignedIn};
pub use inbox::Inbox;
pub use notify::{
    BadNotifyFile, BadSetting, Callbacks, ConfiguredNotifiers, Intent, LinkKey, Links, Mail,
    NotifyFile, PagerDuty, Severity, Slack, Webhook, WebhookSecret,
};
pub use web::base_url::BadUrl;
