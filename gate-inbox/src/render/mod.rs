//! Renders texts, values and charts for pages.

pub(crate) mod chart;
pub(crate) mod text_search;
pub(crate) mod untrusted_text;
pub(crate) mod value_hint;
