//! Counts, before a check, the steps of checking a value against a schema of a remote program.
//!
//! A check cannot be stopped once it runs, so its steps are counted first: the schema is walked
//! over the value as the validator walks it, but without stopping early. The count is an upper
//! bound, and a check with more than [`STEPS`] is refused.

use std::collections::HashMap;

use gate_core::text::{SchemaError, below};
use serde_json::{Map, Value};

/// The most steps that one check may take. A step takes about ten nanoseconds.
pub(crate) const STEPS: u64 = 20_000_000;

/// The most steps of a check whose problems are all listed: describing a problem costs a hundred
/// times as much as detecting one.
pub(crate) const LISTED: u64 = 100_000;

/// The size of each compiled pattern, in bytes.
pub(crate) type PatternSizes = HashMap<String, u64>;

/// Counts the steps of a check. The schema must have passed
/// [`check`](super::foreign_schema::check), so that no reference leads back to itself.
///
/// # Errors
/// [`SchemaError`] names the location in the value and the keyword at which the count exceeds
/// [`STEPS`].
pub(crate) fn count(
    schema: &Value,
    sizes: &PatternSizes,
    value: &Value,
) -> Result<u64, SchemaError> {
    let mut meter = CostMeter { root: schema, sizes, spent: 0 };
    meter.apply(schema, value, ApplyCount { each: 1, below_look: None })?;
    Ok(meter.spent)
}

/// The most times that a schema is applied to a value.
///
/// A schema with `unevaluated…` evaluates the schemas inside it once more, at each level of
/// `allOf`, `$ref` and the like between the two, and so does each such schema around it.
#[derive(Clone, Copy)]
struct ApplyCount {
    each: u64,
    /// The number of levels below the nearest schema with `unevaluated…`, if there is one.
    below_look: Option<u64>,
}

impl ApplyCount {
    fn count(self) -> u64 {
        self.below_look.map_or(self.each, |levels| self.each.saturating_mul(levels + 4))
    }

    fn one_below(self) -> Self {
        Self { below_look: self.below_look.map(|levels| levels + 1), ..self }
    }

    fn looking_back(self) -> Self {
        let each = self.below_look.map_or(self.each, |levels| self.each.saturating_mul(levels + 3));
        Self { each, below_look: Some(0) }
    }
}

struct CostMeter<'a> {
    root: &'a Value,
    sizes: &'a PatternSizes,
    spent: u64,
}

impl CostMeter<'_> {
    fn take(&mut self, keyword: &str, steps: u64, times: ApplyCount) -> Result<(), SchemaError> {
        self.spent = self.spent.saturating_add(steps.saturating_mul(times.count()));
        if self.spent <= STEPS {
            return Ok(());
        }
        let message = "to check this against its schema would take too long";
        Err(SchemaError::new(
            "",
            format!("{message} (at `{keyword}`): send a shorter value, or a simpler schema"),
        ))
    }

    /// Counts the steps of a schema that is applied to a value at most `times` times.
    fn apply(
        &mut self,
        schema: &Value,
        value: &Value,
        times: ApplyCount,
    ) -> Result<(), SchemaError> {
        self.take("type", 1, times)?;
        let Value::Object(keywords) = schema else { return Ok(()) };
        let looks_back = ["unevaluatedProperties", "unevaluatedItems"]
            .iter()
            .any(|name| keywords.contains_key(*name));
        let times = if looks_back { times.looking_back() } else { times };
        for (keyword, subschema) in keywords {
            self.take(keyword, 1, times)?;
            match value {
                Value::Object(fields) => {
                    self.over_fields(keywords, keyword, subschema, fields, times)?;
                }
                Value::Array(items) => self.over_items(keyword, subschema, items, times)?,
                Value::String(text) => {
                    self.take(keyword, self.of_text(keyword, subschema, text), times)?;
                }
                Value::Number(_) if keyword == "multipleOf" => {
                    self.take(keyword, of_division(subschema), times)?;
                }
                _ => {}
            }
            self.in_place(keyword, subschema, value, times)?;
        }
        Ok(())
    }

    /// Counts the keywords whose schemas apply to the value itself.
    fn in_place(
        &mut self,
        keyword: &str,
        subschema: &Value,
        value: &Value,
        times: ApplyCount,
    ) -> Result<(), SchemaError> {
        let times = times.one_below();
        match (keyword, subschema) {
            ("$ref", Value::String(reference)) => {
                let target =
                    reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
                target.map_or(Ok(()), |target| self.apply(target, value, times))
            }
            ("allOf" | "anyOf" | "oneOf", Value::Array(subschemas)) => {
                subschemas.iter().try_for_each(|part| self.apply(part, value, times))
            }
            ("dependentSchemas" | "dependencies", Value::Object(parts)) => {
                parts.values().try_for_each(|part| self.apply(part, value, times))
            }
            ("not" | "if" | "then" | "else", part) => self.apply(part, value, times),
            ("enum" | "const" | "required" | "dependentRequired", part) => {
                self.take(keyword, size(part), times)
            }
            _ => Ok(()),
        }
    }

    fn over_fields(
        &mut self,
        keywords: &Map<String, Value>,
        keyword: &str,
        subschema: &Value,
        fields: &Map<String, Value>,
        times: ApplyCount,
    ) -> Result<(), SchemaError> {
        match (keyword, subschema) {
            ("properties", Value::Object(subschemas)) => {
                self.take(keyword, subschemas.len() as u64, times)?;
                let found = subschemas
                    .iter()
                    .filter_map(|(name, part)| Some((name, part, fields.get(name)?)));
                found
                    .into_iter()
                    .try_for_each(|(name, part, field)| self.within(name, part, field, times))
            }
            // Each name is matched once more by keywords for the remaining fields.
            ("patternProperties", Value::Object(parts)) => {
                parts.iter().try_for_each(|(pattern, part)| {
                    fields.iter().try_for_each(|(name, field)| {
                        self.take(keyword, 2 * self.of_match(pattern, name), times)?;
                        self.within(name, part, field, times)
                    })
                })
            }
            ("additionalProperties" | "unevaluatedProperties", part) => {
                let named =
                    keywords.get("properties").filter(|_| keyword == "additionalProperties");
                let rest = |(name, _): &(&String, _)| {
                    named.is_none_or(|named| named.get(name.as_str()).is_none())
                };
                self.take(keyword, fields.len() as u64, times)?;
                fields
                    .iter()
                    .filter(rest)
                    .try_for_each(|(name, field)| self.within(name, part, field, times))
            }
            ("propertyNames", part) => fields
                .keys()
                .try_for_each(|name| self.within(name, part, &Value::String(name.clone()), times)),
            _ => Ok(()),
        }
    }

    fn over_items(
        &mut self,
        keyword: &str,
        subschema: &Value,
        items: &[Value],
        times: ApplyCount,
    ) -> Result<(), SchemaError> {
        let mut each = items.iter().enumerate();
        match (keyword, subschema) {
            ("items" | "contains" | "unevaluatedItems" | "additionalItems", part) => each
                .try_for_each(|(index, item)| self.within(&index.to_string(), part, item, times)),
            ("prefixItems", Value::Array(subschemas)) => {
                subschemas.iter().zip(each).try_for_each(|(part, (index, item))| {
                    self.within(&index.to_string(), part, item, times)
                })
            }
            ("uniqueItems", Value::Bool(true)) => self.take(keyword, of_comparing(items), times),
            _ => Ok(()),
        }
    }

    fn within(
        &mut self,
        step: &str,
        subschema: &Value,
        value: &Value,
        times: ApplyCount,
    ) -> Result<(), SchemaError> {
        let with_step = |error: SchemaError| {
            SchemaError::new(below("", step) + error.pointer(), error.problem())
        };
        let times = ApplyCount { each: times.count(), below_look: None };
        self.apply(subschema, value, times).map_err(with_step)
    }

    fn of_text(&self, keyword: &str, subschema: &Value, text: &str) -> u64 {
        let length = text.len() as u64;
        match (keyword, subschema.as_str()) {
            ("pattern", Some(pattern)) => self.of_match(pattern, text),
            // Each group name, of eight bytes or more, is compared with all names before it.
            ("format", Some("regex")) => {
                length.saturating_mul(16).saturating_add((length / 8).saturating_pow(2) / 4)
            }
            ("format", _) => length.saturating_mul(2),
            ("minLength" | "maxLength", _) => length / 32,
            _ => 0,
        }
    }

    /// Returns the steps of a match. In the worst case, each byte of the text is compared with all
    /// of the compiled pattern.
    fn of_match(&self, pattern: &str, text: &str) -> u64 {
        let size = self.sizes.get(pattern).copied().unwrap_or(u64::MAX);
        // A list of plain texts is matched without a compiled pattern.
        let size = size.max(8 * pattern.len() as u64);
        (size / 64).saturating_mul(text.len() as u64 + 1)
    }
}

/// Returns the steps of a division. Whole numbers are divided in one step, others as fractions of
/// hundreds of digits.
fn of_division(by: &Value) -> u64 {
    let is_whole =
        by.as_f64().is_some_and(|by| by.fract() == 0.0 && by.abs() <= 9_007_199_254_740_992.0);
    if is_whole { 2 } else { 1_000 }
}

/// Returns the steps of comparing all items. Plain values have different hashes. Lists that differ
/// only in their brackets have the same hash, so each is compared with each.
fn of_comparing(items: &[Value]) -> u64 {
    let all: u64 = items.iter().map(size).fold(0, u64::saturating_add);
    let is_plain = !items.iter().any(|item| item.is_array() || item.is_object());
    if is_plain { all.saturating_mul(2) } else { all.saturating_mul(2 * items.len() as u64) }
}

/// Counts the parts of a value in a comparison.
fn size(value: &Value) -> u64 {
    let text = |text: &str| 1 + text.len() as u64 / 64;
    match value {
        Value::String(value) => text(value),
        Value::Array(items) => items.iter().map(size).fold(1, u64::saturating_add),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, field)| text(name).saturating_add(size(field)))
            .fold(1, u64::saturating_add),
        _ => 1,
    }
}

#[cfg(test)]
#[allow(clippy::cast_precision_loss, reason = "the numbers are small")]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::{Duration, Instant};

    use jsonschema::{Keyword, ValidationError};
    use serde_json::json;

    use super::*;
    use crate::logic::schema::SchemaChecker;

    fn many(count: usize, each: impl Fn(usize) -> Value) -> Value {
        (0..count).map(each).collect()
    }

    fn named(count: usize, each: impl Fn(usize) -> Value) -> Value {
        Value::Object((0..count).map(|at| (format!("key{at}"), each(at))).collect())
    }

    fn folded(count: usize, first: Value, each: impl Fn(Value) -> Value) -> Value {
        (0..count).fold(first, |inner, _| each(inner))
    }

    /// Returns lists of lists that differ only in their brackets.
    fn brackets(count: u32) -> Value {
        let nest = |code: u32| {
            (0..12).fold(json!([1]), |inner, bit| {
                if code >> bit & 1 == 1 { json!([inner]) } else { json!([[], inner]) }
            })
        };
        (0..count).map(nest).collect()
    }

    fn letters(count: usize) -> String {
        let mut state = 7_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from(b'a' + u8::try_from(state >> 24).unwrap() % 8)
        };
        (0..count).map(|_| next()).collect()
    }

    /// Lists pairs that are designed to be expensive. Each is refused, or stays within the limit of
    /// a check.
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn hostile() -> Vec<(&'static str, Value, Value)> {
        let slow = "([ab].{200}[cd].{200}[ef])Z";
        let two_ways = |inner: Value| {
            json!({
                "anyOf": [inner, {"properties": {"b": true}}],
                "unevaluatedProperties": {"type": "string"},
            })
        };
        vec![
            ("a pattern that keeps many places", json!({"pattern": slow}), json!(letters(240_000))),
            (
                "a pattern over many texts",
                json!({"items": {"pattern": slow}}),
                many(8_000, |_| json!(letters(26))),
            ),
            (
                "a pattern over many names",
                json!({"patternProperties": {slow: true}}),
                named(10_000, |_| json!(1)),
            ),
            (
                "a pattern of names",
                json!({"propertyNames": {"pattern": slow}}),
                named(10_000, |_| json!(1)),
            ),
            (
                "a long list of words as a pattern",
                json!({"items": {"pattern": format!("^({})$", vec!["ab"; 20_000].join("|"))}}),
                many(20_000, |_| json!("abcd")),
            ),
            (
                "many large patterns",
                json!({"allOf": many(32, |at| json!({"pattern": format!("[ab]{at}.{{1,800}}")}))}),
                json!(letters(1_000)),
            ),
            (
                "fractions",
                json!({"items": {"multipleOf": 1.1e-300}}),
                many(20_000, |_| json!(1.797e308)),
            ),
            (
                "many fractions for each number",
                json!({"items": {
                    "allOf": many(400, |at| json!({"multipleOf": 1e-9 * (at + 1) as f64})),
                }}),
                many(20_000, |at| json!(at as f64 + 0.5)),
            ),
            ("sets of lists that look alike", json!({"uniqueItems": true}), brackets(4_096)),
            (
                "sets of objects",
                json!({"uniqueItems": true}),
                many(9_000, |at| json!({"a": at, "b": [[]]})),
            ),
            (
                "a long choice for many",
                json!({"items": {"enum": many(900, |at| json!(at))}}),
                many(60_000, |_| json!(-1)),
            ),
            (
                "large values to be equal to",
                json!({"items": {"const": named(400, |_| json!("x".repeat(100)))}}),
                many(9_000, |_| json!({"key0": 1, "key1": 2})),
            ),
            (
                "many ways for many",
                json!({"items": {"anyOf": many(300, |_| json!({"type": "null"}))}}),
                many(60_000, |at| json!(at)),
            ),
            (
                "one of many ways",
                json!({"items": {"oneOf": many(300, |at| json!({"minimum": at}))}}),
                many(60_000, |at| json!(at)),
            ),
            (
                "ways within ways",
                folded(
                    14,
                    json!({"type": "null"}),
                    |inner| json!({"anyOf": [inner, {"type": "null"}]}),
                ),
                many(60_000, |at| json!(at)),
            ),
            (
                "what was left over, again and again",
                folded(12, json!({"properties": {"a": true}}), two_ways),
                named(8_000, |_| json!("x")),
            ),
            (
                "items that were left over, again and again",
                folded(12, json!({"prefixItems": [true]}), |inner| {
                    json!({
                        "oneOf": [inner, {"contains": false}],
                        "unevaluatedItems": {"type": "integer"},
                    })
                }),
                many(60_000, |at| json!(at)),
            ),
            (
                "what another argument asks for",
                json!({
                    "dependentSchemas":
                        named(100, |_| json!({"additionalProperties": {"type": "string"}})),
                }),
                named(9_000, |_| json!("x")),
            ),
            (
                "references that double",
                json!({"$ref": "#/$defs/key0", "$defs": named(40, |at| {
                    let next = json!({"$ref": format!("#/$defs/key{}", at + 1)});
                    if at == 39 { json!(true) } else { json!({"allOf": [next, next]}) }
                })}),
                json!({}),
            ),
            ("itself", json!({"properties": {"a": {"$ref": "#"}}}), json!({"a": {"a": {}}})),
            (
                "a way that leads anywhere",
                json!({"$dynamicRef": "#a", "$dynamicAnchor": "a"}),
                json!({}),
            ),
            (
                "depth",
                folded(1_000, json!({}), |inner| json!({"items": inner})),
                folded(60, json!(1), |inner| json!([inner])),
            ),
            (
                "counted items",
                json!({"contains": {"enum": many(800, |at| json!(at))}, "minContains": 50_000}),
                many(60_000, |_| json!(-1)),
            ),
            (
                "regular expressions as values",
                json!({"items": {"format": "regex"}}),
                many(900, |_| json!("(a)".repeat(90))),
            ),
            (
                "a regular expression with many names",
                json!({"format": "regex"}),
                json!((0..20_000).map(|at| format!("(?<n{at:05}>)")).collect::<Vec<_>>().concat()),
            ),
            (
                "templates",
                json!({"allOf": many(300, |_| json!({"format": "uri-template"}))}),
                json!("{a}".repeat(80_000)),
            ),
            (
                "many names",
                json!({"propertyNames": {"enum": many(900, |at| json!(at.to_string()))}}),
                named(20_000, |_| json!(1)),
            ),
            (
                "names that are asked for",
                json!({"items": {"required": many(900, |at| json!(format!("n{at}")))}}),
                many(60_000, |_| json!({})),
            ),
            (
                "everything is wrong",
                json!({"items": {"const": "x".repeat(60_000)}}),
                many(60_000, |_| json!(1)),
            ),
            (
                "a long problem",
                json!({"allOf": many(40, |_| json!({"enum": [["x".repeat(1_000)]]}))}),
                json!(1),
            ),
        ]
    }

    #[test]
    fn what_was_made_to_cost_much_is_refused_or_takes_few_steps() {
        for (name, schema, value) in hostile() {
            let began = Instant::now();
            if let Ok(checker) = SchemaChecker::of_foreign(&schema) {
                let before = checker.spent();
                let checked = checker.check(&value);
                let steps = checker.spent() - before;
                assert!(steps <= STEPS, "{name}: {steps} steps");
                let message = checked.map_or_else(|errors| errors.to_string(), |()| String::new());
                assert_eq!(steps == STEPS, message.contains("too long"), "{name}: {message:.200}");
                assert!(message.len() <= 20_000, "{name}: {} bytes are said", message.len());
            }
            // A watchdog only: nothing here takes a second in a release build.
            assert!(began.elapsed() < Duration::from_mins(1), "{name}: {:?}", began.elapsed());
        }
    }

    #[test]
    fn what_costs_too_much_is_refused_at_its_place() {
        let schema =
            json!({"properties": {"notes": {"items": {"pattern": "([ab].{200}[cd].{200}[ef])Z"}}}});
        let checker = SchemaChecker::of_foreign(&schema).unwrap();
        let refused = checker.check(&json!({"notes": ["a", letters(240_000)]})).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "at `/notes/1`: to check this against its schema would take too long (at `pattern`): \
             send a shorter value, or a simpler schema"
        );
        assert!(
            checker
                .check(&json!({"notes": ["a"]}))
                .is_err_and(|error| error.to_string().contains("match"))
        );
    }

    /// Counts how often a schema is applied.
    struct TickKeyword(Arc<AtomicU64>);

    impl<'i> Keyword<'i> for TickKeyword {
        fn validate(&self, _: &'i Value) -> Result<(), ValidationError<'i>> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }

        fn is_valid(&self, _: &'i Value) -> bool {
            self.0.fetch_add(1, Ordering::Relaxed);
            true
        }
    }

    /// Adds a counter to every schema in a schema.
    fn ticked(schema: &Value) -> Value {
        let Value::Object(keywords) = schema else { return schema.clone() };
        let all = |subschema: &Value| match subschema {
            Value::Array(subschemas) => subschemas.iter().map(ticked).collect(),
            Value::Object(parts) => Value::Object(
                parts.iter().map(|(name, part)| (name.clone(), ticked(part))).collect(),
            ),
            other => other.clone(),
        };
        let part = |(keyword, part): (&String, &Value)| {
            let part = match keyword.as_str() {
                "properties" | "patternProperties" | "dependentSchemas" | "$defs" | "allOf"
                | "anyOf" | "oneOf" | "prefixItems" => all(part),
                "not"
                | "if"
                | "then"
                | "else"
                | "items"
                | "contains"
                | "additionalProperties"
                | "propertyNames"
                | "unevaluatedProperties"
                | "unevaluatedItems" => ticked(part),
                _ => part.clone(),
            };
            (keyword.clone(), part)
        };
        let mut counted: Map<String, Value> = keywords.iter().map(part).collect();
        counted.insert("x-tick".to_owned(), Value::Bool(true));
        Value::Object(counted)
    }

    #[test]
    fn the_validator_takes_no_more_steps_than_were_counted() {
        let leaf = |name: &str| json!({"properties": {name: {"type": "string"}}});
        let nested = |depth, keyword: &str| {
            folded(depth, leaf("a"), |inner| {
                json!({
                    keyword: [inner, leaf("b")],
                    "unevaluatedProperties": {"minLength": 0},
                })
            })
        };
        let conditional = |depth| {
            folded(depth, leaf("a"), |inner| {
                json!({
                    "if": inner,
                    "then": leaf("b"),
                    "else": leaf("c"),
                    "unevaluatedProperties": {"minLength": 0},
                })
            })
        };
        let left_items = |depth, keyword: &str| {
            folded(
                depth,
                json!({"prefixItems": [{}]}),
                |inner| json!({keyword: [inner, {}], "unevaluatedItems": {}}),
            )
        };
        let texts = named(30, |_| json!("x"));
        let numbers = many(30, |at| json!(at));
        let referred = json!({
            "items": {"$ref": "#/$defs/a"},
            "$defs": {"a": {"anyOf": [{"type": "null"}, {"minimum": 0}]}},
        });
        let mut pairs = vec![
            (referred, numbers.clone()),
            (
                json!({"contains": {"minimum": 29}, "not": {"items": {"type": "null"}}}),
                numbers.clone(),
            ),
            (
                json!({
                    "prefixItems": [{}, {"type": "integer"}],
                    "items": {"oneOf": [{"minimum": 3}, {"maximum": 2}]},
                }),
                numbers.clone(),
            ),
            (
                json!({
                    "properties": {"key1": {}},
                    "patternProperties": {"^k": {"minLength": 1}},
                    "additionalProperties": {},
                }),
                texts.clone(),
            ),
            (
                json!({"propertyNames": {"allOf": [{"minLength": 1}, {"maxLength": 9}]}}),
                texts.clone(),
            ),
            (
                json!({"dependentSchemas": {"key1": {"additionalProperties": {"type": "string"}}}}),
                texts.clone(),
            ),
        ];
        // With levels in between that have no `unevaluated…` themselves.
        let spaced = |depth, levels| {
            folded(depth, leaf("a"), |inner| {
                let inner = folded(levels, inner, |inner| json!({"anyOf": [inner, leaf("b")]}));
                json!({"anyOf": [inner, leaf("c")], "unevaluatedProperties": {"minLength": 0}})
            })
        };
        pairs.extend(
            (1..=3).flat_map(|depth| {
                [1, 2, 4, 7].map(|levels| (spaced(depth, levels), texts.clone()))
            }),
        );
        for depth in 1..=5 {
            pairs.extend(
                ["allOf", "anyOf", "oneOf"].map(|keyword| (nested(depth, keyword), texts.clone())),
            );
            pairs.extend(
                ["allOf", "anyOf", "oneOf"]
                    .map(|keyword| (left_items(depth, keyword), numbers.clone())),
            );
            pairs.push((conditional(depth), texts.clone()));
        }
        for (schema, value) in pairs {
            let ticks = Arc::new(AtomicU64::new(0));
            let shared = Arc::clone(&ticks);
            let options = jsonschema::draft202012::options()
                .with_keyword("x-tick", move |_, _, _| {
                    Ok(Box::new(TickKeyword(Arc::clone(&shared))))
                });
            let _ = options.build(&ticked(&schema)).unwrap().is_valid(&value);
            let ticks = ticks.load(Ordering::Relaxed);
            let sizes = HashMap::from([("^k".to_owned(), 256)]);
            let counted = count(&schema, &sizes, &value).unwrap();
            assert!(0 < ticks && ticks <= counted, "{ticks} of {counted} steps: {schema}");
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn what_servers_send_in_earnest_passes() {
        let prepared = "http://json-schema.org/draft-07/schema#";
        let text = || json!({"type": "string"});
        let repository = |more: Value, required: &[&str]| {
            let mut schema = json!({
                "$schema": prepared,
                "type": "object",
                "additionalProperties": false,
                "required": required,
                "properties": {
                    "owner": {"type": "string", "description": "The owner of the repository"},
                    "repo": text(),
                },
            });
            schema["properties"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            schema
        };
        let file = json!({
            "type": "object",
            "properties": {"path": text(), "content": text()},
            "required": ["path", "content"],
        });
        let edit = json!({
            "type": "object",
            "properties": {"oldText": text(), "newText": text()},
            "required": ["oldText", "newText"],
            "additionalProperties": false,
        });
        let line = json!({"anyOf": [{"type": "number"}, {"type": "null"}], "default": null});
        let comment = json!({
            "type": "object",
            "properties": {"path": text(), "line": line, "body": text()},
            "required": ["path", "body"],
        });
        let long = "fn main() { println!(\"a line of a program\"); }\n".repeat(4_000);
        for (name, schema, value) in [
            (
                "filesystem: write a file",
                json!({
                    "$schema": prepared,
                    "type": "object",
                    "properties": {"path": text(), "content": text()},
                    "required": ["path", "content"],
                }),
                json!({"path": "/srv/a.rs", "content": long}),
            ),
            (
                "filesystem: edit a file",
                json!({
                    "type": "object",
                    "properties": {
                        "path": text(),
                        "edits": {"type": "array", "items": edit},
                        "dryRun": {"type": "boolean", "default": false},
                    },
                    "required": ["path", "edits"],
                }),
                json!({
                    "path": "/srv/a.rs",
                    "edits": many(1_000, |at| {
                        json!({"oldText": format!("line {at}"), "newText": "x".repeat(100)})
                    }),
                }),
            ),
            (
                "filesystem: read files",
                json!({
                    "type": "object",
                    "properties": {"paths": {
                        "type": "array",
                        "items": text(),
                        "minItems": 1,
                        "uniqueItems": true,
                    }},
                    "required": ["paths"],
                }),
                json!({"paths": many(5_000, |at| json!(format!("/srv/data/file-{at}.txt")))}),
            ),
            (
                "GitHub: push files",
                repository(
                    json!({
                        "branch": text(),
                        "message": text(),
                        "files": {"type": "array", "items": file},
                    }),
                    &["owner", "repo", "files"],
                ),
                json!({
                    "owner": "o",
                    "repo": "r",
                    "branch": "main",
                    "message": "m",
                    "files": many(200, |at| {
                        json!({"path": format!("src/{at}.rs"), "content": "x".repeat(1_000)})
                    }),
                }),
            ),
            (
                "GitHub: a review",
                repository(
                    json!({
                        "pull_number": {"type": "number"},
                        "event": {
                            "type": "string",
                            "enum": ["APPROVE", "REQUEST_CHANGES", "COMMENT"],
                        },
                        "comments": {"type": "array", "items": comment},
                        "commit_id": {"type": "string", "pattern": "^[0-9a-f]{40}$"},
                    }),
                    &["owner", "repo", "pull_number", "event"],
                ),
                json!({
                    "owner": "o",
                    "repo": "r",
                    "pull_number": 7,
                    "event": "COMMENT",
                    "commit_id": "0a".repeat(20),
                    "comments": many(500, |at| {
                        json!({
                            "path": "src/lib.rs",
                            "line": at,
                            "body": "It would be better to …".repeat(4),
                        })
                    }),
                }),
            ),
            (
                "GitHub: an issue",
                repository(
                    json!({
                        "title": text(),
                        "body": text(),
                        "labels": {"type": "array", "items": text()},
                        "milestone": {"type": ["integer", "null"], "minimum": 1},
                    }),
                    &["owner", "repo", "title"],
                ),
                json!({
                    "owner": "o",
                    "repo": "r",
                    "title": "t",
                    "body": long,
                    "labels": ["bug"],
                    "milestone": null,
                }),
            ),
            (
                "a bank: payments",
                json!({"type": "object", "properties": {"payments": {
                    "type": "array",
                    "maxItems": 2_000,
                    "items": {
                        "type": "object",
                        "unevaluatedProperties": false,
                        "required": ["iban", "amount", "email"],
                        "allOf": [{"properties": {"amount": {
                            "type": "number",
                            "exclusiveMinimum": 0,
                            "multipleOf": 0.01,
                        }}}],
                        "properties": {
                            "iban": {
                                "type": "string",
                                "pattern": "^[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}$",
                            },
                            "email": {"type": "string", "format": "email"},
                            "due": {"type": "string", "format": "date"},
                        },
                    },
                }}}),
                json!({"payments": many(1_000, |at| {
                    json!({
                        "iban": "DE02120300000000202051",
                        "amount": at as f64 + 0.25,
                        "email": "a@example.com",
                        "due": "2026-12-24",
                    })
                })}),
            ),
            (
                "a mail with an attachment",
                json!({"type": "object", "properties": {
                    "to": {
                        "type": "array",
                        "items": {"type": "string", "pattern": "^[^\\s@]+@[^\\s@]+\\.[^\\s@]+$"},
                    },
                    "attachment": {"type": "string", "pattern": "^[A-Za-z0-9+/]*=*$"},
                }}),
                json!({
                    "to": many(50, |at| json!(format!("person{at}@example.com"))),
                    "attachment": "QUJD".repeat(50_000),
                }),
            ),
        ] {
            let checker = SchemaChecker::of_foreign(&schema)
                .unwrap_or_else(|problem| panic!("{name}: {problem}"));
            let checked = checker.check(&value);
            assert!(checked.is_ok(), "{name}: {:.300}", checked.unwrap_err().to_string());
        }
    }
}
