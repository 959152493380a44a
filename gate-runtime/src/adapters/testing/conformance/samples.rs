//! Sample approvals, grants, charges and deliveries for the checks.

use std::sync::Arc;

use gate_core::approval::{Approval, Decision, NewApproval, Refused, Vote, anyone};
use gate_core::assessment::{
    Assessment, Opinion, PolicyFallback, PolicyOpinion, PolicyView, Verdict,
};
use gate_core::call::{
    Annotations, Arguments, CallSubject, Descriptor, RemoteRequest, RunInfo, ToolOutcome,
};
use gate_core::grants::{Freeze, FreezeScope, Grant, LimitCharge, LimitKey, Scope};
use gate_core::id::ApprovalId;
use gate_core::ports::{CallQuery, Changeset};
use gate_core::records::{CallEvent, Delivery, GateEvent, Record};
use gate_core::text::{Digest, HOUR, SchemaError};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Returns a fixed time plus a number of seconds.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap_or_default()
}

/// Creates a new approval of a call with this verdict.
pub(super) fn approval(
    run: &str,
    call: &str,
    tool: &str,
    verdict: Verdict,
) -> Result<Arc<Approval>, SchemaError> {
    approval_of(
        run,
        call,
        tool,
        verdict,
        &json!({"order_id": "A-1001", "note": "naïve ✓ \u{1F600}", "amount": 2400}),
    )
}

pub(super) fn approval_of(
    run: &str,
    call: &str,
    tool: &str,
    verdict: Verdict,
    arguments: &Value,
) -> Result<Arc<Approval>, SchemaError> {
    approval_with(run, call, tool, verdict, arguments, |_, _| {})
}

/// Creates a new approval, and changes its run or its request first.
pub(super) fn approval_with(
    run: &str,
    call: &str,
    tool: &str,
    verdict: Verdict,
    arguments: &Value,
    change: impl FnOnce(&mut RunInfo, &mut Option<RemoteRequest>),
) -> Result<Arc<Approval>, SchemaError> {
    Ok(new_approval(run, call, tool, verdict, Arguments::new(arguments, Vec::new())?, change))
}

/// Creates a new approval with arguments that may contain secrets.
pub(super) fn new_approval(
    run: &str,
    call: &str,
    tool: &str,
    verdict: Verdict,
    arguments: Arguments,
    change: impl FnOnce(&mut RunInfo, &mut Option<RemoteRequest>),
) -> Arc<Approval> {
    let mut info = RunInfo::new(run, "support");
    info.set_principal(Some("mia".into()));
    info.set_case(Some(format!("case of {run}").into()));
    let mut request = None;
    change(&mut info, &mut request);
    let subject = CallSubject {
        approval: ApprovalId::new(),
        info: Arc::new(info),
        call: call.into(),
        tool: tool.into(),
        tool_digest: Digest::of("tool"),
        policy_digest: Digest::of("policy"),
        reasoning: Some("because".into()),
        request: request.map(Arc::new),
    };
    let requirement = (verdict == Verdict::Ask).then(|| anyone().into());
    let view = PolicyView {
        name: "sample".into(),
        about: String::new(),
        text: String::new(),
        rules: Vec::new(),
        otherwise: PolicyFallback { verdict, requirement },
        digest: Digest::of("policy"),
    };
    let (results, errors) = (Vec::new(), Vec::new());
    let opinion = PolicyOpinion { agent: None, policy: Arc::new(view), results, errors, verdict };
    let assessment = Arc::new(Assessment::join(vec![Opinion::Policy(opinion)]));
    Arc::new(Approval::open(NewApproval::of(Arc::new(subject), arguments, assessment), at(0)))
}

/// Returns the approval after a reviewer's vote.
pub(super) fn voted(approval: &Approval, decision: Decision) -> Result<Arc<Approval>, Refused> {
    approval.apply(&vote(approval, decision), at(1)).map(Arc::new)
}

pub(super) fn vote(approval: &Approval, decision: Decision) -> CallEvent {
    let arguments = approval.arguments().digest();
    let presented = approval.review_content();
    let (roles, principal, comment) = (Vec::new(), false, None);
    CallEvent::Voted {
        vote: Box::new(Vote {
            reviewer: "dana".into(),
            roles,
            principal,
            decision,
            comment,
            arguments,
            shown: Some(presented.digest()),
            grounds: Some(Digest::of(presented.evidence())),
            at: at(1),
            signed: None,
        }),
    }
}

/// Returns the approval after an event.
pub(super) fn after(approval: &Approval, event: &CallEvent) -> Result<Arc<Approval>, Refused> {
    approval.apply(event, at(1)).map(Arc::new)
}

/// Returns the approval after its body ran.
pub(super) fn ran(approval: &Approval) -> Result<Arc<Approval>, Refused> {
    let outcome = ToolOutcome::returned(&json!("done"));
    after(&*after(approval, &CallEvent::Dispatched)?, &CallEvent::Finished { outcome })
}

/// Returns a changeset that writes an approval and a record of it.
pub(super) fn writes(approval: &Arc<Approval>) -> Changeset {
    let mut changeset = Changeset::at(at(1));
    changeset.records.push(Approval::clone(approval).record(CallEvent::Dispatched, at(1)));
    changeset.approvals.push(Arc::clone(approval));
    changeset
}

/// Returns a gate's record with this number.
pub(super) fn record(number: u64) -> Record {
    Record::of_gate(at(0), GateEvent::GateBuilt { tools: Vec::new(), directory: None })
        .numbered(number)
}

/// Creates a delivery: the task of a notifier to report a record.
pub(super) fn delivery(notifier: &str, number: u64, call: Option<ApprovalId>) -> Delivery {
    Delivery::about(&notifier.into(), &record(number), at(0)).of(call)
}

/// Returns a changeset that writes deliveries.
pub(super) fn posts(deliveries: &[&Delivery]) -> Changeset {
    let mut changeset = Changeset::at(at(1));
    changeset
        .deliveries
        .extend(deliveries.iter().map(|delivery| Arc::new(Delivery::clone(delivery))));
    changeset
}

pub(super) fn charges(key: &str, amount: u64, max: u64, now: Timestamp) -> Changeset {
    let mut changeset = Changeset::at(now);
    changeset.charges.push(take(key, amount, max));
    changeset
}

pub(super) fn take(key: &str, amount: u64, max: u64) -> LimitCharge {
    LimitCharge { key: LimitKey::new("limit", key), amount, max, window: HOUR, taken_for: None }
}

/// Creates a grant with three uses that ends at `at(10)`.
pub(super) fn grant(run: &str, tool: &str) -> Result<Arc<Grant>, SchemaError> {
    let shown = approval(run, "shown", tool, Verdict::Ask)?;
    let scope = Scope::this_run().uses(3).until(at(10));
    scope
        .grant(&shown, "dana".into(), at(0))
        .map(Arc::new)
        .map_err(|bad| SchemaError::new("", bad.to_string()))
}

/// Creates a grant for any run, with a budget for each hour.
pub(super) fn wide_grant(tool: &str) -> Result<Arc<Grant>, SchemaError> {
    let shown = approval("run", "shown", tool, Verdict::Ask)?;
    let scope = Scope::any_run().budget("amount", 10_000).per(HOUR);
    scope
        .grant(&shown, "dana".into(), at(0))
        .map(Arc::new)
        .map_err(|bad| SchemaError::new("", bad.to_string()))
}

/// Returns a changeset that freezes calls.
pub(super) fn freezes(scope: &FreezeScope, reason: &str) -> Changeset {
    let (scope, reason, by) = (scope.clone(), reason.to_owned(), "dana".into());
    let mut changeset = Changeset::at(at(1));
    changeset.freezes.push(Freeze { scope, reason, by, since: at(1) });
    changeset
}

/// Returns a changeset that lifts a freeze.
pub(super) fn lifts(scope: &FreezeScope, reason: &str) -> Changeset {
    let mut changeset = Changeset::at(at(2));
    changeset.lifted = freezes(scope, reason).freezes;
    changeset
}

/// Returns the description of a tool, as a store keeps it.
pub(super) fn tool() -> Result<Descriptor, SchemaError> {
    let annotations = Annotations { destructive: true, ..Annotations::default() };
    let described = json!({
        "name": "tool", "description": "Does something.", "input_schema": {"type": "object"},
        "annotations": annotations, "digest": Digest::of("tool"),
    });
    serde_json::from_value(described).map_err(|error| SchemaError::new("", error.to_string()))
}

pub(super) fn gives(grant: &Arc<Grant>) -> Changeset {
    let mut changeset = Changeset::at(at(1));
    changeset.grants.push(Arc::clone(grant));
    changeset
}

pub(super) fn about(run: &str, call: &str, tool: &str, now: Timestamp) -> CallQuery {
    CallQuery::new(run, call, tool, now)
}
