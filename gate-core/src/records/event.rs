//! Events of calls, and of the gate as a whole. Every event is kept as a [`Record`].

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::approval::decision::Vote;
use crate::approval::earlier_refusal::EarlierRefusal;
use crate::approval::requirement::Requirement;
use crate::approval::settlement::{SettledBy, Settlement};
use crate::approval::state::Approval;
use crate::assessment::Assessment;
use crate::assessment::evaluation_failure::EvaluationFailure;
use crate::assessment::policy_view::PolicyView;
use crate::call::arguments::Arguments;
use crate::call::context::RunInfo;
use crate::call::outcome::ToolOutcome;
use crate::call::tool_changes::ToolChanges;
use crate::grants::freeze::{Freeze, FreezeScope};
use crate::grants::grant::Grant;
use crate::id::{AgentName, ApprovalId, CallId, GrantId, ReviewerId, ToolName};
use crate::text::digest::Digest;

/// An event of one call. [`Approval::apply`](crate::approval::Approval::apply) defines its effect.
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
    /// The rules evaluated it.
    Assessed {
        /// The result.
        assessment: Arc<Assessment>,
        /// The arguments.
        arguments: Arguments,
        /// The arguments as they were given, if the gate completed them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        given: Option<Arguments>,
        /// Earlier refusals by people: of the same tool, in the same run or in the same case.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        earlier: Vec<EarlierRefusal>,
        /// True if it waits only because of another call of its batch.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        held: bool,
        /// The questions of its batch that it waits for.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        held_by: Vec<ApprovalId>,
        /// Equal calls that were pending, or could still run.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        alike: Vec<ApprovalId>,
        /// The people who are asked if guarded work fails, because no rules ask anybody.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        if_failed: Option<Box<Requirement>>,
        /// The edition of the rules of voting and validity; 0 for versions without editions.
        #[serde(default, skip_serializing_if = "is_first")]
        edition: u8,
    },
    /// A person voted.
    Voted {
        /// The vote.
        vote: Box<Vote>,
    },
    /// A grant covered the call.
    Covered {
        /// The id of the grant.
        grant: GrantId,
        /// The person who gave it.
        by: ReviewerId,
        /// The time when the grant ends, if it has an end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// The grant that covered the call ended before the call began. People are asked again.
    Uncovered {
        /// The id of the grant.
        grant: GrantId,
    },
    /// Votes lost their effect before the call began: their voters are not in this gate's
    /// directory, or not with the same roles or keys.
    Voided {
        /// The people whose votes lost their effect.
        voters: Vec<ReviewerId>,
    },
    /// The approval's validity ended before the call began. People are asked again.
    Lapsed,
    /// A step of an escalation began.
    Escalated {
        /// The number of begun steps of each requirement.
        reached: Vec<usize>,
    },
    /// The people who are asked were reminded.
    Reminded {
        /// The number of reminders, with this one.
        count: u64,
    },
    /// Nobody decided in time.
    Expired,
    /// The proposer cancelled it.
    Cancelled {
        /// The reason.
        reason: String,
    },
    /// A person withdrew their vote.
    Withdrawn {
        /// The person who revoked it.
        by: ReviewerId,
    },
    /// A person revoked the approval, before the call ran.
    Revoked {
        /// The person who revoked it.
        by: ReviewerId,
        /// The reason.
        reason: String,
    },
    /// The caller stopped waiting.
    Abandoned,
    /// The rules evaluated it again, after an edit or before it would have run.
    Reassessed {
        /// The result of the evaluation.
        assessment: Arc<Assessment>,
        /// The changes since people were asked about it.
        #[serde(default, skip_serializing_if = "ToolChanges::is_empty")]
        changes: ToolChanges,
    },
    /// It was imported with the state of a run, from another store.
    Imported {
        /// The approval at the time of the import, without the openings of its commitments. Earlier
        /// versions did not write it, and a call without it does not run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approval: Option<Arc<Approval>>,
    },
    /// Its body is about to run.
    Dispatched,
    /// Its body ended.
    Finished {
        /// The outcome.
        outcome: ToolOutcome,
    },
    /// Its body failed, and people are asked what to do. An approval runs it again.
    Faltered {
        /// The error's text.
        error: Arc<str>,
    },
    /// Its body began, and its end is unknown.
    Lost {
        /// The reason why it is unknown.
        why: String,
    },
    /// Its body was about to begin but did not, because its caller was dropped. It is approved
    /// again.
    Released {
        /// The reason why it did not begin.
        why: String,
    },
    /// It is unknown whether it ran, and a person wants it to run again. People are asked, with the
    /// same requirements.
    AskedAgain {
        /// The person who wants it.
        by: ReviewerId,
        /// The reason why it may run again, as that person gave it.
        reason: String,
    },
    /// The salts of its secrets were deleted, so that the committed values can no longer be found
    /// by trial.
    SecretsErased {
        /// The person who had them deleted.
        by: ReviewerId,
    },
    /// A call with an unknown end was settled.
    Settled {
        /// The finding.
        settlement: Settlement,
        /// The person or mechanism that settled it.
        by: SettledBy,
        /// The reason that the person gave.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_first(edition: &u8) -> bool {
    *edition == 0
}

impl CallEvent {
    /// Returns the event of a call that a grant covers.
    #[doc(hidden)]
    #[must_use]
    pub fn covered_by(grant: &Grant) -> Self {
        Self::Covered { grant: grant.id, by: grant.by.clone(), until: grant.ends_at() }
    }
}

/// An event of the gate as a whole.
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
    /// A gate uses a directory with a digest that it has not recorded before, because the directory
    /// changed or the gate has just begun. Decisions before the next of these records were checked
    /// against the directory with this digest.
    DirectoryChanged {
        /// The digest of its content.
        digest: Digest,
    },
    /// A call was refused before any rule evaluated it. Its arguments are not kept.
    CallRefused {
        /// The run that proposed it.
        info: Arc<RunInfo>,
        /// Its id.
        call: CallId,
        /// The name of the tool in the call.
        tool: ToolName,
        /// The problem with the call.
        problem: String,
    },
    /// A call could not be evaluated, because rules or overlays failed. It did not run.
    CallUnjudged {
        /// The run that proposed it.
        info: Arc<RunInfo>,
        /// Its id.
        call: CallId,
        /// The name of the tool in the call.
        tool: ToolName,
        /// Its approval, if it has one, which is unchanged.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approval: Option<ApprovalId>,
        /// The rules and overlays that failed, with their errors.
        problem: EvaluationFailure,
    },
    /// An agent, or the program around it, did something outside the gate.
    Action {
        /// The run.
        info: Arc<RunInfo>,
        /// A short name of the action.
        action: String,
        /// The details.
        details: Value,
        /// The call that led to the action.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        in_reply_to: Option<ApprovalId>,
    },
    /// A person gave a grant.
    GrantGiven {
        /// The id of the grant.
        grant: Arc<Grant>,
    },
    /// A person revoked a grant.
    GrantRevoked {
        /// The id of the grant.
        grant: GrantId,
        /// The person who revoked it.
        by: ReviewerId,
    },
    /// A person froze calls.
    Frozen {
        /// The scope and the reason.
        freeze: Freeze,
    },
    /// A person lifted a freeze.
    FreezeLifted {
        /// Its scope.
        scope: FreezeScope,
        /// The person who lifted it.
        by: ReviewerId,
    },
    /// A trail begins. It contains every record from this one, or from an earlier one, on.
    TrailBegun {
        /// Its name.
        origin: String,
        /// The key that signs it.
        key: String,
    },
    /// A person settled a divergence of the trail and the store.
    TrailSettled {
        /// The person who settled it.
        by: ReviewerId,
        /// The number of the first record that differs.
        next: u64,
        /// The number of the last record in the trail at that time.
        settled: u64,
        /// The reason.
        reason: String,
    },
}

/// A tool of a gate, in the record of its build.
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
    /// The additional policies of certain agents for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[doc(hidden)]
    pub agents: Vec<(AgentName, Arc<PolicyView>)>,
}

impl ToolNote {
    /// Returns the tool's name.
    #[must_use]
    pub fn tool(&self) -> &ToolName {
        &self.tool
    }

    /// Returns the digest of descriptor and source.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the tool's policy, with its text.
    #[must_use]
    pub fn policy(&self) -> &PolicyView {
        &self.policy
    }

    /// Returns the additional policies of certain agents.
    pub fn agents(&self) -> impl Iterator<Item = (&AgentName, &PolicyView)> {
        self.agents.iter().map(|(agent, policy)| (agent, &**policy))
    }
}

/// An event of a call or of the gate.
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
    /// An event of one call.
    Call(CallEvent),
    /// An event of the gate.
    Gate(GateEvent),
}
