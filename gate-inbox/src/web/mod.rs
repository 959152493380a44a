//! The server: connections, middleware, errors as pages, and events that pages are told.

pub(crate) mod middleware;
pub(crate) mod page_error;
pub(crate) mod server;
pub(crate) mod sse;
