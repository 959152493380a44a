//! A notifier that writes a line on standard error for each question.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use gate_core::approval::Status;
use gate_core::ports::{BoxFuture, DeliveryNotice, Notifier, NotifyError};
use gate_core::records::Record;
use gate_core::text::SanitizedText;
use tokio::task::spawn_blocking;

/// The number of characters of the arguments in a line.
const SHOWN: usize = 160;

/// Reports on standard error that a question waits, in one line: the tool, the people it waits for
/// and until when, the agent, the arguments.
///
/// Untrusted text is shown as [`SanitizedText`], so that it cannot control the terminal or fake a
/// line; if this changed the text, the line contains a warning. A question that was decided in the
/// meantime is not reported.
///
/// ```
/// use gate_runtime::NoTools;
/// use gate_runtime::notify::Console;
/// # use gate_runtime::prelude::*;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let gate: Gate<NoTools> = Gate::builder(()).notify(Console).build().await?;
/// # let _ = gate;
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Console;

impl Console {
    /// Returns the line that it writes; `None` if the question no longer waits.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use gate_runtime::prelude::*;
    /// use gate_runtime::notify::DeliveryNotice;
    /// use gate_runtime::notify::Console;
    /// # /// Delete an account.
    /// # #[gated_tool(policy = "always_ask", destructive)] fn delete_account(user_id: String) {}
    /// # registry! { pub Tools for () { DeleteAccount } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let gate: Gate<Tools> = Gate::builder(()).build().await?;
    /// let turn = gate
    ///     .run("run-42")
    ///     .submit([ToolCall::new("call_1", "delete_account", r#"{"user_id":"mia"}"#)])
    ///     .await?;
    /// let approval = Arc::new(turn.interruptions()[0].approval().clone());
    /// let record = gate.records(1, 1).await?.remove(0);
    /// let line = Console::line(&DeliveryNotice::new("console", record).about(approval, None))
    ///     .unwrap_or_default();
    /// assert!(
    ///     line.starts_with(
    ///         "gate: delete_account waits for anyone who reviews: asked by agent in run-42, \
    ///          with {\"user_id\":\"mia\"} ("
    ///     ),
    ///     "{line}"
    /// );
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn line(notice: &DeliveryNotice) -> Option<String> {
        let approval = notice.approval().filter(|approval| approval.status() == Status::Pending)?;
        let info = approval.subject().info();
        let mut text = format!("{} waits for {}", approval.tool(), approval.waits_for());
        if let Some(end) = approval.expires_at() {
            let _ = write!(text, ", until {end:.0}");
        }
        let _ = write!(text, ": asked by {}", info.agent());
        if let Some(principal) = info.principal() {
            let _ = write!(text, " for {principal}");
        }
        let _ = write!(text, " in {}, with {}", info.run(), short(approval.arguments().as_json()));
        let sanitized = SanitizedText::of(&text);
        let mut line = format!("gate: {sanitized} ({})", approval.id());
        if !sanitized.hazards().is_empty() {
            let hazards: Vec<String> =
                sanitized.hazards().iter().map(ToString::to_string).collect();
            let _ = write!(line, " ! it has {}", hazards.join(", "));
        }
        Some(line)
    }
}

/// Returns the beginning and the end of a long text.
fn short(json: &str) -> String {
    let count = json.chars().count();
    if count <= SHOWN {
        return json.to_owned();
    }
    let (head, tail) = (SHOWN * 2 / 3, SHOWN / 3);
    json.chars()
        .take(head)
        .chain(" … ".chars())
        .chain(json.chars().skip(count.saturating_sub(tail)))
        .collect()
}

impl Notifier for Console {
    fn name(&self) -> &'static str {
        "console"
    }

    fn wants(&self, record: &Record) -> bool {
        record.asks_people()
    }

    fn deliver<'a>(
        &'a self,
        notice: &'a DeliveryNotice,
    ) -> BoxFuture<'a, Result<Option<String>, NotifyError>> {
        let line = Self::line(notice);
        Box::pin(async move {
            let Some(line) = line else { return Ok(None) };
            // Writing may block, because the reader of a pipe may be slow.
            let written = spawn_blocking(move || writeln!(io::stderr(), "{line}"));
            match written.await {
                Ok(Ok(())) => Ok(None),
                Ok(Err(error)) => Err(NotifyError::again(format!("standard error: {error}"))),
                Err(_) => Err(NotifyError::again("its runtime has ended")),
            }
        })
    }
}
