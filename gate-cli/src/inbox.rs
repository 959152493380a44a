//! The `inbox` command: pages and API for people who decide and programs that ask.

use gate_inbox::{ConfiguredNotifiers, Inbox, NotifyFile};
use gate_runtime::prelude::*;
use gate_runtime::{FileDirectory, GateBuilder, NoTools};
use gate_sqlite::SqliteStore;

use crate::args::{Cli, InboxArgs};
use crate::audit::public_key;
use crate::error::CommandError;
use crate::output::print_text;
use crate::security_log::JsonLines;

/// Serves the inbox until the process ends. Creates the database, because no other process creates
/// it if programs ask over HTTP.
pub(crate) async fn serve(cli: &Cli, args: &InboxArgs) -> Result<(), CommandError> {
    let InboxArgs { listen, url, notify, trail, trail_key, security_log } = args;
    if let Some(path) = security_log {
        let problem = |error: &dyn std::fmt::Display| {
            CommandError::Trouble(format!("{}: {error}", path.display()))
        };
        let log = JsonLines::open(path).map_err(|error| problem(&error))?;
        tracing::subscriber::set_global_default(log).map_err(|error| problem(&error))?;
    }
    let people = FileDirectory::open(&cli.people)?;
    let file = notify.as_deref().map(NotifyFile::read).transpose();
    let file = file.map_err(|bad| CommandError::Usage(bad.to_string()))?;
    let to_error = |error: std::io::Error| CommandError::Trouble(format!("{listen}: {error}"));
    let listener = tokio::net::TcpListener::bind(listen).await.map_err(to_error)?;
    let address = listener.local_addr()?;
    if url.is_none() && !address.ip().is_loopback() {
        let message = "other machines can reach this address: put a TLS proxy in front of it, and \
            give the URL of the proxy with `--url`";
        return Err(CommandError::Usage(format!("{address}: {message}")));
    }
    let at = url.clone().unwrap_or_else(|| format!("http://{address}"));
    // Checked before the gate sends any link to the inbox.
    let configured = file.map(|file| file.for_inbox(&at, &people)).transpose();
    let configured = configured.map_err(|bad| CommandError::Usage(format!("--url: {bad}")))?;
    let is_new = !cli.db.exists();
    let gate = Gate::builder(()).store(SqliteStore::open(&cli.db).await?).directory(people.clone());
    let notifiers = configured.iter().flat_map(ConfiguredNotifiers::notifiers);
    let gate: Gate<NoTools> = notifiers.fold(gate, GateBuilder::notify).build().await?;
    let mut inbox = Inbox::new(gate, people);
    if let Some(url) = url {
        inbox =
            inbox.reached_at(url).map_err(|bad| CommandError::Usage(format!("--url: {bad}")))?;
    }
    if let Some(configured) = configured {
        inbox = configured
            .configure_inbox(inbox)
            .map_err(|bad| CommandError::Usage(bad.to_string()))?;
    }
    if let (Some(folder), Some(key)) = (trail, trail_key) {
        inbox = inbox.trail(folder, public_key(key)?);
    }
    let made =
        if is_new { format!(", with a new database, {}", cli.db.display()) } else { String::new() };
    print_text(&format!("The inbox is at {at}{made}"))?;
    inbox.serve(listener).await.map_err(to_error)
}
