//! The pages on which people decide in the browser.

use gate_inbox::Inbox;
use gate_runtime::prelude::*;
use gate_runtime::{FileDirectory, NoTools};

use crate::args::Cli;
use crate::desk::open;
use crate::failure::Failure;
use crate::show::say;

/// Serves the inbox, until the process ends.
pub(crate) async fn serve(cli: &Cli, listen: &str, url: Option<&str>) -> Result<(), Failure> {
    let people = FileDirectory::open(&cli.people)?;
    let gate: Gate<NoTools> = Gate::builder(()).store(open(cli).await?).directory(people.clone()).build().await?;
    let mut inbox = Inbox::new(gate, people);
    if let Some(url) = url {
        inbox = inbox.reached_at(url).map_err(|bad| Failure::Usage(format!("--url: {bad}")))?;
    }
    let trouble = |error: std::io::Error| Failure::Trouble(format!("{listen}: {error}"));
    let listener = tokio::net::TcpListener::bind(listen).await.map_err(trouble)?;
    let address = listener.local_addr()?;
    if url.is_none() && !address.ip().is_loopback() {
        let words = "other machines reach this address: put a server in front of it that speaks TLS, and say by `--url` where people reach that";
        return Err(Failure::Usage(format!("{address}: {words}")));
    }
    let at = url.map_or_else(|| format!("http://{address}"), str::to_owned);
    say(&format!("The inbox is at {at}"))?;
    inbox.serve(listener).await.map_err(trouble)
}
