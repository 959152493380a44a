//! Checks that there are enough people to answer a question, other than the agent and the
//! principal.

use gate_core::approval::{
    Approval, EscalationTier, QuorumMember, Refused, Requirement, ReviewerSelector, people,
    shortfall,
};
use gate_core::call::{NotRun, RunInfo};
use gate_core::id::{Principal, ReviewerId, Role};
use gate_core::people::same_person;
use gate_core::ports::{Directory, DirectoryError};
use gate_core::text::english::with_article;
use jiff::Timestamp;

use crate::engine::call::not_run::{invalid, unavailable};
use crate::engine::call::propose::ProposeError;
use crate::engine::call::run_context::RunContext;
use crate::engine::kernel::EngineCore;

/// Returns why the people in the directory can never meet a step of a requirement; `None` if they
/// can, or if the directory cannot list them. `excluded` contains people who do not count.
///
/// If any one reviewer may answer alone, this is not checked, because the reviewer may be in the
/// directory of another gate.
pub(crate) async fn is_short_of_reviewers(
    tier: &EscalationTier,
    directory: &dyn Directory,
    excluded: &[ReviewerId],
    now: Timestamp,
) -> Result<Option<String>, DirectoryError> {
    let needed = usize::from(tier.count().max(tier.deny_count()));
    let role = match tier.who() {
        ReviewerSelector::Role { role } => Some(role),
        ReviewerSelector::Anyone if needed > 1 => None,
        ReviewerSelector::Anyone | ReviewerSelector::Principal => return Ok(None),
    };
    let Some(mut found) = directory.holders(role, now).await? else { return Ok(None) };
    let all = found.len();
    found.retain(|who| !excluded.iter().any(|other| same_person(who.as_str(), other.as_str())));
    if found.len() >= needed {
        return Ok(None);
    }
    let voter_text = match (tier.who(), needed) {
        (ReviewerSelector::Role { role }, 1) => with_article(role.as_str()),
        (who, needed) => people(who, needed),
    };
    let left_out =
        if all > found.len() { ", without the agent and the person the run acts for" } else { "" };
    let why = match (role, found.len()) {
        (Some(_), 0) => format!("nobody in the directory holds that role{left_out}"),
        (None, 0) => format!("nobody is in the directory{left_out}"),
        (Some(_), 1) => format!("only 1 person in the directory holds that role{left_out}"),
        (Some(_), some) => format!("only {some} people in the directory hold that role{left_out}"),
        (None, some) => format!("only {} in the directory{left_out}", plural_people(some)),
    };
    Ok(Some(format!("{voter_text}, but {why}")))
}

fn plural_people(count: usize) -> String {
    if count == 1 { "1 person is".to_owned() } else { format!("{count} people are") }
}

impl EngineCore {
    /// Refuses a question that nobody could ever answer.
    pub(crate) async fn check_askable(
        &self,
        run: &RunContext,
        requirements: &[Requirement],
    ) -> Result<(), ProposeError> {
        match self.unaskable(run, requirements).await.map_err(unavailable)? {
            Some(problem) => Err(ProposeError::NobodyToAsk(NotRun::NobodyToAsk { problem })),
            None => Ok(()),
        }
    }

    /// Returns why nobody could ever answer a question; `None` if somebody could.
    pub(crate) async fn unaskable(
        &self,
        run: &RunContext,
        requirements: &[Requirement],
    ) -> Result<Option<String>, DirectoryError> {
        let (info, now) = (&run.info, self.now());
        let excluded = self.excluded(info).await?;
        let mut roles: Vec<&Role> = Vec::new();
        for tier in requirements.iter().flat_map(Requirement::tiers) {
            match tier.who() {
                ReviewerSelector::Principal if info.principal().is_none() => {
                    let problem = "the policy asks the person whom the run acts for, but the run \
                                   names none: add `.on_behalf_of(…)`";
                    return Ok(Some(problem.to_owned()));
                }
                ReviewerSelector::Role { role } if !roles.contains(&role) => roles.push(role),
                _ => {}
            }
            if let Some(problem) =
                is_short_of_reviewers(tier, &*self.directory, &excluded, now).await?
            {
                return Ok(Some(format!("the policy asks {problem}")));
            }
        }
        // Each role has enough people. Only with several roles must they also suffice together.
        if roles.len() < 2 {
            Ok(None)
        } else {
            self.overlap(requirements, &roles, &excluded, info).await
        }
    }

    /// Returns why the people of several roles are too few, because some hold more than one.
    async fn overlap(
        &self,
        requirements: &[Requirement],
        roles: &[&Role],
        excluded: &[ReviewerId],
        info: &RunInfo,
    ) -> Result<Option<String>, DirectoryError> {
        let mut held: Vec<(ReviewerId, Vec<Role>)> = Vec::new();
        let wants_several =
            |tier: &EscalationTier| *tier.who() == ReviewerSelector::Anyone && tier.count() > 1;
        let everybody =
            requirements.iter().flat_map(Requirement::tiers).any(wants_several).then_some(None);
        for role in roles.iter().copied().map(Some).chain(everybody) {
            let Some(found) = self.directory.holders(role, self.now()).await? else {
                return Ok(None);
            };
            for who in found {
                match held.iter_mut().find(|(known, _)| *known == who) {
                    Some((_, roles)) => roles.extend(role.cloned()),
                    None => held.push((who, role.cloned().into_iter().collect())),
                }
            }
        }
        held.retain(|(who, _)| {
            !excluded.iter().any(|other| same_person(who.as_str(), other.as_str()))
        });
        let to_member =
            |who, roles, is_principal| QuorumMember { who, roles, is_principal, is_signed: true };
        let reviewers =
            held.iter().map(|(who, roles)| to_member(who.as_str(), roles.as_slice(), false));
        let principal =
            info.principal().into_iter().map(|principal| to_member(principal.as_str(), &[], true));
        let quorum_members: Vec<QuorumMember<'_>> = reviewers.chain(principal).collect();
        let with_unlimited_tiers: Vec<_> =
            requirements.iter().map(|requirement| (requirement, usize::MAX)).collect();
        let missing = shortfall(&with_unlimited_tiers, &quorum_members);
        Ok((!missing.is_met()).then(|| {
            let missing = missing.describe();
            format!(
                "the policy asks several roles, each held by a different person, and too few \
                 people hold them: nobody is left as {missing}"
            )
        }))
    }

    /// Returns the people who do not count for a run: its agent and its principal, under all their
    /// names.
    async fn excluded(&self, info: &RunInfo) -> Result<Vec<ReviewerId>, DirectoryError> {
        let mut excluded = Vec::new();
        for name in [Some(info.agent().as_str()), info.principal().map(Principal::as_str)]
            .into_iter()
            .flatten()
        {
            excluded.extend(self.directory.named(name).await?);
            excluded.push(name.into());
        }
        Ok(excluded)
    }

    /// Returns whether a name belongs to a person: by its spelling, or as an alias in the
    /// directory.
    pub(crate) async fn is_named(
        &self,
        who: &ReviewerId,
        name: &str,
    ) -> Result<bool, DirectoryError> {
        if same_person(who.as_str(), name) {
            return Ok(true);
        }
        let named = self.directory.named(name).await?;
        Ok(named.iter().any(|known| same_person(known.as_str(), who.as_str())))
    }

    /// Returns whether a person is the principal of a run.
    pub(crate) async fn is_principal(
        &self,
        who: &ReviewerId,
        info: &RunInfo,
    ) -> Result<bool, DirectoryError> {
        match &info.principal() {
            Some(principal) => self.is_named(who, principal.as_str()).await,
            None => Ok(false),
        }
    }

    /// Checks that somebody may vote: they must be a person, and the principal may vote only as the
    /// principal. Their other names in the directory count too.
    pub(crate) async fn may_vote(
        &self,
        approval: &Approval,
        who: &ReviewerId,
        as_principal: bool,
    ) -> Result<Result<(), Refused>, DirectoryError> {
        if let Err(refused) = approval.check_voter(who, as_principal) {
            return Ok(Err(refused));
        }
        let info = &approval.subject().info();
        let why = if self.is_named(who, info.agent().as_str()).await? {
            "an agent cannot decide"
        } else if !as_principal && self.is_principal(who, info).await? {
            "the run acts for this person, who does not count among its approvers"
        } else {
            return Ok(Ok(()));
        };
        Ok(Err(Refused::NotEntitled { reviewer: who.clone(), why: why.to_owned() }))
    }

    /// Checks that the principal is in the directory, if principals must be known.
    pub(crate) async fn check_principal(&self, run: &RunContext) -> Result<(), NotRun> {
        let Some(principal) = run.info.principal().filter(|_| self.known_principals) else {
            return Ok(());
        };
        if self.directory.named(principal.as_str()).await.map_err(unavailable)?.is_empty() {
            return Err(invalid(format!(
                "the run acts for `{}`, whom the directory does not know: name somebody who is in \
                 it, or add an alias",
                principal.as_str().escape_debug()
            )));
        }
        Ok(())
    }
}
