//! Checks of commits, reads and watches. Each check is a function that returns how it failed.

use std::fmt::Debug;
use std::sync::Arc;

use futures_util::future::join_all;
use gate_core::approval::{Approval, Decision, Status};
use gate_core::assessment::Verdict;
use gate_core::grants::{Freeze, FreezeScope, LimitKey};
use gate_core::id::ApprovalId;
use gate_core::ports::{
    ApprovalFilter, ApprovalStore, Changeset, CommitOutcome, KnownTool, RecordFilter, RecordLog,
    Store,
};
use gate_core::records::{CallEvent, GateEvent, Record};
use gate_core::text::{Digest, HOUR};
use serde_json::json;

use super::samples::{
    about, approval, approval_of, at, charges, freezes, gives, grant, lifts, take, tool, voted,
    wide_grant, writes,
};
use super::{CheckFailure, CheckFuture, ConformanceCheck, StoreHandles};

macro_rules! laws {
    ($($law:ident),* $(,)?) => {
        /// All checks of this file, by name.
        pub(super) const ALL: &[ConformanceCheck] = &[
            $((stringify!($law), |handles| -> CheckFuture { Box::pin($law(handles)) })),*
        ];
    };
}

pub(super) use laws;

laws! {
    what_one_handle_writes_the_other_reads_whole,
    only_the_next_version_is_written,
    a_run_has_a_call_id_once,
    a_transition_that_writes_something_twice_is_a_conflict,
    runs_and_calls_are_never_confused,
    a_transition_is_written_whole_or_not_at_all,
    of_many_who_change_one_approval_one_wins,
    of_many_who_open_one_call_one_wins,
    records_are_numbered_in_order_without_gaps,
    records_keep_their_numbers_within_their_calls,
    concurrent_commits_leave_no_gap,
    a_limit_is_exact_when_many_take_at_once,
    a_limit_counts_a_moving_window,
    takes_of_one_transition_count_together,
    keys_of_limits_are_not_confused,
    recall_knows_rejections_of_the_tool_in_the_run,
    recall_gives_grants_that_still_hold,
    a_grant_for_any_run_is_recalled_in_every_run,
    a_freeze_stops_what_would_begin_until_it_is_lifted,
    standing_lists_what_holds,
    records_are_found_by_their_call,
    records_are_found_by_their_case,
    tools_are_kept_by_their_digest,
    filters_admit_what_they_say_oldest_first,
    many_ids_are_found_at_once,
    large_values_come_back_whole,
    watchers_learn_of_every_commit,
}

#[expect(clippy::needless_pass_by_value, reason = "it is called with values that are made for it")]
pub(super) fn same<T: PartialEq + Debug>(
    what: &str,
    found: T,
    expected: T,
) -> Result<(), CheckFailure> {
    if found == expected {
        Ok(())
    } else {
        Err(CheckFailure(format!("{what}: found {found:?}, wanted {expected:?}")))
    }
}

/// Checks that a store commits a changeset.
pub(super) async fn committed(
    what: &str,
    store: &Arc<dyn Store>,
    changeset: Changeset,
) -> Result<(), CheckFailure> {
    same(what, store.commit(changeset).await?, CommitOutcome::Done)
}

async fn load(
    store: &Arc<dyn Store>,
    one: &Approval,
) -> Result<Option<Arc<Approval>>, CheckFailure> {
    Ok(store.approvals(&ApprovalFilter::all().id(one.id())).await?.pop())
}

async fn what_one_handle_writes_the_other_reads_whole(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    let new = approval("run", "call", "tool", Verdict::Ask)?;
    committed("a new approval", &one, writes(&new)).await?;
    same("read by the other", load(&other, &new).await?, Some(Arc::clone(&new)))?;
    let history = other.load_history(&about("run", "call", "tool", at(2))).await?;
    same("recalled by the other", history.approval, Some(Arc::clone(&new)))?;
    let next = voted(&new, Decision::Reject { reason: "no: “naïve”".into() })?;
    committed("its next version", &other, writes(&next)).await?;
    same("read by the first", load(&one, &new).await?, Some(next))
}

async fn only_the_next_version_is_written((one, other): StoreHandles) -> Result<(), CheckFailure> {
    let new = approval("run", "call", "tool", Verdict::Ask)?;
    let next = voted(&new, Decision::Approve)?;
    same("a second version of nothing", one.commit(writes(&next)).await?, CommitOutcome::Conflict)?;
    committed("the first version", &one, writes(&new)).await?;
    same("the first version again", other.commit(writes(&new)).await?, CommitOutcome::Conflict)?;
    committed("the second version", &other, writes(&next)).await?;
    let late = voted(&new, Decision::Reject { reason: "late".into() })?;
    same("another second version", one.commit(writes(&late)).await?, CommitOutcome::Conflict)?;
    same("what stands", load(&one, &new).await?, Some(next))
}

async fn a_run_has_a_call_id_once((one, other): StoreHandles) -> Result<(), CheckFailure> {
    let first = approval("run", "call", "tool", Verdict::Ask)?;
    committed("the first", &one, writes(&first)).await?;
    let second = approval("run", "call", "other_tool", Verdict::Approve)?;
    same(
        "another approval of the call",
        other.commit(writes(&second)).await?,
        CommitOutcome::Conflict,
    )?;
    same("it is not there", load(&one, &second).await?, None)?;
    let elsewhere = approval("other run", "call", "tool", Verdict::Ask)?;
    committed("the same id in another run", &other, writes(&elsewhere)).await
}

async fn a_transition_that_writes_something_twice_is_a_conflict(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    let new = approval("run", "call", "tool", Verdict::Ask)?;
    let mut twins = writes(&new);
    twins.approvals.push(approval("run", "call", "tool", Verdict::Ask)?);
    same("two approvals of one call", one.commit(twins).await?, CommitOutcome::Conflict)?;
    let mut twice = writes(&new);
    twice.approvals.push(Arc::clone(&new));
    same("one approval twice", one.commit(twice).await?, CommitOutcome::Conflict)?;
    let given = grant("run", "tool")?;
    committed("a grant", &one, gives(&given)).await?;
    let mut twice = writes(&new);
    twice.grants.extend([Arc::new(given.used()), Arc::new(given.used())]);
    same("two uses of one version of a grant", one.commit(twice).await?, CommitOutcome::Conflict)?;
    same("nothing of it is there", load(&other, &new).await?, None)?;
    same("the records", other.records(&RecordFilter::after(0)).await?.len(), 0)?;
    let mut both = writes(&new);
    both.approvals.push(approval("run", "other call", "tool", Verdict::Ask)?);
    committed("two calls", &other, both).await
}

async fn runs_and_calls_are_never_confused((one, _): StoreHandles) -> Result<(), CheckFailure> {
    let names = [
        ("a", "b/c"),
        ("a/b", "c"),
        ("a", "b\0c"),
        ("a\0b", "c"),
        ("A", "b/c"),
        ("a ", "b/c"),
        ("a", "b/c "),
    ];
    for (run, call) in names {
        let new = approval(run, call, "tool", Verdict::Ask)?;
        committed("a call of its own", &one, writes(&new)).await?;
        let history = one.load_history(&about(run, call, "tool", at(2))).await?;
        same("recalled", history.approval, Some(new))?;
    }
    Ok(())
}

async fn a_transition_is_written_whole_or_not_at_all(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    let known = approval("run", "known", "tool", Verdict::Ask)?;
    committed("the one that is there", &one, writes(&known)).await?;
    let new = approval("run", "new", "tool", Verdict::Ask)?;
    let mut mixed = writes(&new);
    mixed.approvals.push(Arc::clone(&known));
    mixed.grants.push(grant("run", "tool")?);
    mixed.charges.push(take("key", 1, 1));
    same("one of two conflicts", other.commit(mixed).await?, CommitOutcome::Conflict)?;
    let mut limited = writes(&new);
    limited.grants.push(grant("run", "tool")?);
    limited.charges.extend([take("key", 1, 1), take("full", 2, 1)]);
    same(
        "one of two limits is full",
        other.commit(limited).await?,
        CommitOutcome::LimitReached(1),
    )?;
    same("the approval", load(&one, &new).await?, None)?;
    same("the records", one.records(&RecordFilter::after(0).limit(9)).await?.len(), 1)?;
    let mut load_history = about("run", "new", "tool", at(2));
    load_history.counters.push((LimitKey::new("limit", "key"), HOUR));
    let history = one.load_history(&load_history).await?;
    same("the grants", history.grants.len(), 0)?;
    same("the limits", history.used, vec![0])
}

async fn of_many_who_change_one_approval_one_wins(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    for round in 0..20 {
        let new = approval("run", &format!("call {round}"), "tool", Verdict::Ask)?;
        committed("a new approval", &one, writes(&new)).await?;
        let next = voted(&new, Decision::Approve)?;
        let tries = (0..16)
            .map(|turn| if turn % 2 == 0 { &one } else { &other })
            .map(|store| store.commit(writes(&next)));
        let outcomes: Result<Vec<CommitOutcome>, _> = join_all(tries).await.into_iter().collect();
        same("winners", outcomes?.iter().filter(|end| **end == CommitOutcome::Done).count(), 1)?;
    }
    Ok(())
}

async fn of_many_who_open_one_call_one_wins(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    for round in 0..20 {
        let call = format!("call {round}");
        let changed: Result<Vec<_>, _> =
            (0..16).map(|_| approval("run", &call, "tool", Verdict::Ask)).collect();
        let new_changesets = changed?;
        let tries = new_changesets.iter().enumerate().map(|(turn, new)| {
            if turn % 2 == 0 { one.commit(writes(new)) } else { other.commit(writes(new)) }
        });
        let outcomes: Result<Vec<CommitOutcome>, _> = join_all(tries).await.into_iter().collect();
        same("winners", outcomes?.iter().filter(|end| **end == CommitOutcome::Done).count(), 1)?;
        let all = one.approvals(&ApprovalFilter::all().run("run")).await?;
        same("approvals of the run", all.len(), round + 1)?;
    }
    Ok(())
}

async fn records_are_numbered_in_order_without_gaps(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    for index in 0..10 {
        let new = approval("run", &format!("call {index}"), "tool", Verdict::Ask)?;
        let store = if index % 2 == 0 { &one } else { &other };
        committed("a commit", store, writes(&new)).await?;
    }
    let all = other.records(&RecordFilter::after(0).limit(100)).await?;
    same(
        "numbers",
        all.iter().map(|record| record.seq()).collect(),
        (1..=10).collect::<Vec<u64>>(),
    )?;
    let calls: Vec<String> =
        all.iter().filter_map(|record| Some(record.subject()?.call().to_string())).collect();
    same("order", calls, (0..10).map(|index| format!("call {index}")).collect())?;
    let page: Vec<u64> = one
        .records(&RecordFilter::after(3).limit(4))
        .await?
        .iter()
        .map(|record| record.seq())
        .collect();
    same("a page", page, vec![4, 5, 6, 7])?;
    same("after the last", one.records(&RecordFilter::after(10).limit(4)).await?.len(), 0)
}

async fn concurrent_commits_leave_no_gap((one, other): StoreHandles) -> Result<(), CheckFailure> {
    let changed: Result<Vec<_>, _> =
        (0..100).map(|i| approval("run", &format!("call {i}"), "tool", Verdict::Ask)).collect();
    let new_changesets = changed?;
    let commits = new_changesets.iter().enumerate().map(|(turn, new)| {
        if turn % 2 == 0 { one.commit(writes(new)) } else { other.commit(writes(new)) }
    });
    for end in join_all(commits).await {
        same("a commit", end?, CommitOutcome::Done)?;
    }
    let numbers: Vec<u64> = one
        .records(&RecordFilter::after(0).limit(1_000))
        .await?
        .iter()
        .map(|record| record.seq())
        .collect();
    same("numbers", numbers, (1..=100).collect())
}

async fn a_limit_is_exact_when_many_take_at_once(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    let tries = (0..64)
        .map(|turn| if turn % 2 == 0 { &one } else { &other })
        .map(|store| store.commit(charges("key", 1, 10, at(0))));
    let outcomes: Result<Vec<CommitOutcome>, _> = join_all(tries).await.into_iter().collect();
    same("places taken", outcomes?.iter().filter(|end| **end == CommitOutcome::Done).count(), 10)
}

async fn a_limit_counts_a_moving_window((one, other): StoreHandles) -> Result<(), CheckFailure> {
    committed("six of ten", &one, charges("key", 6, 10, at(0))).await?;
    same(
        "five more",
        other.commit(charges("key", 5, 10, at(1_800))).await?,
        CommitOutcome::LimitReached(0),
    )?;
    committed("four more", &other, charges("key", 4, 10, at(1_800))).await?;
    same(
        "one more, just before an hour",
        one.commit(charges("key", 1, 10, at(3_599))).await?,
        CommitOutcome::LimitReached(0),
    )?;
    committed("six more, after an hour", &one, charges("key", 6, 10, at(3_600))).await?;
    same(
        "one more then",
        other.commit(charges("key", 1, 10, at(3_600))).await?,
        CommitOutcome::LimitReached(0),
    )?;
    same(
        "too much at once",
        one.commit(charges("new", u64::MAX, 10, at(0))).await?,
        CommitOutcome::LimitReached(0),
    )
}

async fn takes_of_one_transition_count_together(
    (one, _): StoreHandles,
) -> Result<(), CheckFailure> {
    let mut both = charges("key", 6, 10, at(0));
    both.charges.push(take("key", 6, 10));
    same("six and six of ten", one.commit(both).await?, CommitOutcome::LimitReached(1))?;
    let mut both = charges("key", 5, 10, at(0));
    both.charges.push(take("key", 5, 10));
    committed("five and five of ten", &one, both).await?;
    same(
        "one more",
        one.commit(charges("key", 1, 10, at(0))).await?,
        CommitOutcome::LimitReached(0),
    )
}

async fn keys_of_limits_are_not_confused((one, _): StoreHandles) -> Result<(), CheckFailure> {
    for key in ["1", "\"1\"", "\"a\"", "\"A\"", "\"a \"", "null", "\"null\""] {
        committed("a key of its own", &one, charges(key, 1, 1, at(0))).await?;
    }
    Ok(())
}

async fn recall_knows_rejections_of_the_tool_in_the_run(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    let mut query = Vec::new();
    for (run, call, tool) in
        [("run", "1", "tool"), ("run", "2", "other"), ("other", "3", "tool"), ("run", "4", "tool")]
    {
        let new = approval(run, call, tool, Verdict::Ask)?;
        committed("asked", &one, writes(&new)).await?;
        let rejected = voted(&new, Decision::Reject { reason: "no".into() })?;
        committed("rejected", &other, writes(&rejected)).await?;
        if (run, tool) == ("run", "tool") {
            query.push(rejected);
        }
    }
    let history = one.load_history(&about("run", "new", "tool", at(2))).await?;
    same("rejections", history.rejected, query)?;
    same("the call itself", history.approval, None)
}

async fn recall_gives_grants_that_still_hold(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    let load_history = async |seconds| {
        other
            .load_history(&about("run", "new", "tool", at(seconds)))
            .await
            .map(|recalled| recalled.grants)
    };
    let first = grant("run", "tool")?;
    for given in [&first, &grant("run", "other")?, &grant("other", "tool")?] {
        committed("given", &one, gives(given)).await?;
    }
    same("it holds", load_history(9).await?, vec![Arc::clone(&first)])?;
    same("it is over", load_history(10).await?, vec![])?;
    let used = Arc::new(first.used());
    committed("used once", &one, gives(&used)).await?;
    same("used from the same version", other.commit(gives(&used)).await?, CommitOutcome::Conflict)?;
    same("two uses are left", load_history(9).await?, vec![Arc::clone(&used)])?;
    committed("revoked", &one, gives(&Arc::new(used.revoked()))).await?;
    same("it no longer holds", load_history(9).await?, vec![])
}

async fn a_grant_for_any_run_is_recalled_in_every_run(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    let given = wide_grant("tool")?;
    committed("given", &one, gives(&given)).await?;
    for run in ["run", "a run that is not there yet"] {
        let history = other.load_history(&about(run, "new", "tool", at(2))).await?;
        same("it holds", history.grants, vec![Arc::clone(&given)])?;
    }
    let recalled = other.load_history(&about("run", "new", "other", at(2))).await?;
    same("not for another tool", recalled.grants, vec![])
}

async fn a_freeze_stops_what_would_begin_until_it_is_lifted(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    let scopes =
        [FreezeScope::Everything, FreezeScope::tool("tool"), FreezeScope::agent("support")];
    for (index, scope) in scopes.into_iter().enumerate() {
        let new = approval("run", &index.to_string(), "tool", Verdict::Approve)?;
        let dispatched = Arc::new(new.apply(&CallEvent::Dispatched, at(1))?);
        committed("frozen", &one, freezes(&scope, "first")).await?;
        committed("frozen again", &one, freezes(&scope, "second")).await?;
        committed("what does not begin", &other, writes(&new)).await?;
        same("what would begin", other.commit(writes(&dispatched)).await?, CommitOutcome::Frozen)?;
        same(
            "lifted as it was before",
            one.commit(lifts(&scope, "first")).await?,
            CommitOutcome::Conflict,
        )?;
        committed("lifted", &one, lifts(&scope, "second")).await?;
        same(
            "lifted twice",
            other.commit(lifts(&scope, "second")).await?,
            CommitOutcome::Conflict,
        )?;
        committed("what begins then", &other, writes(&dispatched)).await?;
        committed("frozen while it runs", &one, freezes(&scope, "third")).await?;
        let mut renewing = writes(&Arc::new(dispatched.with_renewed_lease(at(2))));
        renewing.records.clear();
        committed("what runs is vouched for", &other, renewing).await?;
        committed("lifted again", &one, lifts(&scope, "third")).await?;
    }
    for (index, scope) in
        [FreezeScope::tool("other"), FreezeScope::agent("other")].into_iter().enumerate()
    {
        committed("frozen", &one, freezes(&scope, "other")).await?;
        let new = approval("other", &index.to_string(), "tool", Verdict::Approve)?;
        committed("of another kind", &other, writes(&new)).await?;
        let begun = Arc::new(new.apply(&CallEvent::Dispatched, at(1))?);
        committed("begins", &other, writes(&begun)).await?;
    }
    Ok(())
}

async fn standing_lists_what_holds((one, other): StoreHandles) -> Result<(), CheckFailure> {
    let (first, wide) = (grant("run", "tool")?, wide_grant("other")?);
    for given in [&first, &wide] {
        committed("given", &one, gives(given)).await?;
    }
    let scope = FreezeScope::tool("tool");
    for reason in ["first", "second"] {
        committed("frozen", &one, freezes(&scope, reason)).await?;
    }
    let controls = other.active_controls(at(9)).await?;
    same("grants", controls.grants, vec![first, Arc::clone(&wide)])?;
    let reasons: Vec<&str> = controls.freezes.iter().map(Freeze::reason).collect();
    same("one freeze for a scope, the last", reasons, vec!["second"])?;
    committed("lifted", &one, lifts(&scope, "second")).await?;
    let later = other.active_controls(at(10)).await?;
    same("later, the grants", later.grants, vec![wide])?;
    same("later, the freezes", later.freezes, vec![])
}

async fn records_are_found_by_their_call((one, other): StoreHandles) -> Result<(), CheckFailure> {
    let (first, second) =
        (approval("run", "1", "tool", Verdict::Ask)?, approval("run", "2", "tool", Verdict::Ask)?);
    let mut last = Vec::new();
    for new in [&first, &second] {
        committed("a call", &one, writes(new)).await?;
        let cancelled = CallEvent::Cancelled { reason: "no".to_owned() };
        last.push((new.apply(&cancelled, at(2))?, cancelled));
    }
    for (mut next, event) in last {
        let mut both = Changeset::at(at(2));
        both.records.push(next.record(event, at(2)));
        both.approvals.push(Arc::new(next));
        committed("its end", &one, both).await?;
    }
    let find = async |filter: RecordFilter| {
        let (found, texts) = (other.records(&filter).await?, other.record_texts(&filter).await?);
        let seqs: Vec<u64> = found.iter().map(|record| record.seq()).collect();
        same("their texts", texts.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), seqs.clone())?;
        Ok::<Vec<u64>, CheckFailure>(seqs)
    };
    same("of the first", find(RecordFilter::after(0).call(first.id())).await?, vec![1, 3])?;
    same("of the second", find(RecordFilter::after(0).call(second.id())).await?, vec![2, 4])?;
    same("after a number", find(RecordFilter::after(1).call(first.id())).await?, vec![3])?;
    same("after the last", find(RecordFilter::after(3).call(first.id())).await?, vec![])?;
    same("a page", find(RecordFilter::after(0).call(second.id()).limit(1)).await?, vec![2])?;
    same(
        "of a case too",
        find(RecordFilter::after(0).call(first.id()).case("another")).await?,
        vec![],
    )?;
    same("of no call", find(RecordFilter::after(0).call(ApprovalId::new())).await?, vec![])
}

async fn records_are_found_by_their_case((one, other): StoreHandles) -> Result<(), CheckFailure> {
    for index in 0..6 {
        let new = approval(
            if index % 2 == 0 { "even" } else { "odd" },
            &index.to_string(),
            "tool",
            Verdict::Ask,
        )?;
        committed("a call", &one, writes(&new)).await?;
    }
    let find = async |filter: RecordFilter| {
        let found = other.records(&filter).await?;
        Ok::<Vec<u64>, CheckFailure>(found.iter().map(|record| record.seq()).collect())
    };
    same("of a case", find(RecordFilter::after(0).case("case of odd")).await?, vec![2, 4, 6])?;
    same(
        "a page of it",
        find(RecordFilter::after(2).case("case of odd").limit(1)).await?,
        vec![4],
    )?;
    same("of no case", find(RecordFilter::after(0).case("CASE OF ODD")).await?, vec![])
}

async fn records_keep_their_numbers_within_their_calls(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    let mut call = Approval::clone(&*approval("run", "1", "tool", Verdict::Approve)?);
    committed("another call", &one, writes(&approval("run", "2", "tool", Verdict::Ask)?)).await?;
    for version in 1..=3 {
        call.set_version(version);
        let mut changeset = Changeset::at(at(1));
        changeset.records.extend((0..version).map(|_| call.record(CallEvent::Lapsed, at(1))));
        changeset.approvals.push(Arc::new(call.clone()));
        committed("a commit", &one, changeset).await?;
        // Each version starts from the copy that the other process reads.
        let found = load(&other, &call).await?;
        call = Approval::clone(&*found.ok_or_else(|| CheckFailure("the approval is gone".into()))?);
    }
    let found = other.records(&RecordFilter::after(1)).await?;
    let numbers: Vec<Option<u64>> = found.iter().map(|record| record.call_seq()).collect();
    same("their numbers", numbers, (1..=6).map(Some).collect())?;
    let texts = other.record_texts(&RecordFilter::after(1)).await?;
    let are_there = (1..=6)
        .zip(&texts)
        .all(|(number, (_, text))| text.contains(&format!("\"call_seq\":{number},")));
    same("their numbers in the texts that are sealed", are_there && texts.len() == 6, true)
}

async fn tools_are_kept_by_their_digest((one, other): StoreHandles) -> Result<(), CheckFailure> {
    let tool = Arc::new(tool()?);
    let mut keeps = Changeset::at(at(1));
    keeps.tools.push(Arc::clone(&tool));
    for store in [&one, &other] {
        committed("kept, twice", store, keeps.clone()).await?;
    }
    same("found", other.tool(tool.digest()).await?, Some(Arc::clone(&tool)))?;
    let known = |written| vec![KnownTool::new(tool.name().clone(), tool.digest(), written)];
    same("known", other.active_controls(at(1)).await?.tools, known(0))?;
    // A gate that has the tool is built after another record.
    committed("a call", &one, writes(&approval("run", "1", "tool", Verdict::Ask)?)).await?;
    let built = GateEvent::GateBuilt { tools: Vec::new(), directory: None };
    keeps.records.push(Record::of_gate(at(1), built));
    committed("built", &one, keeps).await?;
    let newest =
        other.records(&RecordFilter::after(0)).await?.last().map_or(0, |record| record.seq());
    same("written again", other.active_controls(at(1)).await?.tools, known(newest))?;
    same("not there", other.tool(Digest::of("another")).await?, None)
}

async fn filters_admit_what_they_say_oldest_first(
    (one, _): StoreHandles,
) -> Result<(), CheckFailure> {
    let mut all = Vec::new();
    for index in 0..6 {
        let run = if index % 2 == 0 { "even" } else { "odd" };
        let verdict = if index < 3 { Verdict::Ask } else { Verdict::Deny };
        let new = approval(run, &index.to_string(), "tool", verdict)?;
        committed("a call", &one, writes(&new)).await?;
        all.push(new);
    }
    let pick = |places: &[usize]| -> Vec<Arc<Approval>> {
        places.iter().filter_map(|place| all.get(*place).cloned()).collect()
    };
    let find = async |filter: ApprovalFilter| one.approvals(&filter).await;
    same("all", find(ApprovalFilter::all()).await?, pick(&[0, 1, 2, 3, 4, 5]))?;
    same("of a run", find(ApprovalFilter::all().run("odd")).await?, pick(&[1, 3, 5]))?;
    same(
        "in a state",
        find(ApprovalFilter::all().status(Status::Pending)).await?,
        pick(&[0, 1, 2]),
    )?;
    let either = ApprovalFilter::all().status(Status::Denied).status(Status::Pending);
    same("in either state", find(either.limit(4)).await?, pick(&[0, 1, 2, 3]))?;
    same(
        "both",
        find(ApprovalFilter::all().run("even").status(Status::Denied)).await?,
        pick(&[4]),
    )?;
    same("at most", find(ApprovalFilter::all().limit(2)).await?, pick(&[0, 1]))?;
    same(
        "at most, of a run",
        find(ApprovalFilter::all().run("odd").limit(2)).await?,
        pick(&[1, 3]),
    )?;
    let two = [4, 1]
        .iter()
        .filter_map(|place| all.get(*place))
        .fold(ApprovalFilter::all(), |filter, one| filter.id(one.id()));
    same("by id", find(two.clone()).await?, pick(&[1, 4]))?;
    if let Some(third) = all.get(2) {
        let next = ApprovalFilter::all().after(third.id());
        same("after one", find(next.clone().limit(2)).await?, pick(&[3, 4]))?;
        same("after one, of a run", find(next.run("odd")).await?, pick(&[3, 5]))?;
    }
    same("after none", find(ApprovalFilter::all().after(ApprovalId::new())).await?, pick(&[]))?;
    same("by id, of a run", find(two.run("odd")).await?, pick(&[1]))
}

async fn many_ids_are_found_at_once((one, other): StoreHandles) -> Result<(), CheckFailure> {
    let mut query = Vec::new();
    let mut filter = ApprovalFilter::all();
    for call in 0..40_000 {
        if call % 10_000 == 5_000 {
            let new = approval("run", &call.to_string(), "tool", Verdict::Ask)?;
            committed("a call", &one, writes(&new)).await?;
            filter = filter.id(new.id());
            query.push(new);
        } else {
            filter = filter.id(ApprovalId::new());
        }
    }
    same("found", other.approvals(&filter).await?, query.clone())?;
    same(
        "some of them",
        other.approvals(&filter.run("run").limit(1)).await?,
        query.into_iter().take(1).collect(),
    )
}

async fn large_values_come_back_whole((one, other): StoreHandles) -> Result<(), CheckFailure> {
    let text: String = "¡ñandú! \u{202e}\u{0}\"\\ ".repeat(50_000);
    let new = approval_of("run", "call", "tool", Verdict::Ask, &json!({"text": text}))?;
    committed("a large approval", &one, writes(&new)).await?;
    let found = load(&other, &new).await?;
    let whole = found
        .is_some_and(|found| found == new && found.arguments().get("text") == Some(json!(text)));
    same("it came back whole", whole, true)
}

async fn watchers_learn_of_every_commit((one, other): StoreHandles) -> Result<(), CheckFailure> {
    let mut last = other.watch();
    for index in 0..10_u64 {
        let new = approval("run", &index.to_string(), "tool", Verdict::Ask)?;
        let store = if index % 2 == 0 { &one } else { &other };
        committed("a commit", store, writes(&new)).await?;
        last.reach(index + 1).await.ok_or_else(|| CheckFailure("the watch ended".into()))?;
    }
    same("the last number, to who comes later", one.watch().seq(), 10)
}
