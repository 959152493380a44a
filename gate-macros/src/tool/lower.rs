//! From what was written to what is emitted: every check, each a function whose comment states its rule.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::{Attribute, FnArg, Ident, LitStr, Pat, PatType, Path, ReturnType, Safety, Signature, Type, parse_quote};

use super::model::{Argument, Hints, Model, Parameter};
use super::options::Options;
use crate::errors::Errors;
use crate::function::{Function, Sorted, token_text};
use crate::names::{Runtime, camel_case, did_you_mean};

pub(crate) fn lower(options: &Options, function: Function, errors: &mut Errors) -> Model {
    let Function { attributes, visibility, signature, body } = function;
    let sorted = Sorted::of(attributes);
    let description = sorted.text();
    let source = format!("{} {}", token_text(&signature), token_text(&body));
    plain_function(&signature, errors);
    not_generic(&signature, errors);
    let mut parameters = Parameters::default();
    for input in &signature.inputs {
        parameters.take(input, errors);
    }
    let Parameters { mut arguments, order, state, .. } = parameters;
    described(&signature.ident, &description, errors);
    names_of_their_own(&arguments, errors);
    mark_secrets(&options.secrets, &mut arguments, errors);
    let hints = hints(options, errors);
    Model {
        runtime: Runtime::new(options.runtime.as_ref()),
        policy: policy_path(options, errors),
        asks_on_error: asks_on_error(options.on_error.as_ref(), errors),
        reconciler: reconciler(options.reconcile.as_ref(), errors),
        timeout: timeout(options.timeout.as_ref(), &signature, errors),
        name: tool_name(options.name.as_ref(), &signature.ident, errors),
        title: options.title.as_ref().map(LitStr::value),
        output: output(&signature.output, errors),
        call: camel_case(&signature.ident),
        function: signature.ident.clone(),
        is_method: signature.receiver().is_some(),
        signature: without_parameter_attributes(signature),
        conditions: sorted.conditions,
        docs: sorted.docs,
        attributes: sorted.others,
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
fn plain_function(signature: &Signature, errors: &mut Errors) {
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

/// A tool has one schema, so it has no type parameters.
fn not_generic(signature: &Signature, errors: &mut Errors) {
    if !signature.generics.params.is_empty() {
        errors.at(&signature.generics, "a gated tool cannot be generic: a model sees one schema, so name the types");
    } else if let Some(bounds) = &signature.generics.where_clause {
        errors.at(bounds, "a gated tool cannot be generic: drop the `where` clause");
    }
}

/// A model chooses tools by their descriptions.
fn described(function: &Ident, description: &str, errors: &mut Errors) {
    if description.is_empty() {
        let message =
            "a tool needs a description: say in a doc comment (`/// …`) what it does, for the model that calls it";
        errors.at(function, message);
    }
}

/// What the function takes, sorted into arguments and what is injected.
#[derive(Default)]
struct Parameters {
    arguments: Vec<Argument>,
    order: Vec<Parameter>,
    state: Option<Type>,
    has_context: bool,
}

impl Parameters {
    fn take(&mut self, input: &FnArg, errors: &mut Errors) {
        let typed = match input {
            FnArg::Typed(typed) => typed,
            FnArg::Receiver(receiver) => {
                let message =
                    "a gated tool is a free function without `self`: take what it needs as `#[state] name: &Type`";
                return errors.at(receiver, message);
            }
        };
        let Some(name) = parameter_name(typed, errors) else { return };
        let is = |attribute: &&Attribute, key: &str| attribute.path().is_ident(key);
        let state = typed.attrs.iter().find(|attribute| is(attribute, "state"));
        let context = typed.attrs.iter().find(|attribute| is(attribute, "context"));
        match (state, context) {
            (Some(_), Some(context)) => errors.at(context, "an argument is `#[state]` or `#[context]`, not both"),
            (Some(attribute), None) => self.take_state(typed, attribute, errors),
            (None, Some(attribute)) => self.take_context(typed, attribute, errors),
            (None, None) => self.take_argument(typed, name, errors),
        }
    }

    /// The state is borrowed, and there is one.
    fn take_state(&mut self, typed: &PatType, attribute: &Attribute, errors: &mut Errors) {
        only_marked(typed, "state", errors);
        let Some(state) = borrowed(&typed.ty) else {
            return errors.at(&typed.ty, "the state is shared by all calls: take it as `&Type`");
        };
        if self.state.replace(state).is_some() {
            errors.at(attribute, "a tool takes one `#[state]`: take a struct that holds both, or the whole state");
        }
        self.order.push(Parameter::State);
    }

    /// The context is borrowed, and there is one.
    fn take_context(&mut self, typed: &PatType, attribute: &Attribute, errors: &mut Errors) {
        only_marked(typed, "context", errors);
        if borrowed(&typed.ty).is_none() {
            return errors.at(&typed.ty, "the context is lent to the call: take it as `&CallContext`");
        }
        if std::mem::replace(&mut self.has_context, true) {
            errors.at(attribute, "a tool takes one `#[context]`: drop this one");
        }
        self.order.push(Parameter::Context(typed.ty.clone()));
    }

    fn take_argument(&mut self, typed: &PatType, name: Ident, errors: &mut Errors) {
        if !owned_type(&typed.ty, errors) {
            return;
        }
        let (mut docs, mut attributes) = (Vec::new(), Vec::new());
        for attribute in &typed.attrs {
            match attribute.path().get_ident().map(Ident::to_string).as_deref() {
                Some("doc") => docs.push(attribute.clone()),
                Some("serde") => {
                    not_hidden(attribute, errors);
                    attributes.push(attribute.clone());
                }
                Some("schemars") => attributes.push(attribute.clone()),
                other => {
                    let near = did_you_mean(other.unwrap_or_default(), ["state", "context", "serde", "schemars"]);
                    let message =
                        "an argument takes doc comments, `#[serde(…)]`, `#[schemars(…)]`, `#[state]` or `#[context]`";
                    errors.at(attribute, format_args!("{message}{near}"));
                }
            }
        }
        self.order.push(Parameter::Argument(name.clone()));
        self.arguments.push(Argument { name, ty: (*typed.ty).clone(), docs, attributes, is_secret: false });
    }
}

/// An argument has a name: the model uses it.
fn parameter_name(typed: &PatType, errors: &mut Errors) -> Option<Ident> {
    match &*typed.pat {
        Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.subpat.is_none() => Some(pattern.ident.clone()),
        other => {
            errors.at(other, "give this argument a name: a model passes arguments by name, and a pattern has none");
            None
        }
    }
}

/// What is injected has no schema, so nothing but its mark stands on it.
fn only_marked(typed: &PatType, mark: &str, errors: &mut Errors) {
    for attribute in &typed.attrs {
        if !attribute.path().is_ident(mark) && !attribute.path().is_ident("doc") {
            errors.at(
                attribute,
                format_args!("`#[{mark}]` is injected and not in the schema: nothing else applies to it"),
            );
        }
    }
}

fn borrowed(ty: &Type) -> Option<Type> {
    match ty {
        Type::Reference(reference) if reference.mutability.is_none() => Some((*reference.elem).clone()),
        _ => None,
    }
}

/// A model sends values: an argument's type is concrete and owned.
fn owned_type(ty: &Type, errors: &mut Errors) -> bool {
    if let Type::ImplTrait(_) = ty {
        errors.at(ty, "a tool argument needs a concrete type, not `impl Trait`: a model sees one schema");
        return false;
    }
    if let Type::Reference(reference) = ty {
        let owned = match token_text(&reference.elem).as_str() {
            "str" => "use `String`".to_owned(),
            other => format!("take `{other}` itself, or mark it `#[state]` or `#[context]`"),
        };
        errors.at(ty, format_args!("a model cannot pass a reference: {owned}"));
        return false;
    }
    if let Some(lifetime) = borrowed_lifetime(ty.to_token_stream()) {
        errors.at(lifetime, "a model cannot pass a reference: use a type that owns what it holds");
        return false;
    }
    true
}

/// The first lifetime in a type that is not `'static`.
fn borrowed_lifetime(tokens: TokenStream) -> Option<TokenStream> {
    let mut tokens = tokens.into_iter();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(ref tick) if tick.as_char() == '\'' => match tokens.next() {
                Some(TokenTree::Ident(name)) if name == "static" => {}
                name => return Some([Some(token), name].into_iter().flatten().collect()),
            },
            TokenTree::Group(group) => {
                if let Some(found) = borrowed_lifetime(group.stream()) {
                    return Some(found);
                }
            }
            _ => {}
        }
    }
    None
}

/// What a reviewer approves is the whole call: no argument is left out of it, or melts into another.
fn not_hidden(attribute: &Attribute, errors: &mut Errors) {
    let Ok(list) = attribute.meta.require_list() else { return };
    for token in list.tokens.clone() {
        let TokenTree::Ident(option) = token else { continue };
        let why = match option.to_string().as_str() {
            "flatten" => "an argument cannot be flattened: an unknown field could not be told from one of its own",
            "skip" | "skip_serializing" | "skip_deserializing" => {
                "an argument cannot be skipped: what runs is what was shown and approved, all of it"
            }
            _ => continue,
        };
        errors.at(option, why);
    }
}

/// What a person reads under a name goes to one argument alone.
fn names_of_their_own(arguments: &[Argument], errors: &mut Errors) {
    let mut taken: Vec<String> = Vec::new();
    for argument in arguments {
        let own = json_names(argument);
        for (name, place) in own.iter().filter(|(name, _)| taken.contains(name)).take(1) {
            errors.at_span(*place, format!("two arguments are called `{name}` in JSON: rename one of them"));
        }
        taken.extend(own.into_iter().map(|(name, _)| name));
    }
}

/// The names that an argument has in JSON, by its own name or by `rename = "…"`, `rename(serialize = "…", deserialize = "…")`, `alias = "…"`.
fn json_names(argument: &Argument) -> Vec<(String, Span)> {
    let mut names = Vec::new();
    let mut is_renamed = false;
    for list in argument.attributes.iter().filter_map(|attribute| attribute.meta.require_list().ok()) {
        let mut tokens = list.tokens.clone().into_iter();
        while let Some(token) = tokens.next() {
            let TokenTree::Ident(option) = token else { continue };
            if option == "rename" || option == "alias" {
                is_renamed |= option == "rename";
                let value = match tokens.next() {
                    // After `=`.
                    Some(TokenTree::Punct(_)) => tokens.next(),
                    group => group,
                };
                names.extend(value.into_iter().flat_map(literals));
            }
        }
    }
    if !is_renamed {
        names.push((argument.name.unraw().to_string(), argument.name.span()));
    }
    names
}

/// The texts in a token.
fn literals(token: TokenTree) -> Vec<(String, Span)> {
    match token {
        TokenTree::Literal(literal) => vec![(literal.to_string().trim_matches('"').to_owned(), literal.span())],
        TokenTree::Group(group) => group.stream().into_iter().flat_map(literals).collect(),
        TokenTree::Ident(_) | TokenTree::Punct(_) => Vec::new(),
    }
}

/// `secret(…)` names arguments.
fn mark_secrets(secrets: &[Ident], arguments: &mut [Argument], errors: &mut Errors) {
    for secret in secrets {
        let names: Vec<String> = arguments.iter().map(|argument| argument.name.unraw().to_string()).collect();
        if let Some(argument) = arguments.iter_mut().find(|argument| argument.name == *secret) {
            argument.is_secret = true;
        } else {
            let near = did_you_mean(&secret.to_string(), names.iter().map(String::as_str));
            errors.at(secret, format_args!("`secret` names no argument: there is no `{secret}`{near}"));
        }
    }
}

/// What only reads destroys nothing.
fn hints(options: &Options, errors: &mut Errors) -> Hints {
    if let (Some(_), Some(destructive)) = (&options.read_only, &options.destructive) {
        errors.at(destructive, "`read_only` and `destructive` contradict each other: keep one");
    }
    Hints {
        read_only: options.read_only.is_some(),
        destructive: options.destructive.is_some(),
        idempotent: options.idempotent.is_some(),
        open_world: options.open_world.is_some(),
    }
}

/// Every tool has a policy, named by a path.
fn policy_path(options: &Options, errors: &mut Errors) -> Option<Path> {
    let Some(literal) = &options.policy else {
        if !options.is_broken {
            let message = "a tool needs a policy: add `policy = \"…\"` with the path of one, as `never_ask`, `always_ask` or your own";
            errors.at_span(Span::call_site(), message);
        }
        return None;
    };
    path_in(literal, "a policy, like `refunds` or `crate::policies::refunds`", errors)
}

/// A text that names an item is its path, spanned at the literal, so that the compiler looks for it there.
fn path_in(literal: &LitStr, what: &str, errors: &mut Errors) -> Option<Path> {
    let path = literal.parse_with(Path::parse_mod_style).ok();
    if path.is_none() {
        errors.at(literal, format_args!("expected the path of {what}"));
    }
    path
}

/// The function that finds out whether a call happened.
fn reconciler(given: Option<&LitStr>, errors: &mut Errors) -> Option<Path> {
    path_in(given?, "a function that takes the call, like `was_refunded`", errors)
}

/// A failure is the model's to handle, or people are asked.
fn asks_on_error(given: Option<&LitStr>, errors: &mut Errors) -> bool {
    if let Some(literal) = given.filter(|literal| literal.value() != "ask") {
        errors.at(
            literal,
            "`on_error` is `\"ask\"`, so that people decide what to do when the tool fails; or leave it out",
        );
    }
    given.is_some()
}

/// A name that model providers take.
fn tool_name(given: Option<&LitStr>, function: &Ident, errors: &mut Errors) -> String {
    let name = given.map_or_else(|| function.unraw().to_string(), LitStr::value);
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let problem = if name.is_empty() || name.len() > 64 {
        "it has 1 to 64 characters"
    } else if !name.chars().all(fits) {
        "it has letters of the English alphabet, digits, `_` and `-` only"
    } else {
        return name;
    };
    match given {
        Some(literal) => errors.at(literal, format_args!("model providers refuse this name: {problem}")),
        None => errors.at(function, format_args!("model providers refuse this name: {problem}; add `name = \"…\"`")),
    }
    name
}

/// A time limit is a whole number with a unit; only what awaits can be stopped.
fn timeout(given: Option<&LitStr>, signature: &Signature, errors: &mut Errors) -> Option<u64> {
    let literal = given?;
    let text = literal.value();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.strip_prefix(digits) {
        Some("ms") => Some(1),
        Some("s") => Some(1_000),
        Some("m") => Some(60_000),
        Some("h") => Some(3_600_000),
        _ => None,
    };
    let time = digits.parse::<u64>().ok().zip(unit).and_then(|(count, unit)| count.checked_mul(unit));
    if signature.asyncness.is_none() {
        errors.at(literal, "`timeout` needs an `async fn`: a plain function cannot be stopped");
    } else if time.is_none_or(|time| time == 0) {
        errors.at(literal, "expected a time like \"500ms\", \"30s\", \"5m\" or \"1h\"");
    }
    time
}

/// What a tool returns outlives the call.
fn output(output: &ReturnType, errors: &mut Errors) -> Type {
    let ReturnType::Type(_, ty) = output else { return parse_quote!(()) };
    if let Type::ImplTrait(_) = **ty {
        errors.at(ty, "a tool returns a concrete type, not `impl Trait`: it is written as JSON for the model");
        return parse_quote!(());
    }
    let text = ty.to_token_stream();
    let is_borrowed =
        matches!(&**ty, Type::Reference(reference) if reference.lifetime.as_ref().is_none_or(|l| l.ident != "static"));
    if is_borrowed || borrowed_lifetime(text).is_some() {
        errors.at(ty, "a tool returns a value that outlives the call: return an owned type, as `String` for `&str`");
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
