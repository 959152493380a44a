//! Queries for the facts that matter to one call, or to the calls of one run.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::approval::state::Approval;
use crate::grants::grant::Grant;
use crate::grants::limit::LimitKey;
use crate::id::{ApprovalId, CallId, CaseId, RunId, ToolName};
use crate::text::digest::Digest;

/// The query for the history of a proposed call.
///
/// ```
/// use gate_runtime::Timestamp;
/// use gate_runtime::store::CallQuery;
/// let proposal = CallQuery::new("run-42", "call_1", "issue_refund", Timestamp::UNIX_EPOCH);
/// assert_eq!(proposal.run, "run-42");
/// ```
#[derive(Clone, Debug)]
pub struct CallQuery {
    /// Its run.
    pub run: RunId,
    /// The family, within which refusals are found: the outermost run of its run, or one for all
    /// runs of a remote agent.
    pub family: RunId,
    /// Its case.
    pub case: Option<CaseId>,
    /// Its id.
    pub call: CallId,
    /// Its tool.
    pub tool: ToolName,
    /// The digest that equal calls of the tool share: see
    /// [`Arguments::likeness`](crate::call::Arguments::likeness). `None` if it is not known yet.
    pub likeness: Option<Digest>,
    /// The queried counters, with their windows, which end now.
    pub counters: Vec<(LimitKey, Duration)>,
    /// The present time, by the gate's clock.
    pub now: Timestamp,
}

impl CallQuery {
    /// Creates a query without a case, without counters and without known arguments.
    pub fn new(
        run: impl Into<RunId>,
        call: impl Into<CallId>,
        tool: impl Into<ToolName>,
        now: Timestamp,
    ) -> Self {
        let run = run.into();
        Self {
            family: run.outermost(),
            run,
            case: None,
            call: call.into(),
            tool: tool.into(),
            likeness: None,
            counters: Vec::new(),
            now,
        }
    }
}

/// The history of a proposed call.
///
/// ```
/// # use gate_runtime::prelude::*;
/// use gate_runtime::Timestamp;
/// use gate_runtime::review::Status;
/// use gate_runtime::store::{ApprovalStore, CallQuery};
/// # /// Drop a table.
/// # #[gated_tool(policy = "always_deny", destructive)] fn drop_table(name: String) {}
/// # registry! { pub Tools for () { DropTable } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryStore::new();
/// let gate: Gate<Tools> = Gate::builder(()).store(store.clone()).build().await?;
/// let turn = gate
///     .run("run-42")
///     .submit([ToolCall::new("call_1", "drop_table", r#"{"name":"orders"}"#)])
///     .await?;
/// # let _ = turn;
///
/// let known = store
///     .load_history(&CallQuery::new("run-42", "call_1", "drop_table", Timestamp::now()))
///     .await?;
/// assert!(known.rejected.is_empty(), "no person refused anything");
/// assert!(known.approval.is_some_and(|approval| approval.status() == Status::Denied));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct CallHistory {
    /// The approval of this call: the same run and call id.
    pub approval: Option<Arc<Approval>>,
    /// Calls of the tool that people refused, oldest first. In the family, these are all equal
    /// calls and the newest [`REFUSALS`] others; in the same case, the newest [`REFUSALS`].
    pub rejected: Vec<Arc<Approval>>,
    /// Equal calls of any run that wait, that are approved and have not run, or whose end is
    /// unknown: the newest [`ALIKE`], oldest first.
    pub alike: Vec<Arc<Approval>>,
    /// The grants for the tool that apply in the run, and are not used up, revoked or ended.
    pub grants: Vec<Arc<Grant>>,
    /// The used part of the window of each queried counter.
    pub used: Vec<u64>,
}

/// The maximum number of refusals in the history: of a case, and of a family without equal calls.
pub const REFUSALS: usize = 8;

/// The maximum number of equal calls in the history.
pub const ALIKE: usize = 8;

/// A query for changes of a run's calls.
///
/// ```
/// use gate_runtime::store::RunQuery;
/// let query = RunQuery::after("run-42", 17);
/// assert_eq!(query.family, "run-42");
/// ```
#[derive(Clone, Debug)]
pub struct RunQuery {
    /// The outermost run.
    pub family: RunId,
    /// The number of the record after which the calls changed; 0 for all owed calls.
    pub after: u64,
    /// Calls to leave out, because the caller knows their end.
    pub known: Vec<ApprovalId>,
}

impl RunQuery {
    /// Creates a query for all changes after a record number, in a run and the runs nested in it.
    /// After 0, it is for all calls that are owed to the run.
    pub fn after(family: impl Into<RunId>, seq: u64) -> Self {
        Self { family: family.into(), after: seq, known: Vec::new() }
    }
}

/// The changes of the calls of a run.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use gate_runtime::MemoryStore;
/// use gate_runtime::store::{ApprovalStore, RunQuery};
/// let changes = MemoryStore::new().run_changes(&RunQuery::after("run-42", 0)).await?;
/// assert!(changes.calls.is_empty() && changes.seq == 0);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct RunChanges {
    /// The calls, in the order of their last changes.
    pub calls: Vec<RunChange>,
    /// The record number up to which the changes are complete.
    pub seq: u64,
}

/// The state of one call of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunChange {
    /// The number of the last record about it.
    pub seq: u64,
    /// The call.
    pub approval: Arc<Approval>,
    /// Set if the call is owed: the application has not acknowledged its end.
    pub is_owed: bool,
}
