//! The results of the replay, as a table for people and as JSON for programs.

use std::collections::BTreeMap;
use std::fmt;

use gate_runtime::prelude::*;
use serde::Serialize;

use crate::replay::JudgedCall;
use crate::tools::CHANGES;

/// The figures of a replay.
#[derive(Default, Serialize)]
pub struct Report {
    runs: usize,
    calls: usize,
    changes: usize,
    right: Verdicts,
    wrong: Verdicts,
    reads_asked: usize,
    questions_per_run: f64,
    answers: Answers,
    right_denied: Vec<RightDenied>,
    /// The number of times that each rule matched, over all changes.
    rules: BTreeMap<String, usize>,
    #[serde(skip)]
    by_tool: BTreeMap<String, [Verdicts; 2]>,
    #[serde(skip)]
    by_rule: BTreeMap<(Verdict, String), [usize; 2]>,
}

/// The number of calls that got each verdict.
#[derive(Clone, Copy, Default, Serialize)]
struct Verdicts {
    approved: usize,
    asked: usize,
    denied: usize,
}

/// The number of answers that could be compared with the recorded ones, and of those that were the
/// same.
#[derive(Default, Serialize)]
struct Answers {
    compared: usize,
    identical: usize,
}

/// A change of the ground truth that a rule forbids.
#[derive(Serialize)]
struct RightDenied {
    task: u32,
    trial: u32,
    tool: String,
    rule: String,
}

impl Verdicts {
    fn count(&mut self, verdict: Verdict) {
        *match verdict {
            Verdict::Approve => &mut self.approved,
            Verdict::Ask => &mut self.asked,
            Verdict::Deny => &mut self.denied,
        } += 1;
    }

    fn total(self) -> usize {
        self.approved + self.asked + self.denied
    }
}

impl Report {
    /// Takes one conversation in.
    pub fn add(&mut self, run: Vec<JudgedCall>) {
        self.runs += 1;
        self.calls += run.len();
        for judged in run {
            self.answers.compared += usize::from(judged.identical.is_some());
            self.answers.identical += usize::from(judged.identical == Some(true));
            match judged.right {
                None => self.reads_asked += usize::from(judged.verdict == Verdict::Ask),
                Some(right) => self.add_change(judged, right),
            }
        }
        let asked = self.right.asked + self.wrong.asked + self.reads_asked;
        #[expect(clippy::cast_precision_loss, reason = "these are small")]
        let per_run = asked as f64 / self.runs as f64;
        self.questions_per_run = (per_run * 100.0).round() / 100.0;
    }

    fn add_change(&mut self, judged: JudgedCall, right: bool) {
        let JudgedCall { task, trial, tool, verdict, rules, .. } = judged;
        self.changes += 1;
        if right { &mut self.right } else { &mut self.wrong }.count(verdict);
        let [rights, wrongs] = self.by_tool.entry(tool.clone()).or_default();
        if right { rights } else { wrongs }.count(verdict);
        for (effect, rule) in rules {
            *self.rules.entry(rule.clone()).or_default() += 1;
            let [rights, wrongs] = self.by_rule.entry((effect, rule.clone())).or_default();
            *if right { rights } else { wrongs } += 1;
            if right && effect == Verdict::Deny {
                self.right_denied.push(RightDenied { task, trial, tool: tool.clone(), rule });
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runs, calls, changes, .. } = self;
        writeln!(
            f,
            "{runs} recorded conversations: {calls} calls, {changes} of which would change data.\n"
        )?;
        writeln!(f, "{:<32}{:>10}{:>10}{:>10}{:>10}", "", "approved", "asked", "denied", "all")?;
        row(f, "right changes", self.right)?;
        row(f, "wrong changes", self.wrong)?;
        for (name, place) in [("right, by tool", 0), ("wrong, by tool", 1)] {
            writeln!(f, "\n{name}")?;
            for tool in CHANGES {
                let verdicts = self
                    .by_tool
                    .get(tool)
                    .and_then(|both| both.get(place))
                    .copied()
                    .unwrap_or_default();
                row(f, &format!("  {tool}"), verdicts)?;
            }
        }
        writeln!(f, "\n{:<82}{:>7}{:>7}", "the rules that matched", "right", "wrong")?;
        let mut rules: Vec<_> = self.by_rule.iter().collect();
        rules.sort_by_key(|((verdict, _), [right, wrong])| {
            (*verdict, std::cmp::Reverse(right + wrong))
        });
        for ((verdict, rule), [right, wrong]) in rules {
            writeln!(
                f,
                "  {:<6}{rule:<74}{:>7}{:>7}",
                format!("{verdict}:"),
                dot(*right),
                dot(*wrong)
            )?;
        }
        writeln!(f, "\nright changes that a written rule forbids")?;
        let mut forbidden: BTreeMap<_, usize> = BTreeMap::new();
        for RightDenied { task, tool, rule, .. } in &self.right_denied {
            *forbidden.entry((task, tool, rule)).or_default() += 1;
        }
        for ((task, tool, rule), times) in forbidden {
            writeln!(f, "  task {task:>2}, {times}×  {tool:<28}{rule}")?;
        }
        writeln!(f, "\nreads that asked     {}", self.reads_asked)?;
        writeln!(f, "questions per run    {}", self.questions_per_run)?;
        let Answers { compared, identical } = self.answers;
        write!(
            f,
            "answers              {identical} of {compared} as recorded, while the data had not \
             diverged"
        )
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, verdicts: Verdicts) -> fmt::Result {
    let Verdicts { approved, asked, denied } = verdicts;
    writeln!(
        f,
        "{name:<32}{:>10}{:>10}{:>10}{:>10}",
        dot(approved),
        dot(asked),
        dot(denied),
        verdicts.total()
    )
}

/// A number, with nothing where there is nothing.
fn dot(number: usize) -> String {
    if number == 0 { "·".to_owned() } else { number.to_string() }
}
