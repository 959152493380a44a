//! Emits the code of a tool. It cannot fail, because everything was checked.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned;

use super::model::{Argument, Parameter, SummaryPart, SummaryPlaceholder, ToolHints, ToolModel};
use crate::function_item::doc_text;
use crate::names::{capitalised, parameter};

pub(crate) fn expand(model: &ToolModel) -> TokenStream {
    let ToolModel { runtime, conditions, .. } = model;
    let call_type = call_type(model);
    let direct = direct_function(model);
    let parts = parts(model);
    let impls = [debug(model), tool(model), in_state(model), reconciled(model)];
    quote! {
        #call_type
        #direct
        #(#conditions)*
        const _: () = {
            use #runtime as __gate;
            #(#parts)*
            #(#impls)*
        };
    }
}

/// ```text
/// /// Issue a refund.
/// pub struct IssueRefund { /** The order. */ pub order_id: String, pub amount_cents: u64 }
/// ```
pub(crate) fn call_type(model: &ToolModel) -> TokenStream {
    let ToolModel { conditions, docs, visibility, call, .. } = model;
    let fields = model
        .arguments
        .iter()
        .map(|Argument { name, ty, docs, .. }| quote!(#(#docs)* #visibility #name: #ty));
    quote! {
        #(#conditions)*
        #(#docs)*
        #[allow(
            dead_code,
            missing_docs,
            reason = "every argument is a field, whether a rule reads it or not"
        )]
        #visibility struct #call { #(#fields),* }
    }
}

/// The direct function returns a future of a known type, because one that names `__R` would repeat
/// a missing tool's error at every use.
///
/// ```text
/// pub fn issue_refund<__R: Offers<IssueRefund>>(
///     __run: &Run<__R>,
///     order_id: String,
///     amount_cents: u64,
/// ) -> BoxFuture<'_, Result<Receipt, CallError>> {
///     __run.call(IssueRefund { order_id, amount_cents })
/// }
/// ```
fn direct_function(model: &ToolModel) -> TokenStream {
    let ToolModel { call, .. } = model;
    let names = model.arguments.iter().map(|argument| &argument.name);
    direct_signature(model, &quote!(__run.call(#call { #(#names),* })))
}

/// Returns the function that replaces the user's, with a body.
pub(crate) fn direct_signature(model: &ToolModel, body: &TokenStream) -> TokenStream {
    let ToolModel { runtime, conditions, docs, visibility, function, call, output, .. } = model;
    let parameters = model.direct_parameters();
    quote! {
        #(#conditions)*
        #(#docs)*
        #[allow(
            dead_code,
            unused_variables,
            clippy::too_many_arguments,
            clippy::missing_errors_doc,
            reason = "it has the tool's own arguments"
        )]
        #visibility fn #function<'__run, __R: #runtime::tool::Offers<#call>>(
            __run: &'__run #runtime::Run<__R>,
            #(#parameters),*
        ) -> #runtime::store::BoxFuture<
            '__run,
            ::core::result::Result<#output, #runtime::CallError>,
        > {
            #body
        }
    }
}

/// Implements `Debug` without the values, so that arguments are not logged by accident.
pub(crate) fn debug(model: &ToolModel) -> TokenStream {
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

/// Returns the arguments with attributes, each as the only field of a struct whose derives use the
/// attributes.
///
/// A type parameter replaces the argument's type, so that a missing trait is reported once, where
/// [`tool`] names the type, and not by each derive. If an attribute names functions for the type,
/// the field has the type itself.
///
/// ```text
/// #[derive(Serialize, Deserialize, JsonSchema)]
/// struct __Argument1<__A1> { /** In cents. */ #[schemars(range(min = 1))] amount_cents: __A1 }
/// impl<__A1: ToolArg> Part for __Argument1<__A1> {}
/// ```
fn parts(model: &ToolModel) -> impl Iterator<Item = TokenStream> {
    let ToolModel { runtime, .. } = model;
    let (serde, schemars) = (runtime.private("serde"), runtime.private("schemars"));
    let parts = model.arguments.iter().enumerate().filter(|(_, argument)| argument.is_part());
    parts.map(move |(index, argument)| {
        let Argument { name, ty, docs, attributes, is_secret } = argument;
        let argument_ident = part_name(index);
        let secret = is_secret.then(|| quote!(#[schemars(extend("x-gate-secret" = true))]));
        let parameter_name = parameter(index);
        let (parameters, bounded, ty) = if argument.is_concrete() {
            (quote!(), quote!(), quote!(#ty))
        } else {
            (
                quote!(<#parameter_name>),
                quote!(<#parameter_name: __gate::tool::ToolArg>),
                quote!(#parameter_name),
            )
        };
        quote! {
            #[derive(
                __gate::__private::serde::Serialize,
                __gate::__private::serde::Deserialize,
                __gate::__private::schemars::JsonSchema
            )]
            #[serde(crate = #serde)]
            #[schemars(crate = #schemars)]
            struct #argument_ident #parameters { #(#docs)* #(#attributes)* #secret #name: #ty }

            impl #bounded __gate::__private::ArgumentPart for #argument_ident #parameters {}
        }
    })
}

fn part_name(index: usize) -> Ident {
    Ident::new(&format!("__Argument{index}"), Span::mixed_site())
}

/// Returns the type that reads and writes an argument: its own type, or its part with that type
/// filled in.
fn way(index: usize, argument: &Argument) -> TokenStream {
    let ty = &argument.ty;
    if !argument.is_part() {
        return quote!(#ty);
    }
    let part = part_name(index);
    if argument.is_concrete() { quote!(#part) } else { quote!(#part<#ty>) }
}

/// Emits the three conversions of the arguments: to the schema, from JSON, and to JSON.
///
/// A missing trait of an argument is reported only at the user's own type, because all of its
/// traits are probed for.
///
/// ```text
/// fn arguments(__into: &mut Arguments) {
///     is_argument::<String>();
///     Probe::<String>::new().argument(__into, "order_id", "The order.", false);
///     Probe::<__Argument1<u64>>::new().part(__into);
/// }
/// fn read(__from: &Value) -> Result<Self, Error> {
///     Ok(Self {
///         order_id: Probe::<String>::new().take(__from, "order_id")?,
///         amount_cents: Probe::<__Argument1<u64>>::new().take_part(__from)?.amount_cents,
///     })
/// }
/// fn write(self) -> Result<(Value, Self), Error> { … }
/// ```
fn codec(model: &ToolModel) -> TokenStream {
    let all = || model.arguments.iter().enumerate();
    let checks = all()
        .filter(|(_, argument)| !argument.is_concrete())
        .map(|(_, Argument { ty, .. })| {
            quote_spanned!(at(ty)=> __gate::__private::is_argument::<#ty>();)
        });
    let lists = all().map(|(index, argument)| {
        let way = way(index, argument);
        if argument.is_part() {
            return quote!(__gate::__private::Probe::<#way>::new().part(__into););
        }
        let Argument { name, docs, is_secret, .. } = argument;
        let (name, about) = (plain(name), doc_text(docs));
        quote!(__gate::__private::Probe::<#way>::new().argument(__into, #name, #about, #is_secret);)
    });
    let reads = all().map(|(index, argument)| {
        let (way, name) = (way(index, argument), &argument.name);
        if argument.is_part() {
            return quote!(#name: __gate::__private::Probe::<#way>::new().take_part(__from)?.#name);
        }
        let text = plain(name);
        quote!(#name: __gate::__private::Probe::<#way>::new().take(__from, #text)?)
    });
    let writes = all().map(|(index, argument)| {
        let (way, name) = (way(index, argument), &argument.name);
        if argument.is_part() {
            let part = part_name(index);
            return quote! {
                let #part { #name } =
                    __gate::__private::Probe::<#way>::new().put_part(&mut __into, #part { #name })?;
            };
        }
        let text = plain(name);
        quote!(__gate::__private::Probe::<#way>::new().put(&mut __into, #text, &#name)?;)
    });
    let names: Vec<&Ident> = model.arguments.iter().map(|argument| &argument.name).collect();
    let uses = quote! {
        #[allow(
            unused_imports,
            reason = "needed where an argument does not fit, which is said at its type"
        )]
        use __gate::__private::ProbeUnfit as _;
    };
    quote! {
        fn arguments(__into: &mut __gate::__private::ArgumentList) {
            #uses
            let _ = &__into;
            #(#checks)*
            #(#lists)*
        }

        fn read(
            __from: &__gate::__private::serde_json::Value
        ) -> ::core::result::Result<Self, __gate::__private::serde_json::Error> {
            #uses
            let _ = __from;
            ::core::result::Result::Ok(Self { #(#reads),* })
        }

        fn write(
            self,
        ) -> ::core::result::Result<
            (__gate::__private::serde_json::Value, Self),
            __gate::__private::serde_json::Error
        > {
            #uses
            #[allow(unused_mut, reason = "some tools take nothing")]
            let mut __into = __gate::__private::serde_json::Map::new();
            let Self { #(#names),* } = self;
            #(#writes)*
            ::core::result::Result::Ok((
                __gate::__private::serde_json::Value::Object(__into),
                Self { #(#names),* }
            ))
        }
    }
}

/// Returns the name of a field in JSON: `r#type` is `type`.
fn plain(name: &Ident) -> String {
    name.unraw().to_string()
}

/// ```text
/// impl Tool for IssueRefund {
///     type State = Billing;
///     type Output = Receipt;
///     const NAME: &'static str = "issue_refund";
///     const ABOUT: About = About { … };
///     fn policy() -> Policy<Self> { policy_of::<Self, _>(refunds) }
///     fn arguments(__into: &mut Arguments) { … }
///     fn read(__from: &Value) -> Result<Self, Error> { … }
///     fn write(self) -> Result<(Value, Self), Error> { … }
///     fn outcome(output: &Self::Output) -> ToolOutcome { Probe::<Receipt>::new().outcome(output) }
///     fn run(
///         __permit: Permit<Self>,
///         __state: &Billing,
///     ) -> impl Future<Output = Receipt> + Send { … }
/// }
/// ```
fn tool(model: &ToolModel) -> TokenStream {
    let ToolModel { call, name, output, policy, .. } = model;
    let state = model.state.as_ref().map_or_else(|| quote!(()), |state| quote!(#state));
    let about = about(model);
    let policy = policy
        .as_ref()
        .map(|path| quote_spanned!(at(path)=> __gate::__private::policy_of::<Self, _>(#path)));
    let codec = codec(model);
    let summary = summary(model);
    let output_ident = quote!(__output);
    let outcome = quote_spanned!(at(output)=>
        __gate::__private::Probe::<#output>::new().outcome(#output_ident)
    );
    let run = run(model, &state);
    let reconciler = model.reconciler.is_some().then(|| {
        quote! {
            const RECONCILER: ::core::option::Option<__gate::__private::ToolReconciler> =
                ::core::option::Option::Some(__gate::__private::ToolReconciler::of::<Self>());
        }
    });
    quote! {
        #[automatically_derived]
        impl __gate::Tool for #call {
            type State = #state;
            type Output = #output;
            const NAME: &'static str = #name;
            const ABOUT: __gate::__private::ToolMetadata = #about;

            fn policy() -> __gate::Policy<Self> {
                #policy
            }

            #summary

            #codec

            fn outcome(__output: &Self::Output) -> __gate::tool::ToolOutcome {
                #[allow(unused_imports, reason = "needed for what is not a `Result`")]
                use __gate::__private::ProbePlain as _;
                #outcome
            }

            #reconciler
            #run
        }
    }
}

/// Emits the summary. The compiler looks up each field, and reports at the literal if its type does
/// not have the format.
///
/// ```text
/// fn summary() -> Option<Summary> {
///     let _ = |__call: &Self| { summary::cents(&__call.amount_cents); };
///     Some(Summary::new([
///         SummaryPart::Words("Refund ".into()),
///         SummaryPart::Argument { pointer: "/amount_cents".into(), format: Cents },
///     ]))
/// }
/// ```
fn summary(model: &ToolModel) -> Option<TokenStream> {
    let summary = model.summary.as_ref()?;
    let placeholders = || {
        summary.parts.iter().filter_map(|part| {
            if let SummaryPart::Place(placeholder) = part { Some(placeholder) } else { None }
        })
    };
    let summary_span = Span::mixed_site().located_at(summary.span);
    let called = Ident::new("__call", summary_span);
    let looks = placeholders().map(|SummaryPlaceholder { argument, fields, format, .. }| {
        let value = quote_spanned!(summary_span=> &#called.#argument #(.#fields)*);
        if let Some(format) = format {
            quote_spanned!(summary_span=> __gate::tool::summary::#format(#value);)
        } else {
            quote_spanned!(summary_span=> let _ = #value;)
        }
    });
    let parts = summary.parts.iter().map(|part| match part {
        SummaryPart::Words(text) => quote!(__gate::tool::SummaryPart::Words(#text.into())),
        SummaryPart::Place(SummaryPlaceholder { pointer, format, .. }) => {
            let name = format
                .as_ref()
                .map_or_else(|| "Plain".to_owned(), |format| capitalised(&format.to_string()));
            let format = Ident::new(&name, Span::mixed_site());
            quote!(__gate::tool::SummaryPart::Argument {
                pointer: #pointer.into(),
                format: __gate::tool::SummaryFormat::#format
            })
        }
    });
    Some(quote! {
        fn summary() -> ::core::option::Option<__gate::tool::ToolSummary> {
            let _ = |#called: &Self| { #(#looks)* };
            ::core::option::Option::Some(__gate::tool::ToolSummary::new([#(#parts),*]))
        }
    })
}

/// ```text
/// impl Reconciled for IssueRefund {
///     fn happened(
///         __call: Call<Self>,
///     ) -> Pin<Box<dyn Future<Output = ReconcileOutcome<Receipt>> + Send>> {
///         Box::pin(was_refunded(__call))
///     }
/// }
/// ```
fn reconciled(model: &ToolModel) -> TokenStream {
    let ToolModel { call, output, reconciler, .. } = model;
    let Some(path) = reconciler else { return TokenStream::new() };
    let call_ident = Ident::new("__call", at(path));
    let finding = quote_spanned!(at(path)=> ::std::boxed::Box::pin(#path(#call_ident)));
    quote! {
        #[automatically_derived]
        impl __gate::__private::ReconcilableTool for #call {
            fn happened(
                #call_ident: __gate::Call<Self>,
            ) -> ::core::pin::Pin<
                ::std::boxed::Box<
                    dyn ::core::future::Future<Output = __gate::tool::ReconcileOutcome<#output>>
                        + ::core::marker::Send
                >
            > {
                #finding
            }
        }
    }
}

/// Returns the span of the user's tokens for generated ones, so that errors point there, and lints
/// treat them as generated.
fn at(tokens: &impl Spanned) -> Span {
    Span::mixed_site().located_at(tokens.span())
}

fn about(model: &ToolModel) -> TokenStream {
    let ToolModel { description, output, source, hints, asks_on_error, .. } = model;
    let ToolHints { read_only, destructive, idempotent, open_world } = hints;
    let title = optional(model.title.as_ref().map(|title| quote!(#title)));
    let is_state_sync = model.state.as_ref().map_or_else(
        || quote!(true),
        |state| {
            quote! {{
                #[allow(unused_imports, reason = "needed for a state that is not `Sync`")]
                use __gate::__private::ProbeUnshared as _;
                __gate::__private::Probe::<#state>::IS_SYNC
            }}
        },
    );
    let timeout =
        optional(model.timeout.map(|time| quote!(::core::time::Duration::from_millis(#time))));
    quote! {
        __gate::__private::ToolMetadata {
            title: #title,
            description: #description,
            annotations: __gate::tool::Annotations {
                read_only: #read_only,
                destructive: #destructive,
                idempotent: #idempotent,
                open_world: #open_world,
            },
            timeout: #timeout,
            asks_on_error: #asks_on_error,
            output: || {
                #[allow(unused_imports, reason = "each is needed for some types")]
                use __gate::__private::{ProbePlain as _, ProbeSchemaless as _};
                __gate::__private::Probe::<#output>::new().good().schema()
            },
            source: #source,
            is_state_sync: #is_state_sync,
        }
    }
}

fn optional(value: Option<TokenStream>) -> TokenStream {
    value.map_or_else(
        || quote!(::core::option::Option::None),
        |value| quote!(::core::option::Option::Some(#value)),
    )
}

/// Emits the body, unchanged, inside the function that requires a permit.
///
/// Only the body itself is in scope of its name, and the name is a hash of its text, so a body that
/// contained its own name would have another name.
///
/// The future is the body's own, because a wrapper would be compiled for each tool, too. Only a
/// body that waits and borrows the context needs a future that holds the context. A body that
/// borrows a state that is not `Sync` causes no error here, but in the registry.
///
/// ```text
/// fn run(__permit: Permit<Self>, __state: &Billing) -> impl Future<Output = Receipt> + Send {
///     async fn __body_96d2a3c1(
///         billing: &Billing,
///         order_id: String,
///         amount_cents: u64,
///     ) -> Receipt { … }
///     let (__call, __context) = __permit.open();
///     Probe::<Billing>::new().body(__body_96d2a3c1(__state, __call.order_id, __call.amount_cents))
/// }
/// ```
fn run(model: &ToolModel, state: &TokenStream) -> TokenStream {
    let ToolModel { attributes, signature, body, output, parameters, source, .. } = model;
    let mut signature = signature.clone();
    let hidden = Ident::new(&format!("__body_{:016x}", hash(source)), signature.ident.span());
    signature.ident = hidden.clone();
    let takes_context =
        parameters.iter().any(|parameter| matches!(parameter, Parameter::Context(_)));
    let passed = parameters.iter().map(|parameter| match parameter {
        Parameter::Argument(name) => quote!(__call.#name),
        Parameter::State => quote!(__state),
        Parameter::Context(ty) => {
            let context = quote!(__context);
            quote_spanned!(at(ty)=> &#context)
        }
    });
    let called = quote!(#hidden(#(#passed),*));
    let name = Ident::new("run", Span::mixed_site().located_at(model.function.span()));
    let future = quote_spanned! {at(&model.function)=>
        impl ::core::future::Future<Output = #output> + ::core::marker::Send
    };
    let body_future = match (signature.asyncness, takes_context) {
        (Some(_), true) => quote!(async move { #called.await }),
        (Some(_), false) => called,
        (None, _) => quote!(::core::future::ready(#called)),
    };
    let end = match (&model.state, signature.asyncness) {
        (Some(_), Some(_)) => quote! {
            #[allow(unused_imports, reason = "needed for a state that is not `Sync`")]
            use __gate::__private::ProbeUnshared as _;
            __gate::__private::Probe::<#state>::new().body(#body_future)
        },
        _ => body_future,
    };
    quote! {
        fn #name(__permit: __gate::Permit<Self>, __state: &#state) -> #future {
            #(#attributes)*
            #[allow(
                clippy::needless_pass_by_value,
                clippy::too_many_arguments,
                clippy::unused_async,
                reason = "a model passes owned values"
            )]
            #signature #body
            let (__call, __context) = __permit.open();
            #end
        }
    }
}

/// Returns the FNV-1a hash, in 64 bits, which is the same for every compiler.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    })
}

/// ```text
/// impl<__S: Provides<Billing>> InState<__S> for IssueRefund { … }
/// ```
pub(crate) fn in_state(model: &ToolModel) -> TokenStream {
    let call = &model.call;
    let (bound, state, shared) = match &model.state {
        Some(state) => (
            Some(quote!(: __gate::tool::Provides<#state>)),
            quote!(#state),
            quote!(::std::sync::Arc::<__S>::clone(__state)),
        ),
        None => (None, quote!(()), quote!(::std::sync::Arc::new(()))),
    };
    quote! {
        #[automatically_derived]
        impl<__S #bound> __gate::tool::InState<__S> for #call {
            fn share(__state: &::std::sync::Arc<__S>) -> __gate::__private::SharedState<#state>
            where
                __S: ::core::marker::Send + ::core::marker::Sync,
            {
                let _ = __state;
                #shared
            }
        }
    }
}
