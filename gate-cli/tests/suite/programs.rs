//! The programs of `examples/python`, which ask people over HTTP, with `gate inbox`. Without
//! `python3`, they are skipped with a message.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::test_workspace::{InboxProcess, TestWorkspace, code, stderr_of, stdout_of};
use serde_json::Value;

fn example(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/python")).join(name)
}

/// An inbox for an agent, and for people.
struct ProgramFixture {
    workspace: TestWorkspace,
    inbox: InboxProcess,
    token: String,
}

impl ProgramFixture {
    /// Opens the fixture; `None` without Python.
    fn open() -> Option<Self> {
        if Command::new("python3").arg("--version").output().is_err() {
            eprintln!("skipped: python3 is not installed");
            return None;
        }
        let workspace = TestWorkspace::new();
        let made = workspace.gate_as(None, "agent|billing-bot|--asks|manager");
        let file = workspace.path().join("people.toml");
        std::fs::write(&file, std::fs::read_to_string(&file).unwrap() + &stdout_of(&made)).unwrap();
        let token = stderr_of(&made).lines().last().unwrap().to_owned();
        Some(Self { inbox: InboxProcess::start(&workspace), workspace, token })
    }

    fn python(&self, name: &str, arguments: &[&str]) -> Child {
        let mut command = Command::new("python3");
        command.arg(example(name)).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
            .env("GATE_API", &self.inbox.url)
            .env("GATE_AGENT_TOKEN", &self.token)
            .spawn()
            .unwrap()
    }

    /// Returns the id of the next pending call.
    fn next(&self) -> String {
        loop {
            let pending = self.workspace.json("pending");
            if let Some(Value::String(id)) = pending.get(0).and_then(|first| first.get("id")) {
                return id.clone();
            }
            std::thread::yield_now();
        }
    }
}

#[test]
fn a_program_in_python_asks_waits_and_acts_on_the_decision() {
    let Some(fixture) = ProgramFixture::open() else { return };
    let program = fixture.python("refund.py", &["A-1", "2400"]);
    let id = fixture.next();
    assert_eq!(code(&fixture.workspace.dana(&format!("edit|{id}|--set|cents=2000"))), 0);
    let ended = program.wait_with_output().unwrap();
    assert_eq!(
        (stdout_of(&ended).trim(), code(&ended)),
        (r#"{"refunded": 2000, "order": "A-1"}"#, 0),
        "{}",
        stderr_of(&ended)
    );
    let again = fixture.python("refund.py", &["A-1", "2400"]).wait_with_output().unwrap();
    assert!(code(&again) == 1 && stderr_of(&again).contains("succeeded"), "{}", stderr_of(&again));

    let program = fixture.python("refund.py", &["A-2", "100"]);
    assert_eq!(code(&fixture.workspace.dana(&format!("reject|{}|not ours", fixture.next()))), 0);
    let ended = program.wait_with_output().unwrap();
    assert!(
        code(&ended) == 1
            && stderr_of(&ended).contains("not refunded: rejected: ")
            && stderr_of(&ended).contains("not ours")
    );
}

#[test]
fn a_program_in_python_asks_a_person_what_to_do_about_a_fault() {
    let Some(fixture) = ProgramFixture::open() else { return };
    let provider = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", provider.local_addr().unwrap());
    let serving = std::thread::spawn(move || {
        for status in ["503 Service Unavailable", "503 Service Unavailable", "200 OK"] {
            let (mut stream, _) = provider.accept().unwrap();
            let _ = stream.read(&mut [0; 4_096]).unwrap();
            let answer =
                format!("HTTP/1.1 {status}\r\nContent-Length: 4\r\nConnection: close\r\n\r\ndone");
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    let program = fixture.python("provider_error.py", &[&address]);
    for _ in 0..2 {
        let id = fixture.next();
        assert_eq!(
            code(&fixture.workspace.dana(&format!("respond|{id}|Retry!"))),
            4,
            "no such choice"
        );
        assert_eq!(code(&fixture.workspace.dana(&format!("respond|{id}|retry"))), 0);
    }
    let ended = program.wait_with_output().unwrap();
    assert_eq!((stdout_of(&ended).trim(), code(&ended)), ("done", 0), "{}", stderr_of(&ended));
    serving.join().unwrap();
    let program = fixture.python("provider_error.py", &["http://127.0.0.1:1"]);
    assert_eq!(code(&fixture.workspace.dana(&format!("respond|{}|cancel", fixture.next()))), 0);
    assert_eq!(code(&program.wait_with_output().unwrap()), 1);
}

#[test]
fn the_programs_are_short_and_need_nothing_but_the_standard_library() {
    for name in ["gate_api.py", "refund.py", "provider_error.py"] {
        let text = std::fs::read_to_string(example(name)).unwrap();
        assert!(text.lines().count() < 40, "{name}");
        for line in text.lines().filter_map(|line| line.strip_prefix("import ")) {
            assert!(
                ["json", "os", "sys", "uuid", "urllib.error", "urllib.request"].contains(&line),
                "{name}: {line}"
            );
        }
    }
}
