//! Earlier decisions of people: in the same case, and on calls of the same tool.

use std::collections::BTreeSet;

use gate_runtime::review::{Decision, Status, Vote};
use gate_runtime::{Approval, Interruption, Timestamp};
use maud::{Markup, html};
use serde_json::Value;

use crate::render::untrusted_text::{ago, listed, plain, short};

/// The most differences that are shown.
const MOST: usize = 6;

/// Calls that people decided before.
#[derive(Debug, Default)]
pub(crate) struct ShownPrecedents {
    pub(crate) of_case: Vec<Interruption>,
    pub(crate) of_tool: Vec<Interruption>,
    /// True if some records are not read yet.
    pub(crate) is_behind: bool,
}

/// Renders the calls that people decided before.
pub(super) fn precedents(interruption: &Interruption, found: &ShownPrecedents) -> Markup {
    let (approval, now) = (interruption.approval(), interruption.now());
    html! {
        section aria-labelledby="decided" {
            h2 #decided { "Earlier decisions" }
            @if found.is_behind {
                p.faint { "The record is still being read: there may be more, and newer ones." }
            } @else if found.of_case.is_empty() && found.of_tool.is_empty() {
                p.faint { "No earlier decisions in this case or on this tool." }
            }
            @if !found.of_case.is_empty() {
                h3 { "In this case" }
                ul.votes {
                    @for other in &found.of_case { li { (one(approval, other.approval(), now)) } }
                }
            }
            @if !found.of_tool.is_empty() {
                details open[found.of_case.is_empty()] {
                    summary {
                        @if found.of_tool.len() == 1 { "The last \
                            decision" } @else { "The last " (found.of_tool.len()) " decisions" }
                        " on this tool"
                    }
                    ul.votes {
                        @for other in &found.of_tool {
                            li { (one(approval, other.approval(), now)) }
                        }
                    }
                }
            }
        }
    }
}

fn one(approval: &Approval, other: &Approval, now: Timestamp) -> Markup {
    let last = other.votes().last();
    let what = match (last.map(Vote::decision), other.status()) {
        (Some(Decision::Edit { .. }), _) => "Changed and approved",
        (Some(Decision::Reject { .. }), _) => "Rejected",
        (Some(Decision::Respond { .. }), _) if other.answers().is_some() => "Answered",
        (Some(Decision::Respond { .. }), _) => "Replied instead of running it",
        (Some(Decision::Approve), _) if other.is_edited() => "Changed and approved",
        (Some(Decision::Approve), _) => "Approved",
        (None, _) => "Decided",
    };
    let who: Vec<&str> = last.map(|last| with(other, last)).unwrap_or_default();
    let after = match other.status() {
        Status::Failed => ", and it failed",
        Status::Pending => ", and asked again",
        Status::Cancelled => ", and cancelled",
        Status::Denied => ", and a rule denied the change",
        Status::Indeterminate => ", and its outcome is unknown",
        _ => "",
    };
    html! {
        p {
            a href=(format!("/approvals/{}", other.id())) { (what) }
            @if approval.tool() != other.tool() { ": " (plain(other.tool())) }
            @if !who.is_empty() { " by " (plain(listed(&who))) }
            @if let Some(vote) = last { " " span.faint { (ago(vote.at(), now)) } }
            (after)
        }
        @if let Some(Decision::Reject { reason }) = last.map(Vote::decision) {
            p.faint { "Reason: " (plain(short(reason))) }
        }
        @if approval.tool() == other.tool() {
            (differences(approval, other))
        } @else {
            p.summary.faint { (crate::render::untrusted_text::summary(other, None)) }
        }
    }
}

/// Returns the reviewers who voted as the last one did, on the same arguments.
fn with<'a>(other: &'a Approval, last: &Vote) -> Vec<&'a str> {
    let way = |vote: &Vote| match vote.decision() {
        Decision::Approve | Decision::Edit { .. } => "for it",
        other => other.kind(),
    };
    let same = other.votes().iter().filter(|vote| way(vote) == way(last) && other.concerns(vote));
    same.map(|vote| vote.reviewer().as_str()).collect()
}

/// Renders the differences between the arguments of a call and those of an earlier one.
fn differences(approval: &Approval, other: &Approval) -> Markup {
    let (ours, theirs) = (approval.arguments().to_json(), other.arguments().to_json());
    let names = |of: &Value| {
        of.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    let all: BTreeSet<String> = names(&ours).into_iter().chain(names(&theirs)).collect();
    let all: Vec<&String> =
        all.iter().filter(|name| ours.get(name.as_str()) != theirs.get(name.as_str())).collect();
    let describe = |of: &Approval, value: Option<&Value>| match value {
        None => html! { "left out" },
        Some(value) if of.arguments().is_secret(value) => html! { "a secret" },
        Some(Value::String(text)) => plain(short(text)),
        Some(value) => plain(short(&value.to_string())),
    };
    html! {
        @if all.is_empty() { p.faint { "With the same arguments." } }
        @for name in all.iter().take(MOST) {
            p.faint {
                code { (plain(short(name))) } ": " (describe(other, theirs.get(name.as_str())))
                ", here " strong { (describe(approval, ours.get(name.as_str()))) }
            }
        }
        @if all.len() > MOST { p.faint { "And " (all.len() - MOST) " more differ." } }
    }
}
