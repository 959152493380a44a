//! The reviewer in the terminal: what is shown, what is asked, and that nothing is approved by accident.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what it expects")]

use std::io::{self, Cursor, Write};
use std::sync::{Arc, Mutex};

use gate_runtime::prelude::*;
use gate_runtime::{Status, Terminal};

/// Payments.
#[policy]
fn payments(rules: Rules<Pay>) -> Rules<Pay> {
    rules.deny("above the limit").when(|call| call.amount > 10_000).otherwise(ask(role("manager")).within(minutes(30)))
}

/// Pay someone.
#[gated_tool(policy = "payments")]
fn pay(to: String, amount: u64, note: Option<String>) -> String {
    format!("paid {amount} to {to}{}", note.unwrap_or_default())
}

/// Wipe a disk.
#[gated_tool(policy = "always_ask", destructive)]
fn wipe(disk: String) -> String {
    format!("wiped {disk}")
}

registry! { Tools for () { Pay, Wipe } }

/// What the terminal printed.
#[derive(Clone, Default)]
struct Screen(Arc<Mutex<Vec<u8>>>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Proposes a call, lets a manager type, and gives back the screen, how the call stands, and what the model is told.
async fn type_in(call: ToolCall, typed: &str) -> (String, Status, String) {
    let people = StaticDirectory::new().person("dana", ["manager"]);
    let gate: Gate<Tools> = Gate::builder(()).directory(people).build().await.unwrap();
    let dana = gate.reviewer("dana").await.unwrap();
    let run = gate.run("run-1").on_behalf_of("mia");
    let turn = run.submit([call]).await.unwrap();
    let asked = &turn.interruptions()[0];
    let screen = Screen::default();
    let mut terminal = Terminal::over(Cursor::new(typed.to_owned()), screen.clone());
    let _ = terminal.ask(asked, &dana).await.unwrap();
    let status = gate.approval(asked.id()).await.unwrap().unwrap().status();
    let told = run.proceed().await.unwrap().answers()[0].for_model();
    let shown = String::from_utf8(screen.0.lock().unwrap().clone()).unwrap();
    (shown, status, told)
}

fn payment() -> ToolCall {
    ToolCall::new("1", "pay", r#"{"to":"alice","amount":500}"#).reasoning("the invoice is due")
}

fn wiping() -> ToolCall {
    ToolCall::new("1", "wipe", r#"{"disk":"sda"}"#)
}

#[tokio::test]
async fn the_reviewer_sees_what_is_needed_to_decide() {
    let (shown, ..) = type_in(payment(), "").await;
    for line in [
        "┌─ pay wants a decision",
        "│  Pay someone.",
        "│  agent      agent, for mia, run run-1",
        "│  it claims  \"the invoice is due\"",
        "│  arguments  amount  500",
        "│             to      \"alice\"",
        "│  because    no rule of policy payments decides it",
        "└  decides    a manager within 30 minutes, until ",
    ] {
        assert!(shown.contains(line), "{line} in\n{shown}");
    }
}

#[tokio::test]
async fn an_approval_runs_and_a_rejection_says_why() {
    let (shown, status, told) = type_in(payment(), "a\nit is the price\n").await;
    assert!(shown.contains("✓ approved"));
    assert_eq!((status, told.as_str()), (Status::Approved, "paid 500 to alice"));
    let (_, status, told) = type_in(payment(), "r\nnot ours\n").await;
    assert_eq!(status, Status::Rejected);
    assert!(told.contains("\"not ours\""));
}

#[tokio::test]
async fn nothing_but_an_answer_approves() {
    for typed in ["", "\n\n\n", "y\n", "yes\n", "ok\n", " \n", "A\n", "x\n\n", "l\n", "later\n", "r\n\n", "e\n\n", "a"]
    {
        let (_, status, told) = type_in(payment(), typed).await;
        // A bare `a` at the very end of the input was never confirmed by the line that follows it.
        assert_eq!(status, Status::Pending, "{typed:?}");
        assert!(told.starts_with("Not run yet"), "{typed:?}");
    }
}

#[tokio::test]
async fn a_destructive_call_wants_its_name_typed() {
    for typed in ["a\n\n", "a\ny\n", "a\nwip\n", "a\nWIPE\n"] {
        let (shown, status, _) = type_in(wiping(), typed).await;
        assert_eq!(status, Status::Pending, "{typed:?}");
        assert!(shown.contains("DESTRUCTIVE") && shown.contains("not approved"), "{shown}");
    }
    let (_, status, told) = type_in(wiping(), "a\nwipe\n\n").await;
    assert_eq!((status, told.as_str()), (Status::Approved, "wiped sda"));
}

#[tokio::test]
async fn an_edit_is_checked_field_by_field_and_asked_again() {
    let typed = "e\nnobody\namount\nmany\n\n\ne\namount\n20000\n\n\ne\namount\n300\n\nthat is the price\n";
    let (shown, status, told) = type_in(payment(), typed).await;
    assert!(shown.contains("there is no argument nobody"), "{shown}");
    assert!(shown.contains("✗ the edited arguments do not fit: at `/amount`: expected an integer"), "{shown}");
    assert!(shown.contains("✗ the rule \"above the limit\" denies the edited arguments"), "{shown}");
    assert_eq!(status, Status::Approved);
    assert!(told.contains("paid 300 to alice"));
}

#[tokio::test]
async fn a_standing_permission_is_spelled_out() {
    // amount, then to: the arguments in their order; then how often.
    let (shown, status, _) = type_in(payment(), "g\n1000\ns\n3\nregular supplier\n").await;
    assert_eq!(status, Status::Approved);
    assert!(shown.contains("✓ always: pay in run-1, `amount` up to 1000, 1 argument as shown, 3 uses left"), "{shown}");
    let (shown, status, _) = type_in(payment(), "g\nx\n").await;
    assert_eq!(status, Status::Pending);
    assert!(shown.contains("nothing is granted"), "{shown}");
}

#[tokio::test]
async fn everything_is_shown_on_request() {
    let (shown, ..) = type_in(payment(), "s\n").await;
    for line in ["· deny    above the limit", ".deny(\"above the limit\").when(|call| call.amount > 10_000)", "sha256:"]
    {
        assert!(shown.contains(line), "{line} in\n{shown}");
    }
}

#[tokio::test]
async fn hostile_text_is_shown_and_not_acted_out() {
    let hostile = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}ecila\u{200b}\u{feff}\r\n\u{9b}31m\u{2066}\u{e0041}";
    let arguments = serde_json::json!({"to": hostile, "amount": 500}).to_string();
    let call = ToolCall::new("1\u{1b}", "pay", arguments).reasoning(hostile);
    let (shown, ..) = type_in(call, "s\n").await;
    let acts = |c: char| {
        (c.is_control() && c != '\n') || ('\u{200b}'..='\u{202e}').contains(&c) || c == '\u{feff}' || c > '\u{e0000}'
    };
    assert!(!shown.chars().any(acts), "{:?}", shown.chars().filter(|c| acts(*c)).collect::<String>());
    assert!(shown.contains("\\u{202e}ecila\\u{200b}"), "{shown}");
}

#[tokio::test]
async fn a_long_argument_is_shown_by_its_ends_and_whole_on_request() {
    let text = format!("start{}end", "x".repeat(1_000_000 / 8));
    let call = ToolCall::new("1", "pay", serde_json::json!({"to": text, "amount": 500}).to_string());
    let (shown, ..) = type_in(call.clone(), "").await;
    assert!(
        shown.len() < 5_000
            && shown.contains("\"start")
            && shown.contains("end\"")
            && shown.contains("125010 characters in all"),
        "{shown}"
    );
    let (shown, ..) = type_in(call, "s\n").await;
    assert!(shown.contains(&text));
}
