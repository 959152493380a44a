//! The people in a file, and the checks of the whole file.

use std::collections::BTreeMap;

use gate_audit::{KeyKind, VerifierKey};
use gate_core::id::{ReviewerId, Role};
use gate_core::people::identity::identity;
use gate_core::text::{Digest, english};
use jiff::Timestamp;

use super::document::{
    FileDiagnostic, LineText, PersonTable, TableKeys, TomlDocument, parse, shown,
};
use super::person::{Person, RemoteAgent, RoleDelegation};
use super::token::{self, TokenHolder};

const PERSON: TableKeys = TableKeys {
    name: "person",
    fields: &["id", "name", "roles", "token", "key", "contact", "slack", "aliases"],
};
const AGENT: TableKeys = TableKeys { name: "agent", fields: &["id", "token", "asks", "at_once"] };
const DELEGATION: TableKeys =
    TableKeys { name: "delegation", fields: &["from", "to", "roles", "until"] };

/// The default number of questions of one agent that may wait at once.
const AT_ONCE: usize = 1_000;

/// Everybody in a file without mistakes.
#[derive(Debug)]
pub(super) struct PeopleIndex {
    persons: BTreeMap<ReviewerId, Person>,
    tokens: Vec<(Digest, ReviewerId)>,
    agents: Vec<(Digest, RemoteAgent)>,
    digest: Digest,
}

/// A person as written in the file, valid or not.
struct PersonDraft<'t> {
    id: Option<LineText<'t>>,
    name: Option<LineText<'t>>,
    contact: Option<LineText<'t>>,
    /// The roles; `None` if they are missing or invalid.
    roles: Option<Vec<LineText<'t>>>,
    token: Option<(Digest, usize)>,
    key: Option<(VerifierKey, usize)>,
    slack: Option<LineText<'t>>,
    aliases: Vec<LineText<'t>>,
}

impl PeopleIndex {
    /// Parses a file, and finds all mistakes in it.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Vec<FileDiagnostic>> {
        let (mut document, root) = parse(bytes)?;
        document.unknown_fields(&root, "the file", &[PERSON.name, AGENT.name, DELEGATION.name]);
        let entries = document.entries(&root, &PERSON);
        let drafts: Vec<PersonDraft<'_>> =
            entries.iter().map(|entry| parse_entry(entry, &mut document)).collect();
        if drafts.is_empty() && document.is_good() {
            document.report(
                1,
                "nobody is in the file: begin with `[[person]]`, `id = \"dana\"` and `roles = \
                 [\"manager\"]`",
            );
        }
        let agents = document.entries(&root, &AGENT);
        let agents: Vec<AgentDraft<'_>> =
            agents.iter().map(|entry| agent(entry, &mut document)).collect();
        let ids = drafts.iter().map(|person| person.id).chain(agents.iter().map(|agent| agent.id));
        let ids: Vec<LineText<'_>> = ids.flatten().collect();
        check_ids(&ids, &mut document);
        check_aliases(&drafts, &ids, &mut document);
        let tokens =
            drafts.iter().map(|draft| draft.token).chain(agents.iter().map(|agent| agent.token));
        check_tokens(tokens, &mut document);
        check_keys(&drafts, &mut document);
        check_slack(&drafts, &mut document);
        let delegations = document.entries(&root, &DELEGATION);
        let delegations: Vec<_> = delegations
            .iter()
            .filter_map(|entry| delegation(entry, &drafts, &mut document))
            .collect();
        document.finish()?;
        Ok(Self {
            agents: agents.iter().filter_map(AgentDraft::finish).collect(),
            digest: Digest::of(bytes),
            ..Self::assembled(&drafts, delegations)
        })
    }

    fn assembled(
        drafts: &[PersonDraft<'_>],
        delegations: Vec<(ReviewerId, RoleDelegation)>,
    ) -> Self {
        let (mut persons, mut tokens) = (BTreeMap::new(), Vec::new());
        for draft in drafts {
            let Some(id) = draft.id.map(|id| ReviewerId::from(id.text)) else { continue };
            let text = |line_text: Option<LineText<'_>>| line_text.map(|line| line.text.to_owned());
            tokens.extend(draft.token.map(|(hash, _)| (hash, id.clone())));
            let person = Person {
                id: id.clone(),
                name: text(draft.name),
                contact: text(draft.contact),
                roles: draft.own_roles().map(Role::from).collect(),
                token: draft.token.map(|(hash, _)| hash),
                key: draft.key.as_ref().map(|(key, _)| key.clone()),
                slack: text(draft.slack),
                aliases: draft.aliases.iter().map(|alias| alias.text.to_owned()).collect(),
                delegations: Vec::new(),
            };
            persons.insert(id, person);
        }
        for (to, delegation) in delegations {
            persons.entry(to).and_modify(|person| person.delegations.push(delegation));
        }
        Self { persons, tokens, agents: Vec::new(), digest: Digest::of("") }
    }

    /// Returns a person with all delegations, also those that have ended.
    pub(super) fn get(&self, who: &ReviewerId) -> Option<&Person> {
        self.persons.get(who)
    }

    /// Returns everybody, ordered by id.
    pub(super) fn all(&self) -> impl Iterator<Item = &Person> {
        self.persons.values()
    }

    /// Returns the person who has this Slack member ID.
    pub(super) fn by_slack(&self, id: &str) -> Option<&Person> {
        self.all().find(|person| person.slack() == Some(id))
    }

    /// Returns the keys of all people who have one.
    pub(super) fn keys(&self) -> impl Iterator<Item = &VerifierKey> {
        self.persons.values().filter_map(Person::key)
    }

    /// Returns all roles that a person holds at a time, each once.
    pub(super) fn roles_of(&self, who: &ReviewerId, now: Timestamp) -> Option<Vec<Role>> {
        let mut roles: Vec<Role> = Vec::new();
        for role in self.persons.get(who)?.roles_at(now) {
            if !roles.contains(role) {
                roles.push(role.clone());
            }
        }
        Some(roles)
    }

    /// Returns the people who hold a role at a time, or everybody if `role` is `None`.
    pub(super) fn holders(&self, role: Option<&Role>, now: Timestamp) -> Vec<ReviewerId> {
        let has_role = |person: &&Person| {
            role.is_none_or(|role| person.roles_at(now).any(|held| held == role))
        };
        self.all().filter(has_role).map(|person| person.id().clone()).collect()
    }

    /// Returns the people to whom a name belongs.
    pub(super) fn named(&self, name: &str) -> Vec<ReviewerId> {
        self.all()
            .filter(|person| person.is_named(name))
            .map(|person| person.id().clone())
            .collect()
    }

    /// Returns the digest of the file.
    pub(super) fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the person who has this token.
    pub(super) fn holder_of(&self, token: &str) -> Option<&ReviewerId> {
        TokenHolder::Person.find(token, self.tokens.iter().map(|(hash, who)| (*hash, who)))
    }

    /// Returns the agent that has this token.
    pub(super) fn agent_of(&self, token: &str) -> Option<&RemoteAgent> {
        TokenHolder::Agent.find(token, self.agents.iter().map(|(hash, agent)| (*hash, agent)))
    }
}

impl<'t> PersonDraft<'t> {
    fn own_roles(&self) -> impl Iterator<Item = &'t str> {
        self.roles.iter().flatten().map(|role| role.text)
    }
}

fn parse_entry<'t>(entry: &PersonTable<'t>, document: &mut TomlDocument<'t>) -> PersonDraft<'t> {
    entry.must_have("roles", "[\"manager\"]", document);
    let id = entry.name("id", "dana", document);
    PersonDraft {
        id,
        name: entry.text("name", document),
        contact: entry.text("contact", document),
        roles: entry.names("roles", document),
        token: entry.text("token", document).and_then(|text| hash(text, document)),
        key: entry.text("key", document).and_then(|line_text| key(line_text, id, document)),
        slack: entry.text("slack", document).and_then(|id| slack(id, document)),
        aliases: entry.names("aliases", document).unwrap_or_default(),
    }
}

/// An agent as written in the file, valid or not.
struct AgentDraft<'t> {
    id: Option<LineText<'t>>,
    token: Option<(Digest, usize)>,
    asks: Vec<LineText<'t>>,
    at_once: Option<usize>,
}

impl AgentDraft<'_> {
    fn finish(&self) -> Option<(Digest, RemoteAgent)> {
        let ((token, _), id) = (self.token?, self.id?);
        let asks = self.asks.iter().map(|role| Role::from(role.text)).collect();
        Some((
            token,
            RemoteAgent { name: id.text.into(), asks, at_once: self.at_once.unwrap_or(AT_ONCE) },
        ))
    }
}

fn agent<'t>(entry: &PersonTable<'t>, document: &mut TomlDocument<'t>) -> AgentDraft<'t> {
    entry.must_have("token", "\"sha256:…\"", document);
    let id = entry.name("id", "billing-bot", document);
    if let Some(id) = id
        && !id.text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
    {
        let message = format!(
            "{} is not a name of an agent: write letters, digits, `_`, `-` and `.` only",
            shown(id.text)
        );
        document.report(id.line, message);
    }
    AgentDraft {
        id,
        token: entry.text("token", document).and_then(|text| hash(text, document)),
        asks: entry.names("asks", document).unwrap_or_default(),
        at_once: entry.count("at_once", document),
    }
}

/// Parses the hash of a token, which has only one spelling. No message repeats it, because it could
/// be the token itself.
fn hash(text: LineText<'_>, document: &mut TomlDocument<'_>) -> Option<(Digest, usize)> {
    let hash = text.text.parse::<Digest>().ok().filter(|hash| hash.to_string() == text.text);
    if hash.is_none() {
        let message = if token::is_clear(text.text) {
            "`token` is the token itself, and anyone who saw this file now has it: make a new one, \
             and write its hash here"
        } else {
            "`token` is not the hash of a token: write `sha256:` and 64 hexadecimal digits in \
             lower case"
        };
        document.report(text.line, message);
    }
    hash.map(|hash| (hash, text.line))
}

/// Parses a key. It must be of the kind for logs, because it signs a text as it is, and have the
/// name of its holder, because a signature names its key, and so the person.
fn key(
    text: LineText<'_>,
    id: Option<LineText<'_>>,
    document: &mut TomlDocument<'_>,
) -> Option<(VerifierKey, usize)> {
    let message = match text.text.parse::<VerifierKey>() {
        Ok(key) if key.kind() != KeyKind::Log => {
            "`key` is a witness's key, which signs checkpoints: write one of algorithm 1".to_owned()
        }
        Ok(key) if id.is_some_and(|id| id.text != key.name()) => {
            let (name, id) = (shown(key.name()), shown(id.map_or("", |id| id.text)));
            format!("`key` is {name}'s, and this person is {id}: a key has the name of its holder")
        }
        Ok(key) => return Some((key, text.line)),
        // No message repeats it, because it is the private key.
        Err(_) if text.text.starts_with("PRIVATE+KEY+") => {
            "`key` is the private key, and anyone who saw this file now has it: make a new one, \
             and \
             write its public part here"
                .to_owned()
        }
        Err(gate_audit::Error::Malformed { hint, .. }) => {
            format!("`key` is not a public key: {hint}")
        }
        Err(error) => format!("`key` is not a public key: {error}"),
    };
    document.report(text.line, message);
    None
}

/// Parses a Slack member ID. Refuses a name, which its owner can change to another person's.
fn slack<'t>(text: LineText<'t>, document: &mut TomlDocument<'_>) -> Option<LineText<'t>> {
    let rest = text.text.strip_prefix(['U', 'W']).unwrap_or_default();
    let is_id = (6..=20).contains(&rest.len())
        && rest.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    if !is_id {
        let message = format!(
            "`slack` is {}, which is not a member ID: copy it from the profile in Slack (⋮, \"Copy \
             member ID\"), like `slack = \"U012AB3CD\"`",
            shown(text.text)
        );
        document.report(text.line, message);
    }
    is_id.then_some(text)
}

/// Checks that a person or agent has one entry, because a second one could be overlooked when
/// rights are removed, and that no agent is a person.
fn check_ids(ids: &[LineText<'_>], document: &mut TomlDocument<'_>) {
    let mut known: BTreeMap<String, LineText<'_>> = BTreeMap::new();
    for id in ids {
        let Some(first) = known.insert(identity(id.text), *id) else { continue };
        let message = if first.text == id.text {
            let (name, line) = (shown(id.text), first.line);
            format!(
                "{name} is on line {line} already: make one entry of the two, or give another id"
            )
        } else {
            let (name, other, line) = (shown(id.text), shown(first.text), first.line);
            format!(
                "{name} is read as {other}, which is on line {line}: make one entry of the two, \
                 or give another id"
            )
        };
        document.report(id.line, message);
    }
}

/// Checks that an alias is one person's name and nobody's id, because otherwise it would be unclear
/// for whom a run acts.
fn check_aliases(
    drafts: &[PersonDraft<'_>],
    ids: &[LineText<'_>],
    document: &mut TomlDocument<'_>,
) {
    let mut known: BTreeMap<String, usize> =
        ids.iter().map(|id| (identity(id.text), id.line)).collect();
    for alias in drafts.iter().flat_map(|draft| &draft.aliases) {
        if let Some(first) = known.insert(identity(alias.text), alias.line) {
            let name = shown(alias.text);
            document.report(
                alias.line,
                format!("{name} is a name on line {first} already: an alias is one person's"),
            );
        }
    }
}

/// Checks that nobody shares a token, because it identifies its holder.
fn check_tokens(
    tokens: impl Iterator<Item = Option<(Digest, usize)>>,
    document: &mut TomlDocument<'_>,
) {
    let mut known = BTreeMap::new();
    for (hash, line) in tokens.flatten() {
        if let Some(first) = known.insert(hash, line) {
            document.report(
                line,
                format!("this token is on line {first} already: make a new one for one of the two"),
            );
        }
    }
}

/// Checks that nobody shares a key, under any name, because it identifies the voter.
fn check_keys(drafts: &[PersonDraft<'_>], document: &mut TomlDocument<'_>) {
    let mut known = BTreeMap::new();
    for (key, line) in drafts.iter().filter_map(|draft| draft.key.as_ref()) {
        if let Some(first) = known.insert(key.as_bytes(), line) {
            document.report(
                *line,
                format!("this key is on line {first} already: make a new one for one of the two"),
            );
        }
    }
}

/// Checks that a Slack member ID belongs to one person, so that it is clear who decides.
fn check_slack(drafts: &[PersonDraft<'_>], document: &mut TomlDocument<'_>) {
    let mut known = BTreeMap::new();
    for id in drafts.iter().filter_map(|draft| draft.slack) {
        if let Some(first) = known.insert(id.text, id.line) {
            let message =
                format!("this member of Slack is on line {first} already: a member is one person");
            document.report(id.line, message);
        }
    }
}

/// Parses a delegation, and the person who gets it. Giver and receiver must be in the file, and the
/// roles must be the giver's own.
fn delegation<'t>(
    entry: &PersonTable<'t>,
    drafts: &[PersonDraft<'t>],
    document: &mut TomlDocument<'t>,
) -> Option<(ReviewerId, RoleDelegation)> {
    let from = entry.name("from", "dana", document);
    let to = entry.name("to", "omar", document);
    let roles = entry.names("roles", document);
    let until = entry.time("until", document);
    let giver = from.and_then(|from| known("from", from, drafts, document));
    let taker = to.and_then(|to| known("to", to, drafts, document));
    let (from, to) = (from?, to?);
    if from.text == to.text {
        document.report(
            to.line,
            format!("{} delegates to nobody else: name another person in `to`", shown(from.text)),
        );
    }
    let roles = if entry.has("roles") { Some(roles?) } else { None };
    let roles = delegated(entry, from, giver?, roles, document)?;
    taker?;
    Some((to.text.into(), RoleDelegation { from: from.text.into(), roles, until: until? }))
}

/// Returns the roles of a delegation: those that it names, which must be the giver's own, or all of
/// the giver's own roles.
fn delegated(
    entry: &PersonTable<'_>,
    from: LineText<'_>,
    giver: &PersonDraft<'_>,
    named: Option<Vec<LineText<'_>>>,
    document: &mut TomlDocument<'_>,
) -> Option<Vec<Role>> {
    // If the giver's own roles are wrong, further messages about them would be wrong too.
    giver.roles.as_ref()?;
    let (own, who): (Vec<&str>, _) = (giver.own_roles().collect(), shown(from.text));
    if own.is_empty() {
        let message = format!(
            "{who} has no role to delegate: remove this delegation, or name somebody else in `from`"
        );
        document.report(from.line, message);
        return None;
    }
    let Some(named) = named else { return Some(own.into_iter().map(Role::from).collect()) };
    if named.is_empty() {
        let message =
            "`roles` is empty: name the roles to delegate, or leave `roles` out to delegate all";
        document.report(entry.line, message);
    }
    for role in named.iter().filter(|role| !own.contains(&role.text)) {
        let (name, own) = (shown(role.text), english::list(&own));
        let message = format!(
            "{name} is none of the roles that are {who}'s own, and only those can be delegated: \
             {own}"
        );
        document.report(role.line, message);
    }
    Some(named.iter().map(|role| Role::from(role.text)).collect())
}

/// Returns the person whom a delegation names.
fn known<'d, 't>(
    key: &str,
    who: LineText<'_>,
    drafts: &'d [PersonDraft<'t>],
    document: &mut TomlDocument<'_>,
) -> Option<&'d PersonDraft<'t>> {
    let found = drafts.iter().find(|person| person.id.is_some_and(|id| id.text == who.text));
    if found.is_none() {
        let ids = drafts.iter().filter_map(|draft| draft.id).map(|id| id.text);
        let help = match english::closest(who.text, ids) {
            Some(meant) => format!("did you mean {}?", shown(meant)),
            // It may be the person without an id, whose mistake is already reported.
            None if drafts.iter().any(|draft| draft.id.is_none()) => return None,
            None => "add a `[[person]]` with this id, or remove the delegation".to_owned(),
        };
        document.report(
            who.line,
            format!("`{key}`: nobody in the file has the id {}; {help}", shown(who.text)),
        );
    }
    found
}
