//! The eligibility of a person to vote, which determines the forms on a page. The gate decides
//! whether a vote counts.

use std::time::Duration;

use gate_runtime::people::same_person;
use gate_runtime::policy::{EscalationTier, Requirement};
use gate_runtime::review::Status;
use gate_runtime::{Approval, Timestamp};

use crate::auth::current_user::CurrentUser;

/// The eligibility of a person to vote on a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VoteEligibility {
    /// The person is asked.
    Asked,
    /// The person is asked in a later step.
    Later,
    /// Others are asked.
    NotAsked,
    /// The run acts for the person, so their vote does not count.
    ActsForThem,
    /// The person is the agent.
    IsAgent,
    /// The call no longer waits.
    Over,
}

/// Returns the eligibility of a person.
pub(crate) fn eligibility(
    approval: &Approval,
    user: &CurrentUser,
    now: Timestamp,
) -> VoteEligibility {
    let info = approval.subject().info();
    let who = user.who().as_str();
    if approval.status() != Status::Pending {
        return VoteEligibility::Over;
    }
    if same_person(info.agent().as_str(), who) {
        return VoteEligibility::IsAgent;
    }
    if info.principal().is_some_and(|principal| same_person(principal.as_str(), who)) {
        return VoteEligibility::ActsForThem;
    }
    let asks = |tier: &EscalationTier| tier.asks(&user.roles, false);
    let all = approval.requirements();
    if all.iter().any(|requirement| begun(requirement, approval.asked_at(), now).any(asks)) {
        VoteEligibility::Asked
    } else if all.iter().flat_map(Requirement::tiers).any(asks) {
        VoteEligibility::Later
    } else {
        VoteEligibility::NotAsked
    }
}

/// Returns the steps that have begun.
fn begun(
    requirement: &Requirement,
    asked_at: Timestamp,
    now: Timestamp,
) -> impl Iterator<Item = &EscalationTier> {
    // If the clock went back, no time has passed: later steps have not begun.
    let passed = Duration::try_from(now.duration_since(asked_at)).unwrap_or_default();
    let mut start = Duration::ZERO;
    requirement.tiers().iter().take_while(move |tier| {
        let has_begun = start <= passed;
        start = start.saturating_add(tier.within().unwrap_or(Duration::MAX));
        has_begun
    })
}

/// Returns the reason why a person cannot give a grant with their approval, if the gate would
/// refuse it.
pub(crate) fn why_no_grant(
    approval: &Approval,
    user: &CurrentUser,
    now: Timestamp,
) -> Option<&'static str> {
    let all = approval.requirements();
    let is_theirs = |tier: &EscalationTier| tier.asks(&user.roles, false);
    let alone = |requirement: &Requirement| {
        begun(requirement, approval.asked_at(), now)
            .any(|tier| tier.count() == 1 && is_theirs(tier))
    };
    if all.iter().any(Requirement::wants_signature) {
        Some("only signed votes count here, each for one call.")
    } else if !all.iter().all(Requirement::takes_grants) {
        Some("the rules require a separate decision on each of these calls.")
    } else if !all.iter().all(alone) {
        Some(
            "several people must agree on each of these calls, and one person gives a standing \
             permission.",
        )
    } else if !approval.arguments().secrets().is_empty() {
        Some("the call has a secret, which was not shown to anyone.")
    } else {
        None
    }
}

/// Returns whether a person is asked and has not voted.
pub(crate) fn can_vote(approval: &Approval, user: &CurrentUser, now: Timestamp) -> bool {
    let has_voted = approval
        .votes()
        .iter()
        .any(|vote| vote.reviewer() == user.who() && approval.concerns(vote));
    eligibility(approval, user, now) == VoteEligibility::Asked && !has_voted
}
