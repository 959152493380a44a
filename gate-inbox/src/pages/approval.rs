//! The page of one call: its arguments, the reasons for asking, and the votes.

use axum::http::StatusCode;
use axum::response::Response;
use gate_runtime::policy::{RuleReport, RuleResult};
use gate_runtime::review::{
    Decision, QuoteAuthor, ReviewSnapshot, ShownArgument, ShownValue, Status, ValueSource,
};
use gate_runtime::run::Speaker;
use gate_runtime::tool::Descriptor;
use gate_runtime::{Approval, Interruption};
use maud::{Markup, html};

use super::answers::{DecisionDraft, answers};
use super::frame::{FormToken, Tab, page};
use super::pending::{badges, capitalized, keys};
use super::precedents::{ShownPrecedents, precedents};
use crate::auth::current_user::CurrentUser;
use crate::render::untrusted_text::{ago, bare, block, headline, plain, plural, until, value};
use crate::render::value_hint::value_hint;

/// Renders everything about a call, and the forms to answer.
pub(crate) fn approval(
    user: &CurrentUser,
    interruption: &Interruption,
    found: &ShownPrecedents,
    form_token: &FormToken,
    draft: &DecisionDraft,
) -> Response {
    let (approval, review) = (interruption.approval(), interruption.review());
    let main = html! {
        p.back { a href="/" data-up { "Pending" } }
        p #stale .warning role="status" hidden {
            "This has changed since the page was loaded. "
            a href=(format!("/approvals/{}", approval.id())) { "Review it again" }
        }
        div.columns data-version=(approval.version()) {
            article {
                h1 { (headline(review.headline())) " " (badges(interruption)) }
                p.about {
                    strong { (plain(approval.tool())) }
                    @if let (Some(_), Some(tool)) = (review.purpose(), interruption.descriptor()) {
                        ": " (plain(tool.description().replace('\n', " ")))
                    }
                }
                (state(interruption))
                (arguments(interruption, &review))
                (claim(&review))
                (conversation(approval))
                (rules(approval))
                (before(&review))
            }
            aside {
                (facts(interruption, &review))
                (votes(interruption))
                (answers(user, interruption, form_token, draft))
            }
            (precedents(interruption, found))
        }
        (keys())
    };
    let status =
        if draft.problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    page(status, &review.headline().to_string(), Some(user), Some(Tab::Pending), &main)
}

/// Renders the state of a call that is not pending.
fn state(interruption: &Interruption) -> Markup {
    let approval = interruption.approval();
    let is_question = approval.answers().is_some();
    let message = match approval.status() {
        Status::Pending => return html! {},
        Status::Rejected if is_question => {
            "Rejected: nobody answers it, and the agent is told why."
        }
        Status::Expired if is_question => "Nobody answered in time.",
        Status::Cancelled if is_question => "Cancelled: it needs no answer any more.",
        Status::Responded if is_question => "A person answered it.",
        Status::Approved if approval.is_edited() => {
            "Approved as changed: it runs when its run continues, if the agent's rules allow the \
             new arguments."
        }
        Status::Approved => "Approved: it runs when its run continues.",
        Status::Denied => "A rule denied it.",
        Status::Rejected => "Rejected: it does not run, and the agent is told why.",
        Status::Expired => "Nobody decided in time: it does not run.",
        Status::Cancelled => "Cancelled: it does not run.",
        Status::Responded => "A person replied instead of running it.",
        Status::Dispatched => "It is running, or was when its process ended.",
        Status::Succeeded => "It ran.",
        Status::Failed => "It ran, and failed.",
        Status::Indeterminate => "It started, and its outcome is unknown.",
    };
    html! {
        div.state role="status" {
            p { strong { (message) } " " (ago(approval.changed_at(), interruption.now())) }
            @if let Some(outcome) = approval.outcome() {
                p.faint { "What the agent gets:" }
                (block(&outcome.for_model()))
            }
        }
    }
}

pub(super) fn arguments(interruption: &Interruption, review: &ReviewSnapshot) -> Markup {
    let (approval, shown) = (interruption.approval(), review.arguments());
    let schema = interruption.descriptor().map(Descriptor::input_schema);
    html! {
        section aria-labelledby="arguments" {
            h2 #arguments {
                @if approval.answers().is_some() { "Question" }
                @else { "Arguments" }
            }
            @if shown.is_empty() { p.faint { "No arguments." } }
            dl.arguments {
                @for argument in shown {
                    dt { (plain(argument.name())) }
                    dd {
                        @match argument.value() {
                            ShownValue::Secret => p.faint { "A secret, which is not shown." },
                            ShownValue::LeftOut => p.faint { "Left out." },
                            ShownValue::Is(found) => {
                                (value(found))
                                @let (pointer, now) = (argument.pointer(), interruption.now());
                                @if let Some(message) = value_hint(schema, pointer, found, now) {
                                    p.meaning { (plain(message)) }
                                }
                            }
                        }
                        (source(argument))
                        @if let Some(schema_text) = argument.schema_description() {
                            p.faint {
                                @if schema_text.by() != &QuoteAuthor::Tool {
                                    (capitalized(&schema_text.by().to_string())) " says: "
                                }
                                (plain(schema_text.text().replace('\n', " ")))
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Renders the source of a value.
fn source(argument: &ShownArgument) -> Markup {
    html! {
        @match argument.source() {
            ValueSource::Edited { proposed } => div.edited {
                p { "Changed by a reviewer. The agent proposed:" }
                @if let Some(old) = proposed { (value(old)) } @else { p.faint { "Left out." } }
            },
            ValueSource::Rewritten { given } => div.edited {
                p { "It runs with the value above. The agent wrote:" }
                (value(given))
            },
            _ => @if let Some(message) = argument.describe_source() {
                p.origin.doubt[argument.is_doubtful()] { (plain(message)) }
            }
        }
    }
}

pub(super) fn claim(review: &ReviewSnapshot) -> Markup {
    html! {
        @if !review.claims().is_empty() {
            section.claim aria-labelledby="claim" {
                h2 #claim { "The agent claims" }
                @for claim in review.claims() {
                    @if !claim.text().is_empty() { p { (claim.text()) } }
                    @if let Some(quote) = claim.quote() { (block(quote.text())) }
                }
                p.faint { "The agent's own words; nobody has checked them." }
            }
        }
    }
}

/// Renders the conversation before the question, if the gate keeps it.
fn conversation(approval: &Approval) -> Markup {
    let messages = approval.conversation();
    html! {
        @if !messages.is_empty() {
            section.conversation aria-labelledby="conversation" {
                h2 #conversation { "Last messages" }
                p.faint {
                    "The last " (plural(messages.len(), "message")) ", as the application reported "
                    "them. Nobody has checked what the agent and its tools wrote."
                }
                dl.said {
                    @for message in messages {
                        dt { @match message.speaker() {
                            Speaker::System => "The application’s instructions",
                            Speaker::User => "The person it is for",
                            Speaker::Agent => "The agent",
                            Speaker::Tool { tool } => { "Result of " (plain(tool)) },
                        } }
                        dd { (block(message.text())) }
                    }
                }
            }
        }
    }
}

pub(super) fn rules(approval: &Approval) -> Markup {
    let (others, counting): (Vec<_>, Vec<_>) =
        approval.assessment().rules().partition(|rule| rule.result() == RuleResult::NotMatched);
    html! {
        section aria-labelledby="rules" {
            h2 #rules { "Rules that counted" }
            ul.rules { @for rule in &counting { li.counts { (of_rule(rule)) } } }
            @if !others.is_empty() {
                details {
                    summary { (plural(others.len(), "rule")) " did not match" }
                    ul.rules { @for rule in &others { li { (of_rule(rule)) } } }
                }
            }
        }
    }
}

fn of_rule(rule: &RuleReport<'_>) -> Markup {
    let counts = rule.result() != RuleResult::NotMatched;
    html! {
        p {
            @match (rule.is_otherwise(), counts) {
                (true, true) => strong { "No other rule matched" },
                (true, false) => strong { "Default when no rule matches" },
                (false, _) => { strong { (plain(rule.rule())) } " " (rule.result()) },
            }
            @if counts { ": " (rule.effect()) }
            @if let (true, Some(requirement)) = (counts, rule.requirement()) {
                " " (plain(requirement.to_string()))
            }
        }
        @if let Some(error) = rule.error() { p.warning { "It failed, which never lets a call \
            through: " (plain(error)) } }
        p.faint { "From " (plain(rule.source().to_string())) }
        @if let Some(text) = rule.text() { details { summary { "Source" } (block(text)) } }
    }
}

/// Renders the notices of earlier events.
pub(super) fn before(review: &ReviewSnapshot) -> Markup {
    html! {
        @if !review.notices().is_empty() {
            section aria-labelledby="before" {
                h2 #before { "What happened before" }
                @for notice in review.notices() {
                    p.warning { (plain(notice.text())) }
                    @if let Some(quote) = notice.quote() { (block(quote.text())) }
                }
            }
        }
    }
}

fn facts(interruption: &Interruption, review: &ReviewSnapshot) -> Markup {
    let (approval, now) = (interruption.approval(), interruption.now());
    let subject = approval.subject();
    let info = subject.info();
    html! {
        dl.facts {
            dt { "Agent" } dd { (plain(info.agent())) }
            @for passage in info.hops().iter().rev() {
                dd.faint { (plain(passage.to_string())) }
            }
            @if let Some(principal) = info.principal() { dt { "On behalf \
                of" } dd { (plain(principal)) } }
            @if let Some(case) = info.case() {
                dt { "Case" } dd { a href=(super::case::link(case)) { (plain(case)) } }
            }
            dt { "Run" } dd { (plain(info.run())) }
            dt { "Asked" } dd { (ago(approval.asked_at(), now)) }
            @if approval.status() == Status::Pending {
                dt { "Decides" } dd { (review.decides()) }
                @if let Some(still) = review.still_needs() { dt { "Still needed" } dd { (still) } }
                @if let Some(end) = review.until() { dt { "Deadline" } dd { (until(end, now)) } }
            }
            @if let Some(valid) = review.valid() { dt { "Approval valid" } dd { (valid) } }
        }
    }
}

fn votes(interruption: &Interruption) -> Markup {
    let approval = interruption.approval();
    html! {
        @if !approval.votes().is_empty() {
            section aria-labelledby="votes" {
                h2 #votes { "Votes" }
                ul.votes {
                    @for vote in approval.votes() {
                        li.stale[!approval.concerns(vote)] {
                            p {
                                strong { (plain(vote.reviewer())) }
                                " " (approval.describe_vote(vote))
                                " " (ago(vote.at(), interruption.now()))
                            }
                            @if let Decision::Reject { reason } = vote.decision() {
                                (block(reason))
                            }
                            @if let Decision::Respond { value: answer } = vote.decision() {
                                (value(answer))
                            }
                            @if let Some(comment) = vote.comment() { (block(comment)) }
                        }
                    }
                }
            }
        }
    }
}

/// Returns the page that reports that the call changed since the form was shown.
pub(crate) fn changed(user: &CurrentUser, interruption: &Interruption) -> Response {
    let approval = interruption.approval();
    let main = html! {
        section.narrow {
            h1 { "It has changed" }
            p {
                "What " (plain(approval.tool())) " would do is no longer what your page showed: "
                "its arguments, its rules or their verdict have changed. "
                strong { "Nothing was decided." }
            }
            p { a.button.main href=(format!("/approvals/{}", approval.id())) { "Review it \
                again" } }
        }
    };
    page(StatusCode::CONFLICT, &bare("It has changed"), Some(user), Some(Tab::Pending), &main)
}
