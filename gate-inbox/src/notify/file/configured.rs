//! The notification channels, ready for a gate and an inbox.

use std::fmt;
use std::sync::Arc;

use gate_runtime::FileDirectory;
use gate_runtime::notify::Notifier;

use super::NotifyFile;
use crate::inbox::Inbox;
use crate::notify::link::Links;
use crate::notify::setting::{BadSetting, base};
use crate::notify::slack::Slack;
use crate::notify::webhook::Callbacks;
use crate::web::base_url::BaseUrl;

/// The notification channels, with links to an inbox.
///
/// ```
/// # use gate_inbox::{BadSetting, Inbox, ConfiguredNotifiers};
/// # use gate_runtime::prelude::*;
/// # use gate_runtime::{BuildError, FileDirectory, GateBuilder, NoTools};
/// # async fn show(
/// #     configured: ConfiguredNotifiers,
/// #     people: FileDirectory,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// let gate = configured.notifiers().into_iter().fold(Gate::builder(()), GateBuilder::notify);
/// let gate: Gate<NoTools> = gate.build().await?;
/// let inbox = configured.configure_inbox(Inbox::new(gate, people))?;
/// # let _ = inbox;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct ConfiguredNotifiers {
    notifiers: Vec<Arc<dyn Notifier>>,
    slack: Option<Slack>,
    links: Option<Links>,
    callbacks: Option<Callbacks>,
}

impl ConfiguredNotifiers {
    pub(super) fn of(
        file: &NotifyFile,
        url: &str,
        people: &FileDirectory,
    ) -> Result<Self, BadSetting> {
        let inbox = base(url)?;
        if inbox.starts_with("https://") {
            BaseUrl::at(&inbox).map_err(|bad| BadSetting::new(bad.to_string()))?;
        }
        let slack = file.slack.clone().map(|slack| slack.with_inbox(&inbox));
        let links = file.links.clone().map(|links| links.into_inbox(&inbox)).transpose()?;
        let mut notifiers: Vec<Arc<dyn Notifier>> = Vec::new();
        if let Some(slack) = &slack {
            notifiers.push(Arc::new(slack.clone()));
        }
        if let Some(mails) = file.mails.clone() {
            let mut mail = mails.mail.with_inbox(&inbox);
            if mails.to_who_decides {
                mail = mail.to_who_decides(people.clone());
            }
            if let Some(links) = &links {
                mail = mail.links(links.clone());
            }
            notifiers.push(Arc::new(mail));
        }
        if let Some(pagerduty) = file.pagerduty.clone() {
            notifiers.push(Arc::new(pagerduty.inbox(&inbox)?));
        }
        notifiers.extend(
            file.webhooks.iter().map(|webhook| Arc::new(webhook.clone()) as Arc<dyn Notifier>),
        );
        let callbacks = file.callbacks.clone();
        notifiers
            .extend(callbacks.clone().map(|callbacks| Arc::new(callbacks) as Arc<dyn Notifier>));
        Ok(Self { notifiers, slack, links, callbacks })
    }

    #[cfg(test)]
    pub(super) fn slack(&self) -> Option<&Slack> {
        self.slack.as_ref()
    }

    /// Each of them, for [`GateBuilder::notify`](gate_runtime::GateBuilder::notify).
    ///
    /// ```
    /// # fn show(configured: &gate_inbox::ConfiguredNotifiers) {
    /// for notifier in configured.notifiers() {
    ///     println!("{}", gate_runtime::notify::Notifier::name(&notifier));
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn notifiers(&self) -> Vec<Arc<dyn Notifier>> {
        self.notifiers.clone()
    }

    /// Lets an inbox take what they lead back to: buttons of Slack, if it has a signing secret, and
    /// links of mails.
    ///
    /// ```
    /// # use gate_inbox::{BadSetting, Inbox, ConfiguredNotifiers};
    /// # fn show(configured: &ConfiguredNotifiers, inbox: Inbox) -> Result<Inbox, BadSetting> {
    /// configured.configure_inbox(inbox)
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`BadSetting`], as [`Inbox::slack`].
    pub fn configure_inbox(&self, mut inbox: Inbox) -> Result<Inbox, BadSetting> {
        if let Some(slack) = self.slack.clone().filter(|slack| slack.signing().is_some()) {
            inbox = inbox.slack(slack)?;
        }
        if let Some(links) = &self.links {
            inbox = inbox.links(links.clone());
        }
        if let Some(callbacks) = &self.callbacks {
            inbox = inbox.callbacks(callbacks);
        }
        Ok(inbox)
    }
}

impl fmt::Debug for ConfiguredNotifiers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.notifiers.iter().map(Notifier::name)).finish()
    }
}
