//! Schemas for strict mode: the part of JSON Schema in which every object is closed and every field
//! required.

use std::fmt;

use gate_core::call::Descriptor;
use gate_core::id::ToolName;
use gate_core::text::below;
use serde_json::{Map, Value};

use crate::logic::schema_walk::SECRET;

/// The error that a tool's schema cannot be strict: the tool, the field and the reason.
///
/// ```
/// use gate_runtime::dialect::openai;
/// use gate_runtime::prelude::*;
/// use std::collections::BTreeMap;
///
/// /// Label something.
/// #[gated_tool(policy = "always_ask")]
/// fn label(labels: BTreeMap<String, String>) {}
///
/// let error = openai::strict_tools(&[Label::descriptor()]).unwrap_err();
/// assert_eq!(error.field(), "/labels");
/// assert!(error.to_string().contains("tool `label`"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotStrict {
    tool: ToolName,
    field: String,
    problem: &'static str,
}

impl NotStrict {
    /// The tool.
    #[must_use]
    pub fn tool(&self) -> &ToolName {
        &self.tool
    }

    /// The argument or a field inside one, as a JSON pointer; items of a list and values of a type
    /// are steps too.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }
}

impl fmt::Display for NotStrict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the schema of tool `{}` cannot be strict, at `{}`: {}; change it, or offer it \
             without strict mode, by `tools`",
            self.tool, self.field, self.problem
        )
    }
}

impl std::error::Error for NotStrict {}

/// Keywords that a model does not need, or that only this crate uses.
const DROPPED: [&str; 7] =
    ["$schema", "title", "examples", "deprecated", "readOnly", "writeOnly", SECRET];

/// Keywords that strict mode refuses and a model should know. They move into the description.
const MOVED: [(&str, &str); 7] = [
    ("default", "default"),
    ("minLength", "minimum length"),
    ("maxLength", "maximum length"),
    ("contentEncoding", "encoding"),
    ("contentMediaType", "media type"),
    ("uniqueItems", "unique items"),
    ("format", "format"),
];

/// Formats that strict mode supports.
const FORMATS: [&str; 9] =
    ["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];

/// Formats that follow from `type` and the limits.
const NUMBER_FORMATS: [&str; 12] = [
    "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "int", "uint",
    "float", "double",
];

/// Keywords for which there is no strict form.
const IMPOSSIBLE: [(&str, &str); 10] = [
    ("unevaluatedProperties", "an object put together from several types"),
    ("allOf", "a value of several types at once"),
    ("not", "a value that must not fit a schema"),
    ("if", "a schema with conditions"),
    ("dependentRequired", "fields that depend on each other"),
    ("dependentSchemas", "fields that depend on each other"),
    ("patternProperties", "a map with free keys: use a list of key and value"),
    ("propertyNames", "a map with free keys: use a list of key and value"),
    ("prefixItems", "a tuple: use a struct with named fields"),
    ("contains", "a list that must contain something"),
];

/// Removes the keywords that only this crate uses.
fn drop_own_keywords(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.remove(SECRET);
            map.values_mut().for_each(drop_own_keywords);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_own_keywords),
        _ => {}
    }
}

/// Returns the schema of a tool's arguments, without the keywords that only this crate uses.
pub(super) fn plain_schema(descriptor: &Descriptor) -> Value {
    let mut schema = descriptor.input_schema().clone();
    drop_own_keywords(&mut schema);
    schema
}

/// Returns the strict form of the schema of a tool's arguments.
pub(super) fn strict_schema(descriptor: &Descriptor) -> Result<Value, NotStrict> {
    let schema = descriptor.input_schema();
    let mut strict = schema.clone();
    StrictConverter { tool: descriptor.name(), root: schema }.convert(&mut strict, "")?;
    Ok(strict)
}

struct StrictConverter<'a> {
    tool: &'a ToolName,
    root: &'a Value,
}

impl StrictConverter<'_> {
    fn impossible(&self, field: &str, problem: &'static str) -> NotStrict {
        NotStrict { tool: self.tool.clone(), field: field.to_owned(), problem }
    }

    fn convert(&self, schema: &mut Value, pointer: &str) -> Result<(), NotStrict> {
        let Value::Object(map) = schema else {
            return Err(self.impossible(pointer, "a value of any type: say which"));
        };
        self.inline_reference(map);
        if let Some((_, problem)) =
            IMPOSSIBLE.iter().find(|(keyword, _)| map.contains_key(*keyword))
        {
            return Err(self.impossible(pointer, problem));
        }
        if !["type", "$ref", "anyOf", "oneOf", "enum", "const"]
            .iter()
            .any(|keyword| map.contains_key(*keyword))
        {
            return Err(self.impossible(pointer, "a value of any type: say which"));
        }
        // Strict mode only has `anyOf`. The gate checks that exactly one branch matches.
        if let Some(branches) = map.remove("oneOf") {
            map.insert("anyOf".to_owned(), branches);
        }
        tidy(map);
        let is_object = match map.get("type") {
            Some(Value::String(kind)) => kind == "object",
            Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
            _ => map.contains_key("properties"),
        };
        if is_object {
            self.close(map, pointer)?;
        }
        if let Some(items) = map.get_mut("items") {
            self.convert(items, &below(pointer, "items"))?;
        }
        for (index, branch) in
            map.get_mut("anyOf").and_then(Value::as_array_mut).into_iter().flatten().enumerate()
        {
            self.convert(branch, &below(pointer, &format!("shape {}", index + 1)))?;
        }
        if let Some(Value::Object(definitions)) = map.get_mut("$defs") {
            for (name, definition) in definitions {
                self.convert(definition, &below(pointer, name))?;
            }
        }
        Ok(())
    }

    /// Closes an object: no unknown fields, and every field is required.
    fn close(&self, map: &mut Map<String, Value>, pointer: &str) -> Result<(), NotStrict> {
        let is_map =
            map.get("additionalProperties").is_some_and(|more| *more != Value::Bool(false));
        let named = map
            .get("properties")
            .and_then(Value::as_object)
            .is_some_and(|fields| !fields.is_empty());
        if is_map || (!named && !pointer.is_empty()) {
            return Err(
                self.impossible(pointer, "a map with free keys: use a list of key and value")
            );
        }
        let fields = map.entry("properties").or_insert_with(|| Value::Object(Map::new()));
        let mut names = Vec::new();
        for (name, field) in fields.as_object_mut().into_iter().flatten() {
            self.convert(field, &below(pointer, name))?;
            names.push(Value::String(name.clone()));
        }
        map.insert("required".to_owned(), Value::Array(names));
        map.insert("additionalProperties".to_owned(), Value::Bool(false));
        Ok(())
    }

    /// Replaces a `$ref` that has other keywords beside it by its definition, because strict mode
    /// accepts a `$ref` only alone.
    fn inline_reference(&self, map: &mut Map<String, Value>) {
        let alone =
            map.keys().all(|keyword| keyword == "$ref" || DROPPED.contains(&keyword.as_str()));
        if alone || map.contains_key("unevaluatedProperties") {
            return;
        }
        let Some(Value::String(reference)) = map.get("$ref") else { return };
        let referred = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
        if let Some(Value::Object(referred)) = referred.cloned() {
            map.remove("$ref");
            for (keyword, value) in referred {
                map.entry(keyword).or_insert(value);
            }
        }
    }
}

/// Removes the keywords that strict mode does not support, and moves those that matter into the
/// description.
fn tidy(map: &mut Map<String, Value>) {
    for keyword in DROPPED {
        map.remove(keyword);
    }
    let mut notes = Vec::new();
    for (keyword, keyword_text) in MOVED {
        let known = keyword == "format"
            && map.get(keyword).and_then(Value::as_str).is_some_and(|f| FORMATS.contains(&f));
        if known {
            continue;
        }
        match map.remove(keyword) {
            None | Some(Value::Null) => {}
            Some(Value::String(format)) if NUMBER_FORMATS.contains(&format.as_str()) => {}
            Some(value) => notes.push(format!("{keyword_text}: {value}")),
        }
    }
    if notes.is_empty() {
        return;
    }
    let about = map
        .get("description")
        .and_then(Value::as_str)
        .map(|text| format!("{text} "))
        .unwrap_or_default();
    map.insert("description".to_owned(), Value::String(format!("{about}({})", notes.join(", "))));
}
