//! Schemas that other programs send: what they may cost.

use serde_json::Value;

/// The most of such a schema, as text.
const BYTES: usize = 64 * 1024;

/// How many values it may have, with every reference written out: each is looked at for every value that it is about.
const VALUES: usize = 1_000;

/// How deep it may be, with every reference written out.
const DEPTH: usize = 32;

/// How many patterns it may have: each takes room of its own, as much as [`PATTERN_BYTES`].
const PATTERNS: usize = 32;

/// How large a pattern may become that texts are compared with, in bytes.
pub(crate) const PATTERN_BYTES: usize = 1 << 20;

/// Refuses a schema that would take long to check against, or much room: whoever sends it, sends it with every call.
///
/// # Errors
/// What to do about it.
pub(crate) fn check(schema: &Value) -> Result<(), String> {
    if schema.to_string().len() > BYTES {
        return Err(format!("its schema is longer than {BYTES} bytes: send a shorter one"));
    }
    let mut left = Left { values: VALUES, patterns: PATTERNS };
    measure(schema, schema, DEPTH, &mut left)
}

/// What it may still have.
struct Left {
    values: usize,
    patterns: usize,
}

impl Left {
    fn take_patterns(&mut self, count: usize) -> Result<(), String> {
        let words = || format!("its schema has more than {PATTERNS} patterns, with every reference written out");
        self.patterns = self.patterns.checked_sub(count).ok_or_else(words)?;
        Ok(())
    }
}

fn measure(part: &Value, whole: &Value, deeper: usize, left: &mut Left) -> Result<(), String> {
    let too_much = || {
        let words = "its schema is too large, too deep or leads back to itself, with every reference written out";
        format!("{words}: send one of {VALUES} values and {DEPTH} levels at most")
    };
    left.values = left.values.checked_sub(1).ok_or_else(too_much)?;
    let deeper = deeper.checked_sub(1).ok_or_else(too_much)?;
    match part {
        Value::Array(items) => items.iter().try_for_each(|item| measure(item, whole, deeper, left)),
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| match (name.as_str(), value) {
            ("$ref", Value::String(place)) => {
                // What is written another way for the web could lead elsewhere than it says.
                let target = place.strip_prefix('#').filter(|to| to.starts_with('/') && !to.contains('%'));
                let target = target.and_then(|pointer| whole.pointer(pointer));
                let words = "a reference in its schema leads nowhere in it: write it like `#/$defs/Order`";
                measure(target.ok_or(words)?, whole, deeper, left)
            }
            ("$dynamicRef" | "$recursiveRef" | "$id" | "$schema", Value::String(text))
                if name != "$schema" || !text.contains("json-schema.org") =>
            {
                Err(format!("its schema has `{name}`: leave it out, and refer like `#/$defs/Order`"))
            }
            // What is only named there is counted where it is meant. Elsewhere, these are names like any other.
            ("$defs" | "definitions", _) if std::ptr::eq(part, whole) => Ok(()),
            ("pattern", Value::String(_)) => left.take_patterns(1),
            ("patternProperties", Value::Object(each)) => {
                left.take_patterns(each.len())?;
                measure(value, whole, deeper, left)
            }
            _ => measure(value, whole, deeper, left),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_programs_send_in_earnest_is_taken() {
        let order = json!({"type": "object", "properties": {"id": {"type": "string"}, "cents": {"type": "integer"}}});
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {"order": {"$ref": "#/$defs/Order"}, "more": {"type": "array", "items": {"$ref": "#/$defs/Order"}}},
            "$defs": {"Order": order},
        });
        assert_eq!(check(&schema), Ok(()));
    }

    #[test]
    fn what_would_take_for_ever_is_not() {
        let doubling: serde_json::Map<String, Value> = (0..40)
            .map(|level| {
                let next = json!({"$ref": format!("#/$defs/a{}", level + 1)});
                (format!("a{level}"), json!({"allOf": [next, next]}))
            })
            .chain([("a40".to_owned(), json!({"type": "string"}))])
            .collect();
        let nested = (0..1_000).fold(json!({}), |inner, _| json!({"not": inner}));
        for schema in [
            json!({"$ref": "#/$defs/a0", "$defs": doubling.clone()}),
            nested,
            json!({"$ref": "#/$defs/a", "$defs": {"a": {"properties": {"a": {"$ref": "#/$defs/a"}}}}}),
            json!({"$ref": "#"}),
            json!({"$ref": "https://example.com/schema"}),
            json!({"$ref": "#/$defs/none"}),
            json!({"$dynamicRef": "#x"}),
            json!({"$id": "https://example.com/a"}),
            json!({"enum": vec![1; 2_000]}),
            json!({"description": "x".repeat(70_000)}),
            // Where it stands, `definitions` is the name of an argument.
            json!({"properties": {"definitions": {"$ref": "#/$defs/a0"}}, "$defs": doubling}),
            json!({"properties": {"definitions": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}, {"type": "null"}]}}}),
            // What is checked against goes to `a0`, by the rules of the web.
            json!({"$ref": "#/$defs/a%30", "$defs": {"a%30": true, "a0": true}}),
            json!({"allOf": (0..40).map(|place| json!({"pattern": format!("\\w{{{place}}}")})).collect::<Vec<_>>()}),
            json!({"patternProperties": (0..40).map(|place| (format!("\\w{{{place}}}"), json!(true))).collect::<serde_json::Map<_, _>>()}),
        ] {
            assert!(check(&schema).is_err(), "{:.80}", schema.to_string());
        }
    }
}
