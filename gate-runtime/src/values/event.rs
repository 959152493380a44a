//! What happens: to one call, and to the gate as a whole. Every event is kept as a [`Record`].

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::approval::{Refusal, Status};
use super::arguments::Arguments;
use super::assessment::Assessment;
use super::context::RunInfo;
use super::decision::Vote;
use super::digest::Digest;
use super::freeze::{Freeze, FreezeScope};
use super::grant::Grant;
use super::id::{AgentName, ApprovalId, CallId, CaseId, GrantId, ReviewerId, RunId, ToolName};
use super::outcome::ToolOutcome;
use super::outline::PolicyOutline;
use super::settlement::{Settlement, Settler};

/// What happens to one call. [`Approval::apply`](crate::Approval::apply) says what follows from it.
///
/// ```
/// use gate_runtime::{CallEvent, Event};
/// # use gate_runtime::prelude::*;
/// # /// Delete an account.
/// # #[gated_tool(policy = "always_ask", destructive)] fn delete_account(user_id: String) -> String { format!("deleted {user_id}") }
/// # registry! { pub Tools for () { DeleteAccount } }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let people = StaticDirectory::new().person("dana", ["manager"]);
/// # let gate: Gate<Tools> = Gate::builder(()).directory(people).build().await?;
/// # let dana = gate.reviewer("dana").await?;
/// # let turn = gate.run("run-42").submit([ToolCall::new("call_1", "delete_account", r#"{"user_id":"mia"}"#)]).await?;
/// turn.interruptions()[0].approve(&dana).await?;
/// let mut voters = vec![];
/// for record in gate.records(0, 100).await? {
///     if let Event::Call(CallEvent::Voted { vote }) = record.event() {
///         voters.push(vote.reviewer().to_string());
///     }
/// }
/// assert_eq!(voters, ["dana"]);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum CallEvent {
    /// The rules judged it.
    Assessed {
        /// With what result.
        assessment: Arc<Assessment>,
        /// Of which arguments.
        arguments: Arguments,
        /// What people refused earlier in the same run for the same tool.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        earlier: Vec<Refusal>,
        /// Whether it waits only because another call of its batch does.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        held: bool,
    },
    /// A person voted.
    Voted {
        /// How.
        vote: Box<Vote>,
    },
    /// A standing permission answered the question.
    Covered {
        /// Which one.
        grant: GrantId,
        /// Who gave it.
        by: ReviewerId,
    },
    /// The standing permission that answered the question holds no more, before the call began: people are asked again.
    Uncovered {
        /// Which one.
        grant: GrantId,
    },
    /// Votes that count no more, before the call began: whoever gave them is not in this gate's directory, or not as they were.
    Voided {
        /// Whose.
        voters: Vec<ReviewerId>,
    },
    /// A step of an escalation began.
    Escalated {
        /// For each requirement, how many steps have begun.
        reached: Vec<usize>,
    },
    /// Those who are asked were reminded.
    Reminded {
        /// How many times, with this one.
        count: u64,
    },
    /// Nobody decided in time.
    Expired,
    /// Whoever asked took it back.
    Cancelled {
        /// Why.
        reason: String,
    },
    /// A person took their vote back.
    Withdrawn {
        /// Who.
        by: ReviewerId,
    },
    /// A person took the approval back, before it ran.
    Revoked {
        /// Who.
        by: ReviewerId,
        /// Why.
        reason: String,
    },
    /// The caller stopped waiting.
    Abandoned,
    /// The rules judged it again: after an edit, or before it would have run.
    Reassessed {
        /// With what result.
        assessment: Arc<Assessment>,
        /// What is not as it was when it was asked.
        #[serde(default, skip_serializing_if = "Changes::is_empty")]
        changes: Changes,
    },
    /// It came with the state of a run from a store that this one does not share.
    Imported,
    /// Its body is about to run.
    Dispatched,
    /// Its body ended.
    Finished {
        /// With what.
        outcome: ToolOutcome,
    },
    /// Its body failed, and people are asked what to do: an approval runs it again.
    Faltered {
        /// The error's text.
        error: Arc<str>,
    },
    /// Its body began, and nobody knows how it ended.
    Lost {
        /// What happened.
        why: String,
    },
    /// It was found out what became of a call of which nobody knew how it ended.
    Settled {
        /// What became of it.
        settlement: Settlement,
        /// Who found out.
        by: Settler,
        /// How they know.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

/// What is no longer as it was when a call was asked.
///
/// ```
/// assert!(gate_runtime::Changes::default().is_empty());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// The new digest of the tool, if that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tool: Option<Digest>,
    /// The new digest of the policies, if that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<Digest>,
}

impl Changes {
    /// Whether all is as it was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What changed, in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match (self.tool.is_some(), self.policy.is_some()) {
            (true, true) => "the tool and its policy",
            (true, false) => "the tool",
            (false, true) => "its policy",
            (false, false) => "nothing",
        }
    }
}

/// What happens to the gate as a whole.
///
/// ```
/// use gate_runtime::{Event, GateEvent};
/// # use gate_runtime::prelude::*;
/// # /// Read one order.
/// # #[gated_tool(policy = "never_ask", read_only)] fn get_order(order_id: String) -> String { format!("{order_id}: paid") }
/// # registry! { pub Tools for () { GetOrder } }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let gate: Gate<Tools> = Gate::builder(()).build().await?;
/// let turn = gate.run("run-42").submit([ToolCall::new("call_1", "get_oder", "{}")]).await?;
/// # let _ = turn;
/// let mut problems = vec![];
/// for record in gate.records(0, 100).await? {
///     if let Event::Gate(GateEvent::CallRefused { problem, .. }) = record.event() {
///         problems.push(problem.clone());
///     }
/// }
/// assert!(problems[0].contains("There is no tool `get_oder`"));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum GateEvent {
    /// A gate was built, with these tools and policies.
    GateBuilt {
        /// Its tools.
        tools: Vec<ToolNote>,
    },
    /// A call was refused before any rule saw it. Nothing of its arguments is kept.
    CallRefused {
        /// The run that proposed it.
        info: Arc<RunInfo>,
        /// Its id.
        call: CallId,
        /// The tool that was named.
        tool: ToolName,
        /// What was wrong.
        problem: String,
    },
    /// An agent, or the program around it, did something that no gate decides.
    Action {
        /// In which run.
        info: Arc<RunInfo>,
        /// What, in a word or two.
        action: String,
        /// With what.
        details: Value,
        /// The call that it follows from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        in_reply_to: Option<ApprovalId>,
    },
    /// A person gave a standing permission.
    GrantGiven {
        /// Which one.
        grant: Arc<Grant>,
    },
    /// A person took a standing permission back.
    GrantRevoked {
        /// Which one.
        grant: GrantId,
        /// Who.
        by: ReviewerId,
    },
    /// A person stopped calls.
    Frozen {
        /// Which, and why.
        freeze: Freeze,
    },
    /// A person lifted a stop.
    FreezeLifted {
        /// Of what.
        scope: FreezeScope,
        /// Who.
        by: ReviewerId,
    },
}

/// A tool of a gate as its record names it.
///
/// ```
/// use gate_runtime::{Event, GateEvent};
/// # use gate_runtime::prelude::*;
/// # /// Read one order.
/// # #[gated_tool(policy = "never_ask", read_only)] fn get_order(order_id: String) -> String { format!("{order_id}: paid") }
/// # registry! { pub Tools for () { GetOrder } }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let gate: Gate<Tools> = Gate::builder(()).build().await?;
/// let records = gate.records(0, 1).await?;
/// let Event::Gate(GateEvent::GateBuilt { tools }) = records[0].event() else { panic!("a gate is built first") };
/// assert_eq!(tools[0].tool(), "get_order");
/// assert_eq!(tools[0].policy().name(), "never_ask");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolNote {
    /// Its name.
    pub(crate) tool: ToolName,
    /// The digest of descriptor and source.
    pub(crate) digest: Digest,
    /// Its own policy.
    pub(crate) policy: Arc<PolicyOutline>,
    /// The policies that agents have for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) agents: Vec<(AgentName, Arc<PolicyOutline>)>,
}

impl ToolNote {
    /// The tool's name.
    #[must_use]
    pub fn tool(&self) -> &ToolName {
        &self.tool
    }

    /// The digest of descriptor and source.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The tool's policy, with its text.
    #[must_use]
    pub fn policy(&self) -> &PolicyOutline {
        &self.policy
    }
}

/// Something that happened.
///
/// ```
/// use gate_runtime::Event;
/// # use gate_runtime::prelude::*;
/// # /// Read one order.
/// # #[gated_tool(policy = "never_ask", read_only)] fn get_order(order_id: String) -> String { format!("{order_id}: paid") }
/// # registry! { pub Tools for () { GetOrder } }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let gate: Gate<Tools> = Gate::builder(()).build().await?;
/// get_order(&gate.run("run-42"), "A-1".into()).await?;
/// let (mut of_calls, mut of_gate) = (vec![], vec![]);
/// for record in gate.records(0, 100).await? {
///     match record.event() {
///         Event::Call(_) => of_calls.push(record.kind()),
///         Event::Gate(_) => of_gate.push(record.kind()),
///     }
/// }
/// assert_eq!(of_calls, ["assessed", "dispatched", "finished"]);
/// assert_eq!(of_gate, ["gate_built"]);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Event {
    /// To one call.
    Call(CallEvent),
    /// To the gate.
    Gate(GateEvent),
}

/// Which call a record is about, and what its decision is bound to.
///
/// ```
/// # fn show(subject: &gate_runtime::Subject) {
/// println!("{} {} of {}", subject.approval(), subject.tool(), subject.info().run());
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    pub(crate) approval: ApprovalId,
    #[serde(flatten)]
    pub(crate) info: Arc<RunInfo>,
    pub(crate) call: CallId,
    pub(crate) tool: ToolName,
    pub(crate) tool_digest: Digest,
    pub(crate) policy_digest: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reasoning: Option<Arc<str>>,
}

impl Subject {
    /// The approval.
    #[must_use]
    pub fn approval(&self) -> ApprovalId {
        self.approval
    }

    /// Who runs, for whom, in which matter.
    #[must_use]
    pub fn info(&self) -> &RunInfo {
        &self.info
    }

    /// The call's id within its run.
    #[must_use]
    pub fn call(&self) -> &CallId {
        &self.call
    }

    /// The tool.
    #[must_use]
    pub fn tool(&self) -> &ToolName {
        &self.tool
    }

    /// The digest of the tool's descriptor and source.
    #[must_use]
    pub fn tool_digest(&self) -> Digest {
        self.tool_digest
    }

    /// The digest of the policies it is judged by.
    #[must_use]
    pub fn policy_digest(&self) -> Digest {
        self.policy_digest
    }

    /// Why the agent says it proposes the call: its claim.
    #[must_use]
    pub fn reasoning(&self) -> Option<&str> {
        self.reasoning.as_deref()
    }
}

/// One entry of the record of everything that happens; written in the transaction that makes it so, before its effect.
///
/// ```
/// # fn show(record: &gate_runtime::Record) {
/// println!("{} {} {}", record.seq(), record.at(), record.kind());
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub(crate) seq: u64,
    pub(crate) at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<Arc<Subject>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<Status>,
    pub(crate) event: Event,
}

impl Record {
    /// A record of what happened to a call, and the state it is in after it.
    pub(crate) fn of_call(at: Timestamp, subject: Arc<Subject>, status: Status, event: CallEvent) -> Self {
        Self { seq: 0, at, subject: Some(subject), status: Some(status), event: Event::Call(event) }
    }

    /// A record of what happened to the gate.
    pub(crate) fn of_gate(at: Timestamp, event: GateEvent) -> Self {
        Self { seq: 0, at, subject: None, status: None, event: Event::Gate(event) }
    }

    /// Its place in the store's order, from 1, without gaps. A store sets it when it commits.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The same record at a place: for stores.
    #[must_use]
    pub fn numbered(mut self, seq: u64) -> Self {
        self.seq = seq;
        self
    }

    /// When it happened, by the gate's clock.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Which call it is about; `None` where it is about the gate.
    #[must_use]
    pub fn subject(&self) -> Option<&Subject> {
        self.subject.as_deref()
    }

    /// The state that the call is in after it.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        self.status
    }

    /// What happened.
    #[must_use]
    pub fn event(&self) -> &Event {
        &self.event
    }

    /// Who runs, for whom, in which matter, where it belongs to a run.
    #[must_use]
    pub fn info(&self) -> Option<&RunInfo> {
        match (&self.subject, &self.event) {
            (Some(subject), _) => Some(&subject.info),
            (None, Event::Gate(GateEvent::CallRefused { info, .. } | GateEvent::Action { info, .. })) => Some(info),
            _ => None,
        }
    }

    /// The run it belongs to.
    #[must_use]
    pub fn run(&self) -> Option<&RunId> {
        self.info().map(RunInfo::run)
    }

    /// The case it belongs to.
    #[must_use]
    pub fn case(&self) -> Option<&CaseId> {
        self.info()?.case()
    }

    /// What happened, as one word: `assessed`, `voted`, `dispatched`, `finished`, …
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.event {
            Event::Call(event) => match event {
                CallEvent::Assessed { .. } => "assessed",
                CallEvent::Voted { .. } => "voted",
                CallEvent::Covered { .. } => "covered",
                CallEvent::Uncovered { .. } => "uncovered",
                CallEvent::Voided { .. } => "voided",
                CallEvent::Escalated { .. } => "escalated",
                CallEvent::Reminded { .. } => "reminded",
                CallEvent::Expired => "expired",
                CallEvent::Cancelled { .. } => "cancelled",
                CallEvent::Withdrawn { .. } => "withdrawn",
                CallEvent::Revoked { .. } => "revoked",
                CallEvent::Abandoned => "abandoned",
                CallEvent::Reassessed { .. } => "reassessed",
                CallEvent::Imported => "imported",
                CallEvent::Dispatched => "dispatched",
                CallEvent::Finished { .. } => "finished",
                CallEvent::Faltered { .. } => "faltered",
                CallEvent::Lost { .. } => "lost",
                CallEvent::Settled { .. } => "settled",
            },
            Event::Gate(event) => match event {
                GateEvent::GateBuilt { .. } => "gate_built",
                GateEvent::CallRefused { .. } => "call_refused",
                GateEvent::Action { .. } => "action",
                GateEvent::GrantGiven { .. } => "grant_given",
                GateEvent::GrantRevoked { .. } => "grant_revoked",
                GateEvent::Frozen { .. } => "frozen",
                GateEvent::FreezeLifted { .. } => "freeze_lifted",
            },
        }
    }
}
