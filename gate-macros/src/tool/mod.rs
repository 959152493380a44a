//! `#[gated_tool]`: turns a function into a type whose values are calls, with the only way to run
//! its body.

mod expand;
mod fallback;
mod lower;
mod model;
mod options;

use proc_macro2::TokenStream;

use crate::errors::ErrorAccumulator;
use crate::function_item::expand_function;
use options::ToolOptions;

pub(crate) fn gated_tool(options: TokenStream, function: &TokenStream) -> TokenStream {
    let mut errors = ErrorAccumulator::default();
    let options = ToolOptions::parse(options, &mut errors);
    expand_function(function, errors, |function, errors| {
        let model = lower::lower(&options, function, errors);
        if errors.is_empty() { expand::expand(&model) } else { fallback::fallback(&model) }
    })
}
