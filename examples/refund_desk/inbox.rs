//! The inbox inside of the agent's own process, and waiting for what people decide there.

use gate_inbox::Inbox;
use gate_runtime::id::ApprovalId;
use gate_runtime::people::ReviewerToken;
use gate_runtime::prelude::*;
use gate_runtime::records::EventStream;
use gate_runtime::{FileDirectory, Interruption};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::desk::SupportTools;

/// The people who may sign in: the manager, with a token that is made for this demonstration and
/// ends with it.
pub struct ManagerInbox {
    people: FileDirectory,
    token: ReviewerToken,
    _folder: TempDir,
}

/// The inbox, while the agent works.
pub struct OpenInbox {
    address: String,
    listed: Vec<ApprovalId>,
}

impl ManagerInbox {
    pub fn prepare() -> anyhow::Result<Self> {
        let (folder, token) = (tempfile::tempdir()?, ReviewerToken::new());
        let file = folder.path().join("people.toml");
        let dana = format!(
            "[[person]]\nid = \"dana\"\nroles = [\"manager\"]\ntoken = \"{}\"\n",
            token.hash()
        );
        std::fs::write(&file, dana)?;
        Ok(Self { people: FileDirectory::open(&file)?, token, _folder: folder })
    }

    pub fn people(&self) -> &FileDirectory {
        &self.people
    }

    /// Opens the inbox: a listener, an address, a task.
    pub async fn open(&self, gate: &Gate<SupportTools>) -> anyhow::Result<OpenInbox> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}", listener.local_addr()?);
        tokio::spawn(Inbox::new(gate.clone(), self.people.clone()).serve(listener));
        println!("The inbox is at {address}");
        println!("Sign in as the manager, dana, with this token: {}\n", self.token.reveal());
        Ok(OpenInbox { address, listed: Vec::new() })
    }
}

impl OpenInbox {
    /// Says where each question is, once, and waits until something happens.
    pub async fn wait(
        &mut self,
        interruptions: &[Interruption],
        events: &mut EventStream,
    ) -> anyhow::Result<()> {
        for interruption in interruptions {
            if !self.listed.contains(&interruption.id()) {
                println!(
                    "  …    waits for the manager: {}/approvals/{}",
                    self.address,
                    interruption.id()
                );
                self.listed.push(interruption.id());
            }
        }
        events.next().await?;
        Ok(())
    }

    /// Keeps the inbox open, to look back in it.
    pub async fn stay(&self) -> anyhow::Result<()> {
        println!(
            "\nThe inbox stays open, to look at History, Rules and Overview: {}. Ctrl-C ends it.",
            self.address
        );
        std::future::pending().await
    }
}
