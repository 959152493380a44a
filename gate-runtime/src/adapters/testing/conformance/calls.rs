//! Checks of the queries for earlier calls: refusals, equal calls, and the calls of a run that it
//! has not acknowledged.

use std::sync::Arc;

use gate_core::approval::{Approval, Decision, Status};
use gate_core::assessment::Verdict;
use gate_core::call::{Arguments, CommitmentKeys, RemoteRequest, SecretCommitment};
use gate_core::id::ApprovalId;
use gate_core::ports::{
    ALIKE, ApprovalFilter, ApprovalStore, CallQuery, Changeset, REFUSALS, RunChange, RunQuery,
    Store,
};
use gate_core::records::CallEvent;
use serde_json::{Value, json};

use super::checks::{committed, laws, same};
use super::samples::{
    about, after, approval, approval_of, approval_with, at, new_approval, ran, voted, writes,
};
use super::{CheckFailure, CheckFuture, ConformanceCheck, StoreHandles};

laws! {
    refusals_are_recalled_in_the_whole_family,
    refusals_of_an_agent_in_another_program_are_kept_by_the_agent,
    refusals_are_recalled_in_the_case,
    every_equal_refusal_is_recalled_and_the_newest_others,
    what_failed_and_was_refused_is_recalled,
    equal_calls_that_wait_are_recalled,
    the_newest_equal_calls_are_recalled,
    calls_are_equal_but_for_their_secrets,
    an_edited_call_is_equal_as_it_was_proposed_and_as_it_runs,
    new_calls_are_owed_until_they_are_acknowledged,
    what_changes_is_owed_by_the_number_of_its_last_record,
    what_is_acknowledged_is_owed_no_more_and_its_changes_are_told,
    what_is_owed_is_asked_for_by_family,
    a_run_is_asked_for_with_those_nested_in_it,
}

fn no() -> Decision {
    Decision::Reject { reason: "no".into() }
}

/// Writes a new approval, and then its rejection.
async fn refused(
    store: &Arc<dyn Store>,
    new: Arc<Approval>,
) -> Result<Arc<Approval>, CheckFailure> {
    committed("asked", store, writes(&new)).await?;
    let rejected = voted(&new, no())?;
    committed("refused", store, writes(&rejected)).await?;
    Ok(rejected)
}

fn calls(found: &[Arc<Approval>]) -> Vec<String> {
    found.iter().map(|approval| approval.subject().call().to_string()).collect()
}

/// Returns a query for a new call that equals an earlier one.
fn query_like(run: &str, approval: &Approval) -> CallQuery {
    CallQuery {
        likeness: Some(approval.arguments().likeness()),
        ..about(run, "new", "tool", at(2))
    }
}

fn numbered(number: usize) -> Value {
    json!({"number": number})
}

async fn refusals_are_recalled_in_the_whole_family(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    let mut rejected_calls = Vec::new();
    for run in ["run", "run>call", "runner", "run>call>1", "other>run", "ru"] {
        let rejected = refused(&one, approval(run, run, "tool", Verdict::Ask)?).await?;
        if run.split('>').next() == Some("run") {
            rejected_calls.push(rejected);
        }
    }
    for run in ["run", "run>call", "run>another"] {
        same(
            "of the family",
            other.load_history(&about(run, "new", "tool", at(2))).await?.rejected,
            rejected_calls.clone(),
        )?;
    }
    same(
        "of another tool",
        other.load_history(&about("run", "new", "other", at(2))).await?.rejected,
        vec![],
    )
}

async fn refusals_of_an_agent_in_another_program_are_kept_by_the_agent(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    let asks = |run: &str, agent: &str| {
        approval_with(run, "call", "tool", Verdict::Ask, &numbered(1), |info, request| {
            info.set_agent(agent);
            *request = Some(RemoteRequest::new());
        })
    };
    let rejected = refused(&one, asks("as it likes", "crew")?).await?;
    refused(&one, asks("as another likes", "another")?).await?;
    let of_agent = CallQuery {
        family: rejected.subject().family(),
        ..about("another run", "new", "tool", at(2))
    };
    same("of the agent", other.load_history(&of_agent).await?.rejected, vec![rejected])?;
    same(
        "of a run",
        other.load_history(&about("as it likes", "new", "tool", at(2))).await?.rejected,
        vec![],
    )
}

async fn refusals_are_recalled_in_the_case((one, other): StoreHandles) -> Result<(), CheckFailure> {
    let in_case = |run: &str, call: usize, tool: &str, case: Option<&str>| {
        let change = |info: &mut gate_core::call::RunInfo, _: &mut Option<RemoteRequest>| {
            info.set_case(case.map(Into::into));
        };
        approval_with(run, &call.to_string(), tool, Verdict::Ask, &numbered(call), change)
    };
    let mut query = Vec::new();
    for call in 0..REFUSALS + 2 {
        query.push(
            refused(&one, in_case(&format!("run {call}"), call, "tool", Some("case"))?).await?,
        );
    }
    refused(&one, in_case("elsewhere", 90, "tool", Some("CASE"))?).await?;
    refused(&one, in_case("elsewhere", 91, "other", Some("case"))?).await?;
    refused(&one, in_case("elsewhere", 92, "tool", None)?).await?;
    let of_case =
        |run: &str| CallQuery { case: Some("case".into()), ..about(run, "new", "tool", at(2)) };
    let newest = query.split_off(2);
    same(
        "the newest of the case",
        other.load_history(&of_case("new run")).await?.rejected,
        newest.clone(),
    )?;
    let with_own: Vec<_> = query.into_iter().take(1).chain(newest).collect();
    same("and of the run", other.load_history(&of_case("run 0")).await?.rejected, with_own)?;
    same(
        "of no case",
        other.load_history(&about("new run", "new", "tool", at(2))).await?.rejected,
        vec![],
    )
}

async fn every_equal_refusal_is_recalled_and_the_newest_others(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    let mut all = Vec::new();
    for call in 0..3 * REFUSALS {
        // The equal calls are the oldest ones, and one in the middle of the others.
        let is_equal = call <= REFUSALS || call == 2 * REFUSALS;
        let arguments = if is_equal { json!({"equal": true}) } else { numbered(call) };
        all.push(
            refused(&one, approval_of("run", &call.to_string(), "tool", Verdict::Ask, &arguments)?)
                .await?,
        );
    }
    let Some(first) = all.first() else { return Err("there is one".into()) };
    let kept_numbers = (0..=REFUSALS).chain(2 * REFUSALS - 1..3 * REFUSALS);
    let wanted: Vec<String> = kept_numbers.map(|call| call.to_string()).collect();
    same(
        "equal ones and others",
        calls(&other.load_history(&query_like("run", first)).await?.rejected),
        wanted,
    )?;
    let newest: Vec<String> = (2 * REFUSALS..3 * REFUSALS).map(|call| call.to_string()).collect();
    let unknown = about("run", "new", "tool", at(2));
    same("nothing is known of it", calls(&other.load_history(&unknown).await?.rejected), newest)?;
    same(
        "equal in another run",
        other.load_history(&query_like("other", first)).await?.rejected.len(),
        0,
    )
}

async fn what_failed_and_was_refused_is_recalled(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    let new = approval("run", "call", "tool", Verdict::Approve)?;
    let dispatched = after(&new, &CallEvent::Dispatched)?;
    let faltered = after(&dispatched, &CallEvent::Faltered { error: "it broke".into() })?;
    for step in [&new, &dispatched, &faltered] {
        committed("written", &one, writes(step)).await?;
    }
    let history = other.load_history(&query_like("run", &new)).await?;
    same("it waits", (history.rejected.len(), history.alike.len()), (0, 1))?;
    let rejected = voted(&faltered, no())?;
    committed("refused", &one, writes(&rejected)).await?;
    let recalled = other.load_history(&query_like("run", &new)).await?;
    same("it is refused", (recalled.rejected, recalled.alike), (vec![rejected], vec![]))
}

async fn equal_calls_that_wait_are_recalled(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    let mut query = Vec::new();
    let states = [
        "pending",
        "approved",
        "lost",
        "dispatched",
        "succeeded",
        "rejected",
        "cancelled",
        "denied",
    ];
    for (index, state) in states.into_iter().enumerate() {
        let verdict = match state {
            "pending" | "rejected" | "cancelled" => Verdict::Ask,
            "denied" => Verdict::Deny,
            _ => Verdict::Approve,
        };
        let new = approval(&format!("run {index}"), state, "tool", verdict)?;
        let dispatched = || after(&new, &CallEvent::Dispatched);
        let next = match state {
            "lost" => Some(after(&*dispatched()?, &CallEvent::Lost { why: "gone".into() })?),
            "dispatched" => Some(dispatched()?),
            "succeeded" => Some(ran(&new)?),
            "rejected" => Some(voted(&new, no())?),
            "cancelled" => Some(after(&new, &CallEvent::Cancelled { reason: "late".into() })?),
            _ => None,
        };
        committed("a call", &one, writes(&new)).await?;
        for version in 2..=next.as_ref().map_or(1, |next| next.version()) {
            // The store accepts no gap between versions, so the last state is also written as each
            // version before it.
            let Some(next) = &next else { continue };
            let mut step = Approval::clone(next);
            step.set_version(version);
            committed("its next version", &one, writes(&Arc::new(step))).await?;
        }
        if query.len() < 3 {
            query.push(next.unwrap_or(new));
        }
    }
    committed("another tool", &one, writes(&approval("run", "a", "other", Verdict::Ask)?)).await?;
    let different = approval_of("run", "b", "tool", Verdict::Ask, &numbered(1))?;
    committed("other arguments", &one, writes(&different)).await?;
    let Some(first) = query.first().cloned() else { return Err("there is one".into()) };
    same(
        "equal ones that wait",
        other.load_history(&query_like("new", &first)).await?.alike,
        query,
    )?;
    same(
        "of nothing known",
        other.load_history(&about("run", "new", "tool", at(2))).await?.alike,
        vec![],
    )?;
    same(
        "of others",
        other.load_history(&query_like("new", &different)).await?.alike,
        vec![different],
    )
}

async fn the_newest_equal_calls_are_recalled(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    let mut all = Vec::new();
    for call in 0..ALIKE + 5 {
        let new = approval(&format!("run {call}"), &call.to_string(), "tool", Verdict::Ask)?;
        committed("asked", &one, writes(&new)).await?;
        all.push(new);
    }
    let Some(last) = all.last().cloned() else { return Err("there is one".into()) };
    let newest = all.split_off(5);
    same("the newest", other.load_history(&query_like("new", &last)).await?.alike, newest)?;
    // Once the last call is cancelled, an older call takes its place.
    let cancelled = after(&last, &CallEvent::Cancelled { reason: "late".into() })?;
    committed("taken back", &one, writes(&cancelled)).await?;
    let found = calls(&other.load_history(&query_like("new", &last)).await?.alike);
    same("the newest that wait", found, (4..ALIKE + 4).map(|call| call.to_string()).collect())
}

async fn calls_are_equal_but_for_their_secrets(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    let secret = |salt: u8| -> Result<Arc<Approval>, CheckFailure> {
        let commitment =
            SecretCommitment::to(&json!("hunter2"), [salt; 16], &CommitmentKeys::new(&[7; 32]))?;
        let arguments = Arguments::new(
            &json!({"password": commitment.mark(), "user": "mia"}),
            vec![commitment],
        )?;
        Ok(new_approval("run", &salt.to_string(), "tool", Verdict::Ask, arguments, |_, _| {}))
    };
    let (first, second) = (secret(1)?, secret(2)?);
    for new in [&first, &second] {
        committed("asked", &one, writes(new)).await?;
    }
    same(
        "both",
        other.load_history(&query_like("new", &*secret(3)?)).await?.alike,
        vec![first, second],
    )
}

async fn an_edited_call_is_equal_as_it_was_proposed_and_as_it_runs(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    let new = approval_of("run", "call", "tool", Verdict::Ask, &json!({"amount": 1}))?;
    let edit = Decision::Edit { arguments: Arguments::new(&json!({"amount": 2}), Vec::new())? };
    let edited = voted(&new, edit)?;
    same("it is edited", edited.is_edited(), true)?;
    for step in [&new, &edited] {
        committed("written", &one, writes(step)).await?;
    }
    same(
        "as it was proposed",
        other.load_history(&query_like("new", &new)).await?.alike,
        vec![Arc::clone(&edited)],
    )?;
    same(
        "as it would run",
        other.load_history(&query_like("new", &edited)).await?.alike,
        vec![Arc::clone(&edited)],
    )?;
    let dispatched = after(&edited, &CallEvent::Dispatched)?;
    let faltered = after(&dispatched, &CallEvent::Faltered { error: "it broke".into() })?;
    let rejected = voted(&faltered, no())?;
    for step in [&dispatched, &faltered, &rejected] {
        committed("written", &one, writes(step)).await?;
    }
    for (what, equal) in [("as it was proposed", &new), ("as it ran", &edited)] {
        for call in 0..REFUSALS {
            let arguments = json!({"what": what, "number": call});
            let another =
                approval_of("run", &format!("{what} {call}"), "tool", Verdict::Ask, &arguments)?;
            refused(&one, another).await?;
        }
        let history = other.load_history(&query_like("run", equal)).await?;
        same(what, history.rejected.first().cloned(), Some(Arc::clone(&rejected)))?;
        same(what, (history.rejected.len(), history.alike.len()), (REFUSALS + 1, 0))?;
    }
    Ok(())
}

fn acknowledges(ids: &[&Arc<Approval>]) -> Changeset {
    let mut changeset = Changeset::at(at(3));
    changeset.acknowledged.extend(ids.iter().map(|approval| approval.id()));
    changeset
}

/// Returns the changes that a run has not acknowledged, each as its number and its call, and the
/// number up to which the list is complete.
async fn owed(
    store: &Arc<dyn Store>,
    query: &RunQuery,
) -> Result<(Vec<(u64, String)>, u64), CheckFailure> {
    let changes = store.run_changes(query).await?;
    let owed = changes.calls.iter().filter(|change| change.is_owed);
    let calls = owed.map(|change| (change.seq, change.approval.subject().call().to_string()));
    Ok((calls.collect(), changes.seq))
}

fn list(expected: &[(u64, &str)]) -> Vec<(u64, String)> {
    expected.iter().map(|(seq, call)| (*seq, (*call).to_owned())).collect()
}

async fn new_calls_are_owed_until_they_are_acknowledged(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    same("an empty store", owed(&one, &RunQuery::after("run", 0)).await?, (vec![], 0))?;
    let changed =
        [("1", Verdict::Ask), ("2", Verdict::Deny), ("3", Verdict::Approve), ("4", Verdict::Ask)];
    let new_approvals: Result<Vec<_>, _> =
        changed.into_iter().map(|(call, verdict)| approval("run", call, "tool", verdict)).collect();
    let news = new_approvals?;
    let [first, second, third, fourth] = news.as_slice() else {
        return Err("there are four".into());
    };
    for new in [first, second, third] {
        committed("a call", &one, writes(new)).await?;
    }
    let all = RunQuery::after("run", 0);
    same("all", owed(&other, &all).await?, (list(&[(1, "1"), (2, "2"), (3, "3")]), 3))?;
    let found = other.run_changes(&all).await?.calls;
    same(
        "as they stand",
        found.into_iter().map(|change| change.approval).collect(),
        news.split_at(3).0.to_vec(),
    )?;
    same(
        "after a number",
        owed(&other, &RunQuery::after("run", 2)).await?,
        (list(&[(3, "3")]), 3),
    )?;
    same("after the last", owed(&other, &RunQuery::after("run", 3)).await?, (vec![], 3))?;
    let known = RunQuery { known: vec![third.id(), ApprovalId::new(), first.id()], ..all.clone() };
    same("but for what is known", owed(&other, &known).await?, (list(&[(2, "2")]), 3))?;
    committed("acknowledged", &one, acknowledges(&[second])).await?;
    same("the others", owed(&other, &all).await?, (list(&[(1, "1"), (3, "3")]), 3))?;
    committed("again, and one that is not there", &one, acknowledges(&[second, fourth])).await?;
    let mut at_once = writes(fourth);
    at_once.acknowledged.push(fourth.id());
    committed("written and acknowledged", &other, at_once).await?;
    same("it is not owed", owed(&one, &all).await?, (list(&[(1, "1"), (3, "3")]), 4))?;
    let mut last = writes(&ran(third)?);
    last.approvals = vec![after(third, &CallEvent::Dispatched)?];
    last.acknowledged.extend([third.id(), first.id()]);
    committed("changed and acknowledged", &other, last).await?;
    same("nothing is owed", owed(&one, &all).await?, (vec![], 5))
}

async fn what_changes_is_owed_by_the_number_of_its_last_record(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    let (first, second) =
        (approval("run", "1", "tool", Verdict::Ask)?, approval("run", "2", "tool", Verdict::Ask)?);
    let mut both = writes(&first);
    let two = writes(&second);
    both.records.extend([two.records, writes(&first).records].concat());
    both.approvals.extend(two.approvals);
    committed("two calls", &one, both).await?;
    let all = RunQuery::after("run", 0);
    same("by their last records", owed(&other, &all).await?, (list(&[(2, "2"), (3, "1")]), 3))?;
    let approved = voted(&second, Decision::Approve)?;
    committed("decided", &one, writes(&approved)).await?;
    same("it comes last", owed(&other, &all).await?, (list(&[(3, "1"), (4, "2")]), 4))?;
    same("and is news", owed(&other, &RunQuery::after("run", 3)).await?, (list(&[(4, "2")]), 4))?;
    let mut renewing = writes(&Arc::new(approved.with_renewed_lease(at(2))));
    renewing.records.clear();
    committed("without a record", &one, renewing).await?;
    same("that is no news", owed(&other, &RunQuery::after("run", 4)).await?, (vec![], 4))?;
    same("and it is still owed", owed(&other, &all).await?, (list(&[(3, "1"), (4, "2")]), 4))
}

async fn what_is_acknowledged_is_owed_no_more_and_its_changes_are_told(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    let new = approval("run", "call", "tool", Verdict::Ask)?;
    committed("asked", &one, writes(&new)).await?;
    committed("acknowledged", &one, acknowledges(&[&new])).await?;
    let all = RunQuery::after("run", 0);
    same("it is not owed", owed(&other, &all).await?, (vec![], 1))?;
    let decided = voted(&new, no())?;
    committed("decided", &one, writes(&decided)).await?;
    same("nor now", owed(&other, &all).await?, (vec![], 2))?;
    // A reader that has seen the call before still gets the change.
    let changed_calls = other.run_changes(&RunQuery::after("run", 1)).await?.calls;
    same(
        "it changed",
        changed_calls,
        vec![RunChange { seq: 2, approval: Arc::clone(&decided), is_owed: false }],
    )?;
    same("once", other.run_changes(&RunQuery::after("run", 2)).await?.calls, vec![])
}

async fn a_run_is_asked_for_with_those_nested_in_it(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    for run in ["run", "run>1", "runner", "run>1>2", "run>12", "run?", "r"] {
        committed("a call", &one, writes(&approval(run, run, "tool", Verdict::Ask)?)).await?;
    }
    let found = async |filter: ApprovalFilter| -> Result<Vec<String>, CheckFailure> {
        let found = other.approvals(&filter).await?;
        Ok(found.iter().map(|approval| approval.subject().info().run().to_string()).collect())
    };
    let within = |run: &str| ApprovalFilter::all().within(run);
    same(
        "all of it",
        found(within("run")).await?,
        ["run", "run>1", "run>1>2", "run>12"].map(String::from).to_vec(),
    )?;
    same(
        "of a nested one",
        found(within("run>1")).await?,
        ["run>1", "run>1>2"].map(String::from).to_vec(),
    )?;
    let pending = within("run>1").status(Status::Pending);
    same("what waits", found(pending).await?, ["run>1", "run>1>2"].map(String::from).to_vec())?;
    same("what ran", found(within("run").status(Status::Succeeded)).await?, vec![])?;
    // Two calls of agents in other programs: the agent's name is a prefix of the run's.
    let asks =
        approval_with("crew/night", "1", "tool", Verdict::Ask, &numbered(1), |info, request| {
            info.set_agent("crew");
            *request = Some(RemoteRequest::new());
        });
    committed("a call", &one, writes(&asks?)).await?;
    same("another program's", found(within("crew/night")).await?, vec!["crew/night".to_owned()])?;
    let pending = within("crew/night").status(Status::Pending);
    same("what waits of it", found(pending).await?, vec!["crew/night".to_owned()])
}

async fn what_is_owed_is_asked_for_by_family(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    for run in ["run", "run>1", "runner", "run>1>2", "r"] {
        committed("a call", &one, writes(&approval(run, run, "tool", Verdict::Ask)?)).await?;
    }
    let nested = list(&[(1, "run"), (2, "run>1"), (4, "run>1>2")]);
    same(
        "the run and what is nested in it",
        owed(&other, &RunQuery::after("run", 0)).await?,
        (nested, 5),
    )?;
    same(
        "another",
        owed(&other, &RunQuery::after("runner", 0)).await?,
        (list(&[(3, "runner")]), 5),
    )?;
    same("none", owed(&other, &RunQuery::after("RUN", 0)).await?, (vec![], 5))?;
    same(
        "a number that is far away",
        owed(&other, &RunQuery::after("run", u64::MAX)).await?,
        (vec![], 5),
    )
}
