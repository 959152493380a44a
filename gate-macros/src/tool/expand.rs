//! What is emitted for a tool. It cannot fail: everything was checked.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::model::{Argument, Hints, Model, Parameter};
use crate::names::parameter;

pub(crate) fn expand(model: &Model) -> TokenStream {
    let Model { runtime, conditions, .. } = model;
    let call_type = call_type(model);
    let direct = direct_function(model);
    let impls = [debug(model), arguments(model), tool(model), in_state(model)];
    quote! {
        #call_type
        #direct
        #(#conditions)*
        const _: () = {
            use #runtime as __gate;
            #(#impls)*
        };
    }
}

/// ```text
/// /// Issue a refund.
/// pub struct IssueRefund { /** The order. */ pub order_id: String, pub amount_cents: u64 }
/// ```
pub(crate) fn call_type(model: &Model) -> TokenStream {
    let Model { conditions, docs, visibility, call, .. } = model;
    let fields = model.arguments.iter().map(|Argument { name, ty, docs, .. }| quote!(#(#docs)* #visibility #name: #ty));
    quote! {
        #(#conditions)*
        #(#docs)*
        #[allow(dead_code, missing_docs, reason = "every argument is a field, whether a rule reads it or not")]
        #visibility struct #call { #(#fields),* }
    }
}

/// It returns a future of a known type: one that names `__R` would repeat a missing tool's error at every use.
///
/// ```text
/// pub fn issue_refund<__R: Offers<IssueRefund>>(__run: &Run<__R>, order_id: String, amount_cents: u64)
///     -> BoxFuture<'_, Result<Receipt, CallError>>
/// {
///     __run.call(IssueRefund { order_id, amount_cents })
/// }
/// ```
fn direct_function(model: &Model) -> TokenStream {
    let Model { call, .. } = model;
    let names = model.arguments.iter().map(|argument| &argument.name);
    direct_signature(model, &quote!(__run.call(#call { #(#names),* })))
}

/// The function that takes the place of the user's, with a body.
pub(crate) fn direct_signature(model: &Model, body: &TokenStream) -> TokenStream {
    let Model { runtime, conditions, docs, visibility, function, call, output, .. } = model;
    let parameters = model.direct_parameters();
    quote! {
        #(#conditions)*
        #(#docs)*
        #[allow(dead_code, unused_variables, clippy::too_many_arguments, clippy::missing_errors_doc, reason = "it has the tool's own arguments")]
        #visibility fn #function<__R: #runtime::Offers<#call>>(
            __run: &#runtime::Run<__R>,
            #(#parameters),*
        ) -> #runtime::BoxFuture<'_, ::core::result::Result<#output, #runtime::CallError>> {
            #body
        }
    }
}

/// `Debug` without the values: arguments go nowhere unasked.
pub(crate) fn debug(model: &Model) -> TokenStream {
    let call = &model.call;
    let name = call.to_string();
    quote! {
        #[automatically_derived]
        impl ::core::fmt::Debug for #call {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(#name).finish_non_exhaustive()
            }
        }
    }
}

/// The arguments as serde and schemars see them.
///
/// A type parameter stands for each argument's type, so that what a type lacks is said once, where [`tool`] names it, and not by
/// each derive. Where an attribute names functions for the type, the type itself stands there.
///
/// ```text
/// #[derive(Serialize, Deserialize, JsonSchema)]
/// #[serde(deny_unknown_fields)]
/// struct __Args<__A0, __A1> { order_id: __A0, amount_cents: __A1 }
/// impl<__A0: ToolArg, __A1: ToolArg> ToolArgs for __Args<__A0, __A1> {}
/// impl From<__Args<String, u64>> for IssueRefund { … }
/// impl From<IssueRefund> for __Args<String, u64> { … }
/// ```
fn arguments(model: &Model) -> TokenStream {
    let Model { runtime, call, .. } = model;
    let (serde, schemars) = (runtime.private("serde"), runtime.private("schemars"));
    let title = call.to_string();
    let parameters: Vec<Ident> = generic(model).map(|(index, _)| parameter(index)).collect();
    let fields = model.arguments.iter().enumerate().map(|(index, argument)| {
        let Argument { name, ty, docs, attributes, is_secret } = argument;
        let secret = is_secret.then(|| quote!(#[schemars(extend("x-gate-secret" = true))]));
        let ty = if argument.is_concrete() {
            quote!(#ty)
        } else {
            let parameter = parameter(index);
            quote!(#parameter)
        };
        quote!(#(#docs)* #(#attributes)* #secret #name: #ty)
    });
    let names: Vec<&Ident> = model.arguments.iter().map(|argument| &argument.name).collect();
    let filled = filled_arguments(model);
    quote! {
        #[derive(__gate::__private::serde::Serialize, __gate::__private::serde::Deserialize, __gate::__private::schemars::JsonSchema)]
        #[serde(crate = #serde, deny_unknown_fields)]
        #[schemars(crate = #schemars, rename = #title)]
        struct __Args<#(#parameters),*> { #(#fields),* }

        impl<#(#parameters: __gate::ToolArg),*> __gate::__private::ToolArgs for __Args<#(#parameters),*> {}

        impl ::core::convert::From<#filled> for #call {
            fn from(__args: #filled) -> Self {
                Self { #(#names: __args.#names),* }
            }
        }

        impl ::core::convert::From<#call> for #filled {
            fn from(__call: #call) -> Self {
                Self { #(#names: __call.#names),* }
            }
        }
    }
}

/// The arguments for which a type parameter stands.
fn generic(model: &Model) -> impl Iterator<Item = (usize, &Argument)> {
    model.arguments.iter().enumerate().filter(|(_, argument)| !argument.is_concrete())
}

/// `__Args<String, u64>`, each type at the user's own tokens.
fn filled_arguments(model: &Model) -> TokenStream {
    let types = generic(model).map(|(_, argument)| &argument.ty);
    quote!(__Args<#(#types),*>)
}

/// ```text
/// impl Tool for IssueRefund {
///     type State = Billing;
///     type Output = Receipt;
///     const NAME: &'static str = "issue_refund";
///     const ABOUT: About = About { … };
///     fn policy() -> Policy<Self> { refunds() }
///     fn codec() -> Codec<Self> { is_argument::<String>(); …; Probe::<__Args<String, u64>>::new().codec() }
///     fn into_json(self) -> Result<Value, Error> { Probe::<__Args<String, u64>>::new().json(self) }
///     fn outcome(output: &Self::Output) -> ToolOutcome { Probe::<Receipt>::new().outcome(output) }
///     fn run(__permit: Permit<Self>, __state: &Billing) -> impl Future<Output = Receipt> + Send { … }
/// }
/// ```
fn tool(model: &Model) -> TokenStream {
    let Model { call, name, output, policy, .. } = model;
    let state = model.state.as_ref().map_or_else(|| quote!(()), |state| quote!(#state));
    let about = about(model);
    let policy = policy.as_ref().map(|path| quote_spanned!(at(path)=> #path()));
    let filled = filled_arguments(model);
    let returned = quote!(__output);
    let outcome = quote_spanned!(at(output)=> __gate::__private::Probe::<#output>::new().outcome(#returned));
    let run = run(model, &state);
    // What an argument lacks is said here, at the user's own type, and nowhere else: the codec is probed for.
    let checks = generic(model).map(|(_, argument)| &argument.ty);
    let checks = checks.map(|ty| quote_spanned!(at(ty)=> __gate::__private::is_argument::<#ty>();));
    quote! {
        #[automatically_derived]
        impl __gate::Tool for #call {
            type State = #state;
            type Output = #output;
            const NAME: &'static str = #name;
            const ABOUT: __gate::__private::About = #about;

            fn policy() -> __gate::Policy<Self> {
                #policy
            }

            fn codec() -> __gate::__private::Codec<Self> {
                #[allow(unused_imports, reason = "needed where an argument does not fit, which is said below")]
                use __gate::__private::ProbeUnfit as _;
                #(#checks)*
                __gate::__private::Probe::<#filled>::new().codec()
            }

            fn into_json(
                self,
            ) -> ::core::result::Result<__gate::__private::serde_json::Value, __gate::__private::serde_json::Error> {
                #[allow(unused_imports, reason = "needed where an argument does not fit, which is said above")]
                use __gate::__private::ProbeUnfit as _;
                __gate::__private::Probe::<#filled>::new().json(self)
            }

            fn outcome(__output: &Self::Output) -> __gate::ToolOutcome {
                #[allow(unused_imports, reason = "needed for what is not a `Result`")]
                use __gate::__private::ProbePlain as _;
                #outcome
            }

            #run
        }
    }
}

/// The place of the user's tokens, for generated ones: errors point there, lints know that nobody wrote them.
fn at(tokens: &impl Spanned) -> Span {
    Span::mixed_site().located_at(tokens.span())
}

fn about(model: &Model) -> TokenStream {
    let Model { description, output, source, hints, .. } = model;
    let Hints { read_only, destructive, idempotent, open_world } = hints;
    let title = optional(model.title.as_ref().map(|title| quote!(#title)));
    let timeout = optional(model.timeout.map(|time| quote!(::core::time::Duration::from_millis(#time))));
    quote! {
        __gate::__private::About {
            title: #title,
            description: #description,
            annotations: __gate::Annotations {
                read_only: #read_only,
                destructive: #destructive,
                idempotent: #idempotent,
                open_world: #open_world,
            },
            timeout: #timeout,
            output: || {
                #[allow(unused_imports, reason = "each is needed for some types")]
                use __gate::__private::{ProbePlain as _, ProbeSchemaless as _};
                __gate::__private::Probe::<#output>::new().good().schema()
            },
            source: #source,
        }
    }
}

fn optional(value: Option<TokenStream>) -> TokenStream {
    value.map_or_else(|| quote!(::core::option::Option::None), |value| quote!(::core::option::Option::Some(#value)))
}

/// The body, as it was written, where only a permit leads. It has no name that it could call itself by.
///
/// The future is the body's own: one around it would be compiled for each tool too. Only a body that waits and borrows the context
/// needs one that holds the context.
///
/// ```text
/// fn run(__permit: Permit<Self>, __state: &Billing) -> impl Future<Output = Receipt> + Send {
///     async fn __body(billing: &Billing, order_id: String, amount_cents: u64) -> Receipt { … }
///     let (__call, __context) = __permit.open();
///     __body(__state, __call.order_id, __call.amount_cents)
/// }
/// ```
fn run(model: &Model, state: &TokenStream) -> TokenStream {
    let Model { attributes, signature, body, output, parameters, .. } = model;
    let mut signature = signature.clone();
    signature.ident = Ident::new("__body", signature.ident.span());
    let takes_context = parameters.iter().any(|parameter| matches!(parameter, Parameter::Context(_)));
    let passed = parameters.iter().map(|parameter| match parameter {
        Parameter::Argument(name) => quote!(__call.#name),
        Parameter::State => quote!(__state),
        Parameter::Context(ty) => {
            let context = quote!(__context);
            quote_spanned!(at(ty)=> &#context)
        }
    });
    let called = quote!(__body(#(#passed),*));
    let name = Ident::new("run", Span::mixed_site().located_at(model.function.span()));
    let future =
        quote_spanned!(at(&model.function)=> impl ::core::future::Future<Output = #output> + ::core::marker::Send);
    let (kind, returned, end) = match (signature.asyncness, takes_context) {
        (Some(_), true) => (quote!(async), quote!(#output), quote!(#called.await)),
        (Some(_), false) => (quote!(), future, called),
        (None, _) => (quote!(), future, quote!(::core::future::ready(#called))),
    };
    quote! {
        #kind fn #name(__permit: __gate::Permit<Self>, __state: &#state) -> #returned {
            #(#attributes)*
            #[allow(clippy::needless_pass_by_value, clippy::too_many_arguments, clippy::unused_async, reason = "a model passes owned values")]
            #signature #body
            let (__call, __context) = __permit.open();
            #end
        }
    }
}

/// ```text
/// impl<__S: Provides<Billing>> InState<__S> for IssueRefund { … }
/// ```
pub(crate) fn in_state(model: &Model) -> TokenStream {
    let call = &model.call;
    let (bound, state, share) = match &model.state {
        Some(state) => {
            (Some(quote!(: __gate::Provides<#state>)), quote!(#state), quote!(::std::sync::Arc::<__S>::clone(__state)))
        }
        None => (None, quote!(()), quote!(::std::sync::Arc::new(()))),
    };
    quote! {
        #[automatically_derived]
        impl<__S #bound> __gate::InState<__S> for #call {
            fn share(__state: &::std::sync::Arc<__S>) -> ::std::sync::Arc<dyn __gate::Provides<#state>> {
                let _ = __state;
                #share
            }
        }
    }
}
