//! The pages that give a standing permission: the form, and then a description of its scope.

use axum::response::Response;
use gate_runtime::Interruption;
use maud::{Markup, html};

use super::answers::{DecisionDraft, ProblemForm, approval_fields, field_error};
use super::frame::{FormToken, form_page};
use super::grant_scope::scope_summary;
use crate::auth::current_user::CurrentUser;
use crate::forms::grant_form::{BoundField, GrantForm, LENGTHS};
use crate::forms::grant_scope::GrantScope;
use crate::render::untrusted_text::{length, plain, value};

/// Renders the form, whose initial scope is only the call itself.
pub(crate) fn grant(
    user: &CurrentUser,
    interruption: &Interruption,
    form_token: &FormToken,
    form: &GrantForm,
) -> Response {
    let approval = interruption.approval();
    let is_wrong = form.is_wrong();
    let info = approval.subject().info();
    let numbers: Vec<&BoundField> =
        form.fields.iter().filter(|field| field.amount().is_some()).collect();
    let content = html! {
        h1 { "Allow later calls too" }
        p {
            "You approve this call, and also later calls \
             of " strong { (plain(approval.tool())) }
            " like it, which run without asking anyone. Nothing is granted yet: the next \
             page shows what it lets through."
        }
        @if is_wrong { p.problem role="alert" { "Some values are not valid: correct the \
            marked fields." } }
        (field_error(form.problem.as_deref()))
        form method="post" action=(format!("/approvals/{}/grant", approval.id())) {
            (form_token.fields())
            h2 { "Which calls" }
            @for (number, field) in form.fields.iter().enumerate() { (argument(number, field)) }
            @if form.fields.is_empty() { p.faint { "The tool takes no arguments." } }
            h2 { "Where" }
            (choice(form, "run", "Run", &format!("only this one, {}", info.run()), "any"))
            (choice(form, "agent", "Agent", &format!("only {}", info.agent()), "any agent \
                that is judged by the same rules"))
            @let principal =
                info.principal().map_or_else(|| "nobody".to_owned(), ToString::to_string);
            (choice(form, "principal", "On behalf of", &format!("only {principal}"), "anyone"))
            h2 { "How many, and how long" }
            (number_field(form, "uses", "Maximum number of calls (empty: any)", "numeric"))
            @if !numbers.is_empty() {
                label for="budget_of" { "Sum of an argument over these calls" }
                select #budget_of name="budget_of" aria-describedby="help-budget_of"
                    aria-invalid[form.problem("budget_of").is_some()]
                {
                    option value="" { "no limit" }
                    @for field in numbers {
                        option value=(field.name)
                            selected[form.typed("budget_of") == field.name]
                        {
                            (crate::render::untrusted_text::bare(&field.name))
                        }
                    }
                }
                div #help-budget_of { (field_error(form.problem("budget_of"))) }
                (number_field(form, "budget", "Maximum sum", "decimal"))
            }
            (lengths(form, "per", "These limits apply", "overall", "in any"))
            (lengths(form, "lasts", "It lasts", "until someone revokes it", "for"))
            div.buttons {
                button.main { "Show what it lets through" }
                a.button href=(format!("/approvals/{}", approval.id())) { "Back" }
            }
        }
    };
    form_page(
        user,
        interruption,
        &format!("Allow later calls of {}", approval.tool()),
        is_wrong,
        &content,
    )
}

fn argument(number: usize, field: &BoundField) -> Markup {
    let (id, help) = (format!("bound-{number}"), format!("help-{number}"));
    let is_wrong = field.problem.is_some();
    let chosen = |bound: &str| field.bound == bound;
    html! {
        fieldset {
            legend { (plain(&field.name)) }
            (value(&field.value))
            label for=(id) { "In later calls" }
            select #(id) name=(format!("bound.{}", field.name)) aria-describedby=(help)
                aria-invalid[is_wrong]
            {
                option value="same" selected[chosen("same")] { "exactly this" }
                @if field.amount().is_some() {
                    option value="up_to" selected[chosen("up_to")] { "up to the limit below" }
                }
                option value="any" selected[chosen("any")] { "anything" }
            }
            @if field.amount().is_some() {
                label for=(format!("max-{number}")) { "Limit" }
                input #(format!("max-{number}")) name=(format!("max.{}", field.name))
                    value=(field.max) inputmode="decimal" autocomplete="off"
                    aria-describedby=(help) aria-invalid[is_wrong];
            }
            div #(help) { (field_error(field.problem.as_deref())) }
        }
    }
}

fn choice(form: &GrantForm, name: &'static str, label: &str, this: &str, any: &str) -> Markup {
    let help = format!("help-{name}");
    html! {
        label for=(name) { (label) }
        select #(name) name=(name) aria-describedby=(help)
            aria-invalid[form.problem(name).is_some()]
        {
            option value="this" { (crate::render::untrusted_text::bare(this)) }
            option value="any" selected[form.typed(name) == "any"] { (any) }
        }
        div #(help) { (field_error(form.problem(name))) }
    }
}

fn number_field(form: &GrantForm, name: &'static str, label: &str, keys: &str) -> Markup {
    let help = format!("help-{name}");
    html! {
        label for=(name) { (label) }
        input #(name) name=(name) value=(form.typed(name)) inputmode=(keys) autocomplete="off"
            aria-describedby=(help) aria-invalid[form.problem(name).is_some()];
        div #(help) { (field_error(form.problem(name))) }
    }
}

fn lengths(form: &GrantForm, name: &'static str, label: &str, open: &str, before: &str) -> Markup {
    let help = format!("help-{name}");
    html! {
        label for=(name) { (label) }
        select #(name) name=(name) aria-describedby=(help)
            aria-invalid[form.problem(name).is_some()]
        {
            option value="" { (open) }
            @for (word, time) in LENGTHS {
                option value=(word) selected[form.typed(name) == word] {
                    (before) " " (length(time))
                }
            }
        }
        div #(help) { (field_error(form.problem(name))) }
    }
}

/// Renders the page that describes the scope of the permission, with the form that gives it.
pub(crate) fn confirm_grant(
    user: &CurrentUser,
    interruption: &Interruption,
    form_token: &FormToken,
    form: &GrantForm,
    reaches: &GrantScope,
    draft: &DecisionDraft,
) -> Response {
    let approval = interruption.approval();
    let is_wrong = draft.problem(ProblemForm::Grant).is_some();
    let content = html! {
        h1 { "What it lets through" }
        p { "This call runs as shown. From then on, these calls run without asking anyone:" }
        (scope_summary(reaches, interruption.now()))
        p.faint {
            "A rule that denies still denies. The permission ends when the tool or its rules \
             change, and anyone can revoke it under "
            a href="/standing" { "Standing permissions" } "."
        }
        form method="post" action=(format!("/approvals/{}/grant", approval.id())) {
            (form_token.fields())
            input type="hidden" name="confirmed" value="yes";
            @for (name, typed) in form.sent() { input type="hidden" name=(name) value=(typed); }
            (approval_fields(interruption, draft, ProblemForm::Grant))
            div.buttons {
                button.main { "Approve and let these through" }
                a.button href=(format!("/approvals/{}/grant", approval.id())) { "Start over" }
            }
        }
    };
    form_page(user, interruption, "What it lets through", is_wrong, &content)
}
