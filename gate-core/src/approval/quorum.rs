//! Checks whether enough people agreed: people are assigned to requirements, one to one.
//!
//! This is the one place that counts consent: for a vote, at dispatch, for a grant, before a
//! question is asked, and for the list of missing people on a page.

use crate::approval::requirement::{EscalationTier, Requirement, ReviewerSelector, people};
use crate::id::Role;
use crate::people::identity::identity;
use crate::text::english;

/// The largest number of combinations of escalation steps that are tried. Beyond that, only the
/// combinations tried so far count. That can approve less, never more.
const WAYS: usize = 4_096;

/// A person who agreed or could agree.
#[derive(Clone, Copy, Debug)]
pub struct QuorumMember<'a> {
    /// The id of the person.
    pub who: &'a str,
    /// The roles that they hold.
    pub roles: &'a [Role],
    /// Set if the run acts for this person.
    pub is_principal: bool,
    /// Set if the person's vote is signed.
    pub is_signed: bool,
}

/// The people who are missing until enough have agreed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuorumShortfall {
    missing: Vec<MissingVoters>,
    /// Roles that are complete, but where one more person would also help, because somebody else
    /// could then take a missing place.
    instead: Vec<ReviewerSelector>,
}

/// A number of people of a kind, and how many of them must have signed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct MissingVoters {
    who: ReviewerSelector,
    count: usize,
    signed: usize,
}

/// The votes of one person. There may be several, if somebody changed the store to have a vote
/// twice.
#[derive(Clone)]
struct OnePerson<'a>(Vec<QuorumMember<'a>>);

/// Returns the people who are missing until `members` meet all of `asked`: requirements, each with
/// the number of its steps that have begun.
///
/// A person who holds two required roles fills one of them. Requirements for the same role share
/// its people, and any of them also meets "anyone", because "anyone" names nobody in particular. If
/// steps of an escalation are alternatives, the step that lacks the fewest people counts.
#[must_use]
pub fn shortfall(asked: &[(&Requirement, usize)], members: &[QuorumMember<'_>]) -> QuorumShortfall {
    let mut grouped: Vec<(String, OnePerson<'_>)> = Vec::new();
    for member in members {
        let name = identity(member.who);
        match grouped.iter_mut().find(|(known, _)| *known == name) {
            Some((_, person)) => person.0.push(*member),
            None => grouped.push((name, OnePerson(vec![*member]))),
        }
    }
    let people: Vec<OnePerson<'_>> = grouped.into_iter().map(|(_, person)| person).collect();
    let mut search = QuorumSearch { people: &people, best: None, ways: WAYS };
    search.choose(asked, &[]);
    // Fails closed: while no step of a requirement has begun, nobody meets it.
    let nobody = || QuorumShortfall {
        missing: vec![MissingVoters { who: ReviewerSelector::Anyone, count: 1, signed: 0 }],
        instead: Vec::new(),
    };
    search.best.unwrap_or_else(nobody)
}

struct QuorumSearch<'a> {
    people: &'a [OnePerson<'a>],
    best: Option<QuorumShortfall>,
    ways: usize,
}

impl QuorumSearch<'_> {
    /// Chooses one step of each remaining requirement, and keeps the choice that lacks the fewest
    /// people.
    fn choose(&mut self, rest: &[(&Requirement, usize)], chosen: &[MissingVoters]) {
        if self.ways == 0 || self.best.as_ref().is_some_and(QuorumShortfall::is_met) {
            return;
        }
        let Some(((requirement, steps), rest)) = rest.split_first() else {
            self.ways -= 1;
            let found = shortfall_of(chosen, self.people);
            if self.best.as_ref().is_none_or(|best| found.people() < best.people()) {
                self.best = Some(found);
            }
            return;
        };
        for tier in requirement.tiers().iter().take(*steps) {
            let mut chosen = chosen.to_vec();
            join(&mut chosen, tier, requirement.wants_signature());
            self.choose(rest, &chosen);
        }
    }
}

/// Adds the demand of a step. Of two demands for the same people, the larger number counts.
fn join(demands: &mut Vec<MissingVoters>, tier: &EscalationTier, wants_signature: bool) {
    let count = usize::from(tier.count());
    let signed = if wants_signature { count } else { 0 };
    match demands.iter_mut().find(|demand| demand.who == *tier.who()) {
        Some(demand) => {
            (demand.count, demand.signed) = (demand.count.max(count), demand.signed.max(signed));
        }
        None => demands.push(MissingVoters { who: tier.who().clone(), count, signed }),
    }
}

impl OnePerson<'_> {
    fn fills(&self, selector: &ReviewerSelector, signed: bool) -> bool {
        self.0.iter().any(|member| {
            selector.asks(member.roles, member.is_principal) && (!signed || member.is_signed)
        })
    }
}

/// Returns the demands that these people do not meet.
fn shortfall_of(demands: &[MissingVoters], people: &[OnePerson<'_>]) -> QuorumShortfall {
    let open = open_of(demands, people);
    let all = demands.iter().zip(&open);
    let missing = all.clone().filter(|(_, (count, _))| *count > 0);
    let missing: Vec<MissingVoters> = missing
        .map(|(of, (count, signed))| MissingVoters {
            who: of.who.clone(),
            count: *count,
            signed: *signed,
        })
        .collect();
    let is_role = |demand: &MissingVoters| matches!(demand.who, ReviewerSelector::Role { .. });
    let total = |open: &[(usize, usize)]| -> usize {
        demands.iter().zip(open).filter(|(of, _)| is_role(of)).map(|(_, (count, _))| count).sum()
    };
    let helps = |who: &ReviewerSelector| {
        let ReviewerSelector::Role { role } = who else { return false };
        let one_more = QuorumMember {
            who: "",
            roles: std::slice::from_ref(role),
            is_principal: false,
            is_signed: true,
        };
        let more: Vec<OnePerson<'_>> =
            people.iter().cloned().chain([OnePerson(vec![one_more])]).collect();
        total(&open_of(demands, &more)) < total(&open)
    };
    let filled =
        all.filter(|(of, (count, _))| *count == 0 && !missing.is_empty() && helps(&of.who));
    let instead = filled.map(|(of, _)| of.who.clone()).collect();
    QuorumShortfall { missing, instead }
}

/// Returns for each demand the number of places that these people leave open, and how many of these
/// places need a signature.
fn open_of(demands: &[MissingVoters], people: &[OnePerson<'_>]) -> Vec<(usize, usize)> {
    // One place for each person that a role demands; those with a signature first.
    let mut indexes: Vec<(usize, &ReviewerSelector, bool)> = Vec::new();
    let mut missing = vec![(0, 0); demands.len()];
    for (index, demand) in demands.iter().enumerate() {
        match demand.who {
            ReviewerSelector::Role { .. } => {
                indexes.extend(
                    (0..demand.count)
                        .map(|assigned_seat| (index, &demand.who, assigned_seat < demand.signed)),
                );
            }
            ReviewerSelector::Anyone | ReviewerSelector::Principal => {
                let found = |signed| {
                    people.iter().filter(|person| person.fills(&demand.who, signed)).count()
                };
                let signed = demand.signed.saturating_sub(found(true));
                let open = (demand.count.saturating_sub(found(false)).max(signed), signed);
                missing.get_mut(index).into_iter().for_each(|entry| *entry = open);
            }
        }
    }
    let mut assignment: Vec<Option<usize>> = vec![None; people.len()];
    for (place, (index, _, signed)) in indexes.iter().enumerate() {
        let mut tried = vec![false; people.len()];
        if !find_augmenting_path(place, &indexes, people, &mut assignment, &mut tried)
            && let Some(open) = missing.get_mut(*index)
        {
            *open = (open.0 + 1, open.1 + usize::from(*signed));
        }
    }
    missing
}

/// Finds a person for a place. The person may leave another place if somebody else can fill it.
fn find_augmenting_path(
    seat_index: usize,
    indexes: &[(usize, &ReviewerSelector, bool)],
    people: &[OnePerson<'_>],
    assignment: &mut Vec<Option<usize>>,
    tried: &mut Vec<bool>,
) -> bool {
    let Some((_, selector, signed)) = indexes.get(seat_index) else { return false };
    for (index, person) in people.iter().enumerate() {
        let Some(was_tried) = tried.get_mut(index) else { continue };
        if std::mem::replace(was_tried, *was_tried || person.fills(selector, *signed))
            || !person.fills(selector, *signed)
        {
            continue;
        }
        let is_free = match assignment.get(index).copied().flatten() {
            None => true,
            Some(other) => find_augmenting_path(other, indexes, people, assignment, tried),
        };
        if is_free && let Some(assigned_seat) = assignment.get_mut(index) {
            *assigned_seat = Some(seat_index);
            return true;
        }
    }
    false
}

impl QuorumShortfall {
    /// Returns whether nothing is missing.
    #[doc(hidden)]
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.missing.is_empty()
    }

    /// Returns how many people are missing.
    fn people(&self) -> usize {
        self.missing.iter().map(|demand| demand.count).sum()
    }

    /// Describes who is missing: `a manager and 2 of role finance, with a signed vote`.
    #[doc(hidden)]
    pub fn describe(&self) -> String {
        if self.is_met() {
            return String::new();
        }
        let who = self.missing.iter().map(|demand| {
            let signed = if demand.signed > 0 { ", with a signed vote" } else { "" };
            format!("{}{signed}", people(&demand.who, demand.count))
        });
        let missing = english::list(who).replace('`', "");
        let instead: Vec<String> = self.instead.iter().map(ToString::to_string).collect();
        match (instead.as_slice(), self.people()) {
            ([], _) => missing,
            (instead, 1) => format!("{missing} or {}", instead.join(" or ")),
            (instead, _) => {
                format!("{missing}, or {} in place of one of them", instead.join(" or "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::approval::requirement::{anyone, ask, principal, role};
    use crate::text::time::minutes;

    fn missing(asked: &[Requirement], members: &[(&str, &[&str])]) -> String {
        let roles: Vec<Vec<Role>> = members
            .iter()
            .map(|(_, roles)| roles.iter().map(|role| Role::from(*role)).collect())
            .collect();
        let quorum_members: Vec<QuorumMember<'_>> = members
            .iter()
            .zip(&roles)
            .map(|((who, _), roles)| QuorumMember {
                who,
                roles,
                is_principal: false,
                is_signed: false,
            })
            .collect();
        let asked: Vec<_> = asked.iter().map(|requirement| (requirement, usize::MAX)).collect();
        shortfall(&asked, &quorum_members).describe()
    }

    #[test]
    fn a_person_with_two_roles_fills_one_of_them() {
        let both = [ask(role("oncall")), ask(role("manager"))];
        let all: &[&str] = &["oncall", "manager"];
        assert_eq!(missing(&both, &[("dana", all)]), "a manager or an oncall");
        assert_eq!(missing(&both, &[("dana", all), ("omar", &["oncall"])]), "");
        assert_eq!(
            missing(&both, &[("dana", all), ("Dana", all)]),
            "a manager or an oncall",
            "it is one person"
        );
        let twice = [ask(role("oncall")).count(2), ask(role("manager")).count(2)];
        assert_eq!(
            missing(&twice, &[("a", all), ("b", all), ("c", &["oncall"])]),
            "a manager or an oncall"
        );
        assert_eq!(
            missing(&twice, &[("a", all), ("b", all), ("c", &["oncall"]), ("d", &["oncall"])]),
            ""
        );
    }

    #[test]
    fn the_same_role_and_anyone_are_asked_once() {
        let managers =
            [ask(role("manager")), ask(role("manager")).count(2).comment_required(), ask(anyone())];
        assert_eq!(missing(&managers, &[("dana", &["manager"])]), "a manager");
        assert_eq!(missing(&managers, &[("dana", &["manager"]), ("omar", &["manager"])]), "");
        assert_eq!(
            missing(&[ask(role("manager")), ask(anyone()).count(2)], &[("dana", &["manager"])]),
            "anyone who reviews"
        );
        assert_eq!(missing(&[ask(principal())], &[("dana", &["manager"])]), "the person it is for");
    }

    #[test]
    fn of_the_steps_of_an_escalation_the_nearest_counts() {
        let steps = || ask(role("manager")).count(2).within(minutes(5)).then(ask(role("director")));
        assert_eq!(missing(&[steps()], &[]), "a director");
        assert_eq!(missing(&[steps(), ask(role("director"))], &[("eve", &["director"])]), "");
        assert_eq!(
            missing(&[steps(), ask(role("director")).count(2)], &[("eve", &["director"])]),
            "a director"
        );
    }

    proptest! {
        #[test]
        fn one_more_who_agrees_never_makes_it_less(
            asked in prop::collection::vec((0..3_usize, 1..3_u8), 1..4),
            held in prop::collection::vec(prop::collection::vec(0..3_usize, 0..3), 0..6),
        ) {
            let names = ["a", "b", "c"];
            let asked: Vec<Requirement> = asked
                .into_iter()
                .map(|(index, count)| ask(role(names[index])).count(count))
                .collect();
            let asked: Vec<_> = asked.iter().map(|requirement| (requirement, 1)).collect();
            let roles: Vec<Vec<Role>> = held
                .iter()
                .map(|held| held.iter().map(|place| Role::from(names[*place])).collect())
                .collect();
            let ids: Vec<String> = (0..roles.len())
                .map(|place| format!("person {}", ["a", "b", "c", "d", "e", "f"][place]))
                .collect();
            let members: Vec<QuorumMember<'_>> = ids
                .iter()
                .zip(&roles)
                .map(|(who, roles)| QuorumMember {
                    who,
                    roles,
                    is_principal: false,
                    is_signed: false,
                })
                .collect();
            let mut before = usize::MAX;
            for place in 0..=members.len() {
                let now = shortfall(&asked, &members[..place]).people();
                prop_assert!(now <= before);
                // One more person meets at most one more demand.
                prop_assert!(before == usize::MAX || before - now <= 1);
                before = now;
            }
        }
    }
}
