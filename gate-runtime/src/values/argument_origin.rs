//! Where each argument of a call was said.

use serde::{Deserialize, Serialize};

use super::origin::Origin;

/// Where one argument came from, or a field inside one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ArgumentOrigin {
    pub(crate) pointer: String,
    pub(crate) origin: Origin,
}
