//! The scope of a grant, as a reviewer chooses it.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::{AmountCeiling, ArgumentBudget, EVER, Grant, GrantCondition, GrantTerms};
use crate::approval::state::Approval;
use crate::call::subject::CallSubject;
use crate::id::{GrantId, ReviewerId};
use crate::text::amount::Amount;
use crate::text::english;

/// The scope of a grant, which a reviewer chooses: the calls that the grant covers.
///
/// By default, a grant covers only calls like the one that the reviewer saw: agent, principal and
/// every argument must be the same, except those that the scope names.
///
/// ```
/// use gate_runtime::prelude::*;
/// let scope = Scope::this_run().up_to("amount_cents", 5_000).any("order_id").uses(3);
/// assert_eq!(
///     scope.to_string(),
///     "in this run, `amount_cents` up to 5000, any `order_id`, 3 times"
/// );
///
/// let today = Scope::any_run()
///     .any("order_id")
///     .any("amount_cents")
///     .budget("amount_cents", 20_000)
///     .per(DAY);
/// assert_eq!(
///     today.to_string(),
///     "in any run, any `amount_cents`, any `order_id`, 20000 of `amount_cents` in all within \
///      1 day"
/// );
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Scope {
    is_of_run: bool,
    any_agent: bool,
    any_principal: bool,
    terms: GrantTerms,
}

impl Scope {
    fn of(is_of_run: bool) -> Self {
        Self { is_of_run, any_agent: false, any_principal: false, terms: GrantTerms::default() }
    }

    /// Covers the same call, with the same arguments, any number of times in this run.
    #[must_use]
    pub fn this_run() -> Self {
        Self::of(true)
    }

    /// Covers the same call, with the same arguments, any number of times in any run of the same
    /// agent for the same person.
    #[must_use]
    pub fn any_run() -> Self {
        Self::of(false)
    }

    /// Also covers other agents with the same policies.
    #[must_use]
    pub fn any_agent(mut self) -> Self {
        self.any_agent = true;
        self
    }

    /// Covers runs for any principal.
    #[must_use]
    pub fn any_principal(mut self) -> Self {
        self.any_principal = true;
        self
    }

    /// Lets an argument have any value.
    #[must_use]
    pub fn any(mut self, argument: impl Into<String>) -> Self {
        self.terms.conditions.insert(argument.into(), GrantCondition::Any);
        self
    }

    /// Lets an argument be any amount from 0 to a limit. The amount is a number, or a text with a
    /// plain decimal like `"12.50"`, whichever it is in the call that the reviewer saw. Any other
    /// text, and a negative number, is not covered.
    ///
    /// ```
    /// use gate_runtime::grants::Scope;
    /// use gate_runtime::tool::Amount;
    /// let scope = Scope::this_run().up_to("amount", "49.99".parse::<Amount>()?);
    /// assert_eq!(scope.to_string(), "in this run, `amount` up to 49.99");
    /// # Ok::<(), gate_runtime::tool::ParseAmountError>(())
    /// ```
    #[must_use]
    pub fn up_to(mut self, argument: impl Into<String>, max: impl Into<Amount>) -> Self {
        self.terms
            .conditions
            .insert(argument.into(), GrantCondition::UpTo(AmountCeiling::new(max.into())));
        self
    }

    /// Limits the number of covered calls, not counting the call that the grant is given on.
    #[must_use]
    pub fn uses(mut self, count: u32) -> Self {
        self.terms.uses = Some(count);
        self
    }

    /// Limits the sum of an argument over all covered calls, not counting the call that the grant
    /// is given on. The argument is an amount, as for [`up_to`](Self::up_to). The sum is exact: an
    /// amount with too many decimal places to be counted is not covered. For limits up to 18
    /// million, at least 12 places can be counted, and never fewer than those of the limit itself.
    #[must_use]
    pub fn budget(mut self, argument: impl Into<String>, max: impl Into<Amount>) -> Self {
        self.terms.budget = Some(ArgumentBudget {
            argument: argument.into(),
            ceiling: AmountCeiling::new(max.into()),
        });
        self
    }

    /// Counts uses and budget in each window of this length. Defaults to counting them for all
    /// time.
    #[must_use]
    pub fn per(mut self, window: Duration) -> Self {
        // A longer window has no exact form in JSON.
        self.terms.window = Some(window.min(EVER));
        self
    }

    /// Sets the time when the grant ends.
    #[must_use]
    pub fn until(mut self, end: Timestamp) -> Self {
        self.terms.until = Some(end);
        self
    }

    /// Creates the grant with this scope, on the call that the reviewer saw.
    #[doc(hidden)]
    pub fn grant(
        self,
        approval: &Approval,
        reviewer: ReviewerId,
        now: Timestamp,
    ) -> Result<Grant, ScopeError> {
        let shown = approval.arguments();
        let Value::Object(mut arguments) = shown.to_json() else {
            return Err(ScopeError::NoArguments);
        };
        let Self { is_of_run, any_agent, any_principal, mut terms } = self;
        if let Some(ArgumentBudget { argument, ceiling }) = &mut terms.budget {
            let value = arguments
                .get(argument)
                .ok_or_else(|| ScopeError::Unknown { argument: argument.clone() })?;
            let fitting = ceiling.like(value).filter(|ceiling| ceiling.counted(value).is_some());
            *ceiling = fitting.ok_or_else(|| ScopeError::NotUpTo { argument: argument.clone() })?;
        }
        if terms.window.is_some_and(|window| {
            window.is_zero() || (terms.uses.is_none() && terms.budget.is_none())
        }) {
            return Err(ScopeError::NothingPer);
        }
        for (name, condition) in &mut terms.conditions {
            let Some(value) = arguments.remove(name) else {
                return Err(ScopeError::Unknown { argument: name.clone() });
            };
            if let GrantCondition::UpTo(ceiling) = condition {
                *ceiling = ceiling
                    .like(&value)
                    .ok_or_else(|| ScopeError::NotUpTo { argument: name.clone() })?;
            }
        }
        if !shown.secrets().is_empty() {
            return Err(ScopeError::Secret);
        }
        terms.conditions.extend(
            arguments.into_iter().map(|(name, value)| (name, GrantCondition::Same { value })),
        );
        let CallSubject { info, tool, tool_digest, policy_digest, .. } = approval.subject();
        // The store counts the uses in a window; the grant itself counts uses without a window.
        let uses_left = if terms.window.is_none() { terms.uses } else { None };
        Ok(Grant {
            id: GrantId::new(),
            version: 1,
            any_run: !is_of_run,
            run: is_of_run.then(|| info.run.clone()),
            any_agent,
            agent: (!any_agent).then(|| info.agent.clone()),
            any_principal,
            principal: info.principal.clone().filter(|_| !any_principal),
            tool: tool.clone(),
            tool_digest: *tool_digest,
            policy_digest: *policy_digest,
            terms,
            uses_left,
            by: reviewer,
            given_at: now,
            revoked: false,
        })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_of_run { "in this run" } else { "in any run" })?;
        if self.any_agent {
            f.write_str(", of any agent")?;
        }
        if self.any_principal {
            f.write_str(", for anyone")?;
        }
        self.terms.write_conditions(f)?;
        self.terms.write_bounds(self.terms.uses.map(|uses| english::plural(uses.into(), "time")), f)
    }
}

/// The reason why a scope makes no valid grant.
///
/// ```
/// use gate_runtime::grants::ScopeError;
/// let error = ScopeError::Unknown { argument: "amout".into() };
/// assert!(error.to_string().contains("`amout`"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScopeError {
    /// It names an argument that the call does not have.
    Unknown {
        /// The name.
        argument: String,
    },
    /// It limits an argument that is no amount, or exceeds the limit, in the call itself.
    NotUpTo {
        /// The name.
        argument: String,
    },
    /// The call has a secret argument, which nobody was shown.
    Secret,
    /// The call's arguments are not an object.
    NoArguments,
    /// The policy allows no grants here.
    NotAllowed,
    /// It has a window without uses or a budget to count, or the window is empty.
    NothingPer,
    /// More than one person must agree, but a grant comes from one person.
    NeedsSeveral,
    /// The giver has a key, and must give the grant with a signed vote.
    NeedsVote,
}

impl fmt::Display for ScopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { argument } => {
                write!(
                    f,
                    "the scope names `{argument}`, which the call does not have: name one \
                    of its arguments"
                )
            }
            Self::NotUpTo { argument } => write!(
                f,
                "the scope limits `{argument}`: in this very call it is above the limit, or no \
                 plain amount like `12.50`. Raise the limit, let it be anything, or leave it out"
            ),
            Self::Secret => f.write_str(
                "the call has a secret argument, which nobody was shown: \
                approve it once",
            ),
            Self::NoArguments => f.write_str(
                "the call's arguments are not an object: approve it \
                once",
            ),
            Self::NotAllowed => f.write_str(
                "the policy requires a decision on each of these calls: approve it once",
            ),
            Self::NothingPer => {
                f.write_str("`per` needs `uses` or a `budget`, and a window longer than zero")
            }
            Self::NeedsVote => f.write_str(
                "the directory has a key of the reviewer, and only votes can be signed: give it \
                 on a waiting call",
            ),
            Self::NeedsSeveral => f.write_str(
                "several people must agree, and a standing \
                permission is one person's",
            ),
        }
    }
}

impl std::error::Error for ScopeError {}
