//! The people at the desk, and what they see.

use std::io::{self, BufRead, IsTerminal as _, Read, Write as _};

use gate_runtime::Terminal;
use gate_runtime::id::RunId;
use gate_runtime::prelude::*;
use gate_runtime::run::Answer;
use serde_json::Value;

use crate::desk::SupportTools;
use crate::model::Model;
use crate::script;

/// The customer: a script, or whoever types.
pub enum Customer {
    Script(std::slice::Iter<'static, &'static str>),
    Types,
}

impl Customer {
    pub fn new(is_scripted: bool) -> Self {
        if is_scripted { Self::Script(script::CUSTOMER.iter()) } else { Self::Types }
    }

    /// Returns the next words of the customer; `None` at the end.
    pub fn says(&mut self) -> anyhow::Result<Option<String>> {
        match self {
            Self::Script(lines) => Ok(lines.next().map(|line| {
                println!("\nMia    {line}");
                (*line).to_owned()
            })),
            Self::Types => {
                print!("\nYou    ");
                io::stdout().flush()?;
                let mut line = String::new();
                let is_end =
                    io::stdin().lock().read_line(&mut line)? == 0 || line.trim().is_empty();
                Ok((!is_end).then(|| line.trim().to_owned()))
            }
        }
    }
}

/// The manager: you, at this terminal; or, where the script plays and nobody sits there, its lines.
pub fn reviewer(is_scripted: bool) -> Terminal {
    if is_scripted && !io::stdin().is_terminal() {
        Terminal::over(io::BufReader::new(Echo(script::MANAGER.as_bytes())), io::stdout())
    } else {
        Terminal::standard()
    }
}

/// Typed lines that are seen as they are typed.
struct Echo(&'static [u8]);

impl Read for Echo {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let line =
            self.0.iter().position(|byte| *byte == b'\n').map_or(self.0.len(), |end| end + 1);
        let (typed, rest) = self.0.split_at(line.min(buffer.len()));
        self.0 = rest;
        io::stdout().write_all(typed)?;
        let mut to = buffer;
        to.write(typed)
    }
}

pub fn introduce(model: &Model) {
    println!("A support agent with five tools. Its part is played by {}.", model.name());
    println!("Rules decide what they can; for the rest, the manager is asked: that is you.");
    if !model.is_scripted() {
        println!("You are the customer too. An empty line ends the conversation.");
    }
}

pub fn show_agent(message: &Value) {
    if let Some(text) =
        message.get("content").and_then(Value::as_str).filter(|text| !text.is_empty())
    {
        println!("Agent  {}", plain(text));
    }
    for call in message.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
        let part = |name: &str| {
            call.pointer(&format!("/function/{name}")).and_then(Value::as_str).unwrap_or_default()
        };
        println!("  →    {} {}", plain(part("name")), plain(part("arguments")));
    }
}

pub fn show_turn(turn: &Turn) {
    for answer in turn.answers() {
        println!(
            "  ←    {:<9} {}{}",
            answer.kind(),
            plain(&answer.for_model()),
            decided_by(answer)
        );
    }
}

/// Returns the text of a model or a tool, without the characters that would steer the terminal.
fn plain(text: &str) -> String {
    text.chars().filter(|sign| *sign == '\n' || !sign.is_control()).collect()
}

/// Which rule let a call run, or who.
fn decided_by(answer: &Answer) -> String {
    let Some(approval) = answer.approval().filter(|_| answer.kind() == "succeeded") else {
        return String::new();
    };
    if let Some(vote) = approval.votes().last() {
        return format!("   (decided by {})", vote.reviewer());
    }
    let rules: Vec<_> =
        approval.assessment().reasons().map(|rule| rule.rule().to_owned()).collect();
    format!("   (no person asked: {})", rules.join(", "))
}

/// Prints the entries that are on the record at the end.
pub async fn show_record(gate: &Gate<SupportTools>, run: &RunId) -> anyhow::Result<()> {
    let mut records = gate.records(0, 1_000).await?;
    records.retain(|record| record.run().is_none_or(|other| other == run));
    println!("\nThe record has {} entries:", records.len());
    for record in records {
        let subject = record
            .subject()
            .map(|subject| format!("{:<7} {}", subject.call().as_str(), subject.tool()));
        let status = record.status().map(|status| status.to_string()).unwrap_or_default();
        let line = format!(
            "{:>5}  {:<10} {:<10} {}",
            record.seq(),
            record.kind(),
            status,
            subject.unwrap_or_default()
        );
        println!("{}", line.trim_end());
    }
    Ok(())
}
