//! The options of `#[gated_tool(…)]`, as they are written.

use proc_macro2::{Span, TokenStream};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::{Ident, LitStr, Path, Token, parenthesized};

use crate::errors::ErrorAccumulator;
use crate::names::did_you_mean;

/// Every option, in the order of the documentation.
const KNOWN: [&str; 13] = [
    "policy",
    "name",
    "title",
    "summary",
    "read_only",
    "destructive",
    "idempotent",
    "open_world",
    "timeout",
    "reconcile",
    "on_error",
    "secret",
    "crate",
];

/// The options that were written, each once.
#[derive(Default)]
pub(crate) struct ToolOptions {
    pub(crate) policy: Option<LitStr>,
    pub(crate) name: Option<LitStr>,
    pub(crate) title: Option<LitStr>,
    pub(crate) summary: Option<LitStr>,
    pub(crate) read_only: Option<Ident>,
    pub(crate) destructive: Option<Ident>,
    pub(crate) idempotent: Option<Ident>,
    pub(crate) open_world: Option<Ident>,
    pub(crate) timeout: Option<LitStr>,
    pub(crate) reconcile: Option<LitStr>,
    pub(crate) on_error: Option<LitStr>,
    pub(crate) secrets: Vec<Ident>,
    pub(crate) runtime: Option<Path>,
    /// True if the list of options could not be read, so that a missing option may only be unread.
    pub(crate) is_broken: bool,
}

impl ToolOptions {
    pub(crate) fn parse(tokens: TokenStream, errors: &mut ErrorAccumulator) -> Self {
        let mut options = Self::default();
        let mut seen: Vec<String> = Vec::new();
        let parser = |input: ParseStream<'_>| {
            while !input.is_empty() {
                let key = input.call(Ident::parse_any)?;
                if seen.contains(&key.to_string()) && key != "secret" {
                    errors.at(&key, format_args!("`{key}` is said twice: keep one"));
                }
                seen.push(key.to_string());
                options.parse_one(&key, input, errors)?;
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        };
        if let Err(error) = parser.parse2(tokens) {
            options.is_broken = true;
            errors.add(error);
        }
        options
    }

    fn parse_one(
        &mut self,
        key: &Ident,
        input: ParseStream<'_>,
        errors: &mut ErrorAccumulator,
    ) -> syn::Result<()> {
        match key.to_string().as_str() {
            "policy" => self.policy = Some(text(key, input, "\"path_of_a_policy\"")?),
            "name" => self.name = Some(text(key, input, "\"tool_name\"")?),
            "title" => self.title = Some(text(key, input, "\"Title for people\"")?),
            "summary" => {
                self.summary =
                    Some(text(key, input, "\"Refund {amount_cents:cents} to {customer_id}\"")?);
            }
            "timeout" => self.timeout = Some(text(key, input, "\"30s\"")?),
            "reconcile" => self.reconcile = Some(text(key, input, "\"path_of_a_function\"")?),
            "on_error" => self.on_error = Some(text(key, input, "\"ask\"")?),
            "read_only" => self.read_only = Some(flag(key, input)?),
            "destructive" => self.destructive = Some(flag(key, input)?),
            "idempotent" => self.idempotent = Some(flag(key, input)?),
            "open_world" => self.open_world = Some(flag(key, input)?),
            "secret" => {
                if !input.peek(syn::token::Paren) {
                    return Err(syn::Error::new(
                        key.span(),
                        "name the secret arguments: `secret(card_number, pin)`",
                    ));
                }
                let names;
                parenthesized!(names in input);
                self.secrets.extend(Punctuated::<Ident, Token![,]>::parse_terminated(&names)?);
            }
            "crate" => {
                input.parse::<Token![=]>()?;
                self.runtime = Some(path(input, errors)?);
            }
            other => {
                let suggestion = did_you_mean(other, KNOWN);
                errors.at(key, format_args!("unknown argument `{other}`{suggestion}"));
                // Skips the value, so that the rest can still be read.
                while !input.is_empty() && !input.peek(Token![,]) {
                    input.parse::<proc_macro2::TokenTree>()?;
                }
                if other != "policy" && !did_you_mean(other, ["policy"]).is_empty() {
                    self.is_broken = true;
                }
            }
        }
        Ok(())
    }
}

/// Parses `key = "text"`.
fn text(key: &Ident, input: ParseStream<'_>, example: &str) -> syn::Result<LitStr> {
    let expected = || format!("expected `{key} = {example}`");
    if !input.peek(Token![=]) {
        return Err(syn::Error::new(key.span(), expected()));
    }
    input.parse::<Token![=]>()?;
    let at: Span = input.span();
    input.parse::<LitStr>().map_err(|_| syn::Error::new(at, expected()))
}

/// Parses `key` alone.
fn flag(key: &Ident, input: ParseStream<'_>) -> syn::Result<Ident> {
    if input.peek(Token![=]) || input.peek(syn::token::Paren) {
        return Err(syn::Error::new(
            key.span(),
            format!("`{key}` stands alone: drop what follows it, or drop it"),
        ));
    }
    Ok(key.clone())
}

/// Parses `::path`, which is absolute, so that it has the same meaning in all generated code.
fn path(input: ParseStream<'_>, errors: &mut ErrorAccumulator) -> syn::Result<Path> {
    let path = input.call(Path::parse_mod_style)?;
    let first = path.segments.first().map(|segment| segment.ident.to_string());
    if path.leading_colon.is_none() && first.as_deref() != Some("crate") {
        errors.at(&path, "`crate` takes an absolute path: begin it with `::`");
    }
    Ok(path)
}
