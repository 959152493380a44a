//! The state machine of a call, as one pure function.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use crate::approval::earlier_refusal::EarlierRefusal;
use crate::approval::requirement::Requirement;
use crate::approval::state::{Approval, EDITION, VALIDITY};
use crate::approval::status::Status;
use crate::assessment::Assessment;
use crate::assessment::opinion::GateDenial;
use crate::assessment::verdict::Verdict;
use crate::call::accepted_answers::AcceptedAnswers;
use crate::call::arguments::Arguments;
use crate::call::message::Message;
use crate::call::subject::CallSubject;
use crate::call::tool_changes::ToolChanges;
use crate::id::{ApprovalId, ReviewerId};
use crate::records::event::CallEvent;
use crate::text::english;

/// The reason why an event does not apply and the approval stays as it is.
///
/// ```
/// use gate_runtime::review::{Refused, Status};
/// assert_eq!(
///     Refused::Final(Status::Expired).to_string(),
///     "it is already expired, which is final"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The approval is in a terminal state.
    Final(Status),
    /// The event is not possible in this state.
    NotNow(Status),
    /// The deadline ended before the vote.
    TooLate,
    /// The voter is not among the people who may decide now.
    NotEntitled {
        /// The voter.
        reviewer: ReviewerId,
        /// The reason, or the people who may.
        why: String,
    },
    /// The call has changed since the voter was shown it: the arguments, the tool, its rules or
    /// their results changed, or the call ran and failed.
    Changed,
    /// Approving this call needs a comment.
    CommentRequired,
    /// Approving this call needs a signature of this voter.
    SignatureRequired,
    /// A rejection, a revocation or a settlement needs a reason.
    ReasonRequired,
    /// The call is a question, and only one of these answers counts.
    NotAnAnswer(AcceptedAnswers),
    /// The arguments cannot be changed.
    NotEditable,
    /// The edit changes nothing.
    NothingChanged,
    /// The person has no vote to withdraw.
    NoVote,
    /// The secrets may still be needed.
    StillOpen,
    /// The approval has no secrets with salts.
    NoSecrets,
    /// Nothing is due yet.
    NothingDue,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Final(status) => write!(f, "it is already {status}, which is final"),
            Self::NotNow(status) => write!(f, "this cannot happen while it is {status}"),
            Self::TooLate => f.write_str("its deadline has passed: it counts as expired"),
            Self::NotEntitled { reviewer, why } => {
                write!(f, "{reviewer} cannot decide this: {why}")
            }
            Self::Changed => {
                f.write_str("it was changed after it was shown: look at it again, then decide")
            }
            Self::CommentRequired => f.write_str("an approval of this needs a comment: say why"),
            Self::SignatureRequired => f.write_str(
                "an approval of this needs a signature: register a key in the directory, and sign \
                 with it (`--signing-key FILE`, or `.sign_with(&key)`)",
            ),
            Self::ReasonRequired => {
                f.write_str("it needs a reason, which is recorded and sent to the agent")
            }
            Self::NotAnAnswer(answers) => {
                write!(f, "it is a question, so only an answer counts: the reviewer {answers}")
            }
            Self::NotEditable => {
                f.write_str("its arguments cannot be edited: approve or reject it as it is")
            }
            Self::NothingChanged => f.write_str("the edit changes nothing: approve it instead"),
            Self::NoVote => f.write_str("this person has no vote to take back"),
            Self::StillOpen => f.write_str("it is still open: its secrets may still be needed"),
            Self::NoSecrets => f.write_str("it has no secrets with stored salts"),
            Self::NothingDue => f.write_str("nothing is due yet"),
        }
    }
}

impl std::error::Error for Refused {}

/// Everything that a new approval begins with.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct NewApproval {
    /// The call.
    pub subject: Arc<CallSubject>,
    /// Its arguments, as they will run.
    pub arguments: Arguments,
    /// Its arguments as they were given, if they were completed.
    pub given: Option<Arguments>,
    /// The assessment of its rules.
    pub assessment: Arc<Assessment>,
    /// Earlier refusals by people.
    pub earlier: Vec<EarlierRefusal>,
    /// Equal calls that wait or may still run.
    pub alike: Vec<ApprovalId>,
    /// Set if other calls of its batch hold it back.
    pub held: bool,
    /// The questions that hold it back.
    pub held_by: Vec<ApprovalId>,
    /// The last messages before it.
    pub conversation: Vec<Message>,
    /// The marks of the messages before it that no earlier call notes.
    pub heard: Vec<String>,
}

impl NewApproval {
    /// Creates one without history, which nothing holds back.
    #[must_use]
    pub fn of(
        subject: Arc<CallSubject>,
        arguments: Arguments,
        assessment: Arc<Assessment>,
    ) -> Self {
        let (earlier, alike, held_by, conversation, heard) = Default::default();
        Self {
            subject,
            arguments,
            given: None,
            assessment,
            earlier,
            alike,
            held: false,
            held_by,
            conversation,
            heard,
        }
    }
}

impl Approval {
    /// Creates an approval, in the state that its assessment gives it.
    ///
    /// A call that repeats a call that a person refused in this run is rejected, whatever the
    /// verdict of the rules.
    #[doc(hidden)]
    #[must_use]
    pub fn open(new: NewApproval, now: Timestamp) -> Self {
        let NewApproval {
            subject,
            arguments,
            given,
            assessment,
            earlier,
            alike,
            held,
            held_by,
            conversation,
            heard,
        } = new;
        let requirements = assessment.requirements();
        let status = match assessment.verdict() {
            Verdict::Deny if assessment.is_denied_for(GateDenial::RefusedBefore) => {
                Status::Rejected
            }
            Verdict::Deny => Status::Denied,
            Verdict::Ask => Status::Pending,
            Verdict::Approve => Status::Approved,
        };
        let mut approval = Self {
            subject,
            version: 1,
            recorded: 0,
            status,
            arguments,
            given: given.map(Box::new),
            proposed: None,
            assessment,
            requirements,
            votes: Vec::new(),
            asked_at: now,
            reached: Vec::new(),
            changed_at: now,
            grant: None,
            granted_by: None,
            held,
            held_by,
            alike,
            revoked_by: None,
            asked_again: false,
            stays_unknown: false,
            earlier,
            changes: None,
            outcome: None,
            note: None,
            failure: None,
            attempts: 0,
            reminded: 0,
            conversation,
            heard,
            edition: EDITION,
            approved_at: None,
            covered_until: None,
            edit: None,
        };
        approval.reached = approval.reached_at(now).unwrap_or_default();
        approval
    }

    /// Returns the event that opens this approval, before anything else has happened to it.
    ///
    /// `if_failed` contains the people to ask about a failure, if nobody was asked about the call.
    #[doc(hidden)]
    pub fn opening(&mut self, if_failed: Option<Requirement>) -> CallEvent {
        self.requirements.extend(if_failed.clone());
        CallEvent::Assessed {
            assessment: Arc::clone(&self.assessment),
            arguments: self.arguments.without_salts(),
            given: self.given.as_deref().map(Arguments::without_salts),
            earlier: self.earlier.clone(),
            held: self.held,
            held_by: self.held_by.clone(),
            alike: self.alike.clone(),
            if_failed: if_failed.map(Box::new),
            edition: self.edition,
        }
    }

    /// Returns the approval after an event, with the next version.
    ///
    /// This is a pure function: a store only writes the result over the version that it was made
    /// from.
    ///
    /// # Errors
    /// [`Refused`] if the event does not apply. A terminal state never changes.
    ///
    /// ```
    /// # use gate_runtime::{Approval, Timestamp};
    /// # use gate_runtime::records::CallEvent;
    /// # use gate_runtime::review::Refused;
    /// fn cancel(approval: &Approval, now: Timestamp) -> Result<Approval, Refused> {
    ///     approval.apply(&CallEvent::Cancelled { reason: "the customer hung up".into() }, now)
    /// }
    /// ```
    pub fn apply(&self, event: &CallEvent, now: Timestamp) -> Result<Self, Refused> {
        let mut next = self.clone();
        next.advance(event, now)?;
        Ok(next)
    }

    /// Applies an event in place, like [`apply`](Self::apply). After an error the value must be
    /// dropped.
    #[doc(hidden)]
    pub fn advance(&mut self, event: &CallEvent, now: Timestamp) -> Result<(), Refused> {
        self.version += 1;
        self.changed_at = now;
        match event {
            CallEvent::Voted { vote } => self.vote(vote, now)?,
            CallEvent::Covered { grant, by, until } => {
                self.must_be(&[Status::Pending])?;
                // A grant answers neither the question about a failure, which is always new, nor an
                // edit that another person must approve.
                if self.failure.is_some() || self.needs_another_voter() {
                    return Err(Refused::NotNow(self.status));
                }
                (self.grant, self.granted_by) = (Some(*grant), Some(by.clone()));
                self.covered_until = *until;
                self.status = Status::Approved;
            }
            CallEvent::Uncovered { grant } => {
                self.must_be(&[Status::Approved])?;
                if self.grant != Some(*grant) {
                    return Err(Refused::NotNow(self.status));
                }
                (self.grant, self.granted_by) = (None, None);
                self.ask_again(now);
            }
            CallEvent::Voided { voters } => {
                self.must_be(&[Status::Approved])?;
                // If the edit of a dropped vote is undone, the arguments that would run are no
                // longer those that were just evaluated.
                let is_undone = self.drop_votes(|who| voters.contains(who));
                if is_undone || !self.is_consented() {
                    self.ask_again(now);
                }
            }
            CallEvent::Cancelled { reason } => {
                self.must_be(&[Status::Pending, Status::Approved])?;
                self.note = Some(reason.clone());
                self.end(Status::Cancelled);
            }
            CallEvent::Withdrawn { by } => {
                self.must_be(&[Status::Pending])?;
                let before = self.votes.len();
                self.drop_votes(|who| who == by);
                if self.votes.len() == before {
                    return Err(Refused::NoVote);
                }
            }
            CallEvent::Revoked { reason, by } => {
                self.must_be(&[Status::Approved])?;
                if reason.trim().is_empty() {
                    return Err(Refused::ReasonRequired);
                }
                self.note = Some(reason.clone());
                self.end(Status::Cancelled);
                if self.status.is_terminal() {
                    self.revoked_by = Some(by.clone());
                }
            }
            CallEvent::Abandoned => {
                self.must_be(&[Status::Pending])?;
                if self.requirements.iter().any(Requirement::is_cancelled_when_abandoned) {
                    self.note = Some("the caller stopped waiting".to_owned());
                    self.end(Status::Cancelled);
                }
            }
            CallEvent::Reassessed { assessment, changes } => {
                self.reassess(assessment, changes, now)?;
            }
            CallEvent::SecretsErased { .. } => self.erase_secrets()?,
            CallEvent::Lapsed
            | CallEvent::Escalated { .. }
            | CallEvent::Reminded { .. }
            | CallEvent::Expired => {
                self.advance_by_time(event, now)?;
            }
            CallEvent::Dispatched
            | CallEvent::Finished { .. }
            | CallEvent::Faltered { .. }
            | CallEvent::Lost { .. }
            | CallEvent::Released { .. }
            | CallEvent::AskedAgain { .. }
            | CallEvent::Settled { .. } => self.advance_body(event, now)?,
            // Both events create an approval, so they never apply to an existing one.
            CallEvent::Assessed { .. } | CallEvent::Imported { .. } => self.must_be(&[])?,
        }
        Ok(())
    }

    /// Returns the approval in the state in which another store imports it.
    ///
    /// Terminal states stay. An approved call becomes a question again, because this store cannot
    /// know whether it already ran. A running call becomes indeterminate.
    #[doc(hidden)]
    #[must_use]
    pub fn imported(mut self, now: Timestamp) -> Self {
        match self.status {
            Status::Pending => {
                // A vote is for one store. In another store it could count a second time, or count
                // although it was withdrawn.
                self.votes.clear();
                self.edition = self.edition.max(VALIDITY);
                self.ask_from(now);
            }
            Status::Approved if self.was_asked() => {
                self.status = Status::Pending;
                self.edition = self.edition.max(VALIDITY);
                self.votes.clear();
                (self.grant, self.granted_by) = (None, None);
                self.ask_from(now);
                self.note =
                    Some("it was approved before, where it may already have run".to_owned());
            }
            Status::Approved | Status::Dispatched => {
                self.status = Status::Indeterminate;
                self.note = Some("its run went on in another place".to_owned());
            }
            _ => {}
        }
        (self.version, self.recorded) = (1, 0);
        self
    }

    pub(super) fn must_be(&self, states: &[Status]) -> Result<(), Refused> {
        if states.contains(&self.status) {
            Ok(())
        } else if self.status.is_terminal() {
            Err(Refused::Final(self.status))
        } else {
            Err(Refused::NotNow(self.status))
        }
    }

    /// Deletes the salts of an ended call, which only needs the commitments.
    fn erase_secrets(&mut self) -> Result<(), Refused> {
        if !self.status.is_terminal() {
            return Err(Refused::StillOpen);
        }
        if !self.has_salts() {
            return Err(Refused::NoSecrets);
        }
        *self = self.without_salts();
        Ok(())
    }

    /// Applies another evaluation. A denial ends the call. A changed tool or policy, or a
    /// requirement that the votes do not meet, makes it a question again.
    fn reassess(
        &mut self,
        assessment: &Arc<Assessment>,
        changes: &ToolChanges,
        now: Timestamp,
    ) -> Result<(), Refused> {
        self.must_be(&[Status::Pending, Status::Approved])?;
        let is_judged_otherwise = self.assessment.differs(assessment);
        let origins = &self.assessment.origins;
        // Another process may evaluate the call without the conversation, so known origins stay.
        self.assessment = if assessment.origins.is_empty() && !origins.is_empty() {
            Arc::new(Assessment { origins: origins.clone(), ..Assessment::clone(assessment) })
        } else {
            Arc::clone(assessment)
        };
        let asked = match assessment.verdict() {
            Verdict::Deny => {
                self.end(Status::Denied);
                return Ok(());
            }
            // The tool or its rules changed: the new rules determine who is asked.
            Verdict::Approve | Verdict::Ask
                if !changes.is_empty() && !assessment.requirements().is_empty() =>
            {
                assessment.requirements()
            }
            // The rules are the same: the people who were asked stay, even if the rules would not
            // ask them now.
            Verdict::Approve | Verdict::Ask => {
                let new = assessment.requirements();
                let new = new.into_iter().filter(|new| !self.requirements.contains(new));
                self.requirements.iter().cloned().chain(new).collect()
            }
        };
        if !changes.is_empty() {
            self.rebind(changes);
        }
        let is_unchanged = asked == self.requirements && changes.is_empty();
        if !is_unchanged {
            self.requirements = asked;
            self.ask_from(now);
        }
        self.judge_edit(is_judged_otherwise);
        // A grant answers only for the people who were asked when it covered the call.
        let granted = is_unchanged
            && self.grant.is_some()
            && self.requirements.iter().all(Requirement::takes_grants);
        // Steps that began later do not undo an earlier decision, but people must have consented to
        // exactly these arguments and requirements.
        let decided = is_unchanged && self.status == Status::Approved && self.has_consent();
        if self.requirements.is_empty() || granted || decided {
            return Ok(());
        }
        if is_unchanged && self.status == Status::Approved && self.needs_another_voter() {
            // People who are asked for the first time now have the full time.
            self.ask_from(now);
        }
        self.status = Status::Pending;
        (self.grant, self.granted_by) = (None, None);
        if let Some(reached) = self.reached_at(now) {
            self.count(&reached);
            self.reached = reached;
        }
        Ok(())
    }

    /// Binds the approval to another tool or policy. Earlier consent no longer counts.
    fn rebind(&mut self, changes: &ToolChanges) {
        let mut subject = CallSubject::clone(&self.subject);
        subject.tool_digest = changes.tool.unwrap_or(subject.tool_digest);
        subject.policy_digest = changes.policy.unwrap_or(subject.policy_digest);
        self.subject = Arc::new(subject);
        self.changes = (!changes.is_empty()).then(|| Box::new(changes.clone()));
        self.votes.clear();
        (self.grant, self.granted_by) = (None, None);
    }
}

impl Approval {
    /// Describes who must still agree, or [who decides](Self::waits_for) if nobody has agreed yet.
    ///
    /// ```
    /// # fn show(approval: &gate_runtime::Approval) {
    /// println!("it still waits for {}", approval.still_needs());
    /// # }
    /// ```
    #[must_use]
    pub fn still_needs(&self) -> String {
        let is_counted = self.edition > 0 && self.votes.iter().any(|vote| self.concerns(vote));
        let missing = if is_counted { self.missing() } else { String::new() };
        if missing.is_empty() { self.waits_for() } else { missing }
    }

    /// Describes how long an approval is valid, for reviewers; `None` if it has no end.
    ///
    /// ```
    /// # fn show(approval: &gate_runtime::Approval) {
    /// if let Some(valid) = approval.describe_validity() {
    ///     println!("an approval is valid {valid}");            // like: for 24 hours
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn describe_validity(&self) -> Option<String> {
        if let Some(end) = self.valid_until() {
            return Some(format!("until {end:.0}"));
        }
        let asks = self.status == Status::Pending && self.answers().is_none();
        self.validity().filter(|_| asks).map(|time| format!("for {}", english::duration(time)))
    }

    /// Describes the people who decide, and until when: one line for a list.
    #[must_use]
    pub fn waits_for(&self) -> String {
        let who = english::list(self.requirements.iter().map(ToString::to_string)).replace('`', "");
        if self.requirements.is_empty() { "nobody".to_owned() } else { who }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::approval::decision::{Decision, Vote};
    use crate::approval::requirement::{anyone, ask};
    use crate::approval::settlement::{SettledBy, Settlement};
    use crate::assessment::opinion::{Opinion, PolicyOpinion};
    use crate::assessment::policy_view::{PolicyFallback, PolicyView};
    use crate::call::context::RunInfo;
    use crate::call::outcome::ToolOutcome;
    use crate::id::GrantId;
    use crate::text::digest::Digest;
    use crate::text::time::minutes;

    fn at(minute: u32) -> Timestamp {
        Timestamp::UNIX_EPOCH.checked_add(minutes(minute)).unwrap()
    }

    fn assessment(verdict: Verdict, people: u8) -> Arc<Assessment> {
        let asked = || {
            ask(anyone()).count(people).within(minutes(10)).then(ask(anyone()).within(minutes(10)))
        };
        let otherwise =
            PolicyFallback { verdict, requirement: (verdict == Verdict::Ask).then(asked) };
        let (name, about, text, rules) = (String::new(), String::new(), String::new(), Vec::new());
        let policy =
            Arc::new(PolicyView { name, about, text, rules, otherwise, digest: Digest::of("") });
        let (results, errors) = (Vec::new(), Vec::new());
        let opinion = PolicyOpinion { agent: None, policy, results, errors, verdict };
        Arc::new(Assessment::join(vec![Opinion::Policy(opinion)]))
    }

    fn arguments(amount: u64) -> Arguments {
        Arguments::new(&json!({"amount": amount}), Vec::new()).unwrap()
    }

    fn assessed_approval(verdict: Verdict) -> Approval {
        let subject = CallSubject::sample(RunInfo::new("r", "a"));
        Approval::open(
            NewApproval::of(Arc::new(subject), arguments(0), assessment(verdict, 2)),
            at(0),
        )
    }

    fn voted(
        approval: &Approval,
        who: &str,
        decision: Decision,
        minute: u32,
    ) -> Result<Approval, Refused> {
        let (roles, principal, comment) = (Vec::new(), false, None);
        let shown = approval.arguments.digest();
        let vote = Vote {
            reviewer: who.into(),
            roles,
            principal,
            decision,
            comment,
            arguments: shown,
            shown: None,
            grounds: None,
            at: at(minute),
            signed: None,
        };
        approval.apply(&CallEvent::Voted { vote: Box::new(vote) }, at(minute))
    }

    fn any_decision() -> impl Strategy<Value = Decision> {
        prop_oneof![
            4 => Just(Decision::Approve),
            2 => Just(Decision::Reject { reason: "no".into() }),
            1 => (0..3_u64).prop_map(|amount| Decision::Edit { arguments: arguments(amount) }),
            1 => (0..2_u64).prop_map(|value| Decision::Respond { value: json!(value) }),
        ]
    }

    fn any_event() -> impl Strategy<Value = CallEvent> {
        let verdict = prop_oneof![Just(Verdict::Approve), Just(Verdict::Ask), Just(Verdict::Deny)];
        let outcome = prop_oneof![
            Just(ToolOutcome::returned(&json!(1))),
            Just(ToolOutcome::failed("it broke"))
        ];
        let settlement = prop_oneof![
            1 => Just(Settlement::ran(&json!(1))),
            1 => Just(Settlement::DidNotRun),
            2 => Just(Settlement::RunAgain),
        ];
        let vote = (0..3_usize, any_decision(), 0..3_u64).prop_map(|(who, decision, shown)| {
            let (roles, principal, comment) = (Vec::new(), false, None);
            let reviewer = ["ann", "ben", "cem"][who].into();
            let (arguments, shown, evidence, signed) =
                (arguments(shown).digest(), None, None, None);
            let at = at(0);
            let vote = Vote {
                reviewer,
                roles,
                principal,
                decision,
                comment,
                arguments,
                shown,
                grounds: evidence,
                at,
                signed,
            };
            CallEvent::Voted { vote: Box::new(vote) }
        });
        prop_oneof![
            8 => vote,
            1 => Just(CallEvent::Covered { grant: GrantId::new(), by: "ann".into(), until: None }),
            1 => Just(CallEvent::Lapsed),
            1 => Just(CallEvent::Voided { voters: vec!["ann".into()] }),
            1 => Just(CallEvent::Withdrawn { by: "ben".into() }),
            1 => Just(CallEvent::Revoked { by: "ben".into(), reason: "no".into() }),
            1 => (1..3_usize).prop_map(|step| CallEvent::Escalated { reached: vec![step] }),
            1 => Just(CallEvent::Expired),
            1 => Just(CallEvent::Cancelled { reason: "late".into() }),
            1 => Just(CallEvent::Abandoned),
            2 => (verdict, 1..3_u8, any::<bool>()).prop_map(|(verdict, people, changed)| {
                CallEvent::Reassessed {
                    assessment: assessment(verdict, people),
                    changes: ToolChanges {
                        tool: changed.then(|| Digest::of("t2")),
                        ..ToolChanges::default()
                    },
                }
            }),
            4 => Just(CallEvent::Dispatched),
            3 => outcome.prop_map(|outcome| CallEvent::Finished { outcome }),
            2 => Just(CallEvent::Faltered { error: "it broke".into() }),
            2 => Just(CallEvent::Lost { why: "gone".into() }),
            1 => settlement.prop_map(|settlement| {
                CallEvent::Settled { settlement, by: SettledBy::Reconciler, reason: None }
            }),
            1 => Just(CallEvent::Imported { approval: None }),
        ]
    }

    proptest! {
        #[test]
        fn terminal_states_never_change_and_a_body_begins_again_only_on_a_word(
            verdict in prop_oneof![Just(Verdict::Approve), Just(Verdict::Ask)],
            events in prop::collection::vec((any_event(), 0..4_u32), 0..60),
        ) {
            let mut approval = assessed_approval(verdict);
            // `word`: a person voted, or the call was settled, since the body last began.
            let (mut minute, mut word) = (0, true);
            for (event, wait) in events {
                minute += wait;
                let before = approval.clone();
                match approval.apply(&event, at(minute)) {
                    Ok(next) => {
                        prop_assert!(!before.status.is_terminal(), "{} became \
                            {}", before.status, next.status);
                        prop_assert_eq!(next.version, before.version + 1);
                        prop_assert!(
                            !matches!(event, CallEvent::Dispatched)
                                || before.status == Status::Approved
                        );
                        match event {
                            CallEvent::Dispatched => {
                                prop_assert!(word);
                                word = false;
                            }
                            CallEvent::Voted { .. } => word |= before.attempts > 0,
                            CallEvent::Settled { .. } => word = true,
                            _ => {}
                        }
                        approval = next;
                    }
                    Err(refused) => {
                        let is_final = matches!(refused, Refused::Final(_));
                        prop_assert_eq!(is_final, before.status.is_terminal());
                    }
                }
            }
        }

        #[test]
        fn time_alone_never_approves(
            votes in prop::collection::vec((0..3_usize, any_decision()), 0..2),
            waits in prop::collection::vec(0..30_u32, 0..6),
        ) {
            let mut approval = assessed_approval(Verdict::Ask);
            for (who, decision) in votes {
                let voted = voted(&approval, ["ann", "ben", "cem"][who], decision, 0);
                approval = voted.unwrap_or(approval);
            }
            prop_assume!(approval.status == Status::Pending);
            let mut minute = 0;
            for wait in waits {
                minute += wait;
                while let Some(event) = approval.expiry_event(at(minute)) {
                    approval = approval.apply(&event, at(minute)).unwrap();
                }
                let expected = if minute < 20 { Status::Pending } else { Status::Expired };
                prop_assert_eq!(approval.status, expected);
            }
        }
    }

    #[test]
    fn a_decision_is_not_counted_again_when_only_time_has_passed() {
        let mut approval = assessed_approval(Verdict::Ask);
        approval = voted(&approval, "ann", Decision::Approve, 5).unwrap();
        approval = voted(&approval, "ben", Decision::Approve, 5).unwrap();
        assert_eq!(approval.status, Status::Approved);
        // Counting the votes again would find this refusal.
        let refusal = Vote {
            decision: Decision::Reject { reason: "no".into() },
            reviewer: "cem".into(),
            ..approval.votes[0].clone()
        };
        approval.votes.push(refusal);
        let again = CallEvent::Reassessed {
            assessment: assessment(Verdict::Ask, 2),
            changes: ToolChanges::default(),
        };
        for minute in [5, 15, 500] {
            assert_eq!(
                approval.apply(&again, at(minute)).unwrap().status,
                Status::Approved,
                "at minute {minute}"
            );
        }
        let stricter = CallEvent::Reassessed {
            assessment: assessment(Verdict::Ask, 3),
            changes: ToolChanges::default(),
        };
        assert_eq!(
            approval.apply(&stricter, at(15)).unwrap().status,
            Status::Rejected,
            "another question is counted anew"
        );
    }

    /// Returns a call that a rule approved, and that was lost while it ran.
    fn lost_approval() -> Approval {
        let mut approval = assessed_approval(Verdict::Approve);
        for event in [CallEvent::Dispatched, CallEvent::Lost { why: "gone".into() }] {
            approval = approval.apply(&event, at(1)).unwrap();
        }
        approval
    }

    #[test]
    fn what_people_do_not_want_to_run_again_no_program_runs_again() {
        let again = |by| CallEvent::Settled { settlement: Settlement::RunAgain, by, reason: None };
        let asked = CallEvent::AskedAgain { by: "ann".into(), reason: "I looked".into() };
        let question = lost_approval().apply(&asked, at(2)).unwrap();
        let refused = voted(&question, "ben", Decision::Reject { reason: "no".into() }, 3).unwrap();
        assert_eq!(refused.status, Status::Indeterminate);
        for by in [SettledBy::Idempotence, SettledBy::Reconciler] {
            assert!(lost_approval().apply(&again(by.clone()), at(4)).is_ok(), "nobody was asked");
            assert_eq!(
                refused.apply(&again(by), at(4)).unwrap_err(),
                Refused::NotNow(Status::Indeterminate)
            );
        }
        let asked_anew = refused.apply(&asked, at(5)).unwrap();
        assert_eq!(
            voted(&asked_anew, "ben", Decision::Approve, 6).unwrap().status,
            Status::Approved
        );
    }

    #[test]
    fn an_attempt_that_never_began_changes_nothing_of_what_became_of_the_one_before() {
        let play = |approval: &Approval, events: &[CallEvent]| {
            events
                .iter()
                .fold(approval.clone(), |approval, event| approval.apply(event, at(3)).unwrap())
        };
        let again = CallEvent::Settled {
            settlement: Settlement::RunAgain,
            by: SettledBy::Idempotence,
            reason: None,
        };
        let never_began = [CallEvent::Dispatched, CallEvent::Released { why: "gone".into() }];
        let cancelled = [CallEvent::Cancelled { reason: "late".into() }];
        let unknown = play(&play(&lost_approval(), std::slice::from_ref(&again)), &never_began);
        assert_eq!(unknown.last_attempt(), Some("nobody knows whether it ran"));
        assert_eq!(play(&unknown, &cancelled).status, Status::Indeterminate);
        let faltered = [CallEvent::Dispatched, CallEvent::Faltered { error: "it broke".into() }];
        let failed = voted(
            &play(&assessed_approval(Verdict::Approve), &faltered),
            "ann",
            Decision::Approve,
            3,
        )
        .unwrap();
        let failed = play(&failed, &never_began);
        assert_eq!(
            (failed.status, failed.last_attempt()),
            (Status::Approved, Some("it ran and failed"))
        );
        assert_eq!(play(&failed, &cancelled).status, Status::Failed);
        // A late end replaces everything that was assumed in the meantime.
        let ended = CallEvent::Finished { outcome: ToolOutcome::returned(&json!(1)) };
        let late = play(&play(&lost_approval(), &[again]), &[ended]);
        assert_eq!((late.status, late.failure, late.asked_again), (Status::Succeeded, None, false));
    }

    #[test]
    fn who_takes_back_what_may_have_run_is_not_who_ended_it() {
        let again = CallEvent::Settled {
            settlement: Settlement::RunAgain,
            by: SettledBy::Idempotence,
            reason: None,
        };
        let taken_back = CallEvent::Revoked { by: "ann".into(), reason: "not now".into() };
        let unknown =
            lost_approval().apply(&again, at(2)).unwrap().apply(&taken_back, at(3)).unwrap();
        assert_eq!((unknown.status, unknown.revoked_by), (Status::Indeterminate, None));
    }

    #[test]
    fn what_another_store_approved_is_asked_again_and_what_ran_there_is_indeterminate() {
        let mut approval = assessed_approval(Verdict::Ask);
        approval.status = Status::Approved;
        assert_eq!(approval.clone().imported(at(5)).status, Status::Pending);
        approval.status = Status::Dispatched;
        assert_eq!(approval.clone().imported(at(5)).status, Status::Indeterminate);
        approval.status = Status::Rejected;
        assert_eq!(approval.imported(at(5)).status, Status::Rejected);
        assert_eq!(
            assessed_approval(Verdict::Approve).imported(at(5)).status,
            Status::Indeterminate,
            "a rule approved it: it may have run"
        );
    }
}
