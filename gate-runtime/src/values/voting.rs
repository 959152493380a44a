//! Votes: who may give one, what it is about, when there are enough.

use jiff::Timestamp;

use super::approval::{Approval, Status};
use super::decision::{Decision, Vote};
use super::id::ReviewerId;
use super::outcome::ToolOutcome;
use super::requirement::Requirement;
use super::transition::Refused;

impl Approval {
    pub(super) fn vote(&mut self, vote: &Vote, now: Timestamp) -> Result<(), Refused> {
        self.must_be(&[Status::Pending])?;
        let reached = self.reached_at(now).ok_or(Refused::TooLate)?;
        self.check_voter(&vote.reviewer, vote.principal)?;
        self.check_entitled(vote, &reached)?;
        self.check_vote(vote)?;
        // One person is one vote: a new one takes the place of the old one.
        self.votes.retain(|earlier| earlier.reviewer != vote.reviewer);
        self.votes.push(vote.clone());
        if let Decision::Edit { arguments } = &vote.decision {
            let edited = arguments.with_salts_of(&self.arguments);
            let before = std::mem::replace(&mut self.arguments, edited);
            self.proposed.get_or_insert(before);
        }
        self.count(&reached);
        Ok(())
    }

    /// Who decides must be a person, and the one the run acts for only as that.
    pub(crate) fn check_voter(&self, who: &ReviewerId, as_principal: bool) -> Result<(), Refused> {
        let info = &self.subject.info;
        let is_principal = info.principal.as_ref().is_some_and(|principal| *who == *principal.as_str());
        let why = if *who == *info.agent.as_str() {
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

    /// Who votes must be one of those asked by now.
    fn check_entitled(&self, vote: &Vote, reached: &[usize]) -> Result<(), Refused> {
        let asked = |requirement: &Requirement, steps: &usize| {
            requirement.tiers().iter().take(*steps).any(|tier| vote.counts_for(tier))
        };
        if self.requirements.iter().zip(reached).any(|(requirement, steps)| asked(requirement, steps)) {
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
        match &vote.decision {
            Decision::Reject { reason } if reason.trim().is_empty() => Err(Refused::ReasonRequired),
            Decision::Reject { .. } => Ok(()),
            _ if silent && self.requirements.iter().any(Requirement::wants_comment) => Err(Refused::CommentRequired),
            Decision::Edit { .. } if !self.requirements.iter().all(Requirement::is_editable) => {
                Err(Refused::NotEditable)
            }
            Decision::Edit { arguments } if arguments.digest() == vote.arguments => Err(Refused::NothingChanged),
            Decision::Approve | Decision::Edit { .. } | Decision::Respond { .. } => Ok(()),
        }
    }

    /// Sets the state that the votes give: refused as soon as one requirement is refused, decided once all are met.
    pub(super) fn count(&mut self, reached: &[usize]) {
        let digest = self.arguments.digest();
        let rejected = |vote: &Vote| matches!(vote.decision, Decision::Reject { .. }) && vote.arguments == digest;
        let approved = |vote: &Vote| vote.approves() == Some(digest);
        let answer = self.votes.iter().rev().find_map(|vote| match &vote.decision {
            Decision::Respond { value } if vote.arguments == digest => Some(value.clone()),
            _ => None,
        });
        let answered = |vote: &Vote| {
            matches!(&vote.decision, Decision::Respond { value } if Some(value) == answer.as_ref())
                && vote.arguments == digest
        };
        if self.enough(reached, &rejected, Counting::Refusals) {
            self.end(Status::Rejected);
        } else if self.enough(reached, &approved, Counting::Consent) {
            self.status = Status::Approved;
        } else if self.enough(reached, &answered, Counting::Consent) {
            self.outcome = answer.as_ref().map(ToolOutcome::returned);
            self.status = Status::Responded;
        }
    }

    /// Whether nobody had to agree, or a standing permission did, or people did.
    pub(crate) fn is_consented(&self) -> bool {
        self.grant.is_some() || self.requirements.is_empty() || self.has_consent()
    }

    /// Whether people agreed to these arguments, in any step, as each requirement wants.
    pub(super) fn has_consent(&self) -> bool {
        let digest = self.arguments.digest();
        let every_step = vec![usize::MAX; self.requirements.len()];
        self.enough(&every_step, &|vote| vote.approves() == Some(digest), Counting::Consent)
    }

    fn enough(&self, reached: &[usize], counts: &dyn Fn(&Vote) -> bool, counting: Counting) -> bool {
        let met = |(requirement, steps): (&Requirement, &usize)| {
            requirement.tiers().iter().take(*steps).any(|tier| {
                let needed = match counting {
                    Counting::Consent => tier.count(),
                    Counting::Refusals => tier.deny_count(),
                };
                let found = self.votes.iter().filter(|vote| counts(vote) && vote.counts_for(tier)).count();
                found >= usize::from(needed)
            })
        };
        let mut each = self.requirements.iter().zip(reached);
        match counting {
            Counting::Consent => !self.requirements.is_empty() && each.all(met),
            Counting::Refusals => each.any(met),
        }
    }
}

#[derive(Clone, Copy)]
enum Counting {
    Consent,
    Refusals,
}
