//! The page of the pending questions.

use axum::http::StatusCode;
use axum::response::Response;
use gate_runtime::remote::{RemoteRequest, RequestPriority};
use gate_runtime::{Approval, Interruption};
use maud::{Markup, html};

use super::frame::{Tab, page};
use super::query::{address, choose, filters, typed};
use crate::auth::current_user::CurrentUser;
use crate::pending::filter::{PendingFilter, with_chosen};
use crate::pending::list::{FilterOptions, PendingList, PendingSnapshot};
use crate::render::untrusted_text::{ago, headline, listed, plain, plural, short, summary, until};

/// The number of questions on one page.
const EACH: usize = 50;

/// Renders the page of the pending questions: first those for the visitor, then the others, each
/// part by deadline.
pub(crate) fn pending(
    user: &CurrentUser,
    waiting: &PendingSnapshot,
    wanted: &PendingFilter,
    number: usize,
) -> Response {
    waiting.list(user, wanted, |order| list(user, waiting, wanted, order, number))
}

fn list(
    user: &CurrentUser,
    waiting: &PendingSnapshot,
    wanted: &PendingFilter,
    order: &PendingList,
    number: usize,
) -> Response {
    let filter = filter(waiting.offers(), wanted);
    let (waits, all, votable) = (waiting.len(), order.len(), order.votable);
    let pages = all.div_ceil(EACH).max(1);
    let number = number.clamp(1, pages);
    let shown: Vec<(bool, &Interruption)> =
        waiting.page(order, (number - 1) * EACH, EACH).collect();
    let title = if votable > 0 { format!("({votable}) Pending") } else { "Pending".to_owned() };
    let main = html! {
        h1 { "Pending" }
        (filter)
        div #list data-live data-title=(format!("{title} · Gate")) {
            @if all == 0 && waits > 0 {
                div.empty {
                    p { "Nothing pending matches the filter." }
                    p { a.button href="/" { "Show all " (waits) } }
                }
            } @else if all == 0 {
                div.empty {
                    p { "Nothing waits for a decision." }
                    p.faint { "New requests from agents appear here automatically." }
                }
            }
            (section("For you", votable, shown.iter().filter(|(is_mine, _)| *is_mine)))
            (section("For others", all - votable, shown.iter().filter(|(is_mine, _)| !*is_mine)))
            @if pages > 1 { (steps(wanted, number, pages)) }
        }
        (keys())
    };
    page(StatusCode::OK, &title, Some(user), Some(Tab::Pending), &main)
}

fn section<'a>(
    title: &str,
    count: usize,
    shown: impl Iterator<Item = &'a (bool, &'a Interruption)>,
) -> Markup {
    let mut shown = shown.peekable();
    html! {
        @if shown.peek().is_some() {
            h2 { (title) " " span.count { (count) } }
            ul.rows { @for (_, asked) in shown { (row(asked)) } }
        }
    }
}

fn row(interruption: &Interruption) -> Markup {
    let (approval, now) = (interruption.approval(), interruption.now());
    let info = approval.subject().info();
    html! {
        li.row {
            div.what {
                a.tool href=(format!("/approvals/{}", approval.id())) data-row {
                    (headline(&approval.headline(interruption.descriptor())))
                }
                (badges(interruption))
                @if let Some(end) = approval.expires_at() { span.deadline { (until(end, now)) } }
            }
            @if let Some(message) = approval.subject().request().and_then(RemoteRequest::about) {
                p.claimed { span.faint { "The agent claims: " } (plain(short(message))) }
            }
            @if interruption.descriptor().is_some_and(|tool| tool.summary().is_some())
                || approval.shown_arguments(None).len() > 3
            {
                p.summary { (summary(approval, interruption.descriptor())) }
            }
            p.faint {
                (plain(approval.tool())) " · agent " (plain(info.agent()))
                @if let Some(principal) = info.principal() { " for " (plain(principal)) }
                " · asked " (ago(approval.asked_at(), now))
                " · decides: " (plain(approval.waits_for()))
                @if let Some(votes_text) = voted(approval) { " · " (votes_text) }
            }
        }
    }
}

/// Renders the names of the people who voted already, while others must still decide.
fn voted(approval: &Approval) -> Option<Markup> {
    let counting = approval.votes().iter().filter(|vote| approval.concerns(vote));
    let who: Vec<&str> = counting.map(|vote| vote.reviewer().as_str()).collect();
    (!who.is_empty()).then(|| html! { (plural(who.len(), "vote")) ", by " (plain(listed(&who))) })
}

/// Renders the filter form. It is outside the part of the page that is reloaded.
fn filter(offers: &FilterOptions, wanted: &PendingFilter) -> Markup {
    let tools = with_chosen(&wanted.tool, offers.tools.clone());
    let agents = with_chosen(&wanted.agent, offers.agents.clone());
    let principals = with_chosen(&wanted.principal, offers.principals.clone());
    let roles = with_chosen(&wanted.role, offers.roles.clone());
    let fields = html! {
        (choose("tool", "Tool", "any tool", &wanted.tool, &tools))
        (choose("agent", "Agent", "any agent", &wanted.agent, &agents))
        (choose("principal", "On behalf of", "anyone or nobody", &wanted.principal, &principals))
        (choose("role", "Asked role", "any role", &wanted.role, &roles))
        (typed("text", "Contains text", "search", &wanted.text))
        div.check {
            input #filter-mine type="checkbox" name="mine" value="yes" checked[wanted.mine];
            label for="filter-mine" { "For me only" }
        }
    };
    filters("/", !wanted.is_all(), &fields)
}

/// Renders the badges of a call.
pub(super) fn badges(asked: &Interruption) -> Markup {
    let approval = asked.approval();
    let claimed = approval.subject().request().map(RemoteRequest::how_urgent);
    html! {
        @match asked.descriptor() {
            None => span.mark.danger { "Unknown tool" },
            Some(descriptor) if descriptor.annotations().destructive => span.mark.danger {
                "Destructive"
            },
            Some(_) => {},
        }
        @match claimed.unwrap_or(RequestPriority::Normal) {
            RequestPriority::Urgent => span.mark.danger title="Claimed by the agent" { "Urgent" },
            RequestPriority::High => span.mark title="Claimed by the agent" { "High priority" },
            RequestPriority::Normal | RequestPriority::Low => {},
        }
        @if approval.shown_arguments(None).iter().any(|argument| !argument.hazards().is_empty()) {
            span.mark { "Odd characters" }
        }
        @if approval.is_edited() { span.mark { "Edited" } }
        @if let Some(message) = approval.last_attempt() {
            span.mark.danger { (capitalized(message)) }
        }
    }
}

pub(super) fn capitalized(message: &str) -> String {
    let mut deliveries = message.chars();
    deliveries
        .next()
        .map(|first| first.to_uppercase().chain(deliveries).collect())
        .unwrap_or_default()
}

fn steps(wanted: &PendingFilter, number: usize, pages: usize) -> Markup {
    let to = |number: usize| address("/", &wanted.pairs(), &[("page", &number.to_string())]);
    html! {
        nav.steps aria-label="Pages" {
            @if number > 1 { a rel="prev" href=(to(number - 1)) { "Previous" } }
            span { "Page " (number) " of " (pages) }
            @if number < pages { a rel="next" href=(to(number + 1)) { "Next" } }
        }
    }
}

/// Renders the keyboard shortcuts, which only work with scripts.
pub(super) fn keys() -> Markup {
    html! {
        dialog #keys aria-labelledby="keys-title" {
            h2 #keys-title { "Keyboard shortcuts" }
            dl {
                dt { kbd { "j" } " " kbd { "k" } } dd { "next, previous" }
                dt { kbd { "Enter" } } dd { "open" }
                dt { kbd { "a" } " " kbd { "e" } " " kbd { "r" } } dd { "on an approval: open the \
                    form to approve, edit or reject" }
                dt { kbd { "u" } } dd { "back to the list" }
                dt { kbd { "?" } } dd { "show these shortcuts" }
            }
            p.faint { "No shortcut decides anything." }
            form method="dialog" { button { "Close" } }
        }
    }
}
