//! The macros of `gate-runtime`. Depend on `gate-runtime`, which re-exports and documents them.
//!
//! Each macro works in the same steps: it parses all input, checks all of it (`lower`), emits code
//! once (`expand`, which cannot fail), and then reports all errors. If there are errors, `fallback`
//! emits just enough code that one mistake does not cause further errors.

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
