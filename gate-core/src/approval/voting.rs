//! Votes: who may vote, which arguments a vote is about, and when there are enough votes.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::approval::decision::{Decision, Vote};
use crate::approval::quorum::{QuorumMember, QuorumShortfall, shortfall};
use crate::approval::requirement::{Requirement, ReviewerSelector};
use crate::approval::state::{Approval, ReviewerEdit};
use crate::approval::state_machine::Refused;
use crate::approval::status::Status;
use crate::call::arguments::Arguments;
use crate::call::outcome::ToolOutcome;
use crate::id::ReviewerId;
use crate::people::identity::same_person;

impl Approval {
    pub(super) fn vote(&mut self, vote: &Vote, now: Timestamp) -> Result<(), Refused> {
        self.must_be(&[Status::Pending])?;
        let reached = self.reached_at(now).ok_or(Refused::TooLate)?;
        self.check_voter(&vote.reviewer, vote.principal)?;
        self.check_entitled(vote, &reached)?;
        self.check_vote(vote)?;
        self.check_signed(vote, &reached)?;
        // One person has one vote: a new one replaces the old one.
        let earlier = std::mem::take(&mut self.votes);
        self.votes = earlier
            .into_iter()
            .filter(|earlier| !self.is_same(&earlier.reviewer, &vote.reviewer))
            .collect();
        self.votes.push(vote.clone());
        if let Decision::Edit { arguments } = &vote.decision {
            self.edit(arguments, &vote.reviewer);
        }
        self.count(&reached);
        Ok(())
    }

    /// Returns whether two names belong to one person.
    fn is_same(&self, one: &ReviewerId, other: &ReviewerId) -> bool {
        if self.edition == 0 { one == other } else { same_person(one.as_str(), other.as_str()) }
    }

    /// Replaces the arguments. Restoring the proposed arguments is not an edit.
    fn edit(&mut self, arguments: &Arguments, by: &ReviewerId) {
        let edited = arguments.with_salts_of(&self.arguments);
        let before = std::mem::replace(&mut self.arguments, edited);
        let proposed = self.proposed.get_or_insert_with(|| Box::new(before));
        if self.edition == 0 {
            return;
        }
        if proposed.digest() == self.arguments.digest() {
            (self.proposed, self.edit) = (None, None);
            return;
        }
        let needs_another = self.requires_another_voter(false);
        self.edit = Some(ReviewerEdit { by: by.clone(), is_judged: false, needs_another });
    }

    /// Returns whether an edit needs the approval of another person. The strictest requirement that
    /// sets this decides. By default it does for a destructive tool, and if the rules judge the
    /// edited arguments differently. It never does if only the principal is asked.
    fn requires_another_voter(&self, is_judged_otherwise: bool) -> bool {
        let strictest =
            self.requirements.iter().filter_map(Requirement::wants_another_for_edits).max();
        let mut tiers = self.requirements.iter().flat_map(Requirement::tiers);
        strictest.unwrap_or_else(|| {
            let has_others = tiers.any(|tier| *tier.who() != ReviewerSelector::Principal);
            has_others && (self.assessment.destructive || is_judged_otherwise)
        })
    }

    /// Records that the rules have evaluated the edited arguments, if there are any.
    pub(super) fn judge_edit(&mut self, is_judged_otherwise: bool) {
        let Some(edit) = &self.edit else { return };
        let needs_another = self.requires_another_voter(is_judged_otherwise && !edit.is_judged)
            || edit.needs_another;
        self.edit = Some(ReviewerEdit { by: edit.by.clone(), is_judged: true, needs_another });
    }

    /// Returns whether the arguments are an edit that another person must approve, and none has.
    #[doc(hidden)]
    #[must_use]
    pub fn needs_another_voter(&self) -> bool {
        let Some(edit) = self.edit.as_ref().filter(|edit| edit.needs_another) else { return false };
        let digest = self.arguments.digest();
        let is_asked = |vote: &Vote| {
            self.requirements.iter().flat_map(Requirement::tiers).any(|tier| vote.counts_for(tier))
        };
        let is_another = |vote: &Vote| {
            vote.approves() == Some(digest)
                && !self.is_same(&vote.reviewer, &edit.by)
                && is_asked(vote)
        };
        !self.votes.iter().any(is_another)
    }

    /// Removes votes, and with the vote of an editor also the edit. Returns whether that changed
    /// the arguments.
    pub(super) fn drop_votes(&mut self, is_gone: impl Fn(&ReviewerId) -> bool) -> bool {
        self.votes.retain(|vote| !is_gone(&vote.reviewer));
        if !self.edit.as_ref().is_some_and(|edit| is_gone(&edit.by)) {
            return false;
        }
        let earlier = self.votes.iter().rev().find_map(|vote| match &vote.decision {
            Decision::Edit { arguments } => Some((arguments.clone(), vote.reviewer.clone())),
            _ => None,
        });
        if let Some((arguments, by)) = earlier {
            self.edit(&arguments, &by);
        } else {
            self.edit = None;
            self.arguments =
                self.proposed.take().map_or_else(|| self.arguments.clone(), |proposed| *proposed);
        }
        true
    }

    /// Returns whether a vote is about the present arguments. Votes from before another person's
    /// edit no longer count.
    ///
    /// ```
    /// # fn show(approval: &gate_runtime::Approval) {
    /// let counting = approval.votes().iter().filter(|vote| approval.concerns(vote)).count();
    /// # let _ = counting;
    /// # }
    /// ```
    #[must_use]
    pub fn concerns(&self, vote: &Vote) -> bool {
        // A vote that approves nothing, such as a rejection, is about the arguments that the voter
        // was shown.
        vote.approves().unwrap_or(vote.arguments) == self.arguments.digest()
    }

    /// Describes a vote, in words that follow a name: `approved it, signed`. Marks a vote that no
    /// longer counts.
    ///
    /// ```
    /// # fn show(approval: &gate_runtime::Approval) {
    /// for vote in approval.votes() {
    ///     println!("{} {}", vote.reviewer(), approval.describe_vote(vote));
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn describe_vote(&self, vote: &Vote) -> String {
        let what = match vote.decision {
            Decision::Approve => "approved it",
            Decision::Edit { .. } => "changed it, and approved that",
            Decision::Reject { .. } => "rejected it",
            Decision::Respond { .. } if self.answers().is_some() => "answered it",
            Decision::Respond { .. } => "answered in the tool's place",
        };
        let signed = if vote.is_signed() { ", signed" } else { "" };
        let stale =
            if self.concerns(vote) { "" } else { ", of other arguments: it does not count" };
        format!("{what}{signed}{stale}")
    }

    /// Checks that the voter is a person, and that the principal votes only as the principal.
    #[doc(hidden)]
    pub fn check_voter(&self, who: &ReviewerId, as_principal: bool) -> Result<(), Refused> {
        let info = &self.subject.info;
        let is = |name: &str| self.is_same(who, &name.into());
        let is_principal = info.principal.as_ref().is_some_and(|principal| is(principal.as_str()));
        let why = if is(info.agent.as_str()) {
            "an agent cannot decide"
        } else if is_principal == as_principal {
            return Ok(());
        } else if is_principal {
            "the run acts for this person, who does not count among its approvers"
        } else {
            "the run does not act for this person"
        };
        Err(Refused::NotEntitled { reviewer: who.clone(), why: why.to_owned() })
    }

    /// Checks that the voter is among the people whom the begun steps ask.
    fn check_entitled(&self, vote: &Vote, reached: &[usize]) -> Result<(), Refused> {
        let entitles = |requirement: &Requirement, steps: &usize| {
            requirement.tiers().iter().take(*steps).any(|tier| vote.counts_for(tier))
        };
        if self
            .requirements
            .iter()
            .zip(reached)
            .any(|(requirement, steps)| entitles(requirement, steps))
        {
            return Ok(());
        }
        let who = self.requirements.iter().zip(reached).flat_map(|(requirement, steps)| {
            requirement.tiers().iter().take(*steps).map(|tier| tier.who().to_string())
        });
        let why = format!("it asks {}", who.collect::<Vec<_>>().join(" and "));
        Err(Refused::NotEntitled { reviewer: vote.reviewer.clone(), why })
    }

    fn check_vote(&self, vote: &Vote) -> Result<(), Refused> {
        if vote.arguments != self.arguments.digest() {
            return Err(Refused::Changed);
        }
        let silent = vote.comment.as_deref().is_none_or(|comment| comment.trim().is_empty());
        let unanswered =
            self.requirements.iter().filter_map(Requirement::answers).find(|answers| {
                match &vote.decision {
                    Decision::Respond { value } => !answers.take(value),
                    Decision::Approve | Decision::Edit { .. } => true,
                    Decision::Reject { .. } => false,
                }
            });
        if let Some(answers) = unanswered {
            return Err(Refused::NotAnAnswer(answers.clone()));
        }
        match &vote.decision {
            Decision::Reject { reason } if reason.trim().is_empty() => Err(Refused::ReasonRequired),
            Decision::Reject { .. } => Ok(()),
            _ if silent && self.requirements.iter().any(Requirement::wants_comment) => {
                Err(Refused::CommentRequired)
            }
            Decision::Edit { .. } if !self.requirements.iter().all(Requirement::is_editable) => {
                Err(Refused::NotEditable)
            }
            Decision::Edit { arguments } if arguments.digest() == vote.arguments => {
                Err(Refused::NothingChanged)
            }
            Decision::Approve | Decision::Edit { .. } | Decision::Respond { .. } => Ok(()),
        }
    }

    /// Checks that a voter signed if a requirement for signatures asks them. A refusal needs no
    /// signature, because it lets nothing run. The signature itself is verified with the directory.
    fn check_signed(&self, vote: &Vote, reached: &[usize]) -> Result<(), Refused> {
        let is_asked = |(requirement, steps): (&Requirement, &usize)| {
            requirement.wants_signature()
                && requirement.tiers().iter().take(*steps).any(|tier| vote.counts_for(tier))
        };
        let refuses = matches!(vote.decision, Decision::Reject { .. });
        if !refuses && !vote.is_signed() && self.requirements.iter().zip(reached).any(is_asked) {
            return Err(Refused::SignatureRequired);
        }
        Ok(())
    }

    /// Sets the status that follows from the votes: refused as soon as one requirement is refused,
    /// decided once all are met.
    pub(super) fn count(&mut self, reached: &[usize]) {
        let digest = self.arguments.digest();
        let rejected = |vote: &Vote| {
            matches!(vote.decision, Decision::Reject { .. }) && vote.arguments == digest
        };
        let approved = |vote: &Vote| vote.approves() == Some(digest);
        let answer = self.votes.iter().rev().find_map(|vote| match &vote.decision {
            Decision::Respond { value } if vote.arguments == digest => Some(value.clone()),
            _ => None,
        });
        let answered = |vote: &Vote| {
            matches!(&vote.decision, Decision::Respond { value } if Some(value) == answer.as_ref())
                && vote.arguments == digest
        };
        if self.enough(reached, &rejected, VoteKind::Refusals) {
            self.end(Status::Rejected);
        } else if self.enough(reached, &approved, VoteKind::Consent) && !self.needs_another_voter()
        {
            self.status = Status::Approved;
            // Uses the time of the newest vote, so that counting old votes again does not extend
            // the validity.
            self.approved_at = self.votes.iter().filter(|vote| approved(vote)).map(Vote::at).max();
        } else if self.enough(reached, &answered, VoteKind::Consent) {
            self.outcome = answer.as_ref().map(ToolOutcome::returned);
            self.status = Status::Responded;
        }
    }

    /// Returns whether nobody had to agree, or a grant or people agreed.
    #[doc(hidden)]
    #[must_use]
    pub fn is_consented(&self) -> bool {
        self.grant.is_some() || self.requirements.is_empty() || self.has_consent()
    }

    /// Returns whether enough people of any steps agreed to these arguments, for each requirement.
    pub(super) fn has_consent(&self) -> bool {
        let digest = self.arguments.digest();
        let every_step = vec![usize::MAX; self.requirements.len()];
        self.enough(&every_step, &|vote| vote.approves() == Some(digest), VoteKind::Consent)
            && !self.needs_another_voter()
    }

    /// Describes who must still approve the present arguments; empty if nobody must.
    pub(super) fn missing(&self) -> String {
        let digest = self.arguments.digest();
        let missing =
            self.shortfall(&self.reached, &|vote| vote.approves() == Some(digest)).describe();
        match &self.edit {
            Some(edit) if missing.is_empty() && self.needs_another_voter() => {
                format!("somebody other than {}, who changed it", edit.by)
            }
            _ => missing,
        }
    }

    /// Returns the people who are missing for consent, given the votes that count.
    fn shortfall(&self, reached: &[usize], counts: &dyn Fn(&Vote) -> bool) -> QuorumShortfall {
        let members: Vec<QuorumMember<'_>> =
            self.votes.iter().filter(|vote| counts(vote)).map(Vote::as_member).collect();
        let with_steps: Vec<_> = self.requirements.iter().zip(reached.iter().copied()).collect();
        shortfall(&with_steps, &members)
    }

    fn enough(
        &self,
        reached: &[usize],
        counts: &dyn Fn(&Vote) -> bool,
        counting: VoteKind,
    ) -> bool {
        let met = |(requirement, steps): (&Requirement, &usize)| {
            requirement.tiers().iter().take(*steps).any(|tier| {
                let (needed, signed) = match counting {
                    VoteKind::Consent => (tier.count(), requirement.wants_signature()),
                    VoteKind::Refusals => (tier.deny_count(), false),
                };
                let is_good = |vote: &&Vote| {
                    counts(vote) && vote.counts_for(tier) && (!signed || vote.is_signed())
                };
                let found = self.votes.iter().filter(is_good);
                // Somebody may have changed the stored row to have a vote twice.
                let people: BTreeSet<&ReviewerId> = found.map(|vote| &vote.reviewer).collect();
                // Fails closed: a requirement of zero people still needs one.
                people.len() >= usize::from(needed.max(1))
            })
        };
        let mut each = self.requirements.iter().zip(reached);
        match counting {
            VoteKind::Consent if self.requirements.is_empty() => false,
            // In edition 0, each requirement was counted separately.
            VoteKind::Consent if self.edition == 0 => each.all(met),
            VoteKind::Consent => self.shortfall(reached, counts).is_met(),
            VoteKind::Refusals => each.any(met),
        }
    }
}

#[derive(Clone, Copy)]
enum VoteKind {
    Consent,
    Refusals,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gate_audit::{KeyKind, SigningKey};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::approval::requirement::{anyone, ask, role};
    use crate::approval::state_machine::NewApproval;
    use crate::assessment::Assessment;
    use crate::assessment::opinion::Opinion;
    use crate::assessment::verdict::Verdict;
    use crate::call::arguments::Arguments;
    use crate::call::context::RunInfo;
    use crate::call::subject::CallSubject;
    use crate::records::event::CallEvent;
    use crate::text::digest::Digest;
    use crate::text::time::HOUR;

    /// Returns a question of overlays with these requirements.
    fn pending_approval(requirements: impl IntoIterator<Item = Requirement>) -> Approval {
        let subject = CallSubject::sample(RunInfo::new("run", "support"));
        let opinion = |requirement| {
            let (name, reason, verdict) =
                ("careful".to_owned(), "it is much".to_owned(), Verdict::Ask);
            Opinion::Overlay {
                name,
                verdict,
                reason,
                requirement: Some(requirement),
                failed: false,
            }
        };
        let assessment = Assessment::join(requirements.into_iter().map(opinion).collect());
        let arguments = Arguments::new(&json!({"amount": 50}), Vec::new()).unwrap();
        Approval::open(
            NewApproval::of(Arc::new(subject), arguments, Arc::new(assessment)),
            Timestamp::UNIX_EPOCH,
        )
    }

    fn vote(
        approval: &Approval,
        who: &str,
        roles: &[&str],
        decision: Decision,
        signed: bool,
    ) -> Vote {
        let content = approval.review_content();
        let mut vote = Vote {
            reviewer: who.into(),
            roles: roles.iter().copied().map(Into::into).collect(),
            principal: false,
            decision,
            comment: None,
            arguments: content.arguments(),
            shown: Some(content.digest()),
            grounds: Some(Digest::of(content.evidence())),
            at: Timestamp::UNIX_EPOCH,
            signed: None,
        };
        if signed {
            let key = SigningKey::from_seed(who, KeyKind::Log, [1; 32]).unwrap();
            vote.sign(approval.id(), &key, &[7; 32]).unwrap();
        }
        vote
    }

    fn apply_vote(approval: &Approval, vote: Vote) -> Result<Approval, Refused> {
        approval.apply(&CallEvent::Voted { vote: Box::new(vote) }, Timestamp::UNIX_EPOCH)
    }

    fn any_decision() -> impl Strategy<Value = Decision> {
        let edit = |amount: u64| Arguments::new(&json!({"amount": amount}), Vec::new()).unwrap();
        prop_oneof![
            3 => Just(Decision::Approve),
            1 => Just(Decision::Reject { reason: "no".into() }),
            1 => (0..3_u64).prop_map(move |amount| Decision::Edit { arguments: edit(amount) }),
            1 => (0..2_u64).prop_map(|value| Decision::Respond { value: json!(value) }),
        ]
    }

    proptest! {
        #[test]
        fn no_unsigned_votes_are_ever_enough_where_signatures_are_wanted(
            votes in prop::collection::vec((0..3_usize, any_decision()), 0..8),
            others in any::<bool>(),
        ) {
            let signed = ask(role("manager")).count(2).deny_count(3).signed();
            let required = [signed].into_iter().chain(others.then(|| ask(anyone())));
            let mut approval = pending_approval(required);
            for (who, decision) in votes {
                let vote =
                    vote(&approval, ["ann", "ben", "cem"][who], &["manager"], decision, false);
                let is_refusal = matches!(vote.decision, Decision::Reject { .. });
                let (before, forged) = (approval.clone(), vote.clone());
                match apply_vote(&approval, vote) {
                    Ok(next) => {
                        prop_assert!(is_refusal);
                        approval = next;
                    }
                    Err(refused) => {
                        prop_assert!(!is_refusal || before.status != Status::Pending, "{refused}");
                    }
                }
                // They do not count either if somebody writes them into the store.
                let mut written = before;
                written.votes = vec![forged.clone(), Vote { reviewer: "dan".into(), ..forged }];
                prop_assert!(!written.has_consent());
            }
            prop_assert!(!matches!(approval.status, Status::Approved | Status::Responded));
        }
    }

    #[test]
    fn of_two_who_must_sign_one_does_not() {
        let question = pending_approval([ask(role("manager")).count(2).signed()]);
        let by = |approval: &Approval, who, signed| {
            apply_vote(approval, vote(approval, who, &["manager"], Decision::Approve, signed))
        };
        let once = by(&question, "dana", true).unwrap();
        assert_eq!(once.status, Status::Pending);
        assert_eq!(by(&once, "omar", false).unwrap_err(), Refused::SignatureRequired);
        assert_eq!(by(&once, "dana", true).unwrap().status, Status::Pending, "she is one person");
        let forged = vote(&once, "omar", &["manager"], Decision::Approve, false);
        let written = Approval {
            votes: once.votes.iter().cloned().chain([forged]).collect(),
            ..once.clone()
        };
        assert!(!written.has_consent());
        let twice = Approval { votes: [&once.votes[..], &once.votes].concat(), ..once.clone() };
        assert!(!twice.has_consent(), "a vote that is there twice is one vote");
        assert_eq!(by(&once, "omar", true).unwrap().status, Status::Approved);
    }

    #[test]
    fn each_requirement_is_met_by_itself() {
        let question = pending_approval([ask(role("manager")).signed(), ask(role("oncall"))]);
        let by = |approval: &Approval, who, roles: &[&str], signed| {
            apply_vote(approval, vote(approval, who, roles, Decision::Approve, signed))
        };
        // A person whom only the other requirement asks need not sign; a person whom both ask must.
        let half = by(&question, "ines", &["oncall"], false).unwrap();
        assert_eq!(half.status, Status::Pending);
        let both = by(&question, "omar", &["oncall", "manager"], false);
        assert_eq!(both.unwrap_err(), Refused::SignatureRequired);
        assert_eq!(by(&half, "dana", &["manager"], true).unwrap().status, Status::Approved);
        // A person with both roles fills the one that the others leave open.
        let one = by(&question, "omar", &["oncall", "manager"], true).unwrap();
        assert_eq!(
            (one.status, one.still_needs().as_str()),
            (Status::Pending, "an oncall or a manager")
        );
        assert_eq!(by(&one, "ines", &["oncall"], false).unwrap().status, Status::Approved);
        assert_eq!(by(&one, "dana", &["manager"], true).unwrap().status, Status::Approved);
        // Approvals of edition 0 are counted as they were then.
        let before = Approval { edition: 0, ..question };
        assert_eq!(
            by(&before, "omar", &["oncall", "manager"], true).unwrap().status,
            Status::Approved
        );
    }

    /// Checks that approvals and records of earlier editions keep their meaning.
    #[test]
    fn approvals_of_an_earlier_edition_have_no_end_and_keep_their_edits() {
        let day = |day: i64| Timestamp::from_second(day * 86_400).unwrap();
        let question = pending_approval([ask(role("manager"))]);
        let yes = |approval: &Approval| {
            apply_vote(approval, vote(approval, "dana", &["manager"], Decision::Approve, false))
                .unwrap()
        };
        let approved = yes(&question);
        assert_eq!(approved.next_deadline(day(0)), Some(day(1)));
        assert_eq!(approved.expiry_event(day(1)), Some(CallEvent::Lapsed));
        assert_eq!(approved.apply(&CallEvent::Dispatched, day(1)).unwrap_err(), Refused::TooLate);
        assert_eq!(approved.apply(&CallEvent::Lapsed, day(0)).unwrap_err(), Refused::NothingDue);
        let stored =
            serde_json::to_value(Approval { edition: 0, approved_at: None, ..approved }).unwrap();
        assert_eq!(stored.get("edition"), None);
        let before: Approval = serde_json::from_value(stored).unwrap();
        assert_eq!(
            (before.expiry_event(day(9)), before.next_deadline(day(9)), before.describe_validity()),
            (None, None, None)
        );
        assert!(before.apply(&CallEvent::Dispatched, day(9)).is_ok());

        let twice = Approval { edition: 0, ..pending_approval([ask(role("manager")).count(2)]) };
        let edit = Decision::Edit {
            arguments: Arguments::new(&json!({"amount": 7}), Vec::new()).unwrap(),
        };
        let edited = apply_vote(&twice, vote(&twice, "dana", &["manager"], edit, false)).unwrap();
        let after = edited.apply(&CallEvent::Withdrawn { by: "dana".into() }, day(0)).unwrap();
        assert!(after.is_edited(), "as then");
    }

    #[test]
    fn what_a_standing_permission_covers_ends_with_it() {
        let day = |day: i64| Timestamp::from_second(day * 86_400).unwrap();
        let grant = crate::id::GrantId::new();
        let covered = |until| CallEvent::Covered { grant, by: "dana".into(), until };
        let question = pending_approval([ask(role("manager"))]);
        let soon = question.apply(&covered(Some(day(2))), day(0)).unwrap();
        assert_eq!(
            (soon.expiry_event(day(1)), soon.expiry_event(day(2))),
            (None, Some(CallEvent::Uncovered { grant }))
        );
        assert_eq!(question.apply(&covered(None), day(0)).unwrap().expiry_event(day(99)), None);
    }

    #[test]
    fn a_later_step_that_wants_signatures_wants_them_of_all() {
        let steps = ask(role("manager")).within(HOUR).then(ask(anyone()).signed());
        assert!(steps.wants_signature() && !steps.takes_grants(), "{steps}");
        let question = pending_approval([steps]);
        let unsigned = vote(&question, "dana", &["manager"], Decision::Approve, false);
        assert_eq!(apply_vote(&question, unsigned).unwrap_err(), Refused::SignatureRequired);
    }

    #[test]
    fn a_rejection_counts_unsigned() {
        let question = pending_approval([ask(anyone()).signed()]);
        let refusal = Decision::Reject { reason: "no".into() };
        let ended = apply_vote(&question, vote(&question, "dana", &[], refusal, false)).unwrap();
        assert_eq!(ended.status, Status::Rejected);
    }
}
