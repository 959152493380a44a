//! Limits of an approving rule: a number of calls, or a sum, in a sliding window.

use std::time::Duration;

use gate_core::grants::{LimitCharge, LimitKey};
use gate_core::text::{Amount, canonical, english};
use serde::Serialize;
use serde_json::Value;

use super::condition::Shared;
use crate::logic::time_limit::guard;
use crate::logic::tool::Tool;
use crate::logic::tool::call::{AnyCall, Call};

/// The amount that a call takes, in the units in which the limit counts.
pub(crate) type AmountFn = Box<dyn Fn(&AnyCall) -> Result<u64, String> + Send + Sync>;
type LimitKeyFn = Box<dyn Fn(&AnyCall) -> Result<Value, String> + Send + Sync>;

/// The problem of an amount that no counter can hold.
const TOO_MUCH: &str = "its limit is too large, or has more decimal places than are counted: 6 of \
    amounts, none of whole numbers";

/// One limit of a rule.
pub(crate) struct RuleLimit {
    /// The amount that a call takes; `None` if each call counts as one.
    pub(crate) amount: Option<AmountFn>,
    /// The amount that all calls may take in the window.
    pub(crate) max: Amount,
    /// The decimal places that are counted.
    pub(crate) places: u32,
    pub(crate) window: Duration,
    pub(crate) key: Option<LimitKeyFn>,
}

impl RuleLimit {
    pub(super) fn set_key<T: Tool, K: Serialize>(&mut self, key: impl Fn(&Call<T>) -> K + Shared) {
        let value = move |call: &AnyCall| {
            serde_json::to_value(key(call.typed()?)).map_err(|error| error.to_string())
        };
        self.key = Some(Box::new(value));
    }

    /// Returns the charge of a call.
    pub(super) fn take(&self, name: &str, call: &AnyCall) -> Result<LimitCharge, String> {
        let amount = self.amount.as_ref().map_or(Ok(1), |amount| guard(|| amount(call)))?;
        let key = self.key.as_ref().map_or(Ok(Value::Null), |key| guard(|| key(call)));
        let key =
            key.and_then(|key| canonical(&key).map_err(|schema_error| schema_error.to_string()));
        let key = key.map_err(|error| format!("the key of its limit: {error}"))?;
        let max = self.max.in_units(self.places).ok_or(TOO_MUCH)?;
        Ok(LimitCharge {
            key: LimitKey::new(name, key),
            amount,
            max,
            window: self.window,
            taken_for: None,
        })
    }

    pub(super) fn describe(&self) -> String {
        let what = if self.amount.is_some() { "a budget of" } else { "at most" };
        let each = if self.key.is_some() { " for each key" } else { "" };
        format!("{what} {} in {}{each}", self.max, english::duration(self.window))
    }

    pub(super) fn problem(&self) -> Option<&'static str> {
        if self.max == Amount::default() {
            Some("a limit of 0 never approves: drop the rule")
        } else if self.max.in_units(self.places).is_none() {
            Some(TOO_MUCH)
        } else if self.window.is_zero() {
            Some("a limit needs a window of time: write `.per(DAY)`")
        } else {
            None
        }
    }
}
