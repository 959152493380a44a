//! A form for the arguments of a call, made from their schema.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use gate_runtime::tool::SchemaErrors;
use gate_runtime::{Approval, step_name};
use serde_json::{Map, Number, Value, json};

use crate::forms::form_data::FormData;
use crate::render::untrusted_text::hazards_of;

/// The kind of input for a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FieldKind {
    /// A text.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// Yes or no.
    Truth,
    /// One of these.
    Choice(Vec<Value>),
    /// Anything else, as JSON.
    Json,
    /// A secret, which cannot be edited.
    Secret,
}

/// One argument in a form.
#[derive(Clone, Debug)]
pub(crate) struct FormField {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) kind: FieldKind,
    pub(crate) is_required: bool,
    takes_null: bool,
    /// The current value.
    before: Option<Value>,
    /// The typed text.
    pub(crate) text: String,
    pub(crate) problem: Option<String>,
}

/// The arguments of a call in a form.
#[derive(Clone, Debug)]
pub(crate) struct EditForm {
    pub(crate) fields: Vec<FormField>,
    /// The problem that belongs to no field alone.
    pub(crate) problem: Option<String>,
}

impl EditForm {
    /// A form that changes nothing yet.
    pub(crate) fn of(approval: &Approval, schema: &Value) -> Self {
        let arguments = approval.arguments().to_json();
        let known = schema.get("properties").and_then(Value::as_object);
        let required: BTreeSet<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let names: BTreeSet<&String> = known
            .into_iter()
            .flat_map(Map::keys)
            .chain(arguments.as_object().into_iter().flat_map(Map::keys))
            .collect();
        let field = |name: &String| {
            let about_it = known.and_then(|known| known.get(name));
            let before = arguments.get(name).cloned();
            let (kind, takes_null) = match &before {
                Some(value) if approval.arguments().is_secret(value) => (FieldKind::Secret, false),
                Some(Value::String(text)) if !hazards_of(text).is_empty() => {
                    (FieldKind::Json, false)
                }
                before => {
                    let (kind, takes_null) = about_it
                        .map_or((FieldKind::Json, false), |subschema| kind_of(schema, subschema));
                    let is_typable =
                        before.as_ref().is_none_or(|value| value.is_null() || kind.fits(value));
                    (if is_typable { kind } else { FieldKind::Json }, takes_null)
                }
            };
            let text = before.as_ref().map(|value| kind.write(value)).unwrap_or_default();
            let (about, is_required) = (
                schema_description(schema, name).map(str::to_owned),
                required.contains(name.as_str()),
            );
            FormField {
                name: name.clone(),
                description: about,
                kind,
                is_required,
                takes_null,
                before,
                text,
                problem: None,
            }
        };
        let mut fields: Vec<FormField> = names.into_iter().map(field).collect();
        fields.sort_by_key(|field| !field.is_required);
        Self { fields, problem: None }
    }

    /// Parses the typed fields; `None` if a field has a problem.
    pub(crate) fn read(&mut self, sent: &FormData) -> Option<Map<String, Value>> {
        let mut arguments = Map::new();
        for field in &mut self.fields {
            let typed = sent.find(&format!("argument.{}", field.name));
            match field.read(typed) {
                Ok(Some(value)) => drop(arguments.insert(field.name.clone(), value)),
                Ok(None) => {}
                Err(problem) => field.problem = Some(problem),
            }
        }
        self.fields.iter().all(|field| field.problem.is_none()).then_some(arguments)
    }

    /// Assigns schema problems to their fields.
    pub(crate) fn add_errors(&mut self, schema_errors: &SchemaErrors) {
        for schema_error in schema_errors.iter() {
            let field_name = schema_error.pointer().split('/').nth(1).map(step_name);
            match self.fields.iter_mut().find(|field| Some(&field.name) == field_name.as_ref()) {
                Some(field) if schema_error.pointer().matches('/').count() == 1 => {
                    field.problem = Some(schema_error.problem().to_owned());
                }
                Some(field) => field.problem = Some(schema_error.to_string()),
                None => self.problem = Some(schema_error.to_string()),
            }
        }
    }
}

impl FormField {
    /// Returns the value of the field; `None` if it is left out. An untouched field keeps its exact
    /// value.
    fn read(&mut self, typed: Option<String>) -> Result<Option<Value>, String> {
        let Some(typed) = typed.filter(|_| self.kind != FieldKind::Secret) else {
            return Ok(self.before.clone());
        };
        let untouched = std::mem::replace(&mut self.text, typed);
        if self.text == untouched.replace("\r\n", "\n") {
            return Ok(self.before.clone());
        }
        let text = self.text.trim();
        if text.is_empty() && !(self.kind == FieldKind::Text && self.is_required) {
            return match (self.is_required, self.takes_null) {
                (false, _) => Ok(None),
                (true, true) => Ok(Some(Value::Null)),
                (true, false) => Err("a value is required".to_owned()),
            };
        }
        match &self.kind {
            FieldKind::Text => Ok(Some(Value::from(self.text.clone()))),
            FieldKind::Integer => {
                let number = text
                    .parse::<i64>()
                    .map(Number::from)
                    .or_else(|_| text.parse::<u64>().map(Number::from));
                number
                    .map(|number| Some(number.into()))
                    .map_err(|_| "type a whole number, like 12".to_owned())
            }
            FieldKind::Number => {
                let number = text.parse::<f64>().ok().and_then(Number::from_f64);
                let whole = text.parse::<i64>().ok().map(Number::from);
                whole
                    .or(number)
                    .map(|number| Some(number.into()))
                    .ok_or("type a number, like 12.5".to_owned())
            }
            FieldKind::Truth | FieldKind::Choice(_) => {
                let chosen = serde_json::from_str::<Value>(text).ok();
                let is_offered = |value: &Value| match &self.kind {
                    FieldKind::Choice(all) => all.contains(value),
                    _ => value.is_boolean(),
                };
                chosen.filter(is_offered).map(Some).ok_or("choose one of the options".to_owned())
            }
            FieldKind::Json | FieldKind::Secret => match serde_json::from_str(text) {
                Ok(value) => Ok(Some(value)),
                Err(error) => Err(format!("this is not valid JSON: {error}")),
            },
        }
    }
}

impl FieldKind {
    fn fits(&self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Number => value.is_number(),
            Self::Truth => value.is_boolean(),
            Self::Choice(all) => all.contains(value),
            Self::Json | Self::Secret => true,
        }
    }

    /// Returns a value as it would be typed. In JSON, characters that could hide or mislead are
    /// escaped.
    fn write(&self, value: &Value) -> String {
        match (self, value) {
            (Self::Json, value) => {
                escaped(&serde_json::to_string_pretty(value).unwrap_or_default())
            }
            (Self::Secret, _) | (_, Value::Null) => String::new(),
            (Self::Text, Value::String(text)) => text.clone(),
            (_, value) => value.to_string(),
        }
    }
}

/// Escapes the characters of a JSON text that are not plain.
pub(crate) fn escaped(json: &str) -> String {
    if hazards_of(json).is_empty() {
        return json.to_owned();
    }
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() && c != '\u{7f}' {
            text.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
    text
}

/// Returns the description that a schema gives of an argument.
fn schema_description<'a>(schema: &'a Value, name: &str) -> Option<&'a str> {
    let subschema = schema.get("properties")?.get(name)?;
    let description = |part: &'a Value| part.get("description").and_then(Value::as_str);
    description(subschema).or_else(|| description(resolved(schema, subschema)))
}

/// Returns a part of a schema, with its reference resolved.
fn resolved<'a>(schema: &'a Value, mut part: &'a Value) -> &'a Value {
    for _ in 0..8 {
        let reference =
            part.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix('#'));
        match reference.and_then(|pointer| schema.pointer(pointer)) {
            Some(found) => part = found,
            None => break,
        }
    }
    part
}

/// Returns the kind of input for a value, and whether the value may be null.
fn kind_of(schema: &Value, subschema: &Value) -> (FieldKind, bool) {
    let part = resolved(schema, subschema);
    let null = json!({"type": "null"});
    match part.get("anyOf").and_then(Value::as_array).map(Vec::as_slice) {
        // One step only, because the nested schema may refer back to itself.
        Some([inner, other] | [other, inner]) if *other == null => {
            (plain_kind(resolved(schema, inner)).0, true)
        }
        _ => plain_kind(part),
    }
}

/// Returns the same for a part of a schema that is no reference and no `anyOf`.
fn plain_kind(subschema: &Value) -> (FieldKind, bool) {
    if let Some(all) = choices(subschema) {
        let (nulls, all): (Vec<Value>, Vec<Value>) = all.into_iter().partition(Value::is_null);
        return (FieldKind::Choice(all), !nulls.is_empty());
    }
    let types: Vec<&str> = match subschema.get("type") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let takes_null = types.contains(&"null");
    let mut others = types.into_iter().filter(|name| *name != "null");
    let kind = match (others.next(), others.next()) {
        (Some("string"), None) => FieldKind::Text,
        (Some("integer"), None) => FieldKind::Integer,
        (Some("number"), None) => FieldKind::Number,
        (Some("boolean"), None) => FieldKind::Truth,
        _ => FieldKind::Json,
    };
    (kind, takes_null)
}

/// Returns the values that a schema lists, if it lists all of them.
fn choices(subschema: &Value) -> Option<Vec<Value>> {
    let is_plain = |value: &Value| !value.is_object() && !value.is_array();
    if let Some(all) = subschema.get("enum").and_then(Value::as_array) {
        return all.iter().all(is_plain).then(|| all.clone());
    }
    let each = subschema.get("oneOf").and_then(Value::as_array)?;
    let each = each.iter().map(|one| {
        match (one.get("const"), one.get("enum").and_then(Value::as_array)) {
            (Some(value), _) if is_plain(value) => Some(vec![value.clone()]),
            (None, Some(all)) if all.iter().all(is_plain) => Some(all.clone()),
            _ => None,
        }
    });
    Some(each.collect::<Option<Vec<_>>>()?.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(subschema: &Value) -> (FieldKind, bool) {
        let schema = json!({
            "$defs": {
                "Speed": {"oneOf": [{"const": "fast"}, {"enum": ["slow"]}]},
                "Loop": {"anyOf": [{"$ref": "#/$defs/Loop"}, {"type": "null"}]},
            },
            "properties": {"x": subschema},
        });
        kind_of(&schema, &schema["properties"]["x"])
    }

    #[test]
    fn a_schema_says_how_a_value_is_typed() {
        let speed = FieldKind::Choice(vec![json!("fast"), json!("slow")]);
        for (subschema, expected) in [
            (json!({"type": "string"}), (FieldKind::Text, false)),
            (json!({"type": ["integer", "null"]}), (FieldKind::Integer, true)),
            (json!({"type": "number"}), (FieldKind::Number, false)),
            (json!({"type": "boolean"}), (FieldKind::Truth, false)),
            (json!({"$ref": "#/$defs/Speed"}), (speed.clone(), false)),
            (json!({"anyOf": [{"$ref": "#/$defs/Speed"}, {"type": "null"}]}), (speed, true)),
            (json!({"type": "array", "items": {}}), (FieldKind::Json, false)),
            (json!({"type": ["string", "integer"]}), (FieldKind::Json, false)),
            (json!({"$ref": "#/nowhere"}), (FieldKind::Json, false)),
            (json!(true), (FieldKind::Json, false)),
            (json!({"anyOf": [{"type": "null"}, {"type": "integer"}]}), (FieldKind::Integer, true)),
            (json!({"$ref": "#/$defs/Loop"}), (FieldKind::Json, true)),
        ] {
            assert_eq!(kind(&subschema), expected, "{subschema}");
        }
    }

    fn field(kind: FieldKind, before: Option<Value>, is_required: bool) -> FormField {
        let text = before.as_ref().map(|value| kind.write(value)).unwrap_or_default();
        FormField {
            name: "x".into(),
            description: None,
            kind,
            is_required,
            takes_null: false,
            before,
            text,
            problem: None,
        }
    }

    #[test]
    fn what_is_typed_becomes_a_value_or_says_what_is_wrong() {
        let read = |kind: FieldKind, typed: &str| {
            field(kind, Some(json!(1)), true).read(Some(typed.to_owned()))
        };
        assert_eq!(read(FieldKind::Integer, " 12 "), Ok(Some(json!(12))));
        assert_eq!(read(FieldKind::Integer, "18446744073709551615"), Ok(Some(json!(u64::MAX))));
        assert!(read(FieldKind::Integer, "1.5").is_err() && read(FieldKind::Integer, "").is_err());
        assert_eq!(read(FieldKind::Number, "1.5"), Ok(Some(json!(1.5))));
        assert!(read(FieldKind::Number, "NaN").is_err() && read(FieldKind::Number, "inf").is_err());
        assert_eq!(read(FieldKind::Truth, "true"), Ok(Some(json!(true))));
        assert!(read(FieldKind::Truth, "yes").is_err());
        assert!(read(FieldKind::Choice(vec![json!("a")]), "\"b\"").is_err());
        assert_eq!(read(FieldKind::Json, "[1]"), Ok(Some(json!([1]))));
        assert!(read(FieldKind::Json, "[1").is_err());
        assert_eq!(read(FieldKind::Text, ""), Ok(Some(json!(""))));
        assert_eq!(
            field(FieldKind::Text, Some(json!("x")), false).read(Some(String::new())),
            Ok(None)
        );
    }

    #[test]
    fn what_nobody_touched_stays_as_it_is() {
        for before in [json!("a\r\nb"), json!(""), json!(null)] {
            let mut field = field(FieldKind::Text, Some(before.clone()), false);
            let typed = field.text.replace("\r\n", "\n");
            assert_eq!(field.read(Some(typed)), Ok(Some(before)));
        }
        assert_eq!(field(FieldKind::Text, None, true).read(Some(String::new())), Ok(None));
        assert_eq!(
            field(FieldKind::Secret, Some(json!("s")), true).read(Some("new".into())),
            Ok(Some(json!("s")))
        );
    }

    #[test]
    fn a_hostile_text_is_typed_with_its_escapes() {
        assert_eq!(FieldKind::Json.write(&json!("a\u{202e}b")), r#""a\u202eb""#);
        assert_eq!(FieldKind::Json.write(&json!("Grüße")), "\"Grüße\"");
    }
}
