//! The conditions of a rule.

use std::fmt;
use std::pin::Pin;

use super::sealed::Sealed;
use super::time_window::TimeWindow;
use crate::logic::time_limit::{TimeLimit, bounded, guard};
use crate::logic::tool::call::AnyCall;

/// The closure of a rule, which several threads may use at once, because calls are concurrent.
///
/// ```
/// use gate_runtime::prelude::*;
/// use gate_runtime::policy::{Denies, RuleBuilder, Shared};
/// # /// Ship a parcel.
/// # #[gated_tool(policy = "parcels")] fn ship(country: String) {}
///
/// /// A rule that several policies have, each with a condition of its own.
/// fn embargo<T: Tool>(
///     rules: Rules<T>,
///     condition: impl Fn(&Call<T>) -> bool + Shared,
/// ) -> RuleBuilder<T, Denies> {
///     rules.deny("embargo").when(condition)
/// }
///
/// #[policy]
/// fn parcels(rules: Rules<Ship>) -> Rules<Ship> {
///     embargo(rules, |call| call.country == "AQ").otherwise(ask(role("shipping")))
/// }
///
/// assert_eq!(parcels().view().rules()[0].name(), "embargo");
/// ```
#[diagnostic::on_unimplemented(
    message = "a rule's closure is used by several threads at once, and this one cannot be",
    label = "it holds something that stays on one thread",
    note = "let it hold `Arc` instead of `Rc`, `Mutex` or an atomic instead of `Cell` or `RefCell`"
)]
pub trait Shared: Send + Sync + 'static {}
#[diagnostic::do_not_recommend]
impl<T: Send + Sync + 'static> Shared for T {}

/// The result of a condition: whether it holds, or the error of its evaluation.
pub(crate) type ConditionResult = Result<bool, String>;

/// A value that the closure of a rule may return: whether the rule matches, or an error.
///
/// `true` always means "this rule matches", whatever the rule's effect; an error makes the rule
/// count as failed. A failed rule neither approves nor denies: if a denial depends on it, the call
/// does not run and may be tried later.
///
/// ```
/// use gate_runtime::prelude::*;
/// # /// Pay.
/// # #[gated_tool(policy = "payments")] fn pay(iban: String) {}
/// #[policy]
/// fn payments(rules: Rules<Pay>) -> Rules<Pay> {
///     rules
///         .deny("checksum")
///         .when(|call| call.iban.get(2..4).ok_or("an IBAN has a checksum").map(|sum| sum == "00"))
///         .otherwise(ask(anyone()))
/// }
/// # let _ = payments();
/// ```
#[diagnostic::on_unimplemented(
    message = "a rule's closure returns `{Self}`, which does not say whether the rule matches",
    label = "expected `bool` or `Result<bool, _>`",
    note = "return `true` where the rule matches; with `.when_async(…)` return a future of that: \
        `|call| async move {{ … }}`"
)]
pub trait RuleOutcome: Sealed {
    #[doc(hidden)]
    fn held(self) -> Result<bool, String>;
}

impl Sealed for bool {}

impl RuleOutcome for bool {
    fn held(self) -> ConditionResult {
        Ok(self)
    }
}

impl<E: fmt::Display> Sealed for Result<bool, E> {}

impl<E: fmt::Display> RuleOutcome for Result<bool, E> {
    fn held(self) -> ConditionResult {
        self.map_err(|error| error.to_string())
    }
}

type ConditionFn<ConditionResult> = Box<dyn Fn(&AnyCall) -> ConditionResult + Send + Sync>;
type ConditionFuture = Pin<Box<dyn Future<Output = ConditionResult> + Send>>;

/// One condition of a rule. All of them must hold.
pub(crate) enum RuleCondition {
    Now(ConditionFn<ConditionResult>),
    Later(ConditionFn<Result<ConditionFuture, String>>),
    Hours(TimeWindow),
}

impl RuleCondition {
    /// Returns the hours in which it holds, if it is only about hours.
    pub(super) fn hours(&self) -> Option<&TimeWindow> {
        match self {
            Self::Hours(hours) => Some(hours),
            Self::Now(_) | Self::Later(_) => None,
        }
    }

    /// Evaluates it without waiting; `None` for an async condition.
    pub(super) fn evaluate_now(&self, call: &AnyCall) -> Option<ConditionResult> {
        match self {
            Self::Now(condition) => Some(guard(|| condition(call))),
            Self::Hours(hours) => Some(hours.contain(call.context().now())),
            Self::Later(_) => None,
        }
    }

    /// Evaluates it, and waits for an async condition up to the limit.
    pub(super) async fn look_later(
        &self,
        call: &AnyCall,
        limit: &dyn TimeLimit,
    ) -> ConditionResult {
        match self {
            Self::Later(condition) => {
                let later = guard(|| condition(call))?;
                bounded(limit, || later).await?
            }
            // `evaluate_now` returns `None` only for async conditions, which the arm above handles.
            Self::Now(_) | Self::Hours(_) => self.evaluate_now(call).unwrap_or(Ok(false)),
        }
    }
}
