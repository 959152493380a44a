//! The inbox, where this example is built without it: types of which no value can be made.

#![expect(clippy::unused_async, reason = "the inbox's functions wait")]

use gate_runtime::prelude::*;
use gate_runtime::records::EventStream;
use gate_runtime::{FileDirectory, Interruption};

use crate::desk::SupportTools;

pub enum ManagerInbox {}

pub enum OpenInbox {}

impl ManagerInbox {
    pub fn prepare() -> anyhow::Result<Self> {
        anyhow::bail!("`--inbox` needs the feature `inbox`: {}", crate::with("inbox", "--inbox"))
    }

    pub fn people(&self) -> &FileDirectory {
        match *self {}
    }

    pub async fn open(&self, _: &Gate<SupportTools>) -> anyhow::Result<OpenInbox> {
        match *self {}
    }
}

impl OpenInbox {
    pub async fn wait(&mut self, _: &[Interruption], _: &mut EventStream) -> anyhow::Result<()> {
        match *self {}
    }

    pub async fn stay(&self) -> anyhow::Result<()> {
        match *self {}
    }
}
