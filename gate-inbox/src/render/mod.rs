//! Texts, values and charts as pages show them.

pub(crate) mod chart;
pub(crate) mod text_search;
pub(crate) mod untrusted_text;
pub(crate) mod value_hint;
