//! An inbox: people decide in the browser what agents may do.
//!
//! An [`Inbox`] shows what waits in the store of a [`Gate`](gate_runtime::Gate), and takes
//! decisions from people who signed in. The gate may be the agent's own, or one without tools over
//! the same database: whoever proposed a call runs it, once it is decided. Pages are rendered here,
//! work without JavaScript, and fetch nothing from elsewhere.
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
//! - A session begins with a person's token, lasts as long as the people file has that token for
//!   them, and is known by a cookie of 256 random bits that no script reads.
//! - Only a form of this inbox decides, in the session that it was rendered for, once; no link
//!   does. Where [`Inbox::slack`] is said, so does a button of Slack, by a request that Slack has
//!   signed.
//! - A decision is about what the form showed. If the call has changed since, nothing is decided.
//! - Everybody who can sign in sees everything that waits. Who may decide what is up to the gate.

mod api;
mod auth;
mod forms;
mod inbox;
mod notify;
mod pages;
mod pending;
mod projections;
mod render;
mod routes;
mod sealed;
mod security_log;
mod state;
mod unread;
mod web;

pub use auth::authenticator::{SignIn, SignedIn};
pub use inbox::{BadUrl, Inbox};
pub use notify::{
    BadNotifyFile, BadSetting, Callbacks, ConfiguredNotifiers, Intent, LinkKey, Links, Mail,
    NotifyFile, PagerDuty, Severity, Slack, Webhook, WebhookSecret,
};
