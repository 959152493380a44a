//! The server: connections, middleware, error pages, and events for pages.

pub(crate) mod base_url;
pub(crate) mod extract;
pub(crate) mod middleware;
pub(crate) mod page_error;
pub(crate) mod server;
pub(crate) mod sse;
