//! Counters behind rules like "ten a day for each customer".

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{ApprovalId, RunId};
use crate::text::time::days;

/// The key of a counter: one limit of a rule, of a grant or of the gate, for one value of the
/// limit's key.
///
/// ```
/// use gate_runtime::grants::LimitKey;
/// let key = LimitKey::new("issue_refund/refunds/under $50/0", r#""c-88""#);
/// assert_ne!(key, LimitKey::new("issue_refund/refunds/under $50/0", "88"));
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LimitKey {
    limit: Arc<str>,
    key: Arc<str>,
}

impl LimitKey {
    /// Creates the key of a counter, from a limit and a key as canonical JSON, so that a text and a
    /// number are never one key.
    pub fn new(limit: impl Into<Arc<str>>, key: impl Into<Arc<str>>) -> Self {
        Self { limit: limit.into(), key: key.into() }
    }

    /// Returns the limit.
    #[must_use]
    pub fn limit(&self) -> &str {
        &self.limit
    }

    /// Returns the key, as canonical JSON.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Debug for LimitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LimitKey({}, …)", self.limit)
    }
}

/// A charge on a limit: an amount, and the maximum sum in a window that ends now.
///
/// ```
/// use gate_runtime::grants::{LimitCharge, LimitKey};
/// use gate_runtime::policy::DAY;
/// let take = LimitCharge {
///     key: LimitKey::new("refunds", "null"),
///     amount: 1,
///     max: 10,
///     window: DAY,
///     taken_for: None,
/// };
/// assert!(take.fits(9) && !take.fits(10));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitCharge {
    /// The counter.
    pub key: LimitKey,
    /// The charged amount.
    pub amount: u64,
    /// The maximum sum in the window.
    pub max: u64,
    /// The length of the window: how long a charge counts.
    pub window: Duration,
    /// The call that it is made for, if it can be [given back](GiveBack).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_for: Option<ApprovalId>,
}

/// Charges to give back, because they no longer count: for example, the call did not run.
///
/// ```
/// use gate_runtime::grants::GiveBack;
/// use gate_runtime::id::ApprovalId;
/// let all = GiveBack { taken_for: ApprovalId::new(), limit: None };
/// # let _ = all;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GiveBack {
    /// The call that they were made for.
    pub taken_for: ApprovalId,
    /// The limit whose charges are given back; `None` for all limits.
    pub limit: Option<&'static str>,
}

/// The shared name of [`REFUSED`], created once because every call needs it.
static REFUSED_NAME: LazyLock<Arc<str>> = LazyLock::new(|| REFUSED.into());

impl LimitKey {
    /// Returns the counter of a family's calls that did not run.
    #[doc(hidden)]
    #[must_use]
    pub fn refused(family: &RunId) -> Self {
        Self { limit: Arc::clone(&REFUSED_NAME), key: family.shared() }
    }
}

/// The name of the limit that counts the calls of a family that did not run, of `denials` in a day.
pub(crate) const REFUSED: &str = "gate/refused";
/// The name of the limit that counts how often a family asked people.
pub const ASKED: &str = "gate/asked";
/// The name of the limit that counts the questions of an agent that wait.
pub const WAITING: &str = "gate/waiting";
/// A window without an end, longer than any gate runs.
pub const EVER: Duration = days(36_500);

impl LimitCharge {
    /// Returns whether it fits into the rest of the window.
    #[must_use]
    pub fn fits(&self, used: u64) -> bool {
        used.checked_add(self.amount).is_some_and(|sum| sum <= self.max)
    }
}
