//! The model of a tool: checked, and ready to be emitted.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use syn::{Attribute, Ident, Meta, Path, Signature, Type, Visibility};

use crate::names::RuntimePath;

/// A tool.
pub(crate) struct ToolModel {
    pub(crate) runtime: RuntimePath,
    pub(crate) conditions: Vec<Attribute>,
    pub(crate) docs: Vec<Attribute>,
    /// The attributes of the function itself.
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    /// The function's signature without the attributes of its parameters.
    pub(crate) signature: Signature,
    /// True if it takes `self`, so that it is in an `impl` block, where no type can be declared.
    pub(crate) is_method: bool,
    pub(crate) body: Group,
    /// The function's name.
    pub(crate) function: Ident,
    /// The type of its calls.
    pub(crate) call: Ident,
    /// The name for the model.
    pub(crate) name: String,
    pub(crate) title: Option<String>,
    pub(crate) summary: Option<SummaryTemplate>,
    pub(crate) description: String,
    pub(crate) hints: ToolHints,
    pub(crate) timeout: Option<u64>,
    /// True if people are asked what to do when it fails.
    pub(crate) asks_on_error: bool,
    /// The path of the function that finds out whether a call took effect, spanned at the literal.
    pub(crate) reconciler: Option<Path>,
    /// The path of the policy, spanned at the literal.
    pub(crate) policy: Option<Path>,
    pub(crate) arguments: Vec<Argument>,
    /// The parameters of the function, in order.
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) state: Option<Type>,
    pub(crate) output: Type,
    /// Signature and body as text.
    pub(crate) source: String,
}

/// The sentence that describes a call.
pub(crate) struct SummaryTemplate {
    pub(crate) parts: Vec<SummaryPart>,
    /// The span of the literal.
    pub(crate) span: Span,
}

/// One piece of a summary.
pub(crate) enum SummaryPart {
    Words(String),
    Place(SummaryPlaceholder),
}

/// A placeholder for an argument, or for a field of one.
pub(crate) struct SummaryPlaceholder {
    pub(crate) argument: Ident,
    /// The fields that lead to the value, spanned at the literal.
    pub(crate) fields: Vec<Ident>,
    /// The JSON pointer to the value.
    pub(crate) pointer: String,
    /// The name of its format, spanned at the literal.
    pub(crate) format: Option<Ident>,
}

/// The hints about a tool's effects for the model.
#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "the four hints of the Model Context Protocol")]
pub(crate) struct ToolHints {
    pub(crate) read_only: bool,
    pub(crate) destructive: bool,
    pub(crate) idempotent: bool,
    pub(crate) open_world: bool,
}

/// One argument that the model sends.
pub(crate) struct Argument {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    pub(crate) docs: Vec<Attribute>,
    /// `#[serde(…)]` and `#[schemars(…)]`.
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) is_secret: bool,
}

impl Argument {
    /// Returns whether it has attributes besides its type and its doc comment.
    pub(crate) fn is_part(&self) -> bool {
        !self.attributes.is_empty()
    }

    /// Returns whether its attributes may name functions for its exact type, or a default that the
    /// type must have.
    pub(crate) fn is_concrete(&self) -> bool {
        self.attributes.iter().any(|attribute| match &attribute.meta {
            _ if attribute.path().is_ident("serde") => true,
            Meta::List(list) => list.tokens.clone().into_iter().any(|token| match token {
                TokenTree::Ident(option) => {
                    option == "default" || option == "with" || option == "schema_with"
                }
                _ => false,
            }),
            _ => false,
        })
    }
}

/// One parameter of the function.
pub(crate) enum Parameter {
    /// An argument from the model.
    Argument(Ident),
    /// The state.
    State,
    /// The call's context, with the type that the user gave it.
    Context(Box<Type>),
}

impl ToolModel {
    /// Returns the parameters of the direct function, after the run:
    /// `order_id: String, amount_cents: u64`.
    pub(crate) fn direct_parameters(&self) -> impl Iterator<Item = TokenStream> {
        self.arguments.iter().map(|Argument { name, ty, .. }| quote::quote!(#name: #ty))
    }
}
