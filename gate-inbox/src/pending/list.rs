//! A snapshot of all pending calls, and the lists made from it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use gate_runtime::id::{ReviewerId, Role};
use gate_runtime::{Approval, Interruption};

use crate::auth::current_user::CurrentUser;
use crate::pending::eligibility::can_vote;
use crate::pending::filter::{PendingFilter, names, roles, sorted};

/// All pending calls at one time, by deadline. Filtering very many is expensive, so equal requests
/// share a list.
#[derive(Debug)]
pub(crate) struct PendingSnapshot {
    all: Vec<Interruption>,
    offers: OnceLock<FilterOptions>,
    orders: Mutex<HashMap<ListKey, Arc<OnceLock<PendingList>>>>,
}

/// The key of a list: the person, their roles, their filter.
type ListKey = (ReviewerId, Vec<Role>, PendingFilter);

/// The choices of a filter: the names of all tools, agents, people and roles in the pending calls.
#[derive(Debug)]
pub(crate) struct FilterOptions {
    pub(crate) tools: Vec<String>,
    pub(crate) agents: Vec<String>,
    pub(crate) principals: Vec<String>,
    pub(crate) roles: Vec<String>,
}

/// A list, as indexes into the snapshot: first the calls that ask its reader, then the others, each
/// part by deadline.
#[derive(Debug)]
pub(crate) struct PendingList {
    order: Vec<usize>,
    /// The number of calls that ask its reader.
    pub(crate) votable: usize,
}

impl PendingSnapshot {
    pub(crate) fn of(all: Vec<Interruption>) -> Self {
        Self { all, offers: OnceLock::new(), orders: Mutex::default() }
    }

    /// Returns all pending calls.
    #[cfg(test)]
    pub(crate) fn all(&self) -> &[Interruption] {
        &self.all
    }

    /// Returns the number of questions that wait.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn offers(&self) -> &FilterOptions {
        self.offers.get_or_init(|| {
            let all = &self.all;
            let principal =
                |approval| Approval::subject(approval).info().principal().map(AsRef::as_ref);
            FilterOptions {
                tools: sorted(names(all, |approval| vec![approval.tool().as_str()])),
                agents: sorted(names(all, |approval| {
                    vec![approval.subject().info().agent().as_str()]
                })),
                principals: sorted(names(all, |approval| {
                    principal(approval).into_iter().collect()
                })),
                roles: sorted(names(all, |approval| roles(approval).collect())),
            }
        })
    }

    /// Passes a person's list to a function.
    pub(crate) fn list<T>(
        &self,
        user: &CurrentUser,
        wanted: &PendingFilter,
        show: impl FnOnce(&PendingList) -> T,
    ) -> T {
        let whose = (user.who().clone(), user.roles.clone(), wanted.clone());
        let order = {
            // Only the entry is created under the lock; sorting happens once per key, outside the
            // lock.
            let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(orders.entry(whose).or_default())
        };
        show(order.get_or_init(|| self.order(user, wanted)))
    }

    fn order(&self, user: &CurrentUser, wanted: &PendingFilter) -> PendingList {
        let (mine, others): (Vec<_>, Vec<_>) = self
            .all
            .iter()
            .enumerate()
            .filter(|(_, interruption)| {
                wanted.admits(interruption.approval(), user, interruption.now())
            })
            .map(|(index, asked)| (index, can_vote(asked.approval(), user, asked.now())))
            .partition(|(_, is_theirs)| *is_theirs);
        let count = mine.len();
        PendingList {
            order: mine.into_iter().chain(others).map(|(position, _)| position).collect(),
            votable: count,
        }
    }

    /// Returns a part of a list, with a flag for each call that asks its reader.
    pub(crate) fn page<'a>(
        &'a self,
        order: &'a PendingList,
        from: usize,
        count: usize,
    ) -> impl Iterator<Item = (bool, &'a Interruption)> {
        let indexes = order.order.iter().enumerate().skip(from).take(count);
        indexes.filter_map(|(number, index)| Some((number < order.votable, self.all.get(*index)?)))
    }
}

impl PendingList {
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }
}
