//! The subject of a record: its call, with run, tool and policies.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::call::context::RunInfo;
use crate::call::remote_request::RemoteRequest;
use crate::id::{ApprovalId, CallId, RunId, ToolName};
use crate::text::digest::Digest;

/// The subject of a record: the call that it is about, with everything that the decision is bound
/// to.
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
    /// Returns the approval.
    #[must_use]
    pub fn approval(&self) -> ApprovalId {
        self.approval
    }

    /// Returns a shared [`info`](Self::info).
    #[doc(hidden)]
    #[must_use]
    pub fn shared_info(&self) -> &Arc<RunInfo> {
        &self.info
    }

    /// Returns a shared [`reasoning`](Self::reasoning).
    #[doc(hidden)]
    #[must_use]
    pub fn shared_reasoning(&self) -> Option<&Arc<str>> {
        self.reasoning.as_ref()
    }

    /// Returns the facts of its run: agent, principal, case.
    #[must_use]
    pub fn info(&self) -> &RunInfo {
        &self.info
    }

    /// Returns the call's id within its run.
    #[must_use]
    pub fn call(&self) -> &CallId {
        &self.call
    }

    /// Returns the tool.
    #[must_use]
    pub fn tool(&self) -> &ToolName {
        &self.tool
    }

    /// Returns the digest of the tool's descriptor and source.
    #[must_use]
    pub fn tool_digest(&self) -> Digest {
        self.tool_digest
    }

    /// Returns the digest of the policies that evaluate it.
    #[must_use]
    pub fn policy_digest(&self) -> Digest {
        self.policy_digest
    }

    /// Returns the agent's claimed reason for the call.
    #[must_use]
    pub fn reasoning(&self) -> Option<&str> {
        self.reasoning.as_deref()
    }

    /// Returns a remote agent's statements about the question: its claims. `None` for a tool of a
    /// gate.
    #[must_use]
    pub fn request(&self) -> Option<&RemoteRequest> {
        self.request.as_deref()
    }

    /// Returns the call of a test.
    #[cfg(test)]
    pub(crate) fn sample(info: RunInfo) -> Self {
        Self {
            approval: ApprovalId::new(),
            info: Arc::new(info),
            call: "1".into(),
            tool: "pay".into(),
            tool_digest: Digest::of("t"),
            policy_digest: Digest::of("p"),
            reasoning: None,
            request: None,
        }
    }

    /// Returns the family, within which refusals and limits on questions are counted: the outermost
    /// run, or all runs of a remote agent, because such an agent chooses the names of its runs.
    #[must_use]
    pub fn family(&self) -> RunId {
        if self.request.is_some() {
            format!("{}/", self.info.agent).into()
        } else {
            self.info.run.outermost()
        }
    }
}
