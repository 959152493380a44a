//! The context that the calls of a run share: agent, principal, conversation.

use std::sync::Arc;

use gate_core::call::{CallSubject, NESTED, RunInfo};
use gate_core::id::{ApprovalId, CallId, RunId};
use jiff::Timestamp;
use serde_json::Value;

use crate::engine::error::RunError;
use crate::engine::kernel::EngineCore;
use crate::engine::kernel::tools::GateTool;
use crate::engine::session::run_session::{RunSession, check_agent};
use crate::logic::context::CallContext;
use crate::provenance::RunHistory;

/// The context that the calls of a run share.
#[derive(Clone)]
pub(crate) struct RunContext {
    pub(crate) info: Arc<RunInfo>,
    pub(crate) reasoning: Option<Arc<str>>,
    pub(crate) history: RunHistory,
    /// The family, within which refusals and limits on questions are counted: see
    /// `CallSubject::family`.
    pub(crate) family: RunId,
    /// The run's shared state, if it is a run of this process.
    pub(crate) session: Option<Arc<RunSession>>,
}

impl RunContext {
    /// Returns the context of a run's next call, if the run can continue.
    pub(crate) fn of(core: &EngineCore, session: &Arc<RunSession>) -> Result<Self, RunError> {
        let info = session.info();
        let run = info.run().as_str();
        if run.split(NESTED).any(str::is_empty) {
            return Err(RunError::NoRunId);
        }
        if run.matches(NESTED).count() != info.depth() {
            return Err(RunError::ReservedRunId(info.run().clone()));
        }
        check_agent(core, info.agent())?;
        Ok(Self::as_it_is(session, info))
    }

    /// Returns the context of a run's existing calls.
    pub(crate) fn as_it_is(session: &Arc<RunSession>, info: Arc<RunInfo>) -> Self {
        let (reasoning, history, family) =
            (session.reasoning(), session.history(), session.ledger.family().clone());
        Self { info, reasoning, history, family, session: Some(Arc::clone(session)) }
    }

    /// Returns the context of a stored call of another process: its proposer, the conversation of
    /// its run that this process remembers, and the outputs of the run's tools.
    pub(crate) fn of_stored(core: &EngineCore, subject: &CallSubject) -> Self {
        let (info, family) = (Arc::clone(subject.shared_info()), subject.family());
        let history = RunHistory::of(core.memories.of(info.run(), &family));
        Self { info, reasoning: None, history, family, session: None }
    }

    /// Returns the context of a stored call. Its agent is the one that proposed it, even if the run
    /// has another agent now.
    pub(crate) fn context_of(&self, subject: &CallSubject, now: Timestamp) -> CallContext {
        let context = self.context(
            subject.call(),
            subject.approval(),
            subject.shared_reasoning().cloned(),
            now,
        );
        CallContext { info: Arc::clone(subject.shared_info()), ..context }
    }

    /// Adds the secrets of a call. From now on they are removed from all texts about the run,
    /// including its conversation and the reasoning of other calls.
    pub(crate) fn learn_secrets(&self, tool: &GateTool, arguments: &Value) {
        let secrets = tool.secrets(arguments);
        if let Some(session) = self.session.as_ref().filter(|_| !secrets.is_empty()) {
            session.learn_secrets(secrets);
        }
    }

    /// Returns a text without the secrets of the run's calls.
    pub(crate) fn without_secrets(&self, text: Arc<str>) -> Arc<str> {
        match &self.session {
            Some(session) => session.without_secrets(text),
            None => text,
        }
    }

    /// Returns the context in which a call is evaluated or run.
    pub(crate) fn context(
        &self,
        call: &CallId,
        approval: ApprovalId,
        reasoning: Option<Arc<str>>,
        now: Timestamp,
    ) -> CallContext {
        let (info, history) = (Arc::clone(&self.info), self.history.clone());
        CallContext {
            info,
            call: call.clone(),
            approval,
            reasoning,
            history,
            now,
            asked: Arc::default(),
        }
    }
}
