//! What a call is about: who proposed what, by which tool.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::context::RunInfo;
use super::digest::Digest;
use super::id::{ApprovalId, CallId, RunId, ToolName};
use super::request::Request;

/// Which call a record is about, and what its decision is bound to.
///
/// ```
/// # fn show(subject: &gate_runtime::Subject) {
/// println!("{} {} of {}", subject.approval(), subject.tool(), subject.info().run());
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    pub(crate) approval: ApprovalId,
    #[serde(flatten)]
    pub(crate) info: Arc<RunInfo>,
    pub(crate) call: CallId,
    pub(crate) tool: ToolName,
    pub(crate) tool_digest: Digest,
    pub(crate) policy_digest: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reasoning: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) request: Option<Arc<Request>>,
}

impl Subject {
    /// The approval.
    #[must_use]
    pub fn approval(&self) -> ApprovalId {
        self.approval
    }

    /// Returns who runs, for whom, in which matter.
    #[must_use]
    pub fn info(&self) -> &RunInfo {
        &self.info
    }

    /// The call's id within its run.
    #[must_use]
    pub fn call(&self) -> &CallId {
        &self.call
    }

    /// The tool.
    #[must_use]
    pub fn tool(&self) -> &ToolName {
        &self.tool
    }

    /// The digest of the tool's descriptor and source.
    #[must_use]
    pub fn tool_digest(&self) -> Digest {
        self.tool_digest
    }

    /// The digest of the policies it is judged by.
    #[must_use]
    pub fn policy_digest(&self) -> Digest {
        self.policy_digest
    }

    /// Returns why the agent says it proposes the call: its claim.
    #[must_use]
    pub fn reasoning(&self) -> Option<&str> {
        self.reasoning.as_deref()
    }

    /// Returns what an agent in another program said of the question: its claim. `None` for a tool
    /// of a gate.
    #[must_use]
    pub fn request(&self) -> Option<&Request> {
        self.request.as_deref()
    }

    /// Returns what refusals and limits on asking are kept by: the outermost run, or all runs of an
    /// agent in another program, since such an agent names its runs as it likes.
    #[must_use]
    pub fn family(&self) -> RunId {
        if self.request.is_some() { format!("{}/", self.info.agent).into() } else { self.info.run.outermost() }
    }
}
