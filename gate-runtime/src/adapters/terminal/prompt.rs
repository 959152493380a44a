//! The questions themselves, and how their answers are read.

use std::io::{self, BufRead, Write};

use serde_json::Value;

use super::view::visible;
use crate::engine::decide::Edit;
use crate::engine::interruption::Interruption;
use crate::values::grant::Scope;
use crate::values::requirement::Requirement;

/// A person at a terminal.
pub(super) struct Prompt {
    pub(super) input: Box<dyn BufRead + Send>,
    pub(super) output: Box<dyn Write + Send>,
}

/// What may be answered.
pub(super) struct Question {
    tool: String,
    is_destructive: bool,
    is_editable: bool,
    takes_grants: bool,
    arguments: Value,
}

/// What the person wants.
pub(super) enum Choice {
    Approve { comment: String },
    Reject { reason: String },
    Edit { edit: Edit, comment: String },
    Grant { scope: Scope, comment: String },
    ShowAll,
}

impl Question {
    pub(super) fn of(asked: &Interruption) -> Self {
        let approval = asked.approval();
        Self {
            tool: approval.tool().to_string(),
            is_destructive: asked.descriptor().is_some_and(|descriptor| descriptor.annotations().destructive),
            is_editable: approval.requirements().iter().all(Requirement::is_editable),
            takes_grants: approval.requirements().iter().all(Requirement::takes_grants),
            arguments: approval.arguments().to_json(),
        }
    }
}

impl Prompt {
    pub(super) fn show(&mut self, text: &str) -> io::Result<()> {
        self.output.write_all(text.as_bytes())?;
        self.output.flush()
    }

    /// Asks until there is an answer; `None`: later, or the input is at its end.
    pub(super) fn choose(&mut self, question: &Question) -> io::Result<Option<Choice>> {
        let edit = if question.is_editable { "e edit  " } else { "" };
        let grant = if question.takes_grants { "g always in this run  " } else { "" };
        loop {
            let Some(answer) =
                self.line(&format!("   a approve  {edit}r reject  {grant}s show everything  l later > "))?
            else {
                return Ok(None);
            };
            let choice = match answer.as_str() {
                "a" | "approve" => self.approval(question)?,
                "r" | "reject" => self.rejection()?,
                "e" | "edit" if question.is_editable => self.edit(question)?,
                "g" | "grant" if question.takes_grants => self.grant(question)?,
                "s" | "show" => Some(Choice::ShowAll),
                "l" | "later" => return Ok(None),
                "" => None,
                _ => {
                    self.show("   one letter of those, please\n")?;
                    None
                }
            };
            if choice.is_some() {
                return Ok(choice);
            }
        }
    }

    fn approval(&mut self, question: &Question) -> io::Result<Option<Choice>> {
        if !self.confirmed(question)? {
            return Ok(None);
        }
        Ok(self.line("   why, if you like > ")?.map(|comment| Choice::Approve { comment }))
    }

    /// A destructive call wants its tool's name typed.
    fn confirmed(&mut self, question: &Question) -> io::Result<bool> {
        if !question.is_destructive {
            return Ok(true);
        }
        let typed = self.line(&format!("   it cannot be undone: type {} to approve > ", visible(&question.tool)))?;
        if typed.as_deref() == Some(question.tool.as_str()) {
            return Ok(true);
        }
        self.show("   not approved\n")?;
        Ok(false)
    }

    fn rejection(&mut self) -> io::Result<Option<Choice>> {
        let reason = self.line("   why (the agent is told) > ")?;
        Ok(reason.filter(|reason| !reason.is_empty()).map(|reason| Choice::Reject { reason }))
    }

    fn edit(&mut self, question: &Question) -> io::Result<Option<Choice>> {
        let mut edit = Edit::new();
        let mut changed = false;
        while let Some(field) =
            self.line("   which argument (an empty line ends) > ")?.filter(|field| !field.is_empty())
        {
            let Some(old) = question.arguments.get(&field) else {
                self.show(&format!("   there is no argument {}\n", visible(&field)))?;
                continue;
            };
            let Some(new) =
                self.line(&format!("   {} instead of {} > ", visible(&field), visible(&old.to_string())))?
            else {
                return Ok(None);
            };
            edit = edit.set(field, typed_like(old, new));
            changed = true;
        }
        if !changed || !self.confirmed(question)? {
            return Ok(None);
        }
        Ok(self.line("   why, if you like > ")?.map(|comment| Choice::Edit { edit, comment }))
    }

    fn grant(&mut self, question: &Question) -> io::Result<Option<Choice>> {
        self.show("   Approves this call, and later ones in this run with the same arguments.\n")?;
        let mut scope = Scope::this_run();
        for field in question.arguments.as_object().into_iter().flat_map(|fields| fields.keys()) {
            let asked = format!("   {}: s same  a any  or a number it may go up to > ", visible(field));
            match self.line(&asked)?.as_deref() {
                None => return Ok(None),
                Some("s" | "same" | "") => {}
                Some("a" | "any") => scope = scope.any(field),
                Some(number) => {
                    let Ok(max) = number.parse() else {
                        self.show("   neither `s`, `a` nor a whole number: nothing is granted\n")?;
                        return Ok(None);
                    };
                    scope = scope.up_to(field, max);
                }
            }
        }
        let Some(uses) = self.line("   how many more calls (an empty line: any number) > ")? else { return Ok(None) };
        match uses.parse() {
            Ok(uses) => scope = scope.uses(uses),
            Err(_) if uses.is_empty() => {}
            Err(_) => {
                self.show("   not a whole number: nothing is granted\n")?;
                return Ok(None);
            }
        }
        if !self.confirmed(question)? {
            return Ok(None);
        }
        Ok(self.line("   why, if you like > ")?.map(|comment| Choice::Grant { scope, comment }))
    }

    /// One line of input without its end; `None` at the end of the input.
    fn line(&mut self, asked: &str) -> io::Result<Option<String>> {
        self.show(asked)?;
        let mut line = String::new();
        if self.input.read_line(&mut line)? == 0 {
            self.show("\n")?;
            return Ok(None);
        }
        Ok(Some(line.trim().to_owned()))
    }
}

/// What was typed, as a value of the kind that it replaces: a text stays a text, whatever it looks like.
fn typed_like(old: &Value, typed: String) -> Value {
    if old.is_string() {
        return Value::String(typed);
    }
    serde_json::from_str(&typed).unwrap_or(Value::String(typed))
}
