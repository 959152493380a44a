//! The result of a run: kills by step, effects, failures.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use crate::checks::{Counts, RecordChecker};
use crate::steps::{BODIES, COMMITS, Step, When};

pub struct Summary {
    began: Instant,
    took: Option<Duration>,
    pub rounds: usize,
    lives: usize,
    at_steps: BTreeMap<(String, When), usize>,
    by_others: usize,
    /// Processes that ended by themselves.
    ended: usize,
    counts: Counts,
    pub wrong: Vec<String>,
}

impl Default for Summary {
    fn default() -> Self {
        let (at_steps, counts, wrong) = Default::default();
        Self {
            began: Instant::now(),
            took: None,
            rounds: 0,
            lives: 0,
            at_steps,
            by_others: 0,
            ended: 0,
            counts,
            wrong,
        }
    }
}

impl Summary {
    pub fn kills(&self) -> usize {
        self.at_steps.values().sum::<usize>() + self.by_others
    }

    pub fn count(&mut self, is_killed: bool, step: Option<&Step>) {
        match step {
            _ if !is_killed => self.ended += 1,
            Some(step) => *self.at_steps.entry((step.place.clone(), step.when)).or_default() += 1,
            None => self.by_others += 1,
        }
    }

    pub fn add(&mut self, watched: &RecordChecker) {
        let (sum, more) = (&mut self.counts, watched.counts);
        sum.calls += more.calls;
        sum.records += more.records;
        sum.effects += more.effects;
        sum.repeats += more.repeats;
        sum.acknowledged += more.acknowledged;
        sum.lost += more.lost;
        sum.by_people += more.by_people;
        sum.by_reconcilers += more.by_reconcilers;
        sum.by_idempotence += more.by_idempotence;
        sum.sealed += more.sealed;
        sum.checkpoints += more.checkpoints;
        self.lives += 1;
        self.wrong.extend(watched.wrong.iter().cloned());
        self.took = Some(self.began.elapsed());
    }

    fn at(&self, point: &str, when: When) -> usize {
        self.at_steps.get(&(point.to_owned(), when)).copied().unwrap_or(0)
    }

    /// Returns the steps at which no process died.
    pub fn unreached(&self) -> Vec<(When, &'static str)> {
        crate::steps::every()
            .into_iter()
            .filter(|(when, point)| self.at(point, *when) == 0)
            .collect()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts {
            calls,
            records,
            effects,
            repeats,
            sealed,
            checkpoints,
            acknowledged,
            lost,
            ..
        } = self.counts;
        writeln!(
            f,
            "{:>8} kills: {} at a step, {} from outside",
            self.kills(),
            self.kills() - self.by_others,
            self.by_others
        )?;
        let took = self.took.unwrap_or_default().as_secs_f64();
        writeln!(
            f,
            "{:>8} rounds over {} files, in {took:.0} s; {} processes came to their end",
            self.rounds, self.lives, self.ended
        )?;
        writeln!(
            f,
            "{calls:>8} calls, {effects} executions, {repeats} of them again, {records} records"
        )?;
        writeln!(
            f,
            "{sealed:>8} records sealed in the trails, under {checkpoints} checkpoints that were \
             looked at"
        )?;
        writeln!(f, "{acknowledged:>8} decisions and answers acknowledged")?;
        let Counts { by_people, by_reconcilers, by_idempotence, .. } = self.counts;
        writeln!(
            f,
            "{lost:>8} calls lost; settled by people {by_people}, by reconcilers \
             {by_reconcilers}, by idempotence {by_idempotence}"
        )?;
        writeln!(f, "{:>8} violations", self.wrong.len())?;
        writeln!(f, "\n{:<16}{:>8}{:>8}{:>8}", "commit of", "before", "during", "after")?;
        for kind in COMMITS {
            let [before, during, after] =
                [When::Before, When::During, When::After].map(|when| self.at(kind, when));
            writeln!(f, "{kind:<16}{before:>8}{during:>8}{after:>8}")?;
        }
        writeln!(f, "\n{:<16}{:>8}{:>8}{:>8}", "effect of", "before", "", "after")?;
        for body in BODIES {
            let [before, after] = [When::Before, When::After].map(|when| self.at(body, when));
            writeln!(f, "{body:<16}{before:>8}{:>8}{after:>8}", "")?;
        }
        Ok(())
    }
}
