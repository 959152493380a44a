//! The `grants` and `freeze` commands: decisions that hold beyond single calls.

use std::time::Duration;

use gate_runtime::Timestamp;
use gate_runtime::grants::FreezeScope;
use gate_runtime::prelude::*;
use gate_runtime::tool::Amount;
use serde_json::json;

use crate::args::{FreezeArgs, GrantCommand};
use crate::context::CommandContext;
use crate::error::{CommandError, CommandResult};
use crate::output::{plain, short};
use crate::parse::{invalid_value, pair};

pub(crate) async fn grants(context: &CommandContext) -> CommandResult {
    let found = context.gate.active_controls().await?.grants;
    let row = |grant: &std::sync::Arc<gate_runtime::grants::Grant>| {
        vec![
            short(&grant.id()),
            plain(grant.to_string()),
            plain(grant.by()),
            format!("{:.0}", grant.given_at()),
        ]
    };
    context.format.list(
        &found,
        &["ID", "COVERS", "BY", "SINCE"],
        row,
        |grant| json!(**grant),
        "There are no standing permissions.",
    )
}

pub(crate) async fn freezes(context: &CommandContext) -> CommandResult {
    let found = context.gate.active_controls().await?.freezes;
    let row = |freeze: &gate_runtime::grants::Freeze| {
        let (scope, reason) = (plain(freeze.scope().to_string()), plain(freeze.reason()));
        vec![scope, reason, plain(freeze.by()), format!("{:.0}", freeze.since())]
    };
    context.format.list(
        &found,
        &["FROZEN", "WHY", "BY", "SINCE"],
        row,
        |freeze| json!(freeze),
        "Nothing is frozen.",
    )
}

pub(crate) async fn freeze(
    context: &CommandContext,
    me: &gate_runtime::Reviewer,
    scope: &FreezeArgs,
    lift: bool,
    reason: Option<&str>,
) -> CommandResult {
    let scope = match scope {
        FreezeArgs { tool: Some(tool), .. } => FreezeScope::tool(tool.as_str()),
        FreezeArgs { agent: Some(agent), .. } => FreezeScope::agent(agent.as_str()),
        _ => FreezeScope::Everything,
    };
    let name = plain(scope.to_string());
    if lift {
        let freezes = context.gate.active_controls().await?.freezes;
        let held = freezes.into_iter().find(|freeze| *freeze.scope() == scope);
        let held = held.ok_or_else(|| CommandError::Missing(format!("{name} is not frozen")))?;
        context.gate.lift_freeze(&held, me).await?;
        return context.format.done(&format!("Freeze lifted: {name}"), &json!({"lifted": scope}));
    }
    let Some(reason) = reason else {
        return Err(CommandError::Usage("give a reason, which the agents receive".to_owned()));
    };
    let freeze = context.gate.freeze(scope, reason, me).await?;
    context.format.done(&format!("Frozen: {name}. Calls that already run go on."), &json!(freeze))
}

/// Returns the scope of a grant, as the options describe it.
pub(crate) fn scope(add: &GrantCommand) -> Result<Scope, CommandError> {
    let GrantCommand::Add {
        any_run,
        any_agent,
        any_principal,
        any,
        up_to,
        uses,
        budget,
        per,
        until,
        ..
    } = add
    else {
        return Ok(Scope::this_run());
    };
    let mut scope = if *any_run { Scope::any_run() } else { Scope::this_run() };
    if *any_agent {
        scope = scope.any_agent();
    }
    if *any_principal {
        scope = scope.any_principal();
    }
    scope = any.iter().fold(scope, |scope, name| scope.any(name.as_str()));
    for value in up_to {
        let (name, max) = limit(value)?;
        scope = scope.up_to(name, max);
    }
    if let Some(given) = budget {
        let (name, max) = limit(given)?;
        scope = scope.budget(name, max);
    }
    if let Some(uses) = uses {
        scope = scope.uses(*uses);
    }
    if let Some(text) = per {
        scope = scope.per(
            length(text)
                .ok_or_else(|| invalid_value(text, "a length of time, like `1h` or `7d`"))?,
        );
    }
    if let Some(text) = until {
        let end: Timestamp =
            text.parse().map_err(|_| invalid_value(text, "a time, like `2026-12-24T18:00:00Z`"))?;
        scope = scope.until(end);
    }
    Ok(scope)
}

/// Parses a duration, whose days have 24 hours.
fn length(text: &str) -> Option<Duration> {
    let span: jiff::Span = text.parse().ok()?;
    span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok()?.try_into().ok()
}

fn limit(value: &str) -> Result<(&str, Amount), CommandError> {
    let (name, max) = pair(value)?;
    Ok((
        name,
        max.parse().map_err(|_| invalid_value(max, "a number in digits, like `100` or `12.50`"))?,
    ))
}
