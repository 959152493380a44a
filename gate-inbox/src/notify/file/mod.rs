//! Reads the notification channels from a TOML file.

mod configured;
mod context;
mod links;
mod mail;
mod pagerduty;
mod slack;
mod table;
#[cfg(test)]
mod tests;
mod webhooks;

use std::fmt;
use std::path::Path;

use gate_runtime::review::SanitizedText;
use gate_runtime::{FileDirectory, warn_if_open_to_others};

pub use self::configured::ConfiguredNotifiers;
use self::context::ConfigContext;
use self::links::{LINKS, LinksTo, links};
use self::mail::{MAIL, MailConfig, mail};
use self::pagerduty::{PAGERDUTY, pagerduty};
use self::slack::{SLACK, slack};
use self::table::{ConfigMistake, ConfigMistakes, ConfigTable, parse};
use self::webhooks::{CALLBACKS, WEBHOOK, callbacks, webhook};
use super::pagerduty::PagerDuty;
use super::setting::BadSetting;
use super::slack::Slack;
use super::webhook::{Callbacks, Webhook};

/// A placeholder for the inbox's address until it is known. It is never sent.
const UNSAID: &str = "http://localhost";

/// The notification channels in a TOML file. Each table is optional:
///
/// ```toml
/// [slack]
/// token_env = "SLACK_TOKEN"                          # the variable that has it; or
///                                                    # `token = "xoxb-…"`
/// channel = "#approvals"                             # its name, or its id
/// signing_secret_env = "SLACK_SIGNING_SECRET"        # gives messages buttons; left out, they only
///                                                    # lead to the inbox
/// workspace = "T012AB3CD"                            # only its members decide by them; left out,
///                                                    # whoever the people file has
/// # api = "https://slack-gov.com/api"                # Slack's methods, where they are elsewhere
/// # hooks = "https://hooks.slack-gov.com"            # and what takes answers to its requests
///
/// [mail]
/// from = "Gate <gate@example.com>"
/// host = "smtp.example.com"
/// port = 587                                         # this one, where it is left out; with
///                                                    # STARTTLS, or nothing is sent
/// user = "gate@example.com"                          # left out with its password, where the
///                                                    # server wants none
/// password_env = "SMTP_PASSWORD"                     # or `password`
/// to_who_decides = true                              # to the `contact` of everybody in the people
///                                                    # file who may decide
/// to = ["team@example.com"]                          # and to these, whoever decides
/// tls_first = false                                  # true, where the server begins with TLS on
///                                                    # another port than 465
/// # certificate_file = "mail.pem"                    # trusted besides, for a server of your own
///
/// [links]                                            # mails lead to a page for each answer, and
///                                                    # the inbox opens it
/// key_file = "links.key"                             # beside this file; made, with mode 600, if
///                                                    # it is not there
/// hours = 24                                         # how long a link lasts
///
/// [pagerduty]
/// key_env = "PAGERDUTY_KEY"                          # or `key`
/// every_question = false                             # true: not only when the last step of an
///                                                    # escalation begins
/// severity = "error"                                 # or critical, warning, info
/// # api = "https://events.eu.pagerduty.com"
///
/// [[webhook]]                                        # there may be several
/// name = "ops"                                       # for ever: what was delivered is kept under
///                                                    # it
/// url = "https://ops.example/gate"
/// secrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]   # each signs, the receiver needs one of
///                                                        # them; or `secrets_env`
/// events = ["call.asked", "call.expired"]            # what people are asked and what comes of it,
///                                                    # where this is left out
/// allow_private = false                              # true for a receiver in the private network,
///                                                    # or by `http://`
///
/// [callbacks]                                        # lets agents in other programs name an
///                                                    # address with their question
/// secrets_env = ["CALLBACK_SECRET"]                  # or `secrets`, which sign as those of a
///                                                    # webhook
/// allow_private = false
/// ```
///
/// A secret is either in the file, which only its owner should be able to read, or in an
/// environment variable that `…_env` names. Having both is an error.
///
/// ```
/// use gate_inbox::{Inbox, NotifyFile};
/// # use gate_runtime::prelude::*;
/// # use gate_runtime::{FileDirectory, GateBuilder, NoTools};
/// # use gate_runtime::people::ReviewerToken;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let (path, people) = (folder.path().join("notify.toml"), folder.path().join("people.toml"));
/// # std::fs::write(
/// #     &people,
/// #     format!(
/// #         "[[person]]\nid = \"dana\"\nroles = [\"manager\"]\ntoken = \"{}\"\n",
/// #         ReviewerToken::new().hash()
/// #     ),
/// # )?;
/// # std::fs::write(
/// #     &path,
/// #     "[slack]\ntoken = 'xoxb-1-2-abc'\nchannel = '#approvals'\n\
/// #      signing_secret = '8f742231b10e8888abcd99yyyzzz85a5'\n",
/// # )?;
/// # let people = FileDirectory::open(&people)?;
/// let url = "https://gate.example.com";
/// let configured = NotifyFile::read(&path)?.for_inbox(url, &people)?;
/// let gate = configured.notifiers().into_iter().fold(Gate::builder(()), GateBuilder::notify);
/// let gate: Gate<NoTools> = gate.build().await?;
/// let inbox = configured.configure_inbox(Inbox::new(gate, people).reached_at(url)?)?;
/// # let _ = inbox;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct NotifyFile {
    slack: Option<Slack>,
    mails: Option<MailConfig>,
    links: Option<LinksTo>,
    pagerduty: Option<PagerDuty>,
    webhooks: Vec<Webhook>,
    callbacks: Option<Callbacks>,
}

impl NotifyFile {
    /// Reads a file, and the environment variables and files that it names.
    ///
    /// ```
    /// let error = gate_inbox::NotifyFile::read("/no/such/notify.toml").unwrap_err();
    /// assert!(error.to_string().starts_with("/no/such/notify.toml does not exist"));
    /// ```
    ///
    /// # Errors
    /// Returns [`BadNotifyFile`] with all mistakes in the file and their lines.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, BadNotifyFile> {
        let path = path.as_ref();
        warn_if_open_to_others(path, 0o077);
        let failed = |problem: String| BadNotifyFile(format!("{} {problem}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| {
            failed(match error.kind() {
                std::io::ErrorKind::NotFound => {
                    "does not exist: create it, or name another file".to_owned()
                }
                std::io::ErrorKind::InvalidData => "is not UTF-8: save it as UTF-8".to_owned(),
                _ => format!("cannot be read: check its path and permissions ({error})"),
            })
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let outside = ConfigContext { variables: &|name| std::env::var(name).ok(), folder };
        understand(&text, outside).map_err(|mistakes| {
            let lines =
                mistakes.iter().map(|(line, message)| format!("\n  - line {line}: {message}"));
            match &*mistakes {
                [(line, mistake)] => {
                    BadNotifyFile(format!("{}, line {line}: {mistake}", path.display()))
                }
                _ => {
                    failed(format!("has {} mistakes:{}", mistakes.len(), lines.collect::<String>()))
                }
            }
        })
    }

    /// Returns the configured notifiers, with links to the inbox at this address. Mails go to these
    /// people.
    ///
    /// ```
    /// # use gate_inbox::{BadSetting, NotifyFile, ConfiguredNotifiers};
    /// # use gate_runtime::FileDirectory;
    /// # fn show(
    /// #     file: &NotifyFile,
    /// #     people: &FileDirectory,
    /// # ) -> Result<ConfiguredNotifiers, BadSetting> {
    /// file.for_inbox("https://gate.example.com", people)
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns [`BadSetting`] if the address cannot be that of an inbox: `https://` and a host, or
    /// this machine.
    pub fn for_inbox(
        &self,
        url: &str,
        people: &FileDirectory,
    ) -> Result<ConfiguredNotifiers, BadSetting> {
        ConfiguredNotifiers::of(self, url, people)
    }
}

impl fmt::Debug for NotifyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { slack, mails, links, pagerduty, webhooks, callbacks } = self;
        let mut debug = f.debug_struct("NotifyFile");
        debug
            .field("slack", slack)
            .field("mails", mails)
            .field("links", links)
            .field("pagerduty", pagerduty);
        debug.field("webhooks", webhooks).field("callbacks", callbacks).finish()
    }
}

/// The reason why a file of notification channels cannot be used. It never repeats a secret.
///
/// ```
/// let error = gate_inbox::NotifyFile::read("/no/such/notify.toml").unwrap_err();
/// eprintln!("{error}");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadNotifyFile(String);

impl fmt::Display for BadNotifyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadNotifyFile {}

/// Parses a text, or returns all mistakes in it.
fn understand(text: &str, outside: ConfigContext<'_>) -> Result<NotifyFile, Vec<ConfigMistake>> {
    let root = parse(text)?;
    let mut mistakes = ConfigMistakes::of(text);
    let single = [SLACK.name, MAIL.name, LINKS.name, PAGERDUTY.name, CALLBACKS.name];
    mistakes.unknown(
        &root,
        "the file",
        &[SLACK.name, MAIL.name, LINKS.name, PAGERDUTY.name, CALLBACKS.name, WEBHOOK.name],
    );
    let tables = [SLACK, MAIL, LINKS, PAGERDUTY, CALLBACKS]
        .map(|kind| ConfigTable::one(&root, kind, &mut mistakes));
    let [of_slack, of_mail, of_links, of_pagerduty, of_callbacks] = &tables;
    let mut file = NotifyFile {
        slack: of_slack.as_ref().and_then(|table| slack(table, UNSAID, outside, &mut mistakes)),
        mails: of_mail.as_ref().and_then(|table| mail(table, UNSAID, outside, &mut mistakes)),
        links: of_links.as_ref().and_then(|table| links(table, outside, &mut mistakes)),
        pagerduty: of_pagerduty.as_ref().and_then(|table| pagerduty(table, outside, &mut mistakes)),
        webhooks: Vec::new(),
        callbacks: of_callbacks.as_ref().and_then(|table| callbacks(table, outside, &mut mistakes)),
    };
    // What is delivered is kept by name, and the others have theirs.
    let mut names: Vec<&str> = single.into_iter().filter(|name| root.contains_key(*name)).collect();
    for table in ConfigTable::all(&root, WEBHOOK, &mut mistakes) {
        let name = table.text("name", "ops", &mut mistakes);
        if let Some(name) = &name {
            if names.contains(&name.value) {
                let message = format!(
                    "two notifiers are called `{}`: rename one of them",
                    SanitizedText::of(name.value)
                );
                mistakes.add(name.at, message);
            }
            names.push(name.value);
        }
        file.webhooks.extend(webhook(&table, name, outside, &mut mistakes));
    }
    if root.is_empty() {
        mistakes.add(
            0,
            "it configures no notifier: begin with `[slack]`, `[mail]`, `[pagerduty]` \
            or `[[webhook]]`",
        );
    }
    let mistakes = mistakes.finish();
    if mistakes.is_empty() { Ok(file) } else { Err(mistakes) }
}
