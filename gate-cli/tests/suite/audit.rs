//! `gate audit`, over the trail of an agent's process.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use gate_runtime::Trail;
use gate_runtime::audit::VerifierKey;
use gate_runtime::prelude::*;
use gate_runtime::trail::{HttpWitness, TrailStatus};
use serde_json::json;

use crate::test_workspace::{TestWorkspace, Tools, asked, call, code, pays, stderr_of, stdout_of};

impl TestWorkspace {
    fn at(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    fn trail(&self) -> Trail {
        Trail::in_folder(self.at("trail"), Trail::read_key(self.at("trail.key")).unwrap())
    }

    /// Creates a key, with the public one in `trail.pub`.
    fn make_key(&self) {
        let made = self.gate_as(None, "audit|key|new|example.com/office");
        assert_eq!(code(&made), 0, "{made:?}");
        fs::write(self.at("trail.pub"), made.stdout).unwrap();
    }

    async fn sealed(&self) -> Gate<Tools> {
        self.builder().await.trail(self.trail()).build().await.unwrap()
    }

    /// Runs a command that must succeed, and returns its output.
    fn audit(&self, message: &str) -> String {
        let done = self.gate_as(Some(&self.dana), &format!("audit|{message}"));
        assert_eq!(code(&done), 0, "{message}: {}", stderr_of(&done));
        stdout_of(&done)
    }

    /// Runs a command, and returns its exit code and its error message.
    fn refused(&self, message: &str) -> (i32, String) {
        let done = self.gate_as(Some(&self.dana), &format!("audit|{message}"));
        (code(&done), stderr_of(&done))
    }
}

/// Waits until the gate has sealed the remaining records and released its trail.
async fn dropped(workspace: &TestWorkspace, gate: Gate<Tools>) {
    drop(gate);
    let lock = fs::File::options().write(true).open(workspace.at("trail/lock")).unwrap();
    let began = std::time::Instant::now();
    while lock.try_lock().is_err() {
        assert!(began.elapsed().as_secs() < 60, "something holds the gate");
        tokio::task::yield_now().await;
    }
}

/// Returns a trail with an approved call, a call denied by its limits, and a rejected call with a
/// secret.
async fn paid_workspace() -> (TestWorkspace, String, String) {
    let workspace = TestWorkspace::new();
    workspace.make_key();
    let gate = workspace.sealed().await;
    let dana = gate.reviewer("dana").await.unwrap();
    let run =
        gate.run("run-1").on_behalf_of("mia").case("ticket-7").reasoning("the invoice is due");
    let turn = run.submit([pays("1", 100)]).await.unwrap();
    let (_, paid) = asked(&turn);
    turn.interruptions()[0].approve(&dana).comment("fine").await.unwrap();
    drop((turn, run.proceed().await.unwrap()));
    let turn = run
        .submit([call("2", "sign_in", &json!({"user": "mia", "password": "hunter2-hunter2"}))])
        .await
        .unwrap();
    let secret = turn.interruptions()[0].id().to_string();
    turn.interruptions()[0].reject(&dana, "not now").await.unwrap();
    drop(run.submit([pays("3", 5)]).await.unwrap());
    gate.seal().await.unwrap();
    drop((turn, run));
    dropped(&workspace, gate).await;
    (workspace, paid, secret)
}

#[tokio::test]
async fn an_auditor_verifies_the_folder_with_the_public_key() {
    let (workspace, ..) = paid_workspace().await;
    let output = workspace.audit("verify|--compare");
    assert!(output.starts_with("example.com/office: valid, all of 1"), "{output}");
    assert!(
        output.contains("3 calls · 2 votes\nroot ")
            && output.contains("The database has the same records."),
        "{output}"
    );
    // The auditor has only the folder and the key.
    for file in ["gate.db", "gate.db-wal", "gate.db-shm", "trail.key", "people.toml"] {
        let _ = fs::remove_file(workspace.at(file));
    }
    let key = fs::read_to_string(workspace.at("trail.pub")).unwrap();
    fs::remove_file(workspace.at("trail.pub")).unwrap();
    assert!(workspace.audit(&format!("verify|--key|{}", key.trim())).contains("valid, all of"));
    let (code, problem_text) = workspace.refused("verify");
    assert!(
        code == 2
            && problem_text.contains("there is no file trail.pub: name the trail's public key"),
        "{problem_text}"
    );
    let other = Trail::create_key(workspace.at("other.key"), "example.com/office").unwrap();
    let (code, problem_text) = workspace.refused(&format!("verify|--key|{}", other.verifier()));
    assert!(code == 4 && problem_text.contains("signature"), "{problem_text}");
}

#[tokio::test]
async fn the_first_bad_record_is_named() {
    let (workspace, ..) = paid_workspace().await;
    let size = workspace.audit("export").lines().count();
    let bundle = workspace.at(&format!("trail/tile/entries/000.p/{size}"));
    let whole = fs::read(&bundle).unwrap();
    let place = whole.windows(6).position(|part| part == b"\"dana\"").unwrap();
    let mut changed = whole.clone();
    changed[place + 1] = b'D';
    fs::write(&bundle, &changed).unwrap();
    let (code, output) = workspace.refused("verify");
    assert_eq!(code, 4);
    assert!(output.contains("entry 3"), "{output}");
    fs::write(&bundle, whole).unwrap();
    assert!(workspace.audit("verify").contains("valid, all of"));
}

#[tokio::test]
async fn a_receipt_tells_one_call_to_who_has_nothing_but_the_key() {
    let (workspace, paid, _) = paid_workspace().await;
    let receipt = workspace.audit(&format!("receipt|{paid}"));
    fs::write(workspace.at("paid.receipt"), &receipt).unwrap();
    fs::rename(workspace.at("trail"), workspace.at("away")).unwrap();
    let output = workspace.audit("verify-receipt|paid.receipt");
    for message in [
        "tool       pay",
        "asked by   agent for mia, in run run-1, case ticket-7",
        "it claims  the invoice is due",
        "amount     100",
        "voted       dana approves: fine",
        "dispatched\n",
        "finished    paid 100 to alice",
        "Verified: 5 records, between entries",
    ] {
        assert!(output.contains(message), "no {message} in\n{output}");
    }
    let forged = receipt.replace("\"amount\":100", "\"amount\":900");
    fs::write(workspace.at("forged.receipt"), forged).unwrap();
    let (code, problem_text) = workspace.refused("verify-receipt|forged.receipt");
    assert!(code == 4 && !problem_text.is_empty(), "{problem_text}");
    // Without one of its records, the remaining ones do not follow each other.
    let vote = receipt
        .lines()
        .position(|line| line.starts_with("entry") && line.contains("\"voted\""))
        .unwrap();
    let after = receipt.lines().skip(vote + 1).position(|line| line.starts_with("entry")).unwrap()
        + vote
        + 1;
    let kept = receipt.lines().enumerate().filter(|(number, _)| !(vote..after).contains(number));
    let less = kept.flat_map(|(_, line)| [line, "\n"]).collect::<String>();
    fs::write(workspace.at("less.receipt"), less).unwrap();
    let (code, problem_text) = workspace.refused("verify-receipt|less.receipt");
    assert!(
        code == 4
            && problem_text
                .contains("it is number 3 among the records of its call, and number 2 is due"),
        "{problem_text}"
    );
    fs::rename(workspace.at("away"), workspace.at("trail")).unwrap();
    assert_eq!(workspace.refused("receipt|0000").0, 3);
    assert_eq!(workspace.refused("receipt|0").0, 2);
}

#[tokio::test]
async fn one_secret_is_disclosed_and_can_be_erased() {
    let (workspace, _, secret) = paid_workspace().await;
    let disclose_with = |key: Option<&str>, typed: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gate"));
        command
            .current_dir(workspace.path())
            .args(["audit", "disclose", &secret, "--field", "password"]);
        command.args(key.into_iter().flat_map(|file| ["--gate-key", file]));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The result is ignored, because a command that refuses at once reads no input.
        let _ = std::io::Write::write_all(child.stdin.as_mut().unwrap(), typed.as_bytes());
        child.wait_with_output().unwrap()
    };
    let keyless = disclose_with(None, "hunter2-hunter2\n");
    assert!(code(&keyless) == 2 && stderr_of(&keyless).contains("--gate-key"), "{keyless:?}");
    assert!(workspace.audit("key|gate|other.key").contains("The key is in other.key"));
    let other = disclose_with(Some("other.key"), "hunter2-hunter2\n");
    assert!(code(&other) == 4 && stderr_of(&other).contains("made with another key"), "{other:?}");
    fs::write(workspace.at("gate.key"), "07".repeat(32)).unwrap();
    let wide = disclose_with(Some("gate.key"), "hunter2-hunter2\n");
    assert!(code(&wide) != 0 && stderr_of(&wide).contains("chmod 600"), "{wide:?}");
    fs::set_permissions(
        workspace.at("gate.key"),
        std::os::unix::fs::PermissionsExt::from_mode(0o600),
    )
    .unwrap();
    let disclose = |typed: &str| disclose_with(Some("gate.key"), typed);
    let other = disclose("hunter3-hunter3\n");
    assert!(
        code(&other) == 4 && stderr_of(&other).contains("this is not the secret that was recorded"),
        "{other:?}"
    );
    let shown = disclose("hunter2-hunter2\n");
    assert_eq!(code(&shown), 0, "{}", stderr_of(&shown));
    fs::write(workspace.at("shown.receipt"), &shown.stdout).unwrap();
    let output = workspace.audit("verify-receipt|shown.receipt");
    assert!(output.contains("/password  is \"hunter2-hunter2\""), "{output}");
    let forged = stdout_of(&shown).replace("hunter2-hunter2", "hunter3-hunter3");
    fs::write(workspace.at("forged.receipt"), forged).unwrap();
    assert_eq!(workspace.refused("verify-receipt|forged.receipt").0, 4);

    assert!(workspace.audit(&format!("erase|{secret}")).contains("Erased"));
    let gone = disclose("hunter2-hunter2\n");
    assert!(code(&gone) == 4 && stderr_of(&gone).contains("its salt is missing"), "{gone:?}");
    assert!(workspace.audit("seal").starts_with("Sealed: "));
    assert!(workspace.audit("verify").contains("valid, all of"));
    assert!(
        workspace.audit("verify-receipt|shown.receipt").contains("hunter2-hunter2"),
        "who was shown it can still show it"
    );
}

#[tokio::test]
async fn the_log_is_read_and_filtered() {
    let (workspace, paid, _) = paid_workspace().await;
    let lines = |message: &str| workspace.audit(message).lines().count();
    assert_eq!(lines("log"), workspace.audit("export").lines().count() + 1);
    let voted = workspace.audit("log|--decision|voted");
    assert!(
        voted.contains("dana approves: fine") && voted.contains("dana rejects: not now"),
        "{voted}"
    );
    assert_eq!(lines("log|--reviewer|dana|--decision|reject"), 2);
    assert_eq!(lines("log|--tool|sign_in"), 3);
    assert_eq!(lines(&format!("log|--call|{paid}")), 6);
    assert_eq!(lines("log|--decision|rejected"), 2);
    assert_eq!(workspace.audit("log|--agent|nobody"), "No records in the trail match.\n");
    assert_eq!(
        workspace.audit("log|--after|2999-01-01T00:00:00Z"),
        "No records in the trail match.\n"
    );
    assert_eq!(lines("log|--case|ticket-7"), lines("log|--run|run-1"));
}

#[tokio::test]
async fn a_kept_checkpoint_is_continued_or_not() {
    let (workspace, ..) = paid_workspace().await;
    fs::copy(workspace.at("trail/checkpoint"), workspace.at("kept")).unwrap();
    let gate = workspace.sealed().await;
    drop(gate.run("run-2").submit([pays("1", 5)]).await.unwrap());
    gate.seal().await.unwrap();
    dropped(&workspace, gate).await;
    let output = workspace.audit("verify|--since|kept");
    assert!(output.contains("and none before has changed"), "{output}");
    // Another trail under the same key, with a rewritten history.
    fs::remove_dir_all(workspace.at("trail")).unwrap();
    let gate =
        workspace.builder_over("new.db").await.trail(workspace.trail()).build().await.unwrap();
    for number in 0..20 {
        drop(gate.run("run-3").submit([pays(&number.to_string(), 5)]).await.unwrap());
    }
    gate.seal().await.unwrap();
    dropped(&workspace, gate).await;
    assert!(workspace.audit("verify").contains("valid, all of"));
    let (code, problem_text) = workspace.refused("verify|--since|kept");
    assert!(code == 4 && problem_text.contains("continue"), "{problem_text}");
}

#[tokio::test]
async fn an_older_database_is_settled_from_the_command_line() {
    let (workspace, ..) = paid_workspace().await;
    let backup = rusqlite::Connection::open(workspace.at("gate.db")).unwrap();
    backup.execute("VACUUM INTO ?", [workspace.at("backup.db").to_str().unwrap()]).unwrap();
    drop(backup);
    let gate = workspace.sealed().await;
    drop(gate.run("run-2").submit([pays("1", 5)]).await.unwrap());
    gate.seal().await.unwrap();
    dropped(&workspace, gate).await;

    let refused = workspace
        .builder_over("backup.db")
        .await
        .trail(workspace.trail())
        .build()
        .await
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("it is an older copy") && refused.contains("gate audit settle"),
        "{refused}"
    );
    let (ended, output) = workspace.refused("verify|--compare|--db|backup.db");
    assert!(ended == 4 && output.contains("and the database does not match it"), "{output}");
    assert_eq!(workspace.refused("seal|--db|backup.db").0, 1);
    let nobody = workspace.gate_as(None, "audit|settle|restored|--db|backup.db");
    assert!(code(&nobody) == 4 && stderr_of(&nobody).contains("no token: put yours"), "{nobody:?}");
    let settled = workspace.audit("settle|restored Monday's backup|--db|backup.db");
    assert!(
        settled.contains("unknown: taken over from the trail") && settled.contains("pay"),
        "{settled}"
    );
    assert_eq!(workspace.refused("settle|again|--db|backup.db").0, 5);
    let report = workspace.audit("verify|--compare|--db|backup.db");
    assert!(
        report.contains("database and trail differed at record")
            && report.contains("settled by dana"),
        "{report}"
    );
    drop(workspace.builder_over("backup.db").await.trail(workspace.trail()).build().await.unwrap());
}

#[tokio::test]
async fn a_key_is_replaced_and_who_had_the_old_one_goes_on() {
    let (workspace, ..) = paid_workspace().await;
    let first = fs::read_to_string(workspace.at("trail.pub")).unwrap();
    let second = workspace.audit("key|rotate");
    assert_ne!(first, second);
    let third = workspace.audit("key|rotate");
    assert_eq!(workspace.audit("key|show"), third);
    for known in [&first, &second, &third] {
        assert!(
            workspace.audit(&format!("verify|--key|{}", known.trim())).contains("valid, all of"),
            "{known}"
        );
    }
    let gate = workspace.sealed().await;
    let (ended, output) = workspace.refused("key|rotate");
    assert!(ended == 1 && output.contains("another process writes"), "{output}");
    dropped(&workspace, gate).await;
    assert!(workspace.audit("key|show|--pem").starts_with("-----BEGIN PUBLIC KEY-----\n"));
    assert!(workspace.refused("key|new|again").1.contains("trail.key"), "no key is written over");
}

#[tokio::test]
async fn a_trail_is_copied_as_far_as_it_is_sealed() {
    let (workspace, ..) = paid_workspace().await;
    workspace.audit("key|rotate");
    let lines = workspace.audit("export|--tiles|copy");
    assert!(lines.lines().all(|line| line.starts_with('{')));
    assert_eq!(workspace.audit("verify|--trail|copy"), workspace.audit("verify"));
    assert!(workspace.refused("export|--tiles|copy").1.contains("copy"));
    assert_eq!(workspace.audit("export|--from|2").lines().count(), lines.lines().count() - 2);
}

/// The process of a witness, which ends with the test.
struct WitnessProcess {
    child: Child,
    key: VerifierKey,
    url: String,
}

impl WitnessProcess {
    fn start(workspace: &TestWorkspace) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gate"));
        command.current_dir(workspace.path()).args([
            "audit",
            "witness",
            "--listen",
            "127.0.0.1:0",
            "--log",
            "trail.pub",
        ]);
        let mut child =
            command.args(["--secret", "witness.key"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let (key, url) = line.trim().split_once(" listens at ").unwrap();
        Self { key: key.parse().unwrap(), url: url.to_owned(), child }
    }

    /// Seals one more call in a database, and has the trail cosigned.
    async fn seal(&self, workspace: &TestWorkspace, file: &str, run: &str) -> TrailStatus {
        let trail = workspace.trail().witness(HttpWitness::new(&self.url, [self.key.clone()]));
        let gate = workspace.builder_over(file).await.trail(trail).build().await.unwrap();
        drop(gate.run(run).submit([pays("1", 5)]).await.unwrap());
        let status = gate.seal().await.unwrap();
        dropped(workspace, gate).await;
        status
    }
}

impl Drop for WitnessProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_cosigns_what_continues_and_nothing_else() {
    let workspace = TestWorkspace::new();
    workspace.make_key();
    let made = workspace
        .gate_as(None, "audit|key|new|witness.example/w1|--for-witness|--secret|witness.key");
    assert_eq!(code(&made), 0, "{made:?}");
    let witness = WitnessProcess::start(&workspace);
    let (status, key) = (witness.seal(&workspace, "gate.db", "run-1").await, witness.key.clone());
    assert_eq!((status.cosignatures(), status.witness_error()), (1, None));
    let output = workspace.audit(&format!("verify|--witness|{key}"));
    assert!(output.contains("cosigned by witness.example/w1"), "{output}");

    // After a kill and a restart, it knows its last cosigned checkpoint, and the trail continues
    // from there.
    drop(witness);
    let (ended, unreachable) = {
        let trail =
            workspace.trail().witness(HttpWitness::new("http://127.0.0.1:1", [key.clone()]));
        let gate = workspace.builder().await.trail(trail).build().await.unwrap();
        let turn = gate.run("run-2").submit([pays("1", 5)]).await.unwrap();
        let status = gate.seal().await.unwrap();
        dropped(&workspace, gate).await;
        (turn.answers()[0].kind(), status)
    };
    assert_eq!(ended, "succeeded", "a witness that is away stops nothing");
    assert!(unreachable.witness_error().unwrap().contains("it did not answer"), "{unreachable:?}");
    let witness = WitnessProcess::start(&workspace);
    assert_eq!(witness.seal(&workspace, "gate.db", "run-3").await.cosignatures(), 1);

    // The witness does not sign a rewritten history under the same key.
    fs::remove_dir_all(workspace.at("trail")).unwrap();
    for number in 0..20 {
        let status = witness.seal(&workspace, "new.db", &format!("run-{number}")).await;
        let witness_error = status.witness_error().unwrap_or_default().to_owned();
        assert_eq!(status.cosignatures(), 0);
        if number == 19 {
            assert!(witness_error.contains("422"), "{witness_error}");
        }
    }
    assert_eq!(workspace.refused(&format!("verify|--witness|{key}")).0, 4);
}

#[tokio::test]
async fn signed_votes_are_verified_with_the_keys_of_people() {
    let workspace = TestWorkspace::new();
    workspace.make_key();
    let made = workspace.gate_as(None, "audit|key|new|dana|--secret|dana.key");
    fs::write(workspace.at("dana.pub"), &made.stdout).unwrap();
    let key: VerifierKey = stdout_of(&made).trim().parse().unwrap();
    drop(workspace.gate_where_dana_signs_by(&key).await);
    let people = gate_runtime::FileDirectory::open(workspace.at("people.toml")).unwrap();
    let gate =
        workspace.builder().await.directory(people).trail(workspace.trail()).build().await.unwrap();
    let turn = gate.run("run-1").submit([pays("1", 100)]).await.unwrap();
    let (_, end) = asked(&turn);
    let approved = workspace.dana(&format!("approve|{end}|--signing-key|dana.key"));
    assert_eq!(code(&approved), 0, "{}", stderr_of(&approved));
    gate.seal().await.unwrap();
    drop(turn);
    dropped(&workspace, gate).await;

    assert!(workspace.audit("verify").contains("1 signed vote not verified: add `--signer`"));
    assert!(
        workspace
            .audit("verify|--signer|dana.pub")
            .contains("1 signed vote verified with the given keys")
    );
    assert!(
        workspace
            .audit("verify|--signers-in-people")
            .contains("1 signed vote verified with the given keys")
    );
    let other = Trail::create_key(workspace.at("other.key"), "dana").unwrap();
    let (ended, output) = workspace.refused(&format!("verify|--signer|{}", other.verifier()));
    assert!(
        ended == 4 && output.contains("(voted): the signature of dana is not valid"),
        "{output}"
    );
    let omar = Trail::create_key(workspace.at("omar.key"), "omar").unwrap();
    let (ended, problem_text) = workspace.refused(&format!("verify|--signer|{}", omar.verifier()));
    assert!(ended == 4 && problem_text.contains("no key of theirs was given"), "{problem_text}");
}

#[tokio::test]
async fn a_receipt_tells_of_a_call_that_a_restored_database_had_lost() {
    let (workspace, ..) = paid_workspace().await;
    let gate = workspace.sealed().await;
    let dana = gate.reviewer("dana").await.unwrap();
    let run = gate.run("run-2");
    let turn = run.submit([pays("1", 100)]).await.unwrap();
    let (_, paid) = asked(&turn);
    let backup = rusqlite::Connection::open(workspace.at("gate.db")).unwrap();
    backup.execute("VACUUM INTO ?", [workspace.at("backup.db").to_str().unwrap()]).unwrap();
    drop(backup);
    turn.interruptions()[0].approve(&dana).comment("fine").await.unwrap();
    drop((turn, run.proceed().await.unwrap()));
    gate.seal().await.unwrap();
    drop(run);
    dropped(&workspace, gate).await;
    workspace.audit("settle|restored Monday's backup|--db|backup.db");
    workspace.audit("seal|--db|backup.db");

    let receipt = workspace.audit(&format!("receipt|{paid}"));
    fs::write(workspace.at("paid.receipt"), &receipt).unwrap();
    let output = workspace.audit("verify-receipt|paid.receipt");
    let places = [
        "finished",
        "differed at record",
        "settled by dana: restored Monday's backup",
        "cancelled",
    ];
    let places = places.map(|part| output.find(part).unwrap_or_else(|| panic!("{part}: {output}")));
    assert!(places.is_sorted(), "{output}");
    assert!(output.contains("Verified: 6 records"), "{output}");
    // Without the reset entry, it would show a call that ran and was cancelled.
    let lines: Vec<&str> = receipt.split_inclusive("\nentry ").collect();
    let without: String = lines.iter().filter(|line| !line.contains("Monday")).copied().collect();
    assert_ne!(without, receipt);
    fs::write(workspace.at("paid.receipt"), without).unwrap();
    assert!(
        workspace
            .refused("verify-receipt|paid.receipt")
            .1
            .contains("no break between them is shown")
    );
}
