//! Gives each tool its part of the gate's state.

use std::sync::Arc;

/// The state of a gate has a part that a tool needs. Every type provides itself.
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

/// A state that all calls of a gate may use at once. Every type that is `Send`, `Sync` and
/// `'static` is one.
///
/// It is required where a registry names its state, and nowhere else: rustc reports there which
/// part of the state is at fault, and what to use instead.
#[doc(hidden)]
pub trait GateState: Send + Sync + 'static {}

impl<T: Send + Sync + 'static> GateState for T {}

/// A gate's state, of which a tool sees its part.
///
/// Sharing is required once, of the state of a [`Registry`](crate::Registry), and not again of each
/// part: one mistake is one error.
pub type SharedState<Part> = Arc<dyn Provides<Part> + Send + Sync>;
