//! Asks people about a remote call.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use gate_core::approval::Approval;
use gate_core::call::{Arguments, CallSubject, Descriptor, NotRun, RunInfo};
use gate_core::id::{AgentName, ApprovalId, ToolName};
use gate_core::text::{ReadLimits, english, read};
use serde_json::Value;
use tokio::task::spawn_blocking;

use super::call::RemoteCall;
use super::{RemoteCaller, namespaced};
use crate::engine::call::not_run::{invalid, unavailable};
use crate::engine::call::propose::{
    BodyPlace, CallLookup, ProposeError, ProposedCall, SubmitContext, SubmittedCall,
};
use crate::engine::call::run_context::RunContext;

use crate::logic::schema_walk::has_secrets;
use crate::logic::tool_spec::ToolSpec;

/// The question about a remote call.
///
/// ```
/// # fn show(asked: &gate_runtime::remote::RemoteApproval) {
/// println!(
///     "{} is {}{}",
///     asked.id(),
///     asked.status(),
///     if asked.is_new() { "" } else { ", as it was asked before" }
/// );
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RemoteApproval {
    approval: Arc<Approval>,
    is_new: bool,
}

impl RemoteApproval {
    /// Returns whether the question is new.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.is_new
    }
}

impl Deref for RemoteApproval {
    type Target = Approval;

    fn deref(&self) -> &Approval {
        &self.approval
    }
}

/// The reason why a question about a remote call was refused.
///
/// ```
/// use gate_runtime::remote::RemoteError;
/// use gate_runtime::run::NotRun;
/// let error = RemoteError::from(NotRun::Invalid { problem: "the tool's name is empty".into() });
/// assert_eq!(error.to_string(), "the tool's name is empty");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemoteError {
    /// The id was used for another call of the same run.
    IdUsed {
        /// The problem, and what to do about it.
        problem: String,
    },
    /// Nobody could ever answer the question.
    NobodyToAsk {
        /// The people whom the directory lacks.
        problem: String,
    },
    /// The agent has reached its [limit](RemoteCall::at_once) of waiting questions.
    TooManyWait {
        /// The number of questions that may wait.
        at_once: u64,
    },
    /// Checking the agent's arguments against their schemas has taken too much time.
    TooCostly {
        /// The number of seconds after which the agent may ask again.
        again_after: u32,
    },
    /// The call cannot be accepted, or the store or a directory does not answer.
    NotRun(NotRun),
}

impl From<ProposeError> for RemoteError {
    fn from(why: ProposeError) -> Self {
        match why {
            ProposeError::IdUsed(NotRun::Invalid { problem }) => Self::IdUsed { problem },
            ProposeError::NobodyToAsk(NotRun::NobodyToAsk { problem }) => {
                Self::NobodyToAsk { problem }
            }
            ProposeError::TooManyWait(at_once) => Self::TooManyWait { at_once },
            other => Self::NotRun(other.into()),
        }
    }
}

impl From<NotRun> for RemoteError {
    fn from(reason: NotRun) -> Self {
        Self::NotRun(reason)
    }
}

impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IdUsed { problem }
            | Self::NobodyToAsk { problem }
            | Self::NotRun(NotRun::Invalid { problem }) => f.write_str(problem),
            Self::TooManyWait { at_once } => {
                write!(
                    f,
                    "{at_once} questions of this agent wait already: wait for decisions, or let \
                     more wait at once"
                )
            }
            Self::TooCostly { again_after } => write!(
                f,
                "the schemas of this agent have taken too much time: ask again after {}, with \
                 simpler ones",
                english::duration(Duration::from_secs((*again_after).into()))
            ),
            Self::NotRun(reason) => f.write_str(&reason.for_reviewer()),
        }
    }
}

impl std::error::Error for RemoteError {}

impl RemoteCaller {
    /// Asks people about a call. An overlay may deny it, a grant may answer it. Asking again with
    /// the same id in the same run returns the first question.
    ///
    /// # Errors
    /// Returns [`RemoteError::IdUsed`] if the id was used for another call,
    /// [`RemoteError::NobodyToAsk`] if nobody could answer, [`RemoteError::TooManyWait`] or
    /// [`RemoteError::TooCostly`] if the agent has to wait, and [`RemoteError::NotRun`] if the
    /// arguments or anything else cannot be accepted, or the store does not answer. Nobody is asked
    /// in these cases.
    pub async fn ask(&self, call: RemoteCall) -> Result<RemoteApproval, RemoteError> {
        let core = &self.core;
        let (run, candidate) = self.read(call).await?;
        let prepared = match core.plan(&run, candidate).await? {
            CallLookup::Known(known) => {
                let approval =
                    core.bring_up_to_date(known.id()).await.map_err(unavailable)?.unwrap_or(known);
                return Ok(RemoteApproval { approval, is_new: false });
            }
            CallLookup::New(new_call) => new_call,
        };
        let id = prepared.id();
        match core.open(&run, *prepared, &SubmitContext::of_elsewhere()).await? {
            SubmittedCall::Settled(approval) => {
                Ok(RemoteApproval { is_new: approval.id() == id, approval })
            }
            SubmittedCall::Dispatched(..) => {
                Err(unavailable("its body is in another program").into())
            }
        }
    }

    async fn read(&self, call: RemoteCall) -> Result<(RunContext, ProposedCall), RemoteError> {
        let core = &self.core;
        if let Some(problem) = call.problem(&self.agent) {
            return Err(invalid(problem).into());
        }
        let (run, id, tool) = (
            call.run_context(core, &self.agent),
            call.id.clone(),
            namespaced(&self.agent, call.tool.as_str()),
        );
        let (limits, info, agent) = (core.limits, Arc::clone(&run.info), self.agent.clone());
        // The schema of a remote program may be slow to check, which must not block others. So each
        // agent has one check at a time. A caller that is dropped gets no steps back.
        let mut allowance = core.allowances.turn(&self.agent).await;
        let now = core.now();
        allowance.has_some(now).map_err(|again_after| RemoteError::TooCostly { again_after })?;
        let read = spawn_blocking(move || {
            let (read, steps) = read_call(limits, &agent, info, call);
            allowance.take(steps);
            read
        });
        match read.await.map_err(unavailable)? {
            Ok(candidate) => Ok((run, candidate)),
            Err(reason @ NotRun::Invalid { .. }) => {
                Err(core.refuse(&run, &id, &tool.into(), reason).await.into())
            }
            Err(reason) => Err(reason.into()),
        }
    }
}

/// Parses a program's call: the tool, the arguments, the people to ask. Also returns the number of
/// steps that its schema took.
fn read_call(
    limits: ReadLimits,
    agent: &AgentName,
    info: Arc<RunInfo>,
    call: RemoteCall,
) -> (Result<ProposedCall, NotRun>, u64) {
    let name = ToolName::from(namespaced(agent, call.tool.as_str()));
    let tool =
        Descriptor::remote(name, call.description.clone(), call.schema.clone(), call.annotations);
    let spec = ToolSpec::of(&tool);
    let read = read_arguments(limits, &tool, &spec, &call.arguments);
    (read.and_then(|arguments| candidate(info, call, tool, arguments)), spec.spent())
}

fn read_arguments(
    limits: ReadLimits,
    tool: &Descriptor,
    spec: &ToolSpec,
    arguments: &str,
) -> Result<Value, NotRun> {
    if has_secrets(tool.input_schema()) {
        return Err(invalid(
            "a call of another program has no secrets here: leave them out of its arguments",
        ));
    }
    let completed = spec
        .complete(read(arguments, limits))
        .map_err(|errors| invalid(format!("The arguments: {errors}")))?;
    Ok(completed.arguments)
}

fn candidate(
    info: Arc<RunInfo>,
    call: RemoteCall,
    tool: Descriptor,
    arguments: Value,
) -> Result<ProposedCall, NotRun> {
    let policy = call.policy();
    let sealed = Arguments::new(&arguments, Vec::new()).map_err(invalid)?;
    let subject = CallSubject {
        approval: ApprovalId::new(),
        info,
        call: call.id,
        tool: tool.name().clone(),
        tool_digest: tool.digest(),
        policy_digest: policy.digest(),
        reasoning: call.reasoning,
        request: Some(Arc::new(call.request)),
    };
    let body = BodyPlace::Elsewhere { tool: Arc::new(tool), policy, at_once: call.at_once };
    Ok(ProposedCall { subject: Arc::new(subject), arguments, sealed, given: None, body })
}
