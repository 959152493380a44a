//! The body and the query of a request.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jsonschema::Validator;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::problem::{ApiProblem, MALFORMED, NOT_JSON, TOO_LONG};
use crate::forms::form_data::{FormData, LONGEST, content_type};

/// A JSON body, of a request or a response.
#[derive(Debug)]
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: DeserializeOwned + JsonSchema + 'static, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiProblem;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiProblem> {
        let essence = content_type(request.headers())
            .split(|byte| *byte == b';')
            .next()
            .unwrap_or_default()
            .trim_ascii();
        if !essence.eq_ignore_ascii_case(b"application/json") {
            return Err(ApiProblem::new(
                NOT_JSON,
                "Send JSON with the header `Content-Type: application/json`.",
            ));
        }
        let body = Bytes::from_request(request, state).await.map_err(|_| {
            ApiProblem::new(
                TOO_LONG,
                format_args!("The body could not be read, or is longer than {LONGEST} bytes."),
            )
        })?;
        let malformed = |error: serde_json::Error| ApiProblem::new(MALFORMED, error);
        let value: Value = serde_json::from_slice(&body).map_err(malformed)?;
        check::<T>(&value)?;
        // Parsed again from the bytes, which refuses duplicate names and keeps arguments exactly.
        serde_json::from_slice(&body).map(Self).map_err(malformed)
    }
}

/// The validator of each type of body, made from its schema in the `OpenAPI` document.
static CHECKERS: LazyLock<Mutex<HashMap<TypeId, Arc<Validator>>>> = LazyLock::new(Mutex::default);

fn checker<T: JsonSchema + 'static>() -> Result<Arc<Validator>, ApiProblem> {
    // Held while a validator is built, so that each schema is compiled once.
    let mut known = CHECKERS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(checker) = known.get(&TypeId::of::<T>()) {
        return Ok(Arc::clone(checker));
    }
    let schema =
        SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>().to_value();
    let options = jsonschema::draft202012::options().should_validate_formats(true);
    let checker = Arc::new(options.build(&schema).map_err(|_| ApiProblem::unavailable())?);
    known.insert(TypeId::of::<T>(), Arc::clone(&checker));
    Ok(checker)
}

fn check<T: JsonSchema + 'static>(value: &Value) -> Result<(), ApiProblem> {
    let checker = checker::<T>()?;
    // The messages name the location and the expected value, and never the found value, which may
    // be long.
    let errors = checker
        .iter_errors(value)
        .map(|error| (error.instance_path().to_string(), error.masked().to_string()));
    let errors: Vec<(String, String)> = errors.take(20).collect();
    if errors.is_empty() { Ok(()) } else { Err(ApiProblem::of_places(errors)) }
}

impl<T: Serialize> IntoResponse for JsonBody<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => {
                ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body)
                    .into_response()
            }
            Err(_) => ApiProblem::unavailable().into_response(),
        }
    }
}

/// Returns the response for a created resource.
pub(super) fn created<T: Serialize>(value: T, location: &str) -> Response {
    let mut response = (StatusCode::CREATED, JsonBody(value)).into_response();
    if let Ok(header_value) = HeaderValue::try_from(location) {
        response.headers_mut().insert(header::LOCATION, header_value);
    }
    response
}

/// The query parameters of a request.
#[derive(Debug)]
pub(super) struct QueryParams(FormData);

impl<S: Send + Sync> FromRequestParts<S> for QueryParams {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiProblem> {
        Ok(Self(FormData::parse(parts.uri.query().unwrap_or_default().as_bytes())))
    }
}

impl QueryParams {
    /// Parses a parameter; `None` if it is missing.
    pub(super) fn get<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, ApiProblem> {
        let Some(text) = self.0.only(name)? else { return Ok(None) };
        let wrong = || {
            ApiProblem::new(
                MALFORMED,
                format_args!("The parameter `{name}` does not have a valid value."),
            )
        };
        text.parse().map(Some).map_err(|_| wrong())
    }
}

impl FormData {
    /// Returns the value of a parameter, which may occur only once.
    fn only(&self, name: &str) -> Result<Option<String>, ApiProblem> {
        if self.count(name) > 1 {
            return Err(ApiProblem::new(
                MALFORMED,
                format_args!("The parameter `{name}` is given more than once."),
            ));
        }
        Ok(self.exact(name))
    }
}
