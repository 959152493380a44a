//! The recorded conversations of GPT-4o with simulated customers, as the τ-bench repository has
//! them.

use std::path::Path;

use anyhow::Context as _;
use gate_runtime::prelude::*;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::data;

/// One conversation.
pub struct Recording {
    pub task: u32,
    pub trial: u32,
    pub user_id: String,
    /// The actions that would have been right.
    ground_truth: Vec<Action>,
    pub steps: Vec<Step>,
}

/// One thing that happens in a conversation.
pub enum Step {
    /// Someone says something.
    Said(Message),
    /// The agent calls a tool, which answered so.
    Called { call: ToolCall, answer: String },
}

#[derive(Deserialize)]
struct Action {
    name: String,
    kwargs: Map<String, Value>,
}

impl Recording {
    /// Reads all of them from a clone of the τ-bench repository.
    pub fn read(tau_bench: &Path) -> anyhow::Result<Vec<Self>> {
        let path = tau_bench.join("historical_trajectories/gpt-4o-airline.json");
        let stored: Vec<StoredRecording> = data::read(&path)?;
        stored.into_iter().map(StoredRecording::understand).collect()
    }

    /// Returns whether a call stands in the task's ground truth, argument for argument.
    pub fn is_right(&self, call: &ToolCall) -> bool {
        let arguments = serde_json::from_str::<Map<String, Value>>(call.arguments()).ok();
        self.ground_truth
            .iter()
            .any(|right| *call.tool() == *right.name && arguments.as_ref() == Some(&right.kwargs))
    }
}

#[derive(Deserialize)]
struct StoredRecording {
    task_id: u32,
    trial: u32,
    info: Info,
    traj: Vec<RecordedMessage>,
}

#[derive(Deserialize)]
struct Info {
    task: Task,
}

#[derive(Deserialize)]
struct Task {
    user_id: String,
    actions: Vec<Action>,
}

#[derive(Deserialize)]
struct RecordedMessage {
    role: String,
    content: Option<String>,
    name: Option<String>,
    tool_call_id: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<RecordedCall>>,
}

#[derive(Clone, Deserialize)]
struct RecordedCall {
    id: String,
    function: Function,
}

#[derive(Clone, Deserialize)]
struct Function {
    name: String,
    arguments: String,
}

impl StoredRecording {
    fn understand(self) -> anyhow::Result<Recording> {
        let (task, trial) = (self.task_id, self.trial);
        let mut steps = Vec::new();
        let mut open: Vec<RecordedCall> = Vec::new();
        for (place, said) in self.traj.into_iter().enumerate() {
            let RecordedMessage { role, content, name, tool_call_id, tool_calls } = said;
            let text = content.unwrap_or_default();
            match role.as_str() {
                "system" => steps.push(Step::Said(Message::system(text))),
                "user" => steps.push(Step::Said(Message::user(text))),
                "assistant" => {
                    if !text.is_empty() {
                        steps.push(Step::Said(Message::agent(text)));
                    }
                    open = tool_calls.unwrap_or_default();
                }
                "tool" => {
                    let called = open
                        .iter()
                        .find(|called| tool_call_id.as_deref() == Some(called.id.as_str()));
                    let Function { name: tool, arguments } = called
                        .map(|called| called.function.clone())
                        .context("an answer to a call that was not made")?;
                    // The ids were made unrecognisable, and one stands for several calls: a call's
                    // place is its id here.
                    let call = ToolCall::new(place.to_string(), tool, arguments);
                    steps.push(Step::Called { call, answer: text.clone() });
                    steps.push(Step::Said(Message::tool(name.unwrap_or_default(), text)));
                }
                other => anyhow::bail!("task {task}, trial {trial}: unknown role {other}"),
            }
        }
        let Task { user_id, actions: ground_truth } = self.info.task;
        Ok(Recording { task, trial, user_id, ground_truth, steps })
    }
}
