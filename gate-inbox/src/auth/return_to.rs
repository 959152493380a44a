//! The page to return to after signing in.

use axum::http::request::Parts;
use gate_runtime::id::ApprovalId;

use crate::forms::form_data::FormData;

/// The longest token of a link.
const LONGEST: usize = 300;

/// The page to return to after signing in. It is only an id or a token, so that nobody can be
/// redirected to an attacker's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReturnTo {
    /// A call.
    Call(ApprovalId),
    /// The page of a link in a mail, by the token of the link.
    Link(String),
}

impl ReturnTo {
    /// Returns the page from the path of a request.
    pub(crate) fn of(parts: &Parts) -> Option<Self> {
        let path = parts.uri.path();
        if let Some(token) = path.strip_prefix("/link/") {
            return Self::link(token);
        }
        let rest = path.strip_prefix("/approvals/")?;
        rest.split('/').next()?.parse().ok().map(Self::Call)
    }

    /// Returns the page from the fields of the sign-in form.
    pub(crate) fn in_fields(fields: &FormData) -> Option<Self> {
        let call = fields.find("for").and_then(|id| id.parse().ok()).map(Self::Call);
        call.or_else(|| Self::link(&fields.find("link")?))
    }

    fn link(token: &str) -> Option<Self> {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let is_good = (1..=LONGEST).contains(&token.len()) && token.bytes().all(is_token);
        is_good.then(|| Self::Link(token.to_owned()))
    }

    /// Returns its form field.
    pub(crate) fn field(&self) -> (&'static str, String) {
        match self {
            Self::Call(id) => ("for", id.to_string()),
            Self::Link(token) => ("link", token.clone()),
        }
    }

    /// Returns its path.
    pub(crate) fn path(&self) -> String {
        match self {
            Self::Call(id) => format!("/approvals/{id}"),
            Self::Link(token) => format!("/link/{token}"),
        }
    }
}
