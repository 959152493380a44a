//! Descriptions of records.

use gate_runtime::policy::{RuleReport, Verdict};
use gate_runtime::records::{CallEvent, GateEvent, Record, RecordEvent};
use gate_runtime::review::Decision;
use gate_runtime::tool::ToolOutcome;
use maud::{Markup, html};

use crate::render::untrusted_text::{block, plain, value};

/// A description of a record.
pub(super) struct TimelineEntry {
    css_class: &'static str,
    title: &'static str,
    more: Markup,
}

impl TimelineEntry {
    /// Returns its CSS class.
    pub(super) fn css_class(&self) -> &'static str {
        self.css_class
    }

    /// Renders the event, with a link to the call that the record is about.
    pub(super) fn title(&self, record: &Record) -> Markup {
        html! {
            strong { (self.title) }
            @if let Some(subject) = record.subject() {
                " "
                a href=(format!("/approvals/{}", subject.approval())) { (plain(subject.tool())) }
            }
        }
    }

    /// Returns the details: the person, the reason, the data.
    pub(super) fn more(&self) -> &Markup {
        &self.more
    }
}

/// A description of a record.
pub(super) fn describe(record: &Record) -> TimelineEntry {
    let (css_class, title, more) = match record.event() {
        RecordEvent::Call(event) => of_call(event),
        RecordEvent::Gate(event) => of_gate(event),
    };
    TimelineEntry { css_class, title, more }
}

fn of_call(event: &CallEvent) -> (&'static str, &'static str, Markup) {
    match event {
        CallEvent::Assessed { assessment, arguments, .. } => {
            let (css_class, title) = match assessment.verdict() {
                Verdict::Approve => ("good", "A rule let it through"),
                Verdict::Ask => ("open", "People are asked"),
                Verdict::Deny => ("bad", "A rule denied it"),
            };
            let name = |rule: RuleReport<'_>| {
                if rule.is_otherwise() {
                    "no rule matched".to_owned()
                } else {
                    rule.rule().to_owned()
                }
            };
            let reasons = assessment.reasons().map(name).collect::<Vec<_>>().join(", ");
            (
                css_class,
                title,
                html! {
                    p { (plain(reasons)) }
                    details { summary { "Arguments" } (value(&arguments.to_json())) }
                },
            )
        }
        CallEvent::Voted { vote } => {
            let who = plain(vote.reviewer());
            let comment = html! { @if let Some(comment) = vote.comment() { (block(comment)) } };
            let signed = if vote.is_signed() { ", signed" } else { "" };
            match vote.decision() {
                Decision::Approve => {
                    ("good", "Approved", html! { p { "by " (who) (signed) } (comment) })
                }
                Decision::Edit { arguments } => {
                    let more = html! {
                        p { "by " (who) (signed) }
                        (comment)
                        details { summary { "New arguments" } (value(&arguments.to_json())) }
                    };
                    ("good", "Changed and approved", more)
                }
                Decision::Reject { reason } => {
                    ("bad", "Rejected", html! { p { "by " (who) (signed) } (block(reason)) })
                }
                Decision::Respond { value: answer } => (
                    "plain",
                    "Answered by a person",
                    html! { p { "by " (who) (signed) } (comment) (value(answer)) },
                ),
            }
        }
        CallEvent::Reassessed { assessment, changes } => {
            let verdict = assessment.verdict();
            let title = if changes.is_empty() {
                "Judged again"
            } else {
                "Judged again because its tool or rules changed"
            };
            ("open", title, html! { p { "Verdict: " (verdict) } })
        }
        CallEvent::Finished { outcome } => {
            let (css_class, title) = match outcome {
                ToolOutcome::Returned { .. } => ("good", "Ran"),
                ToolOutcome::Failed { .. } => ("bad", "Ran and failed"),
            };
            (
                css_class,
                title,
                html! { details { summary { "What the agent \
                got" } (block(&outcome.for_model())) } },
            )
        }
        CallEvent::Faltered { error } => ("bad", "Ran and failed: people are asked", block(error)),
        CallEvent::Lost { why } => ("bad", "Outcome unknown", block(why)),
        CallEvent::Released { why } => ("plain", "Did not start; still approved", block(why)),
        CallEvent::AskedAgain { by, reason } => (
            "open",
            "People are asked to run it again",
            html! { p { "by " (plain(by)) } (block(reason)) },
        ),
        CallEvent::Cancelled { reason } => ("plain", "Cancelled", block(reason)),
        CallEvent::Revoked { by, reason } => {
            ("bad", "Approval revoked", html! { p { "by " (plain(by)) } (block(reason)) })
        }
        CallEvent::Withdrawn { by } => {
            ("plain", "Vote withdrawn", html! { p { "by " (plain(by)) } })
        }
        CallEvent::Covered { by, .. } => {
            ("good", "Covered by a standing permission", html! { p { "granted by " (plain(by)) } })
        }
        CallEvent::Voided { voters } => {
            let voters = voters
                .iter()
                .map(gate_runtime::id::ReviewerId::as_str)
                .collect::<Vec<_>>()
                .join(", ");
            ("open", "Votes that no longer count", html! { p { (plain(voters)) } })
        }
        CallEvent::Settled { settlement, by, reason } => {
            let more = html! {
                p { (plain(settlement.to_string())) ", according to " (plain(by.to_string())) }
                @if let Some(reason) = reason { (block(reason)) }
            };
            ("plain", "Settled", more)
        }
        CallEvent::SecretsErased { by } => {
            ("plain", "Secrets erased", html! { p { "by " (plain(by)) } })
        }
        CallEvent::Uncovered { .. } => {
            ("open", "The standing permission no longer applies", html! {})
        }
        CallEvent::Lapsed => ("open", "The approval was not used in time: asked again", html! {}),
        CallEvent::Escalated { .. } => {
            ("open", "The next step began: more people are asked", html! {})
        }
        CallEvent::Reminded { .. } => ("open", "A reminder was due", html! {}),
        CallEvent::Expired => ("bad", "Nobody decided in time", html! {}),
        CallEvent::Abandoned => ("plain", "The caller stopped waiting", html! {}),
        CallEvent::Imported { .. } => ("plain", "Imported from another store", html! {}),
        CallEvent::Dispatched => ("plain", "Started", html! {}),
        _ => ("plain", "An event that this page cannot describe", html! {}),
    }
}

fn of_gate(event: &GateEvent) -> (&'static str, &'static str, Markup) {
    match event {
        GateEvent::CallRefused { tool, problem, .. } => (
            "bad",
            "Refused before any rule saw it",
            html! { p { (plain(tool)) } (block(problem)) },
        ),
        GateEvent::CallUnjudged { tool, problem, .. } => (
            "bad",
            "Did not run: it could not be judged, or is disputed",
            html! { p { (plain(tool)) } (block(&problem.to_string())) },
        ),
        GateEvent::Action { action, details, .. } => (
            "plain",
            "Agent action",
            html! { p { (plain(action)) } details { summary { "Details" } (value(details)) } },
        ),
        GateEvent::GrantGiven { grant } => {
            ("good", "Standing permission granted", block(&format!("by {}: {grant}", grant.by())))
        }
        GateEvent::GrantRevoked { by, .. } => {
            ("plain", "Standing permission revoked", html! { p { "by " (plain(by)) } })
        }
        GateEvent::Frozen { freeze } => (
            "bad",
            "Frozen",
            block(&format!("{} by {}: {}", freeze.scope(), freeze.by(), freeze.reason())),
        ),
        GateEvent::FreezeLifted { scope, by } => {
            ("plain", "Freeze lifted", block(&format!("{scope} by {by}")))
        }
        GateEvent::GateBuilt { .. } => ("plain", "A gate was built", html! {}),
        GateEvent::DirectoryChanged { digest } => (
            "plain",
            "Decisions use this directory from here on",
            html! { p { code { (digest) } } },
        ),
        GateEvent::TrailBegun { .. } => ("plain", "The trail began", html! {}),
        GateEvent::TrailSettled { by, reason, .. } => {
            ("plain", "The trail was settled", block(&format!("by {by}: {reason}")))
        }
        _ => ("plain", "An event that this page cannot describe", html! {}),
    }
}
