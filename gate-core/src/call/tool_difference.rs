//! Differences between earlier and present versions of a tool and its policies, in plain words.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call::descriptor::Descriptor;
use crate::text::json::canonical;

/// One difference of a tool or its policies since people were asked about a call.
///
/// `Display` describes it in plain words, for reviewers.
///
/// ```
/// use gate_runtime::review::ToolDifference;
/// let new = ToolDifference::ArgumentAdded { argument: "currency".into(), is_required: true };
/// assert_eq!(new.to_string(), "the argument `currency` is new, and required");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ToolDifference {
    /// An additional policy evaluates its calls.
    PolicyAdded {
        /// Its name.
        policy: String,
    },
    /// A policy no longer evaluates its calls.
    PolicyRemoved {
        /// Its name.
        policy: String,
    },
    /// A policy has another text, and no other difference.
    PolicyReworded {
        /// Its name.
        policy: String,
    },
    /// A rule is new.
    RuleAdded {
        /// Its name.
        rule: String,
        /// The verdict that it gives.
        does: String,
    },
    /// A rule is gone.
    RuleRemoved {
        /// Its name.
        rule: String,
        /// The verdict that it gave.
        does: String,
    },
    /// A rule has another verdict, asks other people, or has other limits.
    RuleChanged {
        /// Its name.
        rule: String,
        /// The verdict that it gave.
        from: String,
        /// The verdict that it gives.
        to: String,
    },
    /// A rule has another condition, and the same effect.
    RuleReworded {
        /// Its name.
        rule: String,
    },
    /// The fallback has another verdict.
    OtherwiseChanged {
        /// The verdict before.
        from: String,
        /// The verdict now.
        to: String,
    },
    /// An argument is new.
    ArgumentAdded {
        /// Its name.
        argument: String,
        /// Set if it must be given.
        is_required: bool,
    },
    /// An argument is gone.
    ArgumentRemoved {
        /// Its name.
        argument: String,
    },
    /// An argument has another type.
    ArgumentRetyped {
        /// Its name.
        argument: String,
        /// The type that it had.
        from: String,
        /// The type that it has.
        to: String,
    },
    /// An argument became required or optional.
    ArgumentRequired {
        /// Its name.
        argument: String,
        /// Set if it must be given now.
        is_required: bool,
    },
    /// An argument has another default. Defaults are JSON; `None` if there is none.
    ArgumentDefaulted {
        /// Its name.
        argument: String,
        /// The default that it had.
        from: Option<String>,
        /// The default that it has.
        to: Option<String>,
    },
    /// An argument takes other values, or has another description.
    ArgumentRedefined {
        /// Its name.
        argument: String,
    },
    /// The description, the hints or the result type of the tool changed.
    ToolRedescribed,
    /// Only the code of the tool changed.
    CodeChanged,
}

impl fmt::Display for ToolDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PolicyAdded { policy } => write!(f, "the policy `{policy}` judges it, too"),
            Self::PolicyRemoved { policy } => {
                write!(f, "the policy `{policy}` no longer judges it")
            }
            Self::PolicyReworded { policy } => {
                write!(f, "the policy `{policy}` is worded otherwise")
            }
            Self::RuleAdded { rule, does } => write!(f, "the rule \"{rule}\" is new: {does}"),
            Self::RuleRemoved { rule, does } => write!(f, "the rule \"{rule}\" is gone: {does}"),
            Self::RuleChanged { rule, from, to } => {
                write!(f, "the rule \"{rule}\" is now: {to}; it was: {from}")
            }
            Self::RuleReworded { rule } => write!(f, "the rule \"{rule}\" is worded otherwise"),
            Self::OtherwiseChanged { from, to } => {
                write!(f, "where no rule matches, it is now: {to}; it was: {from}")
            }
            Self::ArgumentAdded { argument, is_required } => {
                write!(f, "the argument `{argument}` is new, and {}", required(*is_required))
            }
            Self::ArgumentRemoved { argument } => write!(f, "the argument `{argument}` is gone"),
            Self::ArgumentRetyped { argument, from, to } => {
                write!(f, "the argument `{argument}` is now of the type {to}; it was {from}")
            }
            Self::ArgumentRequired { argument, is_required } => {
                write!(f, "the argument `{argument}` is now {}", required(*is_required))
            }
            Self::ArgumentDefaulted { argument, from, to } => {
                let default =
                    |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
                write!(
                    f,
                    "the default of the argument `{argument}` is now {}; it was {}",
                    default(to),
                    default(from)
                )
            }
            Self::ArgumentRedefined { argument } => {
                write!(f, "the argument `{argument}` takes other values, or is described otherwise")
            }
            Self::ToolRedescribed => {
                f.write_str("the description, the hints or the result of the tool changed")
            }
            Self::CodeChanged => {
                f.write_str("the code of the tool changed, but nothing that describes it")
            }
        }
    }
}

fn required(is_required: bool) -> &'static str {
    if is_required { "required" } else { "not required" }
}

impl Descriptor {
    /// Returns the differences of a newer version of this tool, argument by argument.
    #[doc(hidden)]
    #[must_use]
    pub fn differences(&self, now: &Self) -> Vec<ToolDifference> {
        let (old, new) = (&self.input_schema, &now.input_schema);
        let arguments = |schema| properties(schema).map(|(name, _)| name).collect::<BTreeSet<_>>();
        let (before, after) = (arguments(old), arguments(new));
        let mut all = Vec::new();
        for name in before.union(&after) {
            let argument = (*name).to_owned();
            match (part(old, name), part(new, name)) {
                (Some(_), None) => all.push(ToolDifference::ArgumentRemoved { argument }),
                (None, Some(_)) => {
                    all.push(ToolDifference::ArgumentAdded {
                        argument,
                        is_required: is_required(new, name),
                    });
                }
                (Some(was), Some(is)) => {
                    let (was, is) =
                        (ArgumentSchema::of(old, name, was), ArgumentSchema::of(new, name, is));
                    was.compare(&is, argument, &mut all);
                }
                (None, None) => {}
            }
        }
        let described = |tool: &Self| {
            (tool.title.clone(), tool.description.clone(), tool.output_schema.clone())
        };
        if described(self) != described(now)
            || self.annotations != now.annotations
            || self.timeout != now.timeout
        {
            all.push(ToolDifference::ToolRedescribed);
        }
        if all.is_empty() && self.digest != now.digest {
            all.push(ToolDifference::CodeChanged);
        }
        all
    }
}

/// The parts of a schema that are about one argument.
struct ArgumentSchema {
    kind: String,
    is_required: bool,
    default: Option<String>,
    /// The whole schema, with every reference replaced by its definition.
    whole: Value,
}

impl ArgumentSchema {
    fn of(schema: &Value, name: &str, schema_part: &Value) -> Self {
        let whole = written_out(schema, schema_part, 8);
        let default = whole.get("default").map(ToString::to_string);
        Self { kind: kind(&whole), is_required: is_required(schema, name), default, whole }
    }

    fn compare(&self, now: &Self, argument: String, all: &mut Vec<ToolDifference>) {
        let before = all.len();
        if self.kind != now.kind {
            let (from, to) = (self.kind.clone(), now.kind.clone());
            all.push(ToolDifference::ArgumentRetyped { argument: argument.clone(), from, to });
        }
        if self.is_required != now.is_required {
            all.push(ToolDifference::ArgumentRequired {
                argument: argument.clone(),
                is_required: now.is_required,
            });
        }
        if self.default != now.default {
            let (from, to) = (self.default.clone(), now.default.clone());
            all.push(ToolDifference::ArgumentDefaulted { argument: argument.clone(), from, to });
        }
        if all.len() == before && self.whole != now.whole {
            all.push(ToolDifference::ArgumentRedefined { argument });
        }
    }
}

fn properties(schema: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let all = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    all.map(|(name, schema_part)| (name.as_str(), schema_part))
}

fn part<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    schema.get("properties")?.get(name)
}

fn is_required(schema: &Value, name: &str) -> bool {
    schema
        .get("required")
        .and_then(Value::as_array)
        .is_some_and(|all| all.iter().any(|one| one == name))
}

/// Returns a part of a schema with references replaced by their definitions, up to a depth.
fn written_out(schema: &Value, schema_part: &Value, deeper: u32) -> Value {
    let Some(deeper) = deeper.checked_sub(1) else { return Value::Null };
    match schema_part {
        Value::Object(fields) => {
            let referred = fields
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|reference| reference.strip_prefix('#'));
            let referred = referred.and_then(|pointer| schema.pointer(pointer));
            let mut all: serde_json::Map<String, Value> =
                match referred.map(|to| written_out(schema, to, deeper)) {
                    Some(Value::Object(all)) => all,
                    _ => serde_json::Map::new(),
                };
            let own = fields.iter().filter(|(name, _)| referred.is_none() || *name != "$ref");
            all.extend(own.map(|(name, inner)| (name.clone(), written_out(schema, inner, deeper))));
            Value::Object(all)
        }
        Value::Array(items) => items.iter().map(|item| written_out(schema, item, deeper)).collect(),
        plain => plain.clone(),
    }
}

/// Returns the type of an argument, in words.
fn kind(schema_part: &Value) -> String {
    let ways = |keyword: &str| schema_part.get(keyword).and_then(Value::as_array);
    match schema_part.get("type") {
        Some(Value::String(one)) if one == "array" => schema_part
            .get("items")
            .map_or_else(|| one.clone(), |items| format!("list of {}", kind(items))),
        Some(Value::String(one)) => one.clone(),
        Some(Value::Array(all)) => {
            all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or ")
        }
        _ => match ways("anyOf").or_else(|| ways("oneOf")) {
            Some(all) => all
                .iter()
                .map(kind)
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect::<Vec<_>>()
                .join(" or "),
            None => match schema_part.get("const").map(canonical) {
                Some(Ok(value)) => value,
                _ => "any".to_owned(),
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::call::descriptor::Annotations;

    fn tool(schema: Value) -> Descriptor {
        Descriptor::remote("a/pay".into(), "Pays.".to_owned(), schema, Annotations::default())
    }

    fn difference_texts(old: Value, new: Value) -> Vec<String> {
        tool(old).differences(&tool(new)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_changed_of_a_tools_arguments_is_said_in_words() {
        let old = json!({
            "properties": {
                "to": {"type": "string"},
                "amount": {"type": "integer", "minimum": 0},
                "memo": {"type": ["string", "null"]},
                "speed": {"$ref": "#/$defs/Speed", "default": "slow"},
                "tags": {"type": "array", "items": {"type": "string"}},
                "note": {"type": "string"},
            },
            "required": ["to", "amount", "note"],
            "$defs": {"Speed": {"enum": ["slow", "fast"]}},
        });
        assert!(difference_texts(old.clone(), old.clone()).is_empty());
        let mut new = old.clone();
        let parts = new["properties"].as_object_mut().unwrap();
        parts.remove("memo");
        parts.insert("currency".to_owned(), json!({"type": "string"}));
        parts["amount"] = json!({"type": "string"});
        parts["speed"]["default"] = json!("fast");
        parts["tags"]["items"] = json!({"type": "integer"});
        new["$defs"]["Speed"] = json!({"enum": ["slow", "fast", "now"]});
        new["required"] = json!(["to", "amount", "currency"]);
        assert_eq!(
            difference_texts(old.clone(), new),
            [
                "the argument `amount` is now of the type string; it was integer",
                "the argument `currency` is new, and required",
                "the argument `memo` is gone",
                "the argument `note` is now not required",
                "the default of the argument `speed` is now \"fast\"; it was \"slow\"",
                "the argument `tags` is now of the type list of integer; it was list of string",
            ]
        );
        let mut wider = old.clone();
        wider["$defs"]["Speed"] = json!({"enum": ["now"]});
        assert_eq!(
            difference_texts(old, wider),
            ["the argument `speed` takes other values, or is described otherwise"]
        );
    }

    #[test]
    fn what_a_tool_does_not_say_of_itself_is_its_code() {
        let (old, mut new) = (tool(json!({})), tool(json!({})));
        new.digest = crate::text::digest::Digest::of("other");
        assert_eq!(old.differences(&new), [ToolDifference::CodeChanged]);
        new.annotations.destructive = true;
        assert_eq!(old.differences(&new), [ToolDifference::ToolRedescribed]);
    }

    #[test]
    fn a_schema_that_leads_back_to_itself_has_an_end() {
        let itself = json!({"properties": {"a": {"$ref": "#"}}});
        assert!(difference_texts(itself.clone(), itself).is_empty());
    }
}
