//! Notifiers report events to people and programs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::BoxFuture;
use crate::approval::state::Approval;
use crate::call::descriptor::Descriptor;
use crate::records::record::Record;

/// A notifier reports events to people or programs, by chat, mail or a web address.
///
/// No call waits for a notifier: the store keeps its deliveries, which are made off the call path,
/// at least once. Failed deliveries are retried with growing delays, and finally kept as dead
/// deliveries, which people can see.
///
/// ```
/// use gate_runtime::notify::DeliveryNotice;
/// use gate_runtime::notify::{Notifier, NotifyError};
/// use gate_runtime::records::Record;
/// use gate_runtime::store::BoxFuture;
///
/// struct Printer;
///
/// impl Notifier for Printer {
///     fn name(&self) -> &str {
///         "printer"
///     }
///
///     fn wants(&self, record: &Record) -> bool {
///         record.kind() == "expired"
///     }
///
///     fn deliver<'a>(
///         &'a self,
///         notice: &'a DeliveryNotice,
///     ) -> BoxFuture<'a, Result<Option<String>, NotifyError>> {
///         println!(
///             "{}: nobody decided {:?}",
///             notice.id(),
///             notice.record().subject().map(|subject| subject.tool())
///         );
///         Box::pin(async { Ok(None) })
///     }
/// }
/// # assert_eq!(Printer.name(), "printer");
/// ```
pub trait Notifier: Send + Sync + 'static {
    /// Returns the name of its deliveries in the store. Each notifier over the same store needs its
    /// own name, which must never change. A name has 1 to 64 ASCII letters, digits or punctuation
    /// characters.
    fn name(&self) -> &str;

    /// Returns whether it reports this record. Called for every record, in order, in every process
    /// that has the notifier. It must not block.
    fn wants(&self, record: &Record) -> bool;

    /// Makes a delivery. The returned memo is stored, and passed with every later notice about the
    /// same call: for example the number of a message, to update that message. `None` keeps the
    /// previous memo.
    ///
    /// It may be called again with the same [id](DeliveryNotice::id), even after a successful
    /// delivery, if a process died in between.
    ///
    /// After half a minute, the future is dropped and the delivery retried. It must not block its
    /// thread. Several deliveries run at once, but never two about the same call.
    ///
    /// # Errors
    /// Returns [`NotifyError`], which determines whether to retry.
    fn deliver<'a>(
        &'a self,
        notice: &'a DeliveryNotice,
    ) -> BoxFuture<'a, Result<Option<String>, NotifyError>>;
}

impl<N: Notifier + ?Sized> Notifier for Arc<N> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn wants(&self, record: &Record) -> bool {
        (**self).wants(record)
    }

    fn deliver<'a>(
        &'a self,
        notice: &'a DeliveryNotice,
    ) -> BoxFuture<'a, Result<Option<String>, NotifyError>> {
        (**self).deliver(notice)
    }
}

/// One event for a [`Notifier`] to report.
///
/// ```
/// # fn show(notice: &gate_runtime::notify::DeliveryNotice) {
/// println!("{} (try {})", notice.record().kind(), notice.attempt());
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct DeliveryNotice {
    pub(crate) id: String,
    pub(crate) record: Arc<Record>,
    pub(crate) approval: Option<Arc<Approval>>,
    pub(crate) tool: Option<Arc<Descriptor>>,
    pub(crate) memo: Option<String>,
    pub(crate) attempt: u32,
}

impl DeliveryNotice {
    /// Creates a notice like those of a gate, for tests of a notifier.
    #[must_use]
    pub fn new(notifier: &str, record: Arc<Record>) -> Self {
        let id = format!("{notifier}-{}", record.seq());
        Self { id, record, approval: None, tool: None, memo: None, attempt: 1 }
    }

    /// Sets the call that it is about, as it stands now.
    #[must_use]
    pub fn about(mut self, approval: Arc<Approval>, tool: Option<Arc<Descriptor>>) -> Self {
        (self.approval, self.tool) = (Some(approval), tool);
        self
    }

    /// Sets the memo of the last notice about the same call.
    #[must_use]
    pub fn after(mut self, memo: impl Into<String>) -> Self {
        self.memo = Some(memo.into());
        self
    }

    /// Returns its id, which is unique, and the same for every attempt to deliver it, so that a
    /// receiver can recognize repetitions.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the record of the event.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Returns the call of the event in its present state, which may be later than the event.
    /// `None` if the event is about no call.
    #[must_use]
    pub fn approval(&self) -> Option<&Approval> {
        self.approval.as_deref()
    }

    /// Returns the call's tool, if it is known.
    #[must_use]
    pub fn tool(&self) -> Option<&Descriptor> {
        self.tool.as_deref()
    }

    /// Returns the memo of the last notice about the same call.
    #[must_use]
    pub fn memo(&self) -> Option<&str> {
        self.memo.as_deref()
    }

    /// Sets the number of this attempt, from 1.
    #[doc(hidden)]
    pub fn set_attempt(&mut self, attempt: u32) {
        self.attempt = attempt;
    }

    /// Returns the number of this attempt, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }
}

/// An error of a delivery.
///
/// ```
/// use gate_runtime::notify::NotifyError;
/// use gate_runtime::policy::minutes;
/// let error = NotifyError::again("it answered 503").after(minutes(2));
/// assert!(!error.is_final());
/// assert_eq!(error.to_string(), "it answered 503");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotifyError {
    problem: String,
    is_final: bool,
    after: Option<Duration>,
    memo: Option<String>,
}

impl NotifyError {
    /// Creates an error after which the delivery is retried. The text is stored and shown to
    /// people, so it must not contain secrets.
    pub fn again(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), is_final: false, after: None, memo: None }
    }

    /// Creates a final error, after which the delivery is dead at once.
    pub fn never(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), is_final: true, after: None, memo: None }
    }

    /// Sets the minimum time before the next attempt, if the receiver asked for one.
    #[must_use]
    pub fn after(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.after = time.into();
        self
    }

    /// Sets a memo for later notices about the same call, if the delivery reached somebody although
    /// it failed.
    #[must_use]
    pub fn with_memo(mut self, memo: impl Into<String>) -> Self {
        self.memo = Some(memo.into());
        self
    }

    /// Returns the memo for later notices about the same call, if the delivery reached somebody.
    #[must_use]
    pub fn memo(&self) -> Option<&str> {
        self.memo.as_deref()
    }

    /// Returns whether the error is final.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.is_final
    }

    /// Returns the minimum time before the next attempt.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        self.after
    }
}

impl fmt::Display for NotifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for NotifyError {}
