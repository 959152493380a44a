//! The parameters of the function: arguments for the model, and injected parameters.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::{Attribute, FnArg, Ident, Pat, PatType, Type};

use crate::errors::ErrorAccumulator;
use crate::function_item::token_text;
use crate::names::did_you_mean;
use crate::tool::model::{Argument, Parameter};

/// The parameters of the function, sorted into arguments and injected parameters.
#[derive(Default)]
pub(super) struct FunctionParameters {
    pub(super) arguments: Vec<Argument>,
    pub(super) order: Vec<Parameter>,
    pub(super) state: Option<Type>,
    has_context: bool,
}

impl FunctionParameters {
    pub(super) fn take(&mut self, input: &FnArg, errors: &mut ErrorAccumulator) {
        let typed = match input {
            FnArg::Typed(typed) => typed,
            FnArg::Receiver(receiver) => {
                let message = "a gated tool is a free function without `self`: take what it needs \
                    as `#[state] name: &Type`";
                return errors.at(receiver, message);
            }
        };
        let Some(name) = parameter_name(typed, errors) else { return };
        let is = |attribute: &&Attribute, key: &str| attribute.path().is_ident(key);
        let state = typed.attrs.iter().find(|attribute| is(attribute, "state"));
        let context = typed.attrs.iter().find(|attribute| is(attribute, "context"));
        match (state, context) {
            (Some(_), Some(context)) => {
                errors.at(context, "an argument is `#[state]` or `#[context]`, not both");
            }
            (Some(attribute), None) => self.take_state(typed, attribute, errors),
            (None, Some(attribute)) => self.take_context(typed, attribute, errors),
            (None, None) => self.take_argument(typed, name, errors),
        }
    }

    /// The state is borrowed, and occurs at most once.
    fn take_state(
        &mut self,
        typed: &PatType,
        attribute: &Attribute,
        errors: &mut ErrorAccumulator,
    ) {
        only_marked(typed, "state", errors);
        let Some(state) = borrowed(&typed.ty) else {
            return errors.at(&typed.ty, "the state is shared by all calls: take it as `&Type`");
        };
        if self.state.replace(state).is_some() {
            errors.at(
                attribute,
                "a tool takes one `#[state]`: take a struct that holds both, or the whole state",
            );
        }
        self.order.push(Parameter::State);
    }

    /// The context is borrowed, and occurs at most once.
    fn take_context(
        &mut self,
        typed: &PatType,
        attribute: &Attribute,
        errors: &mut ErrorAccumulator,
    ) {
        only_marked(typed, "context", errors);
        if borrowed(&typed.ty).is_none() {
            return errors
                .at(&typed.ty, "the context is lent to the call: take it as `&CallContext`");
        }
        if std::mem::replace(&mut self.has_context, true) {
            errors.at(attribute, "a tool takes one `#[context]`: drop this one");
        }
        self.order.push(Parameter::Context(typed.ty.clone()));
    }

    fn take_argument(&mut self, typed: &PatType, name: Ident, errors: &mut ErrorAccumulator) {
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
                    let suggestion = did_you_mean(
                        other.unwrap_or_default(),
                        ["state", "context", "serde", "schemars"],
                    );
                    let message = "an argument takes doc comments, `#[serde(…)]`, \
                        `#[schemars(…)]`, `#[state]` or `#[context]`";
                    errors.at(attribute, format_args!("{message}{suggestion}"));
                }
            }
        }
        self.order.push(Parameter::Argument(name.clone()));
        self.arguments.push(Argument {
            name,
            ty: (*typed.ty).clone(),
            docs,
            attributes,
            is_secret: false,
        });
    }
}

/// An argument has a name, which the model uses.
fn parameter_name(typed: &PatType, errors: &mut ErrorAccumulator) -> Option<Ident> {
    match &*typed.pat {
        Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.subpat.is_none() => {
            Some(pattern.ident.clone())
        }
        other => {
            errors.at(
                other,
                "give this argument a name: a model passes arguments by name, and a \
                pattern has none",
            );
            None
        }
    }
}

/// Refuses other attributes than its mark on an injected parameter, because it has no schema.
fn only_marked(typed: &PatType, mark: &str, errors: &mut ErrorAccumulator) {
    for attribute in &typed.attrs {
        if !attribute.path().is_ident(mark) && !attribute.path().is_ident("doc") {
            errors.at(
                attribute,
                format_args!(
                    "`#[{mark}]` is injected and not in the schema: nothing else applies to it"
                ),
            );
        }
    }
}

fn borrowed(ty: &Type) -> Option<Type> {
    match ty {
        Type::Reference(reference) if reference.mutability.is_none() => {
            Some((*reference.elem).clone())
        }
        _ => None,
    }
}

/// An argument's type is concrete and owned, because a model sends values.
fn owned_type(ty: &Type, errors: &mut ErrorAccumulator) -> bool {
    if let Type::ImplTrait(_) = ty {
        errors.at(
            ty,
            "a tool argument needs a concrete type, not `impl Trait`: a model sees one schema",
        );
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

/// Returns the first lifetime in a type that is not `'static`.
pub(super) fn borrowed_lifetime(tokens: TokenStream) -> Option<TokenStream> {
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

/// Refuses attributes that hide an argument: a reviewer approves the whole call, so no argument may
/// be left out of it or merged into another.
fn not_hidden(attribute: &Attribute, errors: &mut ErrorAccumulator) {
    let Ok(list) = attribute.meta.require_list() else { return };
    for token in list.tokens.clone() {
        let TokenTree::Ident(option) = token else { continue };
        let why = match option.to_string().as_str() {
            "flatten" => {
                "an argument cannot be flattened: an unknown field could not be told from one of \
                 its own"
            }
            "skip" | "skip_serializing" | "skip_deserializing" => {
                "an argument cannot be skipped: what runs is what was shown and approved, all of it"
            }
            _ => continue,
        };
        errors.at(option, why);
    }
}

/// Checks that the value that a person reads under a name goes to one argument alone.
pub(super) fn names_of_their_own(arguments: &[Argument], errors: &mut ErrorAccumulator) {
    let mut taken: Vec<String> = Vec::new();
    for argument in arguments {
        let own = json_names(argument);
        for (name, place) in own.iter().filter(|(name, _)| taken.contains(name)).take(1) {
            errors.at_span(
                *place,
                format!("two arguments are called `{name}` in JSON: rename one of them"),
            );
        }
        taken.extend(own.into_iter().map(|(name, _)| name));
    }
}

/// Returns the name that an argument is written under in JSON.
pub(super) fn written_name(argument: &Argument) -> String {
    let own = || argument.name.unraw().to_string();
    renamed(argument, &["rename"]).into_iter().next().map_or_else(own, |(name, _)| name)
}

/// Returns the names that an argument has in JSON, by its own name or by `rename = "…"`,
/// `rename(serialize = "…", deserialize = "…")`, `alias = "…"`.
fn json_names(argument: &Argument) -> Vec<(String, Span)> {
    let mut names = renamed(argument, &["rename", "alias"]);
    if renamed(argument, &["rename"]).is_empty() {
        names.push((argument.name.unraw().to_string(), argument.name.span()));
    }
    names
}

/// Returns the names that some options of `serde` and `schemars` give to an argument.
fn renamed(argument: &Argument, options: &[&str]) -> Vec<(String, Span)> {
    let mut names = Vec::new();
    for list in
        argument.attributes.iter().filter_map(|attribute| attribute.meta.require_list().ok())
    {
        let mut tokens = list.tokens.clone().into_iter();
        while let Some(token) = tokens.next() {
            let TokenTree::Ident(option) = token else { continue };
            if options.iter().any(|known| option == known) {
                let value = match tokens.next() {
                    // After `=`.
                    Some(TokenTree::Punct(_)) => tokens.next(),
                    group => group,
                };
                names.extend(value.into_iter().flat_map(literals));
            }
        }
    }
    names
}

/// Returns the string literals in a token.
fn literals(token: TokenTree) -> Vec<(String, Span)> {
    match token {
        TokenTree::Literal(literal) => {
            vec![(literal.to_string().trim_matches('"').to_owned(), literal.span())]
        }
        TokenTree::Group(group) => group.stream().into_iter().flat_map(literals).collect(),
        TokenTree::Ident(_) | TokenTree::Punct(_) => Vec::new(),
    }
}
