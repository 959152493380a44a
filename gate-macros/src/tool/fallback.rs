//! Emits code for a tool with mistakes: the names that other code uses, so that one mistake does
//! not cause further errors.

use proc_macro2::TokenStream;
use quote::quote;

use super::expand::{call_type, debug, direct_signature};
use super::model::ToolModel;

/// Emits the type with the valid arguments, the function, and a tool that never runs, because the
/// crate does not compile anyway.
pub(crate) fn fallback(model: &ToolModel) -> TokenStream {
    let ToolModel { runtime, conditions, docs, visibility, call, output, .. } = model;
    if model.is_method {
        let ToolModel { attributes, signature, body, .. } = model;
        return quote!(#(#conditions)* #(#docs)* #(#attributes)* #visibility #signature #body);
    }
    let call_type = call_type(model);
    let debug = debug(model);
    let state = model.state.as_ref().map_or_else(|| quote!(()), |state| quote!(#state));
    let direct = direct_signature(model, &quote!(loop {}));
    quote! {
        #call_type
        #direct

        #(#conditions)*
        const _: () = {
            use #runtime as __gate;

            #debug

            #[allow(unused_variables, clippy::all, clippy::pedantic, reason = "only stands in")]
            impl __gate::Tool for #call {
                type State = #state;
                type Output = #output;
                const NAME: &'static str = __gate::__private::MISTAKEN;
                const ABOUT: __gate::__private::ToolMetadata = loop {};
                fn policy() -> __gate::Policy<Self> {
                    loop {}
                }
                fn arguments(__into: &mut __gate::__private::ArgumentList) {
                    loop {}
                }
                fn read(
                    __from: &__gate::__private::serde_json::Value,
                ) -> ::core::result::Result<Self, __gate::__private::serde_json::Error> {
                    loop {}
                }
                fn write(
                    self,
                ) -> ::core::result::Result<
                    (__gate::__private::serde_json::Value, Self),
                    __gate::__private::serde_json::Error,
                > {
                    loop {}
                }
                fn outcome(__output: &Self::Output) -> __gate::tool::ToolOutcome {
                    loop {}
                }
                async fn run(
                    __permit: __gate::Permit<Self>,
                    __state: &Self::State
                ) -> Self::Output {
                    loop {}
                }
            }

            impl<__S> __gate::tool::InState<__S> for #call {
                fn share(__state: &::std::sync::Arc<__S>) -> __gate::__private::SharedState<#state>
                where
                    __S: ::core::marker::Send + ::core::marker::Sync,
                {
                    loop {}
                }
            }
        };
    }
}
