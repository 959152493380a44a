//! A trail that a gate wrote: a long record, a disclosed secret, a signed vote, a replaced key, a
//! reset entry.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gate_runtime::audit::{KeyKind, LogKeys, Receipt, SigningKey, WitnessPolicy, read_keys};
use gate_runtime::id::ApprovalId;
use gate_runtime::prelude::*;
use gate_runtime::tool::CommitmentKeys;
use gate_runtime::trail::TrailReader;
use gate_runtime::{NoTools, Trail};
use gate_sqlite::SqliteStore;
use serde_json::json;

use crate::auditors::changes::copy;
use crate::auditors::programs::{ours, programs};
use crate::auditors::receipt::{parts, without};

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
const KEY: [u8; 32] = [7; 32];
const PASSWORD: &str = "correct horse \"battery\" stäple";

/// A folder with a database (`desk.db`), its `trail`, the key that signs it (`trail.key`), the
/// first one (`first.key`), and receipts.
pub struct WrittenTrail<'a>(pub &'a Path);

impl WrittenTrail<'_> {
    pub fn folder(&self) -> PathBuf {
        self.0.join("trail")
    }

    fn signer() -> SigningKey {
        SigningKey::from_seed("dana", KeyKind::Log, [9; 32]).unwrap()
    }

    fn people() -> StaticDirectory {
        StaticDirectory::new()
            .person("dana", ["manager"])
            .with_key(Self::signer().verifier().clone())
    }

    fn trail(&self) -> Trail {
        Trail::in_folder(self.folder(), Trail::read_key(self.0.join("trail.key")).unwrap())
    }

    async fn gate(&self) -> Gate<Tools> {
        let store = SqliteStore::open(self.0.join("desk.db")).await.unwrap();
        Gate::builder(())
            .directory(Self::people())
            .store(store)
            .key(KEY)
            .trail(self.trail())
            .build()
            .await
            .unwrap()
    }

    /// Waits until the gate has sealed the remaining records and released its trail.
    async fn close(&self, gate: Gate<Tools>) {
        gate.seal().await.unwrap();
        drop(gate);
        let lock = fs::File::options().write(true).open(self.folder().join("lock")).unwrap();
        for _ in 0..1_000 {
            if lock.try_lock().is_ok() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("somebody still holds the gate");
    }

    /// Copies the whole current content of the database.
    fn back_up(&self, name: &str) {
        let database = rusqlite::Connection::open(self.0.join("desk.db")).unwrap();
        database.execute("VACUUM INTO ?", [self.0.join(name).to_str().unwrap()]).unwrap();
    }

    fn restore(&self, name: &str) {
        for end in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(self.0.join(format!("desk.db{end}")));
        }
        fs::rename(self.0.join(name), self.0.join("desk.db")).unwrap();
    }

    /// Returns the key that an auditor has.
    pub fn vkey(&self) -> String {
        fs::read_to_string(self.0.join("first.key")).unwrap()
    }

    pub fn keys(&self) -> PathBuf {
        self.folder().join("keys")
    }

    fn reader(&self) -> TrailReader {
        let keys: LogKeys = read_keys(self.folder(), ORIGIN, self.vkey().parse().unwrap()).unwrap();
        TrailReader::open(self.folder(), &keys, &WitnessPolicy::none()).unwrap()
    }

    fn receipt(&self, id: ApprovalId) -> Receipt {
        self.reader().receipt(id).unwrap().unwrap()
    }

    /// Returns a receipt of a record that is too long for an entry.
    pub fn receipt_of_long(&self) -> String {
        let reader = self.reader();
        let is_stub = |bytes: &[u8]| bytes.windows(8).any(|word| word == b"\"bytes\":");
        let found =
            reader.entries(0).map(Result::unwrap).find(|(_, bytes)| is_stub(bytes)).unwrap();
        let evidence = vec![reader.evidence(found.0).unwrap()];
        Receipt::new(evidence, reader.note().clone()).unwrap().to_string()
    }

    /// Returns the receipts, by their names.
    pub fn receipts(&self) -> Vec<(String, String)> {
        let mut found: Vec<(String, String)> = Vec::new();
        for file in fs::read_dir(self.0).unwrap().map(|file| file.unwrap().path()) {
            if file.extension().is_some_and(|end| end == "receipt") {
                let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
                found.push((name, fs::read_to_string(&file).unwrap()));
            }
        }
        found.sort();
        assert!(!found.is_empty(), "{}", self.0.display());
        found
    }

    /// Checks that all verifiers accept everything.
    fn is_accepted(&self) {
        ours().trail(&self.folder(), &self.vkey(), &[]).accepts();
        let keys = ["--keys".to_owned(), self.keys().display().to_string()];
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        for program in programs().iter().chain([ours()]) {
            program.trail(&self.folder(), &self.vkey(), &[]).accepts();
            for (_, receipt) in self.receipts() {
                program.receipt(&receipt, &self.vkey(), &keys).accepts();
            }
        }
    }

    fn refused_by_all(&self, receipt: &str, place: &str, case: &str) {
        let keys = ["--keys".to_owned(), self.keys().display().to_string()];
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        for program in programs().iter().chain([ours()]) {
            program.receipt(receipt, &self.vkey(), &keys).refuses(place, case);
        }
    }
}

/// Writes the fixture. With `UPDATE_FIXTURES=1`, it becomes the fixture in the repository for later
/// versions; those of earlier versions stay unchanged.
async fn write(dir: &Path) {
    let fixture = WrittenTrail(dir);
    let key = Trail::create_key(dir.join("trail.key"), ORIGIN).unwrap();
    fs::write(dir.join("first.key"), key.verifier().to_string()).unwrap();
    let signer = WrittenTrail::signer();
    let sign_in = |id: &str, user: &str| {
        ToolCall::new(id, "sign_in", json!({"user": user, "password": PASSWORD}).to_string())
    };
    let reads = |id: &str| ToolCall::new(id, "read", json!({"id": "a"}).to_string());

    let gate = fixture.gate().await;
    let dana = gate.reviewer("dana").await.unwrap();
    let run = gate.run("run-1").on_behalf_of("mia").case("ticket-7");
    // Decided, run, and its secrets erased.
    let turn = run.submit([sign_in("1", "mia")]).await.unwrap();
    let question = &turn.interruptions()[0];
    let ended = question.id();
    question.approve(&dana).sign_with(&signer).await.unwrap();
    drop(run.proceed().await.unwrap());
    let arguments = gate.approval(ended).await.unwrap().unwrap().arguments().clone();
    let opening = arguments
        .disclose("/password", &json!(PASSWORD), &CommitmentKeys::new(&KEY))
        .unwrap()
        .to_string();
    question.erase_secrets(&dana).await.unwrap();
    drop(turn);
    // A long record, a text that only looks like a record of that call, a nested run.
    run.log_action("told a long story", &json!("and on ".repeat(9_400)), None).await.unwrap();
    drop(run.submit([reads("2")]).await.unwrap());
    let looks_so = json!({"call_seq": 9, "seq": 1, "subject": {"approval": ended.to_string()}});
    run.log_action("told the customer", &looks_so, Some(ended)).await.unwrap();
    drop(run.child("call_7").submit([reads("1")]).await.unwrap());
    // Two pending calls. One of them is decided and runs; then an older database is restored.
    let turn = run.submit([sign_in("3", "leo"), sign_in("4", "zoe")]).await.unwrap();
    let (restored, waits) = (turn.interruptions()[0].id(), turn.interruptions()[1].id());
    gate.seal().await.unwrap();
    fixture.back_up("older.db");
    gate.interruption(restored)
        .await
        .unwrap()
        .unwrap()
        .approve(&dana)
        .sign_with(&signer)
        .await
        .unwrap();
    drop(run.proceed().await.unwrap());
    drop((run, turn));
    fixture.close(gate).await;
    Trail::rotate_key(fixture.folder(), dir.join("trail.key")).unwrap();
    fixture.restore("older.db");
    let store = SqliteStore::open(dir.join("desk.db")).await.unwrap();
    let settler: Gate<NoTools> =
        Gate::builder(()).directory(WrittenTrail::people()).store(store).build().await.unwrap();
    let dana = settler.reviewer("dana").await.unwrap();
    settler
        .settle_trail(&Arc::new(fixture.trail()), &dana, "restored Monday's backup")
        .await
        .unwrap();
    drop(settler);
    let gate = fixture.gate().await;
    drop(gate.run("run-2").submit([reads("1")]).await.unwrap());
    fixture.close(gate).await;
    fixture.back_up("whole.db");
    fixture.restore("whole.db");

    let receipt_text = fixture.receipt(ended);
    let mut evidence = receipt_text.evidence().to_vec();
    evidence[0] = evidence[0].clone().with(opening);
    let paper = Receipt::new(evidence, receipt_text.note().clone()).unwrap().to_string();
    fs::write(dir.join("ended.receipt"), paper).unwrap();
    fs::write(dir.join("restored.receipt"), fixture.receipt(restored).to_string()).unwrap();
    fs::write(dir.join("waits.receipt"), fixture.receipt(waits).to_string()).unwrap();
    fs::remove_file(fixture.folder().join("lock")).unwrap();
}

pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

#[tokio::test]
async fn what_a_gate_has_written_is_accepted() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path()).await;
    let written_trail = WrittenTrail(dir.path());
    written_trail.is_accepted();
    let receipts = written_trail.receipts();
    for (name, receipt) in &receipts {
        let numbers: Vec<&str> = receipt
            .split("\"call_seq\":")
            .skip(1)
            .map(|rest| rest.split(',').next().unwrap())
            .collect();
        let wanted: &[&str] = match name.as_str() {
            "ended" => &["1", "2", "3", "4", "5", "6"],
            // The withdrawn records keep their numbers, and the new ones continue from before them.
            "restored" => &["1", "2", "3", "4", "5", "2"],
            _ => &["1"],
        };
        assert_eq!(numbers, wanted, "{name}");
    }
    for program in programs() {
        let ended = &receipts.iter().find(|(name, _)| name == "ended").unwrap().1;
        let keys = written_trail.keys().display().to_string();
        assert!(
            program
                .receipt(ended, &written_trail.vkey(), &["--keys", &keys])
                .accepts()
                .contains("correct horse")
        );
    }
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        let kept = fixture("numbered");
        let _ = fs::remove_dir_all(&kept);
        fs::rename(copy(dir.path()).keep(), &kept).unwrap();
        fs::remove_file(kept.join("desk.db")).unwrap();
    }
}

/// This must hold for ever, for versions whose records have no numbers within their calls, and for
/// the first versions with them.
#[test]
fn what_earlier_versions_have_written_is_accepted() {
    for name in ["unnumbered", "numbered"] {
        WrittenTrail(&fixture(name)).is_accepted();
    }
}

/// Leaves each record in turn out of the receipt of a call.
#[test]
fn a_record_that_is_left_out_of_a_receipt_shows() {
    let dir = fixture("numbered");
    let written_trail = WrittenTrail(&dir);
    for (name, receipt) in written_trail.receipts() {
        let count = parts(&receipt).len();
        // A missing last record cannot be detected, nor the last one before a reset entry:
        // `finished` of the restored call.
        let seen = match name.as_str() {
            "restored" => vec![0, 1, 2, 3, 5],
            _ => (0..count - 1).collect(),
        };
        for left_out in seen {
            written_trail.refused_by_all(
                &without(&receipt, &[left_out]),
                "",
                &format!("{name} without {left_out}"),
            );
        }
    }
    let (_, ended) = written_trail.receipts().swap_remove(0);
    assert_eq!(parts(&ended).len(), 6);
    let keys = written_trail.keys().display().to_string();
    for program in programs().iter().chain([ours()]) {
        // `assessed`, `voted`, `reassessed` and so on: two next to each other, and all but one.
        for left_out in [&[0, 1][..], &[1, 2], &[2, 3], &[0, 1, 2, 3, 4]] {
            let fewer = without(&ended, left_out);
            program
                .receipt(&fewer, &written_trail.vkey(), &["--keys", &keys])
                .refuses("", &format!("{left_out:?}"));
        }
        program
            .receipt(&without(&ended, &[5]), &written_trail.vkey(), &["--keys", &keys])
            .accepts();
    }
}

/// Its first record has no number, and those after it have.
#[tokio::test]
async fn a_call_that_began_without_numbers_goes_on_with_them() {
    let dir = copy(&fixture("unnumbered"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let key = dir.path().join("trail.key");
        fs::set_permissions(key, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let written_trail = WrittenTrail(dir.path());
    let calls: serde_json::Value =
        serde_json::from_slice(&fs::read(dir.path().join("calls.json")).unwrap()).unwrap();
    let waits: ApprovalId = calls["waits"].as_str().unwrap().parse().unwrap();
    fs::write(written_trail.folder().join("lock"), "").unwrap();
    let gate = written_trail.gate().await;
    let dana = gate.reviewer("dana").await.unwrap();
    gate.interruption(waits)
        .await
        .unwrap()
        .unwrap()
        .approve(&dana)
        .sign_with(&WrittenTrail::signer())
        .await
        .unwrap();
    let run = gate.run("run-1").on_behalf_of("mia").case("ticket-7");
    let again = ToolCall::new("4", "sign_in", json!({"user": "zoe", "password": "pw"}).to_string());
    drop(run.submit([again]).await.unwrap());
    drop(run);
    written_trail.close(gate).await;
    written_trail.is_accepted();
    let receipt_text = written_trail.receipt(waits).to_string();
    // `assessed`, the reset entry, `voted`, `reassessed`, `dispatched`, `finished`.
    let numbers = parts(&receipt_text)
        .into_iter()
        .map(|part| (1..9).find(|nth| part.contains(&format!("\"call_seq\":{nth},"))));
    assert_eq!(
        numbers.collect::<Vec<_>>(),
        [None, None, Some(1), Some(2), Some(3), Some(4)],
        "{receipt_text}"
    );
    let keys = written_trail.keys().display().to_string();
    for program in programs().iter().chain([ours()]) {
        program.receipt(&receipt_text, &written_trail.vkey(), &["--keys", &keys]).accepts();
    }
    for left_out in 0..5 {
        written_trail.refused_by_all(
            &without(&receipt_text, &[left_out]),
            "",
            &format!("without {left_out}"),
        );
    }
}
