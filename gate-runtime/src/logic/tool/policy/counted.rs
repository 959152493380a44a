//! Limits, as rules are given them.

use std::time::Duration;

use super::condition::Shared;
use super::limit::{Amount, Limit};
use super::rules::{Approves, Counted, Effect, RuleBuilder, Unconditional};
use crate::logic::tool::Tool;
use crate::logic::tool::call::{AnyCall, Call};

/// A limit that still needs its window: `.per(DAY)`.
///
/// ```
/// use gate_runtime::prelude::*;
/// use gate_runtime::LimitNeedsPer;
/// # /// Ship a parcel.
/// # #[gated_tool(policy = "parcels")] fn ship(country: String) {}
/// #[policy]
/// fn parcels(rules: Rules<Ship>) -> Rules<Ship> {
///     let limit: LimitNeedsPer<Ship> = rules.auto_approve("a few").at_most(3);
///     limit.per(DAY).otherwise(ask(role("shipping")))
/// }
///
/// assert_eq!(parcels().outline().rules()[0].limits(), ["at most 3 in 1 day"]);
/// ```
#[must_use = "say `.per(…)`: a limit holds for a window of time"]
pub struct LimitNeedsPer<T: Tool> {
    rule: RuleBuilder<T, Approves>,
    amount: Option<Amount>,
    max: u64,
}

impl<T: Tool> LimitNeedsPer<T> {
    /// The window of time in which the limit holds: any that ends now, so that waiting for midnight gains nothing.
    pub fn per(self, window: Duration) -> RuleBuilder<T, Counted> {
        let Self { rule, amount, max } = self;
        rule.limited(Limit { amount, max, window, key: None })
    }
}

impl<T: Tool> std::fmt::Debug for LimitNeedsPer<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LimitNeedsPer({})", self.max)
    }
}

/// The kinds of rule that can have a limit: those that approve.
///
/// ```
/// use gate_runtime::prelude::*;
/// use gate_runtime::{Counted, RuleBuilder, Uncounted};
/// # /// Ship a parcel.
/// # #[gated_tool(policy = "parcels")] fn ship(country: String) {}
///
/// /// A rule that approves a few calls a day, whatever limits it has already.
/// fn a_few<T: Tool, E: Uncounted>(rule: RuleBuilder<T, E>) -> RuleBuilder<T, Counted> {
///     rule.at_most(3).per(DAY)
/// }
///
/// #[policy]
/// fn parcels(rules: Rules<Ship>) -> Rules<Ship> {
///     a_few(rules.auto_approve("small").at_most(10).per(WEEK)).otherwise(ask(role("shipping")))
/// }
///
/// assert_eq!(parcels().outline().rules()[0].limits(), ["at most 10 in 7 days", "at most 3 in 1 day"]);
/// ```
#[diagnostic::on_unimplemented(
    message = "only a rule that approves has a limit",
    label = "this rule asks or denies",
    note = "give the limit to an `auto_approve` rule: beyond it, calls fall to what the other rules say"
)]
pub trait Uncounted: Effect {}

impl Uncounted for Unconditional {}

impl Uncounted for Approves {}

impl Uncounted for Counted {}

impl<T: Tool, E: Effect> RuleBuilder<T, E> {
    /// At most so many calls in a window: `.at_most(10).per(DAY)`. A call counts for every rule that approves it.
    ///
    /// Limits are counted by the store, in the transaction of the approval they allow: of two concurrent calls one gets
    /// the last place. A rule whose limit is used up does not match.
    pub fn at_most(self, calls: u64) -> LimitNeedsPer<T>
    where
        E: Uncounted,
    {
        LimitNeedsPer { rule: self.into_stage(), amount: None, max: calls }
    }

    /// At most so much in all in a window: `.budget(|call| call.amount_cents, 50_000).per(DAY)`.
    pub fn budget(self, amount: impl Fn(&Call<T>) -> u64 + Shared, max: u64) -> LimitNeedsPer<T>
    where
        E: Uncounted,
    {
        let amount = move |call: &AnyCall| Ok(amount(call.typed()?));
        LimitNeedsPer { rule: self.into_stage(), amount: Some(Box::new(amount)), max }
    }
}
