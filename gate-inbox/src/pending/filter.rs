//! The filter of the list of pending calls.

use gate_runtime::policy::{Requirement, ReviewerSelector};
use gate_runtime::{Approval, Interruption, Timestamp};

use crate::auth::current_user::CurrentUser;
use crate::forms::form_data::FormData;
use crate::pending::eligibility::can_vote;
use crate::render::text_search::TextSearch;
use crate::render::untrusted_text::bare;

/// A filter of pending calls. An empty text admits all calls. Names are compared as they are
/// displayed, with hidden characters as escapes, because a page can only offer that form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct PendingFilter {
    pub(crate) tool: String,
    pub(crate) agent: String,
    pub(crate) principal: String,
    pub(crate) role: String,
    pub(crate) text: String,
    /// True to admit only the calls that ask the user.
    pub(crate) mine: bool,
}

impl PendingFilter {
    pub(crate) fn read(query: &FormData) -> Self {
        let [tool, agent, principal, role, text] =
            ["tool", "agent", "principal", "role", "text"].map(|name| query.filter(name));
        Self { tool, agent, principal, role, text, mine: query.get("mine") == "yes" }
    }

    /// Returns whether it admits all calls.
    pub(crate) fn is_all(&self) -> bool {
        *self == Self::default()
    }

    /// Returns its fields as pairs of a query string, without the empty ones.
    pub(crate) fn pairs(&self) -> Vec<(&'static str, &str)> {
        let texts = [
            ("tool", self.tool.as_str()),
            ("agent", &self.agent),
            ("principal", &self.principal),
            ("role", &self.role),
            ("text", &self.text),
            ("mine", if self.mine { "yes" } else { "" }),
        ];
        texts.into_iter().filter(|(_, value)| !value.is_empty()).collect()
    }

    /// Returns whether it admits a question.
    pub(crate) fn admits(&self, approval: &Approval, user: &CurrentUser, now: Timestamp) -> bool {
        let info = approval.subject().info();
        let is = |wanted: &str, found: &str| wanted.is_empty() || wanted == bare(found);
        is(&self.tool, approval.tool().as_str())
            && is(&self.agent, info.agent().as_str())
            && is(&self.principal, info.principal().map(AsRef::as_ref).unwrap_or_default())
            && (self.role.is_empty() || roles(approval).any(|role| bare(role) == self.role))
            && (!self.mine || can_vote(approval, user, now))
            && (self.text.is_empty() || has(approval, &self.text))
    }
}

/// Returns the roles that are asked, now or in a later step.
pub(crate) fn roles(approval: &Approval) -> impl Iterator<Item = &str> {
    approval.requirements().iter().flat_map(Requirement::tiers).filter_map(|tier| {
        match tier.who() {
            ReviewerSelector::Role { role } => Some(role.as_str()),
            _ => None,
        }
    })
}

/// Returns whether a text occurs in a question, ignoring case.
fn has(approval: &Approval, text: &str) -> bool {
    let text = TextSearch::new(text);
    let (subject, info) = (approval.subject(), approval.subject().info());
    let is_in = |found: &str| text.matches(found);
    let names = [approval.tool().as_str(), info.agent().as_str(), info.run().as_str()];
    names.into_iter().any(is_in)
        || info.principal().is_some_and(|principal| is_in(principal.as_str()))
        || info.case().is_some_and(|case| is_in(case.as_str()))
        || subject.reasoning().is_some_and(is_in)
        || is_in(approval.arguments().as_json())
}

/// Returns the names to choose from, sorted.
pub(crate) fn sorted(found: impl Iterator<Item = impl AsRef<str> + Ord>) -> Vec<String> {
    /// The most names that are offered. If there are more, people type the name.
    const MOST: usize = 200;
    let mut all: Vec<_> = found.filter(|name| !name.as_ref().is_empty()).collect();
    all.sort_unstable();
    all.dedup();
    all.into_iter().take(MOST).map(bare).collect()
}

/// Returns the names to choose from, including the chosen one.
pub(crate) fn with_chosen(chosen: &str, mut all: Vec<String>) -> Vec<String> {
    if !chosen.is_empty() && !all.iter().any(|name| name == chosen) {
        all.push(chosen.to_owned());
    }
    all
}

/// Returns the names of all tools, agents, people and roles in the pending calls.
pub(crate) fn names<'a>(
    all: &'a [Interruption],
    name: impl Fn(&'a Approval) -> Vec<&'a str> + 'a,
) -> impl Iterator<Item = &'a str> {
    all.iter().flat_map(move |interruption| name(interruption.approval()))
}
