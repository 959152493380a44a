//! The command `gate`, as a separate process over the database of an agent's gate.

use std::path::Path;

use gate_runtime::audit::{KeyKind, Note, SigningKey, VerifierKey};
use gate_runtime::grants::FreezeScope;
use gate_runtime::id::ApprovalId;
use gate_runtime::people::ReviewerToken;
use gate_runtime::prelude::*;
use gate_runtime::store::Clock as _;
use gate_runtime::testing::ManualClock;
use gate_sqlite::SqliteStore;
use serde_json::{Value, json};

use crate::test_workspace::{
    GATE_KEY, TestWorkspace, Tools, VARIABLES, asked, call, code, pays, stderr_of, stdout_of,
};

#[tokio::test]
async fn a_call_is_asked_approved_by_the_command_and_run_once() {
    let workspace = TestWorkspace::new();
    let run = workspace.run().await;
    let (id, end) = asked(&run.submit([pays("1", 100)]).await.unwrap());
    let listed = stdout_of(&workspace.gate_as(None, "pending"));
    for word in [
        end.as_str(),
        "pay",
        "to: \"alice\", amount: 100",
        "agent for mia",
        "a manager within 2 hours",
        "in 2 h",
    ] {
        assert!(listed.contains(word), "no {word} in\n{listed}");
    }
    assert_eq!(workspace.json("pending")[0]["id"], json!(id));
    let done = workspace.dana(&format!("approve|{end}|--comment|fine"));
    assert_eq!(
        (code(&done), stdout_of(&done)),
        (0, "pay is approved: it runs when its run continues\n".to_owned())
    );
    assert!(
        stderr_of(&done).contains("\"alice\""),
        "everything is shown first: {}",
        stderr_of(&done)
    );
    assert_eq!(code(&workspace.dana(&format!("approve|{end}"))), 0, "twice is once");
    assert_eq!(run.proceed().await.unwrap().answers()[0].for_model(), "paid 100 to alice");
    let late = workspace.dana(&format!("reject|{id}|no"));
    assert_eq!(code(&late), 5);
    assert!(
        stderr_of(&late).contains("already approved by dana, and has run"),
        "{}",
        stderr_of(&late)
    );
    let timeline = stdout_of(&workspace.gate_as(None, "case|ticket-7"));
    for word in [
        "assessed",
        "ask: otherwise",
        "voted",
        "dana approves: fine",
        "dispatched",
        "paid 100 to alice",
    ] {
        assert!(timeline.contains(word), "no {word} in\n{timeline}");
    }
    assert_eq!(stdout_of(&workspace.gate_as(None, "pending")), "Nothing waits for a decision.\n");
}

#[tokio::test]
async fn who_decides_is_known_by_their_token_and_by_nothing_else() {
    let workspace = TestWorkspace::new();
    let (_, end) = asked(&workspace.run().await.submit([pays("1", 100)]).await.unwrap());
    let approve = format!("approve|{end}");
    let nobody = workspace.gate_as(None, &approve);
    assert_eq!(code(&nobody), 4);
    assert!(stderr_of(&nobody).contains("GATE_TOKEN"), "{}", stderr_of(&nobody));
    let stranger = workspace.gate_as(Some(ReviewerToken::new().reveal()), &approve);
    assert_eq!(code(&stranger), 4);
    let intern = workspace.gate_as(Some(&workspace.ines), &approve);
    assert_eq!(code(&intern), 4);
    assert!(
        stderr_of(&intern).contains("ines cannot decide this: it asks a manager"),
        "{}",
        stderr_of(&intern)
    );
    std::fs::write(workspace.path().join("people.toml"), "[[person]]\nid = 7").unwrap();
    let broken = workspace.dana(&approve);
    assert_eq!(
        code(&broken),
        1,
        "nobody is entitled while the file is broken: {}",
        stderr_of(&broken)
    );
    assert_eq!(workspace.gate().await.pending().await.unwrap().len(), 1);
}

#[tokio::test]
async fn two_people_decide_from_two_processes() {
    let workspace = TestWorkspace::new();
    let run = workspace.run().await;
    let (_, end) = asked(&run.submit([pays("1", 5_000)]).await.unwrap());
    let approve = format!("approve|{end}");
    assert!(stdout_of(&workspace.dana(&approve)).starts_with("Recorded. pay still waits for"));
    assert_eq!(code(&workspace.dana(&format!("withdraw|{end}"))), 0);
    assert!(
        stdout_of(&workspace.gate_as(Some(&workspace.omar), &approve)).starts_with("Recorded.")
    );
    assert!(stdout_of(&workspace.dana(&approve)).starts_with("pay is approved"));
    assert_eq!(run.proceed().await.unwrap().answers()[0].for_model(), "paid 5000 to alice");
}

#[tokio::test]
async fn a_destructive_call_wants_the_name_of_its_tool() {
    let workspace = TestWorkspace::new();
    let run = workspace.run().await;
    let (_, end) = asked(&run.submit([call("1", "wipe", &json!({"disk": "a"}))]).await.unwrap());
    let unconfirmed = workspace.dana(&format!("approve|{end}"));
    assert_eq!(code(&unconfirmed), 4);
    assert!(stderr_of(&unconfirmed).contains("DESTRUCTIVE"), "{}", stderr_of(&unconfirmed));
    assert!(
        stderr_of(&unconfirmed).contains("add `--confirm wipe`"),
        "{}",
        stderr_of(&unconfirmed)
    );
    assert_eq!(code(&workspace.dana(&format!("approve|{end}|--confirm|wipes"))), 4);
    assert_eq!(workspace.gate().await.pending().await.unwrap().len(), 1);
    assert_eq!(code(&workspace.dana(&format!("approve|{end}|--confirm|wipe"))), 0);
    assert_eq!(run.proceed().await.unwrap().answers()[0].for_model(), "wiped a");
}

/// Runs `gate …` at a terminal, answers each question, and returns the screen and the exit code.
#[cfg(unix)]
fn at_a_terminal(folder: &Path, message: &[&str], answers: &[(&str, &str)]) -> (String, u32) {
    use std::io::{Read as _, Write as _};
    let size = portable_pty::PtySize { rows: 50, cols: 100, pixel_width: 0, pixel_height: 0 };
    let terminal = portable_pty::native_pty_system().openpty(size).unwrap();
    let mut command = portable_pty::CommandBuilder::new(env!("CARGO_BIN_EXE_gate"));
    command.args(message);
    command.cwd(folder);
    for removed in VARIABLES {
        command.env_remove(removed);
    }
    let mut child = terminal.slave.spawn_command(command).unwrap();
    drop(terminal.slave);
    let (mut screen, mut keyboard) =
        (terminal.master.try_clone_reader().unwrap(), terminal.master.take_writer().unwrap());
    let (mut shown, mut buffer, mut left) = (String::new(), [0; 4096], answers.iter());
    let mut next = left.next();
    // Some systems report the end of the terminal as an error.
    while let Ok(count @ 1..) = screen.read(&mut buffer) {
        shown += &String::from_utf8_lossy(&buffer[..count]);
        if let Some((question, answer)) = next
            && shown.ends_with(question)
        {
            // Input before the question is discarded.
            std::thread::sleep(std::time::Duration::from_millis(200));
            keyboard.write_all(answer.as_bytes()).unwrap();
            next = left.next();
        }
    }
    (shown, child.wait().unwrap().exit_code())
}

#[cfg(unix)]
#[tokio::test]
async fn at_a_terminal_the_token_is_not_seen_and_nothing_is_approved_by_a_bare_enter() {
    let workspace = TestWorkspace::new();
    let run = workspace.run().await;
    let turn =
        run.submit([pays("1", 100), call("2", "wipe", &json!({"disk": "a"}))]).await.unwrap();
    let ends: Vec<String> = turn
        .interruptions()
        .iter()
        .map(|interruption| interruption.id().to_string().split_off(28))
        .collect();
    let token = ("Your token: ", format!("{}\n", workspace.dana));
    for (end, question, answer, code) in [
        (&ends[0], "Type yes to continue: ", "\n", 4),
        (&ends[0], "Type yes to continue: ", "y\n", 4),
        (&ends[0], "Type yes to continue: ", "yes\n", 0),
        (&ends[1], "the tool's name to continue: ", "yes\n", 4),
        (&ends[1], "the tool's name to continue: ", "wipe\n", 0),
    ] {
        let answers = [(token.0, token.1.as_str()), (question, answer)];
        let (shown, ended) = at_a_terminal(workspace.path(), &["approve", end], &answers);
        assert_eq!(ended, code, "{answer:?}: {shown}");
        assert!(!shown.contains(&workspace.dana), "the token is on the screen: {shown}");
    }
    let kinds: Vec<_> = run
        .proceed()
        .await
        .unwrap()
        .answers()
        .iter()
        .map(gate_runtime::run::Answer::kind)
        .collect();
    assert_eq!(kinds, ["succeeded", "succeeded"]);
}

#[tokio::test]
async fn arguments_are_edited_field_by_field_against_the_stored_schema() {
    let workspace = TestWorkspace::new();
    let run = workspace.run().await;
    let (_, end) = asked(&run.submit([pays("1", 100)]).await.unwrap());
    for (set, problem) in
        [("amount=many", "/amount"), ("amount=9001", "/amount"), ("amout=5", "amout")]
    {
        let refused = workspace.dana(&format!("edit|{end}|--set|{set}"));
        assert_eq!(code(&refused), 4, "{set}");
        assert!(stderr_of(&refused).contains(problem), "{set}: {}", stderr_of(&refused));
    }
    assert_eq!(code(&workspace.dana(&format!("edit|{end}"))), 2);
    assert_eq!(code(&workspace.dana(&format!("edit|{end}|--set|amount=50|--set|note= today"))), 0);
    let turn = run.proceed().await.unwrap();
    assert!(
        turn.answers()[0].for_model().ends_with("paid 50 to alice today"),
        "{}",
        turn.answers()[0].for_model()
    );
    // The rules are in the agent's process, which evaluates the edited call before it runs.
    let (_, end) = asked(&run.submit([pays("2", 100)]).await.unwrap());
    assert_eq!(code(&workspace.dana(&format!("edit|{end}|--set|amount=5000"))), 0);
    let turn = run.proceed().await.unwrap();
    assert!(turn.is_waiting(), "two must agree to that: {turn:?}");
    assert!(stdout_of(&workspace.gate_as(None, "pending")).contains("(edited) (1 voted)"));
    let blind = workspace.gate_as(Some(&workspace.omar), &format!("approve|{end}"));
    assert_eq!(code(&blind), 4, "who saw it before it was edited has not seen this");
    let digest = workspace.json(&format!("show|{end}"))["digest"].as_str().unwrap().to_owned();
    assert_eq!(
        code(
            &workspace.gate_as(Some(&workspace.omar), &format!("approve|{end}|--digest|sha256:00"))
        ),
        4
    );
    assert_eq!(
        code(
            &workspace.gate_as(Some(&workspace.omar), &format!("approve|{end}|--digest|{digest}"))
        ),
        0
    );
    assert!(run.proceed().await.unwrap().answers()[0].for_model().ends_with("paid 5000 to alice"));
}

#[tokio::test]
async fn a_call_is_rejected_answered_and_revoked() {
    let workspace = TestWorkspace::new();
    let run = workspace.run().await;
    let (_, end) = asked(&run.submit([pays("1", 100)]).await.unwrap());
    assert_eq!(code(&workspace.dana(&format!("reject|{end}|"))), 4, "without a reason");
    assert_eq!(
        stdout_of(&workspace.dana(&format!("reject|{end}|not our fault"))),
        "pay is rejected\n"
    );
    assert!(run.proceed().await.unwrap().answers()[0].for_model().contains("not our fault"));
    let (_, end) = asked(&run.submit([pays("2", 101)]).await.unwrap());
    assert_eq!(
        stdout_of(&workspace.dana(&format!("respond|{end}|paid by hand"))),
        "pay is responded\n"
    );
    assert!(run.proceed().await.unwrap().answers()[0].for_model().contains("paid by hand"));
    let (_, end) = asked(&run.submit([pays("3", 102)]).await.unwrap());
    assert_eq!(
        code(&workspace.dana(&format!("revoke|{end}|too early"))),
        5,
        "it is not approved yet"
    );
    workspace.dana(&format!("approve|{end}"));
    assert_eq!(
        stdout_of(&workspace.gate_as(Some(&workspace.omar), &format!("revoke|{end}|too risky"))),
        "pay is cancelled\n"
    );
    assert!(run.proceed().await.unwrap().answers()[0].for_model().contains("too risky"));
}

#[tokio::test]
async fn grants_are_given_listed_and_revoked() {
    let workspace = TestWorkspace::new();
    let run = workspace.run().await;
    let (_, end) = asked(&run.submit([pays("1", 100)]).await.unwrap());
    let wrong_scope = workspace.dana(&format!("grants|add|{end}|--any|amout"));
    assert_eq!(code(&wrong_scope), 4);
    assert_eq!(code(&workspace.dana(&format!("grants|add|{end}|--budget|amount"))), 2);
    assert_eq!(code(&workspace.dana(&format!("grants|add|{end}|--uses|3|--per|soon"))), 2);
    let given = workspace
        .dana(&format!("grants|add|{end}|--any-run|--any|amount|--budget|amount=300|--per|1d"));
    assert_eq!(code(&given), 0, "{}", stderr_of(&given));
    let listed = stdout_of(&workspace.gate_as(None, "grants"));
    assert!(listed.contains("pay in any run, of agent, for mia, any `amount`"), "{listed}");
    assert!(listed.contains("300 of `amount` in all within 1 day"), "{listed}");
    assert_eq!(run.proceed().await.unwrap().answers()[0].for_model(), "paid 100 to alice");
    let turn = workspace
        .gate()
        .await
        .run("run-2")
        .on_behalf_of("mia")
        .submit([pays("1", 200), pays("2", 101)])
        .await
        .unwrap();
    let kinds: Vec<_> = turn.answers().iter().map(gate_runtime::run::Answer::kind).collect();
    assert!(kinds == ["succeeded", "waiting"] || kinds == ["waiting", "succeeded"], "{kinds:?}");
    let id = workspace.json("grants")[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(code(&workspace.dana(&format!("grants|revoke|{id}"))), 0);
    assert_eq!(
        stdout_of(&workspace.gate_as(None, "grants")),
        "There are no standing permissions.\n"
    );
    assert_eq!(code(&workspace.dana(&format!("grants|revoke|{id}"))), 3);
}

#[tokio::test]
async fn a_freeze_stops_other_processes_until_it_is_lifted() {
    let workspace = TestWorkspace::new();
    let run = workspace.run().await;
    assert_eq!(run.submit([pays("1", 5)]).await.unwrap().answers()[0].kind(), "succeeded");
    assert_eq!(code(&workspace.dana("freeze|--all")), 2, "without a reason");
    assert_eq!(code(&workspace.dana("freeze|--all|incident 42")), 0);
    assert_eq!(run.submit([pays("2", 5)]).await.unwrap().answers()[0].kind(), "frozen");
    assert!(stdout_of(&workspace.gate_as(None, "freeze")).contains("incident 42"));
    assert_eq!(workspace.json("freeze")[0]["scope"], json!(FreezeScope::Everything));
    assert_eq!(code(&workspace.dana("freeze|--lift|--tool|pay")), 3, "that is not stopped");
    let slip = workspace.dana("freeze|--tool|payy|incident 42");
    assert_eq!(code(&slip), 4);
    assert!(stderr_of(&slip).contains("did you mean `pay`?"), "{}", stderr_of(&slip));
    assert_eq!(code(&workspace.dana("freeze|--lift|--all")), 0);
    assert_eq!(run.submit([pays("2", 5)]).await.unwrap().answers()[0].kind(), "succeeded");
}

#[tokio::test]
async fn what_was_in_flight_is_listed_and_settled() {
    let workspace = TestWorkspace::new();
    {
        let run = workspace.run().await;
        let hanging = [call("1", "hang", &json!({"what": "a"}))];
        tokio::time::timeout(std::time::Duration::from_millis(200), run.submit(hanging))
            .await
            .unwrap_err();
        // The caller was dropped, which is recorded a moment later.
        while run.state().await.is_ok() && workspace.json("recover")[0]["status"] != "indeterminate"
        {
            tokio::task::yield_now().await;
        }
    }
    let listed = stdout_of(&workspace.gate_as(None, "recover"));
    assert!(
        listed.contains("went away while it ran") && listed.contains("gate settle"),
        "{listed}"
    );
    let id = workspace.json("recover")[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(code(&workspace.dana(&format!("settle|{id}|ran"))), 2, "without saying why");
    assert_eq!(code(&workspace.dana(&format!("settle|{id}|ran|--why| "))), 4);
    let settled =
        workspace.dana(&format!("settle|{id}|ran|--why|looked|--value|{{\"done\":true}}"));
    assert_eq!(
        (code(&settled), stdout_of(&settled)),
        (0, "hang is succeeded\n".to_owned()),
        "{}",
        stderr_of(&settled)
    );
    assert_eq!(code(&workspace.dana(&format!("settle|{id}|run-again|--why|once more"))), 5);
    assert_eq!(stdout_of(&workspace.gate_as(None, "recover")), "Nothing is in flight.\n");
}

#[tokio::test]
async fn hostile_text_is_shown_and_does_nothing() {
    let workspace = TestWorkspace::new();
    let run = workspace.run().await;
    let hostile = "\u{1b}[2Jalice\u{202e}\n\r| approved";
    let turn =
        run.submit([call("1", "pay", &json!({"to": hostile, "amount": 100}))]).await.unwrap();
    let (_, end) = asked(&turn);
    for message in ["pending".to_owned(), format!("show|{end}"), "case|ticket-7".to_owned()] {
        let shown = workspace.gate_as(None, &message);
        let text = stdout_of(&shown) + &stderr_of(&shown);
        assert!(
            !text.contains('\u{1b}') && !text.contains('\u{202e}') && !text.contains('\r'),
            "{message}: {text:?}"
        );
    }
    assert!(
        stdout_of(&workspace.gate_as(None, &format!("show|{end}"))).contains("\\u{1b}[2Jalice")
    );
}

#[tokio::test]
async fn secrets_and_their_salts_stay_where_they_are() {
    let workspace = TestWorkspace::new();
    let run = workspace.run().await;
    let turn = run
        .submit([call("1", "sign_in", &json!({"user": "mia", "password": "correct horse"}))])
        .await
        .unwrap();
    let (_, end) = asked(&turn);
    for message in [
        "pending".to_owned(),
        format!("show|{end}"),
        "case|ticket-7".to_owned(),
        "export".to_owned(),
    ] {
        for expected_text in [message.clone(), format!("--json|{message}")] {
            let shown = workspace.gate_as(None, &expected_text);
            assert_eq!(code(&shown), 0, "{expected_text}: {}", stderr_of(&shown));
            assert!(
                !stdout_of(&shown).contains("correct horse") && !stdout_of(&shown).contains("salt"),
                "{expected_text}: {}",
                stdout_of(&shown)
            );
        }
    }
    assert_eq!(code(&workspace.dana(&format!("approve|{end}"))), 0);
    assert_eq!(run.proceed().await.unwrap().answers()[0].for_model(), "mia 13");
}

#[tokio::test]
async fn the_record_is_exported_line_by_line() {
    let workspace = TestWorkspace::new();
    let gate = workspace.gate().await;
    for run in [gate.run("run-1").case("ticket-7"), gate.run("run-2")] {
        assert!(!run.submit([pays("1", 5)]).await.unwrap().is_waiting());
    }
    let lines = |message: &str| -> Vec<Value> {
        let text = stdout_of(&workspace.gate_as(None, message));
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let all = lines("export");
    let numbers: Vec<u64> = all.iter().map(|record| record["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    assert_eq!(lines("export|--after|2"), all[2..]);
    assert_eq!(lines("export|--case|ticket-7").len(), 3);
}

#[test]
fn what_is_not_there_is_said() {
    let workspace = TestWorkspace::new();
    let no_database = workspace.dana("pending");
    assert_eq!(code(&no_database), 1);
    assert_eq!(
        stderr_of(&no_database),
        "gate: there is no database gate.db: name it with --db or GATE_DB\n"
    );
    assert!(!workspace.path().join("gate.db").exists(), "looking makes none");
    std::fs::write(workspace.path().join("gate.db"), "this is no database, whatever its name is")
        .unwrap();
    assert_eq!(code(&workspace.dana("pending")), 1);
    assert_eq!(code(&workspace.dana("approve")), 2);
    assert_eq!(code(&workspace.dana("aprove|x")), 2);
    assert_eq!(
        code(&workspace.dana("--db|gone.db|export")),
        1,
        "who exports from a slip of the finger is told"
    );
}

#[tokio::test]
async fn an_id_may_be_its_end_if_that_tells() {
    let workspace = TestWorkspace::new();
    let run = workspace.run().await;
    let (id, end) = asked(&run.submit([pays("1", 100)]).await.unwrap());
    assert_eq!(code(&workspace.dana(&format!("show|{id}"))), 0);
    assert_eq!(code(&workspace.dana(&format!("show|…{end}"))), 0);
    assert_eq!(code(&workspace.dana(&format!("show|{}", end.to_uppercase()))), 0);
    assert_eq!(
        code(&workspace.dana(&format!("show|{}", end.clone().split_off(5)))),
        2,
        "three characters are a slip of the finger"
    );
    assert_eq!(code(&workspace.dana(&format!("show|{}", ApprovalId::new()))), 3);
}

#[tokio::test]
async fn what_is_over_is_shown_as_over_and_not_decided() {
    let workspace = TestWorkspace::new();
    let clock = ManualClock::at("2020-01-01T00:00:00Z".parse().unwrap());
    let people = StaticDirectory::new().person("dana", ["manager"]).person("omar", ["manager"]);
    let store = SqliteStore::open(workspace.path().join("gate.db")).await.unwrap();
    let gate: Gate<Tools> = Gate::builder(())
        .directory(people)
        .store(store)
        .key(GATE_KEY)
        .clock(clock.clone())
        .build()
        .await
        .unwrap();
    assert!(clock.now() < gate_runtime::Timestamp::now());
    let (id, end) = asked(&gate.run("run-1").submit([pays("1", 100)]).await.unwrap());
    assert!(stdout_of(&workspace.gate_as(None, "pending")).contains("over"));
    let late = workspace.dana(&format!("approve|{end}"));
    assert_eq!(code(&late), 5, "{}", stderr_of(&late));
    assert!(stdout_of(&workspace.gate_as(None, &format!("show|{id}"))).contains("It is expired"));
}

#[test]
fn people_and_completions_are_made() {
    let workspace = TestWorkspace::new();
    let made = workspace.gate_as(None, "person|o'neil \"x\"|--role|manager|--name|Ó Néill");
    assert_eq!(code(&made), 0);
    let token = stderr_of(&made).lines().last().unwrap().to_owned();
    std::fs::write(workspace.path().join("people.toml"), stdout_of(&made)).unwrap();
    let people = gate_runtime::FileDirectory::open(workspace.path().join("people.toml")).unwrap();
    assert_eq!(people.holder_of(&token).unwrap(), Some("o'neil \"x\"".into()));
    let bot = workspace.gate_as(None, "agent|billing-bot|--asks|manager");
    let secret = stderr_of(&bot).lines().last().unwrap().to_owned();
    std::fs::write(workspace.path().join("people.toml"), stdout_of(&made) + &stdout_of(&bot))
        .unwrap();
    assert_eq!(people.agent_of(&secret).unwrap().unwrap().asks(), ["manager"]);
    assert_eq!(people.holder_of(&secret).unwrap(), None);
    assert!(stdout_of(&workspace.gate_as(None, "completions|bash")).contains("settle"));
}

/// Writes a private key to a file, and returns its public key.
fn key_file(folder: &Path, name: &str, seed: u8) -> VerifierKey {
    let key = SigningKey::from_seed(name, KeyKind::Log, [seed; 32]).unwrap();
    let file = folder.join(format!("{name}-{seed}.key"));
    std::fs::write(&file, key.to_secret_text() + "\n").unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    key.verifier().clone()
}

#[tokio::test]
async fn whoever_has_a_key_signs_by_its_file() {
    let workspace = TestWorkspace::new();
    let key = key_file(workspace.path(), "dana", 1);
    key_file(workspace.path(), "dana", 9);
    let run = workspace.gate_where_dana_signs_by(&key).await.run("run-1").case("ticket-7");
    let (id, end) = asked(&run.submit([pays("1", 5_000)]).await.unwrap());

    let unsigned = workspace.dana(&format!("approve|{end}"));
    assert_eq!(code(&unsigned), 4);
    assert!(
        stderr_of(&unsigned).contains("sign it with that key (`--signing-key FILE`"),
        "{}",
        stderr_of(&unsigned)
    );
    let other = workspace.dana(&format!("approve|{end}|--signing-key|dana-9.key"));
    assert_eq!(code(&other), 4);
    assert!(
        stderr_of(&other).contains("not signed by the key that the directory has"),
        "{}",
        stderr_of(&other)
    );
    let nobodys = workspace
        .gate_as(Some(&workspace.omar), &format!("reject|{end}|no|--signing-key|dana-1.key"));
    assert_eq!(code(&nobodys), 4);
    assert!(
        stderr_of(&nobodys).contains("the directory has no key of this reviewer"),
        "{}",
        stderr_of(&nobodys)
    );

    assert_eq!(
        code(&workspace.dana(&format!("approve|{end}|-c|paid before|--signing-key|dana-1.key"))),
        0
    );
    assert!(stdout_of(&workspace.gate_as(None, "pending")).contains("(1 voted, 1 signed)"));
    let note = workspace.json("pending")[0]["votes"][0]["signed"].as_str().unwrap().to_owned();
    let note = Note::parse(note.as_bytes()).unwrap();
    note.verify(&[key]).unwrap();
    assert!(note.text().contains(&format!("\napproval {id}\n")), "{}", note.text());
    let shown = stdout_of(&workspace.gate_as(None, &format!("show|{end}")));
    assert!(shown.contains("dana approved it, signed"), "{shown}");
    let case = stdout_of(&workspace.gate_as(None, "case|ticket-7"));
    assert!(case.contains("dana approves, signed: paid before"), "{case}");

    let mut named = workspace.command("approve|ID|--confirm|pay".replace("ID", &end).as_str());
    let named = named
        .env("GATE_TOKEN", &workspace.omar)
        .env("GATE_SIGNING_KEY", "dana-1.key")
        .output()
        .unwrap();
    assert!(
        stderr_of(&named).contains("the directory has no key of this reviewer"),
        "{}",
        stderr_of(&named)
    );
    assert_eq!(
        code(&workspace.gate_as(Some(&workspace.omar), &format!("approve|{end}"))),
        0,
        "he has no key"
    );
    assert!(run.proceed().await.unwrap().answers()[0].for_model().ends_with("paid 5000 to alice"));

    // Every other way to decide.
    for (number, message) in [
        (2, "edit|ID|--set|amount=50"),
        (3, "reject|ID|not our fault"),
        (4, "respond|ID|paid by hand"),
        (5, "grants|add|ID|--any|amount"),
    ] {
        let (_, end) = asked(&run.submit([pays(&number.to_string(), 100 * number)]).await.unwrap());
        let expected_text = message.replace("ID", &end);
        assert_eq!(code(&workspace.dana(&expected_text)), 4, "{expected_text}");
        let signed = workspace.dana(&format!("{expected_text}|--signing-key|dana-1.key"));
        assert_eq!(code(&signed), 0, "{expected_text}: {}", stderr_of(&signed));
        let turn = run.proceed().await.unwrap();
        assert!(!turn.is_waiting(), "{expected_text}: {turn:?}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_review_at_the_terminal_is_signed_too() {
    let workspace = TestWorkspace::new();
    let key = key_file(workspace.path(), "dana", 1);
    let run = workspace.gate_where_dana_signs_by(&key).await.run("run-1");
    let turn = run.submit([pays("1", 100)]).await.unwrap();
    let token = format!("{}\n", workspace.dana);
    let answers = [("Your token: ", token.as_str()), (" later > ", "a\n"), ("(optional) > ", "\n")];
    let (shown, ended) =
        at_a_terminal(workspace.path(), &["review", "--signing-key", "dana-1.key"], &answers);
    assert_eq!(ended, 0, "{shown}");
    let approval =
        workspace.gate().await.approval(turn.interruptions()[0].id()).await.unwrap().unwrap();
    approval.votes()[0].verify_signature(approval.subject(), &key).unwrap();
    assert_eq!(run.proceed().await.unwrap().answers()[0].for_model(), "paid 100 to alice");
}

#[test]
fn a_key_s_file_is_read_by_nobody_else_and_not_repeated() {
    let workspace = TestWorkspace::new();
    key_file(workspace.path(), "dana", 1);
    let witness = SigningKey::from_seed("dana", KeyKind::Witness, [1; 32]).unwrap();
    let log = SigningKey::from_seed("dana", KeyKind::Log, [1; 32]).unwrap();
    let write = |name: &str, text: &str| {
        let file = workspace.path().join(name);
        std::fs::write(&file, text).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o400))
            .unwrap();
    };
    write("witness.key", &witness.to_secret_text());
    write("public.key", &log.verifier().to_string());
    write("half.key", &log.to_secret_text().replace("+dana+", "+dan+"));
    write("bytes.key", "");
    std::fs::create_dir(workspace.path().join("folder.key")).unwrap();
    std::fs::write(workspace.path().join("gate.db"), "").unwrap();
    for (file, message) in [
        ("gone.key", "no such file: name the file with --signing-key or GATE_SIGNING_KEY"),
        ("folder.key", "it is not a file"),
        ("witness.key", "it is a witness's key, which signs checkpoints: use one of algorithm 1"),
        ("public.key", "it is not a private key: begin with `PRIVATE+KEY+`"),
        ("half.key", "it is not a private key: the id is not that of name and key; get it again"),
        ("bytes.key", "it is not a private key: begin with `PRIVATE+KEY+`"),
    ] {
        let refused = workspace.dana(&format!("approve|0000|--signing-key|{file}"));
        assert_eq!(stderr_of(&refused), format!("gate: the signing key {file}: {message}\n"));
        assert_eq!(code(&refused), 1);
    }
    #[cfg(unix)]
    for mode in [0o640, 0o604, 0o660, 0o610] {
        let file = workspace.path().join("dana-1.key");
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(mode))
            .unwrap();
        let refused = workspace.dana("reject|0000|no|--signing-key|dana-1.key");
        assert_eq!(code(&refused), 1);
        assert!(
            stderr_of(&refused).contains("users other than its owner can read it: `chmod 600` it"),
            "{}",
            stderr_of(&refused)
        );
    }
}

#[test]
fn a_person_is_made_with_their_key() {
    let workspace = TestWorkspace::new();
    let key = key_file(workspace.path(), "dana", 1);
    let made = workspace.gate_as(None, &format!("person|dana|--role|manager|--key|{key}"));
    assert_eq!(code(&made), 0, "{}", stderr_of(&made));
    std::fs::write(workspace.path().join("people.toml"), stdout_of(&made)).unwrap();
    let people = gate_runtime::FileDirectory::open(workspace.path().join("people.toml")).unwrap();
    let dana = people.person(&"dana".into(), gate_runtime::Timestamp::now()).unwrap().unwrap();
    assert_eq!(dana.key(), Some(&key));
    let other = workspace.gate_as(None, &format!("person|omar|--role|manager|--key|{key}"));
    assert_eq!((code(&other), stdout_of(&other)), (2, String::new()));
    assert_eq!(
        stderr_of(&other),
        "gate: the key is not a key of omar for votes: make one with this name\n"
    );
    assert_eq!(code(&workspace.gate_as(None, "person|dana|--key|hunter2")), 2);
}

#[tokio::test]
async fn nobody_who_reads_is_nobody_to_tell() {
    let workspace = TestWorkspace::new();
    asked(&workspace.run().await.submit([pays("1", 100)]).await.unwrap());
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ended = workspace.command("export").stdout(writer).output().unwrap();
    assert_eq!((code(&ended), stderr_of(&ended)), (141, String::new()));
}

#[tokio::test]
async fn an_edit_is_shown_before_it_is_sent_and_who_signs_can_say_why() {
    let workspace = TestWorkspace::new();
    let run = workspace.run().await;
    let (_, end) = asked(&run.submit([pays("1", 100)]).await.unwrap());
    let wrong_value = workspace.dana(&format!("edit|{end}|--set|amount=\"much\""));
    assert_ne!(code(&wrong_value), 0);
    assert!(
        !stderr_of(&wrong_value).contains("changes to the arguments"),
        "{}",
        stderr_of(&wrong_value)
    );
    let edited = workspace.dana(&format!("edit|{end}|--set|amount=90"));
    assert_eq!(code(&edited), 0, "{}", stderr_of(&edited));
    assert!(stderr_of(&edited).contains("amount: 100\n│    → 90\n"), "{}", stderr_of(&edited));
    let (_, end) = asked(&run.submit([pays("2", 100)]).await.unwrap());
    let answered = workspace.dana(&format!("respond|{end}|paid by hand|--comment|I was there"));
    assert_eq!(code(&answered), 0, "{}", stderr_of(&answered));
    assert!(stdout_of(&workspace.gate_as(None, "case|ticket-7")).contains("I was there"));
}
