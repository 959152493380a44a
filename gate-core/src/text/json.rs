//! Parses JSON that a model wrote: once, strictly, with the place of an error; and its canonical
//! form.

use std::fmt::{self, Write as _};

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The largest whole number that every JSON implementation reads alike: 2^53.
pub(crate) const EXACT: u64 = 1 << 53;

/// Limits of parsed JSON.
#[derive(Clone, Copy, Debug)]
pub struct ReadLimits {
    /// Bytes of text.
    pub bytes: usize,
    /// Objects and arrays within each other.
    pub depth: usize,
}

/// The problem of a JSON text or value, and its place; it never repeats a value.
///
/// ```
/// # use gate_runtime::tool::SchemaError;
/// # fn show(misfit: &SchemaError) -> String {
/// format!("{misfit}")        // like: at `/amount_cents`: expected a whole number
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SchemaError {
    pointer: String,
    problem: String,
}

impl SchemaError {
    #[doc(hidden)]
    pub fn new(pointer: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), problem: problem.into() }
    }

    /// Returns the place, as a JSON pointer (RFC 6901); empty for the whole.
    #[must_use]
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// Returns the problem there.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pointer.is_empty() {
            f.write_str(&self.problem)
        } else {
            write!(f, "at `{}`: {}", self.pointer, self.problem)
        }
    }
}

impl std::error::Error for SchemaError {}

/// Appends a step to a JSON pointer.
pub fn push_step(pointer: &mut String, step: &str) {
    pointer.push('/');
    for c in step.chars() {
        match c {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            c => pointer.push(c),
        }
    }
}

/// Returns the JSON pointer to a step below a place.
#[must_use]
pub fn below(parent: &str, step: &str) -> String {
    let mut pointer = parent.to_owned();
    push_step(&mut pointer, step);
    pointer
}

/// Returns the JSON pointer to a field that people named: by its name, or by a pointer, which
/// begins with `/`.
#[must_use]
pub fn pointer_to(field: &str) -> String {
    if field.starts_with('/') { field.to_owned() } else { below("", field) }
}

/// Returns the name of a step of a JSON pointer.
#[must_use]
pub fn step_name(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

/// Parses a JSON text, refusing duplicate keys, inexact numbers, deep nesting and long text.
///
/// # Errors
/// [`SchemaError`] says where it went wrong.
pub fn read(text: &str, limits: ReadLimits) -> Result<Value, SchemaError> {
    if text.len() > limits.bytes {
        let problem = format!(
            "{} bytes of JSON, which is more than the {} allowed",
            text.len(),
            limits.bytes
        );
        return Err(SchemaError::new("", problem));
    }
    let mut place = ReadPlace { steps: Vec::new(), depth: 0, limit: limits.depth };
    let mut source = serde_json::Deserializer::from_str(text);
    let value = StrictValue(&mut place).deserialize(&mut source);
    let value = value.and_then(|value| source.end().map(|()| value));
    value.map_err(|error| SchemaError::new(place.pointer(), error_message(&error)))
}

/// Checks a value that did not come as text by the same rules.
///
/// # Errors
/// [`SchemaError`] says where it went wrong.
pub fn read_value(value: &Value, limits: ReadLimits) -> Result<Value, SchemaError> {
    // Values cannot have duplicates or NaN; everything else is checked on their text.
    let text = serde_json::to_string(value)
        .map_err(|error| SchemaError::new("", error_message(&error)))?;
    read(&text, limits)
}

/// Returns an error of the JSON parser in our words, without values.
fn error_message(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or_default();
    if error.is_data() {
        what.to_owned()
    } else {
        format!("not JSON: {what} at column {}", error.column())
    }
}

/// The parser's position.
struct ReadPlace {
    steps: Vec<PathStep>,
    depth: usize,
    limit: usize,
}

enum PathStep {
    Key(String),
    Index(usize),
}

impl ReadPlace {
    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for step in &self.steps {
            match step {
                PathStep::Key(key) => push_step(&mut pointer, key),
                PathStep::Index(index) => push_step(&mut pointer, &index.to_string()),
            }
        }
        pointer
    }

    fn enter<E: de::Error>(&mut self) -> Result<(), E> {
        self.depth += 1;
        if self.depth > self.limit {
            return Err(E::custom(format_args!("nested more than {} deep", self.limit)));
        }
        Ok(())
    }
}

/// One value to be parsed strictly. After an error the position stays at its place.
struct StrictValue<'a>(&'a mut ReadPlace);

impl<'de> DeserializeSeed<'de> for StrictValue<'_> {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, source: D) -> Result<Value, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StrictValue<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        if value > EXACT { Err(inexact()) } else { Ok(value.into()) }
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        if value.unsigned_abs() > EXACT { Err(inexact()) } else { Ok(value.into()) }
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        exact_number(value).ok_or_else(inexact)
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        self.0.enter()?;
        let mut list = Vec::new();
        loop {
            self.0.steps.push(PathStep::Index(list.len()));
            let Some(item) = items.next_element_seed(StrictValue(self.0))? else { break };
            self.0.steps.pop();
            list.push(item);
        }
        self.0.steps.pop();
        self.0.depth -= 1;
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        self.0.enter()?;
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            self.0.steps.push(PathStep::Key(key));
            let value = entries.next_value_seed(StrictValue(self.0))?;
            let Some(PathStep::Key(key)) = self.0.steps.pop() else { continue };
            if map.contains_key(&key) {
                self.0.steps.push(PathStep::Key(key));
                return Err(de::Error::custom("given twice"));
            }
            map.insert(key, value);
        }
        self.0.depth -= 1;
        Ok(Value::Object(map))
    }
}

const INEXACT: &str = "a number beyond ±2^53, which JSON cannot carry exactly: use a string";

fn inexact<E: de::Error>() -> E {
    E::custom(INEXACT)
}

/// Returns a number as JSON carries it, if that is exact. `2400.0` is the whole number 2400, as it
/// is to JSON Schema and to RFC 8785.
#[expect(clippy::cast_possible_truncation, reason = "only whole numbers within 2^53 are converted")]
#[expect(clippy::cast_precision_loss, reason = "2^53 is exact")]
fn exact_number(value: f64) -> Option<Value> {
    if value.fract() != 0.0 {
        return Number::from_f64(value).map(Value::Number);
    }
    // A text like `9007199254740993.0` reads as 2^53 here, so that the limit itself is out of reach
    // this way.
    (value.abs() < EXACT as f64).then(|| Value::from(value as i64))
}

/// Normalizes every number of a value as [`read`] does.
///
/// # Errors
/// [`SchemaError`] names the place of a number that JSON cannot carry exactly.
pub fn exact_numbers(value: &mut Value) -> Result<(), SchemaError> {
    let inexact = || SchemaError::new("", INEXACT);
    let within = |step: &str, error: SchemaError| {
        SchemaError::new(below("", step) + error.pointer(), error.problem())
    };
    match value {
        Value::Number(number) if number.is_f64() => {
            *value = number.as_f64().and_then(exact_number).ok_or_else(inexact)?;
        }
        Value::Number(number) => {
            let size = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
            if size.is_none_or(|size| size > EXACT) {
                return Err(inexact());
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                exact_numbers(item).map_err(|error| within(&index.to_string(), error))?;
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                exact_numbers(field).map_err(|error| within(name, error))?;
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
    Ok(())
}

/// Returns the canonical form of RFC 8785.
///
/// # Errors
/// [`SchemaError`] says where it went wrong.
pub fn canonical(value: &Value) -> Result<String, SchemaError> {
    let mut text = String::with_capacity(64);
    if write_plain(value, &mut text) {
        return Ok(text);
    }
    serde_json_canonicalizer::to_string(value)
        .map_err(|error| SchemaError::new("", error.to_string()))
}

/// Writes the canonical form of the JSON that tools mostly get: ASCII keys and whole numbers, where
/// it is the compact form with sorted keys. Anything else is left to the canonicaliser, which is
/// ten times slower; `false` says so.
fn write_plain(value: &Value, out: &mut String) -> bool {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => {
            let Some(text) = number.as_i64().filter(|n| n.unsigned_abs() <= EXACT) else {
                return false;
            };
            let _ = write!(out, "{text}");
        }
        Value::String(text) => return write_text(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                if !write_plain(item, out) {
                    return false;
                }
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            let mut last: Option<&str> = None;
            for (key, item) in map {
                let sorted = last.is_none_or(|last| last < key.as_str());
                if !sorted || !key.is_ascii() {
                    return false;
                }
                if last.is_some() {
                    out.push(',');
                }
                if !write_text(key, out) {
                    return false;
                }
                out.push(':');
                if !write_plain(item, out) {
                    return false;
                }
                last = Some(key);
            }
            out.push('}');
        }
    }
    true
}

/// Writes a string, if nothing in it needs an escape.
fn write_text(text: &str, out: &mut String) -> bool {
    if text.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        return false;
    }
    out.push('"');
    out.push_str(text);
    out.push('"');
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LIMITS: ReadLimits = ReadLimits { bytes: 1_000, depth: 4 };

    fn refused(text: &str) -> String {
        read(text, LIMITS).unwrap_err().to_string()
    }

    #[test]
    fn a_duplicate_key_is_refused_with_its_place() {
        assert_eq!(refused(r#"{"a":{"b":[{"c":1,"c":2}]}}"#), "at `/a/b/0/c`: given twice");
        assert_eq!(refused(r#"{"a~/b":1,"a~/b":1}"#), "at `/a~0~1b`: given twice");
    }

    #[test]
    fn numbers_that_are_not_exact_are_refused_with_their_place() {
        let problem = "a number beyond ±2^53, which JSON cannot carry exactly: use a string";
        for number in [
            "9007199254740993",
            "-9007199254740993",
            "1e300",
            "9007199254740993.0",
            "18446744073709551616",
        ] {
            assert_eq!(
                refused(&format!("[0,{number}]")),
                format!("at `/1`: {problem}"),
                "{number}"
            );
        }
        assert!(refused("[1e999]").starts_with("at `/0`: not JSON: number out of range"));
        assert!(refused("[NaN]").starts_with("at `/0`: not JSON"));
        assert!(refused("[Infinity]").starts_with("at `/0`: not JSON"));
        assert_eq!(
            read("[9007199254740992,-9007199254740992,2400.0,0.5,-0.0]", LIMITS).unwrap(),
            json!([9_007_199_254_740_992_i64, -9_007_199_254_740_992_i64, 2400, 0.5, 0])
        );
    }

    #[test]
    fn nesting_and_length_are_limited() {
        assert!(read("[[[[1]]]]", LIMITS).is_ok());
        assert_eq!(refused("[[[[[1]]]]]"), "at `/0/0/0/0`: nested more than 4 deep");
        assert!(refused(&"[".repeat(999)).contains("nested more than 4 deep"));
        assert_eq!(
            refused(&" ".repeat(1_001)),
            "1001 bytes of JSON, which is more than the 1000 allowed"
        );
    }

    #[test]
    fn what_is_not_json_is_refused() {
        assert_eq!(refused(""), "not JSON: EOF while parsing a value at column 0");
        assert!(refused(r#"{"a":1} {"a":1}"#).starts_with("not JSON: trailing characters"));
        assert!(refused(r#"{"a":"\ud800"}"#).starts_with("at `/a`: not JSON"));
        assert!(refused(r#"{"a":1"#).starts_with("not JSON: EOF"));
        assert!(refused(r#"{"a":1,}"#).starts_with("not JSON: trailing comma"));
    }

    proptest::proptest! {
        #[test]
        fn the_fast_canonical_form_is_that_of_the_canonicaliser(value in any_json()) {
            let expected = serde_json_canonicalizer::to_string(&value).unwrap();
            proptest::prop_assert_eq!(canonical(&value).unwrap(), expected);
        }

        #[test]
        fn the_canonical_form_reads_back_as_the_same_value(value in any_json()) {
            let text = canonical(&value).unwrap();
            let again = read(&text, ReadLimits { bytes: usize::MAX, depth: 64 }).unwrap();
            proptest::prop_assert_eq!(canonical(&again).unwrap(), text);
        }
    }

    fn any_json() -> impl proptest::strategy::Strategy<Value = Value> {
        use proptest::prelude::*;
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-(1_i64 << 53)..=(1_i64 << 53)).prop_map(Value::from),
            (-1e9..1e9).prop_map(|n: f64| json!(n)),
            "[ -~]{0,8}".prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map("[a-zA-Z_ -]{1,6}", inner.clone(), 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }
}
