//! Parses a proposed call: once, strictly, before any rule or person sees it.

use std::sync::Arc;

use gate_core::call::{DeniedBy, NotRun, ToolCall};
use gate_core::id::{CallId, ToolName};
use gate_core::ports::{CallQuery, Changeset};
use gate_core::records::GateEvent;
use gate_core::text::{DAY, read, read_value};
use serde_json::Value;

use super::run_context::RunContext;
use crate::engine::kernel::EngineCore;
use crate::engine::kernel::tools::GateTool;
use crate::engine::kernel::unit_of_work::{refused, refused_once};
use crate::logic::registry::unknown_tool;
use crate::logic::tool_spec::CompletedArguments;

/// A parsed call: its tool is known, its arguments fit.
pub(crate) struct ParsedCall {
    /// The index of its tool.
    pub(crate) tool: usize,
    pub(crate) call: CallId,
    /// The arguments, secrets included.
    pub(crate) completed: CompletedArguments,
    pub(crate) reasoning: Option<Arc<str>>,
}

/// The source of arguments.
pub(crate) enum RawArguments<'a> {
    /// A model wrote them.
    Text(&'a str),
    /// A program gave them.
    Value(Result<Value, serde_json::Error>),
}

impl EngineCore {
    /// Parses a model's call.
    pub(crate) async fn read(
        &self,
        run: &RunContext,
        call: &ToolCall,
    ) -> Result<ParsedCall, NotRun> {
        let reasoning = call.shared_reasoning().cloned().or_else(|| run.reasoning.clone());
        self.read_raw(run, call.id(), call.tool(), RawArguments::Text(call.arguments()), reasoning)
            .await
    }

    pub(crate) async fn read_raw(
        &self,
        run: &RunContext,
        call: &CallId,
        tool: &ToolName,
        raw: RawArguments<'_>,
        reasoning: Option<Arc<str>>,
    ) -> Result<ParsedCall, NotRun> {
        if call.as_str().is_empty() {
            let problem = "It has no call id: give every call of a run an id of its own".to_owned();
            return Err(NotRun::Invalid { problem });
        }
        match self.parse(run, tool, raw) {
            Ok((tool, completed)) => {
                Ok(ParsedCall { tool, call: call.clone(), completed, reasoning })
            }
            Err(problem) => {
                let refused = self.refuse(run, call, tool, NotRun::Invalid { problem }).await;
                Err(self.stopped(run, call, tool).await.unwrap_or(refused))
            }
        }
    }

    /// Checks and completes the arguments of a call. Its secrets belong to the run from now on,
    /// even if the arguments do not fit.
    pub(crate) fn parse(
        &self,
        run: &RunContext,
        name: &ToolName,
        raw: RawArguments<'_>,
    ) -> Result<(usize, CompletedArguments), String> {
        let (index, tool) =
            self.tools.by_name(name.as_str()).ok_or_else(|| self.unknown_tool(name))?;
        let value = match raw {
            RawArguments::Text(text) => read(text, self.limits),
            RawArguments::Value(Ok(value)) => read_value(&value, self.limits),
            RawArguments::Value(Err(error)) => {
                return Err(format!("the arguments cannot be written as JSON: {error}"));
            }
        };
        if let Ok(value) = &value {
            run.learn_secrets(tool, value);
        }
        let completed = tool
            .spec
            .complete(value)
            .map_err(|errors| format!("The arguments of `{name}`: {errors}"))?;
        run.learn_secrets(tool, &completed.arguments);
        Ok((index, completed))
    }

    pub(crate) fn unknown_tool(&self, name: &ToolName) -> String {
        let known: Vec<&str> = self.tools.iter().map(|tool| tool.name.as_str()).collect();
        unknown_tool(name.as_str(), &known)
    }

    /// Records a refusal, without the arguments. If that fails, the call is refused as unavailable.
    pub(crate) async fn refuse(
        &self,
        run: &RunContext,
        call: &CallId,
        tool: &ToolName,
        reason: NotRun,
    ) -> NotRun {
        let now = self.now();
        let (info, call, tool) = (Arc::clone(&run.info), call.clone(), tool.clone());
        let problem = match &reason {
            NotRun::Invalid { problem } => problem.clone(),
            other => other.for_reviewer(),
        };
        let mut refused =
            Changeset::noting(now, GateEvent::CallRefused { info, call, tool, problem });
        if let NotRun::Invalid { .. } = reason {
            // A model that keeps sending invalid arguments is also stopped. For recorded calls,
            // `CallSubject::family` is the family.
            refused.charges.push(refused_once(&run.family));
        }
        match self.store.commit(refused).await {
            Ok(_) => reason,
            Err(error) => NotRun::Unavailable { problem: error.to_string() },
        }
    }

    /// Returns the reason to stop a run after a refused call, if too many of its calls did not run.
    async fn stopped(&self, run: &RunContext, call: &CallId, tool: &ToolName) -> Option<NotRun> {
        let mut about = CallQuery::new(run.info.run(), call, tool, self.now());
        about.counters.push((refused(&run.family), DAY));
        // If the count cannot be read, the call is still refused, but the model is not asked to
        // stop.
        let count = *self.store.load_history(&about).await.ok()?.used.first()?;
        (count > self.denials).then_some(NotRun::Denied { by: DeniedBy::TooManyDenials })
    }

    pub(crate) fn too_many(&self, count: u64) -> String {
        format!("{count} calls of this run did not run within a day, and {} may", self.denials)
    }

    pub(crate) fn tool_at(&self, index: usize) -> Result<&GateTool, NotRun> {
        self.tools
            .get(index)
            .ok_or_else(|| NotRun::Unavailable { problem: "the tool is gone".to_owned() })
    }
}
