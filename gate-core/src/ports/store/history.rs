//! What a store knows that bears on one call, or on the calls of one run.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::approval::state::Approval;
use crate::grants::grant::Grant;
use crate::grants::limit::LimitKey;
use crate::id::{ApprovalId, CallId, CaseId, RunId, ToolName};
use crate::text::digest::Digest;

/// A proposed call, as far as the store needs to know it.
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
    /// The run by which refusals are kept: the outermost one in which its own is nested, or one for
    /// all runs of an agent in another program.
    pub family: RunId,
    /// Its case.
    pub case: Option<CaseId>,
    /// Its id.
    pub call: CallId,
    /// Its tool.
    pub tool: ToolName,
    /// The digest of what equal calls of the tool have in common: see
    /// [`Arguments::likeness`](crate::call::Arguments::likeness). `None`: nothing is known of them
    /// yet.
    pub likeness: Option<Digest>,
    /// Counters whose use is asked for, with the windows that end now.
    pub counters: Vec<(LimitKey, Duration)>,
    /// Now, by the gate's clock.
    pub now: Timestamp,
}

impl CallQuery {
    /// A call with no counters, in no case, of whose arguments nothing is known.
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

/// The facts that are known and that bear on a proposed call.
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
    /// The approval of this very call: same run, same call id.
    pub approval: Option<Arc<Approval>>,
    /// Calls of the tool that people refused, oldest first: in the family, every equal one and the
    /// newest [`REFUSALS`] of the others; in the same case, the newest [`REFUSALS`].
    pub rejected: Vec<Arc<Approval>>,
    /// Equal calls, in whatever run, that wait, are approved and have not run, or of which nobody
    /// knows how they ended: the newest [`ALIKE`], oldest first.
    pub alike: Vec<Arc<Approval>>,
    /// The standing permissions for the tool that hold in the run, and are not used up, revoked or
    /// over.
    pub grants: Vec<Arc<Grant>>,
    /// For each counter asked for, how much of its window is used.
    pub used: Vec<u64>,
}

/// The number of refusals that are recalled of a case, and of a family besides those of equal
/// calls.
pub const REFUSALS: usize = 8;

/// The number of equal calls that are recalled.
pub const ALIKE: usize = 8;

/// Which calls of a run.
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
    /// The number of the record after which something happened to them; 0: all that is owed is
    /// wanted, whenever it changed.
    pub after: u64,
    /// Calls that are not asked for: whoever asks knows how they ended.
    pub known: Vec<ApprovalId>,
}

impl RunQuery {
    /// All that changed after a number in a run or one nested in it; after 0, all that is owed to
    /// it.
    pub fn after(family: impl Into<RunId>, seq: u64) -> Self {
        Self { family: family.into(), after: seq, known: Vec::new() }
    }
}

/// The changes that happened to the calls of a run.
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
    /// The calls, in the order in which they changed last.
    pub calls: Vec<RunChange>,
    /// The number up to which this is all.
    pub seq: u64,
}

/// The state of one call of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunChange {
    /// The number of the last record about it.
    pub seq: u64,
    /// The call.
    pub approval: Arc<Approval>,
    /// Set if it is owed: the application has not acknowledged what became of it.
    pub is_owed: bool,
}
