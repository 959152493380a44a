//! The approval: the stored question about one call, and everything that happened to it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::approval::decision::{Decision, Vote};
use crate::approval::earlier_refusal::EarlierRefusal;
use crate::approval::requirement::Requirement;
use crate::approval::status::Status;
use crate::assessment::Assessment;
use crate::assessment::verdict::Verdict;
use crate::call::accepted_answers::AcceptedAnswers;
use crate::call::arguments::Arguments;
use crate::call::message::Message;
use crate::call::outcome::{DeniedBy, NotRun, ToolOutcome};
use crate::call::subject::CallSubject;
use crate::call::tool_changes::ToolChanges;
use crate::id::{ApprovalId, GrantId, ReviewerId};
use crate::text::time::later;

/// The lease of a process that runs a body: how long one heartbeat counts.
pub const LEASE: Duration = Duration::from_secs(30);

/// The stored question about one call: the proposal, the assessment, the votes, the result.
///
/// Every accepted call has an approval, even if a rule decided it and nobody was asked. An approval
/// changes only by [`apply`](Self::apply). `Debug` prints no argument values.
///
/// ```
/// # fn show(approval: &gate_runtime::Approval) {
/// println!("{}: {} is {}", approval.id(), approval.tool(), approval.status());
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    #[serde(flatten)]
    pub(crate) subject: Arc<CallSubject>,
    pub(crate) version: u64,
    /// The number of its last record among those of the call; 0 if no record is numbered.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) recorded: u64,
    pub(crate) status: Status,
    pub(crate) arguments: Arguments,
    /// The arguments as they were given, if defaults completed them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) given: Option<Box<Arguments>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) proposed: Option<Box<Arguments>>,
    pub(crate) assessment: Arc<Assessment>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) requirements: Vec<Requirement>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) votes: Vec<Vote>,
    /// The time when the requirements began to hold, from which deadlines are counted.
    pub(crate) asked_at: Timestamp,
    /// For each requirement, how many steps have been announced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) reached: Vec<usize>,
    pub(crate) changed_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) grant: Option<GrantId>,
    /// The person who gave the grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) granted_by: Option<ReviewerId>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) held: bool,
    /// The questions of its batch that it waits for, although it may run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) held_by: Vec<ApprovalId>,
    /// Equal calls that waited, or could still run, when people were asked about this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) alike: Vec<ApprovalId>,
    /// The person who revoked its approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) revoked_by: Option<ReviewerId>,
    /// Set if it is unknown whether an earlier attempt ran, and the call should run again or people
    /// are asked whether it should.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) asked_again: bool,
    /// Set if it is unknown whether the call ran, and people or rules refused to run it again.
    /// After that, only people can order another run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) stays_unknown: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) earlier: Vec<EarlierRefusal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) changes: Option<Box<ToolChanges>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) outcome: Option<ToolOutcome>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) attempts: u32,
    /// The number of reminders that have been announced.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) reminded: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) conversation: Vec<Message>,
    /// The marks of the messages before it that no earlier call notes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) heard: Vec<String>,
    /// The edition of the rules for this approval: older approvals and records keep theirs.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) edition: u8,
    /// The time when votes last approved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) approved_at: Option<Timestamp>,
    /// The end of the grant that covers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) covered_until: Option<Timestamp>,
    /// The last edit of the arguments, if they differ from the proposed ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) edit: Option<ReviewerEdit>,
}

/// The present edition, in which arguments are complete.
pub(crate) const EDITION: u8 = 3;

/// The first edition with the present rules of voting and validity: each person fills one role,
/// people are compared by the identity of their names, an edit is removed with its vote, and
/// approvals have an end.
pub(crate) const VALIDITY: u8 = 2;

/// An edit that is in effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReviewerEdit {
    pub(crate) by: ReviewerId,
    /// Set if the rules have evaluated the edited arguments.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_judged: bool,
    /// Set if another person must approve the edited arguments too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) needs_another: bool,
}

/// Returns the end of an id, which is enough for people to distinguish calls.
fn short_id(id: ApprovalId) -> String {
    let text = id.to_string();
    text.chars().skip(text.chars().count().saturating_sub(8)).collect()
}

fn is_zero<T: PartialEq + Default>(count: &T) -> bool {
    *count == T::default()
}

impl Approval {
    /// Returns a shared [`subject`](Self::subject).
    #[doc(hidden)]
    #[must_use]
    pub fn shared_subject(&self) -> &Arc<CallSubject> {
        &self.subject
    }

    /// Returns a shared [`assessment`](Self::assessment).
    #[doc(hidden)]
    #[must_use]
    pub fn shared_assessment(&self) -> &Arc<Assessment> {
        &self.assessment
    }

    /// Returns the questions of its batch that it waits for, although it may run.
    #[doc(hidden)]
    #[must_use]
    pub fn held_by(&self) -> &[ApprovalId] {
        &self.held_by
    }

    /// Returns the marks of the messages that the person and the application sent before the call
    /// was proposed, except those that an earlier call notes. Like the conversation, they are in no
    /// record.
    #[doc(hidden)]
    #[must_use]
    pub fn noted_messages(&self) -> &[String] {
        &self.heard
    }

    /// Returns the error of the last failure of its body, whatever happened to the call since.
    #[doc(hidden)]
    #[must_use]
    pub fn shared_failure(&self) -> Option<&Arc<str>> {
        self.failure.as_ref()
    }

    /// Returns how many steps of each requirement have been announced.
    #[doc(hidden)]
    #[must_use]
    pub fn steps_reached(&self) -> &[usize] {
        &self.reached
    }

    /// Returns the person who gave the grant that covers it.
    #[doc(hidden)]
    #[must_use]
    pub fn granted_by(&self) -> Option<&ReviewerId> {
        self.granted_by.as_ref()
    }

    /// Returns the person who revoked its approval.
    #[doc(hidden)]
    #[must_use]
    pub fn revoked_by(&self) -> Option<&ReviewerId> {
        self.revoked_by.as_ref()
    }

    /// Returns whether only people can order that it runs again.
    #[doc(hidden)]
    #[must_use]
    pub fn stays_unknown(&self) -> bool {
        self.stays_unknown
    }

    /// Sets the version with which it is stored next: one version for all events of a commit.
    #[doc(hidden)]
    pub fn set_version(&mut self, version: u64) {
        self.version = version;
    }

    /// Returns its id.
    #[must_use]
    pub fn id(&self) -> ApprovalId {
        self.subject.approval
    }

    /// Returns the call, with everything that its decision is bound to.
    #[must_use]
    pub fn subject(&self) -> &CallSubject {
        &self.subject
    }

    /// Returns the tool.
    #[must_use]
    pub fn tool(&self) -> &crate::id::ToolName {
        &self.subject.tool
    }

    /// Returns its version, from 1. A store writes it only over the previous version.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Returns its status.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// Returns the arguments that would run or ran, with a person's edits.
    #[must_use]
    pub fn arguments(&self) -> &Arguments {
        &self.arguments
    }

    /// Returns the arguments as the model gave them, if they were completed: because defaults were
    /// left out, or because the tool's type writes a value differently.
    #[must_use]
    pub fn given(&self) -> Option<&Arguments> {
        self.given.as_deref()
    }

    /// Returns whether its arguments are complete: all that its body gets, with defaults. Older
    /// approvals have the arguments as the model gave them.
    #[doc(hidden)]
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.edition >= EDITION
    }

    /// Returns whether it follows a later edition of the rules, which this program does not know.
    #[doc(hidden)]
    #[must_use]
    pub fn is_of_later_version(&self) -> bool {
        self.edition > EDITION
    }

    /// Returns the arguments that the model proposed, completed.
    #[must_use]
    pub fn proposed(&self) -> &Arguments {
        self.proposed.as_deref().unwrap_or(&self.arguments)
    }

    /// Returns whether the arguments differ from those that the model proposed, because a person
    /// changed them.
    #[must_use]
    pub fn is_edited(&self) -> bool {
        self.proposed.as_ref().is_some_and(|proposed| proposed.digest() != self.arguments.digest())
    }

    /// Returns the assessment of the rules.
    pub fn assessment(&self) -> &Assessment {
        &self.assessment
    }

    /// Returns the requirements, all of which people must meet. Empty if nobody is asked about the
    /// call or its failure.
    #[must_use]
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// Returns the accepted answers, if it is a question and no call that could run.
    #[must_use]
    pub fn answers(&self) -> Option<&AcceptedAnswers> {
        self.requirements.iter().find_map(Requirement::answers)
    }

    /// Parses a typed answer: for a question, the text as it is; in place of a tool, JSON or else
    /// text.
    #[must_use]
    pub fn typed_answer(&self, typed: &str) -> Value {
        let json = if self.answers().is_some() { None } else { serde_json::from_str(typed).ok() };
        json.unwrap_or_else(|| Value::from(typed))
    }

    /// Returns the votes, oldest first.
    #[must_use]
    pub fn votes(&self) -> &[Vote] {
        &self.votes
    }

    /// Returns when people were last asked about it.
    #[must_use]
    pub fn asked_at(&self) -> Timestamp {
        self.asked_at
    }

    /// Returns when it last changed.
    #[must_use]
    pub fn changed_at(&self) -> Timestamp {
        self.changed_at
    }

    /// Returns when it expires, if it does: the earliest end of any requirement.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.requirements.iter().filter_map(|requirement| requirement.expires(self.asked_at)).min()
    }

    /// Returns when the approval by votes or a grant ends. If the call has not begun by then,
    /// people are asked again. `None` if neither approved it, or there is no end.
    #[must_use]
    pub fn valid_until(&self) -> Option<Timestamp> {
        if self.status != Status::Approved {
            return None;
        }
        if self.grant.is_some() {
            return self.covered_until;
        }
        self.approved_at?.checked_add(self.validity()?).ok()
    }

    /// Returns how long an approval by votes is valid; `None` if nobody is asked, and for approvals
    /// of earlier versions, which have no end.
    #[must_use]
    pub fn validity(&self) -> Option<Duration> {
        if self.edition == 0 {
            None
        } else {
            self.requirements.iter().map(Requirement::validity).min()
        }
    }

    /// Returns the grant that covers it.
    #[must_use]
    pub fn grant(&self) -> Option<GrantId> {
        self.grant
    }

    /// Returns whether it waits, or waited, only because another call of its batch waits.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.held
    }

    /// Returns the messages before the question, as the application passed them to the gate, oldest
    /// first; long messages are cut in the middle. Empty unless the gate keeps them
    /// (`GateBuilder::show_conversation`). No vote is bound to them, and no record has them.
    #[must_use]
    pub fn conversation(&self) -> &[Message] {
        &self.conversation
    }

    /// Returns the equal calls that waited, or could still run, when people were asked about this
    /// one. Approving both lets both run.
    #[must_use]
    pub fn alike(&self) -> &[ApprovalId] {
        &self.alike
    }

    /// Returns the notice for reviewers about [equal calls](Self::alike); `None` if there were
    /// none.
    #[must_use]
    pub fn equal_calls_notice(&self) -> Option<String> {
        let ids: Vec<String> = self.alike.iter().map(|id| format!("…{}", short_id(*id))).collect();
        let (calls, are) =
            if ids.len() == 1 { ("The same call", "is") } else { ("The same calls", "are") };
        (!ids.is_empty()).then(|| {
            format!(
                "{calls} {} {are} open already, or may run yet: if this one is approved too, each \
                 runs.",
                ids.join(", ")
            )
        })
    }

    /// Describes what an approval means for a call whose body began before; `None` if it did not
    /// begin.
    #[must_use]
    pub fn failure_notice(&self) -> Option<&'static str> {
        self.failure().map(|_| {
            if self.asked_again {
                "Nobody knows whether it ran. If it is approved, it runs, perhaps a second time; \
                 anything else leaves it unknown."
            } else {
                "It ran and failed. If it is approved, it runs again; anything else leaves it \
                 failed."
            }
        })
    }

    /// Returns a short sentence about the last attempt of a call that began before and may run
    /// again; `None` if it did not begin.
    #[must_use]
    pub fn last_attempt(&self) -> Option<&'static str> {
        let text =
            if self.asked_again { "nobody knows whether it ran" } else { "it ran and failed" };
        self.failure().map(|_| text)
    }

    /// Returns earlier refusals of calls of the same tool, in the same run or case: those of equal
    /// calls, and the newest others.
    #[must_use]
    pub fn earlier(&self) -> &[EarlierRefusal] {
        &self.earlier
    }

    /// Returns the last changes of its tool and its policies. If people are asked, these are the
    /// reason why they were asked again.
    #[must_use]
    pub fn changes(&self) -> ToolChanges {
        self.changes.as_deref().cloned().unwrap_or_default()
    }

    /// Returns the result that the tool, or a person in its place, returned.
    #[must_use]
    pub fn outcome(&self) -> Option<&ToolOutcome> {
        self.outcome.as_ref()
    }

    /// Returns the number of times that its body was about to run. It exceeds one only if people
    /// approved another attempt, a settlement let it run again, or a process ended before the body
    /// began.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Returns the error of its last failure while people are asked about it. An approval runs the
    /// call again, any other decision ends it as failed.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.failure
            .as_deref()
            .filter(|_| matches!(self.status, Status::Pending | Status::Approved))
    }

    /// Returns the end of the lease of the process that runs the call. After that, the call counts
    /// as lost.
    #[must_use]
    pub fn lease_expires_at(&self) -> Option<Timestamp> {
        (self.status == Status::Dispatched).then(|| later(self.changed_at, LEASE))
    }

    /// Returns a note about its present state, if there is one: the known facts about a call that
    /// began and has no recorded end, why a call was cancelled, or why people were asked again
    /// about an approved call.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// Returns why the call did not run, if that is final.
    ///
    /// ```
    /// # fn show(approval: &gate_runtime::Approval) {
    /// if let Some(reason) = approval.not_run() {
    ///     println!("{}: {}", reason.kind(), reason.for_reviewer());
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn not_run(&self) -> Option<NotRun> {
        let reason = || self.note.clone().unwrap_or_default();
        match self.status {
            Status::Denied => Some(NotRun::Denied {
                // The assessment of a denied call contains who denied it. If that is missing, the
                // call still counts as denied.
                by: self.assessment.denied_by().unwrap_or(DeniedBy::Otherwise),
            }),
            Status::Rejected => Some(match self.rejection() {
                Some(EarlierRefusal { by, reason, .. }) => {
                    let may_be_asked_again = !self.refuses_repeats();
                    NotRun::Rejected {
                        by,
                        reason,
                        again: self.votes.is_empty(),
                        may_be_asked_again,
                    }
                }
                None => NotRun::Denied { by: DeniedBy::RefusedBefore },
            }),
            Status::Expired => {
                let message = self.requirements.iter().find_map(Requirement::expiry_message);
                Some(NotRun::Expired { told: message.map(str::to_owned) })
            }
            Status::Cancelled => Some(NotRun::Cancelled { reason: reason() }),
            Status::Pending
            | Status::Approved
            | Status::Responded
            | Status::Dispatched
            | Status::Succeeded
            | Status::Failed
            | Status::Indeterminate => None,
        }
    }

    /// Returns the rejection that ended it: of this call, or of the earlier call that it repeats.
    #[doc(hidden)]
    #[must_use]
    pub fn rejection(&self) -> Option<EarlierRefusal> {
        let own = self.votes.iter().rev().find_map(|vote| match &vote.decision {
            Decision::Reject { reason } => Some(EarlierRefusal {
                approval: self.id(),
                arguments: self.arguments.digest(),
                by: vote.reviewer.clone(),
                reason: reason.clone(),
            }),
            _ => None,
        });
        let revoked = self.revoked_by.as_ref().map(|by| EarlierRefusal {
            approval: self.id(),
            arguments: self.arguments.digest(),
            by: by.clone(),
            reason: self.note.clone().unwrap_or_default(),
        });
        let own = own.or(revoked);
        let same = |refusal: &&EarlierRefusal| refusal.arguments == self.arguments.digest();
        own.or_else(|| self.earlier.iter().find(same).cloned())
    }

    /// Returns whether people refused it: before it ran, by revoking the approval, or by refusing
    /// to run it again after a failure.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        let rejects = |vote: &Vote| matches!(vote.decision, Decision::Reject { .. });
        self.status == Status::Rejected
            || self.revoked_by.is_some()
            || (self.status == Status::Failed && self.votes.iter().any(rejects))
    }

    /// Returns whether it is a question that holds back other calls of its batch.
    #[doc(hidden)]
    pub fn holds_batch(&self) -> bool {
        self.status == Status::Pending && self.requirements.iter().any(Requirement::holds_batch)
    }

    /// Returns whether people refused an equal call before this one was asked about.
    #[doc(hidden)]
    #[must_use]
    pub fn was_refused_before(&self) -> bool {
        self.earlier.iter().any(|refusal| refusal.arguments == self.arguments.digest())
    }

    /// Returns whether a later call with the same arguments in the same run is refused at once.
    #[doc(hidden)]
    pub fn refuses_repeats(&self) -> bool {
        self.is_refused()
            && self.revoked_by.is_none()
            && !self.requirements.iter().any(Requirement::is_repeatable)
    }

    /// Returns the approval without salts, which is the form that may leave the store.
    #[doc(hidden)]
    #[must_use]
    pub fn without_salts(&self) -> Self {
        let without =
            |of: &Option<Box<Arguments>>| of.as_deref().map(Arguments::without_salts).map(Box::new);
        let (proposed, given) = (without(&self.proposed), without(&self.given));
        Self { arguments: self.arguments.without_salts(), proposed, given, ..self.clone() }
    }

    /// Returns whether it still has the salt of any secret.
    pub(crate) fn has_salts(&self) -> bool {
        let others = [&self.proposed, &self.given].into_iter().flatten().map(Box::as_ref);
        let all = [&self.arguments].into_iter().chain(others);
        all.flat_map(Arguments::secrets).any(|secret| secret.salt().is_some())
    }

    /// Returns whether the rules asked for people at the last evaluation, even if a grant answered.
    #[must_use]
    pub fn was_asked(&self) -> bool {
        self.assessment.verdict() == Verdict::Ask
    }
}
