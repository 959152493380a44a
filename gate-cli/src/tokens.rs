//! New people and agents: the entry for the people file, and the token, which is shown once.

use gate_runtime::audit::{KeyKind, VerifierKey};
use gate_runtime::people::{AgentToken, ReviewerToken};
use serde_json::Value;

use crate::error::{CommandError, CommandResult};
use crate::output::{plain, print_text};

pub(crate) fn person(
    id: &str,
    roles: &[String],
    also: &[(&str, &Option<String>)],
    key: Option<&VerifierKey>,
) -> CommandResult {
    let token = ReviewerToken::new();
    if let Some(key) = key
        && (key.name() != id || key.kind() != KeyKind::Log)
    {
        let message =
            format!("the key is not a key of {} for votes: make one with this name", plain(id));
        return Err(CommandError::Usage(message));
    }
    let lines = also
        .iter()
        .filter_map(|(field, value)| Some(format!("{field} = {}\n", text(value.as_deref()?))));
    let also: String = lines.collect();
    let key = key.map(|key| format!("key = {}\n", text(&key.to_string()))).unwrap_or_default();
    let (id, roles, hash) = (text(id), texts(roles), token.hash());
    print_text(&format!(
        "[[person]]\nid = {id}\n{also}roles = [{roles}]\ntoken = \"{hash}\"\n{key}"
    ))?;
    show_once("Anyone who has it can decide as this person", token.reveal())
}

pub(crate) fn agent(id: &str, asks: &[String]) -> CommandResult {
    let token = AgentToken::new();
    let asks = if asks.is_empty() { String::new() } else { format!("asks = [{}]\n", texts(asks)) };
    print_text(&format!("[[agent]]\nid = {}\n{asks}token = \"{}\"\n", text(id), token.hash()))?;
    show_once("Anyone who has it can ask as this agent", token.reveal())
}

/// Returns a TOML string, in JSON form, because every JSON string is a TOML string.
fn text(text: &str) -> String {
    Value::from(text).to_string()
}

fn texts(all: &[String]) -> String {
    all.iter().map(|one| text(one)).collect::<Vec<_>>().join(", ")
}

fn show_once(whose: &str, token: &str) -> CommandResult {
    let message = format!("The token, which is shown only once. {whose}:\n{token}\n");
    Ok(std::io::Write::write_all(&mut std::io::stderr(), message.as_bytes())?)
}
