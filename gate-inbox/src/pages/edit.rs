//! The pages that change the arguments of a call: the form, and then the preview of the changes.

use std::collections::BTreeSet;

use axum::response::Response;
use gate_runtime::Interruption;
use gate_runtime::tool::Arguments;
use maud::{Markup, html};
use serde_json::Value;

use super::answers::{DecisionDraft, ProblemForm, approval_fields, field_error};
use super::frame::{FormToken, form_page};
use crate::auth::current_user::CurrentUser;
use crate::forms::edit_form::{EditForm, FieldKind, FormField, escaped};
use crate::render::untrusted_text::{bare, plain, value};

/// Renders the form.
pub(crate) fn edit(
    user: &CurrentUser,
    interruption: &Interruption,
    form_token: &FormToken,
    form: &EditForm,
) -> Response {
    let approval = interruption.approval();
    let is_wrong =
        form.problem.is_some() || form.fields.iter().any(|field| field.problem.is_some());
    let content = html! {
        h1 { "Edit" }
        p { "Nothing is decided yet: the next page shows what would change." }
        @if is_wrong { p.problem role="alert" { "Some values are not valid: correct the \
            marked fields." } }
        (field_error(form.problem.as_deref()))
        form method="post" action=(format!("/approvals/{}/edit", approval.id())) {
            (form_token.fields())
            @for (number, field) in form.fields.iter().enumerate() { (control(number, field)) }
            div.buttons {
                button.main { "Show what would change" }
                a.button href=(format!("/approvals/{}", approval.id())) { "Back" }
            }
        }
    };
    form_page(user, interruption, &format!("Edit {}", approval.tool()), is_wrong, &content)
}

fn control(number: usize, field: &FormField) -> Markup {
    let id = format!("field-{number}");
    let help = format!("help-{number}");
    let name = format!("argument.{}", field.name);
    let is_wrong = field.problem.is_some();
    html! {
        div.field {
            label for=(id) {
                (plain(&field.name))
                @if !field.is_required { span.faint { " (optional: leave empty to omit)" } }
            }
            @match &field.kind {
                FieldKind::Secret => p #(id) .faint { "A secret; it stays unchanged." },
                FieldKind::Text if field.text.len() > 60 || field.text.contains('\n') => {
                    textarea #(id) name=(name) rows="5" aria-describedby=(help)
                        aria-invalid[is_wrong] { "\n" (field.text) }
                },
                FieldKind::Text => input #(id) name=(name) value=(field.text) autocomplete="off"
                    aria-describedby=(help) aria-invalid[is_wrong];,
                FieldKind::Integer => {
                    input #(id) name=(name) value=(field.text) inputmode="numeric"
                        autocomplete="off" aria-describedby=(help) aria-invalid[is_wrong];
                },
                FieldKind::Number => {
                    input #(id) name=(name) value=(field.text) inputmode="decimal"
                        autocomplete="off" aria-describedby=(help) aria-invalid[is_wrong];
                },
                FieldKind::Truth => {
                    (select(&id, &name, &help, field, &[Value::Bool(true), Value::Bool(false)]))
                },
                FieldKind::Choice(all) => (select(&id, &name, &help, field, all)),
                FieldKind::Json => {
                    textarea.code #(id) name=(name) rows="6" spellcheck="false"
                        aria-describedby=(help) aria-invalid[is_wrong] { "\n" (field.text) }
                },
            }
            div #(help) {
                (field_error(field.problem.as_deref()))
                @if field.kind == FieldKind::Json { p.faint { "Write it as JSON." } }
                @if let Some(about) = &field.description {
                    p.faint { (plain(about.replace('\n', " "))) }
                }
            }
        }
    }
}

fn select(id: &str, name: &str, help: &str, field: &FormField, all: &[Value]) -> Markup {
    html! {
        select #(id) name=(name) aria-describedby=(help) aria-invalid[field.problem.is_some()] {
            @if !field.is_required || field.text.is_empty() {
                option value="" selected[field.text.is_empty()] { "–" }
            }
            @for value in all {
                @let text = value.to_string();
                option value=(text)
                    selected[*text == field.text || value.as_str() == Some(&field.text)]
                {
                    @match value {
                        Value::Bool(true) => "yes",
                        Value::Bool(false) => "no",
                        Value::String(word) => (bare(word)),
                        other => (other),
                    }
                }
            }
        }
    }
}

/// Renders the page that previews the changes, with the form that sends them.
pub(crate) fn confirm(
    user: &CurrentUser,
    interruption: &Interruption,
    form_token: &FormToken,
    edited: &Arguments,
    draft: &DecisionDraft,
) -> Response {
    let approval = interruption.approval();
    let is_wrong = draft.problem(ProblemForm::Edit).is_some();
    let (old, new) = (approval.arguments().to_json(), edited.to_json());
    let names = |of: &Value| {
        of.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    let all: BTreeSet<String> = names(&old).into_iter().chain(names(&new)).collect();
    let side = |label: &str, found: Option<&Value>| {
        html! {
            p.faint { (label) }
            @match found {
                None => p.faint { "Left out." },
                Some(secret) if approval.arguments().is_secret(secret) => p.faint { "A secret." },
                Some(found) => (value(found)),
            }
        }
    };
    let (changed, same): (Vec<String>, Vec<String>) =
        all.into_iter().partition(|name| old.get(name) != new.get(name));
    let content = html! {
        h1 { "What would change" }
        dl.arguments {
            @for name in &changed {
                dt { (plain(name)) }
                dd.difference {
                    div.old { (side("Before", old.get(name))) }
                    div.new { (side("After", new.get(name))) }
                }
            }
        }
        @if !same.is_empty() {
            p.faint { "Unchanged: " (plain(same.join(", "))) "." }
        }
        form method="post" action=(format!("/approvals/{}/edit", approval.id())) {
            (form_token.fields())
            input type="hidden" name="arguments" value=(escaped(edited.as_json()));
            (approval_fields(interruption, draft, ProblemForm::Edit))
            div.buttons {
                button.main { "Approve with these changes" }
                a.button href=(format!("/approvals/{}/edit", approval.id())) { "Edit again" }
            }
        }
    };
    form_page(user, interruption, "What would change", is_wrong, &content)
}
