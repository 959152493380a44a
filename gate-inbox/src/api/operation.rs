//! An operation of the API: its handler, its description and its route.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::MethodRouter;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::problem::ApiProblem;
use crate::state::AppState;

/// The status for a resource that does not exist.
pub(super) const HERE: &[StatusCode] = &[StatusCode::NOT_FOUND];
/// The statuses for a resource that does not exist, or is in another state.
pub(super) const STATE: &[StatusCode] = &[StatusCode::NOT_FOUND, StatusCode::CONFLICT];

/// The kind of caller that may use an operation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum CallerKind {
    Agent,
    Person,
}

/// A function that returns the schema of a body.
type MakeSchema = fn(&mut SchemaGenerator) -> Value;

/// The response of a successful operation.
enum SuccessBody {
    Json(MakeSchema),
    Text(&'static str),
    Stream,
    Nothing,
}

/// One parameter of a query.
struct Parameter {
    name: &'static str,
    about: &'static str,
    schema: Value,
    is_required: bool,
}

/// One operation.
pub(super) struct Operation {
    path: &'static str,
    method: &'static str,
    by: CallerKind,
    id: &'static str,
    about: &'static str,
    parameters: Vec<Parameter>,
    body: Option<MakeSchema>,
    status: Vec<StatusCode>,
    good: SuccessBody,
    problems: Vec<StatusCode>,
    route: MethodRouter<Arc<AppState>>,
}

fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

impl Operation {
    pub(super) fn new(
        (method, path): (&'static str, &'static str),
        by: CallerKind,
        (id, about): (&'static str, &'static str),
        route: MethodRouter<Arc<AppState>>,
    ) -> Self {
        // Any request may fail with these: without a valid token, at another host, or while the
        // database does not answer.
        let always = [
            StatusCode::BAD_REQUEST,
            StatusCode::UNAUTHORIZED,
            StatusCode::FORBIDDEN,
            StatusCode::MISDIRECTED_REQUEST,
            StatusCode::SERVICE_UNAVAILABLE,
        ];
        Self {
            path,
            method,
            by,
            id,
            about,
            parameters: Vec::new(),
            body: None,
            status: vec![StatusCode::OK],
            good: SuccessBody::Nothing,
            problems: always.to_vec(),
            route,
        }
    }

    /// Sets the type of the request body.
    pub(super) fn takes<T: JsonSchema>(mut self) -> Self {
        self.body = Some(schema_of::<T>);
        let of_bodies = [
            StatusCode::PAYLOAD_TOO_LARGE,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            StatusCode::UNPROCESSABLE_ENTITY,
        ];
        self.or_else(&of_bodies)
    }

    /// Sets the type of the response.
    pub(super) fn gives<T: JsonSchema>(mut self) -> Self {
        self.good = SuccessBody::Json(schema_of::<T>);
        self
    }

    /// Makes the response a stream of server-sent events.
    pub(super) fn streams(mut self) -> Self {
        self.good = SuccessBody::Stream;
        self
    }

    /// Makes the response a text.
    pub(super) fn gives_text(mut self, kind: &'static str) -> Self {
        self.good = SuccessBody::Text(kind);
        self
    }

    /// Sets the statuses of successful responses.
    pub(super) fn by_status(mut self, status: &[StatusCode]) -> Self {
        self.status = status.to_vec();
        self
    }

    /// Adds the statuses of possible problems.
    pub(super) fn or_else(mut self, problems: &[StatusCode]) -> Self {
        self.problems.extend(problems);
        self
    }

    /// Adds a query parameter.
    pub(super) fn query(
        mut self,
        name: &'static str,
        about: &'static str,
        schema: Value,
        is_required: bool,
    ) -> Self {
        self.parameters.push(Parameter { name, about, schema, is_required });
        self
    }

    /// Returns its part of the `OpenAPI` document.
    fn describe(&self, SchemaSet { taken, given }: &mut SchemaSet) -> Value {
        let in_path = self.path.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(
            |(name, _)| {
                json!({
                    "name": name,
                    "in": "path",
                    "required": true,
                    "schema": {"type": "string", "format": "uuid"},
                })
            },
        );
        let in_query = self.parameters.iter().map(|parameter| {
            let Parameter { name, about, schema, is_required } = parameter;
            json!({
                "name": name,
                "in": "query",
                "required": is_required,
                "description": about,
                "schema": schema,
            })
        });
        let content = match &self.good {
            SuccessBody::Json(schema) => {
                Some(json!({"application/json": {"schema": schema(given)}}))
            }
            SuccessBody::Text(kind) => Some(json!({*kind: {"schema": {"type": "string"}}})),
            SuccessBody::Stream => Some(json!({"text/event-stream": {}})),
            SuccessBody::Nothing => None,
        };
        let mut responses = Map::new();
        for status in &self.status {
            let mut response = json!({"description": status.canonical_reason()});
            if let (Some(content), Some(response)) = (&content, response.as_object_mut()) {
                response.insert("content".to_owned(), content.clone());
            }
            responses.insert(status.as_str().to_owned(), response);
        }
        let problem = schema_of::<ApiProblem>(given);
        for status in &self.problems {
            let message = status.canonical_reason();
            let response = json!({
                "description": message,
                "content": {"application/problem+json": {"schema": problem}},
            });
            responses.insert(status.as_str().to_owned(), response);
        }
        let scheme = match self.by {
            CallerKind::Agent => "agent",
            CallerKind::Person => "person",
        };
        let mut described = json!({
            "operationId": self.id,
            "summary": self.about,
            "tags": [scheme],
            "security": [{scheme: []}],
            "parameters": in_path.chain(in_query).collect::<Vec<_>>(),
            "responses": responses,
        });
        if let (Some(body), Some(described)) = (self.body, described.as_object_mut()) {
            let body =
                json!({"required": true, "content": {"application/json": {"schema": body(taken)}}});
            described.insert("requestBody".to_owned(), body);
        }
        described
    }
}

/// The schemas of requests and of responses, which differ in which fields are optional.
struct SchemaSet {
    taken: SchemaGenerator,
    given: SchemaGenerator,
}

impl SchemaSet {
    fn new() -> Self {
        let generator = |mut settings: SchemaSettings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
            SchemaGenerator::new(settings)
        };
        let (taken, given) =
            (SchemaSettings::draft2020_12(), SchemaSettings::draft2020_12().for_serialize());
        Self { taken: generator(taken), given: generator(given) }
    }

    fn all(mut self) -> Map<String, Value> {
        let mut all = self.taken.take_definitions(true);
        all.extend(self.given.take_definitions(true));
        all
    }
}

/// Returns the routes of all operations.
pub(super) fn serve(operations: Vec<Operation>) -> Router<Arc<AppState>> {
    operations
        .into_iter()
        .fold(Router::new(), |router, operation| router.route(operation.path, operation.route))
}

/// Returns the `OpenAPI` 3.1 document of all operations.
pub(super) fn document(operations: &[Operation]) -> Value {
    let mut schemas = SchemaSet::new();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for operation in operations {
        let described = operation.describe(&mut schemas);
        paths.entry(operation.path).or_default().insert(operation.method.to_owned(), described);
    }
    let scheme = |about: &str| json!({"type": "http", "scheme": "bearer", "description": about});
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Gate",
            "version": "1",
            "description": "Programs ask people before they act. Every error is a problem as in \
             RFC 9457; its `type` is `urn:gate:problem:` and a word.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "tags": [
            {"name": "agent", "description": "What agents do: ask, wait, begin, report the end."},
            {"name": "person", "description": "What people do: look, decide, grant, revoke, \
                audit."},
        ],
        "paths": paths,
        "components": {
            "schemas": schemas.all(),
            "securitySchemes": {
                "agent": scheme("An agent's token, `gate_a_…`: create one with `gate agent`."),
                "person": scheme("A person's token, `gate_r_…`: create one with `gate person`."),
            },
        },
    })
}
