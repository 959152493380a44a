//! Verdicts of rules, and how they are joined.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The verdict of rules on a call. Of several verdicts, the strictest wins.
///
/// ```
/// use gate_runtime::policy::Verdict;
/// assert!(Verdict::Approve < Verdict::Ask && Verdict::Ask < Verdict::Deny);
/// ```
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The call runs without a person.
    Approve,
    /// A person decides.
    Ask,
    /// The call does not run, and nobody can approve it.
    Deny,
}

impl Verdict {
    /// Joins verdicts: the strictest wins, in any order.
    ///
    /// `Ok` is the verdict of a rule that matched. `Err` is a rule that failed, with the verdict
    /// that it would have given: it counts as at least [`Ask`](Verdict::Ask), and a failed denying
    /// rule as `Deny`. Without any verdict the result is `Ask`, never `Approve`.
    ///
    /// ```
    /// use gate_runtime::policy::Verdict::{self, Approve, Ask, Deny};
    /// assert_eq!(Verdict::join([Ok(Approve), Ok(Deny)]), Deny);
    /// assert_eq!(Verdict::join([Ok(Approve), Err(Approve)]), Ask);
    /// assert_eq!(Verdict::join([]), Ask);
    /// ```
    pub fn join(found: impl IntoIterator<Item = Result<Verdict, Verdict>>) -> Verdict {
        let floor = |meant: Verdict| meant.max(Verdict::Ask);
        // Fails closed, in the one place that joins: failures and an empty list never approve.
        found.into_iter().map(|verdict| verdict.unwrap_or_else(floor)).max().unwrap_or(Verdict::Ask)
    }

    /// Returns whether the rules reach a verdict.
    ///
    /// A failure is not a verdict: if only failures lead to [`Deny`](Verdict::Deny), it is unknown
    /// whether the call is denied. It does not run, but nothing counts against it.
    pub(crate) fn is_reached(found: impl IntoIterator<Item = Result<Verdict, Verdict>>) -> bool {
        let mut strictest = Verdict::Approve;
        let mut is_denied = false;
        for verdict in found {
            is_denied |= verdict == Ok(Verdict::Deny);
            strictest = strictest.max(verdict.unwrap_or_else(|meant| meant));
        }
        is_denied || strictest < Verdict::Deny
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Approve => "approve",
            Verdict::Ask => "ask",
            Verdict::Deny => "deny",
        })
    }
}
