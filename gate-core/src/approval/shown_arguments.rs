//! The arguments of a call as people are shown them, the same in every channel.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::approval::quote::{Quote, QuoteAuthor};
use crate::approval::state::Approval;
use crate::call::argument_origin::ArgumentOrigin;
use crate::call::arguments::Arguments;
use crate::call::descriptor::Descriptor;
use crate::call::origin::Origin;
use crate::text::json::{below, step_name};
use crate::text::sanitized_text::{SanitizedText, TextHazard, quoted};

/// One value among the arguments of a call, as people are shown it. It is never an object, nor a
/// list with objects in it: their fields are values of their own.
///
/// Every channel only renders these values. The approval determines which arguments there are,
/// their order, which ones are secret, and where a value came from.
///
/// ```
/// # fn show(approval: &gate_runtime::Approval) {
/// for argument in approval.shown_arguments(None) {
///     println!("{}: {}", argument.name(), argument.text());
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ShownArgument {
    pointer: String,
    name: String,
    value: ShownValue,
    source: ValueSource,
    schema_description: Option<Quote>,
}

/// A value as people are shown it.
#[derive(Clone, Debug, PartialEq)]
pub enum ShownValue {
    /// A secret, which nobody is shown.
    Secret,
    /// This value.
    Is(Value),
    /// Left out by a reviewer.
    LeftOut,
}

/// The source of a value among the arguments.
#[derive(Clone, Debug, PartialEq)]
pub enum ValueSource {
    /// The source is unknown.
    Unknown,
    /// This party said it first in the conversation.
    Said(Origin),
    /// The call did not give the value: it is the tool's default.
    Default,
    /// The call gave another form of the value, which the tool's type rewrites.
    Rewritten {
        /// The value that was given.
        given: Value,
    },
    /// A reviewer changed the value.
    Edited {
        /// The proposed value; `None` if none was proposed.
        proposed: Option<Value>,
    },
}

impl ShownArgument {
    /// Returns its place, as a JSON pointer (RFC 6901).
    #[must_use]
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// Returns its place in a form for people: `limits.max`. A dot or a backslash in a name has a
    /// backslash before it. Show it as untrusted text.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns its value.
    #[must_use]
    pub fn value(&self) -> &ShownValue {
        &self.value
    }

    /// Returns the source of the value.
    #[must_use]
    pub fn source(&self) -> &ValueSource {
        &self.source
    }

    /// Returns its description in the tool's schema, as a quote of the tool's owner.
    #[must_use]
    pub fn schema_description(&self) -> Option<&Quote> {
        self.schema_description.as_ref()
    }

    /// Returns the value that would run, unless it is left out. For a secret, this is its mark.
    pub(crate) fn is(&self) -> Option<&Value> {
        match &self.value {
            ShownValue::Is(value) => Some(value),
            ShownValue::Secret | ShownValue::LeftOut => None,
        }
    }

    /// Returns its value as text that is safe to display. A string has its quotes, so that it is
    /// clear where it ends.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.value {
            ShownValue::Secret => "a secret, which is not shown".to_owned(),
            ShownValue::LeftOut => "nothing".to_owned(),
            ShownValue::Is(Value::String(text)) => quoted(text),
            ShownValue::Is(value) => SanitizedText::of(&value.to_string()).as_str().to_owned(),
        }
    }

    /// Returns the value's text as it is, for counting or digesting; empty for a secret.
    #[must_use]
    pub fn whole(&self) -> String {
        match &self.value {
            ShownValue::Secret | ShownValue::LeftOut => String::new(),
            ShownValue::Is(Value::String(text)) => text.clone(),
            ShownValue::Is(value) => value.to_string(),
        }
    }

    /// Lists the hazards of its name and its value, each once. Line breaks in a text are no hazard.
    #[must_use]
    pub fn hazards(&self) -> Vec<TextHazard> {
        let mut found = BTreeSet::new();
        let mut add_hazards = |text: &str| {
            found.extend(
                SanitizedText::of(&text.replace(['\n', '\t'], " ")).hazards().iter().copied(),
            );
        };
        add_hazards(&self.name);
        if let ShownValue::Is(value) = &self.value {
            visit_texts(value, &mut add_hazards);
        }
        found.into_iter().collect()
    }

    /// Describes the source of the value; `None` if it is unknown. Show the description as
    /// untrusted text.
    #[must_use]
    pub fn describe_source(&self) -> Option<String> {
        let written = |value: &Value| match value {
            Value::String(text) => quoted(text),
            value => value.to_string(),
        };
        match &self.source {
            ValueSource::Unknown => None,
            ValueSource::Said(origin) => Some(origin.to_string()),
            ValueSource::Default => Some("not given: the tool's default".to_owned()),
            ValueSource::Rewritten { given } => Some(format!("given as {}", written(given))),
            ValueSource::Edited { proposed: None } => Some("added by a reviewer".to_owned()),
            ValueSource::Edited { proposed: Some(old) } => {
                Some(format!("changed by a reviewer, from {}", written(old)))
            }
        }
    }

    /// Returns whether a reviewer should check the source of the value.
    #[must_use]
    pub fn is_doubtful(&self) -> bool {
        match &self.source {
            ValueSource::Said(origin) => !matches!(origin, Origin::User | Origin::System),
            ValueSource::Rewritten { .. } | ValueSource::Edited { .. } => true,
            ValueSource::Unknown | ValueSource::Default => false,
        }
    }
}

impl Approval {
    /// Lists the arguments that the call would run with, value by value, in the order of the tool's
    /// author if the descriptor has it; then the values that a reviewer left out.
    #[must_use]
    pub fn shown_arguments(&self, tool: Option<&Descriptor>) -> Vec<ShownArgument> {
        let mut shown = Vec::new();
        let arguments = self.arguments.to_json();
        let description = |pointer: &str| {
            let tool = tool?;
            let by = if tool.is_remote() { QuoteAuthor::Agent } else { QuoteAuthor::Tool };
            about_argument(tool.input_schema(), pointer).map(|text| Quote::new(by, text))
        };
        flatten(&arguments, "", "", tool, &mut |pointer, name, value| {
            shown.push(ShownArgument {
                pointer: pointer.to_owned(),
                name: name.to_owned(),
                value: if self.arguments.is_secret(value) {
                    ShownValue::Secret
                } else {
                    ShownValue::Is(value.clone())
                },
                source: ValueSource::Unknown,
                schema_description: description(pointer),
            });
        });
        let proposed = self.is_edited().then(|| self.proposed().to_json());
        let given = self.given.as_deref().map(Arguments::to_json);
        for argument in &mut shown {
            argument.source = self.source_of(argument, proposed.as_ref(), given.as_ref());
        }
        if let Some(proposed) = &proposed {
            flatten(proposed, "", "", tool, &mut |pointer, name, value| {
                if arguments.pointer(pointer).is_none() && !self.proposed().is_secret(value) {
                    let (pointer, name) = (pointer.to_owned(), name.to_owned());
                    let source = ValueSource::Edited { proposed: Some(value.clone()) };
                    let schema_description = description(&pointer);
                    shown.push(ShownArgument {
                        pointer,
                        name,
                        value: ShownValue::LeftOut,
                        source,
                        schema_description,
                    });
                }
            });
        }
        shown
    }

    fn source_of(
        &self,
        argument: &ShownArgument,
        proposed: Option<&Value>,
        given: Option<&Value>,
    ) -> ValueSource {
        let ShownArgument { pointer, value, .. } = argument;
        let ShownValue::Is(value) = value else { return ValueSource::Unknown };
        if let Some(proposed) = proposed {
            let old = proposed.pointer(pointer);
            if old != Some(value) {
                return ValueSource::Edited { proposed: old.cloned() };
            }
        }
        if let Some(given) = given {
            match given_at(given, pointer) {
                None => return ValueSource::Default,
                Some(other)
                    if other != value
                        && self.given.as_deref().is_some_and(|given| !given.is_secret(other)) =>
                {
                    return ValueSource::Rewritten { given: other.clone() };
                }
                Some(_) => {}
            }
        }
        // The origin of the value, or of what contains it.
        let mut ancestor = pointer.as_str();
        let origins: &[ArgumentOrigin] = &self.assessment.origins;
        while !ancestor.is_empty() {
            if let Some(found) = origins.iter().find(|of| of.pointer == ancestor) {
                return ValueSource::Said(found.origin.clone());
            }
            ancestor = ancestor.rsplit_once('/').map_or("", |(outer, _)| outer);
        }
        ValueSource::Unknown
    }
}

/// Returns the value that the call gave for a place: the value at that place, or a single value
/// where there is now an object that contains the place. `None` for a default.
#[must_use]
pub fn given_at<'a>(given: &'a Value, pointer: &str) -> Option<&'a Value> {
    let mut ancestor = pointer;
    loop {
        match given.pointer(ancestor) {
            Some(found) if ancestor.len() == pointer.len() => return Some(found),
            Some(found) => {
                return Some(found).filter(|found| !found.is_object() && !found.is_array());
            }
            None => ancestor = ancestor.rsplit_once('/')?.0,
        }
    }
}

/// Calls `visit` with every text in a value, because escapes in JSON would hide a text's hazards.
fn visit_texts(value: &Value, visit: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => visit(text),
        Value::Array(items) => items.iter().for_each(|item| visit_texts(item, visit)),
        Value::Object(fields) => fields.iter().for_each(|(name, field)| {
            visit(name);
            visit_texts(field, visit);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Calls `visit` with the place, the name and the value of everything except objects and lists with
/// objects in them.
fn flatten(
    value: &Value,
    pointer: &str,
    name: &str,
    tool: Option<&Descriptor>,
    visit: &mut dyn FnMut(&str, &str, &Value),
) {
    let mut go_in = |step: &str, inner: &Value| {
        let step_in_name = step.replace('\\', "\\\\").replace('.', "\\.");
        let name = if pointer.is_empty() { step_in_name } else { format!("{name}.{step_in_name}") };
        flatten(inner, &below(pointer, step), &name, tool, visit);
    };
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let order: &[String] =
                if pointer.is_empty() { tool.map_or(&[], |tool| &tool.order) } else { &[] };
            let first = order.iter().filter_map(|name| fields.get_key_value(name));
            let rest = fields.iter().filter(|(name, _)| !order.contains(name));
            first.chain(rest).for_each(|(step, inner)| go_in(step, inner));
        }
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            items.iter().enumerate().for_each(|(index, inner)| go_in(&index.to_string(), inner));
        }
        // The arguments as a whole.
        Value::Object(_) if pointer.is_empty() => {}
        _ => visit(pointer, name, value),
    }
}

/// Returns the description of the value at a place in a tool's schema. It is a claim of the tool's
/// owner.
#[must_use]
pub fn about_argument<'a>(schema: &'a Value, pointer: &str) -> Option<&'a str> {
    let at = argument_schema(schema, pointer)?;
    let text = |of: &'a Value| of.get("description").and_then(Value::as_str);
    text(at).or_else(|| text(resolved(schema, at)))
}

/// Returns the part of a tool's schema for the value at a place, unresolved: it may be a reference.
/// `None` if the schema has no such place.
#[must_use]
pub fn argument_schema<'a>(schema: &'a Value, pointer: &str) -> Option<&'a Value> {
    let mut at = schema;
    for step in pointer.split('/').skip(1) {
        let inner = resolved(schema, at);
        at = inner
            .get("properties")
            .and_then(|fields| fields.get(step_name(step)))
            .or_else(|| inner.get("items"))?;
    }
    Some(at)
}

fn resolved<'a>(schema: &'a Value, at: &'a Value) -> &'a Value {
    let referred = || {
        at.get("$ref")?.as_str()?.strip_prefix('#').and_then(|reference| schema.pointer(reference))
    };
    referred().unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::approval::state_machine::NewApproval;
    use crate::assessment::Assessment;
    use crate::call::commitment::{CommitmentKeys, SecretCommitment};
    use crate::call::context::RunInfo;
    use crate::call::descriptor::Annotations;
    use crate::call::subject::CallSubject;

    fn shown(
        arguments: Arguments,
        given: Option<Value>,
        order: &[&str],
    ) -> Vec<(String, String, Option<String>)> {
        let subject = CallSubject::sample(RunInfo::new("run", "agent"));
        let assessment = Arc::new(Assessment::join(Vec::new()));
        let given = given.map(|given| Arguments::new(&given, Vec::new()).unwrap());
        let new =
            NewApproval { given, ..NewApproval::of(Arc::new(subject), arguments, assessment) };
        let approval = Approval::open(new, Timestamp::UNIX_EPOCH);
        let mut tool =
            Descriptor::remote("a/b".into(), String::new(), json!({}), Annotations::default());
        tool.order = order.iter().map(ToString::to_string).collect();
        let text = |argument: &ShownArgument| {
            (argument.name().to_owned(), argument.text(), argument.describe_source())
        };
        approval.shown_arguments(Some(&tool)).iter().map(text).collect()
    }

    fn plain(value: &Value) -> Arguments {
        Arguments::new(value, Vec::new()).unwrap()
    }

    #[test]
    fn a_name_with_a_dot_is_another_one_than_a_place_inside() {
        let found = shown(
            plain(&json!({"set": {"limits.max": 5, "limits": {"max": 5_000_000}, "a\\": 1}})),
            None,
            &[],
        );
        let names: Vec<&str> = found.iter().map(|(name, ..)| name.as_str()).collect();
        assert_eq!(names, ["set.a\\\\", "set.limits.max", "set.limits\\.max"]);
        assert_eq!(found[1].1, "5000000");
    }

    #[test]
    fn a_text_that_acts_is_named_also_inside_a_list() {
        let listed = ShownArgument {
            pointer: "/tags".to_owned(),
            name: "tags".to_owned(),
            value: ShownValue::Is(json!(["a", "\u{1b}[2J", "x\ny"])),
            source: ValueSource::Unknown,
            schema_description: None,
        };
        assert_eq!(listed.hazards(), [TextHazard::Control]);
    }

    #[test]
    fn a_secret_is_what_has_a_commitment_and_nothing_else_is() {
        let secret =
            SecretCommitment::to(&json!("1234"), [1; 16], &CommitmentKeys::new(&[7; 32])).unwrap();
        let marked = json!({"pin": secret.mark(), "to": "[secret account] IBAN \
            CH93", "x": format!("{} ", secret.mark())});
        let found = shown(Arguments::new(&marked, vec![secret]).unwrap(), None, &["to"]);
        assert_eq!(found[0].1, "\"[secret account] IBAN CH93\"");
        assert_eq!(found[1].1, "a secret, which is not shown");
        assert!(found[2].1.starts_with("\"[secret "));
    }

    #[test]
    fn what_was_not_given_is_a_default_and_what_is_written_otherwise_says_so() {
        let arguments = json!({"to": "x.example", "amount": 16_777_216, "most": 10});
        let given = json!({"to": "x.example", "amount": 16_777_217});
        let found = shown(plain(&arguments), Some(given), &["to", "amount", "most"]);
        let text: Vec<(&str, Option<&str>)> =
            found.iter().map(|(name, _, value_note)| (&**name, value_note.as_deref())).collect();
        let expected = [
            ("to", None),
            ("amount", Some("given as 16777217")),
            ("most", Some("not given: the tool's default")),
        ];
        assert_eq!(text, expected);
    }
}
