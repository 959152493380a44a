//! The notifiers, by which people are told that something happened.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::BoxFuture;
use crate::approval::state::Approval;
use crate::call::descriptor::Descriptor;
use crate::records::record::Record;

/// Tells people or programs what happened: a chat, a mail server, a web address.
///
/// It never stands in a call's way: what it is to tell is kept in the store, and delivered behind
/// the back of those who ask, at least once. What could not be delivered is tried again, ever
/// later, and in the end kept as a dead delivery that people see.
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
    /// The name under which the store keeps what it has delivered: another one over the same store
    /// has another, and it stays the same for ever. It has 1 to 64 letters, digits or signs of
    /// ASCII.
    fn name(&self) -> &str;

    /// Returns whether it tells of this record. Asked for every record, in order, by every process
    /// that has it; it must not wait for anything.
    fn wants(&self, record: &Record) -> bool;

    /// Delivers. What it gives back is kept, and given to it with every later notice about the same
    /// call: the number of a message, to change it.
    ///
    /// It may be called again with the same [id](DeliveryNotice::id), also after it was delivered:
    /// where a process dies in between, nobody knows. What gives `None` back leaves what was kept
    /// before.
    ///
    /// It has half a minute; after that it is dropped where it is, and tried again. It must not
    /// block its thread. Several run at once, never two about one call.
    ///
    /// # Errors
    /// [`NotifyError`] says whether another try makes sense.
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

/// One thing that a [`Notifier`] is to tell.
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
    /// Makes a notice like those that the gate would have a notifier tell: for trying one out.
    #[must_use]
    pub fn new(notifier: &str, record: Arc<Record>) -> Self {
        let id = format!("{notifier}-{}", record.seq());
        Self { id, record, approval: None, tool: None, memo: None, attempt: 1 }
    }

    /// The call that it is about, as it stands now.
    #[must_use]
    pub fn about(mut self, approval: Arc<Approval>, tool: Option<Arc<Descriptor>>) -> Self {
        (self.approval, self.tool) = (Some(approval), tool);
        self
    }

    /// Sets the text that the last notice about the same call gave back.
    #[must_use]
    pub fn after(mut self, memo: impl Into<String>) -> Self {
        self.memo = Some(memo.into());
        self
    }

    /// The same for every try to deliver it, and for nothing else: whoever gets it twice knows by
    /// this.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the record of what happened.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The call that it happened to, as it stands now: it may be further on. `None` where it
    /// happened to no call.
    #[must_use]
    pub fn approval(&self) -> Option<&Approval> {
        self.approval.as_deref()
    }

    /// The call's tool, if anybody knows it.
    #[must_use]
    pub fn tool(&self) -> Option<&Descriptor> {
        self.tool.as_deref()
    }

    /// Returns the text that the last notice about the same call gave back.
    #[must_use]
    pub fn memo(&self) -> Option<&str> {
        self.memo.as_deref()
    }

    /// Sets which delivery it is, from 1.
    #[doc(hidden)]
    pub fn set_attempt(&mut self, attempt: u32) {
        self.attempt = attempt;
    }

    /// Which try this is, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }
}

/// Why something was not delivered.
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
    /// It may work later. The words are kept and shown to people: no secret belongs into them.
    pub fn again(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), is_final: false, after: None, memo: None }
    }

    /// It never will: a dead delivery at once.
    pub fn never(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), is_final: true, after: None, memo: None }
    }

    /// Not before so long, as the other side said, if it did.
    #[must_use]
    pub fn after(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.after = time.into();
        self
    }

    /// Somebody was told nevertheless: what [`Notifier::deliver`] would have given back, for the
    /// next notices about the same call.
    #[must_use]
    pub fn told(mut self, memo: impl Into<String>) -> Self {
        self.memo = Some(memo.into());
        self
    }

    /// Returns the text that is kept for the next notices about the same call, if somebody was
    /// told.
    #[must_use]
    pub fn memo(&self) -> Option<&str> {
        self.memo.as_deref()
    }

    /// Returns whether another try makes no sense.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.is_final
    }

    /// Returns the least time to wait.
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
