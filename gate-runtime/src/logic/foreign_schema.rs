//! Schemas that other programs send: what they may cost.

use serde_json::Value;

/// The most of such a schema, as text.
const BYTES: usize = 64 * 1024;

/// How many values it may have, with every reference written out: each is looked at for every value that it is about.
const VALUES: usize = 1_000;

/// How deep it may be, with every reference written out.
const DEPTH: usize = 32;

/// Refuses a schema that would take long to check against, or much room: whoever sends it, sends it with every call.
///
/// # Errors
/// What to do about it.
pub(crate) fn check(schema: &Value) -> Result<(), String> {
    if schema.to_string().len() > BYTES {
        return Err(format!("its schema is longer than {BYTES} bytes: send a shorter one"));
    }
    measure(schema, schema, DEPTH, &mut VALUES.clone())
}

fn measure(part: &Value, whole: &Value, deeper: usize, left: &mut usize) -> Result<(), String> {
    let too_much = || {
        let words = "its schema is too large, too deep or leads back to itself, with every reference written out";
        format!("{words}: send one of {VALUES} values and {DEPTH} levels at most")
    };
    *left = left.checked_sub(1).ok_or_else(too_much)?;
    let deeper = deeper.checked_sub(1).ok_or_else(too_much)?;
    match part {
        Value::Array(items) => items.iter().try_for_each(|item| measure(item, whole, deeper, left)),
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| match (name.as_str(), value) {
            ("$ref", Value::String(place)) => {
                let target = place.strip_prefix('#').filter(|pointer| pointer.starts_with('/'));
                let target = target.and_then(|pointer| whole.pointer(pointer));
                let words = "a reference in its schema leads nowhere in it: write it like `#/$defs/Order`";
                measure(target.ok_or(words)?, whole, deeper, left)
            }
            ("$dynamicRef" | "$recursiveRef" | "$id" | "$schema", Value::String(text))
                if name != "$schema" || !text.contains("json-schema.org") =>
            {
                Err(format!("its schema has `{name}`: leave it out, and refer like `#/$defs/Order`"))
            }
            // What is only named there is counted where it is meant.
            ("$defs" | "definitions", _) => Ok(()),
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
            json!({"$ref": "#/$defs/a0", "$defs": doubling}),
            nested,
            json!({"$ref": "#/$defs/a", "$defs": {"a": {"properties": {"a": {"$ref": "#/$defs/a"}}}}}),
            json!({"$ref": "#"}),
            json!({"$ref": "https://example.com/schema"}),
            json!({"$ref": "#/$defs/none"}),
            json!({"$dynamicRef": "#x"}),
            json!({"$id": "https://example.com/a"}),
            json!({"enum": vec![1; 2_000]}),
            json!({"description": "x".repeat(70_000)}),
        ] {
            assert!(check(&schema).is_err(), "{:.80}", schema.to_string());
        }
    }
}
