//! The page of standing permissions and freezes, which hold beyond single calls.

use std::collections::HashMap;

use axum::http::StatusCode;
use axum::response::Response;
use gate_runtime::Timestamp;
use gate_runtime::grants::{Freeze, Grant};
use gate_runtime::id::GrantId;
use gate_runtime::store::ActiveControls;
use maud::{Markup, html};

use super::frame::{Tab, page};
use super::grant_scope::scope_summary;
use super::pending::keys;
use crate::auth::current_user::CurrentUser;
use crate::forms::grant_scope::GrantScope;
use crate::projections::projector::ProjectionAnswer;
use crate::render::untrusted_text::{ago, block, plain, plural};

/// The most standing permissions, and the most freezes, that are shown.
const MOST: usize = 200;

/// Renders the permissions and freezes that hold now: permissions newest first, freezes by scope.
pub(crate) fn grants_and_freezes(
    user: &CurrentUser,
    active: &ActiveControls,
    uses: &ProjectionAnswer<HashMap<GrantId, u64>>,
    now: Timestamp,
) -> Response {
    let mut grants: Vec<&Grant> =
        active.grants.iter().map(AsRef::as_ref).filter(|grant| grant.is_active(now)).collect();
    grants.sort_by_key(|grant| std::cmp::Reverse((grant.given_at(), grant.id())));
    let freezes = &active.freezes;
    let main = html! {
        section {
            h1 { "Standing permissions" }
            p.faint { "Permissions that go beyond one call: later calls like it run without \
                asking. A rule that denies still denies." }
            h2 { "Active permissions " span.count { (grants.len()) } }
            @if grants.is_empty() { p.faint { "None: every call that the rules ask about goes \
                to people." } }
            ul.rows {
                @for grant in grants.iter().take(MOST) { (permission(user, grant, uses, now)) }
            }
            (more(grants.len(), "gate grants"))
            h2 { "Freezes " span.count { (freezes.len()) } }
            @if freezes.is_empty() { p.faint { "Nothing is frozen." } }
            ul.rows { @for freeze in freezes.iter().take(MOST) { (freeze_row(freeze, now)) } }
            (more(freezes.len(), "gate freeze"))
        }
        (keys())
    };
    page(StatusCode::OK, "Standing permissions", Some(user), Some(Tab::Standing), &main)
}

fn more(count: usize, command: &str) -> Markup {
    let more = count.saturating_sub(MOST);
    html! { @if more > 0 { p.faint { "And " (more) " more: " code { (command) } " lists all \
    of them." } } }
}

fn permission(
    user: &CurrentUser,
    grant: &Grant,
    uses: &ProjectionAnswer<HashMap<GrantId, u64>>,
    now: Timestamp,
) -> Markup {
    let of = GrantScope::of(grant);
    let times = |count: u64| plural(usize::try_from(count).unwrap_or(usize::MAX), "time");
    // While some uses are not read yet, no number is shown, because it would be too small.
    let used = uses.found.get(&grant.id()).filter(|_| !uses.is_behind);
    html! {
        li.row.grant {
            h3 { (plain(grant.tool())) }
            p.faint {
                "Granted by " (plain(grant.by())) " " (ago(grant.given_at(), now))
                @if let Some(used) = used { " · used " (times(*used)) }
                @if let Some(left) = grant.uses_left() { " · " (times(left.into())) " left" }
            }
            @match &of {
                Some(of) => (scope_summary(of, now)),
                None => p { (plain(grant.to_string())) },
            }
            form method="post" action="/standing/revoke" {
                input type="hidden" name="form_secret" value=(user.form_secret);
                input type="hidden" name="grant" value=(grant.id());
                button.danger aria-label=(format!("Revoke the permission for \
                    {}", crate::render::untrusted_text::bare(grant.tool()))) { "Revoke" }
            }
        }
    }
}

fn freeze_row(freeze: &Freeze, now: Timestamp) -> Markup {
    html! {
        li.row {
            h3 { "Frozen: " (plain(freeze.scope().to_string())) }
            (block(freeze.reason()))
            p.faint {
                "By " (plain(freeze.by())) " " (ago(freeze.since(), now)) ". "
                code { "gate freeze --lift" } " lifts it."
            }
        }
    }
}
