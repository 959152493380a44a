//! What a gate has really written: a long record, a secret that is disclosed, a signed vote, a key that was replaced, a break.

use std::path::Path;
use std::sync::Arc;

use gate_runtime::audit::{Evidence, KeyKind, LogKeys, Receipt, SigningKey, WitnessPolicy, read_keys};
use gate_runtime::prelude::*;
use gate_runtime::{Changeset, CommitOutcome, NoTools, RecordFilter, Store, Trail, TrailReader};
use serde_json::json;

use crate::programs::programs;

/// Sign in somewhere.
#[gated_tool(policy = "always_ask", secret(password))]
fn sign_in(user: String, password: String) -> String {
    format!("hello {user}, {} letters", password.len())
}

/// Read something.
#[gated_tool(policy = "never_ask", read_only)]
fn read(id: String) -> String {
    id
}

registry! { Tools for () { SignIn, Read } }

const ORIGIN: &str = "example.com/gate/desk";
const PASSWORD: &str = "correct horse \"battery\" stäple";

struct Desk {
    dir: tempfile::TempDir,
    dana: SigningKey,
}

impl Desk {
    fn trail(&self) -> Trail {
        Trail::in_folder(self.folder(), Trail::read_key(self.key()).unwrap())
    }

    fn folder(&self) -> std::path::PathBuf {
        self.dir.path().join("trail")
    }

    fn key(&self) -> std::path::PathBuf {
        self.dir.path().join("trail.key")
    }

    fn people(&self) -> StaticDirectory {
        StaticDirectory::new().person("dana", ["manager"]).with_key(self.dana.verifier().clone())
    }

    async fn gate(&self, store: &Arc<MemoryStore>) -> Gate<Tools> {
        let builder = Gate::builder(()).directory(self.people()).store(Arc::clone(store)).trail(self.trail());
        builder.build().await.unwrap()
    }
}

/// The gate lets go of its trail once it has sealed what is left.
async fn dropped(desk: &Desk, gate: Gate<Tools>) {
    gate.seal().await.unwrap();
    drop(gate);
    let lock = std::fs::File::options().write(true).open(desk.folder().join("lock")).unwrap();
    while lock.try_lock().is_err() {
        tokio::task::yield_now().await;
    }
}

fn reader(folder: &Path, keys: &LogKeys) -> TrailReader {
    TrailReader::open(folder, keys, &WitnessPolicy::none()).unwrap()
}

/// Everything about one call, as `gate audit disclose` has it.
fn receipt(reader: &TrailReader, id: &str, disclosure: &str) -> String {
    let about = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(id);
    let found = reader.entries(0).map(Result::unwrap).filter(|(_, bytes)| about(bytes)).map(|(index, _)| index);
    let mut evidence: Vec<Evidence> = found.map(|index| reader.evidence(index).unwrap()).collect();
    let assessed = evidence.remove(0).with(disclosure);
    evidence.insert(0, assessed);
    Receipt::new(evidence, reader.note().clone()).unwrap().to_string()
}

#[tokio::test]
async fn what_a_gate_has_written_is_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk { dir, dana: SigningKey::from_seed("dana", KeyKind::Log, [9; 32]).unwrap() };
    let first = Trail::create_key(desk.key(), ORIGIN).unwrap().verifier().clone();
    let store = Arc::new(MemoryStore::new());
    let gate = desk.gate(&store).await;
    let dana = gate.reviewer("dana").await.unwrap();
    let run = gate.run("run-1").on_behalf_of("mia").case("ticket-7");
    let arguments = json!({"user": "mia", "password": PASSWORD}).to_string();
    let turn = run.submit([ToolCall::new("1", "sign_in", arguments)]).await.unwrap();
    let id = turn.interruptions()[0].id();
    turn.interruptions()[0].approve(&dana).sign_with(&desk.dana).await.unwrap();
    drop(run.proceed().await.unwrap());
    let long = json!({"id": "x".repeat(70_000)}).to_string();
    drop(run.submit([ToolCall::new("2", "read", long)]).await.unwrap());
    let approval = gate.approval(id).await.unwrap().unwrap();
    let disclosure = approval.arguments().disclose("/password", &json!(PASSWORD)).unwrap().to_string();
    drop((run, turn));
    dropped(&desk, gate).await;
    Trail::rotate_key(desk.folder(), desk.key()).unwrap();

    // An older copy is brought back, and settled.
    let older = Arc::new(MemoryStore::new());
    for record in store.records(&RecordFilter::after(0).limit(6)).await.unwrap() {
        let mut changeset = Changeset::at(record.at());
        changeset.records.push((*record).clone());
        assert_eq!(older.commit(changeset).await.unwrap(), CommitOutcome::Done);
    }
    let settler: Gate<NoTools> =
        Gate::builder(()).directory(desk.people()).store(Arc::clone(&older)).build().await.unwrap();
    let dana = settler.reviewer("dana").await.unwrap();
    settler.settle_trail(&Arc::new(desk.trail()), &dana, "restored Monday's backup").await.unwrap();
    let gate = desk.gate(&older).await;
    drop(gate.run("run-2").submit([ToolCall::new("1", "read", json!({"id": "a"}).to_string())]).await.unwrap());
    dropped(&desk, gate).await;

    let keys = read_keys(desk.folder(), ORIGIN, first.clone()).unwrap();
    let reader = reader(&desk.folder(), &keys);
    let paper = receipt(&reader, &id.to_string(), &disclosure);
    let with_keys = ["--keys".to_owned(), desk.folder().join("keys").to_string_lossy().into_owned()];
    let with_keys: Vec<&str> = with_keys.iter().map(String::as_str).collect();
    for program in programs() {
        let said = program.trail(&desk.folder(), &first.to_string(), &[]).accepts();
        assert!(said.contains(&format!("{ORIGIN}, {} entries", reader.size())), "{said}");
        let said = program.receipt(&paper, &first.to_string(), &with_keys).accepts();
        assert!(said.contains("correct horse"), "{said}");
        let forged = paper.replace("battery", "buttery");
        assert_ne!(forged, paper);
        program.receipt(&forged, &first.to_string(), &with_keys).refuses("with", "another secret");
    }
}
