//! The reviewer at a real terminal: a separate process at a pseudo-terminal, and the content of its
//! screen.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::num::NonZero;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use gate_runtime::Terminal;
use gate_runtime::prelude::*;
use gate_runtime::run::Answer;
use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};

/// Pay someone.
#[gated_tool(policy = "always_ask")]
fn pay(
    /// Who gets it.
    to: String,
    amount: u64,
) -> String {
    format!("paid {amount} to {to}")
}

/// Wipe a disk.
#[gated_tool(policy = "always_ask", destructive)]
fn wipe(disk: String) -> String {
    format!("wiped {disk}")
}

registry! { Tools for () { Pay, Wipe } }

/// The name of the variable with the task of the process behind the pseudo-terminal.
const TASK: &str = "GATE_TEST_PSEUDO_TERMINAL";

/// The process at the pseudo-terminal, which asks about one call. Run directly, this does nothing:
/// the tests below run it.
#[tokio::test]
async fn the_task() {
    let Ok(task) = std::env::var(TASK) else { return };
    let (port, call) = task.split_once(' ').unwrap();
    let (tool, arguments) = call.split_once(' ').unwrap();
    let people = StaticDirectory::new().person("dana", ["manager"]);
    let gate: Gate<Tools> = Gate::builder(()).directory(people).build().await.unwrap();
    let run = gate
        .run("run-1")
        .history([Message::user("pay alice"), Message::tool("read_mail", "send 500")]);
    let turn = run.submit([ToolCall::new("1", tool, arguments)]).await.unwrap();
    println!("type ahead");
    // Continues when the test connects.
    TcpStream::connect(format!("127.0.0.1:{port}")).unwrap().read_exact(&mut [0]).unwrap();
    let dana = gate.reviewer("dana").await.unwrap();
    let _ = Terminal::standard().ask(&turn.interruptions()[0], &dana).await.unwrap();
    let turn = run.proceed().await.unwrap();
    println!("ANSWER {}", turn.answers().iter().map(Answer::for_model).collect::<String>());
}

/// A process at a terminal.
struct TerminalSession {
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    raw: Vec<u8>,
    screen: vt100::Parser,
    listener: TcpListener,
}

impl Drop for TerminalSession {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

impl TerminalSession {
    fn sit(columns: u16, call: &str, variables: &[(&str, &str)]) -> Self {
        let size = PtySize { rows: 60, cols: columns, pixel_width: 0, pixel_height: 0 };
        let terminal = native_pty_system().openpty(size).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
        command.args(["--exact", "pseudo_terminal::the_task", "--nocapture", "--test-threads=1"]);
        for removed in ["VISUAL", "EDITOR", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
            command.env_remove(removed);
        }
        command.env("TERM", "xterm-256color");
        command.env(TASK, format!("{} {call}", listener.local_addr().unwrap().port()));
        for (name, value) in variables {
            command.env(name, value);
        }
        let child = terminal.slave.spawn_command(command).unwrap();
        drop(terminal.slave);
        let mut reader = terminal.master.try_clone_reader().unwrap();
        let keyboard = terminal.master.take_writer().unwrap();
        let (send, output) = channel();
        std::thread::spawn(move || {
            let _master = terminal.master;
            let mut buffer = [0; 4096];
            while let Ok(count) = reader.read(&mut buffer) {
                if count == 0
                    || send.send(buffer.get(..count).unwrap_or_default().to_vec()).is_err()
                {
                    break;
                }
            }
        });
        let screen =
            vt100::Parser::new(NonZero::new(60).unwrap(), NonZero::new(columns).unwrap(), 1_000);
        let mut seat = Self { child, keyboard, output, raw: Vec::new(), screen, listener };
        seat.sees("type ahead");
        seat
    }

    /// Lets the process ask the question.
    fn go(&mut self) {
        self.listener.accept().unwrap().0.write_all(b"!").unwrap();
        self.sees("l later >");
    }

    fn types(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Waits until the screen shows a text.
    fn sees(&mut self, text: &str) {
        self.sees_times(1, text);
    }

    /// Waits until the screen shows a text a number of times.
    fn sees_times(&mut self, times: usize, text: &str) {
        while self.text().matches(text).count() < times {
            match self.output.recv_timeout(Duration::from_secs(20)) {
                Ok(bytes) => {
                    self.screen.process(&bytes);
                    self.raw.extend(bytes);
                }
                Err(end) => panic!("the screen never showed {text:?} ({end}):\n{}", self.text()),
            }
        }
    }

    /// Returns the text on the screen, line by line.
    fn text(&self) -> String {
        self.screen.screen().contents()
    }

    /// Returns all output since the start, unchanged.
    fn raw(&self) -> String {
        String::from_utf8_lossy(&self.raw).into_owned()
    }
}

const PAYMENT: &str = r#"pay {"to":"alice","amount":500}"#;

#[test]
fn a_call_is_approved_at_a_terminal() {
    let mut seat = TerminalSession::sit(80, PAYMENT, &[]);
    seat.go();
    let shown = seat.text();
    for line in [
        "pay needs a decision",
        "│  arguments  to      \"alice\"",
        "from read_mail",
        "said by the user · Who gets it.",
    ] {
        assert!(shown.contains(line), "{line} in\n{shown}");
    }
    seat.types("a\r");
    seat.sees("comment (optional) >");
    seat.types("\r");
    seat.sees("ANSWER paid 500 to alice");
}

#[test]
fn w61_what_was_typed_before_the_question_is_no_answer_to_it() {
    let mut seat = TerminalSession::sit(80, PAYMENT, &[]);
    seat.types("a\r\ra\r\rend\r");
    // The terminal echoes the input when it receives it, so it has received it now.
    seat.sees("a\n\na\n\nend");
    seat.go();
    seat.types("l\r");
    seat.sees("ANSWER <gate-notice>Not run yet");
    assert!(!seat.text().contains("comment (optional)"), "{}", seat.text());
}

#[test]
fn w61_neither_enter_nor_the_end_of_the_input_approves() {
    let mut seat = TerminalSession::sit(80, PAYMENT, &[]);
    seat.go();
    seat.types("\r\ry\ryes\r");
    seat.sees("type one of these letters");
    seat.types("\u{4}");
    seat.sees("ANSWER <gate-notice>Not run yet");
}

#[test]
fn a_destructive_call_wants_its_name_typed() {
    let mut seat = TerminalSession::sit(80, r#"wipe {"disk":"sda"}"#, &[]);
    seat.go();
    assert!(seat.text().contains("DESTRUCTIVE: it cannot be undone"));
    seat.types("a\ry\r");
    seat.sees("not approved");
    seat.types("a\rwipe\r\r");
    seat.sees("ANSWER wiped sda");
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for columns in [48, 80, 132] {
        let long = "lorem ipsum ".repeat(40);
        let mut seat =
            TerminalSession::sit(columns, &format!(r#"pay {{"to":"{long}","amount":500}}"#), &[]);
        seat.go();
        let rows = seat.screen.screen();
        let wrapped: Vec<u16> = (0..60).filter(|row| rows.row_wrapped(*row)).collect();
        let shown = seat.text();
        assert!(shown.contains("┌─ pay") && shown.contains("└─"), "{shown}");
        // The line with the choices is the prompt, and may wrap.
        assert!(wrapped.len() <= 1, "{columns}: {wrapped:?}\n{shown}");
        assert!(
            shown
                .lines()
                .filter(|line| line.starts_with('│'))
                .all(|line| line.chars().count() <= 100),
            "{shown}"
        );
    }
}

#[test]
fn w57_hostile_text_does_nothing_to_the_terminal() {
    let hostile = r"\u001b[2J\u001b[1;1H\u001b]0;owned\u0007\u009b31m\u202eevil\u200b аlice\r\n└─";
    let mut seat = TerminalSession::sit(
        80,
        &format!(r#"pay {{"to":"{hostile}","amount":500}}"#),
        &[("NO_COLOR", "1")],
    );
    seat.go();
    let shown = seat.text().replace("\n│                     ┆ ", "");
    assert!(shown.contains("type ahead"), "the screen was cleared:\n{shown}");
    assert!(
        shown.contains(r"\u{1b}[2J") && shown.contains(r"\u{202e}evil\u{200b} \u{430}lice"),
        "{shown}"
    );
    assert!(shown.contains("! it has control characters"), "{shown}");
    assert!(!seat.raw().contains('\u{1b}'), "{:?}", seat.raw());
}

#[test]
fn colours_are_used_unless_they_are_unwanted() {
    let mut seat = TerminalSession::sit(80, PAYMENT, &[]);
    seat.go();
    assert!(seat.raw().contains("\u{1b}[33mfrom read_mail"), "{:?}", seat.raw());
    for unwanted in [("NO_COLOR", "1"), ("CLICOLOR", "0")] {
        let mut seat = TerminalSession::sit(80, PAYMENT, &[unwanted]);
        seat.go();
        assert!(!seat.raw().contains('\u{1b}'), "{unwanted:?} {:?}", seat.raw());
    }
}

#[test]
fn arguments_are_edited_in_the_persons_editor() {
    // It asks at the terminal itself, as editors do.
    let editor = r#"sh -c 'printf "EDITING: "; read from; read to; sed -i "s/$from/$to/" "$0"'"#;
    let mut seat = TerminalSession::sit(80, PAYMENT, &[("EDITOR", "false"), ("VISUAL", editor)]);
    seat.go();
    seat.types("e\r");
    seat.sees("EDITING:");
    seat.types("500\r-7\r");
    seat.sees("│  amount: 500\n│    → -7\n");
    seat.types("y\r");
    seat.sees("comment (optional) >");
    seat.types("\r");
    seat.sees("✗ the edited arguments do not fit:\n      at `/amount`: ");
    seat.types("e\r");
    seat.sees_times(2, "EDITING:");
    seat.types("-7\r300\r");
    seat.types("y\ra third of it\r");
    seat.sees("ANSWER <gate-notice>Note: a person changed the arguments");
    seat.sees("paid 300 to alice");
}
