//! Gives each tool its part of the gate's state.

use std::sync::Arc;

/// A state of a gate that provides the part that a tool needs. Every type provides itself.
///
/// A tool that takes `#[state] billing: &Billing` works in any gate whose state provides `Billing`.
///
/// The idea is axum's `FromRef`, without the clone.
///
/// ```
/// use gate_runtime::tool::Provides;
///
/// struct Billing;
/// struct App { billing: Billing }
///
/// impl Provides<Billing> for App {
///     fn provide(&self) -> &Billing { &self.billing }
/// }
/// # let app = App { billing: Billing };
/// # let _: &Billing = app.provide();
/// # let _: &App = app.provide();
/// ```
#[diagnostic::on_unimplemented(
    message = "the state `{Self}` does not provide `{Part}`",
    label = "this tool takes `#[state] … : &{Part}`",
    note = "write `impl Provides<{Part}> for {Self}`, or name another state after `for` in the \
        registry"
)]
pub trait Provides<Part>: 'static {
    /// Returns the part.
    fn provide(&self) -> &Part;
}

#[diagnostic::do_not_recommend]
impl<T: 'static> Provides<T> for T {
    fn provide(&self) -> &T {
        self
    }
}

/// A state that all calls of a gate may use at once. Implemented by every type that is `Send`,
/// `Sync` and `'static`.
///
/// It is required only where a registry names its state. There, rustc reports the part of the state
/// that is at fault, and the type to use instead.
#[doc(hidden)]
pub trait GateState: Send + Sync + 'static {}

impl<T: Send + Sync + 'static> GateState for T {}

/// A gate's state, of which a tool sees only its part.
///
/// Sharing is required once, of the state of a [`Registry`](crate::Registry), and not again of each
/// part, so that one mistake causes one error.
pub type SharedState<Part> = Arc<dyn Provides<Part> + Send + Sync>;
