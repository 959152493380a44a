//! The macros of `gate-runtime`, which re-exports and documents them: depend on that.
//!
//! Each goes the same way: parse everything, check everything (`lower`), then emit once (`expand`,
//! which cannot fail), then all errors. Where there are errors, `fallback` emits just enough that
//! one mistake does not cascade.

mod errors;
mod function_item;
#[cfg(test)]
mod golden;
mod names;
mod policy;
mod registry;
mod tool;

use proc_macro::TokenStream;

/// See `gate_runtime::gated_tool`.
#[proc_macro_attribute]
pub fn gated_tool(options: TokenStream, function: TokenStream) -> TokenStream {
    tool::gated_tool(options.into(), &function.into()).into()
}

/// See `gate_runtime::policy`.
#[proc_macro_attribute]
pub fn policy(options: TokenStream, function: TokenStream) -> TokenStream {
    policy::policy(options.into(), &function.into()).into()
}

/// See `gate_runtime::registry`.
#[proc_macro]
pub fn registry(input: TokenStream) -> TokenStream {
    registry::registry(input.into()).into()
}
