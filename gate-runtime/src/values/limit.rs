//! Counters behind rules like "ten a day for each customer".

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a counter counts: one limit of one rule of one policy, for one value of its key.
///
/// ```
/// use gate_runtime::LimitKey;
/// let key = LimitKey::new("issue_refund/refunds/under $50/0", r#""c-88""#);
/// assert_ne!(key, LimitKey::new("issue_refund/refunds/under $50/0", "88"));
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LimitKey {
    limit: Arc<str>,
    key: Arc<str>,
}

impl LimitKey {
    /// A counter of a limit, for a key as canonical JSON, so that a text and a number are never one key.
    pub fn new(limit: impl Into<Arc<str>>, key: impl Into<Arc<str>>) -> Self {
        Self { limit: limit.into(), key: key.into() }
    }

    /// The limit.
    #[must_use]
    pub fn limit(&self) -> &str {
        &self.limit
    }

    /// The key, as canonical JSON.
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

/// A use of a limit: so much, of at most so much in any window of this length that ends now.
///
/// ```
/// use gate_runtime::{DAY, LimitKey, Take};
/// let take = Take { key: LimitKey::new("refunds", "null"), amount: 1, max: 10, window: DAY };
/// assert!(take.fits(9) && !take.fits(10));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Take {
    /// The counter.
    pub key: LimitKey,
    /// How much is taken.
    pub amount: u64,
    /// How much the window holds.
    pub max: u64,
    /// How long a taken amount counts.
    pub window: Duration,
}

impl Take {
    /// Whether it fits beside what the window already holds.
    #[must_use]
    pub fn fits(&self, used: u64) -> bool {
        used.checked_add(self.amount).is_some_and(|sum| sum <= self.max)
    }
}
