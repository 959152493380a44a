//! Describes the scope of a grant, given or about to be given.

use std::time::Duration;

use gate_runtime::grants::Grant;
use gate_runtime::tool::Amount;
use gate_runtime::{Approval, Timestamp};
use serde_json::Value;

/// The values that one argument may have.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ArgumentBound {
    /// Exactly this value.
    Same(Value),
    /// An amount from 0 to this limit.
    UpTo(AmountCap),
    /// Any value.
    Any,
}

/// The upper limit of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AmountCap {
    pub(crate) max: Amount,
    pub(crate) of: AmountFormat,
}

/// The form in which the arguments that have a limit are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AmountFormat {
    /// Whole numbers, as in standing permissions from before decimals were supported.
    Whole,
    Number,
    Text,
}

impl AmountCap {
    /// Parses it from JSON.
    fn of(json: &Value) -> Option<Self> {
        let of = match (json.get("max")?, json.get("of_text").and_then(Value::as_bool)) {
            (Value::Number(_), _) => AmountFormat::Whole,
            (_, Some(true)) => AmountFormat::Text,
            _ => AmountFormat::Number,
        };
        Some(Self { max: Amount::of_value(json.get("max")?)?, of })
    }
}

/// The principal that the run must act for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PrincipalScope {
    Anyone,
    /// No principal.
    Nobody,
    One(String),
}

/// The time for which the grant holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GrantExpiry {
    /// Until it is revoked.
    Open,
    At(Timestamp),
    /// This long after it is given.
    After(Duration),
}

/// The scope of a grant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GrantScope {
    pub(crate) tool: String,
    /// `None`: any.
    pub(crate) run: Option<String>,
    /// `None`: any.
    pub(crate) agent: Option<String>,
    pub(crate) principal: PrincipalScope,
    pub(crate) arguments: Vec<(String, ArgumentBound)>,
    pub(crate) uses: Option<u64>,
    pub(crate) budget: Option<(String, AmountCap)>,
    /// The length of each period for which uses and budget are counted.
    pub(crate) window: Option<Duration>,
    pub(crate) end: GrantExpiry,
}

impl GrantScope {
    /// Returns the scope of only this call, which is the initial scope of a form.
    pub(crate) fn only(approval: &Approval) -> Self {
        let info = approval.subject().info();
        let arguments = approval.arguments().to_json();
        let arguments = arguments.as_object().into_iter().flatten();
        Self {
            tool: approval.tool().to_string(),
            run: Some(info.run().to_string()),
            agent: Some(info.agent().to_string()),
            principal: info.principal().map_or(PrincipalScope::Nobody, |principal| {
                PrincipalScope::One(principal.to_string())
            }),
            arguments: arguments
                .map(|(name, value)| (name.clone(), ArgumentBound::Same(value.clone())))
                .collect(),
            uses: None,
            budget: None,
            window: None,
            end: GrantExpiry::Open,
        }
    }

    /// Returns the scope of an existing grant, from its JSON; `None` if the JSON has unknown
    /// fields.
    pub(crate) fn of(grant: &Grant) -> Option<Self> {
        let json = serde_json::to_value(grant).ok()?;
        let text = |name: &str| json.get(name).and_then(Value::as_str).map(str::to_owned);
        let is = |name: &str| json.get(name).and_then(Value::as_bool).unwrap_or_default();
        let principal = match text("principal") {
            _ if is("any_principal") => PrincipalScope::Anyone,
            Some(one) => PrincipalScope::One(one),
            None => PrincipalScope::Nobody,
        };
        let arguments = json.get("conditions")?.as_object()?.iter().map(|(name, condition)| {
            let bound = match condition.get("type")?.as_str()? {
                "any" => ArgumentBound::Any,
                "up_to" => ArgumentBound::UpTo(AmountCap::of(condition)?),
                "same" => ArgumentBound::Same(condition.get("value")?.clone()),
                _ => return None,
            };
            Some((name.clone(), bound))
        });
        let budget = match json.get("budget") {
            Some(budget) => {
                Some((budget.get("argument")?.as_str()?.to_owned(), AmountCap::of(budget)?))
            }
            None => None,
        };
        let window = match json.get("window") {
            Some(window) => Some(Duration::from_secs(window.get("secs")?.as_u64()?)),
            None => None,
        };
        let end = match text("until") {
            Some(end) => GrantExpiry::At(end.parse().ok()?),
            None => GrantExpiry::Open,
        };
        Some(Self {
            tool: grant.tool().to_string(),
            run: if is("any_run") { None } else { Some(text("run")?) },
            agent: if is("any_agent") { None } else { Some(text("agent")?) },
            principal,
            arguments: arguments.collect::<Option<_>>()?,
            uses: json.get("uses").and_then(Value::as_u64),
            budget,
            window,
            end,
        })
    }
}
