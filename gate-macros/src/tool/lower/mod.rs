//! Checks a tool, and turns it into the model of the emitted code. Each check is a function whose
//! comment states its rule.

mod choices;
mod parameters;
mod summary;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{Attribute, FnArg, Ident, LitStr, ReturnType, Safety, Signature, Type, parse_quote};

use self::choices::{
    asks_on_error, hints, mark_secrets, policy_path, reconciler, timeout, tool_name,
};
use self::parameters::{FunctionParameters, borrowed_lifetime, names_of_their_own};
use super::model::ToolModel;
use super::options::ToolOptions;
use crate::errors::ErrorAccumulator;
use crate::function_item::{AttributeGroups, FunctionItem, token_text};
use crate::names::{RuntimePath, camel_case};

pub(crate) fn lower(
    options: &ToolOptions,
    function: FunctionItem,
    errors: &mut ErrorAccumulator,
) -> ToolModel {
    let FunctionItem { attributes, visibility, signature, body } = function;
    let groups = AttributeGroups::of(attributes);
    let description = groups.text();
    let source = format!("{} {}", token_text(&signature), token_text(&body));
    plain_function(&signature, errors);
    reached_by_the_gate_alone(&groups.others, errors);
    not_generic(&signature, errors);
    let mut parameters = FunctionParameters::default();
    for input in &signature.inputs {
        parameters.take(input, errors);
    }
    let FunctionParameters { mut arguments, order, state, .. } = parameters;
    described(&signature.ident, &description, errors);
    names_of_their_own(&arguments, errors);
    mark_secrets(&options.secrets, &mut arguments, errors);
    let hints = hints(options, errors);
    ToolModel {
        runtime: RuntimePath::new(options.runtime.as_ref()),
        policy: policy_path(options, errors),
        asks_on_error: asks_on_error(options.on_error.as_ref(), errors),
        reconciler: reconciler(options.reconcile.as_ref(), errors),
        timeout: timeout(options.timeout.as_ref(), &signature, errors),
        name: tool_name(options.name.as_ref(), &signature.ident, errors),
        title: options.title.as_ref().map(LitStr::value),
        summary: summary::summary(options.summary.as_ref(), &arguments, errors),
        output: output(&signature.output, errors),
        call: camel_case(&signature.ident),
        function: signature.ident.clone(),
        is_method: signature.receiver().is_some(),
        signature: without_parameter_attributes(signature),
        conditions: groups.conditions,
        docs: groups.docs,
        attributes: groups.others,
        visibility,
        body,
        description,
        hints,
        arguments,
        parameters: order,
        state,
        source,
    }
}

/// A tool is a safe function of this crate.
fn plain_function(signature: &Signature, errors: &mut ErrorAccumulator) {
    if let Some(keyword) = &signature.constness {
        errors.at(keyword, "a gated tool is a plain function: drop `const`");
    }
    if let Safety::Unsafe(keyword) = &signature.safety {
        errors.at(keyword, "a gated tool is a safe function: drop `unsafe`");
    }
    if let Some(abi) = &signature.abi {
        errors.at(abi, "a gated tool is a plain function: drop the ABI");
    }
    if let Some(dots) = &signature.variadic {
        errors.at(dots, "a gated tool takes named arguments: drop `...`");
    }
}

/// The body has no linker symbol, because code that finds it by a symbol would run it without the
/// gate.
fn reached_by_the_gate_alone(attributes: &[Attribute], errors: &mut ErrorAccumulator) {
    for attribute in attributes {
        let exports = ["no_mangle", "export_name", "link_section"];
        if let Some(exports) =
            exports.into_iter().find(|name| names(attribute.meta.to_token_stream(), name))
        {
            errors.at(
                attribute,
                format_args!("only the gate reaches the body of a tool: drop `{exports}`"),
            );
        }
    }
}

/// Returns whether tokens contain a name, as in `unsafe(no_mangle)` and
/// `cfg_attr(unix, no_mangle)`.
fn names(tokens: TokenStream, name: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == name,
        TokenTree::Group(group) => names(group.stream(), name),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

/// A tool has one schema, so it has no type parameters.
fn not_generic(signature: &Signature, errors: &mut ErrorAccumulator) {
    if !signature.generics.params.is_empty() {
        errors.at(
            &signature.generics,
            "a gated tool cannot be generic: a model sees one schema, so name the types",
        );
    } else if let Some(bounds) = &signature.generics.where_clause {
        errors.at(bounds, "a gated tool cannot be generic: drop the `where` clause");
    }
}

/// A tool has a description, because a model chooses tools by their descriptions.
fn described(function: &Ident, description: &str, errors: &mut ErrorAccumulator) {
    if description.is_empty() {
        let message = "a tool needs a description: say in a doc comment (`/// …`) what it does, \
            for the model that calls it";
        errors.at(function, message);
    }
}

/// Reads the type of the value that a tool returns, and refuses one that does not outlive the call.
fn output(output: &ReturnType, errors: &mut ErrorAccumulator) -> Type {
    let ReturnType::Type(_, ty) = output else { return parse_quote!(()) };
    if let Type::ImplTrait(_) = **ty {
        errors.at(
            ty,
            "a tool returns a concrete type, not `impl Trait`: it is written as JSON for the model",
        );
        return parse_quote!(());
    }
    let text = ty.to_token_stream();
    let is_borrowed = matches!(
        &**ty,
        Type::Reference(reference)
            if reference.lifetime.as_ref().is_none_or(|l| l.ident != "static")
    );
    if is_borrowed || borrowed_lifetime(text).is_some() {
        errors.at(
            ty,
            "a tool returns a value that outlives the call: return an owned type, as \
            `String` for `&str`",
        );
        return parse_quote!(());
    }
    (**ty).clone()
}

/// The attributes of parameters are the macro's; the function is emitted without them.
fn without_parameter_attributes(mut signature: Signature) -> Signature {
    for input in &mut signature.inputs {
        if let FnArg::Typed(typed) = input {
            typed.attrs.clear();
        }
    }
    signature
}
