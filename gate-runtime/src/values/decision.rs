//! What a person says about an approval, and what of it counts.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::arguments::Arguments;
use super::digest::Digest;
use super::id::{Principal, ReviewerId, Role};
use super::quorum::Voice;
use super::requirement::Tier;
use super::signed_vote::SignedVote;

/// Proof of who decides. Only a gate gives it out, from its directory; whoever holds it can vote.
///
/// # Security
/// An application obtains it for a person it has signed in. An agent's code must never get one.
///
/// ```
/// # use gate_runtime::prelude::*;
/// # /// Reads the clock.
/// # #[gated_tool(policy = "never_ask")] fn get_time() -> String { String::new() }
/// # registry! { pub Tools for () { GetTime } }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
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

    /// Who it is.
    #[must_use]
    pub fn id(&self) -> &ReviewerId {
        &self.id
    }

    /// Whether it stands for the person a run acts for, who only answers what asks exactly that person.
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

/// What a person decides.
///
/// ```
/// use gate_runtime::Decision;
/// let decision = Decision::Reject { reason: "not our fault".into() };
/// assert_eq!(format!("{decision:?}"), "Reject");
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Decision {
    /// Run it as proposed.
    Approve,
    /// Run it with these arguments instead.
    Edit {
        /// All arguments, changed or not.
        arguments: Arguments,
    },
    /// Do not run it.
    Reject {
        /// Why; the model is told.
        reason: String,
    },
    /// Do not run it: this is the answer.
    Respond {
        /// What the model gets as the tool's result.
        value: Value,
    },
}

impl Decision {
    /// What kind it is: `approve`, `edit`, `reject` or `respond`.
    ///
    /// ```
    /// # use gate_runtime::Decision;
    /// assert_eq!(Decision::Reject { reason: "not our fault".into() }.kind(), "reject");
    /// ```
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Edit { .. } => "edit",
            Self::Reject { .. } => "reject",
            Self::Respond { .. } => "respond",
        }
    }
}

impl fmt::Debug for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Decision::Approve => "Approve",
            Decision::Edit { .. } => "Edit",
            Decision::Reject { .. } => "Reject",
            Decision::Respond { .. } => "Respond",
        })
    }
}

/// One reviewer's part of a decision, bound to the arguments they were shown.
///
/// ```
/// # fn show(vote: &gate_runtime::Vote) {
/// println!("{} said {:?}", vote.reviewer(), vote.decision());
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Vote {
    pub(crate) reviewer: ReviewerId,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) roles: Vec<Role>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) principal: bool,
    pub(crate) decision: Decision,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) comment: Option<String>,
    pub(crate) arguments: Digest,
    /// The digest of what they were shown, and that of its grounds. Votes of before have neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shown: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) grounds: Option<Digest>,
    pub(crate) at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) signed: Option<SignedVote>,
}

impl Vote {
    /// Who voted.
    #[must_use]
    pub fn reviewer(&self) -> &ReviewerId {
        &self.reviewer
    }

    /// What they said.
    #[must_use]
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// What they added.
    #[must_use]
    pub fn comment(&self) -> Option<&str> {
        self.comment.as_deref()
    }

    /// The digest of the arguments they were shown.
    #[must_use]
    pub fn arguments(&self) -> Digest {
        self.arguments
    }

    /// The digest of all that they were shown: see [`Approval::presented`](crate::Approval::presented). `None` for a vote of an earlier version.
    #[must_use]
    pub fn shown(&self) -> Option<Digest> {
        self.shown
    }

    /// The digest of [why it was asked](crate::Presented::grounds), which is a part of what they were shown.
    #[must_use]
    pub fn grounds(&self) -> Option<Digest> {
        self.grounds
    }

    /// When.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Whether whoever voted is one of those whom a step asks.
    pub(crate) fn counts_for(&self, tier: &Tier) -> bool {
        tier.asks(&self.roles, self.principal)
    }

    /// Returns who voted, as it is counted.
    pub(crate) fn voice(&self) -> Voice<'_> {
        Voice {
            who: self.reviewer.as_str(),
            roles: &self.roles,
            is_principal: self.principal,
            is_signed: self.is_signed(),
        }
    }

    /// What its approval is for: the arguments shown, or those that the voter put in their place.
    pub(crate) fn approves(&self) -> Option<Digest> {
        match &self.decision {
            Decision::Approve => Some(self.arguments),
            Decision::Edit { arguments } => Some(arguments.digest()),
            Decision::Reject { .. } | Decision::Respond { .. } => None,
        }
    }
}
