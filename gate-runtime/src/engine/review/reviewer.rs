//! Proof of a reviewer's identity, which only a gate can create.

use std::fmt;

use gate_core::id::{Principal, ReviewerId};

/// Proof of a reviewer's identity. Only a gate creates it, from its directory. Code that holds a
/// `Reviewer` can vote.
///
/// # Security
/// Obtain it only for a person whom your application has signed in. An agent's code must never get
/// one.
///
/// ```
/// # use gate_runtime::prelude::*;
/// # /// Reads the clock.
/// # #[gated_tool(policy = "never_ask")] fn get_time() -> String { String::new() }
/// # registry! { pub Tools for () { GetTime } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let people = StaticDirectory::new().person("dana", ["manager"]);
/// let gate: Gate<Tools> = Gate::builder(()).directory(people).build().await?;
/// let dana = gate.reviewer("dana").await?;
/// assert_eq!(dana.id().as_str(), "dana");
/// assert!(gate.reviewer("mallory").await.is_err());
/// # Ok(()) }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Reviewer {
    id: ReviewerId,
    is_principal: bool,
}

impl Reviewer {
    pub(crate) fn from_directory(id: ReviewerId) -> Self {
        Self { id, is_principal: false }
    }

    pub(crate) fn from_principal(principal: &Principal) -> Self {
        Self { id: principal.as_str().into(), is_principal: true }
    }

    /// Returns the id of the person.
    #[must_use]
    pub fn id(&self) -> &ReviewerId {
        &self.id
    }

    /// Returns whether it is for the principal of a run, who can only answer questions that ask
    /// exactly that person.
    #[must_use]
    pub fn is_principal(&self) -> bool {
        self.is_principal
    }
}

impl fmt::Debug for Reviewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reviewer({})", self.id)
    }
}
