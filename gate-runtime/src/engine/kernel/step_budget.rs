//! Step budgets: the processor time that the schemas of a remote agent may take.

use std::sync::{Arc, Mutex};

use foldhash::HashMap;
use gate_core::id::AgentName;
use jiff::Timestamp;
use tokio::sync::OwnedMutexGuard;

use crate::lock::lock;

/// The steps that an agent may take per second. A step takes about ten nanoseconds, so this is a
/// tenth of a processor.
const STEPS_A_SECOND: i64 = 10_000_000;
/// The most steps that an agent may take at once: less than a second of a processor.
const STEPS_AT_ONCE: i64 = 60_000_000;

/// The number of agents in memory from which on those that have used little are dropped.
const AGENTS: usize = 1_024;

/// The steps that each agent may still take.
#[derive(Default)]
pub(crate) struct StepBudgets(Mutex<HashMap<AgentName, Arc<tokio::sync::Mutex<StepBudget>>>>);

/// The steps that one agent may still take. Negative after a check that took more steps than were
/// left.
#[derive(Default)]
pub(crate) struct StepBudget {
    credit: i64,
    at: Option<Timestamp>,
}

impl StepBudgets {
    /// Waits until no other check of the agent runs, and locks its budget.
    ///
    /// # Cancel safety
    /// May be dropped at any time.
    pub(crate) async fn turn(&self, agent: &AgentName) -> OwnedMutexGuard<StepBudget> {
        let of_agent = {
            // This lock is released before the agent's own lock is awaited, so that one agent
            // cannot block the others.
            let mut all = lock(&self.0);
            if all.len() >= AGENTS {
                // A locked budget is in use, and stays. A dropped agent begins again with a full
                // budget, so only budgets with at least half left may be dropped.
                all.retain(|_, of| of.try_lock().map_or(true, |of| of.credit < STEPS_AT_ONCE / 2));
            }
            Arc::clone(all.entry(agent.clone()).or_default())
        };
        of_agent.lock_owned().await
    }
}

impl StepBudget {
    /// Checks that there are steps left.
    ///
    /// # Errors
    /// Returns the number of seconds after which steps are available again.
    pub(crate) fn has_some(&mut self, now: Timestamp) -> Result<(), u32> {
        // A new agent begins with a full budget, because the cap below limits the refill.
        let since = self.at.replace(now).map_or(i64::MAX, |at| {
            i64::try_from(now.duration_since(at).as_millis()).unwrap_or(i64::MAX)
        });
        // If the clock went back, nothing is refilled.
        let more = since.max(0).saturating_mul(STEPS_A_SECOND / 1_000);
        self.credit = self.credit.saturating_add(more).min(STEPS_AT_ONCE);
        if self.credit > 0 {
            return Ok(());
        }
        Err(u32::try_from(1 - self.credit / STEPS_A_SECOND).unwrap_or(u32::MAX))
    }

    pub(crate) fn take(&mut self, steps: u64) {
        self.credit = self.credit.saturating_sub(i64::try_from(steps).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn an_agent_waits_until_it_has_paid_for_what_it_took() {
        let at = |millis: i64| Timestamp::from_millisecond(1_000_000 + millis).unwrap();
        let mut allowance = StepBudget::default();
        assert_eq!(allowance.has_some(at(0)), Ok(()), "whoever comes first has all of it");
        allowance.take(59_999_999);
        assert_eq!(allowance.has_some(at(0)), Ok(()));
        allowance.take(30_000_001);
        assert_eq!(allowance.has_some(at(0)), Err(4));
        assert_eq!(allowance.has_some(at(3_000)), Err(1));
        assert_eq!(allowance.has_some(at(2_000)), Err(1), "a clock that goes back gives nothing");
        assert_eq!(allowance.has_some(at(2_001)), Ok(()));
        allowance.take(u64::MAX);
        assert!(allowance.has_some(at(2_001)).is_err());
        let mut rested = StepBudget { credit: 1, at: Some(at(0)) };
        assert_eq!((rested.has_some(at(1_000_000)), rested.credit), (Ok(()), STEPS_AT_ONCE));
    }

    #[tokio::test]
    async fn one_agent_has_one_turn_at_a_time_and_others_do_not_wait_for_it() {
        let allowances = StepBudgets::default();
        let turn = allowances.turn(&"a".into()).await;
        let agent = "a".into();
        let mut waits = std::pin::pin!(allowances.turn(&agent));
        assert!(waits.as_mut().now_or_never().is_none());
        drop(allowances.turn(&"b".into()).await);
        drop(turn);
        drop(waits.await);
    }

    #[tokio::test]
    async fn only_agents_that_used_little_are_forgotten() {
        let allowances = StepBudgets::default();
        for number in 0..3 * AGENTS {
            let mut turn = allowances.turn(&AgentName::from(number.to_string())).await;
            turn.has_some(Timestamp::UNIX_EPOCH).unwrap();
            turn.take(if number == 7 { 50_000_000 } else { 1_000 });
        }
        let all = lock(&allowances.0);
        assert!(all.len() <= AGENTS && all.contains_key(&AgentName::from("7")));
    }
}
