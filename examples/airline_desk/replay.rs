//! Plays recorded conversations again, through a gate: the agent's calls are judged, and run on
//! data of their own.

use anyhow::Context as _;
use gate_runtime::policy::RuleResult;
use gate_runtime::prelude::*;
use gate_runtime::run::Answer;
use gate_runtime::store::{BoxFuture, Clock, Store};
use gate_runtime::{Timestamp, Trail};
use jiff::tz::{Offset, TimeZone};
use serde_json::Value;

use crate::airline::{Airline, NOW};
use crate::data::Data;
use crate::recording::{Recording, Step};
use crate::tools::{AirlineTools, CHANGES};

/// One recorded call, as the gate took it.
pub struct JudgedCall {
    pub task: u32,
    pub trial: u32,
    pub tool: String,
    /// `None` for a read.
    pub right: Option<bool>,
    pub verdict: Verdict,
    /// The rules that matched: what they say, and their names.
    pub rules: Vec<(Verdict, String)>,
    /// True if the tool answered as it did in the recording; `None` where that cannot be compared.
    pub identical: Option<bool>,
}

/// Plays one conversation.
pub async fn replay(
    data: &Data,
    recording: &Recording,
    store: impl Store,
    trail: Option<Trail>,
) -> anyhow::Result<Vec<JudgedCall>> {
    let mut gate = Gate::<AirlineTools>::builder(Airline::open(data))
        .store(store)
        .directory(StaticDirectory::new().person("sam", ["supervisor"]))
        .clock(StoppedClock(TimeZone::fixed(Offset::constant(-5)).to_timestamp(NOW)?))
        // The recorded agent cannot hear that it should stop.
        .denials_per_run(u64::MAX);
    if let Some(trail) = trail {
        gate = gate.trail(trail);
    }
    let gate = gate.build().await?;
    let (task, trial) = (recording.task, recording.trial);
    let run =
        gate.run(format!("task-{task}-trial-{trial}")).on_behalf_of(recording.user_id.as_str());
    let run = run.case(format!("task-{task}"));
    let mut judged = Vec::new();
    let mut diverged = false;
    for step in &recording.steps {
        match step {
            Step::Said(message) => run.add_message(message.clone()),
            Step::Called { call, answer: recorded } => {
                let is_change = CHANGES.contains(&call.tool().as_str());
                let right = is_change.then(|| recording.is_right(call));
                let mut turn = run.submit([call.clone()]).await?;
                let (verdict, rules) = verdict(&turn)?;
                if verdict == Verdict::Ask {
                    decide(&gate, &turn, &recording.user_id, right == Some(true)).await?;
                    turn = run.proceed().await?;
                }
                let answer = turn.answers().first().context("a call without an answer")?;
                let ran = matches!(answer.result(), CallResult::Ran(_));
                let identical = (ran && !diverged).then(|| is_same(answer, recorded));
                diverged |=
                    is_change && (answer.kind() == "succeeded") == recorded.starts_with("Error");
                let tool = call.tool().to_string();
                judged.push(JudgedCall { task, trial, tool, right, verdict, rules, identical });
            }
        }
    }
    gate.seal().await?;
    Ok(judged)
}

/// Returns the gate's verdict on the only call of a turn, and the rules that led to it.
fn verdict(turn: &Turn) -> anyhow::Result<(Verdict, Vec<(Verdict, String)>)> {
    let answer = turn.answers().first().context("a call without an answer")?;
    let Some(approval) = answer.approval() else {
        return Ok((
            Verdict::Deny,
            vec![(Verdict::Deny, "arguments that do not fit the tool".to_owned())],
        ));
    };
    let assessment = approval.assessment();
    let fired = assessment
        .rules()
        .filter(|rule| matches!(rule.result(), RuleResult::Matched | RuleResult::Failed));
    Ok((assessment.verdict(), fired.map(|rule| (rule.effect(), rule.rule().to_owned())).collect()))
}

/// Answers for those who are asked: yes to what is right, and no to the rest.
async fn decide(
    gate: &Gate<AirlineTools>,
    turn: &Turn,
    customer: &str,
    right: bool,
) -> anyhow::Result<()> {
    for interruption in turn.interruptions() {
        let is_gesture = *interruption.approval().subject().tool() == "send_certificate";
        let person =
            if is_gesture { gate.reviewer("sam").await? } else { gate.principal(customer) };
        if right {
            interruption.approve(&person).await?;
        } else {
            interruption.reject(&person, "that is not what should happen").await?;
        }
    }
    Ok(())
}

/// Returns whether a tool answers as the recorded one did.
fn is_same(answer: &Answer, recorded: &str) -> bool {
    let ours = answer.for_model();
    match (serde_json::from_str::<Value>(&ours), serde_json::from_str::<Value>(recorded)) {
        (Ok(ours), Ok(recorded)) => ours == recorded,
        _ => ours == recorded,
    }
}

/// The clock of the recorded day: it stands still.
struct StoppedClock(Timestamp);

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        self.0
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()> {
        if at <= self.0 {
            Box::pin(std::future::ready(()))
        } else {
            Box::pin(std::future::pending())
        }
    }
}
