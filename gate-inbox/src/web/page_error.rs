//! Responses that replace a page.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use gate_runtime::people::DirectoryError;
use gate_runtime::store::StoreError;

use crate::auth::return_to::ReturnTo;
use crate::pages;

/// The response that replaces the page.
#[derive(Debug)]
pub(crate) struct PageError(Box<Response>);

/// The response of a page, or the error that replaces it.
pub(crate) type PageResult = Result<Response, PageError>;

impl PageError {
    pub(crate) fn new(response: impl IntoResponse) -> Self {
        Self(Box::new(response.into_response()))
    }

    /// Returns a page with a short message.
    pub(crate) fn with(status: StatusCode, title: &str, message: &str) -> Self {
        Self::new(pages::notice(status, title, message))
    }

    /// Redirects to the sign-in page.
    pub(crate) fn sign_in() -> Self {
        Self::new(Redirect::to("/sign-in"))
    }

    /// Redirects to the sign-in page, which redirects back afterwards.
    pub(crate) fn sign_in_for(wanted: &ReturnTo) -> Self {
        let (name, value) = wanted.field();
        Self::new(Redirect::to(&format!("/sign-in?{name}={value}")))
    }

    pub(crate) fn not_found() -> Self {
        Self::with(StatusCode::NOT_FOUND, "Not found", "This page or approval does not exist.")
    }

    /// Returns the page of a store or people file that does not answer. The error itself is for the
    /// operator, and may name files.
    pub(crate) fn unavailable() -> Self {
        let message = "The database or the people file is not available, so nothing was decided. \
            Try again, or contact the person who runs this inbox.";
        Self::with(StatusCode::SERVICE_UNAVAILABLE, "Unavailable", message)
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        *self.0
    }
}

impl From<StoreError> for PageError {
    fn from(_: StoreError) -> Self {
        Self::unavailable()
    }
}

impl From<DirectoryError> for PageError {
    fn from(_: DirectoryError) -> Self {
        Self::unavailable()
    }
}

impl From<getrandom::Error> for PageError {
    fn from(_: getrandom::Error) -> Self {
        Self::unavailable()
    }
}
