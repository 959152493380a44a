//! K. Faults of notifiers: one that fails, hangs, panics or is slow stops neither a call nor
//! another notifier.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gate_runtime::notify::{Delivery, DeliveryNotice, DeliveryState, Notifier, NotifyError};
use gate_runtime::prelude::*;
use gate_runtime::records::Record;
use gate_runtime::review::Status;
use gate_runtime::store::{BoxFuture, DeliveryFilter};
use gate_runtime::testing::ManualClock;
use gate_runtime::{MemoryStore, Run};
use gate_sqlite::SqliteStore;
use serde_json::json;

use crate::scenarios::desk::{
    State, Tools, builder, call, dana, kinds, noon, only_interruption, run, story, until,
};
use crate::scenarios::stores::{FaultyStore, Shared, on_every_store};

on_every_store! {
    k73_a_notifier_that_fails_is_tried_again_ever_later_and_nobody_waits_for_it,
    k73_a_notifier_that_hangs_stops_neither_its_other_letters_nor_another_notifier,
    k73_a_notifier_that_panics_is_tried_again,
    k73_a_slow_notifier_slows_no_call,
    k73_after_twelve_tries_it_is_a_dead_letter_that_people_see_and_put_back,
    k73_what_never_will_be_delivered_is_dead_at_once_and_what_comes_after_it_is_not,
    k73_the_other_side_says_when_to_come_again,
    k73_more_that_hang_than_are_delivered_at_once_stop_the_others_for_half_a_minute_only,
    k73_while_the_store_fails_nothing_is_lost,
    k_what_concerns_one_call_is_told_in_order_with_what_was_kept,
    k_a_new_notifier_begins_with_what_waits_and_goes_on_where_it_was,
    k_two_processes_deliver_each_letter_once,
    k_what_a_dead_process_was_delivering_is_delivered_under_the_same_id,
    k_letters_leave_no_record,
    k_what_was_delivered_is_forgotten_once_its_call_is_over,
    k_many_calls_at_once_are_all_told_once,
}

/// The reaction of a notifier to a notice.
#[derive(Clone, Debug)]
enum NotifierBehavior {
    Take(Option<&'static str>),
    Fail(NotifyError),
    Panic,
    Hang,
}

/// The id, kind, attempt and memo of a notice.
type DeliveredNotice = (String, &'static str, u32, Option<String>);

/// A notifier that reacts as a test configures it, and keeps its notices.
struct ScriptedNotifier {
    name: &'static str,
    wants: fn(&Record) -> bool,
    /// The reactions to the next notices. If none is left, it delivers them.
    next: Mutex<VecDeque<NotifierBehavior>>,
    /// A tool, and the reaction to all notices about its calls.
    always: Option<(&'static str, NotifierBehavior)>,
    delivered: Mutex<Vec<DeliveredNotice>>,
}

impl ScriptedNotifier {
    fn new(name: &'static str) -> Self {
        let (wants, always) = (Record::asks_people as fn(&Record) -> bool, None);
        Self { name, wants, next: Mutex::default(), always, delivered: Mutex::default() }
    }

    fn that_wants(name: &'static str, wants: fn(&Record) -> bool) -> Arc<Self> {
        Arc::new(Self { wants, ..Self::new(name) })
    }

    fn that(name: &'static str, next: impl IntoIterator<Item = NotifierBehavior>) -> Arc<Self> {
        Arc::new(Self { next: Mutex::new(next.into_iter().collect()), ..Self::new(name) })
    }

    fn that_always(
        name: &'static str,
        tool: &'static str,
        behavior: NotifierBehavior,
    ) -> Arc<Self> {
        Arc::new(Self { always: Some((tool, behavior)), ..Self::new(name) })
    }

    fn delivered(&self) -> Vec<DeliveredNotice> {
        self.delivered.lock().unwrap().clone()
    }

    fn kinds(&self) -> Vec<&'static str> {
        self.delivered().into_iter().map(|(_, kind, ..)| kind).collect()
    }

    fn ids(&self) -> Vec<String> {
        self.delivered().into_iter().map(|(id, ..)| id).collect()
    }

    async fn wait_for_delivered(&self, count: usize) {
        until(async || self.delivered().len() >= count).await;
    }
}

impl Notifier for ScriptedNotifier {
    fn name(&self) -> &str {
        self.name
    }

    fn wants(&self, record: &Record) -> bool {
        (self.wants)(record)
    }

    fn deliver<'a>(
        &'a self,
        notice: &'a DeliveryNotice,
    ) -> BoxFuture<'a, Result<Option<String>, NotifyError>> {
        let memo = notice.memo().map(str::to_owned);
        self.delivered.lock().unwrap().push((
            notice.id().to_owned(),
            notice.record().kind(),
            notice.attempt(),
            memo,
        ));
        let tool = notice.record().subject().map(|subject| subject.tool().as_str());
        let always = self
            .always
            .as_ref()
            .filter(|(of, _)| Some(*of) == tool)
            .map(|(_, behavior)| behavior.clone());
        let next = self.next.lock().unwrap().pop_front();
        Box::pin(async move {
            match always.or(next).unwrap_or(NotifierBehavior::Take(None)) {
                NotifierBehavior::Take(memo) => Ok(memo.map(str::to_owned)),
                NotifierBehavior::Fail(error) => Err(error),
                NotifierBehavior::Panic => panic!("the chat exploded"),
                NotifierBehavior::Hang => std::future::pending().await,
            }
        })
    }
}

fn pay(id: &str) -> ToolCall {
    call(id, "pay", json!({"to": "alice", "amount": 500}))
}

fn wipe(id: &str) -> ToolCall {
    call(id, "wipe", json!({"disk": "a"}))
}

fn again() -> NotifierBehavior {
    NotifierBehavior::Fail(NotifyError::again("it answered 500"))
}

/// Proposes calls without waiting for them.
async fn propose(run: &Run<Tools>, calls: impl IntoIterator<Item = ToolCall>) {
    let turn = run.submit(calls).await.unwrap();
    assert!(
        turn.answers().iter().all(|answer| ["waiting", "succeeded"].contains(&answer.kind())),
        "{turn:?}"
    );
}

/// Builds a gate at noon with one notifier.
async fn gate_with_chat(
    store: &Shared,
    chat: &Arc<ScriptedNotifier>,
) -> (Gate<Tools>, ManualClock) {
    let clock = ManualClock::at(noon());
    (with(store, &clock, &[chat]).await, clock)
}

/// Builds a gate with a clock and some notifiers.
async fn with(
    store: &Shared,
    clock: &ManualClock,
    chats: &[&Arc<ScriptedNotifier>],
) -> Gate<Tools> {
    let gate = builder(store, &State::default()).clock(clock.clone());
    chats.iter().fold(gate, |gate, chat| gate.notify(Arc::clone(chat))).build().await.unwrap()
}

async fn deliveries(gate: &Gate<Tools>) -> Vec<Arc<Delivery>> {
    gate.deliveries(&DeliveryFilter::all()).await.unwrap()
}

/// Returns the state and the number of attempts of each delivery.
async fn states(gate: &Gate<Tools>) -> Vec<(DeliveryState, u32)> {
    deliveries(gate).await.iter().map(|delivery| (delivery.state(), delivery.attempts())).collect()
}

async fn is(gate: &Gate<Tools>, wanted: &[(DeliveryState, u32)]) {
    until(async || states(gate).await == wanted).await;
}

async fn k73_a_notifier_that_fails_is_tried_again_ever_later_and_nobody_waits_for_it(
    store: Shared,
) {
    let chat = ScriptedNotifier::that("chat", [again(), again(), NotifierBehavior::Panic]);
    let (gate, clock) = gate_with_chat(&store, &chat).await;
    let run = run(&gate);
    let turn = run.submit([pay("1")]).await.unwrap();
    is(&gate, &[(DeliveryState::Waiting, 1)]).await;
    let first = deliveries(&gate).await[0].clone();
    assert_eq!(first.problem(), Some("it answered 500"));
    assert!(first.due_at() >= noon() && first.due_at() <= noon() + Duration::from_secs(1));
    assert_eq!(first.approval(), Some(only_interruption(&turn).id()));

    // The question is pending, and can be decided even if no notice arrives.
    assert_eq!(gate.pending().await.unwrap().len(), 1);
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);

    for tries in 2..=3 {
        clock.advance(Duration::from_secs(3_u64.pow(tries - 2)));
        is(&gate, &[(DeliveryState::Waiting, tries)]).await;
    }
    clock.advance(Duration::from_secs(9));
    is(&gate, &[(DeliveryState::Delivered, 4)]).await;
    let id = format!("chat-{}", first.record());
    let tries: Vec<_> = (1..=4).map(|attempt| (id.clone(), "assessed", attempt, None)).collect();
    assert_eq!(chat.delivered(), tries, "under one id");
    assert_eq!(deliveries(&gate).await[0].problem(), None);
}

async fn k73_a_notifier_that_hangs_stops_neither_its_other_letters_nor_another_notifier(
    store: Shared,
) {
    let (chat, mail) = (
        ScriptedNotifier::that("chat", [NotifierBehavior::Hang]),
        ScriptedNotifier::that("mail", []),
    );
    let clock = ManualClock::at(noon());
    let gate = with(&store, &clock, &[&chat, &mail]).await;
    let run = run(&gate);
    propose(&run, [pay("1")]).await;
    chat.wait_for_delivered(1).await;
    mail.wait_for_delivered(1).await;
    propose(&run, [pay("2")]).await;
    chat.wait_for_delivered(2).await;
    mail.wait_for_delivered(2).await;
    let of_chat = DeliveryFilter::all().notifier("chat");
    let stand = async || -> Vec<(DeliveryState, u32)> {
        let found = gate.deliveries(&of_chat).await.unwrap();
        found.iter().map(|delivery| (delivery.state(), delivery.attempts())).collect()
    };
    until(async || stand().await == [(DeliveryState::Sending, 1), (DeliveryState::Delivered, 1)])
        .await;

    // After half a minute it is dropped, and retried.
    clock.advance(Duration::from_secs(30));
    until(async || stand().await[0] == (DeliveryState::Waiting, 1)).await;
    let late = gate.deliveries(&of_chat).await.unwrap()[0].clone();
    assert_eq!(late.problem(), Some("it took longer than 30 seconds"));
    clock.advance(Duration::from_secs(1));
    until(async || stand().await == [(DeliveryState::Delivered, 2), (DeliveryState::Delivered, 1)])
        .await;
}

async fn k73_a_notifier_that_panics_is_tried_again(store: Shared) {
    let chat = ScriptedNotifier::that("chat", [NotifierBehavior::Panic]);
    let torn = ScriptedNotifier::that_wants("torn", |record| panic!("what is {}?", record.kind()));
    let clock = ManualClock::at(noon());
    let gate = with(&store, &clock, &[&chat, &torn]).await;
    propose(&run(&gate), [pay("1")]).await;
    let of_chat = DeliveryFilter::all().notifier("chat");
    let stands = async |state| {
        until(async || {
            gate.deliveries(&of_chat)
                .await
                .unwrap()
                .first()
                .is_some_and(|delivery| delivery.state() == state)
        })
        .await;
    };
    let problem =
        async || Some(gate.deliveries(&of_chat).await.unwrap().first()?.problem()?.to_owned());
    until(async || problem().await.is_some()).await;
    let problem_text = problem().await.unwrap();
    assert!(
        problem_text.starts_with("it panicked (panic ") && !problem_text.contains("exploded"),
        "{problem_text}"
    );
    clock.advance(Duration::from_secs(1));
    stands(DeliveryState::Delivered).await;
    // A notifier that panics while it selects records gets all of them.
    propose(&run(&gate), [call("2", "read", json!({"id": "x"}))]).await;
    until(async || torn.kinds().contains(&"finished")).await;
    assert!(
        ["gate_built", "assessed", "dispatched"].iter().all(|kind| torn.kinds().contains(kind))
    );
}

async fn k73_a_slow_notifier_slows_no_call(store: Shared) {
    let chat = Arc::new(ScriptedNotifier { wants: |_| true, ..ScriptedNotifier::new("chat") });
    chat.next.lock().unwrap().extend((0..100).map(|_| NotifierBehavior::Hang));
    let (gate, _) = gate_with_chat(&store, &chat).await;
    let run = run(&gate);
    for number in 0..20 {
        let turn =
            run.submit([call(&number.to_string(), "read", json!({"id": "x"}))]).await.unwrap();
        assert_eq!(kinds(&turn), ["succeeded"]);
    }
    let turn = run.submit([pay("pay")]).await.unwrap();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    chat.wait_for_delivered(16).await;
    assert!(
        deliveries(&gate).await.iter().all(|delivery| delivery.state() != DeliveryState::Delivered),
        "it hangs, all the time"
    );
}

async fn k73_after_twelve_tries_it_is_a_dead_letter_that_people_see_and_put_back(store: Shared) {
    let chat = ScriptedNotifier::that("chat", (0..12).map(|_| again()));
    let (gate, clock) = gate_with_chat(&store, &chat).await;
    propose(&run(&gate), [pay("1")]).await;
    for tries in 1..12 {
        is(&gate, &[(DeliveryState::Waiting, tries)]).await;
        clock.advance(HOUR);
    }
    is(&gate, &[(DeliveryState::Dead, 12)]).await;
    let dead = gate.deliveries(&DeliveryFilter::all().state(DeliveryState::Dead)).await.unwrap();
    assert_eq!(dead[0].problem(), Some("it answered 500"));

    let revived = gate.deliver_again(&dead[0]).await.unwrap().unwrap();
    assert_eq!((revived.state(), revived.attempts()), (DeliveryState::Waiting, 0));
    is(&gate, &[(DeliveryState::Delivered, 1)]).await;
    assert_eq!(chat.delivered().len(), 13);
    chat.ids().iter().for_each(|id| assert_eq!(*id, dead[0].id()));
    assert_eq!(gate.deliver_again(&dead[0]).await.unwrap(), None, "it is not dead any more");
    assert_eq!(gate.deliver_again(&deliveries(&gate).await[0]).await.unwrap(), None);
}

async fn k73_what_never_will_be_delivered_is_dead_at_once_and_what_comes_after_it_is_not(
    store: Shared,
) {
    let gone = NotifierBehavior::Fail(NotifyError::never("it answered 410"));
    let chat = ScriptedNotifier::that("chat", [gone]);
    let (gate, clock) = gate_with_chat(&store, &chat).await;
    let run = run(&gate);
    propose(&run, [call("1", "pay", json!({"to": "alice", "amount": 500}))]).await;
    is(&gate, &[(DeliveryState::Dead, 1)]).await;
    propose(&run, [pay("2")]).await;
    is(&gate, &[(DeliveryState::Dead, 1), (DeliveryState::Delivered, 1)]).await;

    // Another process without the notifier puts it back, and the process with the notifier finds it
    // at the next poll.
    let fixture = with(&store, &clock, &[]).await;
    let dead = fixture
        .deliveries(&DeliveryFilter::all().state(DeliveryState::Dead))
        .await
        .unwrap()
        .remove(0);
    fixture.deliver_again(&dead).await.unwrap().unwrap();
    clock.advance(MINUTE);
    is(&gate, &[(DeliveryState::Delivered, 1), (DeliveryState::Delivered, 1)]).await;
}

async fn k73_the_other_side_says_when_to_come_again(store: Shared) {
    let busy = NotifyError::again("it answered 429").after(minutes(5));
    let chat = ScriptedNotifier::that("chat", [NotifierBehavior::Fail(busy)]);
    let (gate, clock) = gate_with_chat(&store, &chat).await;
    propose(&run(&gate), [pay("1")]).await;
    is(&gate, &[(DeliveryState::Waiting, 1)]).await;
    assert_eq!(deliveries(&gate).await[0].due_at(), noon() + minutes(5));
    clock.advance(Duration::from_secs(299));
    propose(&run(&gate), [pay("2")]).await;
    is(&gate, &[(DeliveryState::Waiting, 1), (DeliveryState::Delivered, 1)]).await;
    clock.advance(Duration::from_secs(1));
    is(&gate, &[(DeliveryState::Delivered, 2), (DeliveryState::Delivered, 1)]).await;
}

async fn k73_more_that_hang_than_are_delivered_at_once_stop_the_others_for_half_a_minute_only(
    store: Shared,
) {
    let chat = ScriptedNotifier::that_always("chat", "wipe", NotifierBehavior::Hang);
    let (gate, clock) = gate_with_chat(&store, &chat).await;
    let run = run(&gate);
    for number in 0..20 {
        propose(&run, [wipe(&number.to_string())]).await;
    }
    chat.wait_for_delivered(16).await;
    let turn = run.submit([pay("pay")]).await.unwrap();
    let of_pay = turn
        .interruptions()
        .iter()
        .find(|interruption| interruption.approval().tool() == "pay")
        .unwrap()
        .id();
    let of_pay = DeliveryFilter::all().approval(of_pay);
    let is_told = async || {
        let found = gate.deliveries(&of_pay).await.unwrap();
        found.first().is_some_and(|delivery| delivery.state() == DeliveryState::Delivered)
    };
    until(async || !gate.deliveries(&of_pay).await.unwrap().is_empty()).await;
    assert!(!is_told().await);
    clock.advance(Duration::from_secs(30));
    until(is_told).await;
}

async fn k73_while_the_store_fails_nothing_is_lost(store: Shared) {
    let faulty = FaultyStore::failing(store);
    let store: Shared = faulty.clone();
    let chat = ScriptedNotifier::that("chat", []);
    let (gate, clock) = gate_with_chat(&store, &chat).await;
    let run = run(&gate);
    for commit in 1..=8 {
        // The call itself takes the first commit. The others belong to its delivery, and to the one
        // before.
        propose(&run, [pay(&commit.to_string())]).await;
        faulty.fail_at(commit);
        until(async || {
            clock.advance(Duration::from_secs(1));
            let found = deliveries(&gate).await;
            found.len() == commit
                && found.iter().all(|delivery| delivery.state() == DeliveryState::Delivered)
        })
        .await;
        faulty.fail_at(0);
    }
    let mut ids = chat.ids();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 8);
}

async fn k_what_concerns_one_call_is_told_in_order_with_what_was_kept(store: Shared) {
    let of_calls = |record: &Record| record.subject().is_some();
    let chat = ScriptedNotifier::that_wants("chat", of_calls);
    chat.next.lock().unwrap().extend([
        again(),
        NotifierBehavior::Take(Some("message 7")),
        NotifierBehavior::Take(None),
    ]);
    let (gate, clock) = gate_with_chat(&store, &chat).await;
    let run = run(&gate);
    let turn = run.submit([pay("1")]).await.unwrap();
    is(&gate, &[(DeliveryState::Waiting, 1)]).await;
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    // Later notices wait until the first is delivered.
    until(async || deliveries(&gate).await.len() == story(&gate).await.len()).await;
    assert_eq!(chat.kinds(), ["assessed"]);
    clock.advance(Duration::from_secs(1));
    until(async || {
        deliveries(&gate).await.iter().all(|delivery| delivery.state() == DeliveryState::Delivered)
    })
    .await;
    let delivered = chat.delivered();
    assert_eq!(chat.kinds()[1..], story(&gate).await, "in order");
    let memos: Vec<_> = delivered.iter().map(|(_, _, _, memo)| memo.as_deref()).collect();
    assert_eq!(memos[..2], [None, None]);
    assert!(memos[2..].iter().all(|memo| *memo == Some("message 7")), "{memos:?}");
}

async fn k_a_new_notifier_begins_with_what_waits_and_goes_on_where_it_was(store: Shared) {
    let clock = ManualClock::at(noon());
    let before = with(&store, &clock, &[]).await;
    let run_before = run(&before);
    let decided = run_before.submit([pay("decided")]).await.unwrap();
    only_interruption(&decided).reject(&dana(&before).await, "no").await.unwrap();
    let waits = run_before
        .submit([call("waits", "pay", json!({"to": "bob", "amount": 600}))])
        .await
        .unwrap()
        .interruptions()[0]
        .id();
    propose(&run_before, [call("ran", "read", json!({"id": "x"}))]).await;

    // A notifier that wants all records about calls gets the pending call, and no finished one.
    let every = || ScriptedNotifier::that_wants("every", |record| record.subject().is_some());
    let never = || ScriptedNotifier::that_wants("never", |record| record.kind() == "expired");
    let (first, none) = (every(), never());
    let gate = with(&store, &clock, &[&first, &none]).await;
    first.wait_for_delivered(1).await;
    assert_eq!(
        deliveries(&gate)
            .await
            .iter()
            .filter_map(|delivery| delivery.approval())
            .collect::<Vec<_>>(),
        [waits]
    );
    let marks = async || gate.deliveries(&DeliveryFilter::all().record(0)).await.unwrap().len();
    until(async || marks().await == 2).await;
    assert_eq!(first.kinds(), ["assessed"]);
    drop(gate);

    // The next process delivers events from the time without a process, even if the one before
    // never wanted a record.
    clock.advance(HOUR);
    before.run_due().await;
    assert_eq!(before.approval(waits).await.unwrap().unwrap().status(), Status::Expired);
    let (second, other) = (every(), never());
    let _gate = with(&store, &clock, &[&second, &other]).await;
    second.wait_for_delivered(1).await;
    other.wait_for_delivered(1).await;
    assert_eq!((second.kinds(), other.kinds()), (vec!["expired"], vec!["expired"]));
}

async fn k_two_processes_deliver_each_letter_once(store: Shared) {
    two_deliver_once(&store, &store).await;
}

/// Checks that two gates with one chat deliver once, like two processes.
async fn two_deliver_once(one: &Shared, other: &Shared) {
    let chat = ScriptedNotifier::that("chat", []);
    let clock = ManualClock::at(noon());
    let gates = [with(one, &clock, &[&chat]).await, with(other, &clock, &[&chat]).await];
    let runs = [gates[0].run("one"), gates[1].run("other")];
    for number in 0..40 {
        propose(&runs[number % 2], [pay(&number.to_string())]).await;
    }
    until(async || {
        let found = deliveries(&gates[0]).await;
        found.len() == 40
            && found.iter().all(|delivery| delivery.state() == DeliveryState::Delivered)
    })
    .await;
    let mut ids = chat.ids();
    assert_eq!(ids.len(), 40, "each once");
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k_two_processes_over_one_file_deliver_each_letter_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gate.db");
    let one: Shared = Arc::new(SqliteStore::open(&file).await.unwrap());
    let other: Shared = Arc::new(SqliteStore::open(&file).await.unwrap());
    two_deliver_once(&one, &other).await;
}

async fn k_what_a_dead_process_was_delivering_is_delivered_under_the_same_id(store: Shared) {
    let chat = ScriptedNotifier::that("chat", [NotifierBehavior::Hang]);
    let (gate, clock) = gate_with_chat(&store, &chat).await;
    propose(&run(&gate), [pay("1")]).await;
    is(&gate, &[(DeliveryState::Sending, 1)]).await;
    chat.wait_for_delivered(1).await;
    drop(gate);
    let next = with(&store, &clock, &[&chat]).await;
    // The dead process holds the lease for a minute, because it might be alive.
    assert_eq!(states(&next).await, [(DeliveryState::Sending, 1)]);
    clock.advance(MINUTE);
    is(&next, &[(DeliveryState::Delivered, 2)]).await;
    let ids = chat.ids();
    assert_eq!((ids.len(), &ids[0]), (2, &ids[1]));
}

async fn k_letters_leave_no_record(store: Shared) {
    let chat =
        ScriptedNotifier::that("chat", [again(), NotifierBehavior::Fail(NotifyError::never("no"))]);
    let (gate, clock) = gate_with_chat(&store, &chat).await;
    propose(&run(&gate), [pay("1")]).await;
    is(&gate, &[(DeliveryState::Waiting, 1)]).await;
    clock.advance(Duration::from_secs(1));
    is(&gate, &[(DeliveryState::Dead, 2)]).await;
    gate.deliver_again(&deliveries(&gate).await[0]).await.unwrap().unwrap();
    is(&gate, &[(DeliveryState::Delivered, 1)]).await;
    assert_eq!(story(&gate).await, ["assessed"]);
}

async fn k_what_was_delivered_is_forgotten_once_its_call_is_over(store: Shared) {
    let chat = ScriptedNotifier::that(
        "chat",
        [NotifierBehavior::Take(Some("one")), NotifierBehavior::Take(Some("two"))],
    );
    let (gate, clock) = gate_with_chat(&store, &chat).await;
    let run = run(&gate);
    let over = run.submit([wipe("1")]).await.unwrap().interruptions()[0].clone();
    chat.wait_for_delivered(1).await;
    let open = run.submit([wipe("2")]).await.unwrap();
    let open = open
        .interruptions()
        .iter()
        .find(|interruption| interruption.id() != over.id())
        .unwrap()
        .id();
    chat.wait_for_delivered(2).await;
    until(async || {
        deliveries(&gate).await.iter().all(|delivery| delivery.state() == DeliveryState::Delivered)
    })
    .await;
    over.reject(&dana(&gate).await, "no").await.unwrap();
    clock.advance(WEEK);
    let left = async || {
        deliveries(&gate)
            .await
            .iter()
            .filter_map(|delivery| delivery.approval())
            .collect::<Vec<_>>()
    };
    until(async || left().await == [open]).await;
    assert_eq!(deliveries(&gate).await[0].memo(), Some("two"));
}

async fn k_many_calls_at_once_are_all_told_once(store: Shared) {
    let chat = ScriptedNotifier::that("chat", []);
    let (gate, _) = gate_with_chat(&store, &chat).await;
    let run = run(&gate);
    propose(&run, (0..300).map(|number| wipe(&number.to_string()))).await;
    until(async || {
        let found = deliveries(&gate).await;
        found.len() == 300
            && found.iter().all(|delivery| delivery.state() == DeliveryState::Delivered)
    })
    .await;
    let mut ids = chat.ids();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), chat.delivered().len()), (300, 300));
}

#[tokio::test]
async fn k_a_gate_has_no_two_notifiers_of_one_name_and_none_without_one() {
    let build = async |names: &[&'static str]| {
        let gate = Gate::<Tools>::builder(State::default()).key([7; 32]).store(MemoryStore::new());
        let gate = gate.directory(crate::scenarios::desk::people());
        let built = names
            .iter()
            .fold(gate, |gate, name| gate.notify(ScriptedNotifier::new(name)))
            .build()
            .await;
        built.err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(build(&["chat", "mail"]).await, "");
    assert!(build(&["chat", "mail", "chat"]).await.contains("two notifiers are called `chat`"));
    for name in ["", "two words", "naïve", "line\nbreak"] {
        assert!(
            build(&[name]).await.contains("1 to 64 letters, digits or signs of ASCII"),
            "{name:?}"
        );
    }
}
