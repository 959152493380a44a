//! Code that users wrote, within bounds: a panic is an error, and so is taking too long.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt as _;
use gate_core::text::english;

/// How long the async code of users may take, by a clock that this layer does not know.
pub(crate) trait TimeLimit: Send + Sync {
    /// Returns how long that is.
    fn time(&self) -> Duration;

    /// Returns once that time is over, from now on.
    fn over(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// Starts what a user wrote, and waits for its end.
///
/// # Errors
/// In words, where it panics or takes too long. It is dropped then.
pub(crate) async fn bounded<F: Future>(limit: &dyn TimeLimit, start: impl FnOnce() -> F) -> Result<F::Output, String> {
    let work = catch_unwind(AssertUnwindSafe(start)).map_err(|panic| panic_text(&*panic))?;
    let mut work = pin!(AssertUnwindSafe(work).catch_unwind());
    let mut over = None;
    poll_fn(|context| {
        if let Poll::Ready(ended) = work.as_mut().poll(context) {
            return Poll::Ready(ended.map_err(|panic| panic_text(&*panic)));
        }
        // Most of it ends at once, and needs no timer.
        let over = over.get_or_insert_with(|| limit.over());
        let too_long = || Err(format!("it took longer than {}", english::duration(limit.time())));
        over.as_mut().poll(context).map(|()| too_long())
    })
    .await
}

/// Runs a closure that a user wrote; a panic becomes an error.
pub(super) fn guard<R>(look: impl FnOnce() -> Result<R, String>) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(look)).unwrap_or_else(|panic| Err(panic_text(&*panic)))
}

/// Returns what a panic said.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.map_or_else(|| "it panicked".to_owned(), |text| format!("it panicked: {text}"))
}
