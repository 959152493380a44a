//! A notifier that sends events to a web address, by the [Standard
//! Webhooks](https://www.standardwebhooks.com) specification.

mod address;
mod callbacks;
mod event;
mod secret;
mod send;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use gate_runtime::Timestamp;
use gate_runtime::notify::{DeliveryNotice, Notifier, NotifyError};
use gate_runtime::records::Record;
use gate_runtime::store::BoxFuture;
use tokio::task::spawn_blocking;
use ureq::Agent;
use ureq::http::Uri;

use self::address::AddressPolicy;
pub use self::callbacks::Callbacks;
use self::event::{EventFilter, payload};
pub use self::secret::WebhookSecret;
use self::send::{SignedMessage, agent, send};
use super::setting::BadSetting;

/// The default time limit of a receiver.
const PATIENCE: Duration = Duration::from_secs(10);

/// A notifier that sends a signed JSON message for each event to a web address, by the [Standard
/// Webhooks](https://www.standardwebhooks.com) specification, for which there are libraries in most
/// languages.
///
/// ```
/// use gate_inbox::{Webhook, WebhookSecret};
/// # use gate_runtime::prelude::*;
/// # use gate_runtime::NoTools;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let secret: WebhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse()?;
/// let webhook = Webhook::new("ops", "https://ops.example/gate", [secret])?
///     .events(["call.asked", "call.expired"])?;
/// let gate: Gate<NoTools> = Gate::builder(()).notify(webhook).build().await?;
/// # let _ = gate;
/// # Ok(()) }
/// ```
///
/// Its `type` is what happened, its `timestamp` when, and its `data` has the call as it stands now:
/// id, status, tool, arguments without secrets, agent, on whose behalf, run, case, who decides
/// until when. An answer of 2xx is a delivery; 410 says that no more is wanted; 429 and 503 may say
/// by `Retry-After` when to come again. It has ten seconds.
///
/// # Security
/// It goes only to addresses that everybody can reach, so that nobody can make it ask machines that
/// trust this one: that is looked at after the name is, on the very addresses that are connected
/// to, and again for each redirect. [`Webhook::private`] is for a receiver in the private network.
#[derive(Clone)]
pub struct Webhook {
    name: Arc<str>,
    url: Uri,
    secrets: Vec<WebhookSecret>,
    events: EventFilter,
    agent: Agent,
    timeout: Duration,
}

impl Webhook {
    /// A receiver that everybody can reach, by an address that begins with `https://`. The name
    /// tells it from others over the same store.
    ///
    /// Each secret signs, so that a receiver can go from one to the next: first both are here, then
    /// the new one alone.
    ///
    /// ```
    /// use gate_inbox::{Webhook, WebhookSecret};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let error =
    ///     Webhook::new("ops", "http://ops.example/gate", [WebhookSecret::new()?]).unwrap_err();
    /// assert!(error.to_string().contains("https://"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`BadSetting`], if the name or the address cannot be one, or no secret is there.
    pub fn new(
        name: &str,
        url: &str,
        secrets: impl IntoIterator<Item = WebhookSecret>,
    ) -> Result<Self, BadSetting> {
        Self::within(AddressPolicy::Public, name, url, secrets)
    }

    /// A receiver in the private network or on this machine, by an address that begins with
    /// `https://` or `http://`.
    ///
    /// ```
    /// use gate_inbox::{Webhook, WebhookSecret};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let webhook =
    ///     Webhook::private("ops", "http://127.0.0.1:9000/gate", [WebhookSecret::new()?])?;
    /// # let _ = webhook;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn private(
        name: &str,
        url: &str,
        secrets: impl IntoIterator<Item = WebhookSecret>,
    ) -> Result<Self, BadSetting> {
        Self::within(AddressPolicy::Private, name, url, secrets)
    }

    fn within(
        policy: AddressPolicy,
        name: &str,
        url: &str,
        secrets: impl IntoIterator<Item = WebhookSecret>,
    ) -> Result<Self, BadSetting> {
        if name.is_empty() || name.len() > 64 || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(BadSetting::new(
                "the name of a webhook has 1 to 64 visible ASCII characters",
            ));
        }
        let secrets: Vec<WebhookSecret> = secrets.into_iter().collect();
        if secrets.is_empty() {
            return Err(BadSetting::new("a webhook needs a secret, which signs it: add one"));
        }
        let (url, events) = (address(policy, url)?, EventFilter::default());
        Ok(Self {
            name: name.into(),
            url,
            secrets,
            events,
            agent: agent(policy),
            timeout: PATIENCE,
        })
    }

    /// Sets the events that the webhook sends: names like `call.asked`, or `call.*`. Defaults to
    /// what people are asked, what comes of it, and freezes.
    ///
    /// ```
    /// # use gate_inbox::{Webhook, WebhookSecret};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let webhook = Webhook::new("ops", "https://ops.example/gate", [WebhookSecret::new()?])?;
    /// let error = webhook.events(["call.askd"]).unwrap_err();
    /// assert!(
    ///     error.to_string().contains("unknown event `call.askd`: the events are `call.asked`")
    /// );
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`BadSetting`], if there is no such event.
    pub fn events<T: AsRef<str>>(
        mut self,
        names: impl IntoIterator<Item = T>,
    ) -> Result<Self, BadSetting> {
        self.events = EventFilter::named(names)?;
        Ok(self)
    }

    /// Sets the time limit of the receiver, including redirects. Defaults to ten seconds.
    ///
    /// ```
    /// # use gate_inbox::{Webhook, WebhookSecret};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let webhook = Webhook::new("ops", "https://ops.example/gate", [WebhookSecret::new()?])?;
    /// let webhook = webhook.patience(std::time::Duration::from_secs(3));
    /// # let _ = webhook;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn patience(mut self, time: Duration) -> Self {
        self.timeout = time;
        self
    }

    /// The message at a time; `None` where nothing is to be told.
    fn message(&self, notice: &DeliveryNotice, now: Timestamp) -> Option<SignedMessage> {
        SignedMessage::signed(&self.secrets, notice.id(), now, payload(notice)?.to_string())
    }
}

/// An address of the web, that says nothing besides.
fn address(policy: AddressPolicy, text: &str) -> Result<Uri, BadSetting> {
    let url: Option<Uri> = text.parse().ok();
    let url = url.filter(|url| {
        let has_scheme = match url.scheme_str() {
            Some("https") => true,
            Some("http") => policy != AddressPolicy::Public,
            _ => false,
        };
        let has_host = url.host().is_some_and(|host| !host.is_empty());
        has_scheme
            && has_host
            && url.authority().is_some_and(|authority| !authority.as_str().contains('@'))
    });
    let message = if policy == AddressPolicy::Public {
        "the address of a webhook begins with `https://` and has no user; `http://` is only for a \
         private webhook"
    } else {
        "the address of a webhook begins with `https://` or `http://` and has no user"
    };
    url.ok_or_else(|| BadSetting::new(message))
}

impl Notifier for Webhook {
    fn name(&self) -> &str {
        &self.name
    }

    fn wants(&self, record: &Record) -> bool {
        self.events.admit(record)
    }

    fn deliver<'a>(
        &'a self,
        notice: &'a DeliveryNotice,
    ) -> BoxFuture<'a, Result<Option<String>, NotifyError>> {
        // The time of this try, by which a receiver refuses messages that are replayed later.
        let message = self.message(notice, Timestamp::now());
        let (agent, url, timeout) = (self.agent.clone(), self.url.clone(), self.timeout);
        Box::pin(async move {
            let message =
                message.ok_or_else(|| NotifyError::never("no webhook sends this event"))?;
            let sent = spawn_blocking(move || send(&agent, &url, &message, timeout));
            sent.await.map_err(|_| NotifyError::again("its runtime has ended"))??;
            Ok(None)
        })
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("name", &self.name)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}
