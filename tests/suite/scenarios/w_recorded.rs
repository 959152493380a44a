//! W. Changes of the database: a call runs only if it agrees with its records, and with a trail
//! also with the sealed records.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use gate_runtime::audit::{KeyKind, SigningKey};
use gate_runtime::id::{ApprovalId, Digest};
use gate_runtime::prelude::*;
use gate_runtime::records::{GateEvent, Record, RecordEvent};
use gate_runtime::remote::RemoteCall;
use gate_runtime::review::Status;
use gate_runtime::{NoTools, Run, Trail};
use gate_sqlite::SqliteStore;
use rusqlite::{Connection, params};
use serde_json::{Value, json};

use crate::scenarios::desk::{
    State, Tools, World, builder, call, dana, kinds, only_interruption, records, run, until,
};
use crate::scenarios::stores::Shared;

/// A database and a trail on a disk.
struct DatabaseFixture {
    folder: tempfile::TempDir,
    has_trail: bool,
}

impl DatabaseFixture {
    fn new(has_trail: bool) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), has_trail }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("gate.db")
    }

    fn trail(&self) -> Trail {
        let key = SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32]).unwrap();
        Trail::in_folder(self.folder.path().join("trail"), key)
    }

    async fn store(&self) -> Shared {
        Arc::new(SqliteStore::open(&self.file()).await.unwrap())
    }

    /// Builds a gate over it, like a process.
    async fn gate(&self, world: &Arc<World>) -> Gate<Tools> {
        let builder = builder(&self.store().await, &State(Arc::clone(world)));
        let builder = if self.has_trail { builder.trail(self.trail()) } else { builder };
        builder.build().await.unwrap()
    }

    /// Runs SQL, as somebody with a shell could.
    fn sql(&self, sql: &str, id: ApprovalId) {
        let changed =
            Connection::open(self.file()).unwrap().execute(sql, params![id.to_string()]).unwrap();
        assert!(changed > 0, "{sql}");
    }

    /// Changes the row of a call.
    fn forge(&self, id: ApprovalId, change: impl FnOnce(&mut Value)) {
        let connection = Connection::open(self.file()).unwrap();
        let body = "SELECT body FROM approvals WHERE id = ?";
        let body: String = connection.query_row(body, [id.to_string()], |row| row.get(0)).unwrap();
        let mut row: Value = serde_json::from_str(&body).unwrap();
        change(&mut row);
        let written = "UPDATE approvals SET body = ?, status = ?, owed = 1 WHERE id = ?";
        let status = row["status"].as_str().unwrap();
        assert_eq!(
            connection.execute(written, (row.to_string(), status, id.to_string())).unwrap(),
            1
        );
    }

    /// Sets the row of a call that ran back to its state before.
    fn set_back(&self, id: ApprovalId) {
        self.forge(id, |row| {
            row["status"] = json!("approved");
            let row = row.as_object_mut().unwrap();
            row.remove("attempts");
            row.remove("outcome");
        });
    }
}

fn pay() -> ToolCall {
    call("1", "pay", json!({"to": "ann", "amount": 500}))
}

async fn seal(gate: &Gate<Tools>, fixture: &DatabaseFixture) {
    if fixture.has_trail {
        gate.seal().await.unwrap();
    }
}

/// Returns a payment that a person approved.
async fn approved(gate: &Gate<Tools>, fixture: &DatabaseFixture) -> (Run<Tools>, ApprovalId) {
    let run = run(gate);
    let turn = run.submit([pay()]).await.unwrap();
    let id = only_interruption(&turn).approve(&dana(gate).await).await.unwrap().approval().id();
    seal(gate, fixture).await;
    (run, id)
}

/// Returns a payment that was approved and made.
async fn paid(gate: &Gate<Tools>, fixture: &DatabaseFixture) -> ApprovalId {
    let (run, id) = approved(gate, fixture).await;
    let turn = run.proceed().await.unwrap();
    assert_eq!(kinds(&turn), ["succeeded"]);
    run.acknowledge(&turn).await.unwrap();
    seal(gate, fixture).await;
    id
}

/// Returns the reason why the only call of a turn does not run, because its stored state is
/// disputed.
fn disputed(turn: &Turn) -> String {
    let [answer] = turn.answers() else { panic!("{turn:?}") };
    let CallResult::Approved(Some(NotRun::Disputed { problem })) = answer.result() else {
        panic!("{turn:?}")
    };
    assert!(answer.for_model().contains("its state is not known"), "{}", answer.for_model());
    assert!(
        problem.contains("not match its records") && problem.contains("gate audit log --call"),
        "{problem}"
    );
    problem.clone()
}

/// Checks that nothing runs in any of the possible ways, that every caller gets the reason, and
/// that it is recorded once.
async fn assert_nothing_runs(gate: &Gate<Tools>, world: &World, ran: usize, why: &str) {
    drop(run(gate).proceed().await.unwrap());
    for _ in 0..2 {
        let problem = disputed(&run(gate).submit([pay()]).await.unwrap());
        assert!(problem.contains(why), "{problem}");
    }
    assert_eq!(world.ran().len(), ran, "{:?}", world.ran());
    let noted = |record: &Arc<Record>| match record.event() {
        RecordEvent::Gate(GateEvent::CallUnjudged { problem, .. }) => Some(problem.to_string()),
        _ => None,
    };
    let noted: Vec<String> = records(gate).await.iter().filter_map(noted).collect();
    assert!(noted.len() == 1 && noted[0].contains(why), "{noted:?}");
}

/// Returns the reported problem of an ended call whose row has it as approved.
fn set_back_is(has_trail: bool) -> &'static str {
    if has_trail { "it has ended, according to the trail" } else { "its state and its attempts" }
}

#[tokio::test]
async fn w_a_paid_row_that_is_set_back_to_approved_does_not_run_again() {
    for has_trail in [false, true] {
        let (fixture, world) = (DatabaseFixture::new(has_trail), Arc::default());
        let gate = fixture.gate(&world).await;
        let id = paid(&gate, &fixture).await;
        fixture.set_back(id);
        assert_nothing_runs(&gate, &world, 1, set_back_is(has_trail)).await;
    }
}

#[tokio::test]
async fn w_it_does_not_run_after_a_restart_either() {
    for has_trail in [false, true] {
        let (fixture, world) = (DatabaseFixture::new(has_trail), Arc::default());
        let gate = fixture.gate(&world).await;
        let id = paid(&gate, &fixture).await;
        drop(gate);
        fixture.set_back(id);
        let gate = fixture.gate(&world).await;
        assert_nothing_runs(&gate, &world, 1, set_back_is(has_trail)).await;
    }
}

#[tokio::test]
async fn w_arguments_that_are_changed_under_a_vote_do_not_run() {
    for has_trail in [false, true] {
        let (fixture, world) = (DatabaseFixture::new(has_trail), Arc::default());
        let gate = fixture.gate(&world).await;
        let (run, id) = approved(&gate, &fixture).await;
        fixture.forge(id, |row| {
            let changed = json!({"to": "mallory", "amount": 500});
            let digest = json!(Digest::of(r#"{"amount":500,"to":"mallory"}"#).to_string());
            (row["arguments"]["json"], row["arguments"]["digest"]) = (changed, digest.clone());
            row["votes"][0]["arguments"] = digest;
        });
        assert!(disputed(&run.proceed().await.unwrap()).contains("its arguments"));
        assert!(world.ran().is_empty());
    }
}

#[tokio::test]
async fn w_a_question_whose_arguments_are_changed_before_the_vote_does_not_run() {
    let (fixture, world) = (DatabaseFixture::new(true), Arc::default());
    let gate = fixture.gate(&world).await;
    let turn = run(&gate).submit([pay()]).await.unwrap();
    let id = only_interruption(&turn).id();
    gate.seal().await.unwrap();
    fixture.forge(id, |row| {
        row["arguments"]["json"]["to"] = json!("mallory");
        row["arguments"]["digest"] =
            json!(Digest::of(r#"{"amount":500,"to":"mallory"}"#).to_string());
    });
    let shown = gate.interruption(id).await.unwrap().unwrap();
    let first = shown.review().notices()[0].text().to_owned();
    assert!(
        first.contains("not match its records (") && first.contains("Trust nothing"),
        "{first}"
    );
    shown.approve(&dana(&gate).await).await.unwrap();
    drop(run(&gate).proceed().await.unwrap());
    assert!(world.ran().is_empty());
    assert!(records(&gate).await.iter().any(|record| record.kind() == "call_unjudged"));
}

#[tokio::test]
async fn w_a_requirement_a_vote_and_a_time_that_are_changed_do_not_run() {
    type Forgery = fn(&mut Value);
    let forgeries: [(&str, Forgery); 4] = [
        ("the people who are asked", |row| row["requirements"] = json!([])),
        ("its votes", |row| row["votes"][0]["reviewer"] = json!("omar")),
        ("its times", |row| row["approved_at"] = json!("2999-01-01T00:00:00Z")),
        ("its run, agent and tool", |row| row["principal"] = json!("omar")),
    ];
    for (what, forgery) in forgeries {
        let (fixture, world) = (DatabaseFixture::new(false), Arc::default());
        let gate = fixture.gate(&world).await;
        let (_, id) = approved(&gate, &fixture).await;
        fixture.forge(id, forgery);
        drop(run(&gate).proceed().await.unwrap());
        let noted = serde_json::to_string(&records(&gate).await).unwrap();
        assert!(noted.contains("not match its records") && noted.contains(what), "{what}: {noted}");
        assert!(world.ran().is_empty(), "{what}");
    }
}

#[tokio::test]
async fn w_with_a_trail_records_that_are_deleted_let_nothing_run_again() {
    let begun = "DELETE FROM records WHERE approval = ? AND body ->> '$.event.type' IN \
        ('dispatched', 'finished', 'reassessed')";
    for (deleted, why) in [
        (begun, "it has ended, according to the trail"),
        (
            "UPDATE records SET approval = NULL WHERE approval = ? AND body ->> '$.status' <> \
             'approved'",
            "it has ended",
        ),
    ] {
        let (fixture, world) = (DatabaseFixture::new(true), Arc::default());
        let gate = fixture.gate(&world).await;
        let id = paid(&gate, &fixture).await;
        fixture.set_back(id);
        fixture.sql(deleted, id);
        assert_nothing_runs(&gate, &world, 1, why).await;
    }
}

#[tokio::test]
async fn w_with_a_trail_the_record_of_a_vote_that_was_taken_back_cannot_be_hidden() {
    let (fixture, world) = (DatabaseFixture::new(true), Arc::default());
    let gate = fixture.gate(&world).await;
    let turn = run(&gate).submit([call("1", "wipe", json!({"disk": "a"}))]).await.unwrap();
    let id = only_interruption(&turn).id();
    // Attempts that failed, were lost, or are asked about again: the calls are open, and their
    // records count.
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    gate.seal().await.unwrap();
    fixture.sql("DELETE FROM records WHERE approval = ? AND body ->> '$.event.type' = 'voted'", id);
    fixture.forge(id, |_| {});
    let why =
        disputed(&run(&gate).submit([call("1", "wipe", json!({"disk": "a"}))]).await.unwrap());
    assert!(why.contains("which was sealed, is not in the database"), "{why}");
    assert!(world.ran().is_empty());
}

#[tokio::test]
async fn w_with_a_trail_a_record_that_is_put_in_the_place_of_another_counts_for_nothing() {
    let (fixture, world) = (DatabaseFixture::new(true), Arc::default());
    let gate = fixture.gate(&world).await;
    // The row of a question, and a vote that nobody gave instead of a sealed record of another
    // call.
    let turn = run(&gate)
        .submit([pay(), call("2", "pay", json!({"to": "bob", "amount": 600}))])
        .await
        .unwrap();
    let [first, second] = turn.interruptions() else { panic!("{turn:?}") };
    let other = DatabaseFixture::new(false);
    let elsewhere = other.gate(&Arc::default()).await;
    let (_, approved) = approved(&elsewhere, &other).await;
    let vote: String = Connection::open(other.file())
        .unwrap()
        .query_row(
            "SELECT body ->> '$.event' FROM records WHERE approval = ? AND body ->> \
             '$.event.type' = 'voted'",
            [approved.to_string()],
            |row| row.get(0),
        )
        .unwrap();
    gate.seal().await.unwrap();
    let mut vote: Value = serde_json::from_str(&vote).unwrap();
    vote["vote"].as_object_mut().unwrap().remove("shown");
    let connection = Connection::open(fixture.file()).unwrap();
    let forged = "UPDATE records SET approval = ?1, body = json_set(
            (SELECT body FROM records WHERE approval = ?1), '$.seq', seq, '$.status', 'approved', \
            '$.event', json(?2)
        ) WHERE approval = ?3";
    let (first, second) = (first.id(), second.id());
    assert_eq!(
        connection
            .execute(forged, params![first.to_string(), vote.to_string(), second.to_string()])
            .unwrap(),
        1
    );
    drop(connection);
    fixture.forge(first, |row| {
        row["status"] = json!("approved");
        row["votes"] = json!([vote["vote"].clone()]);
        row["approved_at"] = vote["vote"]["at"].clone();
    });
    let why = disputed(&run(&gate).submit([pay()]).await.unwrap());
    assert!(why.contains("of the database is not in the trail"), "{why}");
    assert!(world.ran().is_empty());
}

/// A record of an import does not excuse other changes of the call.
#[tokio::test]
async fn w_a_record_of_an_import_hides_nothing() {
    for has_trail in [false, true] {
        let (fixture, world) = (DatabaseFixture::new(has_trail), Arc::default());
        let gate = fixture.gate(&world).await;
        let (run, id) = approved(&gate, &fixture).await;
        fixture.forge(id, |row| {
            row["arguments"]["json"]["to"] = json!("mallory");
            row["arguments"]["digest"] =
                json!(Digest::of(r#"{"amount":500,"to":"mallory"}"#).to_string());
            row["votes"] = json!([]);
            row["grant"] = json!("019a0000-0000-7000-8000-000000000000");
            row["granted_by"] = json!("dana");
        });
        let forged = "INSERT INTO records (seq, body, approval) SELECT
            (SELECT max(seq) FROM records) + 1,
            json_set(
                body, '$.seq', (SELECT max(seq) FROM records) + 1,
                '$.event', json('{\"type\":\"imported\"}')
            ),
            approval
            FROM records WHERE approval = ? ORDER BY seq DESC LIMIT 1";
        fixture.sql(forged, id);
        let why = disputed(&run.proceed().await.unwrap());
        assert!(why.contains("record"), "{why}");
        assert!(world.ran().is_empty());
    }
}

/// Checks that a call from another store is compared completely, too.
#[tokio::test]
async fn w_an_imported_call_runs_as_it_came_and_not_changed() {
    for is_changed in [false, true] {
        let (from, to, world) =
            (DatabaseFixture::new(false), DatabaseFixture::new(true), Arc::default());
        let elsewhere = from.gate(&world).await;
        let run = run(&elsewhere);
        drop(run.submit([pay()]).await.unwrap());
        let saved = run.state().await.unwrap();
        let gate = to.gate(&world).await;
        let run = gate.resume(saved).await.unwrap();
        let turn = run.submit([pay()]).await.unwrap();
        let id =
            only_interruption(&turn).approve(&dana(&gate).await).await.unwrap().approval().id();
        gate.seal().await.unwrap();
        if is_changed {
            to.forge(id, |row| {
                let digest = json!(Digest::of(r#"{"amount":500,"to":"mallory"}"#).to_string());
                row["arguments"]["json"]["to"] = json!("mallory");
                (row["arguments"]["digest"], row["votes"][0]["arguments"]) =
                    (digest.clone(), digest);
            });
            assert!(disputed(&run.proceed().await.unwrap()).contains("its arguments"));
            assert!(world.ran().is_empty());
        } else {
            assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
            assert_eq!(world.ran(), ["pay 500 to ann"]);
        }
    }
}

#[tokio::test]
async fn w_a_process_that_does_not_write_the_trail_knows_it_too() {
    let (fixture, world) = (DatabaseFixture::new(true), Arc::default());
    let writer = fixture.gate(&world).await;
    let follower = fixture.gate(&world).await;
    let id = paid(&follower, &fixture).await;
    assert!(!follower.trail().unwrap().is_writing());
    writer.seal().await.unwrap();
    let sealed = writer.trail().unwrap().sealed();
    until(async || follower.trail().unwrap().sealed() >= sealed).await;
    fixture.set_back(id);
    fixture.sql(
        "DELETE FROM records WHERE approval = ? AND body ->> '$.status' NOT IN ('pending', \
        'approved')",
        id,
    );
    let why = disputed(&run(&follower).submit([pay()]).await.unwrap());
    assert!(why.contains("it has ended, according to the trail"), "{why}");
    assert_eq!(world.ran().len(), 1);
}

#[tokio::test]
async fn w_a_remote_call_that_was_changed_or_set_back_does_not_begin() {
    let place = DatabaseFixture::new(true);
    let people = StaticDirectory::new().person("dana", ["manager"]);
    let gate = Gate::builder(()).directory(people).store(place.store().await).trail(place.trail());
    let gate: Gate<NoTools> = gate.build().await.unwrap();
    let dana = gate.reviewer("dana").await.unwrap();
    let bot = gate.remote("bot");
    let ask = |id: &str| {
        let schema = json!({
            "type": "object", "additionalProperties": false,
            "properties": {"amount": {"type": "integer"}}, "required": ["amount"],
        });
        RemoteCall::new(id, "refund", r#"{"amount":50}"#)
            .run("run")
            .schema(schema)
            .ask("it is money", ask(anyone()))
    };
    let approve = async |id: ApprovalId| {
        gate.interruption(id).await.unwrap().unwrap().approve(&dana).await.unwrap();
        gate.seal().await.unwrap();
    };
    let changed = bot.ask(ask("1")).await.unwrap().id();
    approve(changed).await;
    place.forge(changed, |row| {
        let digest = json!(Digest::of(r#"{"amount":5000}"#).to_string());
        (row["arguments"]["json"]["amount"], row["arguments"]["digest"]) =
            (json!(5000), digest.clone());
        row["votes"][0]["arguments"] = digest;
    });
    let again = bot.ask(ask("2")).await.unwrap().id();
    approve(again).await;
    let begun = bot.begin(again).await.unwrap();
    bot.end(again, begun.attempts(), ToolOutcome::returned(&json!(50))).await.unwrap();
    gate.seal().await.unwrap();
    place.set_back(again);
    for id in [changed, again] {
        let refused = bot.begin(id).await.unwrap_err();
        assert!(matches!(refused, NotRun::Disputed { .. }), "{refused}");
        assert_eq!(
            bot.approval(id).await.unwrap().unwrap().status(),
            Status::Approved,
            "nothing was written over it"
        );
    }
    let fine = bot.ask(ask("3")).await.unwrap().id();
    approve(fine).await;
    assert_eq!(bot.begin(fine).await.unwrap().arguments().as_json(), r#"{"amount":50}"#);
}

#[tokio::test]
async fn w_a_call_that_a_standing_permission_covers_does_not_run_changed() {
    let fixture = DatabaseFixture::new(false);
    let people = StaticDirectory::new().person("dana", ["manager"]);
    let gate: Gate<NoTools> =
        Gate::builder(()).directory(people).store(fixture.store().await).build().await.unwrap();
    let dana = gate.reviewer("dana").await.unwrap();
    let bot = gate.remote("bot");
    let ask = |id: &str, amount: u64| {
        let schema = json!({
            "type": "object", "additionalProperties": false,
            "properties": {"amount": {"type": "integer"}}, "required": ["amount"],
        });
        let call = RemoteCall::new(id, "refund", json!({"amount": amount}).to_string())
            .run("run")
            .schema(schema);
        call.ask("it is money", ask(anyone()))
    };
    let first = bot.ask(ask("1", 50)).await.unwrap().id();
    let question = gate.interruption(first).await.unwrap().unwrap();
    question.grant(&dana, Scope::this_run()).await.unwrap();
    let covered = bot.ask(ask("2", 50)).await.unwrap();
    assert_eq!(covered.status(), Status::Approved);
    fixture.forge(covered.id(), |row| {
        let digest = json!(Digest::of(r#"{"amount":5000}"#).to_string());
        (row["arguments"]["json"]["amount"], row["arguments"]["digest"]) = (json!(5000), digest);
    });
    let refused = bot.begin(covered.id()).await.unwrap_err();
    assert!(refused.for_reviewer().contains("its arguments"), "{refused}");
}

/// Sets something, however often.
#[gated_tool(policy = "always_ask", idempotent)]
fn set(#[state] world: &World, what: String) {
    world.ran.lock().unwrap().push(what);
}

mod retried {
    use super::*;

    registry! { pub Again for State { Set } }
}

#[tokio::test]
async fn w_a_call_that_ran_is_not_tried_again_because_its_row_says_that_it_was_lost() {
    let (fixture, world) = (DatabaseFixture::new(false), Arc::<World>::default());
    let gate: Gate<retried::Again> =
        builder(&fixture.store().await, &State(Arc::clone(&world))).build().await.unwrap();
    let run = gate.run("run");
    let turn = run.submit([call("1", "set", json!({"what": "a"}))]).await.unwrap();
    let id = only_interruption(&turn).approve(&dana(&gate).await).await.unwrap().approval().id();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
    fixture.forge(id, |row| {
        row["status"] = json!("indeterminate");
        row.as_object_mut().unwrap().remove("outcome");
    });
    gate.recover().await.unwrap();
    drop(run.proceed().await.unwrap());
    drop(gate.run("run").submit([call("1", "set", json!({"what": "a"}))]).await.unwrap());
    assert_eq!(world.ran(), ["a"]);
}

#[tokio::test]
async fn w_it_is_in_the_security_log() {
    let (fixture, world) = (DatabaseFixture::new(false), Arc::default());
    let gate = fixture.gate(&world).await;
    let id = paid(&gate, &fixture).await;
    fixture.set_back(id);
    let log = Log::default();
    {
        let _guard = tracing::subscriber::set_default(log.clone());
        drop(run(&gate).proceed().await.unwrap());
    }
    let lines = log.0.lock().unwrap().clone();
    assert!(lines.len() == 1 && lines[0].contains("call_is_not_as_recorded"), "{lines:?}");
    assert!(
        lines[0].contains(&id.to_string()) && lines[0].contains("its state and its attempts"),
        "{lines:?}"
    );
    assert!(!lines[0].contains("ann"), "no arguments: {lines:?}");
}

/// Keeps the lines of the security log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

struct LogText(String);

impl tracing::field::Visit for LogText {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        let _ = std::fmt::Write::write_fmt(&mut self.0, format_args!(" {field}={value:?}"));
    }
}

impl tracing::Subscriber for Log {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "gate::security"
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = LogText(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}
