//! Decisions of people about an approval, and votes.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::approval::quorum::QuorumMember;
use crate::approval::requirement::EscalationTier;
use crate::approval::signed_vote::SignedVote;
use crate::call::arguments::Arguments;
use crate::id::{ReviewerId, Role};
use crate::text::digest::Digest;

/// A decision of a person.
///
/// ```
/// use gate_runtime::review::Decision;
/// let decision = Decision::Reject { reason: "not our fault".into() };
/// assert_eq!(format!("{decision:?}"), "Reject");
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Decision {
    /// The call may run as proposed.
    Approve,
    /// The call may run with these arguments instead.
    Edit {
        /// All arguments, changed or not.
        arguments: Arguments,
    },
    /// The call must not run.
    Reject {
        /// The reason, which the model gets.
        reason: String,
    },
    /// The call must not run: this value is its answer.
    Respond {
        /// The value that the model gets as the tool's result.
        value: Value,
    },
}

impl Decision {
    /// Returns the kind of decision: `approve`, `edit`, `reject` or `respond`.
    ///
    /// ```
    /// # use gate_runtime::review::Decision;
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

/// One reviewer's part of a decision, bound to the arguments that the reviewer was shown.
///
/// ```
/// # fn show(vote: &gate_runtime::review::Vote) {
/// println!("{} said {:?}", vote.reviewer(), vote.decision());
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Vote {
    #[doc(hidden)]
    pub reviewer: ReviewerId,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[doc(hidden)]
    pub roles: Vec<Role>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[doc(hidden)]
    pub principal: bool,
    #[doc(hidden)]
    pub decision: Decision,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[doc(hidden)]
    pub comment: Option<String>,
    #[doc(hidden)]
    pub arguments: Digest,
    /// The digest of the content that the reviewer was shown. Votes of earlier versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[doc(hidden)]
    pub shown: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[doc(hidden)]
    pub grounds: Option<Digest>,
    #[doc(hidden)]
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[doc(hidden)]
    pub signed: Option<SignedVote>,
}

impl Vote {
    /// Returns the roles that the directory gave the voter when they voted.
    #[doc(hidden)]
    #[must_use]
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// Returns whether the voter is the principal: the person for whom the run acts.
    #[doc(hidden)]
    #[must_use]
    pub fn is_principal(&self) -> bool {
        self.principal
    }

    /// Returns the person who voted.
    #[must_use]
    pub fn reviewer(&self) -> &ReviewerId {
        &self.reviewer
    }

    /// Returns the decision that they made.
    #[must_use]
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Returns the comment that they added.
    #[must_use]
    pub fn comment(&self) -> Option<&str> {
        self.comment.as_deref()
    }

    /// Returns the digest of the arguments that the voter was shown.
    #[must_use]
    pub fn arguments(&self) -> Digest {
        self.arguments
    }

    /// Returns the digest of all content that the voter was shown: see
    /// [`Approval::review_content`](crate::approval::Approval::review_content). `None` for a vote
    /// of an earlier version.
    #[must_use]
    pub fn shown(&self) -> Option<Digest> {
        self.shown
    }

    /// Returns the digest of the [evidence](crate::approval::ReviewContent::evidence), which is a
    /// part of the content that the voter was shown.
    #[must_use]
    pub fn evidence(&self) -> Option<Digest> {
        self.grounds
    }

    /// Returns when they voted.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Returns whether a step asks the person who voted.
    pub(crate) fn counts_for(&self, tier: &EscalationTier) -> bool {
        tier.asks(&self.roles, self.principal)
    }

    /// Returns the voter as a member of a quorum.
    pub(crate) fn as_member(&self) -> QuorumMember<'_> {
        QuorumMember {
            who: self.reviewer.as_str(),
            roles: &self.roles,
            is_principal: self.principal,
            is_signed: self.is_signed(),
        }
    }

    /// Returns the digest of the arguments that the vote approves: the shown ones, or those of the
    /// voter's edit.
    pub(crate) fn approves(&self) -> Option<Digest> {
        match &self.decision {
            Decision::Approve => Some(self.arguments),
            Decision::Edit { arguments } => Some(arguments.digest()),
            Decision::Reject { .. } | Decision::Respond { .. } => None,
        }
    }
}
