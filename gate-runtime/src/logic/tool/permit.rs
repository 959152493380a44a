//! The only way to a tool's body.

use std::fmt;

use super::Tool;
use crate::logic::context::CallContext;

/// Single-use proof that this call may run, with its arguments inside.
///
/// Only the engine creates a permit, from the approved arguments, after `Dispatched` is recorded. A
/// body takes it by value. It cannot be cloned, stored and used again, or created by hand:
///
/// ```compile_fail,E0451
/// # use gate_runtime::{CallContext, Permit, Tool};
/// fn forge<T: Tool>(call: T, context: CallContext) -> Permit<T> {
///     Permit { arguments: call, context }               // its fields are private
/// }
/// ```
///
/// ```compile_fail,E0599
/// # use gate_runtime::{Permit, Tool};
/// fn twice<T: Tool>(permit: Permit<T>) -> (Permit<T>, Permit<T>) {
///     (permit.clone(), permit)                          // it is not `Clone`
/// }
/// ```
#[must_use]
pub struct Permit<T: Tool> {
    arguments: T,
    context: CallContext,
}

impl<T: Tool> Permit<T> {
    pub(crate) fn new(arguments: T, context: CallContext) -> Self {
        Self { arguments, context }
    }

    /// Consumes the permit, and returns the approved arguments and the call's context.
    pub fn open(self) -> (T, CallContext) {
        (self.arguments, self.context)
    }
}

impl<T: Tool> fmt::Debug for Permit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Permit({} {})", T::NAME, self.context.call)
    }
}
