//! Asks a person in the terminal.

mod editor;
mod page;
mod prompt;
mod view;

use std::fmt;
use std::io::{self, BufRead, IsTerminal as _, Write};

use gate_audit::SigningKey;
use prompt::{PromptChoice, ScreenKind, TerminalIo};

use crate::engine::review::error::DecideError;
use crate::engine::review::interruption::{Decide, Interruption};
use crate::engine::review::reviewer::Reviewer;
use crate::engine::review::vote::{DecisionOutcome, Edit};

/// Asks a person in a terminal: shows the waiting call, takes an answer, and reports the result.
///
/// It shows the tool, the agent with its principal and its reason, every argument with its origin,
/// every rule with its result, and who may decide until when. The answers are `a` approve, `e`
/// edit, `r` reject, `g` grant, `s` show everything, `l` later.
///
/// There is no default answer: an empty line asks again, the end of the input leaves the question
/// open, and text that was typed before the question was shown does not answer it. To approve a
/// destructive call, type its tool's name. Characters that could control the terminal, hide, or
/// pass for others are shown as escapes, with a warning.
///
/// Arguments are edited as JSON in `$VISUAL` or `$EDITOR`, or line by line if there is no editor.
/// Colours follow `NO_COLOR` and `CLICOLOR`.
///
/// ```
/// # use gate_runtime::prelude::*;
/// # use gate_runtime::Terminal;
/// # /// Delete an account.
/// # #[gated_tool(policy = "always_ask", destructive)]
/// # fn delete_account(user_id: String) -> String { format!("deleted {user_id}") }
/// # registry! { pub Tools for () { DeleteAccount } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let people = StaticDirectory::new().person("dana", ["manager"]);
/// # let gate: Gate<Tools> = Gate::builder(()).directory(people).build().await?;
/// # let run = gate.run("run-42");
/// # let mut turn =
/// #     run.submit([ToolCall::new("call_1", "delete_account", r#"{"user_id":"mia"}"#)]).await?;
/// let dana = gate.reviewer("dana").await?;
/// let mut terminal = Terminal::standard();
/// # let mut terminal = Terminal::over(&b"a\ndelete_account\n\n"[..], Vec::new());
/// while turn.is_waiting() {
///     for asked in turn.interruptions() {
///         terminal.ask(asked, &dana).await?;
///     }
///     turn = run.proceed().await?;
/// }
/// assert_eq!(turn.answers()[0].for_model(), "deleted mia");
/// # Ok(()) }
/// ```
pub struct Terminal {
    /// The input and output; `None` while another thread uses them.
    prompt: Option<TerminalIo>,
    /// The key that signs the person's votes.
    key: Option<SigningKey>,
}

impl Terminal {
    /// Uses the terminal of this process: standard input and output.
    #[must_use]
    pub fn standard() -> Self {
        let editor = ["VISUAL", "EDITOR"].into_iter().filter_map(|name| std::env::var(name).ok());
        let editor =
            editor.filter(|_| io::stdin().is_terminal()).find(|editor| !editor.trim().is_empty());
        let (input, output) = (Box::new(io::BufReader::new(io::stdin())), Box::new(io::stdout()));
        Self {
            prompt: Some(TerminalIo { input, output, screen: ScreenKind::Standard, editor }),
            key: None,
        }
    }

    /// Uses the terminal of this process, with output on standard error, for a program whose
    /// standard output is read by another program.
    #[must_use]
    pub fn on_stderr() -> Self {
        let mut terminal = Self::standard();
        if let Some(prompt) = &mut terminal.prompt {
            prompt.output = Box::new(io::stderr());
        }
        terminal
    }

    /// Uses any other pair of input and output, with 80 columns, no colours and no editor.
    pub fn over(input: impl BufRead + Send + 'static, output: impl Write + Send + 'static) -> Self {
        let (input, output) = (Box::new(input), Box::new(output));
        Self {
            prompt: Some(TerminalIo { input, output, screen: ScreenKind::Other, editor: None }),
            key: None,
        }
    }

    /// Sets the command that edits arguments. It is called with the path of a JSON file.
    #[must_use]
    pub fn editor(mut self, command: impl Into<String>) -> Self {
        if let Some(prompt) = &mut self.prompt {
            prompt.editor = Some(command.into());
        }
        self
    }

    /// Signs the votes of this terminal with the key of the person who uses it: see
    /// [`Decide::sign_with`].
    ///
    /// ```
    /// # use gate_runtime::Terminal;
    /// # use gate_runtime::audit::{KeyKind, SigningKey};
    /// # let secret = SigningKey::from_seed("dana", KeyKind::Log, [7; 32])?.to_secret_text();
    /// let key: SigningKey = secret.parse()?;
    /// let terminal = Terminal::standard().sign_with(key);
    /// # let _ = terminal;
    /// # Ok::<(), gate_runtime::audit::Error>(())
    /// ```
    #[must_use]
    pub fn sign_with(mut self, key: SigningKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Shows a call that waits, and asks until there is a valid answer.
    ///
    /// Returns `None` if the person leaves the call for later, or the input ends. The approval is
    /// then unchanged.
    ///
    /// # Errors
    /// Returns an error if the terminal cannot be read or written. If a decision does not count,
    /// the reason is shown and the person is asked again. If it comes too late, the reason is shown
    /// and the prompt ends.
    ///
    /// # Cancel safety
    /// If the future is dropped while it waits for the person, the question stays open, and the
    /// next line of input goes to the next prompt.
    pub async fn ask(
        &mut self,
        interruption: &Interruption,
        reviewer: &Reviewer,
    ) -> io::Result<Option<DecisionOutcome>> {
        let style = self.style();
        let page = view::of(interruption, style);
        self.with(move |prompt| {
            prompt.forget_what_was_typed();
            prompt.show(&page)
        })
        .await?;
        let (mut editor_text, mut is_shown) = (None, view::is_whole(interruption.approval()));
        loop {
            let question = prompt::ReviewPrompt::of(interruption, editor_text.take(), is_shown);
            let Some(choice) = self.with(move |prompt| prompt.choose(&question)).await? else {
                return Ok(None);
            };
            let decide = match choice {
                PromptChoice::Approve { comment } => {
                    with_comment(interruption.approve(reviewer), comment)
                }
                PromptChoice::Reject { reason } => interruption.reject(reviewer, reason),
                PromptChoice::Edit { edit, comment, draft: written } => {
                    editor_text = written;
                    with_comment(interruption.edit(reviewer, edit), comment)
                }
                PromptChoice::Grant { scope, comment } => {
                    with_comment(interruption.grant(reviewer, scope), comment)
                }
                PromptChoice::ShowAll => {
                    let all = view::everything(interruption, style);
                    self.with(move |prompt| prompt.show(&all)).await?;
                    is_shown = true;
                    continue;
                }
            };
            let request = match &self.key {
                Some(key) => decide.sign_with(key),
                None => decide,
            };
            let (text, end) = match request.await {
                Ok(decided) => (view::outcome(&decided), Some(Some(decided))),
                Err(error @ DecideError::AlreadyDecided(_)) => (problem(&error), Some(None)),
                Err(error) => (problem(&error), None),
            };
            self.with(move |prompt| prompt.show(&text)).await?;
            if let Some(end) = end {
                return Ok(end);
            }
        }
    }

    /// Shows everything that is known about a call, without asking.
    ///
    /// # Errors
    /// Returns an error if the terminal cannot be written.
    pub async fn show(&mut self, interruption: &Interruption) -> io::Result<()> {
        let page = view::everything(interruption, self.style());
        self.with(move |prompt| prompt.show(&page)).await
    }

    /// Shows what an edit would change.
    ///
    /// # Errors
    /// Returns an error if the terminal cannot be written.
    pub async fn show_changes(
        &mut self,
        interruption: &Interruption,
        edit: &Edit,
    ) -> io::Result<()> {
        let page = view::changes(
            interruption.approval().arguments(),
            edit,
            interruption.preview(edit).await,
            self.style(),
        );
        self.with(move |prompt| prompt.show(&page)).await
    }

    /// Asks for a line; `None` at the end of the input. Text that was typed before the question is
    /// dropped.
    ///
    /// # Errors
    /// Returns an error if the terminal cannot be read or written.
    pub async fn read_line(&mut self, question: &str) -> io::Result<Option<String>> {
        let question = question.to_owned();
        self.with(move |prompt| {
            prompt.forget_what_was_typed();
            prompt.line(&question)
        })
        .await
    }

    fn style(&self) -> page::PageStyle {
        self.prompt.as_ref().map_or(ScreenKind::Other, |prompt| prompt.screen).style()
    }

    /// Reads and writes on a separate thread, because waiting for a person would block the runtime.
    async fn with<T: Send + 'static>(
        &mut self,
        talk: impl FnOnce(&mut TerminalIo) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let busy_error = || io::Error::other("the terminal is still waiting for an earlier answer");
        let mut prompt = self.prompt.take().ok_or_else(busy_error)?;
        let talked = tokio::task::spawn_blocking(move || {
            let text = talk(&mut prompt);
            (prompt, text)
        });
        let (prompt, reply) = talked.await.map_err(io::Error::other)?;
        self.prompt = Some(prompt);
        reply
    }
}

/// Describes why a decision does not count. The problems of an edit are listed field by field.
fn problem(error: &DecideError) -> String {
    match error {
        DecideError::Invalid(errors) => {
            let lines = errors
                .iter()
                .map(|schema_error| format!("      {}\n", view::shown(&schema_error.to_string())));
            format!("  ✗ the edited arguments do not fit:\n{}", lines.collect::<String>())
        }
        error => format!("  ✗ {}\n", view::shown(&error.to_string())),
    }
}

fn with_comment(decide: Decide<'_>, comment: String) -> Decide<'_> {
    if comment.is_empty() { decide } else { decide.comment(comment) }
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Terminal")
    }
}
