//! Checks of deliveries.

use std::sync::Arc;

use futures_util::future::{FutureExt, join_all};
use gate_core::assessment::Verdict;
use gate_core::id::ApprovalId;
use gate_core::ports::{Changeset, CommitOutcome, DeliveryFilter, RecordFilter, StoreError};
use gate_core::records::{Delivery, DeliveryState};
use jiff::Timestamp;

use super::checks::{committed, laws, same};
use super::samples::{approval, at, delivery, posts, writes};
use super::{CheckFailure, CheckFuture, ConformanceCheck, StoreHandles};

laws! {
    a_letter_is_written_only_over_the_version_before,
    a_letter_is_written_with_the_rest_or_not_at_all,
    of_many_who_take_one_letter_one_wins,
    a_letter_is_forgotten_only_as_it_stands,
    a_mark_is_given_to_who_asks_for_it_only,
    filters_of_letters_admit_what_they_say_in_the_order_they_say,
    only_the_first_of_each_call_is_given_to_who_asks_for_that,
    letters_are_due_to_the_microsecond,
    letters_tell_no_watcher_of_a_record,
}

fn ids(found: Result<Vec<Arc<Delivery>>, StoreError>) -> Result<Vec<String>, CheckFailure> {
    Ok(found?.iter().map(|delivery| delivery.id()).collect())
}

async fn a_letter_is_written_only_over_the_version_before(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    let new = delivery("chat", 7, Some(ApprovalId::new()));
    let claimed_delivery = new.claimed(at(0)).ok_or("it is due")?;
    same(
        "a second version of nothing",
        one.commit(posts(&[&claimed_delivery])).await?,
        CommitOutcome::Conflict,
    )?;
    committed("the first version", &one, posts(&[&new])).await?;
    same("the first version again", other.commit(posts(&[&new])).await?, CommitOutcome::Conflict)?;
    let elsewhere =
        [&delivery("mail", 7, None), &delivery("chat", 8, None), &delivery("Chat", 7, None)];
    committed("others about it, and about another", &other, posts(&elsewhere)).await?;
    committed("the second version", &other, posts(&[&claimed_delivery])).await?;
    let late = new.claimed(at(1)).ok_or("it is due")?;
    same("another second version", one.commit(posts(&[&late])).await?, CommitOutcome::Conflict)?;
    let end = claimed_delivery.delivered(Some("message 4711: “naïve”".into()), at(2));
    committed("the third version", &one, posts(&[&end])).await?;
    let found = other.deliveries(&DeliveryFilter::all().notifier("chat").record(7)).await?;
    same("what stands", found, vec![Arc::new(end)])
}

async fn a_letter_is_written_with_the_rest_or_not_at_all(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    let known = delivery("chat", 1, None);
    committed("the one that is there", &one, posts(&[&known])).await?;
    let call = approval("run", "call", "tool", Verdict::Ask)?;
    let mut mixed = writes(&call);
    mixed.deliveries.extend([Arc::new(delivery("chat", 2, None)), Arc::new(known)]);
    same("one of two conflicts", other.commit(mixed).await?, CommitOutcome::Conflict)?;
    same(
        "the other",
        ids(one.deliveries(&DeliveryFilter::all()).await)?,
        vec!["chat-1".to_owned()],
    )?;
    same("the records", one.records(&RecordFilter::after(0)).await?.len(), 0)?;
    let mut whole = writes(&call);
    whole.deliveries.push(Arc::new(delivery("chat", 2, None)));
    committed("all of it fits", &other, whole.clone()).await?;
    whole.deliveries = vec![Arc::new(delivery("chat", 3, None))];
    same("the rest conflicts", other.commit(whole).await?, CommitOutcome::Conflict)?;
    same(
        "both",
        ids(one.deliveries(&DeliveryFilter::all()).await)?,
        vec!["chat-1".to_owned(), "chat-2".to_owned()],
    )
}

async fn of_many_who_take_one_letter_one_wins(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    for round in 1..=20 {
        let new = delivery("chat", round, None);
        committed("a new letter", &one, posts(&[&new])).await?;
        let claimed_delivery = new.claimed(at(0)).ok_or("it is due")?;
        let tries = (0..16)
            .map(|turn| if turn % 2 == 0 { &one } else { &other })
            .map(|store| store.commit(posts(&[&claimed_delivery])));
        let outcomes: Result<Vec<CommitOutcome>, _> = join_all(tries).await.into_iter().collect();
        same("winners", outcomes?.iter().filter(|end| **end == CommitOutcome::Done).count(), 1)?;
    }
    Ok(())
}

async fn a_letter_is_forgotten_only_as_it_stands(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    let forgets = |delivery: &Delivery| {
        let mut changeset = Changeset::at(at(9));
        changeset.forgotten.push(Arc::new(delivery.clone()));
        changeset
    };
    let new = delivery("chat", 1, None);
    same("one that is not there", one.commit(forgets(&new)).await?, CommitOutcome::Conflict)?;
    committed("written", &one, posts(&[&new])).await?;
    let dead = new.dead_lettered("it is gone", at(1));
    committed("changed", &other, posts(&[&dead])).await?;
    same("as it was", one.commit(forgets(&new)).await?, CommitOutcome::Conflict)?;
    committed("as it is", &one, forgets(&dead)).await?;
    same("gone", ids(other.deliveries(&DeliveryFilter::all()).await)?, Vec::new())?;
    same("twice", other.commit(forgets(&dead)).await?, CommitOutcome::Conflict)
}

async fn a_mark_is_given_to_who_asks_for_it_only(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    let (chat, mail) = (
        Delivery::cursor(&"chat".into(), Some(41), at(0)),
        Delivery::cursor(&"mail".into(), Some(7), at(0)),
    );
    committed("two marks", &one, posts(&[&chat, &mail, &delivery("chat", 42, None)])).await?;
    let moved = chat.advance_cursor(42, at(1));
    committed("moved", &other, posts(&[&moved])).await?;
    let found = one.deliveries(&DeliveryFilter::all().notifier("chat").record(0)).await?;
    same("the mark", found, vec![Arc::new(moved)])?;
    same(
        "all letters",
        ids(other.deliveries(&DeliveryFilter::all()).await)?,
        vec!["chat-42".to_owned()],
    )?;
    same("both marks", other.deliveries(&DeliveryFilter::all().record(0)).await?.len(), 2)
}

async fn filters_of_letters_admit_what_they_say_in_the_order_they_say(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    let (call, another) = (ApprovalId::new(), ApprovalId::new());
    let waiting = |number, call| delivery("chat", number, call);
    let taken = |number, call| waiting(number, call).claimed(at(0)).ok_or("it is due");
    let all = [
        waiting(1, Some(call)),
        taken(2, Some(another))?,
        taken(3, Some(call))?.delivered(None, at(10)),
        taken(4, None)?.rescheduled("later", std::time::Duration::from_secs(5), 0, at(10)),
        taken(5, Some(call))?.dead_lettered("never", at(30)),
        delivery("mail", 3, Some(call)),
    ];
    // A commit moves a delivery by one version, so each version is written by itself.
    for delivery in &all {
        for version in 1..=delivery.version() {
            let written = one.commit(posts(&[&delivery.clone().with_version(version)])).await?;
            same("written", written, CommitOutcome::Done)?;
        }
    }
    let find = async |filter: DeliveryFilter| ids(other.deliveries(&filter).await);
    let list = |wanted: &[&str]| wanted.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    let every = || DeliveryFilter::all();
    same(
        "all",
        find(every()).await?,
        list(&["chat-1", "chat-2", "chat-3", "mail-3", "chat-4", "chat-5"]),
    )?;
    same(
        "newest first",
        find(every().newest_first().limit(3)).await?,
        list(&["chat-5", "chat-4", "mail-3"]),
    )?;
    let soonest = find(every().soonest_first()).await?;
    same(
        "soonest first",
        soonest,
        list(&["chat-1", "mail-3", "chat-4", "chat-5", "chat-2", "chat-3"]),
    )?;
    same("of a notifier", find(every().notifier("mail")).await?, list(&["mail-3"]))?;
    same("of none", find(every().notifier("MAIL")).await?, list(&[]))?;
    same("about a record", find(every().record(3)).await?, list(&["chat-3", "mail-3"]))?;
    same("after one", find(every().after(3)).await?, list(&["chat-4", "chat-5"]))?;
    same(
        "about a call",
        find(every().approval(call).notifier("chat")).await?,
        list(&["chat-1", "chat-3", "chat-5"]),
    )?;
    same("dead", find(every().state(DeliveryState::Dead)).await?, list(&["chat-5"]))?;
    let open = || every().state(DeliveryState::Waiting).state(DeliveryState::Sending);
    same("open", find(open()).await?, list(&["chat-1", "chat-2", "mail-3", "chat-4"]))?;
    same("due", find(open().due_by(at(15))).await?, list(&["chat-1", "mail-3", "chat-4"]))?;
    same("not due yet", find(open().due_by(at(14))).await?, list(&["chat-1", "mail-3"]))?;
    same("at most", find(open().after(1).limit(2)).await?, list(&["chat-2", "mail-3"]))?;
    same("none at all", find(every().limit(0)).await?, list(&[]))
}

async fn only_the_first_of_each_call_is_given_to_who_asks_for_that(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    let (call, another) = (ApprovalId::new(), ApprovalId::new());
    let first = delivery("chat", 1, Some(call));
    let all = [
        &first,
        &delivery("chat", 2, Some(call)),
        &delivery("chat", 3, Some(another)),
        &delivery("mail", 4, Some(call)),
        &delivery("chat", 5, None),
        &delivery("chat", 6, None),
        &delivery("chat", 7, Some(call)),
    ];
    committed("written", &one, posts(&all)).await?;
    let firsts = || DeliveryFilter::all().first_of_each_call();
    let open =
        || firsts().state(DeliveryState::Waiting).state(DeliveryState::Sending).notifier("chat");
    let find = async |filter: DeliveryFilter| ids(other.deliveries(&filter).await);
    let list = |wanted: &[&str]| wanted.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    same("all", find(firsts()).await?, list(&["chat-1", "chat-3", "mail-4", "chat-5", "chat-6"]))?;
    same(
        "after one",
        find(firsts().after(1)).await?,
        list(&["chat-3", "mail-4", "chat-5", "chat-6"]),
    )?;
    let taken = first.claimed(at(0)).ok_or("it is due")?;
    committed("the first is being sent", &one, posts(&[&taken])).await?;
    same(
        "the others wait",
        find(open().due_by(at(9))).await?,
        list(&["chat-3", "chat-5", "chat-6"]),
    )?;
    let late = taken.rescheduled("no", std::time::Duration::from_secs(99), 0, at(1));
    committed("the first is put off", &one, posts(&[&late])).await?;
    same(
        "the others wait still",
        find(open().due_by(at(9))).await?,
        list(&["chat-3", "chat-5", "chat-6"]),
    )?;
    let dead = late.dead_lettered("never", at(2));
    committed("the first is dead", &one, posts(&[&dead])).await?;
    same(
        "the next one's turn",
        find(open()).await?,
        list(&["chat-2", "chat-3", "chat-5", "chat-6"]),
    )
}

async fn letters_are_due_to_the_microsecond(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    let nanoseconds =
        |count: i128| Timestamp::from_nanosecond(at(0).as_nanosecond() + count).unwrap_or_default();
    let call = Delivery::about(&"chat".into(), &super::samples::record(1), nanoseconds(1_999));
    committed("written", &one, posts(&[&call])).await?;
    let due = async |at| {
        ids(other.deliveries(&DeliveryFilter::all().due_by(at)).await).map(|found| found.len())
    };
    same("before", due(nanoseconds(999)).await?, 0)?;
    same("then", due(nanoseconds(1_000)).await?, 1)
}

async fn letters_tell_no_watcher_of_a_record(
    (one, other): StoreHandles,
) -> Result<(), CheckFailure> {
    let mut last = one.watch();
    last.mark_seen();
    committed("a letter", &one, posts(&[&delivery("chat", 1, None)])).await?;
    same("news", last.changed().now_or_never(), None)?;
    committed("a letter of another", &other, posts(&[&delivery("chat", 2, None)])).await?;
    let call = approval("run", "call", "tool", Verdict::Ask)?;
    committed("a record", &other, writes(&call)).await?;
    last.reach(1).await.ok_or("the watch ended")?;
    Ok(())
}
