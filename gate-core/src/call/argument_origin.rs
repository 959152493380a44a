//! Where each argument of a call was said.

use serde::{Deserialize, Serialize};

use crate::call::origin::Origin;

/// Where one argument came from, or a field inside one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArgumentOrigin {
    /// The JSON pointer of the argument.
    pub pointer: String,
    /// The voice that said its value first.
    pub origin: Origin,
}
