//! Handing each tool its part of the gate's state.

/// The state of a gate has a part that a tool needs. Every type provides itself.
///
/// A tool that takes `#[state] billing: &Billing` works in any gate whose state provides `Billing`.
///
/// The idea is axum's `FromRef`, without the clone.
///
/// ```
/// use gate_runtime::Provides;
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
    note = "write `impl Provides<{Part}> for {Self}`, or name another state after `for` in the registry"
)]
pub trait Provides<Part>: Send + Sync + 'static {
    /// The part.
    fn provide(&self) -> &Part;
}

#[diagnostic::do_not_recommend]
impl<T: Send + Sync + 'static> Provides<T> for T {
    fn provide(&self) -> &T {
        self
    }
}
