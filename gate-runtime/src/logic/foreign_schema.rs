//! Limits the cost of schemas that remote programs send.

use serde_json::Value;

use super::schema_cost::PatternSizes;

/// The most bytes of such a schema, as text.
const BYTES: usize = 64 * 1024;

/// The most values that it may have, with every reference written out. Each is visited for every
/// value that it applies to.
const VALUES: usize = 1_000;

/// The most levels that it may have, with every reference written out.
const DEPTH: usize = 32;

/// The most patterns that it may have.
const PATTERNS: usize = 32;

/// The most bytes of a compiled pattern, and of all compiled patterns together.
pub(crate) const PATTERN_BYTES: usize = 1 << 20;
const ALL_PATTERN_BYTES: u64 = 2 << 20;

/// The number of steps to read and prepare a byte of a schema, or a byte of a compiled pattern.
const STEPS_PER_BYTE: u64 = 20;
const STEPS_PER_PATTERN_BYTE: u64 = 4;

/// The most steps for a schema that is refused before it is prepared.
pub(crate) const STEPS_TO_REFUSE: u64 =
    STEPS_PER_BYTE * BYTES as u64 + STEPS_PER_PATTERN_BYTE * ALL_PATTERN_BYTES;

/// The cost of a schema that another program sent, before anything is checked against it.
pub(crate) struct SchemaCost {
    pub(crate) patterns: PatternSizes,
    pub(crate) steps: u64,
}

/// Refuses a schema that would take much time or memory to check against, because a program sends
/// it with every call.
///
/// `compiles` returns whether a compiled pattern stays within a number of bytes.
///
/// # Errors
/// The next step to take.
pub(crate) fn check(
    schema: &Value,
    compiles: impl Fn(&str, usize) -> bool,
) -> Result<SchemaCost, String> {
    let bytes = schema.to_string().len();
    if bytes > BYTES {
        return Err(format!("its schema is longer than {BYTES} bytes: send a shorter one"));
    }
    let mut budget = SizeBudget { values: VALUES, patterns: PATTERNS, found: PatternSizes::new() };
    measure(schema, schema, DEPTH, &mut budget)?;
    let (mut patterns, mut all) = (budget.found, 0);
    for (pattern, size) in &mut patterns {
        *size = size_of(pattern, &compiles)?;
        all += *size;
        if all > ALL_PATTERN_BYTES {
            let message = "the patterns in its schema are too large together";
            return Err(format!(
                "{message}: limit lengths by `maxLength` rather than by counting in a pattern"
            ));
        }
    }
    Ok(SchemaCost { patterns, steps: STEPS_PER_BYTE * bytes as u64 + STEPS_PER_PATTERN_BYTE * all })
}

/// Returns the size of a compiled pattern, to within a factor of two. The regex engine reports no
/// size, but refuses a pattern that is larger than a limit.
fn size_of(pattern: &str, compiles: impl Fn(&str, usize) -> bool) -> Result<u64, String> {
    let mut sizes = (8..=PATTERN_BYTES.ilog2()).map(|power| 1_usize << power);
    let size = sizes.find(|size| compiles(pattern, *size));
    size.map(|size| size as u64).ok_or_else(|| {
        let start: String = pattern.chars().take(80).collect();
        let message = "is not in the common subset of regular expressions (without look-around and \
            back references), or too large";
        format!("the pattern `{start}` in its schema {message}: write a simpler one")
    })
}

/// The numbers of values and patterns that the schema may still have.
struct SizeBudget {
    values: usize,
    patterns: usize,
    found: PatternSizes,
}

impl SizeBudget {
    fn take_patterns(&mut self, patterns: &[&String]) -> Result<(), String> {
        for pattern in patterns {
            let message = || {
                format!(
                    "its schema has more than {PATTERNS} patterns, with every reference written out"
                )
            };
            self.patterns = self.patterns.checked_sub(1).ok_or_else(message)?;
            self.found.insert((*pattern).clone(), 0);
        }
        Ok(())
    }
}

fn measure(
    subschema: &Value,
    whole: &Value,
    deeper: usize,
    budget: &mut SizeBudget,
) -> Result<(), String> {
    let too_much = || {
        let message = "its schema is too large, too deep or leads back to itself, with every \
            reference written out";
        format!("{message}: send one of {VALUES} values and {DEPTH} levels at most")
    };
    budget.values = budget.values.checked_sub(1).ok_or_else(too_much)?;
    let deeper = deeper.checked_sub(1).ok_or_else(too_much)?;
    match subschema {
        Value::Array(items) => {
            items.iter().try_for_each(|item| measure(item, whole, deeper, budget))
        }
        Value::Object(fields) => {
            fields.iter().try_for_each(|(name, value)| match (name.as_str(), value) {
                ("$ref", Value::String(reference)) => {
                    // A percent-encoded reference could have another target than it seems to have.
                    let target = reference
                        .strip_prefix('#')
                        .filter(|to| to.starts_with('/') && !to.contains('%'));
                    let target = target.and_then(|pointer| whole.pointer(pointer));
                    let problem = "a reference in its schema leads nowhere in it: write it like \
                    `#/$defs/Order`";
                    measure(target.ok_or(problem)?, whole, deeper, budget)
                }
                ("$dynamicRef" | "$recursiveRef" | "$id" | "$schema", Value::String(text))
                    if name != "$schema" || !text.contains("json-schema.org") =>
                {
                    Err(format!(
                        "its schema has `{name}`: leave it out, and refer like \
                    `#/$defs/Order`"
                    ))
                }
                // Definitions are counted at each reference. At other levels, these are ordinary
                // names.
                ("$defs" | "definitions", _) if std::ptr::eq(subschema, whole) => Ok(()),
                ("pattern", Value::String(pattern)) => budget.take_patterns(&[pattern]),
                ("patternProperties", Value::Object(each)) => {
                    budget.take_patterns(&each.keys().collect::<Vec<_>>())?;
                    measure(value, whole, deeper, budget)
                }
                _ => measure(value, whole, deeper, budget),
            })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(schema: &Value) -> Result<(), String> {
        super::check(schema, |pattern, size| pattern.len() <= size).map(drop)
    }

    #[test]
    fn patterns_may_not_be_too_large_alone_or_together() {
        let with = |count: usize, size: usize| {
            let patterns = (0..count).map(|at| json!({"pattern": format!("{at:02}")}));
            let schema = json!({"allOf": patterns.collect::<Vec<_>>()});
            super::check(&schema, move |_, limit| limit >= size)
                .map(|measured| measured.patterns.len())
        };
        assert_eq!(with(2, PATTERN_BYTES), Ok(2));
        assert!(with(3, PATTERN_BYTES).unwrap_err().contains("too large together"));
        assert!(with(1, PATTERN_BYTES + 1).unwrap_err().contains("the pattern `00` in its schema"));
        assert_eq!(with(32, 1_000), Ok(32));
    }

    #[test]
    fn what_programs_send_in_earnest_is_taken() {
        let order = json!({
            "type": "object",
            "properties": {"id": {"type": "string"}, "cents": {"type": "integer"}},
        });
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "order": {"$ref": "#/$defs/Order"},
                "more": {"type": "array", "items": {"$ref": "#/$defs/Order"}},
            },
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
            json!({
                "$ref": "#/$defs/a",
                "$defs": {"a": {"properties": {"a": {"$ref": "#/$defs/a"}}}},
            }),
            json!({"$ref": "#"}),
            json!({"$ref": "https://example.com/schema"}),
            json!({"$ref": "#/$defs/none"}),
            json!({"$dynamicRef": "#x"}),
            json!({"$id": "https://example.com/a"}),
            json!({"enum": vec![1; 2_000]}),
            json!({"description": "x".repeat(70_000)}),
            // Here, `definitions` is the name of an argument.
            json!({"properties": {"definitions": {"$ref": "#/$defs/a0"}}, "$defs": doubling}),
            json!({
                "properties": {"definitions": {"$ref": "#/$defs/a"}},
                "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}, {"type": "null"}]}},
            }),
            // By the rules of URIs, the reference leads to `a0`.
            json!({"$ref": "#/$defs/a%30", "$defs": {"a%30": true, "a0": true}}),
            json!({
                "allOf": (0..40)
                    .map(|index| json!({"pattern": format!("\\w{{{index}}}")}))
                    .collect::<Vec<_>>(),
            }),
            json!({
                "patternProperties": (0..40)
                    .map(|place| (format!("\\w{{{place}}}"), json!(true)))
                    .collect::<serde_json::Map<_, _>>(),
            }),
        ] {
            assert!(check(&schema).is_err(), "{:.80}", schema.to_string());
        }
    }
}
