//! What stands in the place of the inbox, where this example is built without it: nothing that
//! could ever be made.

#![expect(clippy::unused_async, reason = "the inbox's functions wait")]

use std::convert::Infallible;

use gate_runtime::prelude::*;
use gate_runtime::records::EventStream;
use gate_runtime::{FileDirectory, Interruption};

use crate::desk::SupportTools;

pub struct Office {
    pub people: FileDirectory,
    never: Infallible,
}

pub struct Open(Infallible);

impl Office {
    pub fn furnish() -> anyhow::Result<Self> {
        anyhow::bail!("`--inbox` needs the feature `inbox`: {}", crate::with("inbox", "--inbox"))
    }

    pub async fn open(&self, _: &Gate<SupportTools>) -> anyhow::Result<Open> {
        match self.never {}
    }
}

impl Open {
    pub async fn wait(&mut self, _: &[Interruption], _: &mut EventStream) -> anyhow::Result<()> {
        match self.0 {}
    }

    pub async fn stay(&self) -> anyhow::Result<()> {
        match self.0 {}
    }
}
