//! Search forms, and links that keep their values.

use maud::{Markup, html};

/// Returns an address with a query.
pub(super) fn address(path: &str, pairs: &[(&str, &str)], more: &[(&str, &str)]) -> String {
    if pairs.is_empty() && more.is_empty() {
        return path.to_owned();
    }
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .extend_pairs(more)
        .finish();
    format!("{path}?{query}")
}

/// Renders a select field: all values, or one of them.
pub(super) fn choose(
    name: &str,
    label: &str,
    all: &str,
    chosen: &str,
    choices: &[String],
) -> Markup {
    let id = format!("filter-{name}");
    html! {
        div {
            label for=(id) { (label) }
            select #(id) name=(name) {
                option value="" { (all) }
                @for choice in choices {
                    option value=(choice) selected[choice == chosen] { (choice) }
                }
            }
        }
    }
}

/// Renders a text field.
pub(super) fn typed(name: &str, label: &str, kind: &str, value: &str) -> Markup {
    let id = format!("filter-{name}");
    html! {
        div {
            label for=(id) { (label) }
            input #(id) type=(kind) name=(name) value=(value) autocomplete="off";
        }
    }
}

/// Renders the collapsible box of the filter fields. It is closed if no filter is set.
pub(super) fn filters(path: &str, is_set: bool, fields: &Markup) -> Markup {
    html! {
        details.filters open[is_set] {
            summary { @if is_set { "Filtered" } @else { "Filter" } }
            form method="get" action=(path) role="search" {
                div.fields { (fields) }
                div.buttons {
                    button { "Apply filter" }
                    @if is_set { a.button href=(path) { "Show all" } }
                }
            }
        }
    }
}
