//! The layout of all pages.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Response};
use gate_runtime::Interruption;
use gate_runtime::id::Digest;
use maud::{DOCTYPE, Markup, html};

use crate::auth::current_user::CurrentUser;
use crate::auth::random;
use crate::render::untrusted_text::{bare, plain};

/// The fields that bind a form to a session and a subject, to be sent once.
#[derive(Debug)]
pub(crate) struct FormToken {
    form_secret: String,
    form: String,
    shown: Digest,
}

impl FormToken {
    pub(crate) fn new(
        user: &CurrentUser,
        interruption: &Interruption,
    ) -> Result<Self, getrandom::Error> {
        let shown_digest = interruption.approval().shown();
        Ok(Self {
            form_secret: user.form_secret.clone(),
            form: random::random()?,
            shown: shown_digest,
        })
    }

    /// Renders the hidden fields.
    pub(super) fn fields(&self) -> Markup {
        html! {
            input type="hidden" name="form_secret" value=(self.form_secret);
            input type="hidden" name="form" value=(self.form);
            input type="hidden" name="shown" value=(self.shown);
        }
    }
}

/// The part of the inbox that a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tab {
    Pending,
    History,
    Rules,
    Overview,
    Standing,
}

impl Tab {
    const ALL: [(Self, &'static str, &'static str); 5] = [
        (Self::Pending, "/", "Pending"),
        (Self::History, "/history", "History"),
        (Self::Rules, "/rules", "Rules"),
        (Self::Overview, "/overview", "Overview"),
        (Self::Standing, "/standing", "Standing"),
    ];
}

/// Renders a page, with the user and the current part of the inbox.
pub(super) fn page(
    status: StatusCode,
    title: &str,
    user: Option<&CurrentUser>,
    tab: Option<Tab>,
    main: &Markup,
) -> Response {
    whole(status, title, user, tab, false, main)
}

/// Renders a page with a form about a call, below a link back to the call.
pub(super) fn form_page(
    user: &CurrentUser,
    asked: &Interruption,
    title: &str,
    is_wrong: bool,
    content: &Markup,
) -> Response {
    let main = html! {
        section.narrow {
            p.back {
                a href=(format!("/approvals/{}", asked.id())) data-up {
                    (plain(asked.approval().tool()))
                }
            }
            (content)
        }
    };
    let status = if is_wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    page(status, title, Some(user), Some(Tab::Pending), &main)
}

/// Returns the page for a visitor who follows a link from another site: the page reloads itself
/// from this site, so that the browser sends the cookie.
pub(crate) fn welcome() -> Response {
    let main = html! { section.narrow { h1 { "Gate" } p { a.button.main href="" { "Open" } } } };
    whole(StatusCode::OK, "Gate", None, None, true, &main)
}

fn whole(
    status: StatusCode,
    title: &str,
    user: Option<&CurrentUser>,
    tab: Option<Tab>,
    comes_again: bool,
    main: &Markup,
) -> Response {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                @if comes_again { meta http-equiv="refresh" content="0"; }
                title { (bare(title)) " · Gate" }
                link rel="stylesheet" href="/style.css";
                link rel="icon" type="image/svg+xml" href="/icon.svg";
                script src="/page.js" defer {}
            }
            body {
                a.skip href="#main" { "Skip to content" }
                header.top {
                    a.brand href="/" { "Gate" }
                    @if let Some(visitor) = user {
                        (parts(tab))
                        (user_menu(visitor))
                    }
                }
                main #main tabindex="-1" { (main) }
            }
        }
    };
    (status, Html(markup.into_string())).into_response()
}

/// Renders the parts of the inbox.
fn parts(here: Option<Tab>) -> Markup {
    html! {
        nav.parts aria-label="Sections of the inbox" {
            ul {
                @for (tab, to, message) in Tab::ALL {
                    li {
                        a href=(to) aria-current=[(here == Some(tab)).then_some("page")] {
                            (message)
                            @if tab == Tab::Standing { span.rest { " permissions" } }
                        }
                    }
                }
            }
        }
    }
}

fn user_menu(user: &CurrentUser) -> Markup {
    let roles: Vec<&str> = user.roles.iter().map(gate_runtime::id::Role::as_str).collect();
    html! {
        details.menu {
            summary { (plain(user.name())) }
            div.sheet {
                p.faint {
                    "Signed in as " (plain(user.who()))
                    @if !user.roles.is_empty() { ": " (plain(roles.join(", "))) }
                    "."
                }
                form method="post" action="/sign-out" {
                    input type="hidden" name="form_secret" value=(user.form_secret);
                    button name="where" value="here" { "Sign out" }
                    button.quiet name="where" value="everywhere" { "Sign out everywhere" }
                }
            }
        }
    }
}

/// Renders a page with a short message.
pub(crate) fn notice(status: StatusCode, title: &str, message: &str) -> Response {
    let main = html! {
        section.narrow {
            h1 { (bare(title)) }
            p { (plain(message)) }
            p { a.button href="/" { "Show what is pending" } }
        }
    };
    page(status, title, None, None, &main)
}
