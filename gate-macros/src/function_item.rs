//! A function whose body is not parsed.

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Expr, ExprLit, Ident, Lit, Meta, Signature, Visibility};

use crate::errors::ErrorAccumulator;

/// A function. Its body is not parsed, so that the compiler reports mistakes in the body.
pub(crate) struct FunctionItem {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    pub(crate) body: Group,
}

impl Parse for FunctionItem {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let signature = input.parse()?;
        let body = match input.parse()? {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => group,
            other => {
                return Err(syn::Error::new_spanned(
                    other,
                    "expected the function's body in braces",
                ));
            }
        };
        Ok(Self { attributes, visibility, signature, body })
    }
}

/// Expands a function, and emits the mistakes after it. What is no function is emitted as it is.
pub(crate) fn expand_function(
    function: &TokenStream,
    mut errors: ErrorAccumulator,
    expand: impl FnOnce(FunctionItem, &mut ErrorAccumulator) -> TokenStream,
) -> TokenStream {
    let output = match syn::parse2(function.clone()) {
        Ok(function) => expand(function, &mut errors),
        Err(error) => {
            errors.add(error);
            function.clone()
        }
    };
    let errors = errors.finish();
    quote!(#output #errors)
}

/// Attributes, grouped by where they are emitted.
#[derive(Default)]
pub(crate) struct AttributeGroups {
    /// Doc comments.
    pub(crate) docs: Vec<Attribute>,
    /// `#[cfg(…)]`, for everything that is emitted.
    pub(crate) conditions: Vec<Attribute>,
    /// All others, for the function itself.
    pub(crate) others: Vec<Attribute>,
}

impl AttributeGroups {
    pub(crate) fn of(attributes: Vec<Attribute>) -> Self {
        let mut groups = Self::default();
        for attribute in attributes {
            if attribute.path().is_ident("doc") {
                groups.docs.push(attribute);
            } else if attribute.path().is_ident("cfg") {
                groups.conditions.push(attribute);
            } else {
                groups.others.push(attribute);
            }
        }
        groups
    }

    /// Returns the text of the doc comments, as rustdoc reads it.
    pub(crate) fn text(&self) -> String {
        doc_text(&self.docs)
    }
}

/// Returns the text of doc comments: each line without the space after the slashes.
pub(crate) fn doc_text(docs: &[Attribute]) -> String {
    let lines = docs.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    });
    let clean = |line: &str| line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned();
    let lines: Vec<String> =
        lines.flat_map(|text| text.split('\n').map(clean).collect::<Vec<_>>()).collect();
    lines.join("\n").trim().to_owned()
}

/// Returns the source text of a body as it was written, or its tokens if there is no source.
pub(crate) fn source_of(body: &Group) -> String {
    body.span().source_text().unwrap_or_else(|| body.to_string())
}

/// Returns line and column of a body's opening brace, from 1; zeros if there is no source.
pub(crate) fn source_position(body: &Group) -> (usize, usize) {
    if proc_macro::is_available() {
        let brace = body.span_open().unwrap();
        (brace.line(), brace.column())
    } else {
        (0, 0)
    }
}

/// Returns tokens as text, independent of layout and comments, so that its digest changes only with
/// the code.
pub(crate) fn token_text(tokens: impl ToTokens) -> String {
    let mut text = String::new();
    write_tokens(tokens.into_token_stream(), &mut text);
    text.truncate(text.trim_end().len());
    text
}

fn write_tokens(tokens: TokenStream, text: &mut String) {
    let mut tokens = tokens.into_iter().peekable();
    let mut is_callable = false;
    while let Some(token) = tokens.next() {
        let follows_callable = std::mem::replace(&mut is_callable, can_be_called(&token));
        match token {
            // A doc comment.
            TokenTree::Punct(punct)
                if punct.as_char() == '#' && tokens.next_if(is_doc).is_some() =>
            {
                continue;
            }
            // Where a list is broken into lines, it ends with a comma.
            TokenTree::Punct(mark) if mark.as_char() == ',' && tokens.peek().is_none() => continue,
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("( ", ") "),
                    Delimiter::Brace => ("{ ", "} "),
                    Delimiter::Bracket => ("[ ", "] "),
                    Delimiter::None => ("", ""),
                };
                text.push_str(open);
                write_tokens(group.stream(), text);
                // `(a,)` is no `(a)`, unless it is what a function is called with.
                if !follows_callable && is_of_one(&group) {
                    text.push_str(", ");
                }
                text.push_str(close);
                continue;
            }
            // Two signs that are one, as `&&`.
            TokenTree::Punct(mark) if mark.spacing() == Spacing::Joint => {
                text.push(mark.as_char());
                continue;
            }
            token => text.push_str(&token.to_string()),
        }
        text.push(' ');
    }
}

/// Returns whether parentheses after a token can be a call's: after a name that is no keyword.
fn can_be_called(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Ident(name) if syn::parse2::<Ident>(name.to_token_stream()).is_ok())
}

/// Returns whether a group in parentheses ends with its only comma, as a tuple of one does.
fn is_of_one(group: &Group) -> bool {
    let is_comma =
        |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
    let tokens: Vec<_> = group.stream().into_iter().collect();
    let ends_with_one = tokens.last().is_some_and(is_comma)
        && tokens.iter().filter(|token| is_comma(token)).count() == 1;
    group.delimiter() == Delimiter::Parenthesis && ends_with_one
}

/// Returns whether what follows a `#` makes it a doc comment.
fn is_doc(token: &TokenTree) -> bool {
    let TokenTree::Group(group) = token else { return false };
    let first = group.stream().into_iter().next();
    group.delimiter() == Delimiter::Bracket
        && matches!(first, Some(TokenTree::Ident(name)) if name == "doc")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(code: &str) -> String {
        token_text(code.parse::<TokenStream>().unwrap())
    }

    #[test]
    fn layout_and_comments_are_no_tokens() {
        let plain = text(
            "rules.deny(\"all\").when(|call| call.a > 1 && f(call.b, 2)).otherwise(ask(anyone()))",
        );
        for same in [
            "rules\n    .deny(\"all\") // why\n    .when(|call| \
             {0}).otherwise(ask(anyone(),),)"
                .replace("{0}", "call.a > 1 && f(call.b, 2)"),
            "rules . deny ( \"all\" ) . when ( | call | call . a > 1 && f ( call . b , 2 , ) ) . \
             otherwise ( ask ( anyone ( ) ) )"
                .to_owned(),
            "/** why */ rules.deny(\"all\")./* here */when(|call| call.a > 1\n&& \
             f(\ncall.b,\n2,\n)).otherwise(ask(anyone()))"
                .to_owned(),
        ] {
            assert_eq!(text(&same), plain, "{same}");
        }
        for other in [
            "rules.deny(\"All\")",
            "a > 1",
            "a >= 1",
            "a & & b",
            "a && b",
            "f(a, b)",
            "f((a, b))",
            "f([a], b)",
        ] {
            let others = ["a > 2", "a > = 1", "f(a b)", "f(b, a)"];
            assert!(others.iter().all(|wrong| text(wrong) != text(other)), "{other}");
        }
        assert_ne!(text("a && b"), text("a & & b"));
        for (tuple, value) in [
            ("f((a,))", "f((a))"),
            ("|call| (call.a,)", "|call| (call.a)"),
            ("return (a,)", "return (a)"),
        ] {
            assert_ne!(text(tuple), text(value), "a tuple of one is another key");
        }
        assert_eq!(text("f(a,)"), text("f(a)"));
        assert_eq!(text("(a, b,)"), text("(a, b)"));
    }
}
