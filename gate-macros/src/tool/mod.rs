//! `#[gated_tool]`: a function becomes a type whose values are calls, and the only door to its
//! body.

mod expand;
mod fallback;
mod lower;
mod model;
mod options;

use proc_macro2::TokenStream;
use quote::quote;

use crate::errors::ErrorAccumulator;
use crate::function_item::FunctionItem;
use options::ToolOptions;

pub(crate) fn gated_tool(options: TokenStream, function: &TokenStream) -> TokenStream {
    let mut errors = ErrorAccumulator::default();
    let options = ToolOptions::parse(options, &mut errors);
    let function = match syn::parse2::<FunctionItem>(function.clone()) {
        Ok(function) => function,
        Err(error) => {
            errors.add(error);
            let errors = errors.finish();
            return quote!(#function #errors);
        }
    };
    let model = lower::lower(&options, function, &mut errors);
    let output =
        if errors.is_empty() { expand::expand(&model) } else { fallback::fallback(&model) };
    let errors = errors.finish();
    quote!(#output #errors)
}
