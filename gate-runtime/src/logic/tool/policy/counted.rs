//! The builder of a rule's limits.

use std::fmt::Display;
use std::time::Duration;

use gate_core::text::Amount;

use super::condition::Shared;
use super::limit::{AmountFn, RuleLimit};
use super::rules::{Approves, Counted, Effect, RuleBuilder, Unconditional};
use super::sealed::Sealed;
use crate::logic::tool::Tool;
use crate::logic::tool::call::{AnyCall, Call};

/// A limit that still needs its window: `.per(DAY)`.
///
/// ```
/// use gate_runtime::prelude::*;
/// use gate_runtime::policy::LimitNeedsPer;
/// # /// Ship a parcel.
/// # #[gated_tool(policy = "parcels")] fn ship(country: String) {}
/// #[policy]
/// fn parcels(rules: Rules<Ship>) -> Rules<Ship> {
///     let limit: LimitNeedsPer<Ship> = rules.auto_approve("a few").at_most(3);
///     limit.per(DAY).otherwise(ask(role("shipping")))
/// }
///
/// assert_eq!(parcels().view().rules()[0].limits(), ["at most 3 in 1 day"]);
/// ```
#[must_use = "say `.per(…)`: a limit holds for a window of time"]
pub struct LimitNeedsPer<T: Tool> {
    rule: RuleBuilder<T, Approves>,
    amount: Option<AmountFn>,
    max: Amount,
    places: u32,
}

impl<T: Tool> LimitNeedsPer<T> {
    /// Sets the length of the limit's window. The window is a sliding one that ends now, so it does
    /// not reset at midnight.
    pub fn per(self, window: Duration) -> RuleBuilder<T, Counted> {
        let Self { rule, amount, max, places: indexes } = self;
        rule.limited(RuleLimit { amount, max, places: indexes, window, key: None })
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
/// use gate_runtime::policy::{Counted, RuleBuilder, Uncounted};
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
/// assert_eq!(
///     parcels().view().rules()[0].limits(),
///     ["at most 10 in 7 days", "at most 3 in 1 day"]
/// );
/// ```
#[diagnostic::on_unimplemented(
    message = "only a rule that approves has a limit",
    label = "this rule asks or denies",
    note = "give the limit to an `auto_approve` rule: beyond it, calls fall to what the other \
        rules say"
)]
pub trait Uncounted: Effect {}

impl Uncounted for Unconditional {}

impl Uncounted for Approves {}

impl Uncounted for Counted {}

impl<T: Tool, E: Effect> RuleBuilder<T, E> {
    /// Limits the number of calls in a window: `.at_most(10).per(DAY)`. A call counts for every
    /// rule that approves it.
    ///
    /// The store counts limits, in the transaction that writes the approval, so only one of two
    /// concurrent calls can use the rest of a limit. A rule whose limit is used up does not match.
    pub fn at_most(self, calls: u64) -> LimitNeedsPer<T>
    where
        E: Uncounted,
    {
        LimitNeedsPer { rule: self.into_stage(), amount: None, max: calls.into(), places: 0 }
    }

    /// Limits the sum of an amount in a window: `.budget(|call| call.amount_cents,
    /// 50_000).per(DAY)`.
    ///
    /// A call takes a whole number or an [`Amount`], whose decimals are counted exactly, in
    /// millionths. If a call has no amount, or a finer one, the rule counts as failed and a person
    /// is asked.
    ///
    /// ```
    /// use gate_runtime::tool::Amount;
    /// use gate_runtime::prelude::*;
    /// # /// Pay somebody.
    /// # #[gated_tool(policy = "payments")] fn pay(to: String, amount: String) {}
    /// #[policy]
    /// fn payments(rules: Rules<Pay>) -> Rules<Pay> {
    ///     rules
    ///         .auto_approve("small")
    ///         .budget(|call| call.amount.parse::<Amount>(), Amount::hundredths(50_050))
    ///         .per(DAY)
    ///         .otherwise(ask(role("manager")))
    /// }
    ///
    /// assert_eq!(payments().view().rules()[0].limits(), ["a budget of 500.5 in 1 day"]);
    /// ```
    pub fn budget<A: BudgetAmount>(
        self,
        amount: impl Fn(&Call<T>) -> A + Shared,
        max: impl Into<Amount>,
    ) -> LimitNeedsPer<T>
    where
        E: Uncounted,
    {
        let amount = move |call: &AnyCall| {
            let amount = amount(call.typed()?).into_amount()?;
            amount
                .in_units(A::PLACES)
                .ok_or_else(|| format!("{amount} is too fine or too much to be counted"))
        };
        LimitNeedsPer {
            rule: self.into_stage(),
            amount: Some(Box::new(amount)),
            max: max.into(),
            places: A::PLACES,
        }
    }
}

/// An amount that a call takes from a budget: a `u64`, an [`Amount`], or a `Result` with an
/// [`Amount`].
///
/// ```
/// use gate_runtime::policy::BudgetAmount;
/// use gate_runtime::tool::Amount;
/// fn takes(amount: impl BudgetAmount) {}
///
/// takes(2_400_u64);                                   // cents
/// takes(Amount::hundredths(2_400));
/// takes("24.00".parse::<Amount>());
/// takes(Amount::try_from(24.5));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be counted in a budget",
    label = "not an amount",
    note = "return a `u64`, or an `Amount`: `Amount::try_from(call.amount)` for a float, \
        `call.amount.parse::<Amount>()` for a text"
)]
pub trait BudgetAmount: Sealed {
    /// The decimal places that are counted: always the same for one type, because uses of a day ago
    /// are compared with those of today.
    #[doc(hidden)]
    const PLACES: u32;

    /// Returns the amount, or the reason why there is none.
    #[doc(hidden)]
    fn into_amount(self) -> Result<Amount, String>;
}

impl Sealed for u64 {}

impl BudgetAmount for u64 {
    const PLACES: u32 = 0;

    fn into_amount(self) -> Result<Amount, String> {
        Ok(self.into())
    }
}

impl Sealed for Amount {}

impl BudgetAmount for Amount {
    const PLACES: u32 = 6;

    fn into_amount(self) -> Result<Amount, String> {
        Ok(self)
    }
}

impl<E: Display> Sealed for Result<Amount, E> {}

impl<E: Display> BudgetAmount for Result<Amount, E> {
    const PLACES: u32 = <Amount as BudgetAmount>::PLACES;

    fn into_amount(self) -> Result<Amount, String> {
        self.map_err(|error| error.to_string())
    }
}
