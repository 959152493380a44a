//! Runs users' code with limits: a panic and a timeout become errors.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt as _;
use gate_core::text::english;

use crate::random;

/// The time limit of users' async code. Its clock is not visible to this layer.
pub(crate) trait TimeLimit: Send + Sync {
    /// Returns the limit.
    fn time(&self) -> Duration;

    /// Waits for the limit to pass, from now on.
    fn over(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// Runs users' async code to completion.
///
/// # Errors
/// Returns a description if the code panics or takes too long. It is dropped then.
pub(crate) async fn bounded<F: Future>(
    limit: &dyn TimeLimit,
    start: impl FnOnce() -> F,
) -> Result<F::Output, String> {
    let work = catch_unwind(AssertUnwindSafe(start)).map_err(|panic| panic_notice(&*panic))?;
    let mut work = pin!(AssertUnwindSafe(work).catch_unwind());
    let mut over = None;
    poll_fn(|context| {
        if let Poll::Ready(ended) = work.as_mut().poll(context) {
            return Poll::Ready(ended.map_err(|panic| panic_notice(&*panic)));
        }
        // Most futures are ready at once, and need no timer.
        let over = over.get_or_insert_with(|| limit.over());
        let too_long = || Err(format!("it took longer than {}", english::duration(limit.time())));
        over.as_mut().poll(context).map(|()| too_long())
    })
    .await
}

/// Runs a closure of the user. A panic becomes an error.
pub(super) fn guard<R>(body: impl FnOnce() -> Result<R, String>) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| Err(panic_notice(&*panic)))
}

/// Returns the description of a panic for models, people and records: the fact that it happened,
/// and the id of its text in the log of this process. The text itself is not passed on, because it
/// may contain connection strings and keys.
pub(crate) fn panic_notice(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let id = format!("{:08x}", random::number());
    tracing::error!(target: "gate::panics", id, "{}", text.unwrap_or("a panic without a text"));
    format!("it panicked (panic {id} in the log)")
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::sync::{Arc, Mutex};

    use futures_util::future::pending;
    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    use super::*;

    /// Captures the log.
    #[derive(Clone, Default)]
    struct LogCapture(Arc<Mutex<String>>);

    impl Visit for LogCapture {
        fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
            write!(self.0.lock().unwrap(), "{field}={value:?} ").unwrap();
        }
    }

    impl Subscriber for LogCapture {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target() == "gate::panics"
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, event: &Event<'_>) {
            event.record(&mut self.clone());
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    struct NeverReady;

    impl TimeLimit for NeverReady {
        fn time(&self) -> Duration {
            Duration::MAX
        }

        fn over(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
            Box::pin(pending())
        }
    }

    #[test]
    fn what_a_panic_says_is_in_the_log_and_nowhere_else() {
        let log = LogCapture::default();
        let problems = tracing::subscriber::with_default(log.clone(), || {
            let later = |start: fn() -> String| {
                bounded(&NeverReady, async move || start()).now_or_never().unwrap()
            };
            let secret = "postgres://app:hunter2@db";
            [
                guard(|| -> Result<(), String> { panic!("sk-live-1") }).unwrap_err(),
                guard(|| -> Result<(), String> { panic!("{secret}") }).unwrap_err(),
                later(|| "sk-live-2".parse::<u8>().map_err(|_| "sk-live-2").unwrap().to_string())
                    .unwrap_err(),
                guard(|| -> Result<(), String> { std::panic::panic_any(7) }).unwrap_err(),
            ]
        });
        let log = log.0.lock().unwrap().clone();
        for problem in &problems {
            let id = problem
                .strip_prefix("it panicked (panic ")
                .and_then(|rest| rest.strip_suffix(" in the log)"));
            assert_eq!(id.map(str::len), Some(8), "{problem}");
            assert!(log.contains(id.unwrap()), "{problem} in {log}");
        }
        assert!(
            ["sk-live-1", "hunter2", "sk-live-2"].iter().all(|text| log.contains(text)),
            "{log}"
        );
    }
}
