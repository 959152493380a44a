//! Arguments are read, written and described as serde and schemars derive it for a struct with the
//! same fields.

use std::collections::BTreeMap;

use gate_runtime::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How fast.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Speed {
    /// Slow.
    Normal,
    Express,
}

/// Where to.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Address {
    /// The street.
    street: String,
    floor: Option<u8>,
}

/// The same fields, once as a tool's arguments and once as a struct.
macro_rules! both {
    ($($(#[$attribute:meta])* $name:ident: $ty:ty),* $(,)?) => {
        /// Send something.
        #[gated_tool(policy = "never_ask")]
        fn send($($(#[$attribute])* $name: $ty),*) {
            $(let _ = $name;)*
        }

        #[derive(Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        struct Derived {
            $($(#[$attribute])* $name: $ty),*
        }

        impl From<Derived> for Send {
            fn from(derived: Derived) -> Self {
                Self { $($name: derived.$name),* }
            }
        }
    };
}

both! {
    /// To whom.
    ///
    /// A person, or a company:
    ///   with its name.
    to: String,
    weight: u32,
    speed: Option<Speed>,
    /// Where to.
    address: Address,
    second: Option<Address>,
    others: Vec<Address>,
    notes: BTreeMap<String, String>,
    r#type: (u8, bool),
    anything: Value,
    nothing: (),
    /// At least one.
    #[schemars(range(min = 1, max = 9))]
    count: u64,
    #[serde(default)]
    urgent: bool,
    /// Its other name.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
}

registry! { Tools for () { Send } }

fn sorted(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(required) = schema["required"].as_array_mut() {
        required.sort_by_key(ToString::to_string);
    }
    schema
}

#[test]
fn the_schema_is_that_of_the_derive() {
    let mut derived = schemars::schema_for!(Derived).to_value();
    for only_named in ["$schema", "title"] {
        derived.as_object_mut().unwrap().remove(only_named);
    }
    assert_eq!(sorted(Send::descriptor().input_schema()), sorted(&derived));
}

fn full() -> Value {
    json!({
        "to": "mia", "weight": 1_200, "speed": "express",
        "address": {"street": "Main St 1", "floor": 2}, "second": null,
        "others": [{"street": "a", "floor": null}], "notes": {"a": "b"}, "type": [1, true],
        "anything": {"x": [1]}, "nothing": null, "count": 3, "urgent": true, "ref": "r-7",
    })
}

fn parse(arguments: &Value) -> Option<Send> {
    let call = ToolCall::new("1", "send", arguments.to_string());
    Tools::parse(&call).ok().map(|ToolsCall::Send(send)| send)
}

/// Checks arguments that are given, left out or wrong: the tool takes them if the derive does, and
/// as the same call.
#[test]
fn a_call_reads_and_writes_as_the_derive_does() {
    let mut cases = vec![full()];
    for field in full().as_object().unwrap().keys() {
        for value in [
            None,
            Some(json!(null)),
            Some(json!("text")),
            Some(json!(7)),
            Some(json!([])),
            Some(json!({})),
        ] {
            let mut case = full();
            match value {
                None => drop(case.as_object_mut().unwrap().remove(field)),
                Some(value) => case[field] = value,
            }
            cases.push(case);
        }
    }
    let mut unknown = full();
    unknown["reference"] = json!("by its name in Rust");
    cases.push(unknown);
    let mut taken = 0;
    for case in cases {
        let derived = serde_json::from_value::<Derived>(case.clone());
        let written = derived.as_ref().ok().map(|derived| serde_json::to_value(derived).unwrap());
        match (parse(&case), written) {
            (Some(send), Some(written)) => {
                taken += 1;
                assert_eq!(send.into_json().unwrap(), written, "{case}");
            }
            (None, None) => {}
            // The schema is stricter than the type: the type has no range, and a missing `()` is a
            // missing null.
            (None, Some(_)) => {
                assert!(!(1..=9).contains(&case["count"].as_u64().unwrap_or(0)), "{case}");
            }
            (Some(_), None) => panic!("the derive refuses {case}"),
        }
    }
    assert!(taken > 15, "only {taken} were taken");
}
