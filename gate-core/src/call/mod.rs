//! Calls: the proposal, the proposer, the context, and the result.

pub(crate) mod accepted_answers;
pub(crate) mod argument_origin;
pub(crate) mod arguments;
pub(crate) mod commitment;
pub(crate) mod context;
pub(crate) mod descriptor;
pub(crate) mod disclosure;
pub(crate) mod message;
pub(crate) mod origin;
pub(crate) mod outcome;
pub(crate) mod remote_request;
pub(crate) mod subject;
pub(crate) mod summary;
pub(crate) mod tool_changes;
pub(crate) mod tool_difference;

pub use accepted_answers::AcceptedAnswers;
#[doc(hidden)]
pub use argument_origin::ArgumentOrigin;
pub use arguments::Arguments;
#[doc(hidden)]
pub use arguments::is_mark;
pub use commitment::{CommitmentKeys, SecretCommitment};
#[doc(hidden)]
pub use context::NESTED;
pub use context::{AgentHop, RunInfo, ToolCall};
pub use descriptor::{Annotations, Descriptor};
pub use disclosure::SecretDisclosure;
pub use message::{Message, Speaker};
pub use origin::Origin;
#[doc(hidden)]
pub use outcome::OTHERWISE;
pub use outcome::{DeniedBy, NotRun, ToolOutcome};
pub use remote_request::{RemoteRequest, RequestPriority};
pub use subject::CallSubject;
pub use summary::{CallHeadline, HeadlinePart, SummaryFormat, SummaryPart, ToolSummary};
pub use tool_changes::ToolChanges;
pub use tool_difference::ToolDifference;
