//! `registry!`: a set of tools, checked as a whole.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Attribute, Ident, Path, Token, Type, Visibility, braced};

use crate::errors::ErrorAccumulator;
use crate::names::RuntimePath;

/// The number of tools that the strictest provider takes.
const MOST: usize = 128;

pub(crate) fn registry(input: TokenStream) -> TokenStream {
    let mut errors = ErrorAccumulator::default();
    let registry = match syn::parse2::<RegistryInput>(input) {
        Ok(registry) => registry,
        Err(error) => {
            errors.add(error);
            return errors.finish();
        }
    };
    let tools = check(&registry.tools, &mut errors);
    let output = expand(&registry, &tools);
    let errors = errors.finish();
    quote!(#output #errors)
}

/// `crate = ::path; /// docs  pub Name for State { Tool, path::to::Tool }`.
struct RegistryInput {
    runtime: Option<Path>,
    attributes: Vec<Attribute>,
    visibility: Visibility,
    name: Ident,
    state: Type,
    tools: Punctuated<Path, Token![,]>,
}

impl Parse for RegistryInput {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut runtime = None;
        if input.peek(Token![crate]) && input.peek2(Token![=]) {
            input.parse::<Token![crate]>()?;
            input.parse::<Token![=]>()?;
            runtime = Some(input.call(Path::parse_mod_style)?);
            input.parse::<Token![;]>()?;
        }
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let name: Ident = input.parse()?;
        if !input.peek(Token![for]) {
            let message = format!(
                "expected `for` and the type of the state: `{name} for YourState {{ … }}`, or \
                 `for ()` without one"
            );
            return Err(syn::Error::new(input.span(), message));
        }
        input.parse::<Token![for]>()?;
        let state = input.parse()?;
        let inner;
        braced!(inner in input);
        let tools = inner.parse_terminated(Path::parse_mod_style, Token![,])?;
        Ok(Self { runtime, attributes, visibility, name, state, tools })
    }
}

/// One tool of a registry: its type, and the name of its variant.
struct ToolVariant<'a> {
    path: &'a Path,
    variant: &'a Ident,
}

/// Each tool once, and not more of them than a provider takes. What is wrong is left out.
fn check<'a>(
    tools: &'a Punctuated<Path, Token![,]>,
    errors: &mut ErrorAccumulator,
) -> Vec<ToolVariant<'a>> {
    let mut listed: Vec<ToolVariant<'a>> = Vec::new();
    for (index, path) in tools.iter().enumerate() {
        let Some(variant) = path.segments.last().map(|segment| &segment.ident) else { continue };
        if index == MOST {
            errors.at(
                path,
                format_args!(
                    "more than {MOST} tools, which model providers refuse: split the registry"
                ),
            );
        }
        if index >= MOST {
            continue;
        }
        if listed.iter().any(|earlier| earlier.variant == variant) {
            errors.at(path, format_args!("`{variant}` is listed twice: keep one"));
            continue;
        }
        listed.push(ToolVariant { path, variant });
    }
    listed
}

/// ```text
/// /// Everything the support agent may call.
/// pub enum SupportTools {}
///
/// pub enum SupportToolsCall { GetOrder(GetOrder), IssueRefund(IssueRefund) }
///
/// const _: () = {
///     impl Registry for SupportTools {
///         type State = Billing;
///         type Call = SupportToolsCall;
///         const TOOLS: &'static [Listed<Self>] =
///             &[Listed::of::<GetOrder>(), Listed::of::<IssueRefund>()];
///         const NAMES: &'static [&'static str] = &names::<_, 2>(Self::TOOLS);
///         fn specs() -> &'static Specs { static SPECS: … }
///     }
///     impl Offers<GetOrder> for SupportTools {}
///     impl From<GetOrder> for SupportToolsCall { … }
///     const _: () = assert!(is_tool_name(…) && is_new_name(…));
/// };
/// ```
fn expand(registry: &RegistryInput, tools: &[ToolVariant<'_>]) -> TokenStream {
    let RegistryInput { attributes, visibility, name, state, .. } = registry;
    let runtime = RuntimePath::new(registry.runtime.as_ref());
    let call = format_ident!("{name}Call", span = name.span());
    let about = format!("One call of a tool of [`{name}`], typed.");
    let paths: Vec<&Path> = tools.iter().map(|tool| tool.path).collect();
    let variants: Vec<&Ident> = tools.iter().map(|tool| tool.variant).collect();
    let variant_docs = variants.iter().map(|variant| format!("A call of [`{variant}`]."));
    let entries = paths.iter().map(|path| quote!(__gate::__private::ListedTool::of::<#path>()));
    let checks = paths.iter().enumerate().map(|(index, path)| name_check(name, path, index));
    let count = paths.len();
    // Where the state is less visible than the registry, rustc says so at the state.
    let of_state = quote_spanned!(state.span()=> type State = #state;);
    quote! {
        #(#attributes)*
        #[derive(Clone, Copy, Debug)]
        #visibility enum #name {}

        #[doc = #about]
        #[allow(
            dead_code,
            private_interfaces,
            clippy::large_enum_variant,
            reason = "it is there to be matched, by who wants to"
        )]
        #visibility enum #call {
            #(#[doc = #variant_docs] #variants(#paths)),*
        }

        const _: () = {
            use #runtime as __gate;

            #[automatically_derived]
            impl ::core::fmt::Debug for #call {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    match *self {
                        #(
                            Self::#variants(_) => f
                                .debug_tuple(::core::stringify!(#variants))
                                .finish_non_exhaustive(),
                        )*
                    }
                }
            }

            #[automatically_derived]
            impl __gate::Registry for #name {
                #of_state
                type Call = #call;
                const TOOLS: &'static [__gate::__private::ListedTool<Self>] = &[#(#entries),*];
                const NAMES: &'static [&'static str] = &__gate::__private::names::<Self, #count>();

                fn specs() -> &'static __gate::__private::ToolSpecs {
                    static SPECS: ::std::sync::OnceLock<__gate::__private::ToolSpecs> =
                        ::std::sync::OnceLock::new();
                    SPECS.get_or_init(__gate::__private::ToolSpecs::of::<Self>)
                }
            }

            #(
                #[automatically_derived]
                impl __gate::tool::Offers<#paths> for #name {}

                #[automatically_derived]
                impl ::core::convert::From<#paths> for #call {
                    fn from(__call: #paths) -> Self {
                        Self::#variants(__call)
                    }
                }
            )*

            #(#checks)*
        };
    }
}

/// Names are known to the compiler, not to the macro: it compares them.
fn name_check(registry: &Ident, path: &Path, index: usize) -> TokenStream {
    let tool = path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
    let message = format!(
        "`{tool}` has the name of a tool listed before it: give one of them `name = \"…\"`"
    );
    let refused = format!(
        "the name of `{tool}` is refused by model providers: they take [A-Za-z0-9_-]{{1,64}}"
    );
    quote_spanned! {Span::mixed_site().located_at(path.span())=>
        const _: () = ::core::assert!(
            __gate::__private::is_new_name(<#registry as __gate::Registry>::NAMES, #index),
            "{}",
            #message
        );
        const _: () = ::core::assert!(
            __gate::__private::is_tool_name(<#registry as __gate::Registry>::NAMES, #index),
            "{}",
            #refused
        );
    }
}
