//! The origin of each argument of a call, for reviewers.

use gate_core::call::{ArgumentOrigin, Origin};
use gate_core::text::below;
use serde_json::Value;

use super::{CallFacts, RunHistory};

/// Returns the origins of a call's arguments, except truth values and empty ones.
///
/// Empty if nothing is known of the conversation.
pub(crate) fn origins(call: &CallFacts, history: &RunHistory) -> Vec<ArgumentOrigin> {
    let mut found = Vec::new();
    if history.is_empty() {
        return found;
    }
    let origin = |value: &Value| history.origin(value, call);
    for (name, value) in call.arguments().as_object().into_iter().flatten() {
        let pointer = below("", name);
        let before = found.len();
        let mut places_left = MANY;
        if !add(value, &origin, pointer.clone(), &mut found, &mut places_left) {
            // Too many for a person to check each one: the argument gets one origin, the least
            // trusted.
            found.truncate(before);
            found.push(ArgumentOrigin { pointer, origin: origin(value) });
        }
    }
    found
}

/// The most bytes that the pointers to the values of one argument may have, if each value gets an
/// origin.
const MANY: usize = 8 * 1024;

/// Adds the origins of a value. Returns whether all of them fit within the limit.
fn add(
    value: &Value,
    origin: &dyn Fn(&Value) -> Origin,
    pointer: String,
    found: &mut Vec<ArgumentOrigin>,
    places_left: &mut usize,
) -> bool {
    let Some(rest) = places_left.checked_sub(pointer.len()) else { return false };
    *places_left = rest;
    let below = |step: &str| below(&pointer, step);
    match value {
        Value::Null | Value::Bool(_) => true,
        Value::String(text) if text.is_empty() => true,
        Value::Array(items) if items.is_empty() => true,
        Value::Object(fields) => {
            fields.iter().all(|(name, field)| add(field, origin, below(name), found, places_left))
        }
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            let mut items = items.iter().enumerate();
            items.all(|(index, item)| {
                add(item, origin, below(&index.to_string()), found, places_left)
            })
        }
        Value::Array(_) | Value::String(_) | Value::Number(_) => {
            found.push(ArgumentOrigin { pointer, origin: origin(value) });
            true
        }
    }
}
