//! JSON Schemas: closed against unknown fields, and used to check values.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use gate_core::text::{SchemaError, below, english};
use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value};

use super::foreign_schema::{self, SchemaCost};
use super::schema_cost::{self, PatternSizes};
use super::schema_walk::BESIDE;

/// Makes every object of a schema refuse fields that it does not name.
///
/// `additionalProperties` sees only the properties beside it, so an object that is composed of
/// parts (`allOf`, a `$ref` with properties beside it) is closed as a whole, with
/// `unevaluatedProperties`, and its parts stay open.
pub(crate) fn close(schema: &mut Value) {
    let mut definition_names = Vec::new();
    find_parts(schema, &mut definition_names);
    close_value(schema, &definition_names);
    if let Some(Value::Object(definitions)) = schema.get_mut("$defs") {
        for (name, definition) in definitions {
            if definition_names.contains(&reference_to(name)) {
                close_below(definition, &definition_names);
            } else {
                close_value(definition, &definition_names);
            }
        }
    }
}

fn reference_to(definition: &str) -> String {
    format!("#/$defs/{definition}")
}

/// Returns whether an object schema has keywords of its own beside a reference.
fn is_composed(map: &Map<String, Value>) -> bool {
    let refers =
        map.contains_key("$ref") || BESIDE.iter().any(|keyword| map.contains_key(*keyword));
    refers && map.contains_key("properties")
}

/// Collects the definitions that are used as a part of a composed object.
fn find_parts(schema: &Value, definition_names: &mut Vec<String>) {
    match schema {
        Value::Object(map) => {
            if is_composed(map) {
                collect_references(schema, definition_names);
            }
            map.values().for_each(|inner| find_parts(inner, definition_names));
        }
        Value::Array(items) => items.iter().for_each(|item| find_parts(item, definition_names)),
        _ => {}
    }
}

fn collect_references(subschema: &Value, definition_names: &mut Vec<String>) {
    if let Some(reference) = subschema.get("$ref").and_then(Value::as_str) {
        definition_names.push(reference.to_owned());
    }
    for keyword in BESIDE {
        for inner in subschema.get(keyword).and_then(Value::as_array).into_iter().flatten() {
            collect_references(inner, definition_names);
        }
    }
}

/// Closes the schema of a whole value.
fn close_value(schema: &mut Value, definition_names: &[String]) {
    let Value::Object(map) = schema else { return };
    let open =
        !map.contains_key("additionalProperties") && !map.contains_key("unevaluatedProperties");
    let subschema = map
        .get("$ref")
        .and_then(Value::as_str)
        .is_some_and(|name| definition_names.iter().any(|part| part == name));
    if is_composed(map) || subschema {
        if open {
            map.insert("unevaluatedProperties".to_owned(), Value::Bool(false));
        } else if map.get("additionalProperties") == Some(&Value::Bool(false)) {
            // schemars writes it for a tagged variant that carries a struct, where it would refuse
            // the struct's fields.
            map.remove("additionalProperties");
            map.insert("unevaluatedProperties".to_owned(), Value::Bool(false));
        }
        close_below(schema, definition_names);
        return;
    }
    let is_object = map.contains_key("properties") || map.get("type").is_some_and(is_of_objects);
    if open && is_object && !map.contains_key("patternProperties") {
        // Added even if empty, so that an unknown field is reported by its name.
        map.entry("properties").or_insert_with(|| Value::Object(Map::new()));
        map.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
    for keyword in BESIDE {
        for inner in map.get_mut(keyword).and_then(Value::as_array_mut).into_iter().flatten() {
            close_value(inner, definition_names);
        }
    }
    close_below(schema, definition_names);
}

/// Returns whether a `type` admits objects.
fn is_of_objects(kind: &Value) -> bool {
    kind == "object"
        || kind.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "object"))
}

/// Closes the schemas of the fields and items of a value.
fn close_below(schema: &mut Value, definition_names: &[String]) {
    let Value::Object(map) = schema else { return };
    for keyword in ["properties", "patternProperties"] {
        for inner in map
            .get_mut(keyword)
            .and_then(Value::as_object_mut)
            .into_iter()
            .flat_map(Map::values_mut)
        {
            close_value(inner, definition_names);
        }
    }
    for keyword in ["items", "additionalProperties", "contains"] {
        if let Some(inner) = map.get_mut(keyword) {
            close_value(inner, definition_names);
        }
    }
    for inner in map.get_mut("prefixItems").and_then(Value::as_array_mut).into_iter().flatten() {
        close_value(inner, definition_names);
    }
    if map.contains_key("unevaluatedProperties") {
        for keyword in BESIDE {
            for inner in map.get_mut(keyword).and_then(Value::as_array_mut).into_iter().flatten() {
                close_below(inner, definition_names);
            }
        }
    }
}

/// All problems of a value under its schema, field by field.
///
/// ```
/// # fn show(problems: &gate_runtime::tool::SchemaErrors) {
/// for misfit in problems.iter() {
///     println!("{}: {}", misfit.pointer(), misfit.problem());
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaErrors(Vec<SchemaError>);

impl SchemaErrors {
    /// Returns the problems, each with its location. Never empty.
    pub fn iter(&self) -> impl Iterator<Item = &SchemaError> {
        self.0.iter()
    }

    pub(crate) fn map(self, change: impl FnMut(&SchemaError) -> SchemaError) -> Self {
        Self(self.0.iter().map(change).collect())
    }
}

impl From<SchemaError> for SchemaErrors {
    fn from(error: SchemaError) -> Self {
        Self(vec![error])
    }
}

impl fmt::Display for SchemaErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            fmt::Display::fmt(error, f)?;
        }
        Ok(())
    }
}

impl std::error::Error for SchemaErrors {}

/// The maximum number of problems that are reported at once.
const MOST_MISFITS: usize = 50;
const MOST_WORDS: usize = 16 * 1024;

/// A schema ready to check values with.
pub(crate) struct SchemaChecker {
    validator: Validator,
    foreign: Option<ForeignSchema>,
}

/// The parts of a remote program's schema that determine the cost of a check.
struct ForeignSchema {
    schema: Value,
    patterns: PatternSizes,
    /// The steps that it has taken so far.
    spent: AtomicU64,
}

impl SchemaChecker {
    /// # Errors
    /// The message of the validator, if the schema is invalid.
    pub(crate) fn new(schema: &Value) -> Result<Self, String> {
        let options = jsonschema::draft202012::options().should_validate_formats(true);
        let validator = options.build(schema).map_err(|error| error.to_string())?;
        Ok(Self { validator, foreign: None })
    }

    /// Prepares a schema of a remote program, which may be expensive on purpose.
    ///
    /// # Errors
    /// The problem with it, or that it would cost too much.
    pub(crate) fn of_foreign(schema: &Value) -> Result<Self, String> {
        let build = |schema: &Value, size: usize| {
            // This engine matches in time linear in the length of the text.
            let patterns = PatternOptions::regex()
                .size_limit(size)
                .dfa_size_limit(foreign_schema::PATTERN_BYTES);
            let options = jsonschema::draft202012::options().should_validate_formats(true);
            options.with_pattern_options(patterns).build(schema)
        };
        let compiles =
            |pattern: &str, size| build(&serde_json::json!({ "pattern": pattern }), size).is_ok();
        let SchemaCost { patterns, steps } = foreign_schema::check(schema, compiles)?;
        let validator =
            build(schema, foreign_schema::PATTERN_BYTES).map_err(|error| error.to_string())?;
        Ok(Self {
            validator,
            foreign: Some(ForeignSchema { schema: schema.clone(), patterns, spent: steps.into() }),
        })
    }

    /// Returns the steps that a foreign schema has taken so far, of about ten nanoseconds each.
    pub(crate) fn spent(&self) -> u64 {
        self.foreign.as_ref().map_or(0, |foreign| foreign.spent.load(Ordering::Relaxed))
    }

    /// Checks a value. The problems name locations and the expected values, never the found values.
    pub(crate) fn check(&self, value: &Value) -> Result<(), SchemaErrors> {
        let steps = self.foreign.as_ref().map_or(Ok(0), |foreign| foreign.take_steps(value))?;
        if self.validator.is_valid(value) {
            return Ok(());
        }
        if steps > schema_cost::LISTED {
            return Err(SchemaError::new(
                "",
                "does not fit its schema, and is too large to say where",
            )
            .into());
        }
        let (mut found, mut text_length) = (Vec::new(), 0);
        for error in
            self.validator.iter_errors(value).flat_map(|error| describe(&error)).take(MOST_MISFITS)
        {
            text_length += error.pointer().len() + error.problem().len();
            if text_length > MOST_WORDS {
                break;
            }
            found.push(error);
        }
        Err(SchemaErrors(if found.is_empty() {
            vec![SchemaError::new("", "does not fit its schema")]
        } else {
            found
        }))
    }
}

impl ForeignSchema {
    fn take_steps(&self, value: &Value) -> Result<u64, SchemaError> {
        let counted = schema_cost::count(&self.schema, &self.patterns, value);
        // A refused value was counted up to the limit, so that much is charged.
        self.spent.fetch_add(*counted.as_ref().unwrap_or(&schema_cost::STEPS), Ordering::Relaxed);
        counted
    }
}

fn describe(error: &jsonschema::ValidationError<'_>) -> Vec<SchemaError> {
    let pointer = error.instance_path().as_str();
    let at = |field: &str| below(pointer, field);
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            unexpected.iter().map(|field| SchemaError::new(at(field), "unknown field")).collect()
        }
        ValidationErrorKind::Required { property } => {
            vec![SchemaError::new(at(property.as_str().unwrap_or_default()), "missing")]
        }
        ValidationErrorKind::Type { .. } => {
            let expected = error.masked_with("").to_string();
            let expected = expected
                .trim()
                .strip_prefix("is not of type")
                .map_or(expected.clone(), |kind| kind.replace('"', "").trim().to_owned());
            vec![SchemaError::new(
                pointer,
                format!("expected {}", english::with_article(&expected)),
            )]
        }
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            match meant_branch(pointer, context) {
                Some(branch) => branch.iter().flat_map(describe).collect(),
                None => {
                    vec![SchemaError::new(pointer, "has none of the shapes that are expected here")]
                }
            }
        }
        _ => vec![SchemaError::new(pointer, error.masked_with("it").to_string())],
    }
}

/// Returns the branch that a value was meant for, if only one branch has its type and its tag.
fn meant_branch<'a>(
    pointer: &str,
    branches: &'a [Vec<jsonschema::ValidationError<'static>>],
) -> Option<&'a Vec<jsonschema::ValidationError<'static>>> {
    let other_type = |error: &jsonschema::ValidationError<'_>| {
        matches!(error.kind(), ValidationErrorKind::Type { .. })
            && error.instance_path().as_str() == pointer
    };
    let other_tag = |error: &jsonschema::ValidationError<'_>| {
        matches!(error.kind(), ValidationErrorKind::Constant { .. })
    };
    let mut meant = branches
        .iter()
        .filter(|errors| !errors.iter().any(|error| other_type(error) || other_tag(error)));
    meant.next().filter(|_| meant.next().is_none())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use schemars::{JsonSchema, schema_for};
    use serde_json::json;

    use super::*;
    use crate::logic::schema_walk::{has_secrets, replace_secrets};

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct TestOrder {
        item: OrderItem,
        more: Vec<OrderItem>,
        #[schemars(range(min = 1))]
        count: u32,
        note: Option<String>,
        #[schemars(extend("x-gate-secret" = true))]
        card: Option<PaymentCard>,
        extra: BTreeMap<String, String>,
        pay: PaymentChoice,
        #[serde(flatten)]
        place: StreetAddress,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct OrderItem {
        name: String,
        #[schemars(extend("x-gate-secret" = true))]
        code: String,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct PaymentCard {
        number: String,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct StreetAddress {
        street: String,
    }

    #[derive(JsonSchema)]
    #[serde(tag = "kind")]
    #[expect(dead_code, reason = "only its schema is used")]
    enum PaymentChoice {
        Cash,
        Card(PaymentCard),
        Split { left: PaymentCard, right: OrderItem },
    }

    fn order() -> (Value, Value) {
        let mut schema = schema_for!(TestOrder).to_value();
        close(&mut schema);
        let value = json!({
            "item": {"name": "a", "code": "c1"},
            "more": [{"name": "b", "code": "c2"}],
            "count": 1,
            "note": null,
            "card": {"number": "4111"},
            "extra": {"any": "key"},
            "street": "Main",
            "pay": {"kind": "Split", "left": {"number": "4"}, "right": {"name": "b", "code": "c3"}},
        });
        (schema, value)
    }

    #[test]
    fn unknown_fields_are_found_at_any_depth() {
        let (schema, value) = order();
        let checker = SchemaChecker::new(&schema).unwrap();
        assert_eq!(checker.check(&value).map_err(|e| e.to_string()), Ok(()));
        for pointer in ["", "/item", "/more/0", "/card", "/pay", "/pay/left", "/pay/right"] {
            let mut wrong = value.clone();
            wrong.pointer_mut(pointer).unwrap()["surprise"] = json!(1);
            let found = checker.check(&wrong).unwrap_err().to_string();
            assert_eq!(found, format!("at `{pointer}/surprise`: unknown field"));
        }
        let mut card = value;
        card["pay"] = json!({"kind": "Card", "number": "4"});
        assert_eq!(checker.check(&card).map_err(|e| e.to_string()), Ok(()));
        card["pay"]["surprise"] = json!(1);
        assert_eq!(
            checker.check(&card).unwrap_err().to_string(),
            "at `/pay/surprise`: unknown field"
        );
        card["pay"] = json!({"kind": "Cheque"});
        assert_eq!(
            checker.check(&card).unwrap_err().to_string(),
            "at `/pay`: has none of the shapes that are expected here"
        );
    }

    #[test]
    fn problems_name_the_place_and_no_value() {
        let (schema, mut value) = order();
        value["count"] = json!(0);
        value["item"] = json!({"name": 4111});
        let found = SchemaChecker::new(&schema).unwrap().check(&value).unwrap_err();
        let mut lines: Vec<_> = found.iter().map(ToString::to_string).collect();
        lines.sort();
        assert_eq!(
            lines,
            [
                "at `/count`: it is less than the minimum of 1",
                "at `/item/code`: missing",
                "at `/item/name`: expected a string",
            ]
        );
    }

    #[test]
    fn secrets_are_found_at_any_depth_in_lists_and_choices() {
        let (schema, mut value) = order();
        assert!(has_secrets(&schema));
        let mut seen = Vec::new();
        let hide = &mut |secret: &Value| {
            seen.push(secret.clone());
            Ok::<_, ()>(json!("*"))
        };
        replace_secrets(&schema, &mut value, hide).unwrap();
        assert_eq!(seen, [json!({"number": "4111"}), json!("c1"), json!("c2"), json!("c3")]);
        assert_eq!(value["more"], json!([{"name": "b", "code": "*"}]));
        assert_eq!(value["pay"]["right"]["code"], json!("*"));
    }
}
