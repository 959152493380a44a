//! To whom mails go.

use gate_runtime::id::Role;
use gate_runtime::notify::NotifyError;
use gate_runtime::people::{Person, RoleDelegation};
use gate_runtime::{Approval, FileDirectory, Timestamp};
use lettre::Address;

/// To whom mails go.
#[derive(Clone, Debug, Default)]
pub(super) struct Recipients {
    pub(super) fixed: Vec<Address>,
    pub(super) people: Option<FileDirectory>,
}

impl Recipients {
    /// Returns the addresses for mails about a call, each once. A contact that is not a mail
    /// address, like a number, is skipped.
    pub(super) fn of(&self, approval: &Approval) -> Result<Vec<Address>, NotifyError> {
        let mut to = self.fixed.clone();
        if let Some(people) = &self.people {
            let everybody = people
                .everybody(Timestamp::now())
                .map_err(|error| NotifyError::again(error.to_string()))?;
            let contacts = everybody
                .iter()
                .filter(|person| may_decide(person, approval))
                .filter_map(Person::contact);
            to.extend(contacts.filter_map(|contact| contact.parse().ok()));
        }
        let mut once: Vec<Address> = Vec::new();
        for address in to {
            if !once.contains(&address) {
                once.push(address);
            }
        }
        Ok(once)
    }
}

/// Returns whether a step that has begun asks a person. The principal and the agent do not count.
fn may_decide(person: &Person, approval: &Approval) -> bool {
    let info = approval.subject().info();
    if person.is_named(info.agent().as_str())
        || info.principal().is_some_and(|who| person.is_named(who.as_str()))
    {
        return false;
    }
    let lent = person.delegations().iter().flat_map(RoleDelegation::roles);
    let roles: Vec<Role> = person.roles().iter().chain(lent).cloned().collect();
    approval.active_tiers().any(|tier| tier.asks(&roles, false))
}
