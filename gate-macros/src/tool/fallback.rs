//! What is emitted where something is wrong: the names that other code uses, so that one mistake does not cascade.

use proc_macro2::TokenStream;
use quote::quote;

use super::expand::{call_type, debug};
use super::model::Model;

/// The type with the arguments that are in order, the function, and a tool that never runs: this does not compile anyway.
pub(crate) fn fallback(model: &Model) -> TokenStream {
    let Model { runtime, conditions, docs, visibility, function, call, output, .. } = model;
    let call_type = call_type(model);
    let debug = debug(model);
    let parameters = model.direct_parameters();
    let state = model.state.as_ref().map_or_else(|| quote!(()), |state| quote!(#state));
    quote! {
        #call_type

        #(#conditions)*
        #(#docs)*
        #[allow(dead_code, unused_variables, clippy::all, clippy::pedantic, reason = "only stands in")]
        #visibility async fn #function<__R: #runtime::Offers<#call>>(
            __run: &#runtime::Run<__R>,
            #(#parameters),*
        ) -> ::core::result::Result<#output, #runtime::CallError> {
            loop {}
        }

        #(#conditions)*
        const _: () = {
            use #runtime as __gate;

            #debug

            #[allow(unused_variables, clippy::all, clippy::pedantic, reason = "only stands in")]
            impl __gate::Tool for #call {
                type State = #state;
                type Output = #output;
                const NAME: &'static str = "";
                const ABOUT: __gate::__private::About = loop {};
                fn policy() -> __gate::Policy<Self> {
                    loop {}
                }
                fn codec() -> __gate::__private::Codec<Self> {
                    loop {}
                }
                fn outcome(__output: &Self::Output) -> __gate::ToolOutcome {
                    loop {}
                }
                async fn run(__permit: __gate::Permit<Self>, __state: &Self::State) -> Self::Output {
                    loop {}
                }
            }

            impl<__S> __gate::InState<__S> for #call {
                fn share(__state: &::std::sync::Arc<__S>) -> ::std::sync::Arc<dyn __gate::Provides<#state>> {
                    loop {}
                }
            }
        };
    }
}
