//! Who is told, in a TOML file.

mod table;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use gate_runtime::{Notifier, Visible};

use self::table::{Mistake, Mistakes, Said, Table, parse};
use super::webhook::{BadWebhook, Webhook, WebhookSecret};

/// Those who are told of what happens, as a TOML file has them:
///
/// ```toml
/// [[webhook]]
/// name = "ops"                                       # for ever: what was delivered is kept under it
/// url = "https://ops.example/gate"
/// secrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]   # each signs; the receiver needs one of them
/// events = ["call.asked", "call.expired"]           # what people are asked and what comes of it, where this is left out
/// allow_private = false                             # true for a receiver in the private network, or by `http://`
/// ```
///
/// The file has secrets: nobody else should be able to read it.
///
/// ```
/// use gate_inbox::NotifyFile;
/// # use gate_runtime::prelude::*;
/// # use gate_runtime::NoTools;
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("notify.toml");
/// # std::fs::write(&path, "[[webhook]]\nname = \"ops\"\nurl = \"https://ops.example/gate\"\nsecrets = [\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"]\n")?;
/// let told = NotifyFile::read(&path)?;
/// let gate = told.notifiers().into_iter().fold(Gate::builder(()), |gate, notifier| gate.notify(notifier));
/// let gate: Gate<NoTools> = gate.build().await?;
/// # let _ = gate;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct NotifyFile {
    notifiers: Vec<Arc<dyn Notifier>>,
}

impl NotifyFile {
    /// Reads a file.
    ///
    /// ```
    /// let error = gate_inbox::NotifyFile::read("/no/such/notify.toml").unwrap_err();
    /// assert!(error.to_string().starts_with("/no/such/notify.toml is not there"));
    /// ```
    ///
    /// # Errors
    /// [`BadNotifyFile`] has everything that is wrong with it, each with its line.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, BadNotifyFile> {
        let path = path.as_ref();
        let failed = |problem: String| BadNotifyFile(format!("{} {problem}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| {
            failed(match error.kind() {
                std::io::ErrorKind::NotFound => "is not there: put it there, or name another file".to_owned(),
                std::io::ErrorKind::InvalidData => "is not UTF-8: save it as UTF-8".to_owned(),
                _ => format!("cannot be read: look at its path and rights ({error})"),
            })
        })?;
        let notifiers = understand(&text).map_err(|mistakes| {
            let lines = mistakes.iter().map(|(line, words)| format!("\n  - line {line}: {words}"));
            match &*mistakes {
                [(line, words)] => BadNotifyFile(format!("{}, line {line}: {words}", path.display())),
                _ => failed(format!("has {} mistakes:{}", mistakes.len(), lines.collect::<String>())),
            }
        })?;
        Ok(Self { notifiers })
    }

    /// Those who are told, for [`GateBuilder::notify`](gate_runtime::GateBuilder::notify).
    ///
    /// ```
    /// # fn show(told: &gate_inbox::NotifyFile) {
    /// for notifier in told.notifiers() {
    ///     println!("{}", gate_runtime::Notifier::name(&notifier));
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn notifiers(&self) -> Vec<Arc<dyn Notifier>> {
        self.notifiers.clone()
    }
}

impl fmt::Debug for NotifyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.notifiers.iter().map(Notifier::name)).finish()
    }
}

/// What is wrong with a file of those who are told. It never repeats a secret.
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

/// Those whom a text names, or all that is wrong with it.
fn understand(text: &str) -> Result<Vec<Arc<dyn Notifier>>, Vec<Mistake>> {
    let root = parse(text)?;
    let mut mistakes = Mistakes::of(text);
    mistakes.unknown(&root, "the file", &["webhook"]);
    let mut notifiers: Vec<Arc<dyn Notifier>> = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    for table in Table::all(&root, "webhook", &["name", "url", "secrets", "events", "allow_private"], &mut mistakes) {
        let name = table.text("name", "ops", &mut mistakes);
        if let Some(name) = &name {
            if names.contains(&name.value) {
                let words = format!("two are called `{}`: give one of them another name", Visible::of(name.value));
                mistakes.add(name.at, words);
            }
            names.push(name.value);
        }
        if let Some(webhook) = webhook(&table, name, &mut mistakes) {
            notifiers.push(Arc::new(webhook));
        }
    }
    if root.is_empty() {
        mistakes.add(0, "it names nobody to tell: begin with `[[webhook]]`");
    }
    let mistakes = mistakes.finish();
    if mistakes.is_empty() { Ok(notifiers) } else { Err(mistakes) }
}

fn webhook(table: &Table<'_>, name: Option<Said<&str>>, mistakes: &mut Mistakes<'_>) -> Option<Webhook> {
    let url = table.text("url", "https://ops.example/gate", mistakes);
    let written = table.texts("secrets", "whsec_…", mistakes);
    let events = table.some_texts("events", "call.asked", mistakes);
    let is_private = table.flag("allow_private", mistakes);
    let mut good = |at: usize, result: Result<Webhook, BadWebhook>| match result {
        Ok(webhook) => Some(webhook),
        Err(bad) => {
            mistakes.add(at, bad.to_string());
            None
        }
    };
    let mut secrets: Vec<WebhookSecret> = Vec::new();
    let written = written?;
    for secret in &written {
        match secret.value.parse() {
            Ok(secret) => secrets.push(secret),
            Err(bad) => {
                good(secret.at, Err(bad));
            }
        }
    }
    if secrets.len() < written.len() {
        return None;
    }
    let (name, url) = (name?, url?);
    let make = if is_private { Webhook::private } else { Webhook::new };
    // What is wrong with all of it stands at its first line; the address and the name have theirs.
    let at = match (Webhook::private(name.value, "http://localhost", secrets.clone()), secrets.is_empty()) {
        (_, true) => table.at,
        (Err(_), _) => name.at,
        (Ok(_), _) => url.at,
    };
    let mut webhook = good(at, make(name.value, url.value, secrets))?;
    if let Some(events) = events {
        // One by one, so that each mistake has its own line.
        for event in &events {
            good(event.at, webhook.clone().events([event.value]))?;
        }
        webhook = good(table.at, webhook.events(events.iter().map(|event| event.value)))?;
    }
    Some(webhook)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn lines(text: &str) -> Vec<Mistake> {
        understand(&text.replace("SECRET", SECRET)).map(|_| ()).err().unwrap_or_default()
    }

    #[test]
    fn a_file_names_who_is_told() {
        let text = "[[webhook]]\nname = 'ops'\nurl = 'https://ops.example/x'\nsecrets = ['SECRET', 'SECRET']\n\
                    [[webhook]]\nname = 'desk'\nurl = 'http://10.0.0.7:9000/'\nsecrets = ['SECRET']\nevents = ['call.*']\n\
                    allow_private = true\n";
        let told = understand(&text.replace("SECRET", SECRET)).map_err(|mistakes| format!("{mistakes:?}")).unwrap();
        assert_eq!(told.iter().map(Notifier::name).collect::<Vec<_>>(), ["ops", "desk"]);
    }

    #[test]
    fn every_mistake_has_its_line_and_no_secret_is_repeated() {
        let text = "[[webhook]]\nname = 'ops'\nurl = 'http://ops.example/x'\nsecrets = [\n  'SECRET',\n  'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',\n]\n\
                    [[webhook]]\nname = 'ops'\nurl = 7\nsecrets = 'SECRET'\nsecret = 'SECRET'\nevents = [1]\nallow_private = 'yes'\n\
                    [[webhook]]\nname = 'two words'\nurl = 'https://a.example/'\nsecrets = ['SECRET']\n\
                    [[webhook]]\nname = 'x'\nurl = 'http://a.example/'\nsecrets = ['SECRET']\nevents = ['call.asked',\n 'call.askd']\n\
                    [[webhook]]\nname = 'y'\nurl = 'https://a.example/'\nsecrets = ['SECRET']\nevents = ['call.asked',\n 'call.askd']\n\
                    [[webhook]]\nname = 'z'\nurl = 'https://a.example/'\nsecrets = []\n\
                    [[webhook]]\n[chat]\n";
        let found = lines(text);
        let wanted = [
            (6, "a secret of a webhook is `whsec_`"),
            (9, "two are called `ops`"),
            (10, "`url` is integer: put it in quotes"),
            (11, "`secrets` is a list of texts"),
            (12, "unknown field `secret`; a webhook has `name`"),
            (13, "`events` is a list of texts"),
            (14, "`allow_private` is `true` or `false`"),
            (16, "a name of a webhook has 1 to 64"),
            (21, "an address of a webhook begins with `https://`"),
            (30, "there is no event `call.askd`"),
            (31, "a webhook without a secret"),
            (35, "this webhook has no `name`: write one, like `name = \"ops\"`"),
            (35, "this webhook has no `secrets`"),
            (35, "this webhook has no `url`"),
            (36, "unknown field `chat`; the file has `webhook`"),
        ];
        assert_eq!(found.len(), wanted.len(), "{found:#?}");
        for ((line, words), (wanted_line, start)) in found.iter().zip(wanted) {
            assert!(*line == wanted_line && words.starts_with(start), "{wanted_line}: {start}\nfound {line}: {words}");
            assert!(!words.contains("MfKQ"), "{words}");
        }
        assert_eq!(lines("[[webhook]]\nname = 'ops\n")[0].0, 2);
        assert!(lines("")[0].1.contains("it names nobody to tell"));
        assert!(lines("webhook = 1")[0].1.contains("begin each with `[[webhook]]`"));
    }
}
