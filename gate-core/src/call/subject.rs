//! The subject of a call: who proposed what, by which tool.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::call::context::RunInfo;
use crate::call::request::RemoteRequest;
use crate::id::{ApprovalId, CallId, RunId, ToolName};
use crate::text::digest::Digest;

/// Which call a record is about, and what its decision is bound to.
///
/// ```
/// # fn show(subject: &gate_runtime::run::CallSubject) {
/// println!("{} {} of {}", subject.approval(), subject.tool(), subject.info().run());
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallSubject {
    #[doc(hidden)]
    pub approval: ApprovalId,
    #[serde(flatten)]
    #[doc(hidden)]
    pub info: Arc<RunInfo>,
    #[doc(hidden)]
    pub call: CallId,
    #[doc(hidden)]
    pub tool: ToolName,
    #[doc(hidden)]
    pub tool_digest: Digest,
    #[doc(hidden)]
    pub policy_digest: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[doc(hidden)]
    pub reasoning: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[doc(hidden)]
    pub request: Option<Arc<RemoteRequest>>,
}

impl CallSubject {
    /// The approval.
    #[must_use]
    pub fn approval(&self) -> ApprovalId {
        self.approval
    }

    /// Returns [`info`](Self::info) to be shared.
    #[doc(hidden)]
    #[must_use]
    pub fn shared_info(&self) -> &Arc<RunInfo> {
        &self.info
    }

    /// Returns [`reasoning`](Self::reasoning) to be shared.
    #[doc(hidden)]
    #[must_use]
    pub fn shared_reasoning(&self) -> Option<&Arc<str>> {
        self.reasoning.as_ref()
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
    pub fn request(&self) -> Option<&RemoteRequest> {
        self.request.as_deref()
    }

    /// Returns what refusals and limits on asking are kept by: the outermost run, or all runs of an
    /// agent in another program, since such an agent names its runs as it likes.
    #[must_use]
    pub fn family(&self) -> RunId {
        if self.request.is_some() {
            format!("{}/", self.info.agent).into()
        } else {
            self.info.run.outermost()
        }
    }
}
