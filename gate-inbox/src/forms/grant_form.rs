//! The form of a grant: its scope beyond one call.

use std::collections::BTreeMap;
use std::time::Duration;

use gate_runtime::grants::{Scope, ScopeError};
use gate_runtime::policy::{DAY, HOUR, WEEK, days};
use gate_runtime::tool::Amount;
use gate_runtime::{Approval, Timestamp};
use serde_json::Value;

use crate::forms::form_data::FormData;
use crate::forms::grant_scope::{
    AmountCap, AmountFormat, ArgumentBound, GrantExpiry, GrantScope, PrincipalScope,
};

/// The durations to choose from: the value of the field, and the duration.
pub(crate) const LENGTHS: [(&str, Duration); 4] =
    [("hour", HOUR), ("day", DAY), ("week", WEEK), ("month", days(30))];

/// One argument, and the values that it may have.
#[derive(Clone, Debug)]
pub(crate) struct BoundField {
    pub(crate) name: String,
    pub(crate) value: Value,
    /// `same`, `any` or `up_to`.
    pub(crate) bound: String,
    /// The limit, as it was typed.
    pub(crate) max: String,
    pub(crate) problem: Option<String>,
}

impl BoundField {
    /// Returns the amount in the call itself, if the argument can be limited.
    pub(crate) fn amount(&self) -> Option<Amount> {
        Amount::of_value(&self.value)
    }
}

/// The scope of a grant, as it was typed.
#[derive(Clone, Debug)]
pub(crate) struct GrantForm {
    pub(crate) fields: Vec<BoundField>,
    typed: BTreeMap<&'static str, String>,
    problems: BTreeMap<&'static str, String>,
    /// The problem that belongs to no field alone.
    pub(crate) problem: Option<String>,
}

/// The fields that are not arguments.
const OTHERS: [&str; 8] =
    ["run", "agent", "principal", "uses", "budget_of", "budget", "per", "lasts"];

impl GrantForm {
    /// Creates a form that covers only the call itself, for a day.
    pub(crate) fn of(approval: &Approval) -> Self {
        let arguments = approval.arguments().to_json();
        let field = |(name, value): (&String, &Value)| BoundField {
            name: name.clone(),
            value: value.clone(),
            bound: "same".to_owned(),
            max: String::new(),
            problem: None,
        };
        let fields = arguments.as_object().into_iter().flatten().map(field).collect();
        let typed = [("run", "this"), ("agent", "this"), ("principal", "this"), ("lasts", "day")];
        let typed = typed.map(|(name, value)| (name, value.to_owned())).into();
        Self { fields, typed, problems: BTreeMap::new(), problem: None }
    }

    /// Returns the text that was typed into a field.
    pub(crate) fn typed(&self, name: &str) -> &str {
        self.typed.get(name).map(String::as_str).unwrap_or_default()
    }

    /// Returns the problem of a field, if it has one.
    pub(crate) fn problem(&self, name: &str) -> Option<&str> {
        self.problems.get(name).map(String::as_str)
    }

    pub(crate) fn is_wrong(&self) -> bool {
        self.problem.is_some()
            || !self.problems.is_empty()
            || self.fields.iter().any(|field| field.problem.is_some())
    }

    /// Returns all typed fields, to be sent again.
    pub(crate) fn sent(&self) -> Vec<(String, String)> {
        let arguments = self.fields.iter().flat_map(|field| {
            let of = |field_name: &str| format!("{field_name}.{}", field.name);
            [(of("bound"), field.bound.clone()), (of("max"), field.max.clone())]
        });
        let others = self.typed.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        arguments.chain(others).collect()
    }

    /// Parses the typed scope; `None` if a field has a problem.
    pub(crate) fn read(&mut self, sent: &FormData, approval: &Approval) -> Option<GrantScope> {
        self.typed = OTHERS.map(|name| (name, sent.get(name).trim().to_owned())).into();
        let mut scope = GrantScope::only(approval);
        scope.arguments.clear();
        for field in &mut self.fields {
            field.bound = sent.get(&format!("bound.{}", field.name));
            sent.get(&format!("max.{}", field.name)).trim().clone_into(&mut field.max);
            match field.read() {
                Ok(bound) => scope.arguments.push((field.name.clone(), bound)),
                Err(problem) => field.problem = Some(problem),
            }
        }
        if self.is_any("run") {
            scope.run = None;
        }
        if self.is_any("agent") {
            scope.agent = None;
        }
        if self.is_any("principal") {
            scope.principal = PrincipalScope::Anyone;
        }
        scope.uses = self.count("uses");
        scope.budget = self.budget();
        scope.window = self.length("per");
        scope.end = self.length("lasts").map_or(GrantExpiry::Open, GrantExpiry::After);
        if scope.window.is_some()
            && scope.uses.is_none()
            && scope.budget.is_none()
            && !self.is_wrong()
        {
            self.wrong(
                "per",
                "set a maximum number of calls, or a maximum sum, for that period".to_owned(),
            );
        }
        (!self.is_wrong()).then_some(scope)
    }

    /// Assigns an error of the gate to its field.
    pub(crate) fn add_error(&mut self, bad: &ScopeError) {
        let message = bad.to_string();
        match bad {
            ScopeError::Unknown { argument } | ScopeError::NotUpTo { argument } => {
                match self
                    .fields
                    .iter_mut()
                    .find(|field| field.name == *argument && field.bound == "up_to")
                {
                    Some(field) => field.problem = Some(message),
                    None => self.wrong("budget", message),
                }
            }
            ScopeError::NothingPer => self.wrong("per", message),
            _ => self.problem = Some(message),
        }
    }

    fn wrong(&mut self, name: &'static str, problem: String) {
        self.problems.insert(name, problem);
    }

    /// Returns whether the field covers any value. Only the exact value `any` widens the scope; a
    /// value that was not offered is a problem of the field.
    fn is_any(&mut self, name: &'static str) -> bool {
        match self.typed(name) {
            "any" => return true,
            "this" => {}
            _ => self.wrong(name, "choose one of these".to_owned()),
        }
        false
    }

    fn count(&mut self, name: &'static str) -> Option<u64> {
        let typed = self.typed(name);
        if typed.is_empty() {
            return None;
        }
        let count = typed.parse::<u32>().ok().filter(|count| *count > 0);
        if count.is_none() {
            self.wrong(name, "type a whole number from 1, or leave it empty".to_owned());
        }
        count.map(u64::from)
    }

    fn budget(&mut self) -> Option<(String, AmountCap)> {
        let (name, typed) = (self.typed("budget_of").to_owned(), self.typed("budget").to_owned());
        if name.is_empty() && typed.is_empty() {
            return None;
        }
        let field = self.fields.iter().find(|field| field.name == name);
        let Some(field) = field.filter(|field| field.amount().is_some()) else {
            self.wrong(
                "budget_of",
                "choose the argument to add up, or leave the maximum sum empty".to_owned(),
            );
            return None;
        };
        match field.limit(&typed) {
            Ok(limit) => Some((name, limit)),
            Err(problem) => {
                self.wrong("budget", problem);
                None
            }
        }
    }

    fn length(&mut self, name: &'static str) -> Option<Duration> {
        let typed = self.typed(name);
        let found = LENGTHS.iter().find(|(known, _)| *known == typed).map(|(_, length)| *length);
        if found.is_none() && !typed.is_empty() {
            self.wrong(name, "choose one of these".to_owned());
        }
        found
    }
}

impl BoundField {
    fn read(&self) -> Result<ArgumentBound, String> {
        match self.bound.as_str() {
            "same" => Ok(ArgumentBound::Same(self.value.clone())),
            "any" => Ok(ArgumentBound::Any),
            "up_to" => self.limit(&self.max).map(ArgumentBound::UpTo),
            _ => Err("choose one of these".to_owned()),
        }
    }

    /// Parses a limit, which must admit the call itself.
    fn limit(&self, typed: &str) -> Result<AmountCap, String> {
        let shown = self.amount().ok_or("only an amount, like 100 or 12.50, can have a limit")?;
        let max: Amount =
            typed.parse().map_err(|_| "type a number in digits, like 100 or 12.50")?;
        if max < shown {
            return Err(format!("this call has {shown}: a lower limit would not let it through"));
        }
        Ok(AmountCap {
            max,
            of: if self.value.is_string() { AmountFormat::Text } else { AmountFormat::Number },
        })
    }
}

/// Converts the scope of a form into a scope of the gate that begins now.
pub(crate) fn scope(grant_scope: &GrantScope, now: Timestamp) -> Scope {
    let mut scope = if grant_scope.run.is_some() { Scope::this_run() } else { Scope::any_run() };
    if grant_scope.agent.is_none() {
        scope = scope.any_agent();
    }
    if grant_scope.principal == PrincipalScope::Anyone {
        scope = scope.any_principal();
    }
    for (name, bound) in &grant_scope.arguments {
        scope = match bound {
            ArgumentBound::Same(_) => scope,
            ArgumentBound::UpTo(limit) => scope.up_to(name, limit.max),
            ArgumentBound::Any => scope.any(name),
        };
    }
    if let Some(uses) = grant_scope.uses {
        scope = scope.uses(u32::try_from(uses).unwrap_or(u32::MAX));
    }
    if let Some((name, limit)) = &grant_scope.budget {
        scope = scope.budget(name, limit.max);
    }
    if let Some(window) = grant_scope.window {
        scope = scope.per(window);
    }
    match grant_scope.end {
        GrantExpiry::Open => scope,
        GrantExpiry::At(end) => scope.until(end),
        // A time that cannot be represented counts as over, so the scope is narrower, and never
        // wider.
        GrantExpiry::After(length) => scope.until(now.checked_add(length).unwrap_or(now)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(value: impl Into<Value>, bound: &str, max: &str) -> Result<ArgumentBound, String> {
        let (value, bound, max) = (value.into(), bound.to_owned(), max.to_owned());
        BoundField { name: "x".into(), value, bound, max, problem: None }.read()
    }

    #[test]
    fn a_limit_is_an_amount_that_admits_the_call() {
        let up_to =
            |max: &str, of| Ok(ArgumentBound::UpTo(AmountCap { max: max.parse().unwrap(), of }));
        assert_eq!(field(50, "up_to", "50"), up_to("50", AmountFormat::Number));
        assert_eq!(field(12.5, "up_to", "12.50"), up_to("12.5", AmountFormat::Number));
        assert_eq!(field("12.50", "up_to", "12.51"), up_to("12.51", AmountFormat::Text));
        for typed in ["49", "49.99", "", "-1", "1e3", "1,000", "050", "x", "NaN"] {
            assert!(field(50, "up_to", typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn only_amounts_have_limits_and_only_known_words_widen() {
        assert_eq!(field("a", "any", "9"), Ok(ArgumentBound::Any));
        assert!(field("a", "up_to", "9").is_err() && field(-5, "up_to", "9").is_err());
        assert!(field("1,000.00", "up_to", "9999").is_err() && field(true, "up_to", "9").is_err());
        assert!(field(5, "", "").is_err() && field(5, "ANY", "").is_err());
    }
}
