//! Collects mistakes, so that all of them are reported, and none twice.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// The mistakes found so far. Call `finish`: dropping it with unread mistakes panics.
#[derive(Default)]
pub(crate) struct ErrorAccumulator {
    found: Vec<syn::Error>,
    is_finished: bool,
}

impl ErrorAccumulator {
    /// Reports a mistake at some tokens.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.found.push(syn::Error::new_spanned(tokens, message));
    }

    /// Reports a mistake at a place.
    pub(crate) fn at_span(&mut self, span: Span, message: impl Display) {
        self.found.push(syn::Error::new(span, message));
    }

    /// Reports an error of the parser.
    pub(crate) fn add(&mut self, error: syn::Error) {
        self.found.push(error);
    }

    /// Returns whether there are no mistakes so far.
    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Returns the mistakes as `compile_error!`s.
    pub(crate) fn finish(mut self) -> TokenStream {
        self.is_finished = true;
        self.found.iter().map(syn::Error::to_compile_error).collect()
    }
}

impl Drop for ErrorAccumulator {
    fn drop(&mut self) {
        debug_assert!(
            self.is_finished || std::thread::panicking(),
            "mistakes were found and not reported"
        );
    }
}
