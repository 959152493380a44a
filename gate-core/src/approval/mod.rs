//! The life of a call: what is asked, who votes, what becomes of it. **One state machine**, and all
//! that follows from it.

pub(crate) mod body;
pub(crate) mod deadlines;
pub(crate) mod decision;
pub(crate) mod presented;
pub(crate) mod quorum;
pub(crate) mod quote;
pub(crate) mod refusal;
pub(crate) mod replay;
pub(crate) mod requirement;
pub(crate) mod review_snapshot;
pub(crate) mod settlement;
pub(crate) mod shown_arguments;
pub(crate) mod signature;
pub(crate) mod signed_vote;
pub(crate) mod state;
pub(crate) mod state_machine;
pub(crate) mod status;
#[doc(hidden)]
pub mod told;
pub(crate) mod voting;

pub use decision::{Decision, Vote};
pub use presented::Presented;
#[doc(hidden)]
pub use quorum::{Shortfall, Voice, shortfall};
pub use quote::{Author, Quote};
pub use refusal::Refusal;
pub use replay::ReplayError;
#[doc(hidden)]
pub use replay::{check_import, number_after};
#[doc(hidden)]
pub use requirement::people;
pub use requirement::{Requirement, Tier, Who, anyone, ask, principal, role};
pub use review_snapshot::{ReviewNotice, ReviewSnapshot};
pub use settlement::{Settlement, Settler};
pub use shown_arguments::{ShownArgument, ShownValue, ValueSource};
#[doc(hidden)]
pub use shown_arguments::{about_argument, argument_schema, given_at};
pub use signature::BadSignature;
#[doc(hidden)]
pub use signed_vote::SignedVote;
pub use state::Approval;
#[doc(hidden)]
pub use state::LEASE;
#[doc(hidden)]
pub use state_machine::NewApproval;
pub use state_machine::Refused;
pub use status::Status;
