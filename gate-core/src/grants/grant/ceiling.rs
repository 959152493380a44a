//! Upper limits of an argument, for one call or for the sum of all.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::text::amount::Amount;

/// The upper limit of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AmountCeiling {
    max: CeilingValue,
    /// Set if the argument is a text of digits, as in the call that the reviewer saw. A limit for
    /// numbers never covers texts, and the reverse.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    of_text: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum CeilingValue {
    /// The form of versions without decimals, in which the giver was shown "any whole number".
    Whole(u64),
    Exact(Amount),
}

impl AmountCeiling {
    pub(super) fn new(max: Amount) -> Self {
        Self { max: CeilingValue::Exact(max), of_text: false }
    }

    /// Returns the limit for arguments in the form of this one; `None` if this argument itself
    /// exceeds the limit.
    pub(super) fn like(self, shown: &Value) -> Option<Self> {
        let ceiling = Self { of_text: shown.is_string(), ..self };
        ceiling.admits(shown).then_some(ceiling)
    }

    pub(super) fn admits(&self, value: &Value) -> bool {
        self.amount_of(value).is_some_and(|amount| match self.max {
            CeilingValue::Whole(max) => amount <= max.into(),
            CeilingValue::Exact(max) => amount <= max,
        })
    }

    /// Returns the amount of an argument; `None` if it is not an amount, or not in the required
    /// form.
    fn amount_of(&self, value: &Value) -> Option<Amount> {
        match (self.max, value) {
            (CeilingValue::Whole(_), Value::Number(number)) => number.as_u64().map(Amount::from),
            (CeilingValue::Exact(_), value) if value.is_string() == self.of_text => {
                Amount::of_value(value)
            }
            _ => None,
        }
    }

    /// Returns the amount of an argument and the limit, in the units in which the store counts;
    /// `None` if the amount is not a whole number of units.
    pub(super) fn counted(&self, value: &Value) -> Option<(u64, u64)> {
        let amount = self.amount_of(value)?;
        match self.max {
            CeilingValue::Whole(max) => Some((amount.in_units(0)?, max)),
            // The unit is as fine as a counter can count up to the limit, and fixed for a grant.
            CeilingValue::Exact(max) => {
                let indexes = max.finest_places()?;
                Some((amount.in_units(indexes)?, max.in_units(indexes)?))
            }
        }
    }
}

impl fmt::Display for AmountCeiling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.max {
            CeilingValue::Whole(max) => write!(f, "{max}"),
            CeilingValue::Exact(max) => write!(f, "{max}"),
        }
    }
}
