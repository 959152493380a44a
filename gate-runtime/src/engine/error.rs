//! Errors that callers must branch on, and errors that they can only report.

use std::fmt;

use gate_core::call::{NotRun, ToolOutcome};
use gate_core::id::{AgentName, RunId};
use gate_core::ports::StoreError;
use gate_core::text::{SchemaError, english};

use crate::sealing::TrailError;

/// The error of [`Run::call`](crate::Run::call): the call has no value.
///
/// The tool's own result, errors included, is not a `CallError`: it is the value of the call.
///
/// ```
/// use gate_runtime::CallError;
/// use gate_runtime::run::NotRun;
/// fn explain(error: &CallError) -> &'static str {
///     match error {
///         CallError::NotRun(NotRun::Denied { .. }) => "a rule says no",
///         CallError::NotRun(NotRun::Rejected { .. }) => "a person said no",
///         CallError::NotRun(_) => "it did not run",
///         CallError::NotYet(_) => "it will run once it is called again under its id",
///         CallError::Responded(_) => "a person answered in the tool's place",
///         CallError::RanElsewhere(_) => "it ran, but the value is not here",
///         CallError::Indeterminate(_) => "nobody knows whether it ran",
///     }
/// }
/// # assert_eq!(explain(&CallError::NotRun(NotRun::Expired { told: None })), "it did not run");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum CallError {
    /// The body did not run.
    NotRun(NotRun),
    /// The call is approved, and its body has not begun, for this reason. Calling with the same id
    /// continues it. With another id, it would be another call, and both could run.
    NotYet(NotRun),
    /// A person gave this answer in place of the tool. An earlier attempt may have run, because a
    /// person can also give an answer when asked whether a call may run again.
    Responded(ToolOutcome),
    /// The body ran once, for another caller of the same call. Contains its recorded outcome.
    RanElsewhere(ToolOutcome),
    /// The body began, and its end is unknown. Do not retry it automatically.
    Indeterminate(String),
}

impl From<NotRun> for CallError {
    fn from(reason: NotRun) -> Self {
        Self::NotRun(reason)
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRun(reason) | Self::NotYet(reason @ NotRun::Disputed { .. }) => {
                fmt::Display::fmt(reason, f)
            }
            Self::NotYet(reason) => write!(f, "the call is approved and has not begun: {reason}"),
            Self::Responded(_) => f.write_str("a person answered in the tool's place"),
            Self::RanElsewhere(_) => {
                f.write_str("the call ran for another caller, and only the record has its result")
            }
            Self::Indeterminate(why) => {
                write!(f, "the call was started, and it is not known how it ended: {why}")
            }
        }
    }
}

impl std::error::Error for CallError {}

/// The error that a gate could not be built. Contains every problem, with its tool, policy, rule or
/// role.
///
/// ```
/// # fn show(error: &gate_runtime::BuildError) {
/// for problem in error.problems() {
///     eprintln!("{problem}");
/// }
/// # }
/// ```
pub struct BuildError {
    problems: Vec<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl BuildError {
    pub(crate) fn new(problems: Vec<String>) -> Self {
        Self { problems, source: None }
    }

    /// Returns the problems, one by one.
    #[must_use]
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}

impl From<TrailError> for BuildError {
    fn from(error: TrailError) -> Self {
        Self { problems: vec![error.to_string()], source: Some(Box::new(error)) }
    }
}

impl From<StoreError> for BuildError {
    fn from(error: StoreError) -> Self {
        Self { problems: vec![error.to_string()], source: Some(Box::new(error)) }
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the gate cannot be built")?;
        match self.problems.as_slice() {
            [only] => write!(f, ": {only}"),
            all => all.iter().try_for_each(|problem| write!(f, "\n  - {problem}")),
        }
    }
}

/// Writes what `Display` does: a `main` that returns the error shows it by its `Debug`.
impl fmt::Debug for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}

/// The error that a run cannot continue.
///
/// ```
/// use gate_runtime::run::RunError;
/// let error = RunError::UnknownAgent { agent: "suport".into(), known: vec!["support".into()] };
/// assert!(error.to_string().contains("did you mean `support`?"));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum RunError {
    /// The gate does not know the agent. Nothing ran.
    UnknownAgent {
        /// The given name; empty if none was given.
        agent: AgentName,
        /// The names that the gate knows.
        known: Vec<AgentName>,
    },
    /// The id of the run, or of a nested run, is empty. Nothing ran.
    NoRunId,
    /// The id contains `>`, which is reserved for the ids of nested runs. Nothing ran.
    ReservedRunId(RunId),
    /// The details of an action cannot be recorded.
    Details(SchemaError),
    /// The store did not answer.
    Store(StoreError),
    /// The state of a run cannot be read.
    State(StateError),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownAgent { agent, known } => {
                let names = english::list(known);
                if agent.as_str().is_empty() {
                    return write!(
                        f,
                        "the run names no agent, and the gate knows {names}: add \
                         `.agent(\"…\")`"
                    );
                }
                write!(f, "unknown agent `{agent}`; the gate knows {names}")?;
                match english::closest(agent.as_str(), known.iter().map(AgentName::as_str)) {
                    Some(suggestion) => write!(f, "; did you mean `{suggestion}`?"),
                    None => write!(f, ": add `.agent(\"{agent}\")` to the gate's builder"),
                }
            }
            Self::NoRunId => f.write_str(
                "a run needs an id: `gate.run(\"…\")` or `run.child(\"…\")` got an empty text",
            ),
            Self::ReservedRunId(run) => {
                write!(
                    f,
                    "the run id `{run}` contains `>`, which separates a run from one nested in \
                     it: leave it out"
                )
            }
            Self::Details(schema_error) => write!(f, "the details of an action, {schema_error}"),
            Self::Store(error) => fmt::Display::fmt(error, f),
            Self::State(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for RunError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store(error) => Some(error),
            Self::State(error) => Some(error),
            Self::Details(schema_error) => Some(schema_error),
            Self::UnknownAgent { .. } | Self::NoRunId | Self::ReservedRunId(_) => None,
        }
    }
}

impl From<StoreError> for RunError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<StateError> for RunError {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

/// The error that the state of a run cannot be read. Nothing of it was imported.
///
/// ```
/// use gate_runtime::run::StateError;
/// let error = StateError::TooNew { found: 7, known: 1 };
/// assert_eq!(
///     error.to_string(),
///     "the run state has version 7, and this program reads up to version 1: update it"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StateError {
    /// The text is not a run state.
    Malformed {
        /// The problem with it.
        problem: String,
    },
    /// A newer version wrote it.
    TooNew {
        /// Its version.
        found: u64,
        /// The newest version that is read here.
        known: u64,
    },
    /// The state was changed, or was written by a gate with another key.
    NotAuthentic,
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { problem } => write!(f, "this is not the state of a run: {problem}"),
            Self::TooNew { found, known } => {
                write!(
                    f,
                    "the run state has version {found}, and this program reads up to \
                    version {known}: update it"
                )
            }
            Self::NotAuthentic => f.write_str(
                "the run state was changed, or comes from a gate with another key: \
                 give both gates the same `.key(…)`, or this one the other's by \
                 `.earlier_keys([…])`, and resume only what `run.state()` gave",
            ),
        }
    }
}

impl std::error::Error for StateError {}
