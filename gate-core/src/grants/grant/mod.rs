//! Grants (standing permissions): a person allows more than one call.

mod ceiling;
mod scope;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::ceiling::AmountCeiling;
pub use self::scope::{Scope, ScopeError};
use crate::call::arguments::Arguments;
use crate::call::context::RunInfo;
use crate::call::subject::CallSubject;
use crate::call::tool_changes::ToolChanges;
use crate::grants::limit::{EVER, LimitCharge, LimitKey};
use crate::id::{AgentName, ApprovalId, GrantId, Principal, ReviewerId, RunId, ToolName};
use crate::text::digest::Digest;
use crate::text::english;

/// The condition that one argument must meet for a grant to cover a call.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum GrantCondition {
    /// Exactly this value. No character of a text is a pattern.
    Same { value: Value },
    /// An amount from 0 to this limit.
    UpTo(AmountCeiling),
    /// Any value.
    Any,
}

/// The limit for the sum of an argument over all covered calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ArgumentBudget {
    argument: String,
    #[serde(flatten)]
    ceiling: AmountCeiling,
}

/// The calls of the tool that a grant covers, and their number.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct GrantTerms {
    conditions: BTreeMap<String, GrantCondition>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uses: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    budget: Option<ArgumentBudget>,
    /// The window for which uses and budget are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    window: Option<Duration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
}

impl GrantTerms {
    fn admit(&self, arguments: &Value) -> bool {
        let Value::Object(arguments) = arguments else { return false };
        let spends =
            |budget: &ArgumentBudget| budget.ceiling.counted(arguments.get(&budget.argument)?);
        arguments.keys().all(|name| self.conditions.contains_key(name))
            && self.budget.as_ref().is_none_or(|budget| spends(budget).is_some())
            && self.conditions.iter().all(|(name, condition)| match condition {
                GrantCondition::Any => true,
                GrantCondition::Same { value } => arguments.get(name) == Some(value),
                GrantCondition::UpTo(ceiling) => {
                    arguments.get(name).is_some_and(|value| ceiling.admits(value))
                }
            })
    }

    fn write_conditions(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.conditions.iter().try_for_each(|(name, condition)| match condition {
            GrantCondition::Any => write!(f, ", any `{name}`"),
            GrantCondition::UpTo(max) => write!(f, ", `{name}` up to {max}"),
            GrantCondition::Same { .. } => Ok(()),
        })
    }

    fn write_bounds(&self, uses: Option<String>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(uses) = uses {
            write!(f, ", {uses}")?;
        }
        if let Some(ArgumentBudget { argument, ceiling }) = &self.budget {
            write!(f, ", {ceiling} of `{argument}` in all")?;
        }
        if let Some(window) = self.window {
            write!(f, " within {}", english::duration(window))?;
        }
        match self.until {
            Some(end) => write!(f, ", until {end:.0}"),
            None => Ok(()),
        }
    }
}

/// A standing permission for later calls of a tool, given by a person on a call that they saw.
///
/// A grant answers an "ask", never a "deny", and only if its giver could answer alone, with the
/// roles that they have at that time. It is valid only while the tool and its policies are
/// unchanged since it was given.
///
/// ```
/// # fn show(grant: &gate_runtime::grants::Grant) {
/// println!("{} by {}: {grant}", grant.id(), grant.by());
/// # }
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each widening is a word of its own")]
pub struct Grant {
    pub(crate) id: GrantId,
    pub(crate) version: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    any_run: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) run: Option<RunId>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    any_agent: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) agent: Option<AgentName>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    any_principal: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) principal: Option<Principal>,
    pub(crate) tool: ToolName,
    pub(crate) tool_digest: Digest,
    pub(crate) policy_digest: Digest,
    #[serde(flatten)]
    terms: GrantTerms,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uses_left: Option<u32>,
    pub(crate) by: ReviewerId,
    given_at: Timestamp,
    revoked: bool,
}

impl Grant {
    /// Returns its id.
    #[must_use]
    pub fn id(&self) -> GrantId {
        self.id
    }

    /// Returns its version, from 1. A store writes it only over the previous version.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Returns the run it holds in; `None` for any run.
    #[must_use]
    pub fn run(&self) -> Option<&RunId> {
        self.run.as_ref()
    }

    /// Returns the tool it is for.
    #[must_use]
    pub fn tool(&self) -> &ToolName {
        &self.tool
    }

    /// Returns the person who gave it.
    #[must_use]
    pub fn by(&self) -> &ReviewerId {
        &self.by
    }

    /// Returns when it was given.
    #[must_use]
    pub fn given_at(&self) -> Timestamp {
        self.given_at
    }

    /// Returns the number of calls that it still covers; `None` if it is unlimited, or counted in
    /// windows.
    #[must_use]
    pub fn uses_left(&self) -> Option<u32> {
        self.uses_left
    }

    /// Returns whether a person revoked it.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.revoked
    }

    /// Returns whether it can still cover calls.
    #[must_use]
    pub fn is_active(&self, now: Timestamp) -> bool {
        !self.revoked && self.uses_left != Some(0) && self.terms.until.is_none_or(|end| now < end)
    }

    /// Returns whether it covers a call: the tool, the tool's digest and the policies are the same,
    /// run, agent and principal are in its scope, and every argument meets its condition. An
    /// argument without a condition is never covered. The store checks its budget and its windows.
    #[must_use]
    pub fn covers(&self, subject: &CallSubject, arguments: &Arguments, now: Timestamp) -> bool {
        self.is_active(now) && self.fits(subject, arguments)
    }

    /// Returns whether it is for a call, whether or not it has ended.
    #[doc(hidden)]
    #[must_use]
    pub fn fits(&self, subject: &CallSubject, arguments: &Arguments) -> bool {
        let RunInfo { run, agent, principal, .. } = &*subject.info;
        (self.any_run || self.run.as_ref() == Some(run))
            && (self.any_agent || self.agent.as_ref() == Some(agent))
            && (self.any_principal || self.principal == *principal)
            && (&subject.tool, subject.tool_digest, subject.policy_digest)
                == (&self.tool, self.tool_digest, self.policy_digest)
            && arguments.secrets().is_empty()
            && self.terms.admit(&arguments.to_json())
    }

    /// Returns the changes of tool and policies that keep it from covering a call.
    #[doc(hidden)]
    #[must_use]
    pub fn outdated_for(
        &self,
        subject: &CallSubject,
        arguments: &Arguments,
        now: Timestamp,
    ) -> Option<ToolChanges> {
        let of_then = CallSubject {
            tool_digest: self.tool_digest,
            policy_digest: self.policy_digest,
            ..subject.clone()
        };
        let changed = |then, now| (then != now).then_some(now);
        let changes = ToolChanges {
            tool: changed(self.tool_digest, subject.tool_digest),
            policy: changed(self.policy_digest, subject.policy_digest),
            ..ToolChanges::default()
        };
        (!changes.is_empty() && self.covers(&of_then, arguments, now)).then_some(changes)
    }

    /// Returns the digest of the tool that it is for.
    #[doc(hidden)]
    #[must_use]
    pub fn tool_digest(&self) -> Digest {
        self.tool_digest
    }

    /// Returns when it ends by itself.
    pub(crate) fn ends_at(&self) -> Option<Timestamp> {
        self.terms.until
    }

    /// Returns the total number of calls that it is for, if there is no window.
    #[doc(hidden)]
    #[must_use]
    pub fn uses_in_all(&self) -> Option<u32> {
        self.terms.uses.filter(|_| self.terms.window.is_none())
    }

    /// Returns the charges on its budget and its windows for covering a call.
    #[doc(hidden)]
    #[must_use]
    pub fn charges(&self, arguments: &Arguments, taken_for: ApprovalId) -> Vec<LimitCharge> {
        let GrantTerms { uses, budget, window, .. } = &self.terms;
        let take = |what: &str, amount, max| LimitCharge {
            key: LimitKey::new(format!("grant/{}", self.id), format!("\"{what}\"")),
            amount,
            max,
            window: window.unwrap_or(EVER),
            taken_for: Some(taken_for),
        };
        let uses = uses.filter(|_| window.is_some()).map(|uses| take("uses", 1, uses.into()));
        let spend = |budget: &ArgumentBudget| {
            let counted =
                arguments.get(&budget.argument).and_then(|value| budget.ceiling.counted(&value));
            // An argument that cannot be counted never fits, because this charge exceeds its limit.
            let (amount, max) = counted.unwrap_or((u64::MAX, 0));
            take("budget", amount, max)
        };
        uses.into_iter().chain(budget.as_ref().map(spend)).collect()
    }

    /// Returns the grant with one use less.
    #[doc(hidden)]
    #[must_use]
    pub fn used(&self) -> Self {
        let uses_left = self.uses_left.map(|uses| uses.saturating_sub(1));
        Self { version: self.version + 1, uses_left, ..self.clone() }
    }

    /// Returns a grant that has not been written yet, with one use less.
    #[doc(hidden)]
    #[must_use]
    pub fn used_before_it_is_given(&self) -> Self {
        Self { version: 1, ..self.used() }
    }

    /// Returns the grant as revoked.
    #[doc(hidden)]
    #[must_use]
    pub fn revoked(&self) -> Self {
        Self { version: self.version + 1, revoked: true, ..self.clone() }
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in ", self.tool)?;
        match &self.run {
            Some(run) => write!(f, "{run}")?,
            None => f.write_str("any run")?,
        }
        match &self.agent {
            Some(agent) if self.run.is_none() => write!(f, ", of {agent}")?,
            Some(_) => {}
            None => f.write_str(", of any agent")?,
        }
        match &self.principal {
            _ if self.any_principal => f.write_str(", for anyone")?,
            Some(principal) if self.run.is_none() => write!(f, ", for {principal}")?,
            _ => {}
        }
        self.terms.write_conditions(f)?;
        let is_same =
            |condition: &&GrantCondition| matches!(condition, GrantCondition::Same { .. });
        let same = self.terms.conditions.values().filter(is_same).count();
        write!(f, ", {} as shown", english::plural(same as u64, "argument"))?;
        let uses = match (self.uses_left, self.terms.uses) {
            (Some(left), _) => Some(format!("{} left", english::plural(left.into(), "use"))),
            (None, uses) => uses.map(|uses| english::plural(uses.into(), "time")),
        };
        self.terms.write_bounds(uses, f)
    }
}

impl fmt::Debug for GrantCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Same { .. } => "Same",
            Self::UpTo(_) => "UpTo",
            Self::Any => "Any",
        })
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Grant({}, {} by {})", self.id, self.tool, self.by)
    }
}
