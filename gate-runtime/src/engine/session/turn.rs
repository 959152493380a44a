//! A turn: the answers to a batch of calls, and the calls that wait.

use std::fmt;
use std::sync::{Arc, OnceLock};

use gate_core::approval::Approval;
use gate_core::call::{DeniedBy, NotRun};
use gate_core::id::ApprovalId;
use rpds::RedBlackTreeMapSync;

use super::answer::{Answer, CallResult};
use super::run_session::RunSession;
use crate::engine::call::run_context::RunContext;
use crate::engine::kernel::EngineCore;
use crate::engine::review::interruption::Interruption;

/// One batch of calls: an answer to each, in the order in which the model proposed them.
///
/// ```
/// # fn show(turn: &gate_runtime::Turn) {
/// for answer in turn.answers() {
///     println!("{}: {}", answer.call(), answer.kind());
/// }
/// # }
/// ```
#[must_use = "a turn holds the answers for the model, and the questions for people"]
pub struct Turn {
    answers: Vec<Answer>,
    late: Vec<Answer>,
    waiting: Option<WaitingCalls>,
}

/// The calls of a run and its nested runs that waited when a turn was created. Holding them is
/// cheap; the interruptions are created on first use.
pub(crate) struct WaitingCalls {
    core: Arc<EngineCore>,
    run: RunContext,
    session: Arc<RunSession>,
    approvals: RedBlackTreeMapSync<ApprovalId, Arc<Approval>>,
    interruptions: OnceLock<Vec<Interruption>>,
}

impl WaitingCalls {
    /// Returns the waiting calls; `None` if nothing waits, so that the turn holds no part of its
    /// gate.
    pub(crate) fn of(
        core: &Arc<EngineCore>,
        run: &RunContext,
        session: &Arc<RunSession>,
    ) -> Option<Self> {
        let approvals = session.ledger.waiting();
        (!approvals.is_empty()).then(|| Self {
            core: Arc::clone(core),
            run: run.clone(),
            session: Arc::clone(session),
            approvals,
            interruptions: OnceLock::new(),
        })
    }

    /// Returns the questions of the run first, then those of nested runs, each with the context of
    /// its own run.
    fn interruptions(&self) -> &[Interruption] {
        self.interruptions.get_or_init(|| {
            let own = self.session.run_id();
            let (of_run, others): (Vec<_>, Vec<_>) = self
                .approvals
                .values()
                .partition(|approval| *approval.subject().info().run() == own);
            let nested = others
                .into_iter()
                .filter(|approval| approval.subject().info().run().is_within(&own));
            let of_run = of_run.into_iter().map(|approval| (self.run.clone(), approval));
            let nested = nested.map(|approval| {
                let session = self.session.descendant(approval.subject().info().run());
                let run = session.map(|session| RunContext::as_it_is(&session, session.info()));
                (
                    run.unwrap_or_else(|| RunContext::of_stored(&self.core, approval.subject())),
                    approval,
                )
            });
            let question = |(run, approval): (RunContext, &Arc<Approval>)| {
                Interruption::new(Arc::clone(&self.core), run, Arc::clone(approval))
            };
            of_run.chain(nested).map(question).collect()
        })
    }
}

impl Turn {
    pub(crate) fn new(
        answers: Vec<Answer>,
        late: Vec<Answer>,
        waiting: Option<WaitingCalls>,
    ) -> Self {
        Self { answers, late, waiting }
    }

    /// Returns an answer to every call of the batch, in the order in which the model proposed them,
    /// including the calls that wait.
    #[must_use]
    pub fn answers(&self) -> &[Answer] {
        &self.answers
    }

    /// Returns the final answers: of calls that ran, and of calls that never will.
    pub fn outputs(&self) -> impl Iterator<Item = &Answer> {
        self.answers.iter().filter(|answer| !answer.is_waiting())
    }

    /// Returns answers to calls of earlier batches that the application does not have yet: calls
    /// that waited and have ended since, calls whose end is unknown, and calls of a turn that never
    /// arrived.
    ///
    /// An answer is in every turn until the application [acknowledges](crate::Run::acknowledge) the
    /// turn or submits the next batch, which means that the model has the earlier turns. This also
    /// applies to a [resumed](crate::Gate::resume) run.
    #[must_use]
    pub fn late(&self) -> &[Answer] {
        &self.late
    }

    /// Returns the calls that wait for people, of this batch and of earlier ones of the run.
    #[must_use]
    pub fn interruptions(&self) -> &[Interruption] {
        self.waiting.as_ref().map_or(&[], WaitingCalls::interruptions)
    }

    /// Returns whether a call of this batch still waits.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.answers.iter().any(Answer::is_waiting)
    }

    /// Returns whether the run should stop, because too many of its calls did not run, or it asked
    /// people too often.
    #[must_use]
    pub fn must_stop(&self) -> bool {
        let stops = |answer: &Answer| {
            matches!(
                answer.result(),
                CallResult::NotRun(NotRun::Denied {
                    by: DeniedBy::TooManyDenials | DeniedBy::TooManyQuestions
                })
            )
        };
        self.answers.iter().any(stops)
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.answers.iter().map(|answer| (answer.call(), answer.kind())))
            .finish()
    }
}
