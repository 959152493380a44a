//! The page that describes the policies, with the counts of their rules.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::Response;
use gate_runtime::Timestamp;
use gate_runtime::id::{Digest, ToolName};
use gate_runtime::policy::{PolicyView, Requirement, RuleView, Verdict};
use maud::{Markup, html};

use super::frame::{Tab, page};
use super::overview::{BECAME, DENIED, LET_THROUGH, OPEN, behind, number};
use super::pending::keys;
use super::span::TimeSpan;
use crate::auth::current_user::CurrentUser;
use crate::projections::projector::{ProjectionAnswer, ProjectionSet};
use crate::projections::statistics::{ApprovalOutcome, RuleCounts, RuleKey};
use crate::render::chart::{ChartUnit, PlotChart, Series};
use crate::render::untrusted_text::{ago, block, plain, plural};
use gate_runtime::english::grouped;

/// The name under which the rules of a policy are counted, and the digest of the policy.
type PolicyKey = (String, Digest);

/// A policy, and the tools that it judges.
#[derive(Debug)]
struct ListedPolicy {
    policy: PolicyView,
    tools: Vec<ToolName>,
    since: Timestamp,
}

/// All current policies, and the counts of their rules in a time range.
#[derive(Debug)]
pub(crate) struct RulesView {
    span: TimeSpan,
    policies: BTreeMap<PolicyKey, ListedPolicy>,
    counts: BTreeMap<Option<RuleKey>, RuleCounts>,
    /// True if there are more tools than these.
    is_full: bool,
}

impl RulesView {
    pub(crate) fn of(projections: &ProjectionSet, span: TimeSpan, now: Timestamp) -> Self {
        let mut policies: BTreeMap<PolicyKey, ListedPolicy> = BTreeMap::new();
        for (note, at) in projections.policies.tools() {
            let of_tool = (format!("policy {}", note.policy().name()), note.policy());
            let of_agents = note.agents().map(|(agent, policy)| {
                (format!("policy {} of agent {agent}", policy.name()), policy)
            });
            for (source, policy) in std::iter::once(of_tool).chain(of_agents) {
                let judges = policies.entry((source, policy.digest())).or_insert_with(|| {
                    ListedPolicy { policy: policy.clone(), tools: Vec::new(), since: *at }
                });
                judges.tools.push(note.tool().clone());
            }
        }
        let counts = projections.statistics.of(now, span.hours()).rules;
        Self { span, policies, counts, is_full: projections.policies.is_full() }
    }

    /// Returns the counts of a rule.
    fn did(&self, source: &str, name: &str) -> RuleCounts {
        let rule = RuleKey { source: source.to_owned(), name: name.to_owned() };
        self.counts.get(&Some(rule)).cloned().unwrap_or_default()
    }
}

/// Renders the policies.
pub(crate) fn rules(
    user: &CurrentUser,
    answer: &ProjectionAnswer<RulesView>,
    now: Timestamp,
) -> Response {
    let found = &answer.found;
    let is_known = |rule: &RuleKey| found.policies.keys().any(|(source, _)| *source == rule.source);
    let others: Vec<_> = found
        .counts
        .iter()
        .filter(|(rule, _)| rule.as_ref().is_none_or(|rule| !is_known(rule)))
        .collect();
    let main = html! {
        h1 { "Rules" }
        p.faint { "The rules of the gates as they were last built, and what the rules did. The \
            strictest verdict wins: a rule that denies beats one that asks, which beats one that \
            lets through." }
        (found.span.choice("/rules"))
        (behind(answer.is_behind))
        @if found.is_full { p.warning { "There are more tools than this page keeps. The policies \
            of the other tools are not shown." } }
        @if found.policies.is_empty() { div.empty { p { "No gate with tools has been built on this \
            record yet." } } }
        @if found.policies.len() > 1 {
            nav.jump aria-label="Policies" {
                ul {
                    @for (index, (source, _)) in found.policies.keys().enumerate() {
                        li {
                            a href=(format!("#policy-{index}")) {
                                (plain(source.trim_start_matches("policy ")))
                            }
                        }
                    }
                }
            }
        }
        @for (index, ((source, _), judges)) in found.policies.iter().enumerate() {
            (policy(found, index, source, judges, now))
        }
        @if !others.is_empty() {
            section.policy aria-labelledby="others" {
                h2 #others { "Other reasons" }
                p.faint { "Verdicts of the gate itself, of overlays and of removed rules in \
                    this period." }
                ul.rules {
                    @for (rule, of) in others {
                        li.counts {
                            @match rule {
                                Some(rule) => p {
                                    strong { (plain(&rule.name)) } ", from " (plain(&rule.source))
                                },
                                None => p { "All rules beyond those that are counted separately" },
                            }
                            (did(of))
                        }
                    }
                }
            }
        }
        (keys())
    };
    page(StatusCode::OK, "Rules", Some(user), Some(Tab::Rules), &main)
}

fn policy(
    found: &RulesView,
    index: usize,
    source: &str,
    judges: &ListedPolicy,
    now: Timestamp,
) -> Markup {
    let ListedPolicy { policy, tools, since } = judges;
    let heading = format!("policy-{index}");
    let fallback = policy.otherwise();
    html! {
        section.policy aria-labelledby=(heading) {
            h2 #(heading) { (plain(source.trim_start_matches("policy "))) }
            @if !policy.about().is_empty() { (about(policy.about())) }
            p.faint {
                (if tools.len() == 1 { "For the tool " } else { "For the tools " })
                @for (index, tool) in tools.iter().enumerate() {
                    @if index > 0 { ", " }
                    (plain(tool))
                }
                " · unchanged since at least " (ago(*since, now))
            }
            ol.rules {
                @for rule in policy.rules() {
                    li.counts {
                        p { strong { (plain(rule.name())) } }
                        p { (effect(rule.effect(), rule.requirement())) }
                        @for limit in rule.limits() { p { "But " (plain(limit)) } }
                        (did(&found.did(source, rule.name())))
                        @if let Some(text) = rule.text() { details { summary {
                            "Source" } (block(text)) } }
                    }
                }
                li.counts {
                    p { strong { "Where no rule matches" } }
                    p { (effect(fallback.verdict(), fallback.requirement())) }
                    (did(&found.did(source, "otherwise")))
                }
            }
            (plot(found, index, source, policy))
            @if !policy.text().is_empty() { details { summary { "Source of the \
                whole policy" } (block(policy.text())) } }
        }
    }
}

fn about(text: &str) -> Markup {
    html! { @for part in text.split("\n\n") { p.about { (plain(part.replace('\n', " "))) } } }
}

fn effect(verdict: Verdict, requirement: Option<&Requirement>) -> Markup {
    html! {
        @match verdict {
            Verdict::Approve => span.verdict.good { "Lets it through" },
            Verdict::Ask => span.verdict.open { "Asks" },
            Verdict::Deny => span.verdict.bad { "Denies it" },
        }
        @if let Some(requirement) = requirement { " " (plain(requirement.to_string())) }
    }
}

/// Describes the counts of a rule.
fn did(of: &RuleCounts) -> Markup {
    let times = |count: u64| plural(usize::try_from(count).unwrap_or(usize::MAX), "time");
    let became = BECAME
        .into_iter()
        .map(|(became, _, message)| (of.became.get(&became).copied().unwrap_or(0), message));
    let by_itself = [(of.let_through, "let through"), (of.denied, "denied")];
    let all = by_itself.into_iter().chain(became).chain([(of.open(), "still open")]);
    let parts: Vec<String> = all
        .filter(|(count, _)| *count > 0)
        .map(|(count, message)| format!("{} {message}", grouped(count)))
        .collect();
    html! {
        p.faint {
            "It was the reason " (times(of.fired()))
            @if !parts.is_empty() { ": " (parts.join(", ")) }
            "."
            @if of.used_up > 0 { " Its limit was used up " (times(of.used_up)) "." }
        }
        @if of.failed > 0 { p.warning { "It failed " (times(of.failed)) ", which never lets a \
            call through." } }
    }
}

fn plot(found: &RulesView, index: usize, source: &str, policy: &PolicyView) -> Markup {
    let names = policy.rules().iter().map(RuleView::name).chain(["otherwise"]);
    let all: Vec<(&str, RuleCounts)> = names.map(|name| (name, found.did(source, name))).collect();
    if all.iter().all(|(_, of)| of.fired() == 0) {
        return html! { p.faint { "None of its rules was a reason in this period." } };
    }
    let of = |style_index, name, count: &dyn Fn(&RuleCounts) -> u64| {
        let numbers = all.iter().map(|(_, of)| Some(number(count(of)))).collect();
        Series { style_index, name, numbers }
    };
    let became = |(became, look, message): (ApprovalOutcome, usize, &'static str)| {
        of(look, message, &|of| of.became.get(&became).copied().unwrap_or_default())
    };
    // The outcomes that no person decided: the rule decided, or the question is still open.
    let rest = [
        of(LET_THROUGH, "let through", &|of| of.let_through),
        of(DENIED, "denied", &|of| of.denied),
        of(OPEN, "still open", &RuleCounts::open),
    ];
    let series = BECAME.into_iter().map(became).chain(rest).filter(Series::is_there).collect();
    let label = |name: &str| {
        if name == "otherwise" { "no rule matches".to_owned() } else { name.to_owned() }
    };
    let plot = PlotChart {
        id: format!("plot-{index}"),
        title: "How often each rule was the reason, by outcome".into(),
        along: "Rule",
        labels: all.iter().map(|(name, ..)| label(name)).collect(),
        measure: ChartUnit::Count,
        series,
    };
    plot.rows()
}
