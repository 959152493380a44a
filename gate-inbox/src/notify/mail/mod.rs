//! A notifier that sends mails to reviewers.

mod content;
mod recipients;
mod smtp;

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gate_runtime::id::Digest;
use gate_runtime::notify::{DeliveryNotice, Notifier, NotifyError};
use gate_runtime::records::{CallEvent, Record, RecordEvent};
use gate_runtime::review::{Decision, Status};
use gate_runtime::store::BoxFuture;
use gate_runtime::{Approval, FileDirectory};
use lettre::message::Mailbox;
use lettre::{Address, Message};
use recipients::Recipients;
use smtp::{MailRefused, SmtpRelay};

use super::link::Links;
use super::notification;
use super::setting::{BadSetting, SecretText, base};

/// The time that sending to everybody may take, which is less than a delivery may take.
const ALL: Duration = Duration::from_secs(25);
const LEAST: Duration = Duration::from_secs(2);

/// The number of attempts for recipients that fail while others are reached. They take about ten
/// minutes, for which servers defer unknown senders.
const TRIES: u32 = 8;

/// The number of remembered deliveries of notices that did not reach everybody.
const REMEMBERED: usize = 10_000;

/// A notifier that sends a mail about every question, and another when it is settled.
///
/// Mails go to [fixed addresses](Self::to), or [to the people who may decide](Self::to_who_decides)
/// at that time. The mails about one question form a thread. With [`links`](Self::links) they link
/// to pages for each decision, otherwise to the call's page.
///
/// ```
/// use gate_inbox::{LinkKey, Links, Mail};
/// # fn show(
/// #     people: gate_runtime::FileDirectory,
/// #     password: &str,
/// # ) -> Result<(), gate_inbox::BadSetting> {
/// let inbox = "https://gate.example.com";
/// // Port 587, with STARTTLS.
/// let mail = Mail::new("Gate <gate@example.com>", "smtp.example.com", inbox)?
///     .sign_in("gate@example.com", password)
///     .to_who_decides(people)
///     .links(Links::new(LinkKey::in_file("links.key")?, inbox)?);
/// # let _ = mail;
/// # Ok(()) }
/// ```
///
/// # Security
/// Mails are sent only over TLS, except to a server on this machine. If a server offers no TLS, or
/// its certificate is not valid, the mail is not sent. Mails contain no secrets of a call, no
/// remote images, and no markup from untrusted text. Mail is not private beyond that server, so
/// send only to your own people.
#[derive(Clone)]
pub struct Mail {
    name: Arc<str>,
    from: Mailbox,
    inbox: Arc<str>,
    relay: SmtpRelay,
    recipients: Recipients,
    links: Option<Links>,
    /// The recipients that a notice has reached, while it is retried for others.
    reached: Arc<Mutex<HashSet<Digest>>>,
}

impl Mail {
    /// Creates a notifier that sends as this sender, through this server, with links to the inbox
    /// at this address.
    ///
    /// # Errors
    /// Returns [`BadSetting`] if one of them is malformed.
    pub fn new(from: &str, server: &str, inbox: &str) -> Result<Self, BadSetting> {
        let from: Mailbox = from.parse().map_err(|_| {
            BadSetting::new(
                "this is not a sender: write an address, like `gate@example.com` or \
                `Gate <gate@example.com>`",
            )
        })?;
        let relay = SmtpRelay::new(server, from.email.domain())?;
        let recipients = Recipients::default();
        Ok(Self {
            name: "mail".into(),
            from,
            inbox: base(inbox)?,
            relay,
            recipients,
            links: None,
            reached: Arc::default(),
        })
    }

    /// Sets the port of the server. Defaults to 587. On 465, TLS comes first; on any other port,
    /// STARTTLS is required.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.relay.port = port;
        self
    }

    /// Begins with TLS on any port.
    #[must_use]
    pub fn tls_first(mut self) -> Self {
        (self.relay.is_tls_first, self.relay.is_local) = (true, false);
        self
    }

    /// Sets the user and the password for the server.
    #[must_use]
    pub fn sign_in(mut self, user: &str, password: &str) -> Self {
        self.relay.credentials = Some((user.into(), SecretText::new(password)));
        self
    }

    /// Trusts an additional authority, or the server's own certificate, in PEM, for your own
    /// server.
    ///
    /// # Errors
    /// Returns [`BadSetting`] if it is not a certificate.
    pub fn certificate(mut self, pem: &[u8]) -> Result<Self, BadSetting> {
        self.relay.trust(pem)?;
        Ok(self)
    }

    /// Requires TLS even for a server on this machine.
    #[must_use]
    pub fn always_tls(mut self) -> Self {
        self.relay.is_local = false;
        self
    }

    /// Sets the time limit for one answer of the server. Defaults to ten seconds.
    #[must_use]
    pub fn patience(mut self, timeout: Duration) -> Self {
        self.relay.timeout = timeout;
        self
    }

    /// Adds a fixed recipient. May be called repeatedly.
    ///
    /// # Errors
    /// Returns [`BadSetting`] if it is not an address.
    pub fn to(mut self, address: &str) -> Result<Self, BadSetting> {
        let address: Address = address.parse().map_err(|_| {
            BadSetting::new("this is not a mail address: write it like `dana@example.com`")
        })?;
        self.recipients.fixed.push(address);
        Ok(self)
    }

    /// Sends to the `contact` of everybody in the people file who may decide, with the roles that
    /// they have when the mail is sent.
    #[must_use]
    pub fn to_who_decides(mut self, people: FileDirectory) -> Self {
        self.recipients.people = Some(people);
        self
    }

    /// Adds links for each answer to the mails. [`Inbox::links`](crate::Inbox::links) opens them.
    #[must_use]
    pub fn links(mut self, links: Links) -> Self {
        self.links = Some(links);
        self
    }

    /// Sets the name of its deliveries in the store, for a gate with several. Defaults to `mail`.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// Returns the notifier with links to another inbox.
    pub(super) fn with_inbox(mut self, inbox: &Arc<str>) -> Self {
        self.inbox = Arc::clone(inbox);
        self
    }

    /// Returns the id of a mail, which is the same for every delivery of a notice.
    fn id(&self, notice: &DeliveryNotice, approval: &Approval) -> String {
        let digest =
            Digest::of(format!("{} {} {}", self.name, notice.id(), approval.id())).to_string();
        let digits: String = digest.chars().skip_while(|c| *c != ':').skip(1).take(32).collect();
        format!("<gate.{digits}@{}>", self.from.email.domain())
    }

    /// Returns the id that all mails about a call refer to.
    fn thread_id(&self, approval: &Approval) -> String {
        format!("<gate.{}@{}>", approval.id(), self.from.email.domain())
    }

    /// Sends to everybody whom this notice has not reached yet.
    async fn send_all(
        &self,
        notice: &DeliveryNotice,
        approval: &Approval,
        to: Vec<Address>,
    ) -> Result<String, NotifyError> {
        let (id, started) = (self.id(notice, approval), Instant::now());
        let (mut again, mut never) = (Vec::new(), Vec::new());
        let key = |address: &Address| Digest::of(format!("{} {id} {address}", notice.id()));
        for address in &to {
            if self.reached().contains(&key(address)) {
                continue;
            }
            let left = ALL.saturating_sub(started.elapsed());
            if left < LEAST {
                again.push(format!("{address}: there was no time left"));
                continue;
            }
            let message = self.message(notice, approval, address, &id)?;
            match self.relay.send(message, left).await {
                Ok(()) => {
                    let mut reached = self.reached();
                    if reached.len() >= REMEMBERED {
                        reached.clear();
                    }
                    reached.insert(key(address));
                }
                Err(MailRefused { is_final: true, problem }) => {
                    never.push(format!("{address}: {problem}"));
                }
                Err(MailRefused { problem, .. }) => {
                    again.push(format!("{address}: {problem}"));
                }
            }
        }
        let joined = |all: &[String]| {
            let first = all.first().map(String::as_str).unwrap_or_default();
            notification::cut(
                &format!(
                    "not sent to {} of {}: {}",
                    all.len(),
                    to.len(),
                    notification::plain(first)
                ),
                400,
            )
        };
        let is_told = again.len() + never.len() < to.len();
        // Later notices wait for this one, so a recipient who cannot be reached must not delay them
        // for long.
        let is_enough = is_told && notice.attempt() >= TRIES;
        if !again.is_empty() && !is_enough {
            return Err(NotifyError::again(joined(&again)));
        }
        for address in &to {
            self.reached().remove(&key(address));
        }
        never.extend(again);
        match (never.is_empty(), is_told) {
            (true, _) => Ok(id),
            (false, true) => {
                Err(NotifyError::never(joined(&never)).with_memo(notice.memo().unwrap_or(&id)))
            }
            (false, false) => Err(NotifyError::never(joined(&never))),
        }
    }

    fn message(
        &self,
        notice: &DeliveryNotice,
        approval: &Approval,
        to: &Address,
        id: &str,
    ) -> Result<Message, NotifyError> {
        let links =
            content::AnswerLinks::of(self.links.as_ref(), &self.inbox, notice, approval, to);
        let content = content::write(notice, approval, &links);
        let mut references = vec![self.thread_id(approval)];
        references.extend(notice.memo().map(str::to_owned));
        let built = content.into_message(&self.from, to, id, notice, &references.join(" "));
        built.map_err(|error| NotifyError::never(format!("the mail cannot be written: {error}")))
    }

    fn reached(&self) -> std::sync::MutexGuard<'_, HashSet<Digest>> {
        // A lost entry only means a second mail, so a poisoned lock is no reason to stop.
        self.reached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns whether a record is a vote by which somebody changed what is asked.
fn is_edit(record: &Record) -> bool {
    matches!(
        record.event(),
        RecordEvent::Call(CallEvent::Voted { vote })
            if matches!(vote.decision(), Decision::Edit { .. })
    )
}

impl Notifier for Mail {
    fn name(&self) -> &str {
        &self.name
    }

    fn wants(&self, record: &Record) -> bool {
        let is_pending = record.status() == Some(Status::Pending);
        match record.kind() {
            "assessed" => is_pending,
            "reassessed" | "uncovered" | "voided" | "lapsed" | "imported" | "faltered"
            | "escalated" | "reminded" => true,
            "voted" => !is_pending || is_edit(record),
            "covered" | "expired" | "cancelled" | "revoked" => !is_pending,
            _ => false,
        }
    }

    fn deliver<'a>(
        &'a self,
        notice: &'a DeliveryNotice,
    ) -> BoxFuture<'a, Result<Option<String>, NotifyError>> {
        Box::pin(async move {
            let Some(approval) = notice.approval() else { return Ok(None) };
            let memo = notice.memo().map(str::to_owned);
            let is_asked = notification::is_asked(approval);
            // A question that was settled before anybody was notified needs no mail.
            if !is_asked && (approval.status() == Status::Pending || memo.is_none()) {
                return Ok(memo);
            }
            let to = self.recipients.of(approval)?;
            if to.is_empty() && is_asked {
                let message = "nobody who may decide has a mail address: write it as `contact` in \
                    the people file, or set `to`";
                return Err(NotifyError::never(message));
            }
            let id = self.send_all(notice, approval, to).await?;
            // Later mails refer to the first mail of the thread.
            Ok(Some(memo.unwrap_or(id)))
        })
    }
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Mail");
        debug
            .field("name", &self.name)
            .field("from", &self.from.to_string())
            .field("inbox", &self.inbox);
        debug
            .field("server", &self.relay.server)
            .field("port", &self.relay.port)
            .finish_non_exhaustive()
    }
}
