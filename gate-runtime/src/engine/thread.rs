//! What a run remembers: who runs, what was said, its calls, and the runs nested in it.

use std::sync::{Arc, Mutex};

use super::batch::Slots;
use super::core::{Core, lock};
use super::error::RunError;
use super::intake::Circumstances;
use super::run_state::Body;
use crate::values::context::{NESTED, Passage, RunInfo};
use crate::values::history::History;
use crate::values::id::{AgentName, ApprovalId, RunId};

/// One run, as its handles share it.
pub(crate) struct Thread {
    told: Mutex<Told>,
    pub(crate) heard: Arc<Heard>,
    pub(crate) slots: Mutex<Slots>,
    nested: Mutex<Vec<Arc<Thread>>>,
}

/// What the application said of a run.
pub(crate) struct Told {
    pub(crate) info: Arc<RunInfo>,
    pub(crate) reasoning: Option<Arc<str>>,
}

/// What was said in a run, and before it to the agent that called it.
#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) own: Mutex<History>,
    before: Option<Arc<Heard>>,
}

impl Heard {
    /// The history as it is now.
    fn now(&self) -> History {
        let own = lock(&self.own).clone();
        match &self.before {
            Some(before) => own.after(before.now()),
            None => own,
        }
    }
}

impl Thread {
    pub(crate) fn begin(core: &Core, run: RunId) -> Self {
        let info = RunInfo::new(run, only_agent(core));
        Self::new(Told { info: Arc::new(info), reasoning: None }, Arc::default(), Slots::default())
    }

    fn new(told: Told, heard: Arc<Heard>, slots: Slots) -> Self {
        Self { told: Mutex::new(told), heard, slots: Mutex::new(slots), nested: Mutex::default() }
    }

    /// The run of a state, with the runs nested in it.
    pub(crate) fn resumed(body: Body, before: Option<Arc<Heard>>) -> Self {
        let heard = Arc::new(Heard { own: Mutex::default(), before });
        let told = Told { info: body.info, reasoning: body.reasoning };
        let thread = Self::new(told, Arc::clone(&heard), Slots::resumed(body.current, body.earlier));
        let nested = body.nested.into_iter().map(|inner| Arc::new(Self::resumed(inner, Some(Arc::clone(&heard)))));
        *lock(&thread.nested) = nested.collect();
        thread
    }

    pub(crate) fn info(&self) -> Arc<RunInfo> {
        Arc::clone(&lock(&self.told).info)
    }

    pub(crate) fn reasoning(&self) -> Option<Arc<str>> {
        lock(&self.told).reasoning.clone()
    }

    pub(crate) fn set_reasoning(&self, text: Arc<str>) {
        lock(&self.told).reasoning = Some(text);
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut RunInfo)) {
        change(Arc::make_mut(&mut lock(&self.told).info));
    }

    /// The nested run of an id: the one that is there, or a new one.
    pub(crate) fn nested(&self, core: &Core, id: &str) -> Arc<Self> {
        let outer = self.info();
        let run = RunId::from(format!("{}{NESTED}{id}", outer.run));
        let mut nested = lock(&self.nested);
        if let Some(known) = nested.iter().find(|known| known.info().run == run) {
            return Arc::clone(known);
        }
        let mut info = RunInfo { run: run.clone(), agent: only_agent(core), ..(*outer).clone() };
        info.passages.push(Passage::Called { by: outer.agent.clone(), run: outer.run.clone() });
        let heard = Heard { own: Mutex::default(), before: Some(Arc::clone(&self.heard)) };
        let told = Told { info: Arc::new(info), reasoning: None };
        let new = Arc::new(Self::new(told, Arc::new(heard), Slots::default()));
        nested.push(Arc::clone(&new));
        new
    }

    /// The runs nested in it, as they stand.
    pub(crate) fn all_nested(&self) -> Vec<Arc<Self>> {
        lock(&self.nested).clone()
    }

    /// It and every run nested in it, at any depth.
    pub(crate) fn family(self: &Arc<Self>) -> Vec<Arc<Self>> {
        let mut all = vec![Arc::clone(self)];
        for nested in self.all_nested() {
            all.extend(nested.family());
        }
        all
    }

    /// The approvals that runs nested in it have not answered for good.
    pub(crate) fn nested_ids(&self) -> Vec<ApprovalId> {
        let families = self.all_nested().into_iter().flat_map(|nested| nested.family());
        families.flat_map(|thread| lock(&thread.slots).ids()).collect()
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
        Ok(Circumstances { info, reasoning: self.reasoning(), history: self.heard.now() })
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
