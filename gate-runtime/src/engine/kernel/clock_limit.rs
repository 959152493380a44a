//! The time limit of users' async code, by the gate's clock.
//!
//! Async rules, overlays, directories, reconcilers and notifiers all have a [`ClockLimit`]. For
//! directories, a [`BoundedDirectory`] applies it, so that no caller can forget it.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use gate_audit::VerifierKey;
use gate_core::id::{ReviewerId, Role};
use gate_core::ports::{BoxFuture, Clock, Directory, DirectoryError};
use gate_core::text::{Digest, later};
use jiff::Timestamp;

use crate::logic::time_limit::{TimeLimit, bounded};

/// The time that each piece of a user's async code may take.
#[derive(Clone)]
pub(crate) struct ClockLimit {
    clock: Arc<dyn Clock>,
    time: Duration,
}

impl ClockLimit {
    pub(crate) fn new(clock: Arc<dyn Clock>, time: Duration) -> Self {
        Self { clock, time }
    }
}

impl TimeLimit for ClockLimit {
    fn time(&self) -> Duration {
        self.time
    }

    fn over(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.clock.sleep_until(later(self.clock.now(), self.time))
    }
}

/// A user's directory with a time limit: a panic or a timeout is a [`DirectoryError`].
pub(crate) struct BoundedDirectory {
    inner: Arc<dyn Directory>,
    limit: ClockLimit,
}

impl BoundedDirectory {
    pub(crate) fn new(inner: Arc<dyn Directory>, limit: ClockLimit) -> Self {
        Self { inner, limit }
    }

    fn bounded<'a, T: 'a>(
        &'a self,
        ask: impl FnOnce(&'a dyn Directory) -> BoxFuture<'a, Result<T, DirectoryError>> + Send + 'a,
    ) -> BoxFuture<'a, Result<T, DirectoryError>> {
        Box::pin(async move {
            let answer = bounded(&self.limit, || ask(&*self.inner)).await;
            // This is an error, and never "nobody": a directory that hangs must not look like one
            // without the person.
            answer.unwrap_or_else(|problem| Err(DirectoryError::new(problem)))
        })
    }
}

impl Directory for BoundedDirectory {
    fn find<'a>(
        &'a self,
        reviewer: &'a ReviewerId,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<Option<Vec<Role>>, DirectoryError>> {
        self.bounded(move |inner| inner.find(reviewer, at))
    }

    fn holders<'a>(
        &'a self,
        role: Option<&'a Role>,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<Option<Vec<ReviewerId>>, DirectoryError>> {
        self.bounded(move |inner| inner.holders(role, at))
    }

    fn named<'a>(
        &'a self,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Vec<ReviewerId>, DirectoryError>> {
        self.bounded(move |inner| inner.named(name))
    }

    fn digest(&self) -> BoxFuture<'_, Result<Digest, DirectoryError>> {
        self.bounded(|inner| inner.digest())
    }

    fn key<'a>(
        &'a self,
        reviewer: &'a ReviewerId,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<Option<VerifierKey>, DirectoryError>> {
        self.bounded(move |inner| inner.key(reviewer, at))
    }
}
