//! A notifier that posts to a Slack channel.

pub(crate) mod blocks;
pub(crate) mod message;
pub(crate) mod modal;
pub(crate) mod payload;
pub(crate) mod signed;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use gate_runtime::Approval;
use gate_runtime::notify::{DeliveryNotice, Notifier, NotifyError};
use gate_runtime::records::Record;
use gate_runtime::review::Status;
use gate_runtime::store::BoxFuture;
use serde_json::{Value, json};

use super::http::{Credential, JsonClient};
use super::notification;
use super::setting::{BadSetting, SecretText, base};

/// Where Slack's methods are, and where answers to its requests go.
const API: &str = "https://slack.com/api";
const HOOKS: &str = "https://hooks.slack.com";

/// A notifier that posts every question into a Slack channel, and updates the message with the
/// outcome.
///
/// People can decide with buttons if [`buttons`](Self::buttons) has the signing secret and
/// [`Inbox::slack`](crate::Inbox::slack) accepts the requests. There is no button to approve a
/// destructive call, because approving one in the inbox needs the name of its tool. There is none
/// for a call that is longer than a message, because a vote is about the whole call, and none for a
/// question that needs an answer.
///
/// ```
/// use gate_inbox::Slack;
/// use gate_runtime::notify::Notifier;
///
/// # fn main() -> Result<(), gate_inbox::BadSetting> {
/// # let (token, signing_secret) = ("xoxb-1-2-abc", "8f742231b10e8888abcd99yyyzzz85a5");
/// let slack =
///     Slack::new(token, "C024BE91L", "https://gate.example.com")?.buttons(signing_secret)?;
/// assert_eq!(slack.name(), "slack");
/// assert!(!format!("{slack:?}").contains(token));
/// # Ok(()) }
/// ```
///
/// # Security
/// Slack, and everybody who can read the channel, gets the tool, the arguments without their
/// secrets, the agent and its claims, and its principal. Untrusted text is in plain text blocks,
/// without markup, links and mentions. See [`Inbox::slack`](crate::Inbox::slack) about buttons.
#[derive(Clone)]
pub struct Slack {
    name: Arc<str>,
    token: SecretText,
    channel: Arc<str>,
    inbox: Arc<str>,
    api: Arc<str>,
    hooks: Arc<str>,
    signing: Option<SecretText>,
    workspace: Option<Arc<str>>,
    http: JsonClient,
}

impl Slack {
    /// Creates a notifier that posts as the bot with this token into this channel (its id, or
    /// `#name`), with links to the inbox at this address.
    ///
    /// # Errors
    /// [`BadSetting`] if one of them is malformed.
    pub fn new(token: &str, channel: &str, inbox: &str) -> Result<Self, BadSetting> {
        let token = SecretText::new(token);
        if !token.reveal().starts_with("xoxb-")
            || !token.reveal().chars().all(|c| c.is_ascii_graphic())
        {
            let message = "this is not a bot token: it begins with `xoxb-`; find it under \
                \"OAuth & Permissions\" in the app's settings";
            return Err(BadSetting::new(message));
        }
        if channel.len() < 2 || channel.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(BadSetting::new(
                "this is not a channel: write its id, like `C024BE91L`, or `#approvals`",
            ));
        }
        Ok(Self {
            name: "slack".into(),
            token,
            channel: channel.into(),
            inbox: base(inbox)?,
            api: API.into(),
            hooks: HOOKS.into(),
            signing: None,
            workspace: None,
            http: JsonClient::new(),
        })
    }

    /// Adds buttons to the messages, with the secret that signs Slack's requests ("Signing Secret",
    /// under "Basic Information" of the app).
    ///
    /// # Errors
    /// Returns [`BadSetting`] if it is too short for a signing secret.
    pub fn buttons(mut self, signing_secret: &str) -> Result<Self, BadSetting> {
        let secret = SecretText::new(signing_secret);
        if secret.reveal().len() < 16 {
            let message = "this is not a signing secret of Slack: it has 32 letters and digits; \
                find it under \"Basic Information\" in the app's settings";
            return Err(BadSetting::new(message));
        }
        self.signing = Some(secret);
        Ok(self)
    }

    /// Accepts decisions only from members of this workspace (`T…`), even if the channel is shared
    /// with others.
    #[must_use]
    pub fn workspace(mut self, id: &str) -> Self {
        self.workspace = Some(id.into());
        self
    }

    /// Sets the name of its deliveries in the store, for a gate with several. Defaults to `slack`.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// Sets other addresses of Slack's methods, and of responses to its requests. For GovSlack,
    /// these are `https://slack-gov.com/api` and `https://hooks.slack-gov.com`.
    ///
    /// # Errors
    /// Returns [`BadSetting`] if secrets may not be sent to one of them.
    pub fn api(mut self, methods: &str, answers: &str) -> Result<Self, BadSetting> {
        (self.api, self.hooks) = (base(methods)?, base(answers)?);
        Ok(self)
    }

    /// Sets the time limit for Slack's answer. Defaults to ten seconds.
    #[must_use]
    pub fn patience(mut self, timeout: Duration) -> Self {
        self.http = JsonClient::patient(timeout);
        self
    }

    /// Returns the notifier with links to another inbox.
    pub(super) fn with_inbox(mut self, inbox: &Arc<str>) -> Self {
        self.inbox = Arc::clone(inbox);
        self
    }

    /// Returns the secret that signs Slack's requests.
    pub(crate) fn signing(&self) -> Option<&SecretText> {
        self.signing.as_ref()
    }

    /// Returns whether a request of somebody in this workspace counts.
    pub(crate) fn takes_from(&self, workspace: &str) -> bool {
        self.workspace.as_deref().is_none_or(|known| known == workspace)
    }

    /// Returns the address of a call's page in the inbox.
    pub(crate) fn page(&self, approval: &Approval) -> String {
        format!("{}/approvals/{}", self.inbox, approval.id())
    }

    /// Responds only to the person who sent a request. Only Slack's own address is accepted.
    pub(crate) async fn answer(&self, url: &str, message: &str) -> Result<(), NotifyError> {
        if !url.strip_prefix(&*self.hooks).is_some_and(|path| path.starts_with('/')) {
            return Err(NotifyError::never("the address of the answer is not Slack's"));
        }
        let body = json!({
            "response_type": "ephemeral",
            "replace_original": false,
            "text": blocks::escaped(message, blocks::TEXT),
            "mrkdwn": false,
            "blocks": [blocks::section(message)],
        });
        self.http.post("Slack", url, Credential::Address, &body).await.map(drop)
    }

    /// Calls a method.
    pub(crate) async fn call(&self, method: &str, body: &Value) -> Result<Value, SlackProblem> {
        let url = format!("{}/{method}", self.api);
        let answer = self
            .http
            .post("Slack", &url, Credential::Bearer(&self.token), body)
            .await
            .map_err(SlackProblem::Http)?;
        let is_done = answer.get("ok").and_then(Value::as_bool) == Some(true);
        if is_done {
            Ok(answer)
        } else {
            Err(SlackProblem::of(answer.get("error").and_then(Value::as_str)))
        }
    }

    async fn post(
        &self,
        notice: &DeliveryNotice,
        approval: &Approval,
    ) -> Result<Option<String>, NotifyError> {
        let body =
            blocks::with(message::of(self, approval, notice.tool()), "channel", &*self.channel);
        // Slack has no idempotency key. With this, receivers can recognize repeated messages.
        let which = json!({ "event_type": "gate_notice", "event_payload": { "id": notice.id() } });
        let body = blocks::with(body, "metadata", which);
        let posted = self.call("chat.postMessage", &body).await?;
        let field = |name: &str| posted.get(name).and_then(Value::as_str);
        match (field("channel"), field("ts")) {
            (Some(channel), Some(ts)) => Ok(Some(format!("{channel} {ts}"))),
            _ => Err(NotifyError::again("Slack did not return the id of the message")),
        }
    }

    async fn update(
        &self,
        notice: &DeliveryNotice,
        approval: &Approval,
        memo: &str,
    ) -> Result<Option<String>, NotifyError> {
        // A memo without a channel is of a message in the configured one.
        let (channel, ts) = memo.split_once(' ').unwrap_or((&self.channel, memo));
        let body = blocks::with(message::of(self, approval, notice.tool()), "channel", channel);
        let body = blocks::with(body, "ts", ts);
        match self.call("chat.update", &body).await {
            Ok(_) => {}
            // Somebody deleted the message.
            Err(SlackProblem::Said(problem)) if problem == "message_not_found" => {
                return if notification::is_asked(approval) {
                    self.post(notice, approval).await
                } else {
                    Ok(None)
                };
            }
            Err(problem) => return Err(problem.into()),
        }
        if let Some(new_message) = message::call_again(notice.record().kind(), approval) {
            let body = json!({
                "channel": channel,
                "thread_ts": ts,
                "reply_broadcast": true,
                "text": blocks::escaped(&new_message, blocks::TEXT),
                "mrkdwn": false,
                "parse": "none",
                "blocks": [blocks::section(&new_message)],
            });
            self.call("chat.postMessage", &body).await?;
        }
        Ok(Some(memo.to_owned()))
    }
}

/// The reason why a method failed.
#[derive(Debug)]
pub(crate) enum SlackProblem {
    /// There was no answer, or a bad one.
    Http(NotifyError),
    /// Slack returned this error.
    Said(String),
    /// The answer had no known form.
    Nothing,
}

impl SlackProblem {
    fn of(error: Option<&str>) -> Self {
        error.map_or(Self::Nothing, |error| {
            Self::Said(notification::cut(&notification::plain(error), 100))
        })
    }
}

impl From<SlackProblem> for NotifyError {
    fn from(problem: SlackProblem) -> Self {
        let error = match problem {
            SlackProblem::Http(error) => return error,
            SlackProblem::Nothing => {
                return Self::again("Slack's answer has neither a result nor an error");
            }
            SlackProblem::Said(error) => error,
        };
        let help = match error.as_str() {
            "not_in_channel" | "channel_not_found" => {
                ": invite the app to the channel, or name another channel"
            }
            "invalid_auth" | "not_authed" | "token_revoked" | "account_inactive" => {
                ": use the token of an installed app"
            }
            "missing_scope" => ": give the app the scope chat:write, and install it again",
            "is_archived" => ": the channel is archived; name another one",
            "ratelimited"
            | "rate_limited"
            | "internal_error"
            | "fatal_error"
            | "service_unavailable"
            | "request_timeout" => {
                return Self::again(format!("Slack reported {error}"));
            }
            _ => "",
        };
        Self::never(format!("Slack reported {error}{help}"))
    }
}

impl Notifier for Slack {
    fn name(&self) -> &str {
        &self.name
    }

    fn wants(&self, record: &Record) -> bool {
        match record.kind() {
            "assessed" => record.status() == Some(Status::Pending),
            "voted" | "withdrawn" | "covered" | "uncovered" | "voided" | "lapsed"
            | "reassessed" | "imported" | "escalated" | "reminded" | "expired" | "cancelled"
            | "revoked" | "faltered" | "lost" | "settled" => true,
            _ => false,
        }
    }

    fn deliver<'a>(
        &'a self,
        notice: &'a DeliveryNotice,
    ) -> BoxFuture<'a, Result<Option<String>, NotifyError>> {
        Box::pin(async move {
            let Some(approval) = notice.approval() else { return Ok(None) };
            match notice.memo() {
                Some(memo) => self.update(notice, approval, memo).await,
                None if notification::is_asked(approval) => self.post(notice, approval).await,
                // The question was settled before anybody was notified.
                None => Ok(None),
            }
        })
    }
}

impl fmt::Debug for Slack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Slack");
        debug.field("name", &self.name).field("channel", &self.channel).field("inbox", &self.inbox);
        debug.field("api", &self.api).field("workspace", &self.workspace);
        debug.field("buttons", &self.signing.is_some()).finish_non_exhaustive()
    }
}
