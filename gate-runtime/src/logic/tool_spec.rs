//! Checks and completes the arguments of a tool.

use std::fmt;

use gate_core::call::{Descriptor, ToolCall};
use gate_core::text::{ReadLimits, SchemaError, below, exact_numbers, push_step, read};
use serde_json::Value;

use super::contract::{self, says_something};
use super::foreign_schema::STEPS_TO_REFUSE;
use super::schema::{SchemaChecker, SchemaErrors};
use super::schema_walk::{
    has_secrets, has_sets, has_unreachable_secret, sort_sets, without_secret_names,
};
use super::secret_redaction::{check_no_mark, keeps_secrets};

/// The default limit of a call's JSON: 256 KiB, 64 deep.
pub(crate) const DEFAULT_LIMITS: ReadLimits = ReadLimits { bytes: 256 * 1024, depth: 64 };

/// The descriptors of a registry's tools, prepared once for checking calls.
pub struct ToolSpecs {
    descriptors: Vec<Descriptor>,
    specs: Vec<ToolSpec>,
}

impl ToolSpecs {
    /// Prepares the tools of a registry.
    #[must_use]
    pub(crate) fn new(tools: impl Iterator<Item = (Descriptor, ArgumentCodec)>) -> Self {
        let (mut descriptors, mut specs) = (Vec::new(), Vec::new());
        for (descriptor, codec) in tools {
            specs.push(ToolSpec {
                codec: Some(codec),
                is_plain: (codec.is_plain)(),
                optional: (codec.optional)(),
                ..ToolSpec::of(&descriptor)
            });
            descriptors.push(descriptor);
        }
        Self { descriptors, specs }
    }

    /// Returns the descriptors, in the order of the registry.
    #[must_use]
    pub fn descriptors(&self) -> &[Descriptor] {
        &self.descriptors
    }

    pub(crate) fn get(&self, index: usize) -> Option<(&Descriptor, &ToolSpec)> {
        Some((self.descriptors.get(index)?, self.specs.get(index)?))
    }

    /// Reads a call of the tool at an index, checks it, and completes it.
    pub(crate) fn read(&self, index: usize, call: &ToolCall) -> Result<Value, SchemaErrors> {
        let (_, spec) = self
            .get(index)
            .ok_or_else(|| SchemaErrors::from(SchemaError::new("", "no such tool")))?;
        spec.complete(read(call.arguments(), DEFAULT_LIMITS)).map(|completed| completed.arguments)
    }
}

impl fmt::Debug for ToolSpecs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.descriptors.iter().map(Descriptor::name)).finish()
    }
}

/// The functions by which the type of a tool reads and writes its arguments.
#[derive(Clone, Copy)]
pub(crate) struct ArgumentCodec {
    /// Returns the schema of the arguments as the type writes them.
    pub(crate) written_schema: fn() -> Value,
    /// Returns whether each argument has a type of the standard library that writes the same value
    /// that it reads, without interior mutability.
    pub(crate) is_plain: fn() -> bool,
    /// Returns the optional arguments, whose absence has the same meaning as `null`.
    pub(crate) optional: fn() -> Vec<&'static str>,
    /// Reads arguments and writes them.
    pub(crate) rewrite: fn(&Value) -> Result<Value, serde_json::Error>,
}

/// The data for checking and completing the arguments of one tool.
pub(crate) struct ToolSpec {
    pub(crate) checker: Result<SchemaChecker, String>,
    pub(crate) has_secrets: bool,
    schema: Value,
    /// True if some of its lists are sets, whose order has no meaning.
    has_sets: bool,
    optional: Vec<&'static str>,
    /// True if the values that it reads need not be checked again: see [`ArgumentCodec`].
    pub(crate) is_plain: bool,
    /// `None` for a tool of a remote program, which reads its arguments itself.
    codec: Option<ArgumentCodec>,
}

/// Arguments as they will run.
pub(crate) struct CompletedArguments {
    pub(crate) arguments: Value,
    /// The arguments as they were given, if different.
    pub(crate) given: Option<Value>,
}

impl ToolSpec {
    pub(crate) fn of(descriptor: &Descriptor) -> Self {
        let schema = descriptor.input_schema();
        let checker = if descriptor.is_remote() {
            SchemaChecker::of_foreign(schema)
        } else {
            SchemaChecker::new(schema)
        };
        let (has_secrets, has_sets) = (has_secrets(schema), has_sets(schema));
        Self {
            checker,
            has_secrets,
            schema: schema.clone(),
            has_sets,
            optional: Vec::new(),
            is_plain: false,
            codec: None,
        }
    }

    /// Returns the steps that the schema of a remote program has taken so far.
    pub(crate) fn spent(&self) -> u64 {
        self.checker.as_ref().map_or(STEPS_TO_REFUSE, SchemaChecker::spent)
    }

    /// Returns the fields that the tool's type reads but does not write, or the reverse, because
    /// people could then not see the arguments that run. Also returns the placeholders of its
    /// summary that match no argument.
    pub(crate) fn contract_problems(&self, tool: &Descriptor) -> Vec<String> {
        let of_type =
            self.codec.map(|codec| contract::problems(&self.schema, &(codec.written_schema)()));
        let is_unreachable = self.has_secrets && has_unreachable_secret(&self.schema);
        let unreachable = is_unreachable.then(|| {
            "its schema marks a secret where it says what a value is not, or under which \
             condition: mark the field itself"
                .to_owned()
        });
        of_type
            .into_iter()
            .flatten()
            .chain(contract::summary_problems(tool))
            .chain(unreachable)
            .collect()
    }

    fn check(&self, value: &Value) -> Result<(), SchemaErrors> {
        if !value.is_object() {
            return Err(SchemaError::new("", "expected an object with the arguments").into());
        }
        match &self.checker {
            Ok(checker) => checker.check(value),
            Err(problem) => {
                Err(SchemaError::new("", format!("its schema cannot be used: {problem}")).into())
            }
        }
    }

    /// Checks and completes arguments that were read.
    ///
    /// # Errors
    /// Returns the problems, also if the arguments cannot be read. They contain no names inside
    /// secrets.
    pub(crate) fn complete(
        &self,
        given: Result<Value, SchemaError>,
    ) -> Result<CompletedArguments, SchemaErrors> {
        let completed =
            given.map_err(SchemaErrors::from).and_then(|given| self.complete_read(given));
        completed.map_err(|problems| {
            if !self.has_secrets {
                return problems;
            }
            problems.map(|problem| without_secret_names(&self.schema, problem))
        })
    }

    /// Checks and completes arguments: in the form in which the tool's type writes them after
    /// reading them, defaults included. This form is what rules and people see, what is digested
    /// and what runs.
    ///
    /// # Errors
    /// Returns [`SchemaErrors`] if the arguments do not fit the schema or the type, if the type
    /// drops a field, or if the written form is read back as another value, because the arguments
    /// that would run are then unknown.
    fn complete_read(&self, mut given: Value) -> Result<CompletedArguments, SchemaErrors> {
        check_no_mark(&given)?;
        self.check(&given)?;
        let Some(codec) = self.codec else {
            return Ok(CompletedArguments { arguments: given, given: None });
        };
        // The reader has already normalized numbers.
        let as_given = self.has_sets.then(|| given.clone());
        if self.has_sets {
            sort_sets(&self.schema, &mut given);
        }
        let written = self.rewrite(codec, &given)?;
        if self.adds_only_nulls(&written, &given) {
            let as_given = as_given.filter(|as_given| *as_given != given);
            return Ok(CompletedArguments { arguments: given, given: as_given });
        }
        if let Some(pointer) = find_unwritten(&given, &written, &mut String::new()) {
            let problem = "the tool does not take this beside the rest, and would run without it: \
                leave it out";
            return Err(SchemaError::new(pointer, problem).into());
        }
        let mut arguments = written.clone();
        self.strip_nulls(&mut arguments);
        self.check(&arguments)?;
        if self.has_secrets && !keeps_secrets(&self.schema, &given, &arguments) {
            let problem = "a secret is written otherwise by the tool's type, and would run so: \
                nobody could see that";
            return Err(SchemaError::new("", problem).into());
        }
        if self.rewrite(codec, &arguments)? != written {
            let problem =
                "read again, these arguments are other ones: nobody could say what would run";
            return Err(SchemaError::new("", problem).into());
        }
        let given = Some(as_given.unwrap_or(given)).filter(|given| *given != arguments);
        Ok(CompletedArguments { arguments, given })
    }

    /// Returns whether the written form only adds `null`s for optional arguments.
    fn adds_only_nulls(&self, written: &Value, given: &Value) -> bool {
        let (Value::Object(written), Value::Object(given)) = (written, given) else { return false };
        let mut found = 0;
        let is_same = |(name, value): (&String, &Value)| match given.get(name) {
            Some(given) => {
                found += 1;
                given == value && !(value.is_null() && self.is_optional(name))
            }
            None => value.is_null() && self.is_optional(name),
        };
        written.iter().all(is_same) && found == given.len()
    }

    /// Removes arguments that are `null`, if the type is known to read their absence as the same.
    fn strip_nulls(&self, arguments: &mut Value) {
        if let Value::Object(fields) = arguments {
            fields.retain(|name, value| !value.is_null() || !self.is_optional(name));
        }
    }

    fn is_optional(&self, name: &str) -> bool {
        self.optional.contains(&name)
    }

    fn rewrite(&self, codec: ArgumentCodec, given: &Value) -> Result<Value, SchemaError> {
        let unread = |_| {
            SchemaError::new("", "the arguments fit their schema, but the tool's type refuses them")
        };
        let mut written = (codec.rewrite)(given).map_err(unread)?;
        self.settle(&mut written)?;
        Ok(written)
    }

    /// Normalizes a value: whole numbers as such, sets in order.
    fn settle(&self, value: &mut Value) -> Result<(), SchemaError> {
        exact_numbers(value)?;
        if self.has_sets {
            sort_sets(&self.schema, value);
        }
        Ok(())
    }

    /// Returns whether a tool's type wrote exactly these arguments.
    pub(crate) fn writes(&self, mut written: Value, arguments: &Value) -> bool {
        if self.settle(&mut written).is_err() {
            return false;
        }
        if written == *arguments {
            return true;
        }
        self.strip_nulls(&mut written);
        written == *arguments
    }
}

/// Finds a field or an item that was not written back. Empty values may be lost: `null`, `false`,
/// 0, empty texts, lists and objects.
fn find_unwritten(given: &Value, written: &Value, pointer: &mut String) -> Option<String> {
    let length = pointer.len();
    let mut within = |step: &str, inner: &Value, written: Option<&Value>| {
        push_step(pointer, step);
        let found = match written {
            Some(written) => find_unwritten(inner, written, pointer),
            None => says_something(inner).then(|| pointer.clone()),
        };
        pointer.truncate(length);
        found
    };
    match (given, written) {
        (Value::Object(fields), written) => {
            fields.iter().find_map(|(name, inner)| within(name, inner, written.get(name)))
        }
        (Value::Array(items), Value::Array(written)) => {
            let found = |(index, item): (usize, &Value)| {
                within(&index.to_string(), item, written.get(index))
            };
            let orphaned = items.iter().enumerate().find_map(found);
            orphaned.or_else(|| {
                (items.len() > written.len()).then(|| below(pointer, &written.len().to_string()))
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_does_not_come_back_is_found_by_its_place() {
        let orphaned =
            |given: Value, written: Value| find_unwritten(&given, &written, &mut String::new());
        assert_eq!(
            orphaned(
                json!({"a": 1, "b": {"c": [1, {"d": 2}]}}),
                json!({"a": 1, "b": {"c": [1, {}]}})
            )
            .unwrap(),
            "/b/c/1/d"
        );
        assert_eq!(orphaned(json!({"a": [1, 2]}), json!({"a": [1]})).unwrap(), "/a/1");
        assert_eq!(orphaned(json!({"a": {"b": 1}}), json!({"a": "1"})).unwrap(), "/a/b");
        // A different value does not count as lost.
        assert_eq!(
            orphaned(
                json!({"a": "HTTP://A", "b": 1.5}),
                json!({"a": "http://a/", "b": 1, "c": 10})
            ),
            None
        );
        assert_eq!(
            orphaned(json!({"a": null, "b": false, "c": [], "d": {"e": ""}, "f": 0}), json!({})),
            None
        );
        assert_eq!(orphaned(json!({"d": {"e": "x"}}), json!({})).unwrap(), "/d");
    }
}
