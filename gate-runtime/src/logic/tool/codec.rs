//! The arguments of a tool, one by one: their schemas, and their conversion from and to JSON.
//!
//! An argument without attributes is read, written and described by its type alone, which is
//! compiled once for each type, not once for each tool. An argument with `#[serde(…)]` or
//! `#[schemars(…)]` is a *part*: a struct with that one field, whose derives use the attributes.

use std::any::TypeId;
use std::fmt;

use schemars::{Schema, SchemaGenerator};
use serde::de::{self, DeserializeOwned, Deserializer, Visitor};
use serde::{Serialize, forward_to_deserialize_any};
use serde_json::{Error, Map, Value, json};

use super::{ArgumentPart, ToolArg};
use crate::logic::schema_walk::SECRET;

/// A function that returns the schema of a type.
pub(crate) type MakeSchema = fn(&mut SchemaGenerator) -> Schema;

/// The arguments of a tool, for its schema. Generated code lists them.
#[derive(Default)]
pub struct ArgumentList(Vec<ArgumentEntry>);

enum ArgumentEntry {
    Plain {
        name: &'static str,
        about: &'static str,
        is_secret: bool,
        schema: MakeSchema,
        is_optional: fn() -> bool,
        of: TypeId,
    },
    Part {
        schema: MakeSchema,
    },
}

impl ArgumentList {
    pub(crate) fn add<T: ToolArg>(
        &mut self,
        name: &'static str,
        about: &'static str,
        is_secret: bool,
    ) {
        let schema = SchemaGenerator::subschema_for::<T>;
        self.0.push(ArgumentEntry::Plain {
            name,
            about,
            is_secret,
            schema,
            is_optional: is_optional::<T>,
            of: TypeId::of::<T>(),
        });
    }

    pub(crate) fn add_part<P: ArgumentPart>(&mut self) {
        self.0.push(ArgumentEntry::Part { schema: P::json_schema });
    }

    /// Returns whether each argument has a type of the standard library that is known to write the
    /// same value that it reads, and that has no interior mutability.
    pub(crate) fn is_plain(&self) -> bool {
        macro_rules! types {
            ($($of:ty),*) => {
                [$(TypeId::of::<$of>(), TypeId::of::<Option<$of>>(), TypeId::of::<Vec<$of>>()),*]
            };
        }
        let known = types![String, bool, u8, u16, u32, u64, usize, i8, i16, i32, i64, isize, f64];
        self.0.iter().all(
            |argument| matches!(argument, ArgumentEntry::Plain { of, .. } if known.contains(of)),
        )
    }

    /// Returns the optional arguments: their types have a value for a missing field, as an `Option`
    /// does, and no attribute changes that.
    pub(crate) fn optional(&self) -> Vec<&'static str> {
        let name = |argument: &ArgumentEntry| match argument {
            ArgumentEntry::Plain { name, is_optional, .. } if is_optional() => Some(*name),
            _ => None,
        };
        self.0.iter().filter_map(name).collect()
    }

    /// Returns the schema of all arguments: a closed object.
    pub(crate) fn schema(&self, generator: &mut SchemaGenerator) -> Value {
        self.described(generator).0
    }

    /// Returns the schema of all arguments, and their names in the order of the function.
    pub(crate) fn described(&self, generator: &mut SchemaGenerator) -> (Value, Vec<String>) {
        let (mut properties, mut required, mut order) = (Map::new(), Vec::new(), Vec::new());
        // The macro refuses two arguments with one name. If two exist all the same, no value fits,
        // because no value may go to two arguments.
        let mut add = |name: String, schema: Value| {
            let is_new = !properties.contains_key(&name);
            order.push(name.clone());
            properties.insert(name, if is_new { schema } else { Value::Bool(false) });
        };
        for argument in &self.0 {
            match argument {
                ArgumentEntry::Plain { name, about, is_secret, schema, is_optional, .. } => {
                    let mut schema = schema(generator);
                    if !about.is_empty() {
                        schema.insert("description".to_owned(), (*about).into());
                    }
                    if *is_secret {
                        schema.insert(SECRET.to_owned(), true.into());
                    }
                    add((*name).to_owned(), schema.to_value());
                    if !is_optional() {
                        required.push(Value::from(*name));
                    }
                }
                ArgumentEntry::Part { schema } => {
                    let mut schema = schema(generator).to_value();
                    if let Some(Value::Object(own)) = schema.get_mut("properties").map(Value::take)
                    {
                        own.into_iter().for_each(|(name, schema)| add(name, schema));
                    }
                    if let Some(Value::Array(own)) = schema.get_mut("required").map(Value::take) {
                        required.extend(
                            own.into_iter()
                                .filter(|name| !required.contains(name))
                                .collect::<Vec<_>>(),
                        );
                    }
                }
            }
        }
        let mut schema =
            json!({"type": "object", "properties": properties, "additionalProperties": false});
        if let (false, Some(schema)) = (required.is_empty(), schema.as_object_mut()) {
            schema.insert("required".to_owned(), required.into());
        }
        (schema, order)
    }
}

impl fmt::Debug for ArgumentList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ArgumentList({})", self.0.len())
    }
}

/// Reads one argument. A missing argument has the value that its type gives to a missing field.
pub(crate) fn take<T: DeserializeOwned>(from: &Value, name: &'static str) -> Result<T, Error> {
    match from.get(name) {
        Some(value) => T::deserialize(value),
        None => T::deserialize(MissingField(name)),
    }
}

/// Writes one argument.
pub(crate) fn put<T: Serialize>(
    into: &mut Map<String, Value>,
    name: &'static str,
    argument: &T,
) -> Result<(), Error> {
    into.insert(name.to_owned(), serde_json::to_value(argument)?);
    Ok(())
}

/// Writes a part, with the fields that its attributes define.
pub(crate) fn put_part<P: ArgumentPart>(
    into: &mut Map<String, Value>,
    part: &P,
) -> Result<(), Error> {
    if let Value::Object(fields) = serde_json::to_value(part)? {
        into.extend(fields);
    }
    Ok(())
}

/// Returns whether a type has a value for a missing field in serde, as an `Option` does.
fn is_optional<T: DeserializeOwned>() -> bool {
    T::deserialize(MissingField("")).is_ok()
}

/// A missing field.
struct MissingField(&'static str);

impl<'de> Deserializer<'de> for MissingField {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(de::Error::missing_field(self.0))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_none()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
