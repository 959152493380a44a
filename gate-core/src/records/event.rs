//! The events that happen: to one call, and to the gate as a whole. Every event is kept as a
//! [`Record`].

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::approval::decision::Vote;
use crate::approval::refusal::EarlierRefusal;
use crate::approval::requirement::Requirement;
use crate::approval::settlement::{SettledBy, Settlement};
use crate::approval::state::Approval;
use crate::assessment::Assessment;
use crate::assessment::policy_outline::PolicyView;
use crate::assessment::unjudged::EvaluationFailure;
use crate::call::arguments::Arguments;
use crate::call::changes::ToolChanges;
use crate::call::context::RunInfo;
use crate::call::outcome::ToolOutcome;
use crate::grants::freeze::{Freeze, FreezeScope};
use crate::grants::grant::Grant;
use crate::id::{AgentName, ApprovalId, CallId, GrantId, ReviewerId, ToolName};
use crate::text::digest::Digest;

/// An event that happens to one call. [`Approval::apply`](crate::approval::Approval::apply) says
/// what follows from it.
///
/// ```
/// use gate_runtime::records::RecordEvent;
/// use gate_runtime::records::CallEvent;
/// # use gate_runtime::prelude::*;
/// # /// Delete an account.
/// # #[gated_tool(policy = "always_ask", destructive)]
/// # fn delete_account(user_id: String) -> String { format!("deleted {user_id}") }
/// # registry! { pub Tools for () { DeleteAccount } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let people = StaticDirectory::new().person("dana", ["manager"]);
/// # let gate: Gate<Tools> = Gate::builder(()).directory(people).build().await?;
/// # let dana = gate.reviewer("dana").await?;
/// # let turn = gate
/// #     .run("run-42")
/// #     .submit([ToolCall::new("call_1", "delete_account", r#"{"user_id":"mia"}"#)])
/// #     .await?;
/// turn.interruptions()[0].approve(&dana).await?;
/// let mut voters = vec![];
/// for record in gate.records(0, 100).await? {
///     if let RecordEvent::Call(CallEvent::Voted { vote }) = record.event() {
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
        /// The arguments as they were given, where they were completed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        given: Option<Arguments>,
        /// Earlier refusals by people: of the same tool, in the same run or in the same case.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        earlier: Vec<EarlierRefusal>,
        /// Set if it waits only because another call of its batch does.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        held: bool,
        /// The questions of its batch that it waits for.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        held_by: Vec<ApprovalId>,
        /// Equal calls that waited, or might still run.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        alike: Vec<ApprovalId>,
        /// The people who are asked if it fails, where the rules ask nobody: of work that is no
        /// tool's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        if_failed: Option<Box<Requirement>>,
        /// By which edition of the rules of voting and validity it lives: 0 for those before there
        /// were editions.
        #[serde(default, skip_serializing_if = "is_first")]
        edition: u8,
    },
    /// A person voted.
    Voted {
        /// The vote.
        vote: Box<Vote>,
    },
    /// A standing permission answered the question.
    Covered {
        /// Which one.
        grant: GrantId,
        /// The person who gave it.
        by: ReviewerId,
        /// When it ends, if it does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// The standing permission that answered the question holds no more, before the call began:
    /// people are asked again.
    Uncovered {
        /// Which one.
        grant: GrantId,
    },
    /// Votes that count no more, before the call began: whoever gave them is not in this gate's
    /// directory, or not as they were.
    Voided {
        /// Whose.
        voters: Vec<ReviewerId>,
    },
    /// The approval was valid for a time, in which the call did not begin: people are asked again.
    Lapsed,
    /// A step of an escalation began.
    Escalated {
        /// For each requirement, how many steps have begun.
        reached: Vec<usize>,
    },
    /// Those who are asked were reminded.
    Reminded {
        /// The number of times, with this one.
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
        /// The person who took it back.
        by: ReviewerId,
    },
    /// A person took the approval back, before it ran.
    Revoked {
        /// The person who took it back.
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
        /// The things that are not as they were when it was asked.
        #[serde(default, skip_serializing_if = "ToolChanges::is_empty")]
        changes: ToolChanges,
    },
    /// It came with the state of a run from a store that this one does not share.
    Imported {
        /// The approval as it stood when it came, without what opens its commitments. Earlier
        /// versions did not write it: such a call does not run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approval: Option<Arc<Approval>>,
    },
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
        /// The reason why nobody knows it.
        why: String,
    },
    /// Its body was about to begin and did not, because whoever was to run it went away: it is
    /// approved again.
    Released {
        /// The reason why it did not begin.
        why: String,
    },
    /// Nobody knows whether it ran, and a person wants it to run again: people are asked, under the
    /// same requirement.
    AskedAgain {
        /// The person who wants it.
        by: ReviewerId,
        /// The way in which they know that it may run again.
        reason: String,
    },
    /// The salts of its secrets were deleted: what they are commitments of cannot be tried out any
    /// more.
    SecretsErased {
        /// The person who had them deleted.
        by: ReviewerId,
    },
    /// It was found out what became of a call of which nobody knew how it ended.
    Settled {
        /// The finding of what became of it.
        settlement: Settlement,
        /// The person or the thing that found out.
        by: SettledBy,
        /// The way in which they know.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_first(edition: &u8) -> bool {
    *edition == 0
}

impl CallEvent {
    /// Returns what happens to a question that a grant answers.
    #[doc(hidden)]
    #[must_use]
    pub fn covered_by(grant: &Grant) -> Self {
        Self::Covered { grant: grant.id, by: grant.by.clone(), until: grant.ends_at() }
    }
}

/// An event that happens to the gate as a whole.
///
/// ```
/// use gate_runtime::records::RecordEvent;
/// use gate_runtime::records::GateEvent;
/// # use gate_runtime::prelude::*;
/// # /// Read one order.
/// # #[gated_tool(policy = "never_ask", read_only)]
/// # fn get_order(order_id: String) -> String { format!("{order_id}: paid") }
/// # registry! { pub Tools for () { GetOrder } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let gate: Gate<Tools> = Gate::builder(()).build().await?;
/// let turn = gate.run("run-42").submit([ToolCall::new("call_1", "get_oder", "{}")]).await?;
/// # let _ = turn;
/// let mut problems = vec![];
/// for record in gate.records(0, 100).await? {
///     if let RecordEvent::Gate(GateEvent::CallRefused { problem, .. }) = record.event() {
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
        /// The digest of the directory by which it decides.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        directory: Option<Digest>,
    },
    /// A gate decides by a directory that it has not named on the record before: it has changed
    /// since then, or the gate has just begun. What each decision before the next of these records
    /// was checked against has this digest.
    DirectoryChanged {
        /// The digest of all that it says.
        digest: Digest,
    },
    /// A call was refused before any rule saw it. Nothing of its arguments is kept.
    CallRefused {
        /// The run that proposed it.
        info: Arc<RunInfo>,
        /// Its id.
        call: CallId,
        /// The tool that was named.
        tool: ToolName,
        /// The problem with the call.
        problem: String,
    },
    /// A call could not be judged, because rules or overlays failed. It did not run, and is as it
    /// was before.
    CallUnjudged {
        /// The run that proposed it.
        info: Arc<RunInfo>,
        /// Its id.
        call: CallId,
        /// The tool that was named.
        tool: ToolName,
        /// Its approval, where it was on the record already: it stands as it stood.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approval: Option<ApprovalId>,
        /// The rules and overlays that failed, and why.
        problem: EvaluationFailure,
    },
    /// An agent, or the program around it, did something that no gate decides.
    Action {
        /// In which run.
        info: Arc<RunInfo>,
        /// The action, in a word or two.
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
        /// The person who took it back.
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
        /// The person who lifted it.
        by: ReviewerId,
    },
    /// From here on, or from before, every record goes into a trail.
    TrailBegun {
        /// Its name.
        origin: String,
        /// The key that signs it.
        key: String,
    },
    /// A person said why the trail and the store had parted.
    TrailSettled {
        /// The person who said it.
        by: ReviewerId,
        /// The number of the first record that was not the same.
        next: u64,
        /// The number of the last record that the trail had.
        settled: u64,
        /// Why.
        reason: String,
    },
}

/// A tool of a gate as its record names it.
///
/// ```
/// use gate_runtime::records::RecordEvent;
/// use gate_runtime::records::GateEvent;
/// # use gate_runtime::prelude::*;
/// # /// Read one order.
/// # #[gated_tool(policy = "never_ask", read_only)]
/// # fn get_order(order_id: String) -> String { format!("{order_id}: paid") }
/// # registry! { pub Tools for () { GetOrder } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let gate: Gate<Tools> = Gate::builder(()).build().await?;
/// let records = gate.records(0, 1).await?;
/// let RecordEvent::Gate(GateEvent::GateBuilt { tools, .. }) = records[0].event() else {
///     panic!("a gate is built first")
/// };
/// assert_eq!(tools[0].tool(), "get_order");
/// assert_eq!(tools[0].policy().name(), "never_ask");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolNote {
    /// Its name.
    #[doc(hidden)]
    pub tool: ToolName,
    /// The digest of descriptor and source.
    #[doc(hidden)]
    pub digest: Digest,
    /// Its own policy.
    #[doc(hidden)]
    pub policy: Arc<PolicyView>,
    /// The policies that agents have for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[doc(hidden)]
    pub agents: Vec<(AgentName, Arc<PolicyView>)>,
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
    pub fn policy(&self) -> &PolicyView {
        &self.policy
    }

    /// The policies that certain agents have for it besides.
    pub fn agents(&self) -> impl Iterator<Item = (&AgentName, &PolicyView)> {
        self.agents.iter().map(|(agent, policy)| (agent, &**policy))
    }
}

/// Something that happened.
///
/// ```
/// use gate_runtime::records::RecordEvent;
/// # use gate_runtime::prelude::*;
/// # /// Read one order.
/// # #[gated_tool(policy = "never_ask", read_only)]
/// # fn get_order(order_id: String) -> String { format!("{order_id}: paid") }
/// # registry! { pub Tools for () { GetOrder } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let gate: Gate<Tools> = Gate::builder(()).build().await?;
/// get_order(&gate.run("run-42"), "A-1".into()).await?;
/// let (mut of_calls, mut of_gate) = (vec![], vec![]);
/// for record in gate.records(0, 100).await? {
///     match record.event() {
///         RecordEvent::Call(_) => of_calls.push(record.kind()),
///         RecordEvent::Gate(_) => of_gate.push(record.kind()),
///     }
/// }
/// assert_eq!(of_calls, ["assessed", "dispatched", "finished"]);
/// assert_eq!(of_gate, ["gate_built"]);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RecordEvent {
    /// To one call.
    Call(CallEvent),
    /// To the gate.
    Gate(GateEvent),
}
