//! Creates the descriptor of a tool from its function's arguments.

use gate_core::call::{Descriptor, ToolSummary};
use gate_core::text::{Digest, canonical};
use schemars::SchemaGenerator;
use schemars::generate::{Contract, SchemaSettings};
use serde_json::{Value, json};

use super::ToolMetadata;
use super::codec::{ArgumentList, MakeSchema};
use crate::logic::schema;

/// Creates the descriptor of a tool of this gate.
pub(crate) fn describe(
    name: &str,
    about: &ToolMetadata,
    arguments: &ArgumentList,
    summary: Option<ToolSummary>,
) -> Descriptor {
    let mut order = Vec::new();
    let mut input_schema = whole_schema(Contract::Deserialize, |generator| {
        let (schema, names) = arguments.described(generator);
        order = names;
        schema
    });
    schema::close(&mut input_schema);
    let output_schema = (about.output)().map(schema_of);
    let described = json!([
        name,
        about.title,
        about.description,
        input_schema,
        output_schema,
        about.annotations,
        about.source
    ]);
    let mut schema_text = canonical(&described).unwrap_or_default();
    if about.asks_on_error {
        schema_text += "asks on error";
    }
    if let Some(summary) = &summary {
        schema_text += &canonical(&json!({ "summary": summary })).unwrap_or_default();
    }
    Descriptor {
        name: name.into(),
        title: about.title.map(str::to_owned),
        description: about.description.to_owned(),
        input_schema,
        output_schema,
        annotations: about.annotations,
        timeout: about.timeout,
        asks_on_error: about.asks_on_error,
        order,
        summary,
        digest: Digest::of(schema_text),
    }
}

pub(crate) fn schema_of(make: MakeSchema) -> Value {
    whole_schema(Contract::Deserialize, |generator| make(generator).to_value())
}

/// Returns the schema of arguments as their types write them.
pub(crate) fn written_schema(arguments: &ArgumentList) -> Value {
    whole_schema(Contract::Serialize, |generator| arguments.schema(generator))
}

/// Returns a schema with its definitions, without its title.
fn whole_schema(contract: Contract, make: impl FnOnce(&mut SchemaGenerator) -> Value) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.contract = contract);
    let mut generator = SchemaGenerator::new(settings);
    let mut schema = make(&mut generator);
    let definitions = generator.take_definitions(true);
    if let Value::Object(map) = &mut schema {
        map.remove("title");
        if !definitions.is_empty() {
            map.insert("$defs".to_owned(), Value::Object(definitions));
        }
    }
    schema
}
