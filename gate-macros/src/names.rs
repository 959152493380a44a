//! Names: of generated types, of the runtime crate, and suggestions for misspelt names.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::Path;
use syn::ext::IdentExt as _;

/// The runtime crate, as generated code names it.
pub(crate) struct RuntimePath(TokenStream);

impl RuntimePath {
    /// `::gate_runtime`, or the path that `crate = …` gives.
    pub(crate) fn new(path: Option<&Path>) -> Self {
        Self(path.map_or_else(|| quote!(::gate_runtime), ToTokens::to_token_stream))
    }

    /// A path into it as text, for attributes that take one.
    pub(crate) fn private(&self, name: &str) -> String {
        format!("{}::__private::{name}", self.0.to_string().replace(' ', ""))
    }
}

impl ToTokens for RuntimePath {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.0.to_tokens(tokens);
    }
}

/// `issue_refund` → `IssueRefund`, at the place of the function's name.
pub(crate) fn camel_case(function: &Ident) -> Ident {
    let name: String = function.unraw().to_string().split('_').map(capitalised).collect();
    let starts_well = name.chars().next().is_some_and(char::is_alphabetic);
    Ident::new(&if starts_well { name } else { format!("Tool{name}") }, function.span())
}

/// `refund` → `Refund`.
pub(crate) fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A type parameter of the struct that holds the arguments.
pub(crate) fn parameter(index: usize) -> Ident {
    Ident::new(&format!("__A{index}"), Span::call_site())
}

/// `; did you mean `policy`?`, if one of the known names is close.
pub(crate) fn did_you_mean<'a>(typed: &'a str, known: impl IntoIterator<Item = &'a str>) -> String {
    let suggestion = known.into_iter().map(|name| (distance(typed, name), name)).min();
    match suggestion {
        Some((steps, name)) if steps <= 2 && steps < typed.chars().count() => {
            format!("; did you mean `{name}`?")
        }
        _ => String::new(),
    }
}

/// The number of letters to change, add or drop (Levenshtein's distance).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for (pair, to) in row.windows(2).zip(&b) {
            let &[diagonal, above] = pair else { continue };
            let left = next.last().copied().unwrap_or_default();
            next.push((diagonal + usize::from(from != *to)).min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_a_reader_expects() {
        let camel = |name: &str| camel_case(&Ident::new(name, Span::call_site())).to_string();
        assert_eq!(
            [camel("issue_refund"), camel("ping"), camel("_2fa")],
            ["IssueRefund", "Ping", "Tool2fa"]
        );
        assert_eq!(
            camel_case(
                &syn::parse_str::<Ident>("r#match")
                    .unwrap_or_else(|_| Ident::new_raw("match", Span::call_site()))
            ),
            "Match"
        );
        assert_eq!(did_you_mean("polcy", ["policy", "name"]), "; did you mean `policy`?");
        assert_eq!(did_you_mean("x", ["policy"]), "");
    }
}
