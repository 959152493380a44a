//! `#[policy]`: a function that writes rules becomes a function that declares a policy.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{FnArg, Path, ReturnType, Token, Type};

use crate::errors::ErrorAccumulator;
use crate::function_item::{
    AttributeGroups, FunctionItem, expand_function, source_of, source_position, token_text,
};
use crate::names::{RuntimePath, did_you_mean};

pub(crate) fn policy(options: TokenStream, function: &TokenStream) -> TokenStream {
    let mut errors = ErrorAccumulator::default();
    let options = syn::parse2::<PolicyOptions>(options)
        .map_err(|error| errors.add(error))
        .unwrap_or_default();
    expand_function(function, errors, |function, errors| {
        let rules = check(&function, errors);
        let runtime = RuntimePath::new(options.runtime.as_ref());
        match rules {
            Some(rules) if errors.is_empty() => expand(&runtime, function, &rules),
            _ => TokenStream::new(),
        }
    })
}

/// `#[policy(crate = ::path)]`.
#[derive(Default)]
struct PolicyOptions {
    runtime: Option<Path>,
}

impl Parse for PolicyOptions {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.is_empty() {
            return Ok(Self::default());
        }
        if !input.peek(Token![crate]) {
            let attribute_tokens: TokenStream = input.parse()?;
            let suggestion = did_you_mean(&attribute_tokens.to_string(), ["crate"]);
            return Err(syn::Error::new_spanned(
                attribute_tokens,
                format!("`#[policy]` takes nothing but `crate = ::path`{suggestion}"),
            ));
        }
        input.parse::<Token![crate]>()?;
        input.parse::<Token![=]>()?;
        let runtime = Some(input.parse()?);
        input.parse::<Option<Token![,]>>()?;
        Ok(Self { runtime })
    }
}

/// A policy takes its rules and returns them; the type of what it returns, if it does.
fn check(function: &FunctionItem, errors: &mut ErrorAccumulator) -> Option<Type> {
    let signature = &function.signature;
    if let Some(keyword) = &signature.asyncness {
        errors.at(
            keyword,
            "a policy is written once and does not wait: drop `async`, and wait inside a rule \
             with `.when_async(…)`",
        );
    }
    if signature.constness.is_some()
        || signature.abi.is_some()
        || !matches!(signature.safety, syn::Safety::Default)
    {
        errors.at(signature.fn_token, "a policy is a plain function: write `fn`");
    }
    let takes = "a policy takes its rules and nothing else: `rules: Rules<YourTool>`";
    let input_type = match signature.inputs.iter().collect::<Vec<_>>().as_slice() {
        [FnArg::Typed(rules)] => Some(token_text(&rules.ty)),
        [] => {
            errors.at(&signature.ident, takes);
            None
        }
        [FnArg::Receiver(wrong)] => {
            errors.at(wrong, takes);
            None
        }
        [_, more, ..] => {
            errors.at(more, takes);
            None
        }
    };
    let ReturnType::Type(_, return_type) = &signature.output else {
        errors.at(&signature.ident, "a policy returns its rules: write `-> Rules<YourTool>`");
        return None;
    };
    if let Some(input_type) = input_type.filter(|input_type| *input_type != token_text(return_type))
    {
        let written = input_type.replace(' ', "");
        errors.at(
            return_type,
            format_args!("a policy returns the rules that it takes: write `-> {written}`"),
        );
    }
    Some((**return_type).clone())
}

/// ```text
/// /// Refunds: small ones go through.
/// fn refunds() -> <Rules<IssueRefund> as DeclaredRules>::Policy {
///     fn refunds(rules: Rules<IssueRefund>) -> Rules<IssueRefund> { … }
///     Policy::declare(
///         &PolicySource {
///             name: "refunds", about: "…", text: "…", tokens: "…", line: 7, column: 66,
///         },
///         refunds,
///     )
/// }
/// ```
fn expand(runtime: &RuntimePath, function: FunctionItem, rules: &Type) -> TokenStream {
    let FunctionItem { attributes, visibility, signature, body } = function;
    let groups = AttributeGroups::of(attributes);
    let (about, text, (line, column)) = (groups.text(), source_of(&body), source_position(&body));
    let tokens = token_text(&body);
    let AttributeGroups { docs, conditions, others } = groups;
    let name = &signature.ident;
    let name_text = name.to_string();
    let (generics, _, bounds) = signature.generics.split_for_impl();
    let declared = quote!(<#rules as #runtime::__private::DeclaredRules>::Policy);
    quote! {
        #(#conditions)*
        #(#docs)*
        #(#others)*
        #[must_use]
        #visibility fn #name #generics() -> #declared #bounds {
            #signature #body
            #runtime::Policy::declare(
                &#runtime::__private::PolicySource {
                    name: #name_text,
                    about: #about,
                    text: #text,
                    tokens: #tokens,
                    line: #line,
                    column: #column,
                },
                #name,
            )
        }
    }
}
