//! The life of a call: the question, the votes, the result. **One state machine** defines it.

pub(crate) mod body;
pub(crate) mod deadlines;
pub(crate) mod decision;
pub(crate) mod earlier_refusal;
pub(crate) mod json_summary;
#[doc(hidden)]
pub mod model_text;
pub(crate) mod quorum;
pub(crate) mod quote;
pub(crate) mod replay;
pub(crate) mod requirement;
pub(crate) mod review_content;
pub(crate) mod review_snapshot;
pub(crate) mod settlement;
pub(crate) mod shown_arguments;
pub(crate) mod signature;
pub(crate) mod signed_vote;
pub(crate) mod state;
pub(crate) mod state_machine;
pub(crate) mod status;
pub(crate) mod voting;

pub use decision::{Decision, Vote};
pub use earlier_refusal::EarlierRefusal;
#[doc(hidden)]
pub use quorum::{QuorumMember, QuorumShortfall, shortfall};
pub use quote::{Quote, QuoteAuthor};
pub use replay::ReplayError;
#[doc(hidden)]
pub use replay::{check_import, number_after};
#[doc(hidden)]
pub use requirement::people;
pub use requirement::{
    EscalationTier, Requirement, ReviewerSelector, anyone, ask, principal, role,
};
pub use review_content::ReviewContent;
pub use review_snapshot::{ReviewNotice, ReviewSnapshot};
pub use settlement::{SettledBy, Settlement};
pub use shown_arguments::{ShownArgument, ShownValue, ValueSource};
#[doc(hidden)]
pub use shown_arguments::{about_argument, argument_schema, given_at};
pub use signature::VoteSignatureError;
#[doc(hidden)]
pub use signed_vote::SignedVote;
pub use state::Approval;
#[doc(hidden)]
pub use state::LEASE;
#[doc(hidden)]
pub use state_machine::NewApproval;
pub use state_machine::Refused;
pub use status::Status;
