//! A notifier that calls remote agents back when people have decided.

use std::fmt;
use std::sync::Arc;

use gate_runtime::Timestamp;
use gate_runtime::notify::{DeliveryNotice, Notifier, NotifyError};
use gate_runtime::records::Record;
use gate_runtime::review::Status;
use gate_runtime::store::BoxFuture;
use serde_json::json;
use tokio::task::spawn_blocking;
use ureq::Agent;
use ureq::http::Uri;

use super::address::AddressPolicy;
use super::secret::WebhookSecret;
use super::send::{SignedMessage, agent, send};
use super::{PATIENCE, address};
use crate::api::Call;
use crate::notify::setting::BadSetting;

/// A notifier that sends decisions to remote agents, as a signed message to the `callback_url` that
/// they gave with the question.
///
/// It is a message of the [Standard Webhooks](https://www.standardwebhooks.com) specification like
/// those of [`Webhook`](crate::Webhook), with the same limits of where it may go. Its `type` is
/// `approval.decided`, and its `data` how the call stands, as the API has it. Who gets it asks the
/// API before acting: a message can come late.
///
/// ```
/// use gate_inbox::{Callbacks, Inbox, WebhookSecret};
/// # use gate_runtime::prelude::*;
/// # use gate_runtime::{FileDirectory, NoTools};
/// # async fn show(
/// #     people: FileDirectory,
/// #     listener: tokio::net::TcpListener,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// let secret: WebhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse()?;
/// let callbacks = Callbacks::new([secret])?;
/// let gate: Gate<NoTools> =
///     Gate::builder(()).directory(people.clone()).notify(callbacks.clone()).build().await?;
/// Inbox::new(gate, people).callbacks(&callbacks).serve(listener).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Callbacks {
    secrets: Arc<[WebhookSecret]>,
    address_policy: AddressPolicy,
    agent: Agent,
}

impl Callbacks {
    /// To addresses that everybody can reach. Each secret signs, so that agents can go from one to
    /// the next.
    ///
    /// # Errors
    /// [`BadSetting`], if no secret is there.
    pub fn new(secrets: impl IntoIterator<Item = WebhookSecret>) -> Result<Self, BadSetting> {
        Self::within(AddressPolicy::Public, secrets)
    }

    /// Also to addresses in the private network and on this machine, and by `http://`: where every
    /// agent may be believed with these.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn private(secrets: impl IntoIterator<Item = WebhookSecret>) -> Result<Self, BadSetting> {
        Self::within(AddressPolicy::Private, secrets)
    }

    fn within(
        policy: AddressPolicy,
        secrets: impl IntoIterator<Item = WebhookSecret>,
    ) -> Result<Self, BadSetting> {
        let secrets: Arc<[WebhookSecret]> = secrets.into_iter().collect();
        if secrets.is_empty() {
            return Err(BadSetting::new("callbacks need a secret, which signs them: add one"));
        }
        Ok(Self { secrets, address_policy: policy, agent: agent(policy) })
    }

    /// Checks that an address which an agent gives could be one.
    pub(crate) fn check(&self, url: &str) -> Result<(), BadSetting> {
        address(self.address_policy, url).map(drop)
    }

    /// The address, and the message at a time.
    fn message(&self, notice: &DeliveryNotice, now: Timestamp) -> Option<(Uri, SignedMessage)> {
        let approval = notice.approval()?;
        let url =
            address(self.address_policy, approval.subject().request()?.whom_to_call()?).ok()?;
        let body = json!({
            "type": "approval.decided",
            "timestamp": notice.record().at(),
            "data": Call::from(approval),
        });
        Some((url, SignedMessage::signed(&self.secrets, notice.id(), now, body.to_string())?))
    }
}

impl Notifier for Callbacks {
    fn name(&self) -> &'static str {
        "callbacks"
    }

    fn wants(&self, record: &Record) -> bool {
        let subject = record.subject();
        let is_wanted = subject
            .and_then(|subject| subject.request())
            .is_some_and(|request| request.whom_to_call().is_some());
        is_wanted
            && match record.status() {
                // An unchanged verdict after another evaluation is no news.
                Some(Status::Approved) => record.kind() != "reassessed",
                Some(
                    Status::Denied
                    | Status::Rejected
                    | Status::Expired
                    | Status::Cancelled
                    | Status::Responded,
                ) => true,
                _ => false,
            }
    }

    fn deliver<'a>(
        &'a self,
        notice: &'a DeliveryNotice,
    ) -> BoxFuture<'a, Result<Option<String>, NotifyError>> {
        let (message, agent) = (self.message(notice, Timestamp::now()), self.agent.clone());
        Box::pin(async move {
            let (url, message) =
                message.ok_or_else(|| NotifyError::never("its address cannot be called"))?;
            let sent = spawn_blocking(move || send(&agent, &url, &message, PATIENCE));
            sent.await.map_err(|_| NotifyError::again("its runtime has ended"))??;
            Ok(None)
        })
    }
}

impl fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callbacks").finish_non_exhaustive()
    }
}
