//! Requirements: the people who must agree before an asked call runs, their deadlines, and
//! escalation.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::call::accepted_answers::AcceptedAnswers;
use crate::id::Role;
use crate::text::english;
use crate::text::json::EXACT;

/// The default validity of an approval. Changing it changes the meaning of stored approvals, and
/// needs a new edition: see `Approval::edition`.
const VALIDITY: Duration = Duration::from_hours(24);

/// The people who may answer.
///
/// ```
/// use gate_runtime::policy::ReviewerSelector;
/// use gate_runtime::policy::{anyone, role};
/// assert_eq!(role("manager").to_string(), "a manager");
/// assert_eq!(anyone(), ReviewerSelector::Anyone);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ReviewerSelector {
    /// Any reviewer in the directory.
    Anyone,
    /// A reviewer who holds this role.
    Role {
        /// The role.
        role: Role,
    },
    /// The person on whose behalf the run acts, like a user who confirms a call of their own agent.
    Principal,
}

impl ReviewerSelector {
    /// Requires this number of different people. Short for `ask(who).count(people)`.
    ///
    /// ```
    /// use gate_runtime::prelude::*;
    /// assert_eq!(role("manager").count(2), ask(role("manager")).count(2));
    /// ```
    #[must_use]
    pub fn count(self, people: u8) -> Requirement {
        ask(self).count(people)
    }
}

/// Any reviewer in the directory.
///
/// ```
/// use gate_runtime::prelude::*;
/// let requirement = ask(anyone());
/// assert_eq!(requirement.to_string(), "anyone who reviews");
/// ```
#[must_use]
pub fn anyone() -> ReviewerSelector {
    ReviewerSelector::Anyone
}

/// A reviewer who holds a role.
///
/// ```
/// use gate_runtime::prelude::*;
/// assert_eq!(ask(role("manager")).to_string(), "a manager");
/// ```
#[must_use]
pub fn role(name: impl Into<Role>) -> ReviewerSelector {
    ReviewerSelector::Role { role: name.into() }
}

/// The person on whose behalf the run acts, and nobody else.
///
/// ```
/// use gate_runtime::prelude::*;
/// assert_eq!(ask(principal()).to_string(), "the person it is for");
/// ```
#[must_use]
pub fn principal() -> ReviewerSelector {
    ReviewerSelector::Principal
}

impl fmt::Display for ReviewerSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReviewerSelector::Anyone => f.write_str("anyone who reviews"),
            ReviewerSelector::Role { role } => {
                write!(f, "{}", english::with_article(role.as_str()))
            }
            ReviewerSelector::Principal => f.write_str("the person it is for"),
        }
    }
}

impl ReviewerSelector {
    /// Returns whether it includes a person with these roles, or the principal, whose roles do not
    /// count.
    pub(crate) fn asks(&self, roles: &[Role], is_principal: bool) -> bool {
        match self {
            Self::Principal => is_principal,
            Self::Anyone => !is_principal,
            Self::Role { role } => !is_principal && roles.contains(role),
        }
    }
}

/// Describes a number of people: `a manager`, `2 of role manager`, `3 reviewers`.
#[must_use]
pub fn people(who: &ReviewerSelector, count: usize) -> String {
    match (who, count) {
        (who, 1) => who.to_string(),
        (ReviewerSelector::Role { role }, count) => format!("{count} of role {role}"),
        (_, count) => format!("{count} reviewers"),
    }
}

/// One step of an escalation: the people who are asked, how many of them must agree or refuse, and
/// for how long.
///
/// ```
/// use gate_runtime::prelude::*;
/// let requirement = ask(role("manager")).within(minutes(30));
/// assert_eq!(requirement.tiers()[0].within(), Some(minutes(30)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EscalationTier {
    who: ReviewerSelector,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    count: u8,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    deny_count: u8,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "seconds")]
    within: Option<Duration>,
}

fn one() -> u8 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_one(count: &u8) -> bool {
    *count == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl EscalationTier {
    /// Returns the people who are asked.
    #[must_use]
    pub fn who(&self) -> &ReviewerSelector {
        &self.who
    }

    /// Returns the number of them who must approve.
    #[must_use]
    pub fn count(&self) -> u8 {
        self.count
    }

    /// Returns the number of refusals that end the question.
    #[must_use]
    pub fn deny_count(&self) -> u8 {
        self.deny_count
    }

    /// Returns the length of this step; `None` if it lasts until someone decides.
    #[must_use]
    pub fn within(&self) -> Option<Duration> {
        self.within
    }

    /// Returns whether it asks a person with these roles, or the principal, whose roles do not
    /// count.
    ///
    /// ```
    /// use gate_runtime::prelude::*;
    /// let requirement = ask(role("manager"));
    /// assert!(requirement.tiers()[0].asks(&["manager".into()], false));
    /// assert!(!requirement.tiers()[0].asks(&["manager".into()], true));
    /// ```
    #[must_use]
    pub fn asks(&self, roles: &[Role], is_principal: bool) -> bool {
        self.who.asks(roles, is_principal)
    }
}

/// The condition that must be met before an asked call runs: the people who agree, how many of
/// them, until when, and who is asked next.
///
/// Create one with [`ask`]. A later step of an escalation adds people: those who were asked first
/// may still answer. Only a vote decides: the beginning of a step never approves a call, even if
/// the existing votes are enough for that step.
///
/// ```
/// use gate_runtime::prelude::*;
/// let requirement = ask(role("manager"))
///     .within(minutes(30))
///     .then(ask(role("director")).count(2).within(hours(2)));
/// assert_eq!(
///     requirement.to_string(),
///     "a manager within 30 minutes, then 2 of role director within 2 hours"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "options that are independent of each other")]
pub struct Requirement {
    tiers: Vec<EscalationTier>,
    #[serde(default, skip_serializing_if = "is_false")]
    comment: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    fixed: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    cancel_abandoned: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    hold_batch: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    repeatable: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    no_grants: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    signed: bool,
    /// The validity of an approval, if not [`VALIDITY`].
    #[serde(default, with = "seconds", skip_serializing_if = "Option::is_none")]
    valid: Option<Duration>,
    /// True if an edit needs somebody else's approval, false if it does not; `None` leaves it to
    /// the tool and to what the edit changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    edits_need_another: Option<bool>,
    #[serde(default, with = "seconds", skip_serializing_if = "Option::is_none")]
    remind: Option<Duration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expiry_message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answers: Option<AcceptedAnswers>,
}

/// Starts a [`Requirement`] with the people to ask.
///
/// ```
/// use gate_runtime::prelude::*;
/// let two_of_three = ask(role("finance")).count(2);
/// assert_eq!(two_of_three.to_string(), "2 of role finance");
/// ```
#[must_use]
pub fn ask(who: impl Into<Requirement>) -> Requirement {
    who.into()
}

impl From<ReviewerSelector> for Requirement {
    fn from(who: ReviewerSelector) -> Self {
        Self {
            tiers: vec![EscalationTier { who, count: 1, deny_count: 1, within: None }],
            comment: false,
            fixed: false,
            cancel_abandoned: false,
            hold_batch: false,
            repeatable: false,
            no_grants: false,
            signed: false,
            valid: None,
            edits_need_another: None,
            remind: None,
            expiry_message: None,
            answers: None,
        }
    }
}

impl Requirement {
    /// Sets the number of different people who must approve.
    #[must_use]
    pub fn count(mut self, people: u8) -> Self {
        self.last_tier(|tier| tier.count = people);
        self
    }

    /// Sets the number of different people who must refuse before it counts as rejected. Defaults
    /// to one.
    #[must_use]
    pub fn deny_count(mut self, people: u8) -> Self {
        self.last_tier(|tier| tier.deny_count = people);
        self
    }

    /// Sets the time that these people have, in whole seconds. After it the next step begins, or
    /// the question expires.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        self.last_tier(|tier| tier.within = Some(whole_seconds(time)));
        self
    }

    /// Adds a step: more people, who are asked when the time is over. All options except people and
    /// times come from the first step, with two exceptions: if either step requires
    /// [signed](Self::signed) votes, both do, and the shorter [validity](Self::valid_for) counts.
    #[must_use]
    pub fn then(mut self, next: impl Into<Requirement>) -> Self {
        let next = next.into();
        self.signed |= next.signed;
        self.valid = self.valid.into_iter().chain(next.valid).min();
        self.tiers.extend(next.tiers);
        self
    }

    /// Requires a comment from a person who approves, or who answers in place of the tool.
    #[must_use]
    pub fn comment_required(mut self) -> Self {
        self.comment = true;
        self
    }

    /// Forbids reviewers to change the arguments.
    #[must_use]
    pub fn not_editable(mut self) -> Self {
        self.fixed = true;
        self
    }

    /// Cancels the question when the caller stops waiting. Defaults to keeping it.
    #[must_use]
    pub fn cancel_when_abandoned(mut self) -> Self {
        self.cancel_abandoned = true;
        self
    }

    /// Holds back calls of the same batch that need no person, until this one is decided.
    #[must_use]
    pub fn hold_batch(mut self) -> Self {
        self.hold_batch = true;
        self
    }

    /// Lets the same call be asked about again in the same run after a rejection.
    #[must_use]
    pub fn may_be_asked_again(mut self) -> Self {
        self.repeatable = true;
        self
    }

    /// Forbids grants to answer the question.
    #[must_use]
    pub fn no_grants(mut self) -> Self {
        self.no_grants = true;
        self
    }

    /// Counts only votes that are signed by the voter's key in the
    /// [directory](crate::ports::Directory::key), and no grants.
    ///
    /// A rejection also counts without a signature, because it lets nothing run. (A person who has
    /// a key signs everything.) Several requirements are met separately: if only another
    /// requirement asks a person, the person's unsigned vote counts for that requirement.
    ///
    /// ```
    /// use gate_runtime::prelude::*;
    /// let payout = ask(role("treasurer")).count(2).signed();
    /// assert_eq!(payout.to_string(), "2 of role treasurer, with a signed vote");
    /// assert!(payout.wants_signature() && !payout.takes_grants());
    /// ```
    #[must_use]
    pub fn signed(mut self) -> Self {
        self.signed = true;
        self
    }

    /// Limits how long an approval by votes is valid. For a call that has not begun by then, people
    /// are asked again, with new votes. Counted in whole seconds from the vote that approves.
    /// Defaults to 24 hours: long enough for a run that is resumed the next morning, and short
    /// enough that the facts a reviewer saw still hold.
    ///
    /// A call that a grant covers is valid as long as the grant, and a call that a rule approves is
    /// evaluated again anyway. Of several requirements, the shortest validity counts.
    ///
    /// ```
    /// use gate_runtime::prelude::*;
    /// let deploy = ask(role("oncall")).valid_for(hours(8));
    /// assert_eq!(deploy.to_string(), "an oncall, valid for 8 hours");
    /// assert_eq!(deploy.validity(), hours(8));
    /// assert_eq!(ask(role("oncall")).validity(), hours(24));
    /// ```
    #[must_use]
    pub fn valid_for(mut self, time: Duration) -> Self {
        self.valid = Some(whole_seconds(time));
        self
    }

    /// Requires that somebody other than the editor of the arguments also approves them.
    ///
    /// By default, an edit needs another person only for a
    /// [destructive](crate::call::Annotations::destructive) tool, and if the rules judge the edited
    /// arguments differently from the proposed ones and still ask. Of several requirements, the
    /// strictest counts. This does not apply if only the principal is asked.
    ///
    /// ```
    /// use gate_runtime::prelude::*;
    /// let payout = ask(role("treasurer")).edits_need_another();
    /// assert_eq!(payout.to_string(), "a treasurer, and another one for changes");
    /// ```
    #[must_use]
    pub fn edits_need_another(mut self) -> Self {
        self.edits_need_another = Some(true);
        self
    }

    /// Lets the editor of the arguments approve them alone, even for a destructive tool and if the
    /// rules judge them differently.
    ///
    /// # Security
    /// One person can then replace the agent's arguments by any that the rules do not deny.
    ///
    /// ```
    /// use gate_runtime::prelude::*;
    /// let draft = ask(role("editor")).edits_need_no_other();
    /// # let _ = draft;
    /// ```
    #[must_use]
    pub fn edits_need_no_other(mut self) -> Self {
        self.edits_need_another = Some(false);
        self
    }

    /// Reminds the people who are asked, repeatedly after this time, until it is decided. Counted
    /// in whole seconds. Each reminder is recorded once, whichever process sees that it is due.
    #[must_use]
    pub fn remind_every(mut self, time: Duration) -> Self {
        self.remind = Some(whole_seconds(time));
        self
    }

    /// Sets the text for the model when nobody decided in time. It replaces the advice not to
    /// propose the call again without being asked to.
    ///
    /// ```
    /// use gate_runtime::prelude::*;
    /// let patient = ask(role("manager"))
    ///     .within(hours(1))
    ///     .on_expiry_message("Tell the customer that we write tomorrow.");
    /// assert_eq!(patient.expiry_message(), Some("Tell the customer that we write tomorrow."));
    /// ```
    #[must_use]
    pub fn on_expiry_message(mut self, text: impl Into<String>) -> Self {
        self.expiry_message = Some(text.into());
        self
    }

    /// Makes it a question instead of a call that could run: only an answer or a refusal counts.
    ///
    /// ```
    /// use gate_runtime::prelude::*;
    /// use gate_runtime::remote::AcceptedAnswers;
    /// let what_now =
    ///     ask(role("oncall")).answered(AcceptedAnswers::one_of(["retry", "skip", "cancel"]));
    /// assert_eq!(
    ///     what_now.to_string(),
    ///     "an oncall, who chooses one of `retry`, `skip` and `cancel`"
    /// );
    /// ```
    #[must_use]
    pub fn answered(mut self, answers: AcceptedAnswers) -> Self {
        self.answers = Some(answers);
        self
    }

    fn last_tier(&mut self, change: impl FnOnce(&mut EscalationTier)) {
        if let Some(tier) = self.tiers.last_mut() {
            change(tier);
        }
    }

    /// Returns the steps of the escalation, first to last.
    #[must_use]
    pub fn tiers(&self) -> &[EscalationTier] {
        &self.tiers
    }

    /// Returns whether a person who approves, or answers in the tool's place, must give a comment.
    #[must_use]
    pub fn wants_comment(&self) -> bool {
        self.comment
    }

    /// Returns whether a reviewer may change the arguments.
    #[must_use]
    pub fn is_editable(&self) -> bool {
        !self.fixed
    }

    /// Returns whether the question is cancelled when the caller stops waiting.
    #[must_use]
    pub fn is_cancelled_when_abandoned(&self) -> bool {
        self.cancel_abandoned
    }

    /// Returns whether calls of the same batch wait for it.
    #[must_use]
    pub fn holds_batch(&self) -> bool {
        self.hold_batch
    }

    /// Returns whether the same call may be asked again after a rejection.
    #[must_use]
    pub fn is_repeatable(&self) -> bool {
        self.repeatable
    }

    /// Returns whether a grant may answer the question.
    #[must_use]
    pub fn takes_grants(&self) -> bool {
        !self.no_grants && !self.signed && self.answers.is_none()
    }

    /// Returns whether only signed votes count for it, other than rejections.
    #[must_use]
    pub fn wants_signature(&self) -> bool {
        self.signed
    }

    /// Returns how long an unused approval is valid: [`valid_for`](Self::valid_for).
    #[must_use]
    pub fn validity(&self) -> Duration {
        self.valid.unwrap_or(VALIDITY)
    }

    /// Returns whether an edit needs somebody else's approval, if the policy sets that.
    pub(crate) fn wants_another_for_edits(&self) -> Option<bool> {
        self.edits_need_another
    }

    /// Returns the accepted answers, if it is a question and no call that could run.
    #[must_use]
    pub fn answers(&self) -> Option<&AcceptedAnswers> {
        self.answers.as_ref()
    }

    /// Returns the text for the model when nobody decided in time, if the policy sets one.
    #[must_use]
    pub fn expiry_message(&self) -> Option<&str> {
        self.expiry_message.as_deref()
    }

    /// Returns the number of reminders that are due at `now`.
    pub(crate) fn reminders(&self, since: Timestamp, now: Timestamp) -> u64 {
        // If the clock went back, no reminder is due.
        let passed = u64::try_from(now.as_second().saturating_sub(since.as_second())).unwrap_or(0);
        self.remind
            .map(|time| time.as_secs())
            .filter(|every| *every > 0)
            .map_or(0, |every| passed / every)
    }

    /// Returns when the next reminder is due.
    pub(crate) fn next_reminder(&self, since: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let every = i64::try_from(self.remind?.as_secs()).ok()?;
        let next = i64::try_from(self.reminders(since, now).checked_add(1)?).ok()?;
        Timestamp::from_second(since.as_second().checked_add(every.checked_mul(next)?)?).ok()
    }

    /// Describes its problem, if it has one: it could never be met, or a part of it could never
    /// happen.
    #[doc(hidden)]
    pub fn problem(&self) -> Option<String> {
        if self.valid.is_some_and(|time| time.as_secs() == 0) {
            return Some(
                "an approval that is valid for less than a second: nothing could run by it"
                    .to_owned(),
            );
        }
        if self.remind.is_some_and(|time| time.as_secs() == 0) {
            return Some(
                "reminders after less than a second: give people time to answer".to_owned(),
            );
        }
        if let Some(problem) = self.answers.as_ref().and_then(AcceptedAnswers::problem) {
            return Some(problem);
        }
        let last = self.tiers.len().saturating_sub(1);
        self.tiers.iter().enumerate().find_map(|(index, tier)| {
            if tier.count == 0 || tier.deny_count == 0 {
                Some("a count of 0 people: at least one must decide".to_owned())
            } else if matches!(tier.who, ReviewerSelector::Principal) && tier.count > 1 {
                Some(format!("{} principals must agree, but a run acts for one person", tier.count))
            } else if tier.within.is_some_and(|time| time.as_secs() == 0) {
                Some("a time of less than a second: nobody can answer within it".to_owned())
            } else if index < last && tier.within.is_none() {
                Some(format!(
                    "`.then(…)` after {}, who has no time limit: add `.within(…)` before it",
                    tier.who
                ))
            } else {
                None
            }
        })
    }

    /// Returns the number of steps that have begun at `now`; `None` if the last step is over.
    pub(crate) fn reached(&self, since: Timestamp, now: Timestamp) -> Option<usize> {
        let mut end = since;
        for (index, tier) in self.tiers.iter().enumerate() {
            match tier.within.and_then(|time| end.checked_add(time).ok()) {
                Some(at) if at <= now => end = at,
                _ => return Some(index + 1),
            }
        }
        None
    }

    /// Returns when the current step ends, if it ends.
    pub(crate) fn next_change(&self, since: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let mut end = since;
        for tier in &self.tiers {
            end = end.checked_add(tier.within?).ok()?;
            if end > now {
                return Some(end);
            }
        }
        Some(end)
    }

    /// Returns when the last step ends, if it ends.
    pub(crate) fn expires(&self, since: Timestamp) -> Option<Timestamp> {
        self.tiers.iter().try_fold(since, |end, tier| end.checked_add(tier.within?).ok())
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, tier) in self.tiers.iter().enumerate() {
            if index > 0 {
                f.write_str(", then ")?;
            }
            f.write_str(&people(&tier.who, tier.count.into()))?;
            if let Some(time) = tier.within {
                write!(f, " within {}", english::duration(time))?;
            }
        }
        let notes = [
            (self.comment, "who must say why"),
            (self.fixed, "without changes"),
            (self.signed, "with a signed vote"),
        ];
        for (_, note) in notes.iter().filter(|(holds, _)| *holds) {
            write!(f, ", {note}")?;
        }
        if self.edits_need_another == Some(true) {
            f.write_str(", and another one for changes")?;
        }
        if let Some(time) = self.valid {
            write!(f, ", valid for {}", english::duration(time))?;
        }
        if let Some(answers) = &self.answers {
            write!(f, ", who {answers}")?;
        }
        Ok(())
    }
}

/// Returns a duration in whole seconds, as it is stored, and at most as long as JSON can represent
/// exactly.
fn whole_seconds(time: Duration) -> Duration {
    Duration::from_secs(time.as_secs().min(EXACT))
}

mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "the signature that serde asks for")]
    pub(super) fn serialize<S: Serializer>(
        time: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(|time| time.as_secs()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(deserializer)?.map(Duration::from_secs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::time::minutes;

    #[test]
    fn steps_follow_each_other_and_end() {
        let asked = Timestamp::UNIX_EPOCH;
        let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        let both =
            ask(role("manager")).within(minutes(30)).then(ask(role("oncall")).within(minutes(10)));
        let reached = |minute| both.reached(asked, at(minute));
        assert_eq!(
            [reached(0), reached(29), reached(30), reached(39), reached(40)],
            [Some(1), Some(1), Some(2), Some(2), None]
        );
        assert_eq!(both.next_change(asked, at(0)), Some(at(30)));
        assert_eq!(both.next_change(asked, at(30)), Some(at(40)));
        assert_eq!(both.expires(asked), Some(at(40)));
        assert_eq!(ask(anyone()).expires(asked), None);
    }

    #[test]
    fn what_cannot_be_met_is_a_problem() {
        for bad in [
            ask(anyone()).count(0),
            ask(anyone()).deny_count(0),
            ask(principal()).count(2),
            ask(anyone()).then(ask(role("oncall"))),
            ask(anyone()).within(Duration::from_millis(10)),
            ask(anyone()).valid_for(Duration::from_millis(10)),
        ] {
            assert!(bad.problem().is_some(), "{bad}");
        }
        assert_eq!(ask(anyone()).within(minutes(1)).then(ask(role("oncall"))).problem(), None);
    }
}
