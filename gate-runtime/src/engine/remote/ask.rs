//! Asking people about a call of another program.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::call::RemoteCall;
use super::question::Question;
use super::{Remote, place};
use crate::engine::core::Core;
use crate::engine::open::{id_used, invalid, is_same_call, opened, refusals, unavailable, use_up};
use crate::ports::store::{Committed, Transition};
use crate::values::approval::{Approval, Refusal};
use crate::values::assessment::Assessment;
use crate::values::grant::Grant;
use crate::values::limit::LimitKey;
use crate::values::outcome::NotRun;
use crate::values::verdict::Verdict;

/// A question that another program asked.
///
/// ```
/// # fn show(asked: &gate_runtime::Asked) {
/// println!("{} is {}{}", asked.id(), asked.status(), if asked.is_new() { "" } else { ", as it was asked before" });
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Asked {
    approval: Arc<Approval>,
    is_new: bool,
}

impl Asked {
    /// Whether it was not asked before.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.is_new
    }
}

impl Deref for Asked {
    type Target = Approval;

    fn deref(&self) -> &Approval {
        &self.approval
    }
}

/// Why another program's call was not asked about.
///
/// ```
/// use gate_runtime::{NotRun, RemoteError};
/// let error = RemoteError::from(NotRun::Invalid { problem: "the tool's name is empty".into() });
/// assert_eq!(error.to_string(), "the tool's name is empty");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemoteError {
    /// The id was used for another call of the same run.
    IdUsed {
        /// Which one, and what to do.
        problem: String,
    },
    /// Nobody could ever answer it.
    NobodyToAsk {
        /// Whom the directory lacks.
        problem: String,
    },
    /// It cannot be taken, or what is needed does not answer.
    NotRun(NotRun),
}

impl From<NotRun> for RemoteError {
    fn from(reason: NotRun) -> Self {
        Self::NotRun(reason)
    }
}

impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IdUsed { problem } | Self::NobodyToAsk { problem } | Self::NotRun(NotRun::Invalid { problem }) => {
                f.write_str(problem)
            }
            Self::NotRun(reason) => f.write_str(&reason.for_reviewer()),
        }
    }
}

impl std::error::Error for RemoteError {}

impl Remote {
    /// Asks people about a call; an overlay may deny it, a standing permission may answer it. Asked again under the same id in the same run, it is the same
    /// question, and stands as it was asked first.
    ///
    /// # Errors
    /// [`RemoteError::IdUsed`], where the id was used for another call; [`RemoteError::NobodyToAsk`], where nobody could answer; [`RemoteError::NotRun`], where the
    /// arguments or anything else cannot be taken, or the store does not answer. Then nobody is asked.
    pub async fn ask(&self, call: RemoteCall) -> Result<Asked, RemoteError> {
        let core = &self.core;
        let question = self.read(call).await?;
        core.check_principal(&question.run).await?;
        let mut spent: Vec<LimitKey> = Vec::new();
        loop {
            let recalled = core.store.recall(&question.proposal(core.now())).await.map_err(unavailable)?;
            if let Some(known) = recalled.approval {
                let approval = self.known(&question, known).await?;
                return Ok(Asked { approval, is_new: false });
            }
            let schema = question.tool.input_schema();
            let earlier = refusals(schema, &question.value, &question.arguments, &recalled);
            let assessment = if let Some((why, reason)) = core.denied_already(schema, &question.value, &recalled) {
                Assessment::denied(why, reason)
            } else {
                let opinions = core.opinions_on(&question.run, &question.subject, &question.arguments).await;
                let destructive = question.tool.annotations().destructive;
                Assessment {
                    destructive,
                    ..Assessment::join([question.opinion()].into_iter().chain(opinions).collect())
                }
            };
            let mut grant = None;
            if assessment.verdict() == Verdict::Ask {
                let (subject, requirements) = (&question.subject, assessment.requirements());
                if let Some(problem) = core.unaskable(&question.run, &requirements).await.map_err(unavailable)? {
                    return Err(RemoteError::NobodyToAsk { problem });
                }
                grant = core.find_grant(subject, &question.arguments, &requirements, &spent, recalled.grants).await;
            }
            let (transition, asked) = core.remote_transition(&question, assessment, earlier, grant.as_deref())?;
            let takes = transition.takes.clone();
            match core.commit_for(transition, &asked, None).await.map_err(unavailable)? {
                Committed::Done => {
                    core.settle(&asked);
                    return Ok(Asked { approval: asked, is_new: true });
                }
                Committed::LimitReached(place) => spent.extend(takes.get(place).map(|take| take.key.clone())),
                Committed::Conflict | Committed::Frozen => {}
            }
        }
    }

    /// Reads a call, and checks it against the schema that came with it. What cannot be taken is on the record, where it can be named.
    async fn read(&self, call: RemoteCall) -> Result<Question, NotRun> {
        let core = &self.core;
        if let Some(problem) = call.problem(&self.agent) {
            return Err(invalid(problem));
        }
        let (run, id, tool) =
            (call.circumstances(&self.agent), call.id.clone(), place(&self.agent, call.tool.as_str()));
        let (limits, agent) = (core.limits, self.agent.clone());
        // A schema that somebody else wrote may take its time, and holds nobody else up.
        let read = spawn_blocking(move || Question::read(limits, &agent, call)).await;
        match read.map_err(unavailable)? {
            Err(reason @ NotRun::Invalid { .. }) => Err(core.refuse(&run, &id, &tool.into(), reason).await),
            read => read,
        }
    }

    /// The call that was asked before under the same id, if it is the same.
    async fn known(&self, question: &Question, known: Arc<Approval>) -> Result<Arc<Approval>, RemoteError> {
        let is_same = known.subject.tool_digest == question.subject.tool_digest
            && is_same_call(question.tool.input_schema(), &question.value, known.proposed());
        if is_same && self.owns(&known) {
            let now = self.core.bring_up_to_date(known.id()).await.map_err(unavailable)?;
            return Ok(now.unwrap_or(known));
        }
        let subject = &question.subject;
        match self.core.refuse(&question.run, &subject.call, &subject.tool, id_used(&subject.call)).await {
            NotRun::Invalid { problem } => Err(RemoteError::IdUsed { problem }),
            reason => Err(reason.into()),
        }
    }
}

impl Core {
    /// Everything that is written when a question is asked: it, its tool, and the use of the standing permission that answers it.
    fn remote_transition(
        &self,
        question: &Question,
        assessment: Assessment,
        earlier: Vec<Refusal>,
        grant: Option<&Grant>,
    ) -> Result<(Transition, Arc<Approval>), NotRun> {
        let (subject, arguments) = (Arc::clone(&question.subject), question.arguments.clone());
        let approval = Approval::open(subject, arguments, Arc::new(assessment), earlier, self.now());
        let (mut transition, approval) = opened(approval, grant)?.alone();
        if let Some(grant) = grant {
            use_up(grant, &approval, &mut transition);
        }
        transition.tools.push(Arc::clone(&question.tool));
        Ok((transition, approval))
    }
}
