//! The prompts, and the parsing of their answers.

use std::io::{self, BufRead, IsTerminal as _, Write};

use gate_core::approval::Requirement;
use gate_core::call::Arguments;
use gate_core::grants::Scope;
use gate_core::text::{Amount, ReadLimits, read};
use serde_json::Value;
use tokio::runtime::Handle;

use super::editor;
use super::page::PageStyle;
use super::view::{self, shown};
use crate::engine::review::error::DecideError;
use crate::engine::review::interruption::Interruption;
use crate::engine::review::vote::Edit;

/// The limits of an edited text. The gate checks its own limits later.
const LIMITS: ReadLimits = ReadLimits { bytes: 16 * 1024 * 1024, depth: 128 };

/// A person at a terminal.
pub(super) struct TerminalIo {
    pub(super) input: Box<dyn BufRead + Send>,
    pub(super) output: Box<dyn Write + Send>,
    pub(super) screen: ScreenKind,
    /// The command that edits a file. Without one, arguments are edited line by line.
    pub(super) editor: Option<String>,
}

/// The kind of screen, as far as it is known.
#[derive(Clone, Copy)]
pub(super) enum ScreenKind {
    /// The terminal of this process.
    Standard,
    /// Any other output, with 80 columns and no colours.
    Other,
}

impl ScreenKind {
    /// Returns the present style of a page, which changes when people resize their windows.
    pub(super) fn style(self) -> PageStyle {
        let terminal = console::Term::stdout();
        let columns = match self {
            Self::Standard => terminal.size_checked().map(|(_, columns)| usize::from(columns)),
            Self::Other => None,
        };
        let colours = matches!(self, Self::Standard)
            && io::stdout().is_terminal()
            && console::colors_enabled();
        PageStyle { width: columns.unwrap_or(80).clamp(40, 100), colours }
    }
}

/// A question, and the answers that may be given to it.
#[expect(clippy::struct_excessive_bools, reason = "each says whether one thing may be done")]
pub(super) struct ReviewPrompt {
    tool: String,
    is_destructive: bool,
    is_editable: bool,
    takes_grants: bool,
    arguments: Arguments,
    /// Set once the person was shown the whole call.
    is_shown: bool,
    /// The text that the person wrote in the editor before, if it was not valid.
    draft: Option<String>,
    interruption: Interruption,
    runtime: Handle,
}

/// The choice of the person.
pub(super) enum PromptChoice {
    Approve { comment: String },
    Reject { reason: String },
    Edit { edit: Edit, comment: String, draft: Option<String> },
    Grant { scope: Scope, comment: String },
    ShowAll,
}

impl ReviewPrompt {
    /// Creates a prompt, in the runtime of the caller.
    pub(super) fn of(
        interruption: &Interruption,
        prepared: Option<String>,
        is_shown: bool,
    ) -> Self {
        let approval = interruption.approval();
        Self {
            tool: approval.tool().to_string(),
            is_destructive: interruption.is_destructive(),
            is_editable: approval.requirements().iter().all(Requirement::is_editable),
            takes_grants: approval.requirements().iter().all(Requirement::takes_grants),
            arguments: approval.arguments().clone(),
            draft: prepared,
            is_shown,
            interruption: interruption.clone(),
            runtime: Handle::current(),
        }
    }

    /// Returns the arguments after an edit, or why the edit is not valid. Blocks the thread.
    fn preview(&self, edit: &Edit) -> Result<Arguments, DecideError> {
        self.runtime.block_on(self.interruption.preview(edit))
    }
}

impl TerminalIo {
    pub(super) fn show(&mut self, text: &str) -> io::Result<()> {
        self.output.write_all(text.as_bytes())?;
        self.output.flush()
    }

    /// Drops the text that was typed before the question was shown, because it cannot be an answer.
    pub(super) fn forget_what_was_typed(&self) {
        #[cfg(unix)]
        if matches!(self.screen, ScreenKind::Standard) && io::stdin().is_terminal() {
            // If this fails, the prompt still requires an explicit answer.
            let _ = rustix::termios::tcflush(io::stdin(), rustix::termios::QueueSelector::IFlush);
        }
    }

    /// Asks until there is an answer; `None` if the person answers later, or the input ends.
    pub(super) fn choose(&mut self, question: &ReviewPrompt) -> io::Result<Option<PromptChoice>> {
        let style = self.screen.style();
        let all = [
            ("a", "approve", true),
            ("e", "edit", question.is_editable),
            ("r", "reject", true),
            ("g", "grant", question.takes_grants),
            ("s", "show everything", true),
            ("l", "later", true),
        ];
        let choices = all.into_iter().filter(|(_, _, is_there)| *is_there);
        let choices: Vec<_> =
            choices.map(|(key, word, _)| format!("{} {word}", style.strong(key))).collect();
        let choices = choices.join("  ");
        loop {
            let Some(answer) = self.line(&format!("   {choices} > "))? else { return Ok(None) };
            let choice = match answer.as_str() {
                "a" | "approve" | "e" | "edit" | "g" | "grant" if !question.is_shown => {
                    self.show(
                        "   not all of it is shown above: `s` shows it, and then you can \
                        let it run\n",
                    )?;
                    None
                }
                "a" | "approve" => self.approval(question)?,
                "r" | "reject" => self.rejection()?,
                "e" | "edit" if question.is_editable => self.edit(question)?,
                "g" | "grant" if question.takes_grants => self.grant(question)?,
                "s" | "show" => Some(PromptChoice::ShowAll),
                "l" | "later" => return Ok(None),
                "" => None,
                _ => {
                    self.show("   type one of these letters\n")?;
                    None
                }
            };
            if choice.is_some() {
                return Ok(choice);
            }
        }
    }

    fn approval(&mut self, question: &ReviewPrompt) -> io::Result<Option<PromptChoice>> {
        if !self.confirmed(question)? {
            return Ok(None);
        }
        Ok(self.line("   comment (optional) > ")?.map(|comment| PromptChoice::Approve { comment }))
    }

    /// Asks for the tool's name, if the call is destructive.
    fn confirmed(&mut self, question: &ReviewPrompt) -> io::Result<bool> {
        if !question.is_destructive {
            return Ok(true);
        }
        let typed = self.line(&format!(
            "   it cannot be undone: type {} to approve > ",
            shown(&question.tool)
        ))?;
        if typed.as_deref() == Some(question.tool.as_str()) {
            return Ok(true);
        }
        self.show("   not approved\n")?;
        Ok(false)
    }

    fn rejection(&mut self) -> io::Result<Option<PromptChoice>> {
        let reason = self.line("   reason (the agent receives it) > ")?;
        Ok(reason.filter(|reason| !reason.is_empty()).map(|reason| PromptChoice::Reject { reason }))
    }

    fn edit(&mut self, question: &ReviewPrompt) -> io::Result<Option<PromptChoice>> {
        let edited = match self.editor.clone() {
            Some(editor) => self.edit_in(&editor, question)?,
            None => self.edit_by_line(question)?.map(|edit| (edit, None)),
        };
        let Some((edit, prepared)) = edited else { return Ok(None) };
        self.show(&view::changes(
            &question.arguments,
            &edit,
            question.preview(&edit),
            self.screen.style(),
        ))?;
        let sure = if question.is_destructive {
            self.confirmed(question)?
        } else {
            self.line("   y approve with these changes, anything else discards them > ")?.as_deref()
                == Some("y")
        };
        if !sure {
            return Ok(None);
        }
        Ok(self.line("   comment (optional) > ")?.map(|comment| PromptChoice::Edit {
            edit,
            comment,
            draft: prepared,
        }))
    }

    /// Lets the person edit all arguments as JSON in an editor, until the text is valid JSON.
    fn edit_in(
        &mut self,
        command: &str,
        question: &ReviewPrompt,
    ) -> io::Result<Option<(Edit, Option<String>)>> {
        let mut text = match &question.draft {
            Some(prepared) => prepared.clone(),
            None => {
                serde_json::to_string_pretty(&question.arguments.to_json())
                    .map_err(io::Error::other)?
                    + "\n"
            }
        };
        loop {
            match editor::edit(command, &text) {
                Ok(Some(edited)) => text = edited,
                Ok(None) => {
                    self.show("   the editor ended with an error: nothing is changed\n")?;
                    return Ok(None);
                }
                Err(error) => {
                    self.show(&format!(
                        "   ✗ {}: nothing is changed\n",
                        shown(&error.to_string())
                    ))?;
                    return Ok(None);
                }
            }
            let problem = match read(&text, LIMITS) {
                Ok(Value::Object(edited)) => {
                    let edit = Edit::between(&question.arguments.to_json(), &edited);
                    if edit.is_empty() {
                        self.show("   nothing is changed\n")?;
                        return Ok(None);
                    }
                    return Ok(Some((edit, Some(text))));
                }
                Ok(_) => "the arguments must be an object: { … }".to_owned(),
                Err(schema_error) => schema_error.to_string(),
            };
            let again = self.line(&format!(
                "   ✗ {}\n   e edit again, anything else discards the edit > ",
                shown(&problem)
            ))?;
            if again.as_deref() != Some("e") {
                return Ok(None);
            }
        }
    }

    /// Lets the person edit one argument after the other.
    fn edit_by_line(&mut self, question: &ReviewPrompt) -> io::Result<Option<Edit>> {
        let mut edit = Edit::new();
        while let Some(field) = self
            .line("   which argument (empty line to finish) > ")?
            .filter(|field| !field.is_empty())
        {
            let Some(old) = question.arguments.get(&field) else {
                self.show(&format!("   there is no argument {}\n", shown(&field)))?;
                continue;
            };
            let prompt_text = format!(
                "   {} instead of {} (empty line to keep it) > ",
                shown(&field),
                shown(&old.to_string())
            );
            let Some(new) = self.line(&prompt_text)? else { return Ok(None) };
            if !new.is_empty() {
                edit = edit.set(field, typed_like(&old, new));
            }
        }
        Ok((!edit.is_empty()).then_some(edit))
    }

    fn grant(&mut self, question: &ReviewPrompt) -> io::Result<Option<PromptChoice>> {
        self.show("   Approves this call, and later ones in this run with the same arguments.\n")?;
        let mut scope = Scope::this_run();
        for (field, value) in question.arguments.to_json().as_object().into_iter().flatten() {
            let limit =
                if Amount::of_value(value).is_some() { "  or a number as the maximum" } else { "" };
            let prompt_text = format!("   {}: s same  a any{limit} > ", shown(field));
            match self.line(&prompt_text)?.as_deref() {
                None => return Ok(None),
                Some("s" | "same" | "") => {}
                Some("a" | "any") => scope = scope.any(field),
                Some(number) => {
                    let Ok(max) = number.parse::<Amount>() else {
                        self.show(
                            "   neither `s`, `a` nor a number like 12.50: nothing is granted\n",
                        )?;
                        return Ok(None);
                    };
                    scope = scope.up_to(field, max);
                }
            }
        }
        let Some(uses) = self.line("   how many more calls (empty line for any number) > ")? else {
            return Ok(None);
        };
        match uses.parse() {
            Ok(uses) => scope = scope.uses(uses),
            Err(_) if uses.is_empty() => {}
            Err(_) => {
                self.show("   not a whole number: nothing is granted\n")?;
                return Ok(None);
            }
        }
        self.show(&format!(
            "   To be granted: {}, every other argument as shown.\n",
            shown(&scope.to_string())
        ))?;
        if !self.confirmed(question)? {
            return Ok(None);
        }
        Ok(self
            .line("   comment (optional) > ")?
            .map(|comment| PromptChoice::Grant { scope, comment }))
    }

    /// Reads one line of input, without its line end; `None` at the end of the input.
    pub(super) fn line(&mut self, prompt_text: &str) -> io::Result<Option<String>> {
        self.show(prompt_text)?;
        let mut line = String::new();
        if self.input.read_line(&mut line)? == 0 {
            self.show("\n")?;
            return Ok(None);
        }
        Ok(Some(line.trim().to_owned()))
    }
}

/// Parses the typed text as a value of the type that it replaces. For a string, any text is the new
/// string; `""` is the empty string.
fn typed_like(old: &Value, typed: String) -> Value {
    if old.is_string() {
        return Value::String(if typed == "\"\"" { String::new() } else { typed });
    }
    serde_json::from_str(&typed).unwrap_or(Value::String(typed))
}
