//! Logs to verify: records of a gate, in trails that `gate-audit` writes.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use gate_audit::{Checkpoint, KeyKind, Note, SigningKey, TrailWriter};
use gate_runtime::prelude::*;
use gate_runtime::records::Record;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

pub const ORIGIN: &str = "example.com/gate/desk";
const AT: &str = "2026-11-21T14:08:43.25Z";

pub fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(ORIGIN, KeyKind::Log, [seed; 32]).unwrap()
}

pub fn canonical(value: &impl Serialize) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(value).unwrap()
}

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

/// A line to log: an entry, or a record that is too long for an entry.
#[derive(Clone)]
pub enum Line {
    Entry(Vec<u8>),
    Long { seq: u64, record: Vec<u8> },
}

/// A trail in a folder.
pub struct Log {
    dir: TempDir,
    pub key: SigningKey,
    pub note: Note,
    /// The sizes and texts of the checkpoints before the last.
    pub earlier: Vec<(u64, String)>,
    /// Records that are too long to be entries.
    pub large: Vec<Vec<u8>>,
}

impl Log {
    pub fn new(lines: &[Line]) -> Log {
        Log::growing(lines, &[])
    }

    /// Returns a log that has published a checkpoint at each of these sizes.
    pub fn growing(lines: &[Line], sizes: &[usize]) -> Log {
        Log::signed(lines, sizes, &key(1))
    }

    pub fn signed(lines: &[Line], sizes: &[usize], key: &SigningKey) -> Log {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("trail");
        let (mut trail, mut earlier, mut large) =
            (TrailWriter::create(&folder).unwrap(), Vec::new(), Vec::new());
        let publish = |trail: &mut TrailWriter| {
            let note = Checkpoint::new(ORIGIN, trail.seal().unwrap()).unwrap().sign(key).unwrap();
            trail.publish(&note).unwrap();
            note
        };
        for (size, line) in lines.iter().enumerate() {
            if sizes.contains(&size) {
                earlier.push((size as u64, publish(&mut trail).to_string()));
            }
            match line {
                Line::Entry(entry) => trail.append(entry).unwrap(),
                Line::Long { seq, record } => {
                    let digest = sha256(record);
                    std::fs::create_dir_all(folder.join("large")).unwrap();
                    std::fs::write(folder.join(format!("large/{}.json", &digest[7..])), record)
                        .unwrap();
                    large.push(record.clone());
                    let stub = json!({
                        "at": AT,
                        "bytes": record.len(),
                        "digest": digest,
                        "kind": "action",
                        "seq": seq,
                    });
                    trail.append(&canonical(&stub)).unwrap()
                }
            };
        }
        let note = publish(&mut trail);
        std::fs::write(folder.join("lock"), "").unwrap();
        let key = key.to_secret_text().parse().unwrap();
        Log { dir, key, note, earlier, large }
    }

    pub fn folder(&self) -> PathBuf {
        self.dir.path().join("trail")
    }

    pub fn vkey(&self) -> String {
        self.key.verifier().to_string()
    }

    pub fn checkpoint(&self) -> String {
        self.note.to_string()
    }

    /// Returns the `with` line that opens the secret of entry 2.
    #[expect(clippy::unused_self, reason = "it is the log's to tell")]
    pub fn disclosure(&self) -> Vec<u8> {
        canonical(&json!({"field": "/card/pin", "salt": SALT, "value": PIN}))
    }
}

const SALT: &str = "000102030405060708090a0b0c0d0e0f";
const PIN: &str = "12\u{20ac}4";

/// Returns the salt, digest and mark of the secret in entry 2.
pub fn commitment() -> [String; 3] {
    let salt: Vec<u8> = (0..16).collect();
    let digest = sha256(&[&salt[..], &canonical(&PIN)].concat());
    let marker = format!("[secret {}]", &digest[7..39]);
    [SALT.to_owned(), digest, marker]
}

/// Returns entries like those of a gate's records, with a secret, a long record and a reset entry
/// among them.
pub fn plausible(size: usize) -> Vec<Line> {
    lines(size, true)
}

/// Returns the same entries without their calls, so that a receipt can contain any of them.
pub fn of_no_call(size: usize) -> Vec<Line> {
    lines(size, false)
}

fn lines(size: usize, name_calls: bool) -> Vec<Line> {
    let (mut seq, mut taken) = (0, 0);
    let line = |index: usize| {
        seq += 1;
        match index {
            2 => Line::Entry(canonical(&with_secret(seq))),
            5 => Line::Long { seq, record: canonical(&long(seq)) },
            100 => {
                let settled = seq - 1;
                seq = 90;
                let by = json!({"at": AT, "by": "dana", "next": 91, "reason": "restored \"last\" \
                    night's backup", "settled": settled});
                Line::Entry(canonical(&by))
            }
            _ => {
                let records = records();
                let (round, record) = (taken / records.len(), &records[taken % records.len()]);
                taken += 1;
                let mut value = serde_json::to_value(Record::clone(record).numbered(seq)).unwrap();
                if !name_calls {
                    value
                        .as_object_mut()
                        .unwrap()
                        .retain(|name, _| name != "call_seq" && name != "subject");
                }
                // Repeated calls get their own ids.
                if let Some(Value::String(id)) = value.pointer_mut("/subject/approval") {
                    id.replace_range(32.., &format!("{round:04x}"));
                }
                Line::Entry(canonical(&value))
            }
        }
    };
    (0..size).map(line).collect()
}

/// Returns a record with a secret, and with values that are hard to write in one form only.
fn with_secret(seq: u64) -> Value {
    let [_, digest, marker] = commitment();
    let odd = json!([
        0.1,
        -1e-7,
        1e21,
        123_456_789_012_345_680.0,
        4.35,
        5e-324,
        1.797_693_134_862_315_7e308,
        0,
        -9_007_199_254_740_991_i64,
        1e-6,
        100.5
    ]);
    let texts = json!({
        "\u{ff5e}": "\u{1f600}",
        "\u{1f600}": "\u{2028}\u{7f}",
        "": "\u{202e}\"\\/\u{8}\u{1f}",
        "\u{e9}": null,
        "e": [[], {}],
    });
    let arguments = json!({
        "digest": sha256(b""),
        "json": {
            "card": {"pan": "[secret]", "pin": marker},
            "odd": odd,
            "texts": texts,
            "user": "mia",
        },
        "secrets": [{"digest": sha256(b"another")}, {"digest": digest}],
    });
    json!({
        "at": AT,
        "event": {"type": "assessed", "arguments": arguments},
        "seq": seq,
        "status": "waiting",
    })
}

fn long(seq: u64) -> Value {
    json!({
        "at": AT,
        "event": {
            "type": "action",
            "action": "tell",
            "details": format!("a long story{}", " and on".repeat(10_000)),
        },
        "seq": seq,
    })
}

/// Delete an account.
#[gated_tool(policy = "always_ask", destructive)]
fn delete_account(user_id: String) -> String {
    format!("deleted {user_id}")
}

/// Read one order.
#[gated_tool(policy = "never_ask", read_only)]
fn get_order(order_id: String) -> Result<String, String> {
    if order_id == "A-0" { Err("it is gone".to_owned()) } else { Ok(format!("{order_id}: paid")) }
}

registry! { Tools for () { GetOrder, DeleteAccount } }

/// Returns the records that a gate makes of a few calls.
fn records() -> &'static [Arc<Record>] {
    static RECORDS: OnceLock<Vec<Arc<Record>>> = OnceLock::new();
    RECORDS.get_or_init(|| {
        // Runs on its own thread, because the test may have a runtime already.
        std::thread::spawn(|| tokio::runtime::Runtime::new().unwrap().block_on(work()))
            .join()
            .unwrap()
    })
}

async fn work() -> Vec<Arc<Record>> {
    let people = StaticDirectory::new().person("dana", ["manager"]);
    let gate: Gate<Tools> = Gate::builder(()).directory(people).build().await.unwrap();
    let dana = gate.reviewer("dana").await.unwrap();
    let run = gate.run("run-42");
    let calls = [
        ToolCall::new("c1", "get_order", r#"{"order_id":"A-1"}"#),
        ToolCall::new("c2", "get_order", r#"{"order_id":"A-0"}"#),
        ToolCall::new("c3", "delete_account", r#"{"user_id":"m\u00eda \u202e"}"#),
        ToolCall::new("c4", "delete_account", r#"{"user_id":"leo"}"#),
        ToolCall::new("c5", "get_oder", "{}"),
    ];
    let turn = run.submit(calls).await.unwrap();
    turn.interruptions()[0].approve(&dana).await.unwrap();
    turn.interruptions()[1].reject(&dana, "not him").await.unwrap();
    gate.records(0, 1_000).await.unwrap()
}
