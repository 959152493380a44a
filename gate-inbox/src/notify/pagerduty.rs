//! A notifier that opens an incident when an escalation reaches its last step.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use gate_runtime::Approval;
use gate_runtime::notify::{DeliveryNotice, Notifier, NotifyError};
use gate_runtime::records::Record;
use gate_runtime::review::Status;
use gate_runtime::store::BoxFuture;
use gate_runtime::tool::Descriptor;
use serde_json::{Value, json};

use super::http::{Credential, JsonClient};
use super::notification;
use super::setting::{BadSetting, SecretText, base};

/// The address of Events API v2.
const API: &str = "https://events.pagerduty.com";

/// The longest summary that PagerDuty takes.
const SUMMARY: usize = 1_024;

/// The length that one detail may have. All together may have 512 KB.
const DETAIL: usize = 4_000;

/// The severity of an incident in PagerDuty.
///
/// ```
/// use gate_inbox::Severity;
/// assert_eq!(Severity::default(), Severity::Error);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Severity {
    /// Everything else waits.
    Critical,
    /// Somebody should look at it now.
    #[default]
    Error,
    /// Somebody should look at it today.
    Warning,
    /// It is good to know.
    Info,
}

impl Severity {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// Opens an incident in PagerDuty (Events API v2) when the last step of an escalation begins, and
/// resolves it when the question is settled.
///
/// The incident has the id of the approval as its key, so that repeated deliveries are one
/// incident. Nobody can decide in PagerDuty: its link leads to the inbox.
///
/// ```
/// use gate_inbox::{PagerDuty, Severity};
/// use gate_runtime::notify::Notifier;
///
/// # fn main() -> Result<(), gate_inbox::BadSetting> {
/// // The integration key of a service, from a file or the environment.
/// let key = "0123456789abcdef0123456789ABCDEF";
/// let pagerduty =
///     PagerDuty::new(key)?.severity(Severity::Critical).inbox("https://gate.example.com")?;
/// assert_eq!(pagerduty.name(), "pagerduty");
/// assert!(!format!("{pagerduty:?}").contains(key));
/// # Ok(()) }
/// ```
///
/// # Security
/// PagerDuty gets the tool, the arguments without their secrets, the agent, and its principal.
#[derive(Clone)]
pub struct PagerDuty {
    name: Arc<str>,
    key: SecretText,
    url: Arc<str>,
    inbox: Option<Arc<str>>,
    severity: Severity,
    every_question: bool,
    http: JsonClient,
}

impl PagerDuty {
    /// Creates a notifier for the service with this integration key ("routing key").
    ///
    /// # Errors
    /// Returns [`BadSetting`] if it does not have the form of an integration key.
    pub fn new(routing_key: &str) -> Result<Self, BadSetting> {
        let key = SecretText::new(routing_key);
        if key.reveal().len() != 32
            || !key.reveal().bytes().all(|byte| byte.is_ascii_alphanumeric())
        {
            let message = "this is not an integration key of PagerDuty: it has 32 letters and \
                digits; find it under \"Events API V2\" in a service's integrations";
            return Err(BadSetting::new(message));
        }
        let (url, severity) = (format!("{API}/v2/enqueue").into(), Severity::default());
        Ok(Self {
            name: "pagerduty".into(),
            key,
            url,
            inbox: None,
            severity,
            every_question: false,
            http: JsonClient::new(),
        })
    }

    /// Sets the name of its deliveries in the store, for a gate with several. Defaults to
    /// `pagerduty`.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// Sets the severity of an incident. Defaults to [`Severity::Error`].
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// Opens an incident for every question at once, even without escalation.
    #[must_use]
    pub fn every_question(mut self) -> Self {
        self.every_question = true;
        self
    }

    /// Sets the address of the inbox, to which the incident links.
    ///
    /// # Errors
    /// Returns [`BadSetting`] if it is not an address.
    pub fn inbox(mut self, url: &str) -> Result<Self, BadSetting> {
        self.inbox = Some(base(url)?);
        Ok(self)
    }

    /// Sets another address of the API, like `https://events.eu.pagerduty.com`.
    ///
    /// # Errors
    /// Returns [`BadSetting`] if secrets may not be sent to it.
    pub fn api(mut self, url: &str) -> Result<Self, BadSetting> {
        self.url = format!("{}/v2/enqueue", base(url)?).into();
        Ok(self)
    }

    /// Sets the time limit for PagerDuty's answer. Defaults to ten seconds.
    #[must_use]
    pub fn patience(mut self, timeout: Duration) -> Self {
        self.http = JsonClient::patient(timeout);
        self
    }

    /// Returns whether the call, as it stands, needs an incident.
    fn is_due(&self, approval: &Approval) -> bool {
        notification::is_asked(approval) && (self.every_question || approval.is_at_last_step())
    }

    fn trigger(&self, approval: &Approval, tool: Option<&Descriptor>) -> Value {
        let id = approval.id().to_string();
        let subject = approval.subject();
        let info = subject.info();
        let review = approval.review(tool, &[]);
        let name = notification::plain(approval.tool());
        let detail = |text: String| Value::from(notification::cut(&text, DETAIL));
        let mut details = serde_json::Map::new();
        details.insert("tool".to_owned(), detail(name.clone()));
        details.insert("arguments".to_owned(), detail(notification::one_line(approval, tool)));
        details.insert("agent".to_owned(), detail(notification::agent(approval)));
        if let Some(principal) = info.principal() {
            details.insert("on behalf of".to_owned(), detail(notification::plain(principal)));
        }
        if let Some(case) = info.case() {
            details.insert("case".to_owned(), detail(notification::plain(case)));
        }
        details.insert("run".to_owned(), detail(notification::plain(info.run())));
        details.insert("decides".to_owned(), detail(review.decides().to_owned()));
        if let Some(end) = approval.expires_at() {
            details.insert("deadline".to_owned(), format!("{end:.0}").into());
        }
        let claims = notification::claims(&review, ["“", "”"]);
        if !claims.is_empty() {
            details.insert(
                "the agent claims (nobody has checked it)".to_owned(),
                detail(claims.join(" ").replace('\n', " ⏎ ")),
            );
        }
        let warnings: Vec<String> = notification::warning(&review)
            .into_iter()
            .chain(notification::before(&review))
            .collect();
        if !warnings.is_empty() {
            details.insert("warning".to_owned(), detail(warnings.join("\n")));
        }
        let until = approval.expires_at().map(|end| format!(" until {end:.0}")).unwrap_or_default();
        let last = if approval.is_at_last_step() { "last step: " } else { "" };
        let waits = format!(
            "waits for {}{until} ({last}{})",
            notification::expected_response(approval),
            review.decides()
        );
        // The description comes last, because only that may be cut.
        let summary = format!("{name} {waits}: {}", review.headline());
        let mut event = json!({
            "routing_key": self.key.reveal(),
            "event_action": "trigger",
            "dedup_key": id,
            "client": "Gate",
            "payload": {
                "summary": notification::cut(&summary, SUMMARY),
                "source": "gate",
                "severity": self.severity.word(),
                "timestamp": approval.asked_at().to_string(),
                "component": name,
                "class": "approval",
                "custom_details": details,
            },
        });
        if let (Some(inbox), Some(event)) = (&self.inbox, event.as_object_mut()) {
            let href = format!("{inbox}/approvals/{id}");
            event.insert(
                "links".to_owned(),
                json!([{ "href": href, "text": "Decide in the inbox" }]),
            );
            event.insert("client_url".to_owned(), href.into());
        }
        event
    }
}

impl Notifier for PagerDuty {
    fn name(&self) -> &str {
        &self.name
    }

    fn wants(&self, record: &Record) -> bool {
        match record.kind() {
            "assessed" => self.every_question && record.status() == Some(Status::Pending),
            "escalated" | "reassessed" | "uncovered" | "voided" | "lapsed" | "faltered"
            | "imported" => true,
            "voted" | "covered" | "expired" | "cancelled" | "revoked" => {
                record.status() != Some(Status::Pending)
            }
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
            let event = if self.is_due(approval) {
                self.trigger(approval, notice.tool())
            } else if approval.status() != Status::Pending && memo.is_some() {
                json!({
                    "routing_key": self.key.reveal(),
                    "event_action": "resolve",
                    "dedup_key": approval.id().to_string(),
                })
            } else {
                return Ok(memo);
            };
            self.http.post("PagerDuty", &self.url, Credential::Inside(&self.key), &event).await?;
            Ok(Some(approval.id().to_string()))
        })
    }
}

impl fmt::Debug for PagerDuty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, key: _, url, inbox, severity, every_question, http: _ } = self;
        let mut debug = f.debug_struct("PagerDuty");
        debug
            .field("name", name)
            .field("url", url)
            .field("inbox", inbox)
            .field("severity", severity);
        debug.field("every_question", every_question).finish_non_exhaustive()
    }
}
