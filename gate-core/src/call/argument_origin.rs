//! The origin of each argument of a call.

use serde::{Deserialize, Serialize};

use crate::call::origin::Origin;

/// The origin of one argument, or of a field inside one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArgumentOrigin {
    /// The JSON pointer of the argument.
    pub pointer: String,
    /// The party that said its value first.
    pub origin: Origin,
}
