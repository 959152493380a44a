//! The arguments of a call as they are told: each on one line, a long one by its ends. Whether that is all of them is told too.

use gate_runtime::Approval;
use serde_json::Value;

use super::{is_short, plain, short};

/// How many arguments are told.
const MANY: usize = 20;

/// An argument, by its name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Argument {
    pub(crate) name: String,
    pub(crate) value: String,
    /// Whether nothing of it is left out. A secret is told nowhere, so nothing more of it is anywhere else.
    is_whole: bool,
}

/// The arguments that it would run with; and how many there are besides.
pub(in crate::notify) fn arguments(approval: &Approval) -> (Vec<Argument>, usize) {
    let json = approval.arguments().to_json();
    let all: Vec<(&String, &Value)> = json.as_object().into_iter().flatten().collect();
    let told = all.iter().take(MANY).map(|(name, value)| argument(approval, name, value));
    (told.collect(), all.len().saturating_sub(MANY))
}

/// Whether what is told of the arguments is all of them. Nobody is asked to approve what they are not told.
pub(crate) fn is_whole(approval: &Approval) -> bool {
    let (told, more) = arguments(approval);
    more == 0 && told.iter().all(|argument| argument.is_whole)
}

/// The arguments on one line.
pub(crate) fn one_line(approval: &Approval) -> String {
    let (told, more) = arguments(approval);
    let mut line: Vec<String> = told.iter().map(|Argument { name, value, .. }| format!("{name}: {value}")).collect();
    if more > 0 {
        line.push(format!("and {more} more"));
    }
    if line.is_empty() { "no arguments".to_owned() } else { line.join(", ") }
}

fn argument(approval: &Approval, name: &str, value: &Value) -> Argument {
    let (shown, (value, whole)) = (plain(name), written(approval, value));
    let is_whole = is_short(&shown) && is_short(&value);
    Argument { name: short(&shown, name), value: short(&value, &whole), is_whole }
}

/// A value as JSON has it, so that it is clear where a text begins and ends; as people may see it, and as it is.
fn written(approval: &Approval, value: &Value) -> (String, String) {
    let is_secret = |text: &str| approval.arguments().secrets().iter().any(|secret| secret.mark() == text);
    match value {
        Value::String(text) if is_secret(text) => ("a secret, which is not told".to_owned(), String::new()),
        Value::String(text) => (super::quoted(text), text.clone()),
        _ => {
            let mut shown = value.clone();
            hide(&mut shown, &is_secret);
            let text = shown.to_string();
            (plain(&text), text)
        }
    }
}

/// Puts words in the place of the marks of secrets.
fn hide(value: &mut Value, is_secret: &dyn Fn(&str) -> bool) {
    match value {
        Value::String(text) if is_secret(text) => "[secret]".clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(|item| hide(item, is_secret)),
        Value::Object(fields) => fields.values_mut().for_each(|field| hide(field, is_secret)),
        _ => {}
    }
}
