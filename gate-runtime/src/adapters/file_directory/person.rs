//! A person or a remote agent in the file.

use gate_audit::VerifierKey;
use gate_core::id::{AgentName, ReviewerId, Role};
use gate_core::people::same_person;
use gate_core::text::Digest;
use jiff::Timestamp;

/// A person in the file of a [`FileDirectory`](crate::FileDirectory), for pages and for code that
/// notifies people.
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("people.toml");
/// # let file = "[[person]]\nid = \"dana\"\nname = \"Dana Kim\"\nroles = [\"manager\"]\n\
/// #     contact = \"dana@example.com\"\nslack = \"U012AB3CD\"\n";
/// # std::fs::write(&path, file).unwrap();
/// # let people = gate_runtime::FileDirectory::open(path)?;
/// let dana =
///     people.person(&"dana".into(), gate_runtime::Timestamp::now())?.expect("she is in the file");
/// assert_eq!((dana.name(), dana.contact()), (Some("Dana Kim"), Some("dana@example.com")));
/// assert_eq!((dana.roles(), dana.slack()), (&["manager".into()][..], Some("U012AB3CD")));
/// assert!(dana.delegations().is_empty());
/// # Ok::<(), gate_runtime::people::DirectoryError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub(super) id: ReviewerId,
    pub(super) name: Option<String>,
    pub(super) contact: Option<String>,
    pub(super) roles: Vec<Role>,
    pub(super) token: Option<Digest>,
    pub(super) key: Option<VerifierKey>,
    pub(super) slack: Option<String>,
    pub(super) aliases: Vec<String>,
    pub(super) delegations: Vec<RoleDelegation>,
}

impl Person {
    /// Returns the id of the person.
    #[must_use]
    pub fn id(&self) -> &ReviewerId {
        &self.id
    }

    /// Returns their display name, if the file has it.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Returns their contact address, if the file has it.
    #[must_use]
    pub fn contact(&self) -> Option<&str> {
        self.contact.as_deref()
    }

    /// Returns their own roles.
    #[must_use]
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// Returns the hash of their token, if the file has it. A session that began with this token
    /// ends when the hash changes.
    #[must_use]
    pub fn token_hash(&self) -> Option<Digest> {
        self.token
    }

    /// Returns the key of their signed votes. If there is one, they must sign.
    #[must_use]
    pub fn key(&self) -> Option<&VerifierKey> {
        self.key.as_ref()
    }

    /// Returns their Slack member ID, if the file has it. Decisions of that member are theirs.
    #[must_use]
    pub fn slack(&self) -> Option<&str> {
        self.slack.as_deref()
    }

    /// Returns their other names. A run on behalf of one of these names acts for this person.
    #[must_use]
    pub fn aliases(&self) -> &[String] {
        &self.aliases
    }

    /// Returns whether a name is theirs: their id, an alias, or any other name in the file.
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        let others = [self.name(), self.contact(), self.slack()].into_iter().flatten();
        let mut all =
            others.chain([self.id.as_str()]).chain(self.aliases.iter().map(String::as_str));
        all.any(|known| same_person(known, name))
    }

    /// Returns the delegations to this person that have not ended.
    #[must_use]
    pub fn delegations(&self) -> &[RoleDelegation] {
        &self.delegations
    }

    /// Returns the person at a time, without the delegations that have ended.
    pub(super) fn at(&self, now: Timestamp) -> Self {
        let mut person = self.clone();
        person.delegations.retain(|delegation| delegation.is_in_force(now));
        person
    }

    /// Returns all their roles at a time. An own role that is also delegated comes twice.
    pub(super) fn roles_at(&self, now: Timestamp) -> impl Iterator<Item = &Role> {
        let delegated =
            self.delegations.iter().filter(move |delegation| delegation.is_in_force(now));
        self.roles.iter().chain(delegated.flat_map(|delegation| &delegation.roles))
    }
}

/// A delegation: roles of one person that another person also has until a time.
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("people.toml");
/// # std::fs::write(&path, r#"
/// # [[person]]
/// # id = "dana"
/// # roles = ["manager"]
/// # [[person]]
/// # id = "omar"
/// # roles = []
/// # [[delegation]]
/// # from = "dana"
/// # to = "omar"
/// # until = "2999-12-01T00:00:00Z"
/// # "#).unwrap();
/// # let people = gate_runtime::FileDirectory::open(path)?;
/// let omar =
///     people.person(&"omar".into(), gate_runtime::Timestamp::now())?.expect("he is in the file");
/// let [delegation] = omar.delegations() else { panic!() };
/// assert_eq!(delegation.from(), "dana");
/// assert_eq!(delegation.roles(), ["manager"]);
/// assert_eq!(delegation.until().to_string(), "2999-12-01T00:00:00Z");
/// # Ok::<(), gate_runtime::people::DirectoryError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleDelegation {
    pub(super) from: ReviewerId,
    pub(super) roles: Vec<Role>,
    pub(super) until: Timestamp,
}

impl RoleDelegation {
    /// Returns the person whose roles they are.
    #[must_use]
    pub fn from(&self) -> &ReviewerId {
        &self.from
    }

    /// Returns the roles.
    #[must_use]
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// Returns the time from which on it no longer counts.
    #[must_use]
    pub fn until(&self) -> Timestamp {
        self.until
    }

    fn is_in_force(&self, now: Timestamp) -> bool {
        now < self.until
    }
}

/// A remote agent in the file of a [`FileDirectory`](crate::FileDirectory).
///
/// ```
/// use gate_runtime::FileDirectory;
/// use gate_runtime::people::AgentToken;
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("people.toml");
/// let token = AgentToken::new();
/// let file = format!(
///     "[[person]]\nid = \"dana\"\nroles = [\"manager\"]\n\n\
///      [[agent]]\nid = \"billing-bot\"\nasks = [\"manager\"]\ntoken = \"{}\"\n",
///     token.hash(),
/// );
/// # std::fs::write(&path, file).unwrap();
/// let people = FileDirectory::open(path)?;
/// let bot = people.agent_of(token.reveal())?.expect("it is in the file");
/// assert_eq!(bot.name(), "billing-bot");
/// assert_eq!((bot.asks(), bot.at_once()), (&["manager".into()][..], 1_000));
/// # Ok::<(), gate_runtime::people::DirectoryError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteAgent {
    pub(super) name: AgentName,
    pub(super) asks: Vec<Role>,
    pub(super) at_once: usize,
}

impl RemoteAgent {
    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &AgentName {
        &self.name
    }

    /// Returns the roles that must approve all its questions, besides the people whom it names.
    #[must_use]
    pub fn asks(&self) -> &[Role] {
        &self.asks
    }

    /// Returns the number of its questions that may wait at once. Defaults to 1,000, so that an
    /// agent cannot flood people with questions.
    #[must_use]
    pub fn at_once(&self) -> usize {
        self.at_once
    }
}
