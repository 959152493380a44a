//! Judging a call: the tool's policy, the agent's, the overlays; the strictest wins.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use serde_json::Value;

use super::core::{Core, GateTool};
use crate::logic::bound::Judging;
use crate::logic::policy::Evaluation;
use crate::logic::redact::Scrub;
use crate::ports::overlay::{Objection, OverlayCall};
use crate::values::arguments::Arguments;
use crate::values::assessment::{Assessment, Opinion};
use crate::values::context::CallContext;
use crate::values::json::Misfit;
use crate::values::limit::Take;
use crate::values::verdict::Verdict;

/// How everything that judges calls judged one.
pub(crate) struct Judgement {
    evaluations: Vec<Evaluation>,
    overlays: Vec<Opinion>,
}

impl Judgement {
    /// The joined assessment.
    pub(crate) fn assessment(&self) -> Assessment {
        let policies = self.evaluations.iter().map(|evaluation| Opinion::Policy(evaluation.opinion.clone()));
        Assessment::join(policies.chain(self.overlays.iter().cloned()).collect())
    }

    /// What the approval of the call takes of limits: of every rule that approves it.
    pub(crate) fn takes(&self) -> Vec<Take> {
        self.evaluations.iter().flat_map(|evaluation| &evaluation.takes).flat_map(|(_, takes)| takes).cloned().collect()
    }

    /// Marks limits as used up, so that their rules do not count.
    pub(crate) fn exhaust(&mut self, spent: &dyn Fn(&Take) -> bool) {
        self.evaluations.iter_mut().for_each(|evaluation| evaluation.exhaust(spent));
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
        Ok(Judgement { evaluations, overlays })
    }

    async fn ask_overlays(&self, call: &OverlayCall<'_>) -> Vec<Opinion> {
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
