//! The state of a run in memory: its facts, conversation, calls and nested runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use gate_core::approval::Approval;
use gate_core::call::{AgentHop, Message, NESTED, RunInfo};
use gate_core::id::{AgentName, RunId};

use super::batch::CallBatch;
use super::slots::StateBody;
use crate::engine::error::RunError;
use crate::engine::kernel::EngineCore;
use crate::engine::session::ledger::RunLedger;
use crate::lock::lock;
use crate::logic::secret_scrubber::SecretScrubber;
use crate::provenance::{RunConversation, RunHistory};

/// One run, shared by its handles, which any number of tasks may use at once.
///
/// No state is read, held over an await, and written back. Calls that are owed to the application
/// are in the [`RunLedger`]. The task that submits the next batch replaces the batch as a whole,
/// and each task fills its own places.
pub(crate) struct RunSession {
    pub(crate) level: Arc<RunLevel>,
    pub(crate) ledger: Arc<RunLedger>,
    current: Mutex<Arc<CallBatch>>,
    /// The calls in turns that the application has. Its next batch acknowledges them.
    returned: Mutex<Vec<Arc<Approval>>>,
    nested: Mutex<BTreeMap<RunId, Arc<RunSession>>>,
}

/// The part of a run that its nested runs read: the facts from the application, and the
/// conversation.
pub(crate) struct RunLevel {
    facts: Mutex<RunFacts>,
    conversation: Mutex<RunConversation>,
    /// The secrets of all calls of the run and its nested runs; kept by the outermost one.
    secrets: Mutex<SecretScrubber>,
    outer: Option<Arc<RunLevel>>,
}

/// The facts of a run that the application has set.
struct RunFacts {
    info: Arc<RunInfo>,
    reasoning: Option<Arc<str>>,
}

impl RunLevel {
    fn new(
        core: &EngineCore,
        info: RunInfo,
        reasoning: Option<Arc<str>>,
        outer: Option<Arc<RunLevel>>,
    ) -> Self {
        let memory = core.memories.of(info.run(), &info.run().outermost());
        let conversation = Mutex::new(RunConversation::new(memory, outer.is_some()));
        let facts = Mutex::new(RunFacts { info: Arc::new(info), reasoning });
        Self { facts, conversation, secrets: Mutex::default(), outer }
    }

    fn secrets(&self) -> &Mutex<SecretScrubber> {
        self.outer.as_ref().map_or(&self.secrets, |outer| outer.secrets())
    }

    /// Returns the run's info. Principal and case default to those of the outer run.
    fn info(&self) -> Arc<RunInfo> {
        let own = Arc::clone(&lock(&self.facts).info);
        let Some(outer) = self.outer.as_ref().map(|outer| outer.info()) else { return own };
        let mut info = RunInfo::clone(&own);
        if info.principal().is_none() {
            info.set_principal(outer.principal().cloned());
            info.set_roles(outer.roles().to_vec());
        }
        if info.case().is_none() {
            info.set_case(outer.case().cloned());
        }
        Arc::new(info)
    }
}

impl RunSession {
    pub(crate) fn begin(core: &EngineCore, run: RunId) -> Self {
        let ledger = Arc::new(RunLedger::new(run.outermost()));
        Self::new(
            RunLevel::new(core, RunInfo::new(run, only_agent(core)), None, None),
            ledger,
            CallBatch::default(),
        )
    }

    fn new(level: RunLevel, ledger: Arc<RunLedger>, current: CallBatch) -> Self {
        let (returned, nested) = (Mutex::default(), Mutex::default());
        Self {
            level: Arc::new(level),
            ledger,
            current: Mutex::new(Arc::new(current)),
            returned,
            nested,
        }
    }

    /// Restores a run from its state, with its nested runs. `stand` has its calls from the store.
    pub(crate) fn resumed(
        core: &EngineCore,
        body: StateBody,
        stored_approvals: &[Arc<Approval>],
    ) -> Self {
        let ledger = Arc::new(RunLedger::new(body.info.run().outermost()));
        Self::resumed_in(core, body, stored_approvals, &ledger, None)
    }

    fn resumed_in(
        core: &EngineCore,
        body: StateBody,
        stored_approvals: &[Arc<Approval>],
        ledger: &Arc<RunLedger>,
        outer: Option<Arc<RunLevel>>,
    ) -> Self {
        let level = RunLevel::new(core, RunInfo::clone(&body.info), body.reasoning, outer);
        let session = Self::new(
            level,
            Arc::clone(ledger),
            CallBatch::resumed(body.current, stored_approvals),
        );
        let level = || Some(Arc::clone(&session.level));
        let inner = body.nested.into_iter().map(|inner| {
            let run = inner.info.run().clone();
            (run, Arc::new(Self::resumed_in(core, inner, stored_approvals, ledger, level())))
        });
        *lock(&session.nested) = inner.collect();
        session
    }

    /// Returns the batch that was submitted last.
    pub(crate) fn current(&self) -> Arc<CallBatch> {
        Arc::clone(&lock(&self.current))
    }

    /// Replaces the last batch by a new one, and acknowledges the calls of earlier turns, because
    /// the application continues from them.
    pub(crate) fn begin_batch(&self, batch: CallBatch) -> Arc<CallBatch> {
        let batch = Arc::new(batch);
        *lock(&self.current) = Arc::clone(&batch);
        // Taken out at once, so that the next batch acknowledges a turn that another task gets
        // meanwhile.
        let returned = std::mem::take(&mut *lock(&self.returned));
        if !returned.is_empty() {
            self.ledger.take(&returned);
        }
        batch
    }

    /// Notes the calls whose ends are in a turn that the application gets now.
    pub(crate) fn mark_returned(&self, calls: impl IntoIterator<Item = Arc<Approval>>) {
        lock(&self.returned).extend(calls);
    }

    pub(crate) fn run_id(&self) -> RunId {
        lock(&self.level.facts).info.run().clone()
    }

    pub(crate) fn info(&self) -> Arc<RunInfo> {
        self.level.info()
    }

    /// Returns the history as it is now.
    pub(crate) fn history(&self) -> RunHistory {
        lock(&self.level.conversation).history()
    }

    /// Adds the secrets of a call.
    pub(crate) fn learn_secrets(&self, secrets: SecretScrubber) {
        // Kept by the outermost run, so that no text of a nested run shows a secret of another one.
        lock(self.level.secrets()).extend(secrets);
    }

    /// Returns a text without the secrets of the run's calls.
    pub(crate) fn without_secrets(&self, text: Arc<str>) -> Arc<str> {
        let secrets = lock(self.level.secrets());
        if secrets.is_empty() { text } else { secrets.clean(&text).into() }
    }

    pub(crate) fn reasoning(&self) -> Option<Arc<str>> {
        lock(&self.level.facts).reasoning.clone()
    }

    pub(crate) fn set_reasoning(&self, text: Arc<str>) {
        lock(&self.level.facts).reasoning = Some(text);
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut RunInfo)) {
        // Copy on write: calls in progress keep the facts with which they began.
        change(Arc::make_mut(&mut lock(&self.level.facts).info));
    }

    pub(crate) fn add_message(&self, message: Message) {
        lock(&self.level.conversation).push(message);
    }

    pub(crate) fn set_history(&self, conversation: Vec<Message>) {
        lock(&self.level.conversation).replace(conversation);
    }

    pub(crate) fn compact(&self, summary: Arc<str>) {
        lock(&self.level.conversation).compact(summary);
    }

    /// Returns the nested run with an id, and creates it if it does not exist.
    pub(crate) fn nested(&self, core: &EngineCore, id: &str) -> Arc<Self> {
        let outer = self.info();
        let run = RunId::from(format!("{}{NESTED}{id}", outer.run()));
        // The lock is held from look-up to insertion, so that two tasks get the same run for an id.
        let mut nested = lock(&self.nested);
        if let Some(known) = nested.get(&run) {
            return Arc::clone(known);
        }
        let mut info = RunInfo::new(run.clone(), only_agent(core));
        outer.hops().iter().cloned().for_each(|hop| info.add_hop(hop));
        info.add_hop(AgentHop::Called { by: outer.agent().clone(), run: outer.run().clone() });
        let level = RunLevel::new(core, info, None, Some(Arc::clone(&self.level)));
        let new = Arc::new(Self::new(level, Arc::clone(&self.ledger), CallBatch::default()));
        nested.insert(run, Arc::clone(&new));
        new
    }

    /// Returns the nested runs.
    pub(crate) fn all_nested(&self) -> Vec<Arc<Self>> {
        lock(&self.nested).values().cloned().collect()
    }

    /// Returns the run of an id that is nested in this one at any depth, if there is a handle of
    /// it.
    pub(crate) fn descendant(&self, run: &RunId) -> Option<Arc<Self>> {
        let own = self.run_id();
        let rest = run.as_str().strip_prefix(own.as_str())?.strip_prefix(NESTED)?;
        let next = rest.split_once(NESTED).map_or(rest, |(next, _)| next);
        let next =
            lock(&self.nested).get(format!("{own}{NESTED}{next}").as_str()).map(Arc::clone)?;
        if next.run_id() == *run { Some(next) } else { next.descendant(run) }
    }
}

/// Checks that the gate knows an agent; if not, returns the error that names those it knows.
pub(crate) fn check_agent(core: &EngineCore, agent: &AgentName) -> Result<(), RunError> {
    if core.agents.contains(agent) {
        return Ok(());
    }
    Err(RunError::UnknownAgent { agent: agent.clone(), known: core.agents.clone() })
}

fn only_agent(core: &EngineCore) -> AgentName {
    match core.agents.as_slice() {
        [only] => only.clone(),
        _ => AgentName::from(""),
    }
}
