//! Compares the fields that a type reads with those that it writes.

use std::collections::BTreeSet;

use gate_core::approval::argument_schema;
use gate_core::call::{Descriptor, SummaryPart, ToolSummary};
use gate_core::text::below;
use serde_json::Value;

use super::schema_walk::{expand, fields_of, items_of};

/// Compares the schema for reading arguments with the schema for writing them.
///
/// A field that is read and not written could not be shown; one that is written and not read
/// would not run.
pub(crate) fn problems(read: &Value, written: &Value) -> Vec<String> {
    let mut comparing =
        SchemaComparison { read, written, seen: BTreeSet::new(), problems: Vec::new() };
    comparing.compare(&[read], &[written], "");
    comparing.problems
}

/// Returns the placeholders of a tool's summary that match no argument.
pub(crate) fn summary_problems(tool: &Descriptor) -> Vec<String> {
    let indexes =
        tool.summary().map(ToolSummary::parts).unwrap_or_default().iter().filter_map(|part| {
            match part {
                SummaryPart::Argument { pointer, .. } => Some(pointer),
                SummaryPart::Words(_) => None,
            }
        });
    let missing = indexes.filter(|pointer| argument_schema(tool.input_schema(), pointer).is_none());
    let problem = |pointer| {
        format!("its summary names `{pointer}`, which is written under another name in JSON")
    };
    missing.map(problem).collect()
}

struct SchemaComparison<'a> {
    read: &'a Value,
    written: &'a Value,
    /// The pairs of schemas that were compared, by their addresses.
    seen: BTreeSet<(usize, usize)>,
    problems: Vec<String>,
}

impl<'a> SchemaComparison<'a> {
    fn compare(&mut self, read: &[&'a Value], written: &[&'a Value], pointer: &str) {
        let (read, written) = (expand(self.read, read), expand(self.written, written));
        let address = |schemas: &[&Value]| {
            schemas.first().map_or(0, |schema| std::ptr::from_ref(*schema).addr())
        };
        if !self.seen.insert((address(&read), address(&written))) {
            return;
        }
        let (reads, writes) = (fields_of(&read), fields_of(&written));
        let is_open = |schemas: &[&Value]| schemas.iter().any(|schema| takes_any_field(schema));
        for name in reads.keys().filter(|name| !writes.contains_key(*name)) {
            if !is_open(&written) {
                self.problem(pointer, name, "is read and never written: nobody could be shown it");
            }
        }
        for name in writes.keys().filter(|name| !reads.contains_key(*name)) {
            if !is_open(&read) {
                self.problem(pointer, name, "is written and never read: it would not run");
            }
        }
        for (name, inner) in &reads {
            let Some(other) = writes.get(name) else { continue };
            self.compare(inner, other, &below(pointer, name));
        }
        let (items, others) = (items_of(&read), items_of(&written));
        if !items.is_empty() && !others.is_empty() {
            self.compare(&items, &others, &below(pointer, "*"));
        }
    }

    fn problem(&mut self, pointer: &str, name: &str, problem: &str) {
        self.problems.push(format!("the argument `{}` {problem}", below(pointer, name)));
    }
}

/// Returns whether a schema takes fields that it does not name.
fn takes_any_field(schema: &Value) -> bool {
    let open =
        |keyword: &str| schema.get(keyword).is_some_and(|inner| *inner != Value::Bool(false));
    match schema {
        Value::Bool(all) => *all,
        Value::Object(map) if map.is_empty() => true,
        _ => {
            open("additionalProperties")
                || open("unevaluatedProperties")
                || open("patternProperties")
        }
    }
}

/// Returns whether a value carries information: `null`, `false`, 0 and empty values carry none.
pub(crate) fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => fields.values().any(says_something),
    }
}
