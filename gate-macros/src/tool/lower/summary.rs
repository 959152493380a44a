//! Reads `summary = "…"`: text with placeholders for arguments.

use proc_macro2::Span;
use syn::ext::IdentExt as _;
use syn::{Ident, LitStr};

use super::parameters::written_name;
use crate::errors::ErrorAccumulator;
use crate::names::did_you_mean;
use crate::tool::model::{Argument, SummaryPart, SummaryPlaceholder, SummaryTemplate};

/// Every format, in the order of the documentation; each is a function of
/// `gate_runtime::tool::summary`.
const FORMATS: [&str; 5] = ["cents", "bytes", "time", "duration", "code"];

/// The longest summary, in characters, because a headline must be short.
const LONG: usize = 200;

/// A summary is one line of text, and its placeholders name existing arguments.
pub(super) fn summary(
    given: Option<&LitStr>,
    arguments: &[Argument],
    errors: &mut ErrorAccumulator,
) -> Option<SummaryTemplate> {
    let literal = given?;
    let template = literal.value();
    let span = literal.span();
    if template.trim().is_empty() {
        errors.at(
            literal,
            "say what a call does, as in `summary = \"Refund {amount_cents:cents} \
            to {customer_id}\"`",
        );
        return None;
    }
    if template.chars().any(char::is_control) || template.chars().count() > LONG {
        errors.at(literal, format_args!("a summary is one line of at most {LONG} characters"));
        return None;
    }
    let mut parts = Vec::new();
    for piece in pieces(&template) {
        let part = match piece {
            Ok(TemplatePiece::Words(literal_text)) => Ok(SummaryPart::Words(literal_text)),
            Ok(TemplatePiece::Place(text)) => {
                parse_placeholder(text, arguments, span).map(SummaryPart::Place)
            }
            Err(problem) => Err(problem.to_owned()),
        };
        match part {
            Ok(part) => parts.push(part),
            Err(problem) => {
                errors.at(literal, problem);
                return None;
            }
        }
    }
    Some(SummaryTemplate { parts, span })
}

/// One piece of a template.
enum TemplatePiece<'a> {
    Words(String),
    /// The text between braces.
    Place(&'a str),
}

/// Splits a template as `format!` does: two braces are one literal brace.
fn pieces(template: &str) -> Vec<Result<TemplatePiece<'_>, &'static str>> {
    let mut pieces = Vec::new();
    let mut literal_text = String::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        literal_text.push_str(before);
        let (brace, after) = from.split_at(1);
        if let Some(after) = after.strip_prefix(brace) {
            literal_text.push_str(brace);
            rest = after;
            continue;
        }
        let placeholder = (brace == "{").then(|| after.split_once('}')).flatten();
        let Some((key, after)) = placeholder.filter(|(place, _)| !place.contains('{')) else {
            pieces.push(Err(
                "a brace has no other half: write `{{` or `}}` for a brace among the words",
            ));
            return pieces;
        };
        if !literal_text.is_empty() {
            pieces.push(Ok(TemplatePiece::Words(std::mem::take(&mut literal_text))));
        }
        pieces.push(Ok(TemplatePiece::Place(key)));
        rest = after;
    }
    literal_text.push_str(rest);
    if !literal_text.is_empty() {
        pieces.push(Ok(TemplatePiece::Words(literal_text)));
    }
    pieces
}

/// Parses a placeholder: `amount_cents`, `amount_cents:cents`, `customer.name`.
fn parse_placeholder(
    text: &str,
    arguments: &[Argument],
    span: Span,
) -> Result<SummaryPlaceholder, String> {
    let (path, format) =
        text.split_once(':').map_or((text, None), |(path, format)| (path, Some(format.trim())));
    let mut steps = path.trim().split('.');
    let first = steps.next().unwrap_or_default();
    let names: Vec<String> =
        arguments.iter().map(|argument| argument.name.unraw().to_string()).collect();
    let Some(argument) = arguments.iter().find(|argument| argument.name.unraw() == first) else {
        let suggestion = did_you_mean(first, names.iter().map(String::as_str));
        return Err(match first {
            "" => "name an argument between the braces, as in `{order_id}`".to_owned(),
            _ => format!("`{{{text}}}` names no argument: there is no `{first}`{suggestion}"),
        });
    };
    if argument.is_secret {
        return Err(format!("`{first}` is secret: nobody is shown it, so no summary can have it"));
    }
    let mut pointer = format!("/{}", written_name(argument).replace('~', "~0").replace('/', "~1"));
    let mut fields = Vec::new();
    for step in steps {
        let field: Ident = syn::parse_str(step).map_err(|_| {
            format!("`{{{text}}}` is no path to a field: write it as in `{{customer.name}}`")
        })?;
        pointer = format!("{pointer}/{}", field.unraw());
        fields.push(Ident::new(&field.to_string(), span));
    }
    let format = match format {
        None => None,
        Some(format) if FORMATS.contains(&format) => {
            Some(Ident::new(format, Span::mixed_site().located_at(span)))
        }
        Some(format) => {
            let near = did_you_mean(format, FORMATS);
            let near = if near.is_empty() {
                format!("; there are `{}`", FORMATS.join("`, `"))
            } else {
                near
            };
            return Err(format!("unknown format `{format}`{near}"));
        }
    };
    Ok(SummaryPlaceholder { argument: argument.name.clone(), fields, pointer, format })
}
