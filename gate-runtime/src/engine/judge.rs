//! Judging a call: the tool's policy, the agent's, the overlays; the strictest wins.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use serde_json::Value;

use super::core::{Core, GateTool};
use super::intake::{Circumstances, Raw};
use super::open::unavailable;
use crate::logic::bound::Judging;
use crate::logic::context::CallContext;
use crate::logic::policy::Evaluation;
use crate::logic::redact::Scrub;
use crate::ports::overlay::{Objection, OverlayCall};
use crate::ports::store::Proposal;
use crate::provenance::{History, origins};
use crate::values::arguments::Arguments;
use crate::values::assessment::Assessment;
use crate::values::context::ToolCall;
use crate::values::id::ApprovalId;
use crate::values::json::Misfit;
use crate::values::limit::Take;
use crate::values::opinion::{Denial, Opinion};
use crate::values::outcome::NotRun;
use crate::values::verdict::Verdict;

/// How everything that judges calls judged one.
pub(crate) struct Judgement {
    pub(crate) assessment: Arc<Assessment>,
    /// What the approving rules that match would take of their limits.
    takes: Vec<RuleTakes>,
}

struct RuleTakes {
    opinion: usize,
    rule: usize,
    takes: Vec<Take>,
}

impl Judgement {
    fn new(evaluations: Vec<Evaluation>, overlays: Vec<Opinion>) -> Self {
        let mut takes = Vec::new();
        let mut opinions = Vec::with_capacity(evaluations.len() + overlays.len());
        for (opinion, evaluation) in evaluations.into_iter().enumerate() {
            let of_rule = |(rule, takes)| RuleTakes { opinion, rule, takes };
            takes.extend(evaluation.takes.into_iter().map(of_rule));
            opinions.push(Opinion::Policy(evaluation.opinion));
        }
        opinions.extend(overlays);
        Self { assessment: Arc::new(Assessment::join(opinions)), takes }
    }

    /// The gate itself denies, before any rule is looked at.
    pub(crate) fn denied(denial: Denial, reason: String) -> Self {
        Self { assessment: Arc::new(Assessment::denied(denial, reason)), takes: Vec::new() }
    }

    pub(crate) fn verdict(&self) -> Verdict {
        self.assessment.verdict()
    }

    /// Returns the assessment as people read it: with where each argument came from.
    ///
    /// Nothing else asks for that, so a call that rules decide alone does not pay for it.
    pub(crate) fn with_origins(&self, arguments: &Value, history: &History) -> Arc<Assessment> {
        let origins = origins(arguments, history);
        if origins.is_empty() {
            return Arc::clone(&self.assessment);
        }
        Arc::new(Assessment { origins, ..Assessment::clone(&self.assessment) })
    }

    /// What the approval of the call takes of limits: of every rule that approves it.
    pub(crate) fn takes(&self) -> Vec<Take> {
        self.takes.iter().flat_map(|of_rule| &of_rule.takes).cloned().collect()
    }

    /// Marks limits as used up, so that their rules do not count.
    pub(crate) fn exhaust(&mut self, spent: &dyn Fn(&Take) -> bool) {
        let assessment = Arc::make_mut(&mut self.assessment);
        self.takes.retain(|RuleTakes { opinion, rule, takes }| {
            let gone = takes.iter().any(spent);
            if gone {
                assessment.exhaust(*opinion, *rule);
            }
            !gone
        });
    }
}

impl GateTool {
    /// Returns the assessment that goes on the record: with origins where people may read it.
    pub(crate) fn shown(&self, judgement: &Judgement, arguments: &Value, run: &Circumstances) -> Arc<Assessment> {
        if judgement.verdict() == Verdict::Ask || self.descriptor.asks_on_error() {
            return judgement.with_origins(arguments, &run.history);
        }
        Arc::clone(&judgement.assessment)
    }
}

impl Core {
    /// Judges a call. It changes nothing and takes nothing of any limit.
    ///
    /// # Errors
    /// Where the tool's type does not take the arguments.
    pub(crate) async fn judge(
        &self,
        tool: &GateTool,
        arguments: &Value,
        sealed: &Arguments,
        context: CallContext,
    ) -> Result<Judgement, Misfit> {
        let overlays = if self.overlays.is_empty() {
            Vec::new()
        } else {
            self.ask_overlays(&OverlayCall { tool: &tool.name, arguments: sealed, context: &context }).await
        };
        let mut evaluations = match tool.tool.judge(arguments, context)? {
            Judging::Done(evaluations) => evaluations,
            Judging::Later(later) => later.await,
        };
        if tool.spec.has_secrets {
            let scrub = Scrub::of(tool.descriptor.input_schema(), arguments);
            let errors = evaluations.iter_mut().flat_map(|evaluation| &mut evaluation.opinion.errors);
            errors.for_each(|(_, error)| *error = scrub.clean(error));
        }
        Ok(Judgement::new(evaluations, overlays))
    }

    /// Judges a call without acting, limits included.
    pub(crate) async fn assess(&self, run: &Circumstances, call: &ToolCall) -> Result<Assessment, NotRun> {
        let invalid = |problem: String| NotRun::Invalid { problem };
        let unfit = |misfit: Misfit| invalid(misfit.to_string());
        let (place, arguments) = self.parse(&call.tool, Raw::Text(&call.arguments)).map_err(invalid)?;
        let tool = self.tool_at(place)?;
        let sealed = tool.seal(&arguments).map_err(unfit)?;
        let reasoning = call.reasoning.clone().or_else(|| run.reasoning.clone());
        let now = self.now();
        let context = run.context(&call.id, ApprovalId::new(), reasoning, now);
        let mut judgement = self.judge(tool, &arguments, &sealed, context).await.map_err(unfit)?;
        let takes = judgement.takes();
        let mut about = Proposal::new(&run.info.run, &call.id, &tool.name, now);
        about.counters = takes.iter().map(|take| (take.key.clone(), take.window)).collect();
        let used = self.store.recall(&about).await.map_err(unavailable)?.used;
        judgement.exhaust(&|take| {
            let place = takes.iter().position(|known| known == take);
            place.and_then(|place| used.get(place)).is_none_or(|used| !take.fits(*used))
        });
        Ok(Arc::unwrap_or_clone(judgement.with_origins(&arguments, &run.history)))
    }

    pub(crate) async fn ask_overlays(&self, call: &OverlayCall<'_>) -> Vec<Opinion> {
        let mut opinions = Vec::new();
        for overlay in &self.overlays {
            let name = overlay.name().to_owned();
            let judged = AssertUnwindSafe(async { overlay.judge(call).await }).catch_unwind().await;
            let (verdict, reason, requirement) = match judged {
                Ok(Ok(None)) => continue,
                Ok(Ok(Some(Objection { reason, requirement }))) => {
                    (if requirement.is_some() { Verdict::Ask } else { Verdict::Deny }, reason, requirement)
                }
                Ok(Err(error)) => (Verdict::Ask, format!("it failed: {error}"), None),
                Err(_) => (Verdict::Ask, "it panicked".to_owned(), None),
            };
            opinions.push(Opinion::Overlay { name, verdict, reason, requirement });
        }
        opinions
    }
}
