//! Assembles a gate, and finds all its problems before the first call.
//!
//! Only this module depends on every layer: it puts the default adapters into the engine's ports.

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gate_core::approval::{Requirement, ReviewerSelector};
use gate_core::assessment::PolicyView;
use gate_core::call::{CommitmentKeys, OTHERWISE};
use gate_core::id::AgentName;
use gate_core::people::same_person;
use gate_core::ports::{Changeset, Clock, Directory, DirectoryError, Notifier, Store};
use gate_core::records::{GateEvent, ToolNote};
use gate_core::text::{Digest, ReadLimits, SanitizedText, english};
use jiff::Timestamp;

use crate::adapters::directory::StaticDirectory;
use crate::adapters::gate_key::GateKey;
use crate::adapters::memory::MemoryStore;
use crate::adapters::system_clock::SystemClock;
use crate::engine::error::BuildError;
use crate::engine::gate::Gate;
use crate::engine::kernel::EngineCore;
use crate::engine::kernel::clock_limit::{BoundedDirectory, ClockLimit};
use crate::engine::kernel::overlay::GateOverlay;
use crate::engine::kernel::step_budget::StepBudgets;
use crate::engine::kernel::tools::{GateTool, GateTools};
use crate::engine::review::reviewer_eligibility::is_short_of_reviewers;
use crate::engine::session::agent::Agent;
use crate::logic::erased_tool::ErasedTool;
use crate::logic::registry::Registry;
use crate::logic::tool_spec::DEFAULT_LIMITS;
use crate::outbox::OutboxTasks;
use crate::ports::overlay::Overlay;
use crate::provenance::{RunMemories, choices};
use crate::sealing::{Trail, TrailHandle};

/// The default number of calls of a run that may end without running within a day. After that, the
/// model must stop.
const DENIALS: u64 = 20;

/// The default number of questions that a run may ask within a day.
const QUESTIONS: u64 = 10_000;
/// The default time limit of each piece of a user's async code.
const JUDGING_TIME: Duration = Duration::from_secs(10);

impl<R: Registry> Gate<R> {
    /// Returns a builder for a gate, with the state that its tools work on.
    ///
    /// The type names the registry: `let gate: Gate<SupportTools> =
    /// Gate::builder(billing).build().await?;`.
    pub fn builder(state: R::State) -> GateBuilder<R> {
        GateBuilder {
            state: Arc::new(state),
            agents: Vec::new(),
            overlays: Vec::new(),
            notifiers: Vec::new(),
            store: None,
            clock: Arc::new(SystemClock),
            directory: Arc::new(StaticDirectory::new()),
            limits: DEFAULT_LIMITS,
            denials: DENIALS,
            questions: QUESTIONS,
            judging_time: JUDGING_TIME,
            known_principals: false,
            conversation: 0,
            key: None,
            earlier_keys: Vec::new(),
            trail: None,
        }
    }
}

/// A builder of a gate. [`build`](Self::build) reports all problems.
///
/// ```
/// # use gate_runtime::prelude::*;
/// # /// Delete an account.
/// # #[gated_tool(policy = "always_ask")] fn delete_account(user_id: String) {}
/// # registry! { pub Tools for () { DeleteAccount } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let gate: Gate<Tools> = Gate::builder(())
///     .agent("support")
///     .agent(Agent::new("intern").policy::<DeleteAccount>(always_deny()))
///     .directory(StaticDirectory::new().person("dana", ["manager"]))
///     .store(MemoryStore::new())
///     .build()
///     .await?;
/// # let _ = gate;
/// # Ok(()) }
/// ```
#[must_use = "a gate is there once it is built: `.build().await?`"]
pub struct GateBuilder<R: Registry> {
    state: Arc<R::State>,
    agents: Vec<Agent>,
    overlays: Vec<Arc<dyn Overlay>>,
    notifiers: Vec<Arc<dyn Notifier>>,
    store: Option<Arc<dyn Store>>,
    clock: Arc<dyn Clock>,
    directory: Arc<dyn Directory>,
    limits: ReadLimits,
    denials: u64,
    questions: u64,
    judging_time: Duration,
    known_principals: bool,
    conversation: usize,
    key: Option<GateKey>,
    earlier_keys: Vec<GateKey>,
    trail: Option<Trail>,
}

impl<R: Registry> GateBuilder<R> {
    /// Adds an agent that may run, by its name or with its own policies. Defaults to one agent,
    /// called `agent`.
    pub fn agent(mut self, agent: impl Into<Agent>) -> Self {
        self.agents.push(agent.into());
        self
    }

    /// Adds an overlay, which evaluates every call in addition to the policies and can only make
    /// the verdict stricter.
    pub fn overlay(mut self, overlay: impl Overlay) -> Self {
        self.overlays.push(Arc::new(overlay));
        self
    }

    /// Sets the directory of the people who may decide. Defaults to nobody.
    pub fn directory(mut self, directory: impl Directory) -> Self {
        self.directory = Arc::new(directory);
        self
    }

    /// Refuses the calls of runs on behalf of a name that the directory does not know. Defaults to
    /// accepting any name. With the default, a person whom the directory knows only under another
    /// name can approve their own calls.
    ///
    /// ```
    /// # use gate_runtime::prelude::*;
    /// # /// Read one order.
    /// # #[gated_tool(policy = "never_ask")] fn get_order(order_id: String) -> String { order_id }
    /// # registry! { pub Tools for () { GetOrder } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let people =
    ///     StaticDirectory::new().person("dana", ["manager"]).alias("dana", "dana@example.com");
    /// let gate: Gate<Tools> =
    ///     Gate::builder(()).directory(people).known_principals().build().await?;
    /// let known = gate.run("run-1").on_behalf_of("Dana@example.com");
    /// assert!(get_order(&known, "A-1".into()).await.is_ok());
    /// let unknown = gate.run("run-2").on_behalf_of("dana.kim@example.com");
    /// assert!(get_order(&unknown, "A-1".into()).await.is_err());
    /// # Ok(()) }
    /// ```
    pub fn known_principals(mut self) -> Self {
        self.known_principals = true;
        self
    }

    /// Adds a notifier. May be called repeatedly. Defaults to none.
    ///
    /// A notifier that is new to the store begins with the calls that wait, and with later records.
    /// A separate task, which ends with the gate, calls it, so no call waits for it.
    /// [`AnyGate::deliveries`](crate::AnyGate::deliveries) lists its deliveries.
    ///
    /// ```
    /// # use gate_runtime::prelude::*;
    /// use gate_runtime::NoTools;
    /// use gate_runtime::notify::DeliveryNotice;
    /// use gate_runtime::notify::{Notifier, NotifyError};
    /// use gate_runtime::records::Record;
    /// use gate_runtime::store::BoxFuture;
    ///
    /// struct Printer;
    ///
    /// impl Notifier for Printer {
    ///     fn name(&self) -> &str {
    ///         "printer"
    ///     }
    ///
    ///     fn wants(&self, record: &Record) -> bool {
    ///         record.asks_people()
    ///     }
    ///
    ///     fn deliver<'a>(
    ///         &'a self,
    ///         notice: &'a DeliveryNotice,
    ///     ) -> BoxFuture<'a, Result<Option<String>, NotifyError>> {
    ///         println!(
    ///             "{}: {:?} waits",
    ///             notice.id(),
    ///             notice.record().subject().map(|subject| subject.tool())
    ///         );
    ///         Box::pin(async { Ok(None) })
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let gate: Gate<NoTools> = Gate::builder(()).notify(Printer).build().await?;
    /// # let _ = gate;
    /// let twice = Gate::<NoTools>::builder(()).notify(Printer).notify(Printer).build().await;
    /// assert!(twice.unwrap_err().to_string().contains("two notifiers are called `printer`"));
    /// # Ok(()) }
    /// ```
    pub fn notify(mut self, notifier: impl Notifier) -> Self {
        self.notifiers.push(Arc::new(notifier));
        self
    }

    /// Sets the store. Defaults to memory. Two gates may share one, behind an `Arc`.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Sets the clock. Defaults to the system's.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sets the [key of the gate](GateKey), which authenticates the [states of
    /// runs](crate::run::RunState) and prevents readers of the store from guessing secret
    /// arguments. All processes over one store must have the same key.
    ///
    /// Defaults to a random key, with which only this gate object can resume its runs. A key is
    /// required with your own [store](Self::store) and tools that have `secret(…)` arguments,
    /// because stored calls outlive this gate, and recognizing a call after a restart needs the
    /// key.
    ///
    /// ```
    /// # use gate_runtime::prelude::*;
    /// use gate_runtime::GateKey;
    /// # /// Sign somebody in.
    /// # #[gated_tool(policy = "never_ask", secret(pin))] fn sign_in(pin: String) {}
    /// # registry! { pub Tools for () { SignIn } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("gate.key");
    /// let keyless =
    ///     Gate::<Tools>::builder(()).store(MemoryStore::new()).build().await.unwrap_err();
    /// assert!(keyless.to_string().contains("add `.key("), "{keyless}");
    /// # GateKey::create(&path)?;
    /// let gate: Gate<Tools> =
    ///     Gate::builder(()).store(MemoryStore::new()).key(GateKey::read(&path)?).build().await?;
    /// # let _ = gate;
    /// # Ok(()) }
    /// ```
    pub fn key(mut self, key: impl Into<GateKey>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Adds earlier keys of the gate. Runs and commitments that were saved with them are still
    /// read, but none is written with them. Keep a key as long as runs that began with it continue,
    /// or one of their secrets may have to be disclosed.
    ///
    /// Messages of a run are recognized only with the present key. After a change of the key, more
    /// questions are asked, and a summary must be passed to [`Run::compact`](crate::Run::compact)
    /// again.
    ///
    /// ```
    /// # use gate_runtime::prelude::*;
    /// # /// Sign somebody in.
    /// # #[gated_tool(policy = "never_ask", secret(pin))] fn sign_in(pin: String) {}
    /// # registry! { pub Tools for () { SignIn } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let gate: Gate<Tools> =
    ///     Gate::builder(()).key([8; 32]).earlier_keys([[7; 32]]).build().await?;
    /// # let _ = gate;
    /// # Ok(()) }
    /// ```
    pub fn earlier_keys(mut self, keys: impl IntoIterator<Item = impl Into<GateKey>>) -> Self {
        self.earlier_keys.extend(keys.into_iter().map(Into::into));
        self
    }

    /// Sets the maximum number of bytes of a call's arguments as JSON. Defaults to 262,144.
    pub fn max_argument_bytes(mut self, bytes: usize) -> Self {
        self.limits = ReadLimits { bytes, ..self.limits };
        self
    }

    /// Stores the last messages of a run's history with each question, so that reviewers see the
    /// conversation before it. Defaults to none, because messages may be private and would be in
    /// the store. They are in no record and in no trail, and do not contain the values of secret
    /// arguments.
    ///
    /// ```
    /// # use gate_runtime::prelude::*;
    /// # /// Delete an account.
    /// # #[gated_tool(policy = "always_ask")] fn delete_account(user_id: String) {}
    /// # registry! { pub Tools for () { DeleteAccount } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let gate: Gate<Tools> = Gate::builder(()).show_conversation(10).build().await?;
    /// let run = gate.run("run-42").history([Message::user("Please delete my account.")]);
    /// let turn =
    ///     run.submit([ToolCall::new("call_1", "delete_account", r#"{"user_id":"mia"}"#)]).await?;
    /// assert_eq!(
    ///     turn.interruptions()[0].approval().conversation()[0].text(),
    ///     "Please delete my account."
    /// );
    /// # Ok(()) }
    /// ```
    pub fn show_conversation(mut self, last: usize) -> Self {
        self.conversation = last;
        self
    }

    /// Sets the number of calls of one run and its nested runs that may end without running within
    /// a day. After that, calls are denied and the model is asked to stop. Defaults to 20.
    ///
    /// Calls count if they were denied by a rule, rejected or revoked by a person, expired, or did
    /// not fit a tool. Calls that could not be evaluated, that are frozen, or that the application
    /// itself cancels do not count. All runs of a remote agent count together, because the agent
    /// chooses their names.
    pub fn denials_per_run(mut self, count: u64) -> Self {
        self.denials = count;
        self
    }

    /// Sets the number of times that one run and its nested runs may ask people within a day. After
    /// that, calls that need people are denied and the model is asked to stop. Defaults to 10,000.
    pub fn questions_per_run(mut self, count: u64) -> Self {
        self.questions = count;
        self
    }

    /// Limits how long each piece of your async code may take during a call: a rule's
    /// `.when_async(…)`, an overlay, a directory look-up, a reconciler. Defaults to 10 seconds, by
    /// the gate's [clock](Self::clock).
    ///
    /// Code that takes longer is dropped and counts as failed, which never lets a call run. Code
    /// that blocks its thread cannot be stopped.
    ///
    /// ```
    /// # use gate_runtime::prelude::*;
    /// # use std::time::Duration;
    /// # /// Pay.
    /// # #[gated_tool(policy = "payments")] fn pay(iban: String) {}
    /// # registry! { pub Tools for () { Pay } }
    /// #[policy]
    /// fn payments(rules: Rules<Pay>) -> Rules<Pay> {
    ///     rules
    ///         .deny("sanctions list")
    ///         .when_async(|_| std::future::pending::<bool>())
    ///         .otherwise(ask(anyone()))
    /// }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///
    /// let gate: Gate<Tools> =
    ///     Gate::builder(()).judging_timeout(Duration::from_millis(20)).build().await?;
    /// let turn = gate
    ///     .run("run-42")
    ///     .submit([ToolCall::new("call_1", "pay", r#"{"iban":"DE12"}"#)])
    ///     .await?;
    /// assert_eq!(turn.answers()[0].kind(), "unavailable");
    /// # Ok(()) }
    /// ```
    pub fn judging_timeout(mut self, time: Duration) -> Self {
        self.judging_time = time;
        self
    }

    /// Seals every record in a trail that anyone can verify. [`build`](Self::build) then fails if
    /// the store contradicts the trail. Defaults to none.
    pub fn trail(mut self, trail: Trail) -> Self {
        self.trail = Some(trail);
        self
    }

    /// Builds the gate. Every rule is checked with its examples, and every role that a policy asks
    /// must have holders.
    ///
    /// # Errors
    /// Returns [`BuildError`], which lists all problems, each with tool, policy and rule, or the
    /// problem that the store does not answer.
    pub async fn build(self) -> Result<Gate<R>, BuildError> {
        let Self {
            state,
            agents,
            overlays,
            notifiers,
            store,
            clock,
            directory,
            limits,
            denials,
            questions,
            judging_time,
            known_principals,
            conversation,
            key,
            earlier_keys,
            trail,
        } = self;
        let judging_time = ClockLimit::new(Arc::clone(&clock), judging_time);
        let directory = Arc::new(BoundedDirectory::new(directory, judging_time.clone()));
        let overlays: Vec<GateOverlay> = overlays.into_iter().map(GateOverlay::new).collect();
        let mut problems = Vec::new();
        let mut erased: Vec<ErasedTool> = R::TOOLS.iter().map(|tool| tool.bind(&state)).collect();
        let names = adopt::<R>(agents, &mut erased, &mut problems);
        for tool in &mut erased {
            problems.extend(tool.try_policies(clock.now(), &judging_time).await);
        }
        let tools: Vec<GateTool> = assemble::<R>(erased, &mut problems);
        for tool in &tools {
            for policy in policies_of(tool) {
                let owner = format!("policy `{}`", policy.name());
                problems.extend(
                    unanswerable(&owner, requirements_of(&policy), &*directory, clock.now())
                        .await?,
                );
            }
        }
        for overlay in &overlays {
            let Some(asked) = overlay.asks_on_failure() else { continue };
            let owner = format!("overlay `{}`", overlay.name());
            problems
                .extend(asked.problem().map(|problem| format!("{owner}, on failure: {problem}")));
            problems.extend(
                unanswerable(&owner, [("on failure", asked)], &*directory, clock.now()).await?,
            );
        }
        problems.extend(unfit_names(&notifiers));
        if key.is_none() && store.is_some() {
            problems.extend(lacks_key(&tools));
        }
        let store = store.unwrap_or_else(|| Arc::new(MemoryStore::new()));
        problems.dedup();
        if !problems.is_empty() {
            return Err(BuildError::new(problems));
        }
        let trail = match trail {
            Some(trail) => Some(
                TrailHandle::start(trail, Arc::<dyn Store>::clone(&store), Arc::clone(&clock))
                    .await?,
            ),
            None => None,
        };
        // `lacks_key` above has refused this default for secret arguments in the user's own store.
        let key = key.unwrap_or_else(GateKey::random).bytes();
        let earlier_keys: Vec<[u8; 32]> = earlier_keys.iter().map(GateKey::bytes).collect();
        let commitments =
            earlier_keys.iter().fold(CommitmentKeys::new(&key), CommitmentKeys::earlier);
        let outbox = OutboxTasks::start(notifiers, &store, &clock);
        let (vault, others, bodies, change_feed, scheduler, directory_digest, differing) =
            Default::default();
        let core = EngineCore {
            tools: GateTools::new(tools),
            agents: names,
            overlays,
            store,
            clock,
            directory,
            directory_digest,
            limits,
            judging_time,
            denials,
            questions,
            known_principals,
            conversation,
            key,
            earlier_keys,
            commitments,
            vault,
            others,
            bodies,
            change_feed,
            scheduler,
            trail,
            memories: RunMemories::new(key),
            differing,
            outbox,
            allowances: StepBudgets::default(),
        };
        let core = Arc::new(core);
        open_record(&core).await?;
        Ok(Gate::assembled(core))
    }
}

/// Adds the agents' policies to the tools, and returns the agents' names.
fn adopt<R: Registry>(
    agents: Vec<Agent>,
    erased: &mut [ErasedTool],
    problems: &mut Vec<String>,
) -> Vec<AgentName> {
    let mut names: Vec<AgentName> = Vec::new();
    for Agent { name, policies } in agents {
        if name.as_str().is_empty() {
            problems.push("an agent needs a name".to_owned());
        }
        if let Some(other) = names.iter().find(|other| same_person(other.as_str(), name.as_str())) {
            let same = if *other == name {
                String::new()
            } else {
                format!(", which is read as `{other}`")
            };
            problems.push(format!("two agents are called `{name}`{same}"));
        }
        for (tool, policy) in policies {
            let index = R::NAMES.iter().position(|known| *known == tool);
            match index.and_then(|index| erased.get_mut(index)) {
                None => problems.push(format!(
                    "agent `{name}` has a policy for `{tool}`, which is not in the registry: it \
                     has {}",
                    english::list(R::NAMES)
                )),
                Some(erased) => {
                    if !erased.adopt(name.clone(), policy) {
                        problems.push(format!(
                            "agent `{name}` has two policies for `{tool}`: join \
                            them into one"
                        ));
                    }
                }
            }
        }
        names.push(name);
    }
    if names.is_empty() {
        names.push("agent".into());
    }
    names
}

/// Returns the problem that tools have secret arguments and no key outlives this process, if it
/// exists.
fn lacks_key(tools: &[GateTool]) -> Option<String> {
    let with_secrets = tools.iter().filter(|tool| tool.spec.has_secrets);
    let names: Vec<&str> = with_secrets.map(|tool| tool.name.as_str()).collect();
    (!names.is_empty()).then(|| {
        format!(
            "secret arguments of {}: without a key of the gate, anyone who has the store could \
             guess them. Make one, once, by `GateKey::create(\"gate.key\")`, keep it apart from \
             the \
             database, and add `.key(GateKey::read(\"gate.key\")?)`",
            english::list(&names)
        )
    })
}

/// Returns the problems of notifiers' names: equal names, and names that do not fit into the header
/// of a web request.
fn unfit_names(notifiers: &[Arc<dyn Notifier>]) -> Vec<String> {
    let mut problems = Vec::new();
    for (index, notifier) in notifiers.iter().enumerate() {
        let name = notifier.name();
        if name.is_empty() || name.len() > 64 || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            let name = SanitizedText::of(name);
            problems.push(format!(
                "a notifier is called `{name}`: a name has 1 to 64 letters, digits \
                    or signs of ASCII"
            ));
        }
        if notifiers.iter().take(index).any(|other| other.name() == name) {
            let name = SanitizedText::of(name);
            problems
                .push(format!("two notifiers are called `{name}`: give one of them another name"));
        }
    }
    problems
}

fn assemble<R: Registry>(erased: Vec<ErasedTool>, problems: &mut Vec<String>) -> Vec<GateTool> {
    let specs = R::specs();
    let tools = erased.into_iter().enumerate().filter_map(|(index, tool)| {
        let (descriptor, spec) = specs.get(index)?;
        if let Err(problem) = &spec.checker {
            problems.push(format!(
                "tool `{}`: its schema is not a JSON Schema: \
                {problem}",
                descriptor.name()
            ));
        }
        let of_tool = |problem| format!("tool `{}`: {problem}", descriptor.name());
        problems.extend(spec.contract_problems(descriptor).into_iter().map(of_tool));
        if !tool.is_state_sync() {
            let problem = "its state is not `Sync`, so calls cannot share it: put what changes in \
                it into a `Mutex`";
            problems.push(of_tool(problem.to_owned()));
        }
        let own = tool.policy().digest();
        let joined = |(agent, policy): (AgentName, Arc<PolicyView>)| {
            (agent, Digest::of_all(&[own.as_bytes(), policy.digest().as_bytes()]))
        };
        let agents = tool.agent_policies().into_iter().map(joined).collect();
        Some(GateTool {
            name: descriptor.name().clone(),
            descriptor,
            spec,
            policy: own,
            agents,
            last: Mutex::default(),
            asks_origins: AtomicBool::default(),
            choices: Arc::new(choices(descriptor.input_schema())),
            tool,
        })
    });
    tools.collect()
}

fn policies_of(tool: &GateTool) -> Vec<Arc<PolicyView>> {
    let agents = tool.tool.agent_policies().into_iter().map(|(_, policy)| policy);
    [Arc::clone(tool.tool.policy())].into_iter().chain(agents).collect()
}

/// Returns the requirements of a policy that the directory's people can never meet. A question with
/// such a requirement would wait forever.
async fn unanswerable(
    owner: &str,
    asked: impl IntoIterator<Item = (&str, &Requirement)>,
    directory: &dyn Directory,
    now: Timestamp,
) -> Result<Vec<String>, BuildError> {
    let mut problems = Vec::new();
    let unknown = |error: DirectoryError| BuildError::new(vec![error.to_string()]);
    for (rule, requirement) in asked {
        for tier in requirement.tiers() {
            let Some(problem) =
                is_short_of_reviewers(tier, directory, &[], now).await.map_err(unknown)?
            else {
                continue;
            };
            let problem = match tier.who() {
                ReviewerSelector::Role { role } if tier.count().max(tier.deny_count()) == 1 => {
                    format!("for the role `{role}`, but nobody in the directory holds it")
                }
                _ => problem,
            };
            let help = match tier.who() {
                ReviewerSelector::Role { role } => format!(
                    "add `.directory(StaticDirectory::new().person(\"…\", [\"{role}\"]))`, or the \
                     role to somebody in its file"
                ),
                ReviewerSelector::Anyone | ReviewerSelector::Principal => {
                    "add people to it, or ask fewer".to_owned()
                }
            };
            problems.push(format!("{owner}, rule \"{rule}\": it asks {problem}: {help}"));
        }
    }
    Ok(problems)
}

/// Returns the requirement of each rule of a policy.
fn requirements_of(policy: &PolicyView) -> impl Iterator<Item = (&str, &Requirement)> {
    let rules = policy.rules().iter().filter_map(|rule| Some((rule.name(), rule.requirement()?)));
    let otherwise = policy.otherwise().requirement().map(|requirement| (OTHERWISE, requirement));
    rules.chain(otherwise)
}

/// Records the gate with its policies as they are written, and schedules existing deadlines.
async fn open_record(core: &Arc<EngineCore>) -> Result<(), BuildError> {
    // A gate without tools runs nothing, and may be short-lived: see `AnyGate::keep_deadlines`.
    if core.tools.is_empty() {
        return Ok(());
    }
    let now = core.now();
    let note = |tool: &GateTool| ToolNote {
        tool: tool.name.clone(),
        digest: tool.descriptor.digest(),
        policy: Arc::clone(tool.tool.policy()),
        agents: tool.tool.agent_policies(),
    };
    let directory =
        core.directory.digest().await.map_err(|error| BuildError::new(vec![error.to_string()]))?;
    let tools = core.tools.iter().map(note).collect();
    let mut changeset =
        Changeset::noting(now, GateEvent::GateBuilt { tools, directory: Some(directory) });
    changeset.tools = core.tools.iter().map(|tool| Arc::new(tool.descriptor.clone())).collect();
    core.write_alone(changeset).await?;
    core.named_directory(Some(directory));
    Ok(core.load_deadlines().await?)
}

impl<R: Registry> fmt::Debug for GateBuilder<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GateBuilder")
            .field("tools", &R::NAMES)
            .field("agents", &self.agents)
            .finish_non_exhaustive()
    }
}
