//! A request that ends before its page.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use gate_runtime::people::DirectoryError;
use gate_runtime::store::StoreError;

use crate::auth::return_to::ReturnTo;
use crate::pages;

/// The response that is given in the page's place.
#[derive(Debug)]
pub(crate) struct PageError(Box<Response>);

/// The response that a page gives, or the stop that ends it.
pub(crate) type PageResult = Result<Response, PageError>;

impl PageError {
    pub(crate) fn new(response: impl IntoResponse) -> Self {
        Self(Box::new(response.into_response()))
    }

    /// A page with a few words.
    pub(crate) fn with(status: StatusCode, title: &str, words: &str) -> Self {
        Self::new(pages::notice(status, title, words))
    }

    /// Nobody is signed in.
    pub(crate) fn sign_in() -> Self {
        Self::new(Redirect::to("/sign-in"))
    }

    /// Nobody is signed in, and whoever it is wanted to look at something.
    pub(crate) fn sign_in_for(wanted: &ReturnTo) -> Self {
        let (name, value) = wanted.field();
        Self::new(Redirect::to(&format!("/sign-in?{name}={value}")))
    }

    pub(crate) fn not_found() -> Self {
        Self::with(StatusCode::NOT_FOUND, "Not found", "This page or approval does not exist.")
    }

    /// Says that something which is needed does not answer. What it said is for whoever runs the
    /// inbox, and may name files.
    pub(crate) fn trouble() -> Self {
        let words = "The database or the people file is not available, so nothing was decided. Try \
            again, or contact the person who runs this inbox.";
        Self::with(StatusCode::SERVICE_UNAVAILABLE, "Unavailable", words)
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        *self.0
    }
}

impl From<StoreError> for PageError {
    fn from(_: StoreError) -> Self {
        Self::trouble()
    }
}

impl From<DirectoryError> for PageError {
    fn from(_: DirectoryError) -> Self {
        Self::trouble()
    }
}

impl From<getrandom::Error> for PageError {
    fn from(_: getrandom::Error) -> Self {
        Self::trouble()
    }
}
