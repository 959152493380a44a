//! Forms as people filled them in: fields, edits and grants.

pub(crate) mod edit_form;
pub(crate) mod form_data;
pub(crate) mod grant_form;
pub(crate) mod grant_scope;
