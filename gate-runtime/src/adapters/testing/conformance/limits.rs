//! Checks of limits, which calls charge and give back, and of grants.

use std::sync::Arc;
use std::time::Duration;

use gate_core::assessment::Verdict;
use gate_core::grants::{EVER, GiveBack, Grant, LimitCharge, LimitKey, Scope};
use gate_core::id::{ApprovalId, GrantId};
use gate_core::ports::{ApprovalStore, Changeset, CommitOutcome, RecordLog, Store};
use gate_core::records::CallEvent;
use gate_core::text::{Amount, DAY, HOUR, MINUTE, SchemaError};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::checks::{committed, laws, same};
use super::samples::{
    about, after, approval, approval_of, at, charges, gives, grant, ran, take, wide_grant, writes,
};
use super::{CheckFailure, CheckFuture, ConformanceCheck, StoreHandles};

laws! {
    what_a_window_holds_is_counted_for_each_window,
    amounts_are_exact_up_to_the_largest,
    a_clock_that_goes_back_forgets_no_use,
    what_did_not_happen_is_given_back,
    uses_of_one_limit_are_given_back_alone,
    nothing_is_given_back_of_a_call_that_has_ended,
    a_use_that_its_window_left_behind_takes_no_other_with_it,
    dead_grants_are_not_recalled_but_can_be_read,
    standing_lists_used_up_grants_of_calls_that_have_not_begun,
    a_budget_of_money_is_spent_to_the_last_cent,
    a_grant_from_before_there_were_decimals_covers_whole_numbers,
}

/// Returns the amounts that a counter has in windows that end at `now`.
async fn used(
    store: &Arc<dyn Store>,
    key: &str,
    windows: &[Duration],
    now: Timestamp,
) -> Result<Vec<u64>, CheckFailure> {
    let mut query = about("run", "new", "tool", now);
    let counter = |window: &Duration| (LimitKey::new("limit", key), *window);
    query.counters = windows.iter().map(counter).collect();
    Ok(store.load_history(&query).await?.used)
}

async fn what_a_window_holds_is_counted_for_each_window(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    for minute in 0..240 {
        let mut changeset =
            charges("key", minute + 1, u64::MAX, at(60 * i64::try_from(minute).unwrap_or(0)));
        changeset.charges.extend([LimitCharge { window: DAY, ..take("other", 1, 1_000) }]);
        changeset.charges.iter_mut().for_each(|take| take.window = DAY);
        committed("taken", &one, changeset).await?;
    }
    let (now, between) = (at(60 * 239), |first: u64, last: u64| (first..=last).sum::<u64>());
    let found = used(&other, "key", &[DAY, HOUR, 2 * MINUTE, MINUTE, Duration::ZERO], now).await?;
    same(
        "in each window",
        found,
        vec![between(1, 240), between(181, 240), between(239, 240), 240, 0],
    )?;
    let later = used(&other, "key", &[HOUR, MINUTE], at(60 * 240)).await?;
    same("a minute later", later, vec![between(182, 240), 0])?;
    same("another counter", used(&other, "other", &[HOUR], now).await?, vec![60])?;
    same("one that is not there", used(&other, "none", &[HOUR, EVER], now).await?, vec![0, 0])
}

async fn amounts_are_exact_up_to_the_largest(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    const MAX: u64 = u64::MAX;
    let half = MAX / 2;
    for hour in 0..6 {
        let now = at(hour * 3_600);
        committed("half of all", &one, charges("key", half, MAX, now)).await?;
        committed("the rest but one", &one, charges("key", half, MAX, now)).await?;
        same("used", used(&other, "key", &[HOUR], now).await?, vec![MAX - 1])?;
        same(
            "two more",
            other.commit(charges("key", 2, MAX, now)).await?,
            CommitOutcome::LimitReached(0),
        )?;
        committed("one more", &other, charges("key", 1, MAX, now)).await?;
        same("all is used", used(&one, "key", &[HOUR], now).await?, vec![MAX])?;
        same(
            "nothing more",
            one.commit(charges("key", 1, MAX, now)).await?,
            CommitOutcome::LimitReached(0),
        )?;
    }
    for hour in 0..3 {
        let now = at(hour * 3_600);
        committed("all at once", &one, charges("all", MAX, MAX, now)).await?;
        same("used", used(&other, "all", &[HOUR], now).await?, vec![MAX])?;
        same(
            "nothing more",
            one.commit(charges("all", 1, MAX, now)).await?,
            CommitOutcome::LimitReached(0),
        )?;
        committed("nothing is not more", &one, charges("all", 0, MAX, now)).await?;
    }
    for amount in [1 << 63, (1 << 63) - 1] {
        let key = amount.to_string();
        committed("a large one", &one, charges(&key, amount, MAX, at(0))).await?;
        same("its use", used(&other, &key, &[HOUR], at(0)).await?, vec![amount])?;
        same(
            "too much",
            one.commit(charges(&key, MAX - amount + 1, MAX, at(0))).await?,
            CommitOutcome::LimitReached(0),
        )?;
        committed("the rest", &one, charges(&key, MAX - amount, MAX, at(0))).await?;
    }
    Ok(())
}

async fn a_clock_that_goes_back_forgets_no_use(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    committed("taken", &one, charges("key", 1, 9, at(5_000))).await?;
    committed("earlier", &other, charges("key", 2, 9, at(100))).await?;
    committed("later", &one, charges("key", 4, 9, at(5_001))).await?;
    same("all of it", used(&one, "key", &[HOUR], at(8_599)).await?, vec![7])?;
    // A charge that was made while the clock was wrong counts until the later time.
    same("an hour after the first", used(&one, "key", &[HOUR], at(8_600)).await?, vec![4])
}

/// Returns a changeset with charges that can be given back, each on its own limit.
fn taken_for(call: ApprovalId, amounts: &[(&'static str, &str, u64)], now: Timestamp) -> Changeset {
    let mut changeset = Changeset::at(now);
    let take = |(limit, key, amount): &(&'static str, &str, u64)| LimitCharge {
        key: LimitKey::new(*limit, *key),
        amount: *amount,
        max: 10,
        window: HOUR,
        taken_for: Some(call),
    };
    changeset.charges = amounts.iter().map(take).collect();
    changeset
}

fn gives_back(call: ApprovalId, limit: Option<&'static str>, now: Timestamp) -> Changeset {
    let mut changeset = Changeset::at(now);
    changeset.given_back.push(GiveBack { taken_for: call, limit });
    changeset
}

async fn what_did_not_happen_is_given_back((one, other): StoreHandles) -> Result<(), CheckFailure> {
    let calls = [(); 4].map(|()| ApprovalId::new());
    let [first, second, third, unknown] = calls;
    let windows = [HOUR, MINUTE];
    for (call, amount, seconds) in [(first, 3, 0), (second, 4, 3_590), (third, 2, 3_595)] {
        let changeset =
            taken_for(call, &[("limit", "key", amount), ("another", "key", 1)], at(seconds));
        committed("taken", &one, changeset).await?;
    }
    same("used", used(&other, "key", &windows, at(3_599)).await?, vec![9, 6])?;
    committed("of none", &one, gives_back(unknown, None, at(3_599))).await?;
    same("used still", used(&other, "key", &windows, at(3_599)).await?, vec![9, 6])?;
    committed("given back", &other, gives_back(second, None, at(3_599))).await?;
    same("used then", used(&one, "key", &windows, at(3_599)).await?, vec![5, 2])?;
    committed("given back twice", &one, gives_back(second, None, at(3_599))).await?;
    same("once", used(&one, "key", &windows, at(3_599)).await?, vec![5, 2])?;
    committed("taken again", &one, taken_for(unknown, &[("limit", "key", 5)], at(3_599))).await?;
    same(
        "one more",
        one.commit(charges("key", 1, 10, at(3_599))).await?,
        CommitOutcome::LimitReached(0),
    )?;
    same("the first is behind", used(&one, "key", &windows, at(3_600)).await?, vec![7, 7])?;
    committed("the last", &other, gives_back(unknown, None, at(3_600))).await?;
    same("one is left", used(&one, "key", &windows, at(3_600)).await?, vec![2, 2])?;
    committed("and this too", &other, gives_back(third, None, at(3_600))).await?;
    same("nothing is left", used(&one, "key", &windows, at(3_600)).await?, vec![0, 0])?;
    committed("all may be taken", &one, charges("key", 10, 10, at(3_600))).await
}

async fn uses_of_one_limit_are_given_back_alone(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    let call = ApprovalId::new();
    let amounts = [("limit", "a", 3), ("limit", "b", 4), ("another", "a", 5)];
    committed("taken", &one, taken_for(call, &amounts, at(0))).await?;
    let mut query = about("run", "new", "tool", at(1));
    let counters = amounts.map(|(limit, key, _)| (LimitKey::new(limit, key), HOUR));
    query.counters = counters.to_vec();
    same("used", other.load_history(&query).await?.used, vec![3, 4, 5])?;
    committed("of one limit", &one, gives_back(call, Some("limit"), at(1))).await?;
    same("the other is used", other.load_history(&query).await?.used, vec![0, 0, 5])?;
    committed("of the rest", &other, gives_back(call, None, at(1))).await?;
    same("nothing is used", one.load_history(&query).await?.used, vec![0, 0, 0])
}

async fn nothing_is_given_back_of_a_call_that_has_ended(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    let new = approval("run", "call", "tool", Verdict::Approve)?;
    let mut begins = writes(&new);
    begins.charges = taken_for(new.id(), &[("limit", "key", 3)], at(0)).charges;
    committed("taken", &one, begins).await?;
    let dispatched = after(&new, &CallEvent::Dispatched)?;
    for step in [&dispatched, &ran(&new)?] {
        committed("it runs", &one, writes(step)).await?;
    }
    committed("too late", &other, gives_back(new.id(), None, at(2))).await?;
    same("it is used", used(&one, "key", &[HOUR], at(2)).await?, vec![3])?;
    let asked = approval("run", "asked", "tool", Verdict::Ask)?;
    let mut asked_changeset = writes(&asked);
    asked_changeset.charges = taken_for(asked.id(), &[("limit", "key", 4)], at(0)).charges;
    committed("asked", &one, asked_changeset).await?;
    let mut ended_changeset =
        writes(&after(&asked, &CallEvent::Cancelled { reason: "late".into() })?);
    ended_changeset.given_back = gives_back(asked.id(), None, at(2)).given_back;
    committed("as it ends", &other, ended_changeset).await?;
    same("it is given back", used(&one, "key", &[HOUR], at(2)).await?, vec![3])
}

async fn a_use_that_its_window_left_behind_takes_no_other_with_it(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    let calls = [(); 2].map(|()| ApprovalId::new());
    let [first, second] = calls;
    committed("taken", &one, taken_for(first, &[("limit", "key", 3)], at(0))).await?;
    committed("later", &one, taken_for(second, &[("limit", "key", 3)], at(4_000))).await?;
    committed("given back", &other, gives_back(first, None, at(4_000))).await?;
    same("the other is used", used(&one, "key", &[HOUR], at(4_000)).await?, vec![3])
}

async fn dead_grants_are_not_recalled_but_can_be_read(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    let load_history =
        async |seconds| other.load_history(&about("run", "new", "tool", at(seconds))).await;
    same("one that is not there", one.grant(GrantId::new()).await?, None)?;
    let (used_up, revoked, over) =
        (grant("run", "tool")?, grant("run", "tool")?, grant("run", "tool")?);
    let wide = wide_grant("tool")?;
    for given in [&used_up, &revoked, &over, &wide] {
        committed("given", &one, gives(given)).await?;
        same("it can be read", other.grant(given.id()).await?, Some(Arc::clone(given)))?;
    }
    same("all of them", load_history(2).await?.grants.len(), 4)?;
    let mut left = used_up;
    for uses in (0..3).rev() {
        left = Arc::new(left.used());
        committed("used", &one, gives(&left)).await?;
        let known = load_history(2).await?.grants.iter().any(|grant| grant.id() == left.id());
        same("it is recalled while uses are left", known, uses > 0)?;
    }
    same("it can be read", other.grant(left.id()).await?, Some(left))?;
    let revoked = Arc::new(revoked.revoked());
    committed("revoked", &one, gives(&revoked)).await?;
    same("it can be read too", other.grant(revoked.id()).await?, Some(revoked))?;
    let held: Vec<GrantId> = load_history(2).await?.grants.iter().map(|grant| grant.id()).collect();
    same("two hold", held, vec![over.id(), wide.id()])?;
    same("one is over", load_history(10).await?.grants, vec![Arc::clone(&wide)])?;
    same("it can still be read", other.grant(over.id()).await?, Some(over))?;
    let wide = Arc::new(wide.revoked());
    committed("revoked", &one, gives(&wide)).await?;
    same(
        "none holds",
        load_history(2).await?.grants.iter().filter(|grant| grant.id() == wide.id()).count(),
        0,
    )
}

async fn standing_lists_used_up_grants_of_calls_that_have_not_begun(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    let standing =
        async |seconds| other.active_controls(at(seconds)).await.map(|standing| standing.grants);
    let given = grant("run", "tool")?;
    let unused = grant("run", "tool")?;
    committed("given", &one, gives(&given)).await?;
    let mut used_up = given;
    while used_up.uses_left() != Some(0) {
        used_up = Arc::new(used_up.used());
        committed("used", &one, gives(&used_up)).await?;
    }
    committed("given", &one, gives(&unused)).await?;
    same("it covers nothing", standing(2).await?, vec![Arc::clone(&unused)])?;
    let asked = approval("run", "call", "tool", Verdict::Ask)?;
    let covered = after(&asked, &CallEvent::covered_by(&used_up))?;
    for step in [&asked, &covered] {
        committed("written", &one, writes(step)).await?;
    }
    same("it covers a call", standing(2).await?, vec![Arc::clone(&used_up), Arc::clone(&unused)])?;
    same("though it is over", standing(10).await?, vec![Arc::clone(&used_up)])?;
    let begun = after(&covered, &CallEvent::Dispatched)?;
    committed("the call begins", &one, writes(&begun)).await?;
    same("it covers none that has not", standing(2).await?, vec![Arc::clone(&unused)])?;
    let asked = approval("run", "another", "tool", Verdict::Ask)?;
    let covered = after(&asked, &CallEvent::covered_by(&unused))?;
    for step in [&asked, &covered] {
        committed("written", &one, writes(step)).await?;
    }
    same("over, and it covers a call", standing(10).await?, vec![Arc::clone(&unused)])?;
    let revoked = Arc::new(unused.revoked());
    committed("revoked", &one, gives(&revoked)).await?;
    same("it is listed no more", standing(2).await?, vec![])
}

/// Charges a grant's budget for calls with these amounts, and returns which of the calls fit.
async fn spend(
    store: &Arc<dyn Store>,
    grant: &Grant,
    amounts: &[Value],
) -> Result<Vec<bool>, CheckFailure> {
    let mut fitted = Vec::new();
    for amount in amounts {
        let call = approval_of("run", "later", "tool", Verdict::Ask, &json!({ "amount": amount }))?;
        let mut changeset = Changeset::at(at(2));
        changeset.charges = grant.charges(call.arguments(), call.id());
        let fits = grant.covers(call.subject(), call.arguments(), at(2));
        fitted.push(fits && store.commit(changeset).await? == CommitOutcome::Done);
    }
    Ok(fitted)
}

fn money_grant(shown: &Value, scope: Scope) -> Result<Arc<Grant>, CheckFailure> {
    let shown = approval_of("run", "shown", "tool", Verdict::Ask, &json!({ "amount": shown }))?;
    let given = scope.grant(&shown, "dana".into(), at(0));
    given.map(Arc::new).map_err(|bad| CheckFailure::from(SchemaError::new("", bad.to_string())))
}

async fn a_budget_of_money_is_spent_to_the_last_cent(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    // Sums of floats would be 0.9999999999999999 and 0.30000000000000004 here.
    let tenths = money_grant(&json!(0.1), Scope::any_run().any("amount").budget("amount", 1))?;
    let cents = money_grant(
        &json!("0.01"),
        Scope::any_run().any("amount").budget("amount", Amount::hundredths(30)),
    )?;
    let large = money_grant(&json!(1), Scope::any_run().any("amount").budget("amount", u64::MAX))?;
    for given in [&tenths, &cents, &large] {
        committed("given", &one, gives(given)).await?;
        same("read elsewhere", other.grant(given.id()).await?, Some(Arc::clone(given)))?;
    }
    let ten = spend(&one, &tenths, &vec![json!(0.1); 9]).await?;
    same("nine tenths", ten, vec![true; 9])?;
    let more = [
        json!(0.2),
        json!(0.100_000_000_001),
        json!("0.1"),
        json!(-0.1),
        json!(0.1),
        json!(1e-12),
        json!(0),
    ];
    let fits = vec![false, false, false, false, true, false, true];
    same("to the last tenth", spend(&other, &tenths, &more).await?, fits)?;
    let texts = ["0.10", "0.2", "0.01", "0.00", "1e-2", "-0.01", "0,01", "00.01", ".01", "NaN", ""]
        .map(|text| json!(text));
    let fits = [true, true, false, true].into_iter().chain([false; 7]).collect::<Vec<_>>();
    same("texts", spend(&other, &cents, &texts).await?, fits)?;
    let huge = [json!(1_u64 << 53), json!(0.5), json!(9_007_199_254_740_991_u64), json!(1)];
    same(
        "no fractions beside so much",
        spend(&one, &large, &huge).await?,
        vec![true, false, true, true],
    )
}

async fn a_grant_from_before_there_were_decimals_covers_whole_numbers(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    let given = money_grant(&json!(5), Scope::any_run().up_to("amount", 50).budget("amount", 60))?;
    let mut stored =
        serde_json::to_value(&*given).map_err(|error| SchemaError::new("", error.to_string()))?;
    for pointer in ["/conditions/amount/max", "/budget/max"] {
        let max =
            stored.pointer_mut(pointer).ok_or_else(|| SchemaError::new(pointer, "missing"))?;
        same("a text", max.is_string(), true)?;
        *max = max.as_str().and_then(|text| text.parse::<u64>().ok()).into();
    }
    let old: Grant = serde_json::from_value(stored.clone())
        .map_err(|error| SchemaError::new("", error.to_string()))?;
    same("its words", old.to_string(), given.to_string())?;
    same("written as it was", serde_json::to_value(&old).ok(), Some(stored))?;
    let old = Arc::new(old);
    committed("given", &one, gives(&old)).await?;
    same("read", other.grant(old.id()).await?, Some(Arc::clone(&old)))?;
    let amounts = [json!(50), json!(12.5), json!("5"), json!(51), json!(11), json!(10), json!(1)];
    same(
        "whole numbers",
        spend(&other, &old, &amounts).await?,
        vec![true, false, false, false, false, true, false],
    )
}
