//! Finds the parts of a schema that apply to each part of a value, for secrets and sets.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use gate_core::text::{SchemaError, canonical, step_name};
use serde_json::{Map, Value};

/// The keyword that marks a secret in a schema.
pub(crate) const SECRET: &str = "x-gate-secret";

/// The keyword of lists whose items are all different.
const UNIQUE: &str = "uniqueItems";

/// Keywords under which other schemas must hold for the same value.
pub(crate) const BESIDE: [&str; 3] = ["allOf", "anyOf", "oneOf"];

/// Calls `visit` with every value that its schema marks as a secret, in the order of the document,
/// and replaces the value with the returned one.
pub(crate) fn replace_secrets<E>(
    schema: &Value,
    value: &mut Value,
    visit: &mut dyn FnMut(&Value) -> Result<Value, E>,
) -> Result<(), E> {
    // The walk below is quadratic in the number of schemas side by side, and a remote program's
    // schema has no secrets.
    if !has_secrets(schema) {
        return Ok(());
    }
    walk(schema, &[schema], value, &mut |schemas, value| {
        if !mark_secret(schemas) {
            return Ok(WalkStep::Below);
        }
        if !value.is_null() {
            *value = visit(value)?;
        }
        Ok(WalkStep::On)
    })
}

/// Returns whether one of the schemas of a value marks it as a secret.
fn mark_secret(schemas: &[&Value]) -> bool {
    schemas.iter().any(|schema| schema.get(SECRET) == Some(&Value::Bool(true)))
}

/// Removes field names that are part of a secret from a problem, because they come from the same
/// source as its values.
pub(crate) fn without_secret_names(root: &Value, error: &SchemaError) -> SchemaError {
    let (mut schemas, mut in_secret, mut end) = (expand(root, &[root]), false, 0);
    for step in error.pointer().split('/').skip(1) {
        in_secret |= mark_secret(&schemas);
        let name = step_name(step);
        let items = name.parse().map(|index| schemas_of_item(&schemas, index)).unwrap_or_default();
        let is_named = schemas.iter().any(|schema| {
            schema.get("properties").is_some_and(|fields| fields.get(&name).is_some())
        });
        if in_secret && items.is_empty() && !is_named {
            let pointer = error.pointer().get(..end).unwrap_or_default();
            return SchemaError::new(pointer, format!("in this secret: {}", error.problem()));
        }
        let fields = schemas_of_field(&schemas, &name);
        schemas = expand(root, &[fields, items].concat());
        end += step.len() + 1;
    }
    error.clone()
}

/// Returns the names of all fields that a schema names.
pub(crate) fn field_names(schema: &Value) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    let mut rest = vec![schema];
    while let Some(schema) = rest.pop() {
        match schema {
            Value::Object(map) => {
                let named = map.get("properties").and_then(Value::as_object);
                names.extend(named.into_iter().flat_map(Map::keys).map(String::as_str));
                rest.extend(map.values());
            }
            Value::Array(items) => rest.extend(items),
            _ => {}
        }
    }
    names
}

/// Returns whether a schema marks a secret at a location that the walk does not visit, such as
/// below `not` or `if`. It would be stored in the clear.
pub(crate) fn has_unreachable_secret(root: &Value) -> bool {
    let mut reached = expand(root, &[root]);
    let mut next = 0;
    while let Some(schema) = reached.get(next).copied() {
        next += 1;
        let below = fields_of(&[schema])
            .into_values()
            .flatten()
            .chain(items_of(&[schema]))
            .collect::<Vec<_>>();
        for found in expand(root, &below) {
            if !reached.iter().any(|known| std::ptr::eq(*known, found)) {
                reached.push(found);
            }
        }
    }
    let count = reached.iter().filter(|schema| mark_secret(&[schema])).count();
    count < count_set(root, SECRET)
}

/// Returns whether a schema has lists whose items are all different: sets.
pub(crate) fn has_sets(schema: &Value) -> bool {
    has(schema, UNIQUE)
}

/// Sorts the items of sets, because the order of a set has no meaning, and a type like `HashSet`
/// writes a different order each time.
pub(crate) fn sort_sets(schema: &Value, value: &mut Value) {
    let Ok(()) = walk(schema, &[schema], value, &mut |schemas, value| {
        let is_set = schemas.iter().any(|schema| schema.get(UNIQUE) == Some(&Value::Bool(true)));
        if let Value::Array(items) = value
            && is_set
        {
            items.sort_by_cached_key(|item| canonical(item).unwrap_or_default());
        }
        Ok::<_, Infallible>(WalkStep::Below)
    });
}

/// The next step of a walk.
enum WalkStep {
    /// Continue with the values in this value.
    Below,
    /// Continue after this value.
    On,
}

type VisitFn<'a, E> = &'a mut dyn FnMut(&[&Value], &mut Value) -> Result<WalkStep, E>;

/// Visits a value and every value in it, each with all schemas that may apply to it.
fn walk<E>(
    root: &Value,
    schemas: &[&Value],
    value: &mut Value,
    visit: VisitFn<'_, E>,
) -> Result<(), E> {
    let schemas = expand(root, schemas);
    if let WalkStep::On = visit(&schemas, value)? {
        return Ok(());
    }
    match value {
        Value::Object(map) => {
            for (name, field) in map {
                walk(root, &schemas_of_field(&schemas, name), field, visit)?;
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                walk(root, &schemas_of_item(&schemas, index), item, visit)?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn schemas_of_field<'a>(schemas: &[&'a Value], name: &str) -> Vec<&'a Value> {
    let of = |schema: &&'a Value| match schema.get("properties").and_then(|fields| fields.get(name))
    {
        Some(named) => vec![named],
        None => values_of_maps(schema).collect(),
    };
    schemas.iter().flat_map(of).collect()
}

fn schemas_of_item<'a>(schemas: &[&'a Value], index: usize) -> Vec<&'a Value> {
    let of = |schema: &&'a Value| {
        schema.get("prefixItems").and_then(|items| items.get(index)).or_else(|| schema.get("items"))
    };
    schemas.iter().filter_map(of).collect()
}

/// Returns the fields that schemas name for one value, each with its schemas.
pub(crate) fn fields_of<'a>(schemas: &[&'a Value]) -> BTreeMap<&'a str, Vec<&'a Value>> {
    let mut fields: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for named in schemas.iter().filter_map(|schema| schema.get("properties")?.as_object()) {
        for (name, schema) in named {
            fields.entry(name).or_default().push(schema);
        }
    }
    fields
}

/// Returns the schemas of the unnamed parts of a value: items, and the values of maps.
pub(crate) fn items_of<'a>(schemas: &[&'a Value]) -> Vec<&'a Value> {
    let of = |schema: &&'a Value| {
        let first = schema.get("prefixItems").and_then(Value::as_array).into_iter().flatten();
        first.chain(schema.get("items")).chain(values_of_maps(schema))
    };
    schemas.iter().flat_map(of).collect()
}

/// Returns the schemas of fields that the schema does not name. Names are not matched with
/// patterns, so each of these schemas may apply.
fn values_of_maps(schema: &Value) -> impl Iterator<Item = &Value> {
    let patterns = schema.get("patternProperties").and_then(Value::as_object);
    patterns.into_iter().flat_map(Map::values).chain(schema.get("additionalProperties"))
}

/// Finds the schema that a schema refers to.
fn referred<'a>(root: &'a Value, schema: &Value) -> Option<&'a Value> {
    root.pointer(schema.get("$ref")?.as_str()?.strip_prefix('#')?)
}

/// Returns all schemas that may apply to a value: the given ones, those that they refer to, and
/// those beside or below them.
pub(crate) fn expand<'a>(root: &'a Value, schemas: &[&'a Value]) -> Vec<&'a Value> {
    let mut all: Vec<&Value> = schemas.to_vec();
    let mut next = 0;
    while let Some(schema) = all.get(next).copied() {
        next += 1;
        let beside = BESIDE.iter().filter_map(|keyword| schema.get(*keyword)?.as_array()).flatten();
        for found in referred(root, schema).into_iter().chain(beside) {
            if !all.iter().any(|known| std::ptr::eq(*known, found)) {
                all.push(found);
            }
        }
    }
    all
}

/// Returns whether a schema marks any secret.
pub(crate) fn has_secrets(schema: &Value) -> bool {
    has(schema, SECRET)
}

/// Returns whether a keyword is set anywhere in a schema.
fn has(schema: &Value, keyword: &str) -> bool {
    count_set(schema, keyword) > 0
}

/// Counts how often a keyword is set in a schema.
fn count_set(schema: &Value, keyword: &str) -> usize {
    match schema {
        Value::Object(map) => {
            let inner: usize = map.values().map(|inner| count_set(inner, keyword)).sum();
            inner + usize::from(map.get(keyword) == Some(&Value::Bool(true)))
        }
        Value::Array(items) => items.iter().map(|inner| count_set(inner, keyword)).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use schemars::{JsonSchema, schema_for};
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_found_in_maps_with_keys_of_any_kind() {
        #[derive(JsonSchema)]
        #[expect(dead_code, reason = "only its schema is used")]
        struct WalletCard {
            #[schemars(extend("x-gate-secret" = true))]
            number: String,
        }
        #[derive(JsonSchema)]
        #[expect(dead_code, reason = "only its schema is used")]
        struct TestWallet {
            by_name: BTreeMap<String, WalletCard>,
            by_place: BTreeMap<u32, WalletCard>,
        }
        let schema = schema_for!(TestWallet).to_value();
        let mut value =
            json!({"by_name": {"a": {"number": "1"}}, "by_place": {"7": {"number": "2"}}});
        let mut found = Vec::new();
        let Ok(()) = replace_secrets(&schema, &mut value, &mut |secret| {
            found.push(secret.clone());
            Ok::<_, Infallible>(json!("mark"))
        });
        assert_eq!(
            (found, has_unreachable_secret(&schema)),
            (vec![json!("1"), json!("2")], false),
            "{schema}"
        );
        let hidden =
            json!({"properties": {"a": {"not": {"properties": {"b": {"x-gate-secret": true}}}}}});
        assert!(has_unreachable_secret(&hidden));
    }

    #[test]
    fn a_problem_names_no_field_that_is_part_of_a_secret() {
        let schema = json!({"properties": {
            "pins": {"x-gate-secret": true, "additionalProperties": {"type": "integer"}},
            "card": {"x-gate-secret": true, "properties": {"number": {"type": "string"}}},
            "list": {"x-gate-secret": true, "items": {"type": "string"}},
            "plain": {"additionalProperties": true},
        }});
        let named = |pointer: &str| {
            let hidden = without_secret_names(&schema, &SchemaError::new(pointer, "given twice"));
            format!("{} {}", hidden.pointer(), hidden.problem())
        };
        assert_eq!(named("/pins/hunter44"), "/pins in this secret: given twice");
        assert_eq!(named("/pins/4711"), "/pins in this secret: given twice");
        assert_eq!(named("/card/number"), "/card/number given twice");
        assert_eq!(named("/card/number/x"), "/card/number in this secret: given twice");
        assert_eq!(named("/list/3"), "/list/3 given twice");
        assert_eq!(named("/plain/hunter44"), "/plain/hunter44 given twice");
        assert_eq!(named(""), " given twice");
    }
}
