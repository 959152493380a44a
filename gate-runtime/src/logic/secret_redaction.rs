//! Removes secrets from the stored and shown arguments, and restores them when a call runs.

use gate_core::call::{Arguments, CommitmentKeys, SecretCommitment, is_mark};
use gate_core::text::SchemaError;
use serde_json::Value;

use super::schema_walk::replace_secrets;

/// Removes and restores the secrets of a tool's calls. It has their locations, and the keys for
/// their commitments.
#[derive(Clone, Copy)]
pub(crate) struct SecretRedaction<'a> {
    pub(crate) schema: &'a Value,
    pub(crate) keys: &'a CommitmentKeys,
}

impl SecretRedaction<'_> {
    /// Returns the stored form of a call's arguments: every secret replaced by its mark.
    pub(crate) fn seal(self, arguments: &Value) -> Result<Arguments, SchemaError> {
        self.seal_with(arguments, &mut |secret| {
            SecretCommitment::to(secret, random_salt(), self.keys)
        })
    }

    /// Seals the arguments of a call with the salts of an earlier sealing. The results are equal if
    /// and only if the calls are equal.
    pub(crate) fn seal_like(
        self,
        arguments: &Value,
        earlier: &Arguments,
    ) -> Result<Arguments, SchemaError> {
        let mut known = earlier.secrets().iter();
        // With more secrets than before, or without the key of one, the calls count as different,
        // because a new salt makes them differ.
        self.seal_with(arguments, &mut |secret| {
            let again = known.next().and_then(|known| known.again(secret, self.keys));
            again.map_or_else(|| SecretCommitment::to(secret, random_salt(), self.keys), Ok)
        })
    }

    /// Seals other arguments of the same call, with the commitments of its secrets.
    ///
    /// # Errors
    /// [`SchemaError`], if they have a secret that the call does not have.
    pub(crate) fn seal_again(
        self,
        arguments: &Value,
        sealed: &Arguments,
    ) -> Result<Arguments, SchemaError> {
        self.seal_with(arguments, &mut |secret| {
            let known = sealed.secrets().iter().find(|known| known.is_of(secret, self.keys));
            known.cloned().ok_or_else(not_editable)
        })
    }

    fn seal_with(
        self,
        arguments: &Value,
        commit: &mut dyn FnMut(&Value) -> Result<SecretCommitment, SchemaError>,
    ) -> Result<Arguments, SchemaError> {
        let mut marked = arguments.clone();
        let mut secrets = Vec::new();
        replace_secrets(self.schema, &mut marked, &mut |secret| {
            let commitment = commit(secret)?;
            let cursor = commitment.mark();
            secrets.push(commitment);
            Ok(Value::String(cursor))
        })?;
        Arguments::new(&marked, secrets)
    }

    /// Returns the arguments that run: the stored text with the secrets that this process knows.
    /// `None` if it does not know one of them.
    pub(crate) fn unseal(self, stored: &Arguments, known: Option<&Value>) -> Option<Value> {
        let mut open = stored.to_json();
        if stored.secrets().is_empty() {
            return Some(open);
        }
        let originals = secrets_of(self.schema, known?);
        let mut secrets = stored.secrets().iter();
        replace_secrets(self.schema, &mut open, &mut |_| {
            let secret = secrets.next().ok_or(())?;
            originals.iter().find(|value| secret.is_of(value, self.keys)).cloned().ok_or(())
        })
        .ok()?;
        Some(open)
    }
}

fn random_salt() -> [u8; 16] {
    *uuid::Uuid::new_v4().as_bytes()
}

fn not_editable() -> SchemaError {
    SchemaError::new("", "a secret cannot be edited: leave its mark as it is, or reject the call")
}

/// Returns every value that a call's schema marks as secret.
pub(crate) fn secrets_of(schema: &Value, arguments: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    // The visitor never fails, so neither does the walk.
    let _ = replace_secrets(schema, &mut arguments.clone(), &mut |secret| {
        found.push(secret.clone());
        Ok::<_, ()>(Value::Null)
    });
    found
}

/// Returns whether every secret of the given arguments is a secret of the completed ones.
pub(crate) fn keeps_secrets(schema: &Value, given: &Value, arguments: &Value) -> bool {
    let kept = secrets_of(schema, arguments);
    secrets_of(schema, given).iter().all(|secret| kept.contains(secret))
}

/// Makes arguments from a reviewer's edit, if it treats secrets as allowed.
///
/// A mark at the location of a secret keeps that secret. A mark at any other location would run as
/// text, and a new value at the location of a secret would be stored, so both are refused.
pub(crate) fn seal_edit(
    schema: &Value,
    edited: &Value,
    before: &Arguments,
) -> Result<Arguments, SchemaError> {
    let mut rest = edited.clone();
    let mut secrets = Vec::new();
    replace_secrets(schema, &mut rest, &mut |found| {
        let kept = before.secrets().iter().find(|secret| found.as_str() == Some(&secret.mark()));
        secrets.push(kept.ok_or_else(not_editable)?.clone());
        Ok(Value::Null)
    })?;
    check_no_mark(&rest)?;
    Arguments::new(edited, secrets)
}

/// Refuses texts that look like the mark of a secret, because they would run as text.
pub(crate) fn check_no_mark(value: &Value) -> Result<(), SchemaError> {
    if !has_mark(value) {
        return Ok(());
    }
    let problem = "the mark of a secret stands where none belongs: it would run as a text";
    find_mark(value, &mut String::new())
        .map_or(Ok(()), |pointer| Err(SchemaError::new(pointer, problem)))
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
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(index, item)| below(&index.to_string(), item))
        }
        Value::Object(map) => map.iter().find_map(|(key, item)| below(key, item)),
        _ => None,
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
            "cards": {"items": {"properties": {
                "holder": {"type": "string"},
                "number": {"x-gate-secret": true},
            }}},
        }})
    }

    fn secrets() -> SecretRedaction<'static> {
        let (schema, keys) =
            (Box::leak(Box::new(schema())), Box::leak(Box::new(CommitmentKeys::new(&[7; 32]))));
        SecretRedaction { schema, keys }
    }

    fn call() -> Value {
        json!({
            "name": "Mia",
            "pin": "pin-1",
            "cards": [
                {"holder": "a", "number": "card-1"},
                {"holder": "b", "number": "card-2"},
            ],
        })
    }

    #[test]
    fn what_is_stored_holds_no_secret_and_opens_to_the_same_call() {
        let sealed = secrets().seal(&call()).unwrap();
        for secret in ["pin-1", "card-1", "card-2"] {
            assert!(!serde_json::to_string(&sealed).unwrap().contains(secret));
        }
        assert_eq!(secrets().unseal(&sealed, Some(&call())), Some(call()));
        assert_eq!(secrets().unseal(&sealed, None), None);
        let mut other = call();
        other["pin"] = json!("9999");
        assert_eq!(secrets().unseal(&sealed, Some(&other)), None);
    }

    #[test]
    fn equal_secrets_have_other_marks_and_the_same_call_is_recognised() {
        let (one, two) = (secrets().seal(&call()).unwrap(), secrets().seal(&call()).unwrap());
        assert_ne!(one.digest(), two.digest());
        assert_eq!(secrets().seal_like(&call(), &one).unwrap(), one);
        let mut other = call();
        other["cards"][1]["number"] = json!("5223");
        assert_ne!(secrets().seal_like(&other, &one).unwrap().digest(), one.digest());
    }

    #[test]
    fn an_untouched_mark_keeps_its_secret_also_when_it_moves_in_a_list() {
        let sealed = secrets().seal(&call()).unwrap();
        let mut edited = sealed.to_json();
        edited["cards"].as_array_mut().unwrap().remove(0);
        edited["name"] = json!("Mia L.");
        let edited = seal_edit(&schema(), &edited, &sealed).unwrap();
        let runs = secrets().unseal(&edited, Some(&call())).unwrap();
        assert_eq!(
            runs,
            json!({
                "name": "Mia L.",
                "pin": "pin-1",
                "cards": [{"holder": "b", "number": "card-2"}],
            })
        );
    }

    #[test]
    fn a_mark_never_runs_as_a_text_and_a_new_secret_is_refused() {
        let sealed = secrets().seal(&call()).unwrap();
        let mut moved = sealed.to_json();
        moved["cards"][0]["holder"] = moved["pin"].clone();
        let refused = seal_edit(&schema(), &moved, &sealed).unwrap_err();
        assert_eq!(refused.pointer(), "/cards/0/holder");
        let mut new = sealed.to_json();
        new["pin"] = json!("0000");
        assert!(
            seal_edit(&schema(), &new, &sealed).unwrap_err().problem().contains("cannot be edited")
        );
    }
}
