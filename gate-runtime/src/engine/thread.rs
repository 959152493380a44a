//! What a run remembers: who runs, what was said, its calls, and the runs nested in it.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use super::batch::Slots;
use super::core::{Core, lock};
use super::error::RunError;
use super::intake::Circumstances;
use super::run_state::Body;
use crate::provenance::History;
use crate::values::context::{NESTED, Passage, RunInfo};
use crate::values::id::{AgentName, ApprovalId, RunId};
use crate::values::message::Message;

/// One run, as its handles share it.
pub(crate) struct Thread {
    pub(crate) level: Arc<Level>,
    pub(crate) slots: Mutex<Slots>,
    nested: Mutex<Vec<Arc<Thread>>>,
}

/// What runs nested in a run look at too: what the application said of it, and what was said in it.
pub(crate) struct Level {
    told: Mutex<Told>,
    heard: Mutex<History>,
    outer: Option<Arc<Level>>,
    /// The ids of all runs that are nested in the outermost one, and its own.
    family: Arc<Mutex<Vec<RunId>>>,
    /// Numbers what is heard in any of them.
    order: Arc<AtomicU64>,
}

/// What the application said of a run.
struct Told {
    info: Arc<RunInfo>,
    reasoning: Option<Arc<str>>,
}

impl Level {
    fn new(info: RunInfo, reasoning: Option<Arc<str>>, outer: Option<Arc<Level>>) -> Self {
        let run = info.run.clone();
        let (family, order) = match &outer {
            Some(outer) => (Arc::clone(&outer.family), Arc::clone(&outer.order)),
            None => Default::default(),
        };
        lock(&family).push(run);
        let told = Mutex::new(Told { info: Arc::new(info), reasoning });
        Self { told, heard: Mutex::default(), outer, family, order }
    }

    /// Who runs, for whom: for whom the outer run acts, where nothing else is said.
    fn info(&self) -> Arc<RunInfo> {
        let own = Arc::clone(&lock(&self.told).info);
        let Some(outer) = self.outer.as_ref().map(|outer| outer.info()) else { return own };
        let mut info = RunInfo::clone(&own);
        if info.principal.is_none() {
            info.principal.clone_from(&outer.principal);
            info.roles.clone_from(&outer.roles);
        }
        info.case = info.case.or_else(|| outer.case.clone());
        Arc::new(info)
    }

    /// The history as it is now, with what was said before it to the agents outside.
    fn history(&self) -> History {
        let own = lock(&self.heard).clone();
        match &self.outer {
            Some(outer) => own.within(outer.history()),
            None => own,
        }
    }

    /// The other runs of the family: what people refused there was refused here.
    fn relatives(&self) -> Vec<RunId> {
        let family = lock(&self.family);
        if family.len() < 2 {
            return Vec::new();
        }
        let own = lock(&self.told).info.run.clone();
        family.iter().filter(|run| **run != own).cloned().collect()
    }
}

impl Thread {
    pub(crate) fn begin(core: &Core, run: RunId) -> Self {
        Self::new(Level::new(RunInfo::new(run, only_agent(core)), None, None), Slots::default())
    }

    fn new(level: Level, slots: Slots) -> Self {
        Self { level: Arc::new(level), slots: Mutex::new(slots), nested: Mutex::default() }
    }

    /// The run of a state, with the runs nested in it.
    pub(crate) fn resumed(body: Body, outer: Option<Arc<Level>>) -> Self {
        let level = Level::new(RunInfo::clone(&body.info), body.reasoning, outer);
        let thread = Self::new(level, Slots::resumed(body.current, body.earlier));
        let level = || Some(Arc::clone(&thread.level));
        let nested = body.nested.into_iter().map(|inner| Arc::new(Self::resumed(inner, level()))).collect();
        *lock(&thread.nested) = nested;
        thread
    }

    pub(crate) fn info(&self) -> Arc<RunInfo> {
        self.level.info()
    }

    pub(crate) fn reasoning(&self) -> Option<Arc<str>> {
        lock(&self.level.told).reasoning.clone()
    }

    pub(crate) fn set_reasoning(&self, text: Arc<str>) {
        lock(&self.level.told).reasoning = Some(text);
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut RunInfo)) {
        change(Arc::make_mut(&mut lock(&self.level.told).info));
    }

    pub(crate) fn hear(&self, core: &Core, message: Message) {
        lock(&self.level.heard).push(message, &self.level.order, &core.indexes);
    }

    pub(crate) fn set_history(&self, core: &Core, conversation: Vec<Message>) {
        lock(&self.level.heard).replace(conversation, &self.level.order, &core.indexes);
    }

    /// The nested run of an id: the one that is there, or a new one.
    pub(crate) fn nested(&self, core: &Core, id: &str) -> Arc<Self> {
        let outer = self.info();
        let run = RunId::from(format!("{}{NESTED}{id}", outer.run));
        let mut nested = lock(&self.nested);
        if let Some(known) = nested.iter().find(|known| known.info().run == run) {
            return Arc::clone(known);
        }
        let mut info = RunInfo::new(run, only_agent(core));
        info.passages.clone_from(&outer.passages);
        info.passages.push(Passage::Called { by: outer.agent.clone(), run: outer.run.clone() });
        let new = Arc::new(Self::new(Level::new(info, None, Some(Arc::clone(&self.level))), Slots::default()));
        nested.push(Arc::clone(&new));
        new
    }

    /// The runs nested in it, as they stand.
    pub(crate) fn all_nested(&self) -> Vec<Arc<Self>> {
        lock(&self.nested).clone()
    }

    /// It and every run nested in it, at any depth.
    pub(crate) fn family(self: &Arc<Self>) -> Vec<Arc<Self>> {
        [Arc::clone(self)].into_iter().chain(self.all_nested().iter().flat_map(Self::family)).collect()
    }

    /// Every run nested in it, at any depth.
    pub(crate) fn descendants(&self) -> Vec<Arc<Self>> {
        self.all_nested().iter().flat_map(Self::family).collect()
    }

    /// The approvals that runs nested in it have not answered for good.
    pub(crate) fn nested_ids(&self) -> Vec<ApprovalId> {
        self.descendants().iter().flat_map(|thread| lock(&thread.slots).ids()).collect()
    }

    /// The circumstances of the next call, if the run can go on at all.
    pub(crate) fn circumstances(&self, core: &Core) -> Result<Circumstances, RunError> {
        let info = self.info();
        let run = info.run.as_str();
        if run.split(NESTED).any(str::is_empty) {
            return Err(RunError::NoRunId);
        }
        if run.matches(NESTED).count() != info.depth() {
            return Err(RunError::ReservedRunId(info.run.clone()));
        }
        check_agent(core, &info.agent)?;
        Ok(self.as_it_is(info))
    }

    /// The circumstances of calls that are there already.
    pub(crate) fn as_it_is(&self, info: Arc<RunInfo>) -> Circumstances {
        let (history, relatives) = (self.level.history(), self.level.relatives());
        Circumstances { info, reasoning: self.reasoning(), history, relatives }
    }
}

/// Whether the gate knows an agent; if not, the error that names those it knows.
pub(crate) fn check_agent(core: &Core, agent: &AgentName) -> Result<(), RunError> {
    if core.agents.contains(agent) {
        return Ok(());
    }
    Err(RunError::UnknownAgent { agent: agent.clone(), known: core.agents.clone() })
}

fn only_agent(core: &Core) -> AgentName {
    match core.agents.as_slice() {
        [only] => only.clone(),
        _ => AgentName::from(""),
    }
}
