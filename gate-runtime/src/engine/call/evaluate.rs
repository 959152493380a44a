//! Evaluates a call by the tool's policy, the agent's policy and the overlays. The strictest
//! verdict wins.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use gate_core::approval::given_at;
use gate_core::assessment::{
    Assessment, EvaluationFailure, GateDenial, Opinion, PolicyOpinion, PolicyView, RuleResult,
    Verdict,
};
use gate_core::call::{Arguments, NotRun, RunInfo, ToolCall};
use gate_core::grants::{LimitCharge, LimitKey};
use gate_core::id::{ApprovalId, CallId, ToolName};
use gate_core::ports::{CallQuery, Changeset, StoreError};
use gate_core::records::GateEvent;
use gate_core::text::SchemaError;
use serde_json::Value;

use super::not_run::{invalid, unavailable};
use super::parse::RawArguments;
use super::run_context::RunContext;
use crate::engine::kernel::EngineCore;
use crate::engine::kernel::tools::GateTool;
use crate::engine::review::error::DecideError;
use crate::logic::context::CallContext;
use crate::logic::erased_tool::MaybeEvaluated;
use crate::logic::time_limit::bounded;
use crate::logic::tool::policy::PolicyEvaluation;
use crate::logic::tool_spec::CompletedArguments;
use crate::ports::overlay::OverlayCall;
use crate::provenance::{CallFacts, RunHistory, origins};

/// The evaluation of one call by all policies and overlays.
pub(crate) struct CallEvaluation {
    pub(crate) assessment: Arc<Assessment>,
    /// The charges of the matching rules that approve.
    charges: Vec<RuleTakes>,
}

struct RuleTakes {
    opinion: usize,
    rule: usize,
    charges: Vec<LimitCharge>,
}

impl CallEvaluation {
    fn new(
        evaluations: Vec<PolicyEvaluation>,
        overlays: Vec<Opinion>,
    ) -> Result<Self, EvaluationFailure> {
        let mut charges = Vec::new();
        let mut opinions = Vec::with_capacity(evaluations.len() + overlays.len());
        for (opinion, evaluation) in evaluations.into_iter().enumerate() {
            let of_rule = |(rule, charges)| RuleTakes { opinion, rule, charges };
            charges.extend(evaluation.charges.into_iter().map(of_rule));
            opinions.push(Opinion::Policy(evaluation.opinion));
        }
        opinions.extend(overlays);
        Ok(Self { assessment: Arc::new(Assessment::join(opinions).reached()?), charges })
    }

    /// Joins the requirements of a remote program with the overlays. The program evaluates its
    /// rules itself: here, it only names the people to ask, and overlays may object.
    pub(crate) fn joined(policy: &Arc<PolicyView>, overlays: Vec<Opinion>) -> Assessment {
        let opinion = PolicyOpinion {
            agent: None,
            policy: Arc::clone(policy),
            results: vec![RuleResult::Matched; policy.rules().len()],
            errors: Vec::new(),
            verdict: Verdict::Ask,
        };
        Assessment::join([Opinion::Policy(opinion)].into_iter().chain(overlays).collect())
    }

    /// Creates an evaluation without charges.
    pub(crate) fn of_program(assessment: Assessment) -> Self {
        Self { assessment: Arc::new(assessment), charges: Vec::new() }
    }

    /// Creates the evaluation of a call that the gate itself denies, before any rule is evaluated.
    pub(crate) fn denied(denial: GateDenial, reason: String) -> Self {
        Self { assessment: Arc::new(Assessment::denied(denial, reason)), charges: Vec::new() }
    }

    pub(crate) fn verdict(&self) -> Verdict {
        self.assessment.verdict()
    }

    /// Returns the assessment for people, with the origin of each argument.
    ///
    /// Only people read origins, so they are not computed for a call that rules decide alone. A
    /// default has no origin.
    fn with_origins(
        &self,
        call: &CallFacts,
        given: Option<&Value>,
        history: &RunHistory,
    ) -> Arc<Assessment> {
        let mut origins = origins(call, history);
        if let Some(given) = given {
            origins.retain(|of| given_at(given, &of.pointer).is_some());
        }
        if origins.is_empty() {
            return Arc::clone(&self.assessment);
        }
        let mut assessment = Assessment::clone(&self.assessment);
        assessment.set_origins(origins);
        Arc::new(assessment)
    }

    /// Returns the charges of every rule that approves the call.
    pub(crate) fn charges(&self) -> Vec<LimitCharge> {
        self.charges.iter().flat_map(|of_rule| &of_rule.charges).cloned().collect()
    }

    /// Marks limits as used up, so that their rules do not count.
    pub(crate) fn exhaust(&mut self, spent: &dyn Fn(&LimitCharge) -> bool) {
        let assessment = Arc::make_mut(&mut self.assessment);
        self.charges.retain(|RuleTakes { opinion, rule, charges }| {
            let gone = charges.iter().any(spent);
            if gone {
                assessment.exhaust(*opinion, *rule);
            }
            !gone
        });
    }
}

/// The reason why there is no verdict on a call.
pub(crate) enum NoVerdict {
    /// The arguments do not fit the tool's type.
    SchemaError(SchemaError),
    /// Rules or overlays failed, and the verdict depends on them.
    Failed(EvaluationFailure),
    /// Rules need the origins of values, and the store does not answer.
    Store(StoreError),
}

impl From<StoreError> for NoVerdict {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<SchemaError> for NoVerdict {
    fn from(error: SchemaError) -> Self {
        Self::SchemaError(error)
    }
}

impl From<EvaluationFailure> for NoVerdict {
    fn from(failed: EvaluationFailure) -> Self {
        Self::Failed(failed)
    }
}

impl From<NoVerdict> for DecideError {
    fn from(why: NoVerdict) -> Self {
        match why {
            NoVerdict::SchemaError(schema_error) => Self::Invalid(schema_error.into()),
            NoVerdict::Failed(failed) => Self::Unjudged(failed),
            NoVerdict::Store(error) => Self::Store(error),
        }
    }
}

impl From<NoVerdict> for NotRun {
    fn from(why: NoVerdict) -> Self {
        match why {
            NoVerdict::SchemaError(schema_error) => {
                Self::Invalid { problem: schema_error.to_string() }
            }
            NoVerdict::Failed(failed) => Self::Unavailable { problem: failed.to_string() },
            NoVerdict::Store(error) => unavailable(error),
        }
    }
}

impl EngineCore {
    /// Returns the assessment to record, with origins if people may read it.
    ///
    /// # Errors
    /// If the outputs of the run's tools cannot be read from the store.
    pub(crate) async fn shown(
        &self,
        tool: &GateTool,
        evaluation: &CallEvaluation,
        arguments: &Value,
        given: Option<&Value>,
        run: &RunContext,
    ) -> Result<Arc<Assessment>, StoreError> {
        if evaluation.verdict() == Verdict::Ask || tool.descriptor.asks_on_error() {
            return self.with_origins(tool, evaluation, arguments, given, &run.history).await;
        }
        Ok(Arc::clone(&evaluation.assessment))
    }

    /// Returns the assessment of a call for people, with the origin of each argument.
    pub(crate) async fn with_origins(
        &self,
        tool: &GateTool,
        evaluation: &CallEvaluation,
        arguments: &Value,
        given: Option<&Value>,
        history: &RunHistory,
    ) -> Result<Arc<Assessment>, StoreError> {
        if history.is_empty() {
            return Ok(Arc::clone(&evaluation.assessment));
        }
        self.read_outputs(history).await?;
        Ok(evaluation.with_origins(&tool.facts(arguments, self.now()), given, history))
    }

    /// Evaluates a call, without any change or charge.
    ///
    /// # Errors
    /// If the arguments do not fit the tool's type, a failed rule could deny the call, or tool
    /// outputs cannot be read from the store.
    pub(crate) async fn judge(
        &self,
        tool: &GateTool,
        arguments: &Value,
        sealed: &Arguments,
        context: CallContext,
    ) -> Result<CallEvaluation, NoVerdict> {
        if tool.asks_origins.load(Ordering::Relaxed) {
            self.read_outputs(&context.history).await?;
            context.asked.set_facts(|| tool.facts(arguments, context.now));
        }
        let evaluated = self.judge_once(tool, arguments, sealed, context.clone()).await;
        if !context.asked.was_unanswered() {
            return evaluated;
        }
        // Rules are not async, so the first rule that needed an origin got none. From now on,
        // origins are computed before the tool's rules.
        tool.asks_origins.store(true, Ordering::Relaxed);
        self.read_outputs(&context.history).await?;
        context.asked.set_facts(|| tool.facts(arguments, context.now));
        self.judge_once(tool, arguments, sealed, context).await
    }

    async fn judge_once(
        &self,
        tool: &GateTool,
        arguments: &Value,
        sealed: &Arguments,
        context: CallContext,
    ) -> Result<CallEvaluation, NoVerdict> {
        let call = OverlayCall { tool: &tool.name, arguments: sealed, context: &context };
        let overlays = self.ask_overlays(&call).await;
        let mut evaluations =
            match tool.tool.judge(arguments, tool.spec, context, &self.judging_time)? {
                MaybeEvaluated::Done(evaluations) => evaluations,
                MaybeEvaluated::Pending(later) => later.await?,
            };
        if tool.spec.has_secrets {
            let scrub = tool.secrets(arguments);
            let errors =
                evaluations.iter_mut().flat_map(|evaluation| &mut evaluation.opinion.errors);
            errors.for_each(|(_, error)| *error = scrub.clean(error));
            let charges = evaluations.iter_mut().flat_map(|evaluation| &mut evaluation.charges);
            charges
                .flat_map(|(_, charges)| charges)
                .for_each(|charge| charge.key = self.keyed_counter(&charge.key));
        }
        let mut judgement = CallEvaluation::new(evaluations, overlays)?;
        Arc::make_mut(&mut judgement.assessment)
            .set_destructive(tool.descriptor.annotations().destructive);
        judgement.assessment = tool.share(judgement.assessment);
        Ok(judgement)
    }

    /// Returns the stored form of a limit key of a tool with secrets, because rules may derive the
    /// key from secrets.
    fn keyed_counter(&self, key: &LimitKey) -> LimitKey {
        if key.key() == "null" {
            return key.clone();
        }
        LimitKey::new(
            key.limit(),
            format!("\"{}\"", self.commitments.keyed_counter(key.limit(), key.key())),
        )
    }

    /// Evaluates a call that is to run, and records the failure if there is no verdict.
    pub(crate) async fn judge_for(
        &self,
        tool: &GateTool,
        arguments: &Value,
        sealed: &Arguments,
        context: CallContext,
        approval: Option<ApprovalId>,
    ) -> Result<CallEvaluation, NotRun> {
        let (info, call) = (Arc::clone(&context.info), context.call.clone());
        match self.judge(tool, arguments, sealed, context).await {
            Ok(evaluation) => Ok(evaluation),
            Err(NoVerdict::Failed(failed)) => {
                Err(self.note_unjudged(info, call, &tool.name, approval, failed).await)
            }
            Err(why) => Err(why.into()),
        }
    }

    /// Records that a call could not be evaluated. If that fails, the call does not run either.
    pub(crate) async fn note_unjudged(
        &self,
        info: Arc<RunInfo>,
        call: CallId,
        tool: &ToolName,
        approval: Option<ApprovalId>,
        failed: EvaluationFailure,
    ) -> NotRun {
        let event = GateEvent::CallUnjudged {
            info,
            call,
            tool: tool.clone(),
            approval,
            problem: failed.clone(),
        };
        match self.store.commit(Changeset::noting(self.now(), event)).await {
            Ok(_) => NoVerdict::Failed(failed).into(),
            Err(error) => unavailable(error),
        }
    }

    /// Evaluates a call, including limits, without any effect.
    pub(crate) async fn assess(
        &self,
        run: &RunContext,
        call: &ToolCall,
    ) -> Result<Assessment, NotRun> {
        let (index, completed) =
            self.parse(run, call.tool(), RawArguments::Text(call.arguments())).map_err(invalid)?;
        let CompletedArguments { arguments, given } = completed;
        let tool = self.tool_at(index)?;
        let sealed = tool.seal(&arguments, &self.commitments).map_err(invalid)?;
        let reasoning = call.shared_reasoning().cloned().or_else(|| run.reasoning.clone());
        let now = self.now();
        let context = run.context(call.id(), ApprovalId::new(), reasoning, now);
        let mut evaluation = self.judge(tool, &arguments, &sealed, context).await?;
        let charges = evaluation.charges();
        let mut about = CallQuery::new(run.info.run(), call.id(), &tool.name, now);
        about.counters = charges.iter().map(|take| (take.key.clone(), take.window)).collect();
        let used = self.store.load_history(&about).await.map_err(unavailable)?.used;
        evaluation.exhaust(&|take| {
            let used_index = charges.iter().position(|known| known == take);
            // Fails closed: if the store did not return the use of a limit, it counts as used up.
            used_index.and_then(|place| used.get(place)).is_none_or(|used| !take.fits(*used))
        });
        let assessment =
            self.with_origins(tool, &evaluation, &arguments, given.as_ref(), &run.history).await;
        let assessment = Arc::unwrap_or_clone(assessment.map_err(unavailable)?);
        assessment.reached().map_err(|failed| NoVerdict::from(failed).into())
    }

    pub(crate) async fn ask_overlays(&self, call: &OverlayCall<'_>) -> Vec<Opinion> {
        let mut opinions = Vec::new();
        for overlay in &self.overlays {
            // A panic, a timeout or an error counts as a failure of the overlay, which denies or
            // asks.
            match bounded(&self.judging_time, || overlay.overlay.judge(call)).await {
                Ok(Ok(None)) => {}
                Ok(Ok(Some(objection))) => opinions.push(overlay.objects(objection)),
                Ok(Err(error)) => opinions.push(overlay.failed(error.to_string())),
                Err(problem) => opinions.push(overlay.failed(problem)),
            }
        }
        opinions
    }
}
