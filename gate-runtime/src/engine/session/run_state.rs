//! The state of a run, to be resumed later or in another process.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use gate_core::approval::Approval;
use gate_core::id::ApprovalId;
use gate_core::text::{canonical, hex, unhex};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::Sha256;

use super::run_session::RunSession;
use super::slots::StateBody;
use crate::engine::error::StateError;

/// The version that this program writes. It reads every version up to this one.
const VERSION: u64 = 2;

/// The state of a run, to resume it later or in another process: its calls with their approvals,
/// and those of every nested run.
///
/// It is JSON, has a version, contains no secrets, and is authenticated with the gate's key
/// (HMAC-SHA-256 over its canonical form): a gate resumes only an unchanged state of a gate with
/// the same key. The store stays the authority: an old state cannot undo what is in the store.
///
/// The conversation is not in it. If rules read it, pass it to the resumed run with
/// [`Run::history`](crate::Run::history). With the same key, hashes in the calls identify the
/// messages that came before each call.
///
/// ```
/// # use gate_runtime::prelude::*;
/// # use gate_runtime::run::RunState;
/// # /// Delete an account.
/// # #[gated_tool(policy = "always_ask")]
/// # fn delete_account(user_id: String) -> String { format!("deleted {user_id}") }
/// # registry! { pub Tools for () { DeleteAccount } }
/// # fn people() -> StaticDirectory { StaticDirectory::new().person("dana", ["manager"]) }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let key = [7; 32];
/// let gate: Gate<Tools> = Gate::builder(()).directory(people()).key(key).build().await?;
/// let run = gate.run("run-42");
/// run.submit([ToolCall::new("call_1", "delete_account", r#"{"user_id":"mia"}"#)]).await?;
/// let saved: String = run.state().await?.to_json();
///
/// // Another process, with the same key:
/// let gate: Gate<Tools> = Gate::builder(()).directory(people()).key(key).build().await?;
/// let run = gate.resume(RunState::from_json(&saved)?).await?;
/// let turn = run.proceed().await?;
/// turn.interruptions()[0].approve(&gate.reviewer("dana").await?).await?;
/// assert_eq!(run.proceed().await?.answers()[0].for_model(), "deleted mia");
/// # Ok(()) }
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    version: u64,
    run: Value,
    mac: String,
}

impl StateBody {
    /// Collects a run, the calls that are owed to it, and its nested runs.
    fn of(run: &RunSession) -> Self {
        let batch = run.current();
        let own = run.run_id();
        let mut approvals = batch.approvals();
        let waiting = run.ledger.waiting();
        let waiting = waiting
            .values()
            .filter(|approval| *approval.subject().info().run() == own)
            .map(Arc::clone);
        let owed = waiting.chain(run.ledger.unfinished(&own)).chain(run.ledger.answers(&own));
        let mut earlier: Vec<Arc<Approval>> = owed.collect();
        earlier.sort_unstable_by_key(|approval| approval.id());
        earlier.dedup_by_key(|approval| approval.id());
        let in_batch: BTreeSet<ApprovalId> =
            approvals.iter().map(|approval| approval.id()).collect();
        earlier.retain(|approval| !in_batch.contains(&approval.id()));
        for known in &mut approvals {
            if let Some(newer) = run.ledger.find(known) {
                *known = newer;
            }
        }
        let (ids, current) =
            (earlier.iter().map(|approval| approval.id()).collect(), batch.slots());
        let approvals =
            approvals.iter().chain(&earlier).map(|approval| approval.without_salts()).collect();
        let nested = run.all_nested().iter().map(|nested| Self::of(nested)).collect();
        let reasoning = run.reasoning().map(|text| run.without_secrets(text));
        Self { info: run.info(), reasoning, current, earlier: ids, approvals, nested }
    }

    /// Returns the run and all runs nested in it.
    pub(crate) fn family(&self) -> Vec<&Self> {
        [self].into_iter().chain(self.nested.iter().flat_map(Self::family)).collect()
    }
}

impl RunState {
    pub(crate) fn write(key: &[u8; 32], run: &RunSession) -> Result<Self, StateError> {
        let malformed =
            |error: serde_json::Error| StateError::Malformed { problem: error.to_string() };
        let run = serde_json::to_value(StateBody::of(run)).map_err(malformed)?;
        let mac = hex(&mac(key, VERSION, &run)?.finalize().into_bytes());
        Ok(Self { version: VERSION, run, mac })
    }

    /// Returns the body, if a gate with this key wrote it and nobody changed it.
    pub(crate) fn read(&self, key: &[u8; 32]) -> Result<StateBody, StateError> {
        if self.version > VERSION {
            return Err(StateError::TooNew { found: self.version, known: VERSION });
        }
        let given = unhex(&self.mac).ok_or(StateError::NotAuthentic)?;
        mac(key, self.version, &self.run)?
            .verify_slice(&given)
            .map_err(|_| StateError::NotAuthentic)?;
        StateBody::deserialize(&self.run)
            .map_err(|error| StateError::Malformed { problem: error.to_string() })
    }

    /// Returns the state as JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::json!({"version": self.version, "run": self.run, "mac": self.mac}).to_string()
    }

    /// Parses the JSON text of a state. [`Gate::resume`](crate::Gate::resume) checks whether it is
    /// authentic.
    ///
    /// # Errors
    /// Returns [`StateError::Malformed`] if the text is not a state, and [`StateError::TooNew`] if
    /// a newer version wrote it.
    pub fn from_json(text: &str) -> Result<Self, StateError> {
        let malformed =
            |error: serde_json::Error| StateError::Malformed { problem: error.to_string() };
        let value: Value = serde_json::from_str(text).map_err(malformed)?;
        // The version first: a newer state may look different.
        match value.get("version").and_then(Value::as_u64) {
            Some(found) if found > VERSION => Err(StateError::TooNew { found, known: VERSION }),
            Some(_) => serde_json::from_value(value).map_err(malformed),
            None => Err(StateError::Malformed { problem: "it has no version".to_owned() }),
        }
    }
}

fn mac(key: &[u8; 32], version: u64, run: &Value) -> Result<Hmac<Sha256>, StateError> {
    let malformed = |problem: String| StateError::Malformed { problem };
    let text = canonical(run).map_err(|schema_error| malformed(schema_error.to_string()))?;
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key).map_err(|error| malformed(error.to_string()))?;
    mac.update(format!("gate run state {version}\n").as_bytes());
    mac.update(text.as_bytes());
    Ok(mac)
}

impl fmt::Debug for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RunState(version {})", self.version)
    }
}
