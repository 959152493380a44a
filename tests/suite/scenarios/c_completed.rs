//! C. Completed arguments: the shown arguments are those that run.

#![allow(clippy::option_option, reason = "a null that means something is the point")]

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use gate_runtime::Approval;
use gate_runtime::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use crate::scenarios::desk::{
    State, World, builder, call, dana, kinds, only_interruption, run, texts,
};
use crate::scenarios::stores::{Shared, fresh, on_every_store};

on_every_store! {
    c1_a_field_that_the_type_drops_is_refused_with_its_place,
    c1_a_flattened_part_that_is_not_whole_is_refused,
    c1_a_field_that_the_chosen_shape_does_not_have_is_refused,
    c2_a_number_that_the_type_rounds_is_shown_as_it_runs_beside_what_was_given,
    c2_a_text_that_the_type_rewrites_is_judged_and_runs_as_it_is_shown,
    c3_a_default_is_shown_and_digested_and_does_not_change_after_the_approval,
    c3_a_default_has_no_origin,
    c4_a_rejected_call_is_the_same_call_in_any_writing,
    c4_a_set_is_the_same_call_in_any_order,
    c5_a_rule_that_changes_the_arguments_approves_nothing,
    c5_a_type_that_reads_another_value_each_time_never_runs,
    c5_a_type_that_writes_what_it_reads_otherwise_is_refused,
    c6_an_edit_is_completed_too,
    c7_an_approval_from_before_arguments_were_completed_still_runs,
    c7_a_default_that_came_with_a_later_release_does_not_run_unseen,
    c8_a_null_that_means_something_stays,
    c10_a_default_that_differs_each_time_is_the_same_call,
    c10_what_was_given_in_its_place_is_no_default,
}

/// Nothing that can be said.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Options {}

/// A folder to clean.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Target {
    path: String,
    #[serde(flatten)]
    limits: Option<Limits>,
}

/// The limits of a cleaning.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Limits {
    only_older_than_days: u32,
    most: u32,
}

/// Everything in a region, or what one customer has there.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "the second shape is never read: that is the point")]
pub enum What {
    All { region: String },
    Only { region: String, customer: String },
}

/// Purge.
#[gated_tool(policy = "always_ask")]
pub fn purge(
    #[state] world: &World,
    options: Options,
    more: Vec<Options>,
    perhaps: Option<Options>,
) {
    let _ = (options, more, perhaps);
    world.ran.lock().unwrap().push("purge".to_owned());
}

/// Clean up.
#[gated_tool(policy = "always_ask")]
pub fn clean(#[state] world: &World, target: Target) {
    let path = target.path;
    let limits = target.limits.map(|limits| (limits.only_older_than_days, limits.most));
    world.ran.lock().unwrap().push(format!("clean {path} {limits:?}"));
}

/// Drop.
#[gated_tool(policy = "always_ask")]
pub fn drop_all(#[state] world: &World, what: What) {
    let _ = what;
    world.ran.lock().unwrap().push("drop".to_owned());
}

/// A text in small letters, whoever wrote it.
#[derive(Clone, PartialEq, Serialize, JsonSchema)]
pub struct Host(String);

impl<'de> Deserialize<'de> for Host {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(String::deserialize(deserializer)?.to_lowercase()))
    }
}

/// Measured work.
#[policy]
pub fn transfers(rules: Rules<Transfer>) -> Rules<Transfer> {
    rules
        .auto_approve("to our own host")
        .when(|call| call.to.0 == "intern.example")
        .otherwise(ask(role("manager")))
}

fn limit() -> u64 {
    LIMIT.with(Cell::get)
}

thread_local! {
    static LIMIT: Cell<u64> = const { Cell::new(10) };
}

/// Transfer.
#[gated_tool(policy = "transfers")]
pub fn transfer(
    #[state] world: &World,
    to: Host,
    amount: f32,
    #[serde(default = "limit")] most: u64,
) -> String {
    let line = format!("transfer {amount} to {} at most {most}", to.0);
    world.ran.lock().unwrap().push(line.clone());
    line
}

/// Delete.
#[gated_tool(policy = "always_ask")]
pub fn delete(
    #[state] world: &World,
    path: String,
    depth: Option<u32>,
    #[serde(default)] force: bool,
) {
    world.ran.lock().unwrap().push(format!("delete {path} {depth:?} {force}"));
}

/// Tag.
#[gated_tool(policy = "always_ask")]
pub fn tag(
    #[state] world: &World,
    tags: HashSet<String>,
    sorted: BTreeSet<u32>,
    notes: BTreeMap<String, Option<String>>,
) {
    world.ran.lock().unwrap().push(format!("tag {} {sorted:?} {notes:?}", tags.len()));
}

/// A number that rules can change.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
pub struct Changeable(#[schemars(with = "u64")] Mutex<u64>);

/// Changes what it looks at.
#[policy]
pub fn meddling(rules: Rules<Meddle>) -> Rules<Meddle> {
    rules
        .auto_approve("made small first")
        .when(|call| {
            *call.amount.0.lock().unwrap() = 1;
            true
        })
        .when(|call| *call.amount.0.lock().unwrap() < 10)
        .otherwise(ask(role("manager")))
}

/// Pay what the rules left.
#[gated_tool(policy = "meddling")]
pub fn meddle(#[state] world: &World, amount: Changeable) {
    world.ran.lock().unwrap().push(format!("meddle {}", amount.0.into_inner().unwrap()));
}

/// Another number each time.
#[derive(Serialize, JsonSchema)]
pub struct Fickle(u64);

static TURNS: AtomicU64 = AtomicU64::new(0);

impl<'de> Deserialize<'de> for Fickle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer)?;
        Ok(Self(TURNS.fetch_add(1, Ordering::Relaxed)))
    }
}

/// Run something fickle.
#[gated_tool(policy = "never_ask")]
pub fn waver(#[state] world: &World, amount: Fickle) {
    world.ran.lock().unwrap().push(format!("waver {}", amount.0));
}

/// A number that grows each time it is written.
#[derive(Deserialize, JsonSchema)]
pub struct Growing(u64);

impl Serialize for Growing {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0 + 1)
    }
}

/// Grow.
#[gated_tool(policy = "never_ask")]
pub fn grow(#[state] world: &World, amount: Growing) {
    world.ran.lock().unwrap().push(format!("grow {}", amount.0));
}

/// Tells `null` and absence apart.
fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Rename.
#[gated_tool(policy = "never_ask")]
pub fn rename(
    #[state] world: &World,
    #[serde(default, deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    title: Option<Option<String>>,
) {
    world.ran.lock().unwrap().push(format!("rename {title:?}"));
}

fn next() -> u64 {
    TURNS.fetch_add(1, Ordering::Relaxed)
}

/// Send once.
#[gated_tool(policy = "always_ask")]
pub fn send(#[state] world: &World, #[serde(default = "next")] key: u64) {
    world.ran.lock().unwrap().push(format!("send {key}"));
}

/// An account, by its name or in full.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "a name is read as the whole")]
pub enum Account {
    Name(String),
    Full { id: String, limit: u32 },
}

impl<'de> Deserialize<'de> for Account {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Name(String),
            Full { id: String, limit: u32 },
        }
        Ok(match Either::deserialize(deserializer)? {
            Either::Name(id) => Self::Full { id, limit: 5 },
            Either::Full { id, limit } => Self::Full { id, limit },
        })
    }
}

/// Bill.
#[gated_tool(policy = "always_ask")]
pub fn bill(account: Account) {
    let _ = account;
}

registry! {
    Tools for State {
        Purge, Clean, DropAll, Transfer, Delete, Tag, Meddle, Waver, Grow, Rename, Send, Bill,
    }
}

async fn gate(store: &Shared) -> (Gate<Tools>, std::sync::Arc<World>) {
    let state = State::default();
    (builder(store, &state).build().await.unwrap(), state.0)
}

async fn c1_a_field_that_the_type_drops_is_refused_with_its_place(store: Shared) {
    let (gate, world) = gate(&store).await;
    for (arguments, place) in [
        (json!({"options": {"dry_run": true}, "more": []}), "/options/dry_run"),
        (json!({"options": {}, "more": [{}, {"dry_run": true}]}), "/more/1/dry_run"),
        (json!({"options": {}, "more": [], "perhaps": {"dry_run": true}}), "/perhaps"),
    ] {
        let turn = run(&gate).submit([call("1", "purge", arguments)]).await.unwrap();
        assert_eq!(kinds(&turn), ["invalid"]);
        assert!(texts(&turn)[0].contains(&format!("at `{place}")), "{:?}", texts(&turn));
    }
    assert!(gate.pending().await.unwrap().is_empty());
    assert!(world.ran().is_empty());
}

async fn c1_a_flattened_part_that_is_not_whole_is_refused(store: Shared) {
    let (gate, world) = gate(&store).await;
    let part = json!({"target": {"path": "/srv", "only_older_than_days": 365}});
    let turn = run(&gate).submit([call("1", "clean", part)]).await.unwrap();
    assert_eq!(kinds(&turn), ["invalid"]);
    assert!(texts(&turn)[0].contains("at `/target/only_older_than_days`"), "{:?}", texts(&turn));
    let whole = json!({"target": {"path": "/srv", "only_older_than_days": 365, "most": 5}});
    let run = run(&gate);
    let turn = run.submit([call("2", "clean", whole)]).await.unwrap();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    assert_eq!(world.ran(), ["clean /srv Some((365, 5))"]);
}

async fn c1_a_field_that_the_chosen_shape_does_not_have_is_refused(store: Shared) {
    let (gate, world) = gate(&store).await;
    let turn = run(&gate)
        .submit([call("1", "drop_all", json!({"what": {"region": "eu", "customer": "mia"}}))])
        .await;
    let turn = turn.unwrap();
    assert_eq!(kinds(&turn), ["invalid"]);
    assert!(texts(&turn)[0].contains("at `/what/customer`"), "{:?}", texts(&turn));
    assert!(world.ran().is_empty());
}

async fn c2_a_number_that_the_type_rounds_is_shown_as_it_runs_beside_what_was_given(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let given = json!({"to": "x.example", "amount": 16_777_217, "most": 5});
    let turn = run.submit([call("1", "transfer", given.clone())]).await.unwrap();
    let approval = only_interruption(&turn).approval();
    assert_eq!(approval.arguments().get("amount"), Some(json!(16_777_216)));
    assert_eq!(approval.given().unwrap().to_json(), given);
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    let _ = run.proceed().await.unwrap();
    assert_eq!(world.ran(), ["transfer 16777216 to x.example at most 5"]);
}

async fn c2_a_text_that_the_type_rewrites_is_judged_and_runs_as_it_is_shown(store: Shared) {
    let (gate, world) = gate(&store).await;
    let turn = run(&gate)
        .submit([call("1", "transfer", json!({"to": "INTERN.example", "amount": 1, "most": 1}))])
        .await;
    let turn = turn.unwrap();
    assert_eq!(
        turn.answers()[0].approval().unwrap().arguments().get("to"),
        Some(json!("intern.example"))
    );
    assert_eq!(world.ran(), ["transfer 1 to intern.example at most 1"]);
}

async fn c3_a_default_is_shown_and_digested_and_does_not_change_after_the_approval(store: Shared) {
    LIMIT.with(|limit| limit.set(10));
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn =
        run.submit([call("1", "transfer", json!({"to": "x.example", "amount": 1}))]).await.unwrap();
    let approval = only_interruption(&turn).approval();
    assert_eq!(approval.arguments().to_json(), json!({"to": "x.example", "amount": 1, "most": 10}));
    assert_eq!(approval.given().unwrap().to_json(), json!({"to": "x.example", "amount": 1}));
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    LIMIT.with(|limit| limit.set(5_000_000));
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    LIMIT.with(|limit| limit.set(10));
    assert_eq!(world.ran(), ["transfer 1 to x.example at most 10"]);
}

async fn c3_a_default_has_no_origin(store: Shared) {
    LIMIT.with(|limit| limit.set(10));
    let (gate, _) = gate(&store).await;
    let run =
        run(&gate).history([Message::user("transfer 3 to x.example, and not more than 10 times")]);
    let turn =
        run.submit([call("1", "transfer", json!({"to": "x.example", "amount": 3}))]).await.unwrap();
    let places: Vec<&str> = only_interruption(&turn)
        .approval()
        .assessment()
        .origins()
        .map(|(place, _)| place)
        .collect();
    assert_eq!(places, ["/amount", "/to"]);
}

async fn c4_a_rejected_call_is_the_same_call_in_any_writing(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([call("1", "delete", json!({"path": "/srv"}))]).await.unwrap();
    only_interruption(&turn).reject(&dana(&gate).await, "never").await.unwrap();
    for (id, other) in [
        ("2", json!({"path": "/srv", "depth": null})),
        ("3", json!({"path": "/srv", "force": false})),
        ("4", json!({"force": false, "depth": null, "path": "/srv"})),
    ] {
        let turn = run.submit([call(id, "delete", other.clone())]).await.unwrap();
        assert_eq!(kinds(&turn), ["rejected"], "{other}");
    }
    let turn =
        run.submit([call("5", "delete", json!({"path": "/srv", "depth": 0}))]).await.unwrap();
    assert_eq!(kinds(&turn), ["waiting"]);
    assert!(world.ran().is_empty());
}

async fn c4_a_set_is_the_same_call_in_any_order(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let tags: Vec<String> = (0..40).map(|tag| format!("tag-{tag}")).collect();
    let arguments = json!({"tags": tags, "sorted": [10, 9, 100], "notes": {"a": null}});
    let turn = run.submit([call("1", "tag", arguments)]).await.unwrap();
    let reversed: Vec<&String> = tags.iter().rev().collect();
    let other = json!({"tags": reversed, "sorted": [100, 10, 9], "notes": {"a": null}});
    let again = run.submit([call("1", "tag", other)]).await.unwrap();
    assert_eq!(
        only_interruption(&turn).id(),
        only_interruption(&again).id(),
        "it is the same call"
    );
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    let _ = run.proceed().await.unwrap();
    assert_eq!(world.ran(), ["tag 40 {9, 10, 100} {\"a\": None}"]);
}

async fn c5_a_rule_that_changes_the_arguments_approves_nothing(store: Shared) {
    let (gate, world) = gate(&store).await;
    let turn = run(&gate).submit([call("1", "meddle", json!({"amount": 5_000}))]).await.unwrap();
    assert_eq!(kinds(&turn), ["invalid"]);
    assert!(texts(&turn)[0].contains("changed it"), "{:?}", texts(&turn));
    assert!(world.ran().is_empty());
}

async fn c5_a_type_that_reads_another_value_each_time_never_runs(store: Shared) {
    let (gate, world) = gate(&store).await;
    let turn = run(&gate).submit([call("1", "waver", json!({"amount": 1_000_000}))]).await.unwrap();
    assert_eq!(kinds(&turn), ["invalid"]);
    assert!(world.ran().is_empty());
}

async fn c5_a_type_that_writes_what_it_reads_otherwise_is_refused(store: Shared) {
    let (gate, world) = gate(&store).await;
    let turn = run(&gate).submit([call("1", "grow", json!({"amount": 1}))]).await.unwrap();
    assert_eq!(kinds(&turn), ["invalid"]);
    assert!(texts(&turn)[0].contains("nobody could say what would run"), "{:?}", texts(&turn));
    assert!(world.ran().is_empty());
}

async fn c6_an_edit_is_completed_too(store: Shared) {
    LIMIT.with(|limit| limit.set(10));
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn = run
        .submit([call("1", "transfer", json!({"to": "x.example", "amount": 1, "most": 3}))])
        .await
        .unwrap();
    let edit = Edit::new().remove("most").set("to", "Y.EXAMPLE");
    let edited = only_interruption(&turn).edit(&dana(&gate).await, edit).await.unwrap();
    assert_eq!(
        edited.approval().arguments().to_json(),
        json!({"to": "y.example", "amount": 1, "most": 10})
    );
    let _ = run.proceed().await.unwrap();
    assert_eq!(world.ran(), ["transfer 1 to y.example at most 10"]);
}

/// Returns an approval as an earlier version stored it, which did not complete arguments.
fn as_before(approval: &Approval) -> Approval {
    let mut stored = serde_json::to_value(approval).unwrap();
    stored["arguments"] = stored["given"].take();
    stored.as_object_mut().unwrap().remove("given");
    stored["edition"] = json!(2);
    for vote in stored["votes"].as_array_mut().unwrap() {
        vote["arguments"] = stored_digest(&approval.given().unwrap().to_json());
        vote.as_object_mut().unwrap().remove("shown");
    }
    serde_json::from_value(stored).unwrap()
}

fn stored_digest(arguments: &Value) -> Value {
    let text = serde_json::to_string(arguments).unwrap();
    json!(gate_runtime::id::Digest::of(text))
}

async fn c7_an_approval_from_before_arguments_were_completed_still_runs(_: Shared) {
    LIMIT.with(|limit| limit.set(10));
    let store = fresh();
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn =
        run.submit([call("1", "transfer", json!({"amount": 1, "to": "x.example"}))]).await.unwrap();
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    let approved = gate.approval(only_interruption(&turn).id()).await.unwrap().unwrap();
    assert!(world.ran().is_empty());
    // Its row and its records, as they were written then.
    let mut changes = gate_runtime::store::Changeset::at(gate_runtime::Timestamp::now());
    let mut before = as_before(&approved);
    before.set_version(1);
    let about = gate_runtime::store::RecordFilter::after(0).call(approved.id());
    for record in store.records(&about).await.unwrap() {
        let mut record = serde_json::to_value(&*record).unwrap();
        let event = record["event"].as_object_mut().unwrap();
        if let Some(given) = event.remove("given") {
            event["arguments"] = given;
            event["edition"] = json!(2);
        } else {
            event["vote"] = serde_json::to_value(&before.votes()[0]).unwrap();
        }
        changes.records.push(serde_json::from_value(record).unwrap());
    }
    changes.approvals.push(std::sync::Arc::new(before));
    let store = fresh();
    assert_eq!(store.commit(changes).await.unwrap(), gate_runtime::store::CommitOutcome::Done);
    let (gate, world) = self::gate(&store).await;
    let run = crate::scenarios::desk::run(&gate);
    // The repeated call is the same call, and it runs.
    let turn =
        run.submit([call("1", "transfer", json!({"to": "x.example", "amount": 1}))]).await.unwrap();
    assert_eq!(kinds(&turn), ["succeeded"], "{:?}", texts(&turn));
    assert_eq!(world.ran(), ["transfer 1 to x.example at most 10"]);
}

mod release {
    use super::*;

    /// Delete, as it was before it had a depth.
    #[gated_tool(policy = "always_ask")]
    pub fn delete(#[state] world: &World, path: String) {
        world.ran.lock().unwrap().push(format!("delete {path}"));
    }

    registry! { pub Tools for State { Delete } }
}

mod later {
    use super::*;

    fn deep() -> u32 {
        99
    }

    /// Delete, as it was before it had a depth.
    #[gated_tool(policy = "always_ask")]
    pub fn delete(#[state] world: &World, path: String, #[serde(default = "deep")] depth: u32) {
        world.ran.lock().unwrap().push(format!("delete {path} {depth}"));
    }

    registry! { pub Tools for State { Delete } }
}

async fn c7_a_default_that_came_with_a_later_release_does_not_run_unseen(store: Shared) {
    let state = State::default();
    let old: Gate<release::Tools> = builder(&store, &state).build().await.unwrap();
    let run = run(&old);
    let turn = run.submit([call("1", "delete", json!({"path": "/srv"}))]).await.unwrap();
    only_interruption(&turn).approve(&dana(&old).await).await.unwrap();
    let saved = run.state().await.unwrap();
    let new: Gate<later::Tools> = builder(&store, &state).build().await.unwrap();
    let turn = new.resume(saved).await.unwrap().proceed().await.unwrap();
    assert_eq!(kinds(&turn), ["approved"]);
    assert!(texts(&turn)[0].contains("which nobody approved"), "{:?}", texts(&turn));
    assert!(state.0.ran().is_empty());
}

async fn c8_a_null_that_means_something_stays(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let _ = run.submit([call("1", "rename", json!({}))]).await.unwrap();
    let _ = run.submit([call("2", "rename", json!({"title": null}))]).await.unwrap();
    let _ = run.submit([call("3", "rename", json!({"title": "x"}))]).await.unwrap();
    assert_eq!(world.ran(), ["rename None", "rename Some(None)", "rename Some(Some(\"x\"))"]);
}

async fn c10_a_default_that_differs_each_time_is_the_same_call(store: Shared) {
    let (gate, world) = gate(&store).await;
    let run = run(&gate);
    let turn = run.submit([call("1", "send", json!({}))]).await.unwrap();
    let again = run.submit([call("1", "send", json!({}))]).await.unwrap();
    assert_eq!(only_interruption(&turn).id(), only_interruption(&again).id());
    only_interruption(&turn).reject(&dana(&gate).await, "never").await.unwrap();
    assert_eq!(kinds(&run.submit([call("2", "send", json!({}))]).await.unwrap()), ["rejected"]);
    assert!(world.ran().is_empty());
}

async fn c10_what_was_given_in_its_place_is_no_default(store: Shared) {
    let (gate, _) = gate(&store).await;
    let turn = run(&gate).submit([call("1", "bill", json!({"account": "evil"}))]).await.unwrap();
    let rows: Vec<String> = only_interruption(&turn)
        .approval()
        .shown_arguments(None)
        .iter()
        .filter_map(gate_runtime::review::ShownArgument::describe_source)
        .collect();
    assert_eq!(rows, ["given as \"evil\""], "of the limit; the id is what was given");
}

mod unlike {
    use super::*;

    /// A pair whose halves go one way each.
    #[derive(Serialize, Deserialize, JsonSchema)]
    #[allow(dead_code, reason = "it is never built")]
    pub struct Pair {
        #[serde(skip_serializing)]
        unseen: String,
        #[serde(rename(serialize = "out", deserialize = "in"))]
        turned: u64,
    }

    /// Take a pair.
    #[gated_tool(policy = "always_ask")]
    pub fn put(pairs: Vec<Pair>) {
        let _ = pairs;
    }

    registry! { pub Tools for () { Put } }
}

#[tokio::test]
async fn c9_a_tool_that_writes_other_fields_than_it_reads_is_not_built() {
    let refused = Gate::<unlike::Tools>::builder(()).build().await.unwrap_err().to_string();
    for problem in [
        "tool `put`: the argument `/pairs/*/unseen` is read and never written",
        "tool `put`: the argument `/pairs/*/in` is read and never written",
        "tool `put`: the argument `/pairs/*/out` is written and never read",
    ] {
        assert!(refused.contains(problem), "{refused}");
    }
}
