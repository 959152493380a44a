//! The security log: sign-ins, failed sign-ins, and reads.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it expects"
)]

// The log is for the whole program, so no other test may run in it.
#[path = "suite/test_inbox/mod.rs"]
mod test_inbox;

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};

use gate_runtime::people::ReviewerToken;
use test_inbox::{TestInbox, write_people};
use tokio::task::spawn_blocking;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Keeps the lines of the security log.
#[derive(Clone, Default)]
struct LogCapture(Arc<Mutex<Vec<String>>>);

struct LogLine(String);

impl Visit for LogLine {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }
}

impl Subscriber for LogCapture {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "gate::security"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = LogLine(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl LogCapture {
    /// Returns the lines since the last call.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// Returns the status of a request to the API with a token.
async fn status(fixture: &TestInbox, path: &str, token: &str) -> u16 {
    let (url, token) = (format!("http://{}{path}", fixture.address), format!("Bearer {token}"));
    let send = move || {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        agent.get(url).header("authorization", token).call().unwrap().status().as_u16()
    };
    spawn_blocking(send).await.unwrap()
}

#[tokio::test]
async fn the_security_log_has_who_came_in_who_did_not_and_who_read_what_and_no_token() {
    let log = LogCapture::default();
    tracing::subscriber::set_global_default(log.clone()).unwrap();
    let fixture = TestInbox::open().await;
    log.take();

    let mut browser = fixture.browser();
    browser.sign_in(ReviewerToken::new().reveal()).await;
    browser.sign_in(fixture.dana.reveal()).await;
    let lines = log.take();
    let expected = [
        "WARN event=\"sign_in_failed\" from=127.0.0.1",
        "INFO event=\"signed_in\" who=dana from=127.0.0.1",
    ];
    assert_eq!(lines, expected);
    assert!(!lines.join("\n").contains("gate_r_"), "no token: {lines:?}");

    assert_eq!(
        status(&fixture, "/api/v1/records?after=0&limit=5", fixture.dana.reveal()).await,
        200
    );
    assert_eq!(
        log.take(),
        ["INFO event=\"records_read\" who=dana what=\"records after 0, at most 5\""]
    );

    let wrong = ReviewerToken::new();
    let mut answers = Vec::new();
    for _ in 0..7 {
        answers.push(status(&fixture, "/api/v1/records", wrong.reveal()).await);
    }
    assert_eq!(answers, [401, 401, 401, 401, 401, 429, 429], "who is wrong waits");
    assert_eq!(
        log.take(),
        ["WARN event=\"token_refused\" from=127.0.0.1 why=\"nobody has it\""; 5],
        "and fills no log"
    );
    assert_eq!(
        status(&fixture, "/api/v1/records", fixture.dana.reveal()).await,
        200,
        "a right token does not"
    );
    log.take();

    write_people(&fixture.folder, &[("dana", "intern", &fixture.dana)], "");
    assert_eq!(status(&fixture, "/api/v1/reviews", fixture.dana.reveal()).await, 200);
    let lines = log.take();
    assert!(
        lines.iter().any(|line| line.starts_with("INFO event=\"people_changed\" file=")),
        "{lines:?}"
    );
    std::fs::write(fixture.folder.path().join("people.toml"), "person = 7").unwrap();
    status(&fixture, "/api/v1/reviews", fixture.dana.reveal()).await;
    let lines = log.take();
    assert!(
        lines.iter().any(|line| line.starts_with("WARN event=\"people_unreadable\" file=")),
        "{lines:?}"
    );
}
