//! Secrets: taken out of what is stored, shown and said, and put back where a call runs.

use gate_core::call::{Arguments, Commitment, is_mark};
use gate_core::text::SchemaError;
use serde_json::Value;

use super::schema::replace_secrets;

/// The shortest secret text that is looked for in other texts: shorter ones would hit by chance.
const SHORTEST: usize = 4;

/// The arguments of a call as they are stored: every secret replaced by its mark.
pub(crate) fn seal(schema: &Value, arguments: &Value) -> Result<Arguments, SchemaError> {
    seal_with(schema, arguments, &mut random_salt)
}

fn random_salt() -> [u8; 16] {
    *uuid::Uuid::new_v4().as_bytes()
}

/// The arguments of a call sealed with the salts of an earlier sealing: equal if, and only if, the calls are.
pub(crate) fn seal_like(schema: &Value, arguments: &Value, earlier: &Arguments) -> Result<Arguments, SchemaError> {
    let mut salts = earlier.secrets().iter().map(|secret| secret.salt().copied().unwrap_or_default());
    // Where there are more secrets than salts, or a salt is not known, the calls count as different ones.
    seal_with(schema, arguments, &mut || salts.next().unwrap_or_default())
}

/// Seals other arguments of the same call, with the commitments of its secrets.
///
/// # Errors
/// [`SchemaError`], if they have a secret that the call does not have.
pub(crate) fn seal_again(schema: &Value, arguments: &Value, sealed: &Arguments) -> Result<Arguments, SchemaError> {
    let mut marked = arguments.clone();
    let mut secrets = Vec::new();
    replace_secrets(schema, &mut marked, &mut |secret| {
        let known = sealed.secrets().iter().find(|known| known.is_of(secret));
        let refused = || SchemaError::new("", "a secret cannot be edited: leave its mark as it is, or reject the call");
        let known = known.ok_or_else(refused)?;
        secrets.push(known.clone());
        Ok(Value::String(known.mark()))
    })?;
    Arguments::new(&marked, secrets)
}

/// Returns whether every secret of one is a secret of the other.
pub(crate) fn keeps_secrets(schema: &Value, given: &Value, arguments: &Value) -> bool {
    let collect = |of: &Value| {
        let mut found = Vec::new();
        let _ = replace_secrets(schema, &mut of.clone(), &mut |secret| {
            found.push(secret.clone());
            Ok::<_, ()>(Value::Null)
        });
        found
    };
    let kept = collect(arguments);
    collect(given).iter().all(|secret| kept.contains(secret))
}

fn seal_with(schema: &Value, arguments: &Value, salt: &mut dyn FnMut() -> [u8; 16]) -> Result<Arguments, SchemaError> {
    let mut marked = arguments.clone();
    let mut secrets = Vec::new();
    replace_secrets(schema, &mut marked, &mut |secret| {
        let commitment = Commitment::to(secret, salt())?;
        let mark = commitment.mark();
        secrets.push(commitment);
        Ok(Value::String(mark))
    })?;
    Arguments::new(&marked, secrets)
}

/// What a reviewer's edit may and may not do with secrets.
///
/// A mark that is left where a secret stands keeps that secret. A mark anywhere else would run as a text, and a new value
/// in the place of a secret would be stored: both are refused.
pub(crate) fn seal_edit(schema: &Value, edited: &Value, before: &Arguments) -> Result<Arguments, SchemaError> {
    let mut rest = edited.clone();
    let mut secrets = Vec::new();
    replace_secrets(schema, &mut rest, &mut |found| {
        let kept = before.secrets().iter().find(|secret| found.as_str() == Some(&secret.mark()));
        let refused = || SchemaError::new("", "a secret cannot be edited: leave its mark as it is, or reject the call");
        secrets.push(kept.ok_or_else(refused)?.clone());
        Ok(Value::Null)
    })?;
    check_no_mark(&rest)?;
    Arguments::new(edited, secrets)
}

/// Refuses texts that look like the mark of a secret: no secret is there, and they would run as they
/// are.
pub(crate) fn check_no_mark(value: &Value) -> Result<(), SchemaError> {
    if !has_mark(value) {
        return Ok(());
    }
    let problem = "the mark of a secret stands where none belongs: it would run as a text";
    find_mark(value, &mut String::new()).map_or(Ok(()), |pointer| Err(SchemaError::new(pointer, problem)))
}

fn has_mark(value: &Value) -> bool {
    match value {
        Value::String(text) => is_mark(text),
        Value::Array(items) => items.iter().any(has_mark),
        Value::Object(fields) => fields.values().any(has_mark),
        _ => false,
    }
}

fn find_mark(value: &Value, pointer: &mut String) -> Option<String> {
    let length = pointer.len();
    let mut below = |step: &str, inner: &Value| {
        gate_core::text::push_step(pointer, step);
        let found = find_mark(inner, pointer);
        pointer.truncate(length);
        found
    };
    match value {
        Value::String(text) if is_mark(text) => Some(pointer.clone()),
        Value::Array(items) => items.iter().enumerate().find_map(|(index, item)| below(&index.to_string(), item)),
        Value::Object(map) => map.iter().find_map(|(key, item)| below(key, item)),
        _ => None,
    }
}

/// The arguments that run: the stored text with the secrets that this process read. `None` if it never read one of them.
pub(crate) fn unseal(schema: &Value, stored: &Arguments, known: Option<&Value>) -> Option<Value> {
    let mut open = stored.to_json();
    if stored.secrets().is_empty() {
        return Some(open);
    }
    let mut originals = Vec::new();
    replace_secrets(schema, &mut known?.clone(), &mut |secret| {
        originals.push(secret.clone());
        Ok::<_, ()>(Value::Null)
    })
    .ok()?;
    let mut secrets = stored.secrets().iter();
    replace_secrets(schema, &mut open, &mut |_| {
        let secret = secrets.next().ok_or(())?;
        originals.iter().find(|value| secret.is_of(value)).cloned().ok_or(())
    })
    .ok()?;
    Some(open)
}

/// Texts that must not appear where others read.
#[derive(Debug, Default)]
pub(crate) struct Scrub(Vec<String>);

impl Scrub {
    /// Everything that a call's schema marks as secret.
    pub(crate) fn of(schema: &Value, arguments: &Value) -> Self {
        let mut texts = Vec::new();
        let _ = replace_secrets(schema, &mut arguments.clone(), &mut |secret| {
            collect(secret, &mut texts);
            Ok::<_, ()>(Value::Null)
        });
        // Longer ones first, so that no part of one is left.
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        Self(texts)
    }

    /// A text without them.
    pub(crate) fn clean(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "[secret]"))
    }

    /// A JSON text without them, still JSON.
    pub(crate) fn clean_json(&self, json: &str) -> String {
        let Ok(mut value) = serde_json::from_str(json) else { return self.clean(json) };
        self.clean_value(&mut value);
        value.to_string()
    }

    fn clean_value(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.clean(text),
            Value::Number(number) if self.0.contains(&number.to_string()) => *value = Value::from("[secret]"),
            Value::Array(items) => items.iter_mut().for_each(|item| self.clean_value(item)),
            Value::Object(map) => map.values_mut().for_each(|item| self.clean_value(item)),
            _ => {}
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn collect(secret: &Value, texts: &mut Vec<String>) {
    match secret {
        Value::String(text) if text.chars().count() >= SHORTEST => {
            texts.push(text.clone());
            // As it stands inside a JSON text.
            let quoted = Value::String(text.clone()).to_string();
            texts.extend(quoted.get(1..quoted.len() - 1).filter(|inner| *inner != text).map(str::to_owned));
        }
        Value::Number(number) if number.to_string().len() >= SHORTEST => texts.push(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(map) => map.values().for_each(|item| collect(item, texts)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({"properties": {
            "name": {"type": "string"},
            "pin": {"x-gate-secret": true},
            "cards": {"items": {"properties": {"holder": {"type": "string"}, "number": {"x-gate-secret": true}}}},
        }})
    }

    fn call() -> Value {
        json!({"name": "Mia", "pin": "pin-1", "cards": [{"holder": "a", "number": "card-1"}, {"holder": "b", "number": "card-2"}]})
    }

    #[test]
    fn what_is_stored_holds_no_secret_and_opens_to_the_same_call() {
        let sealed = seal(&schema(), &call()).unwrap();
        for secret in ["pin-1", "card-1", "card-2"] {
            assert!(!serde_json::to_string(&sealed).unwrap().contains(secret));
        }
        assert_eq!(unseal(&schema(), &sealed, Some(&call())), Some(call()));
        assert_eq!(unseal(&schema(), &sealed, None), None);
        let mut other = call();
        other["pin"] = json!("9999");
        assert_eq!(unseal(&schema(), &sealed, Some(&other)), None);
    }

    #[test]
    fn equal_secrets_have_other_marks_and_the_same_call_is_recognised() {
        let (one, two) = (seal(&schema(), &call()).unwrap(), seal(&schema(), &call()).unwrap());
        assert_ne!(one.digest(), two.digest());
        assert_eq!(seal_like(&schema(), &call(), &one).unwrap(), one);
        let mut other = call();
        other["cards"][1]["number"] = json!("5223");
        assert_ne!(seal_like(&schema(), &other, &one).unwrap().digest(), one.digest());
    }

    #[test]
    fn an_untouched_mark_keeps_its_secret_also_when_it_moves_in_a_list() {
        let sealed = seal(&schema(), &call()).unwrap();
        let mut edited = sealed.to_json();
        edited["cards"].as_array_mut().unwrap().remove(0);
        edited["name"] = json!("Mia L.");
        let edited = seal_edit(&schema(), &edited, &sealed).unwrap();
        let runs = unseal(&schema(), &edited, Some(&call())).unwrap();
        assert_eq!(runs, json!({"name": "Mia L.", "pin": "pin-1", "cards": [{"holder": "b", "number": "card-2"}]}));
    }

    #[test]
    fn a_mark_never_runs_as_a_text_and_a_new_secret_is_refused() {
        let sealed = seal(&schema(), &call()).unwrap();
        let mut moved = sealed.to_json();
        moved["cards"][0]["holder"] = moved["pin"].clone();
        let refused = seal_edit(&schema(), &moved, &sealed).unwrap_err();
        assert_eq!(refused.pointer(), "/cards/0/holder");
        let mut new = sealed.to_json();
        new["pin"] = json!("0000");
        assert!(seal_edit(&schema(), &new, &sealed).unwrap_err().problem().contains("cannot be edited"));
    }

    #[test]
    fn secrets_are_scrubbed_from_texts() {
        let mut call = call();
        call["cards"][0]["number"] = json!("4111");
        let scrub = Scrub::of(&schema(), &call);
        assert_eq!(scrub.clean_json(r#"{"n":4111,"s":"4111 pin-1"}"#), r#"{"n":"[secret]","s":"[secret] [secret]"}"#);
        assert_eq!(
            scrub.clean("card card-2 refused, PIN pin-1, order 77"),
            "card [secret] refused, PIN [secret], order 77"
        );
    }
}
