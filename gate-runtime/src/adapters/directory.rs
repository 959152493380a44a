//! A directory in the program's code.

use std::collections::{BTreeMap, BTreeSet};

use gate_audit::VerifierKey;
use gate_core::id::{ReviewerId, Role};
use gate_core::people::same_person;
use gate_core::ports::{BoxFuture, Directory, DirectoryError};
use gate_core::text::{Digest, canonical};
use jiff::Timestamp;
use serde_json::json;

/// A directory of people and roles in the program's code.
///
/// ```
/// use gate_runtime::StaticDirectory;
/// let people = StaticDirectory::new()
///     .person("dana", ["manager"])
///     .person("omar", ["manager", "oncall"]);
/// # let _ = people;
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct StaticDirectory {
    people: BTreeMap<ReviewerId, Vec<Role>>,
    keys: BTreeMap<ReviewerId, VerifierKey>,
    aliases: BTreeMap<ReviewerId, Vec<String>>,
}

impl StaticDirectory {
    /// Creates an empty directory.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a person with their roles. May be called again to add roles.
    pub fn person(
        mut self,
        who: impl Into<ReviewerId>,
        roles: impl IntoIterator<Item = impl Into<Role>>,
    ) -> Self {
        self.people.entry(who.into()).or_default().extend(roles.into_iter().map(Into::into));
        self
    }

    /// Adds another name of a person, like a mail address or a customer id. A run on behalf of that
    /// name acts for that person, who does not count as its approver. May be called repeatedly. An
    /// alias makes nobody a reviewer.
    ///
    /// ```
    /// use gate_runtime::StaticDirectory;
    /// let people =
    ///     StaticDirectory::new().person("dana", ["manager"]).alias("dana", "dana@example.com");
    /// # let _ = people;
    /// ```
    pub fn alias(mut self, who: impl Into<ReviewerId>, name: impl Into<String>) -> Self {
        self.aliases.entry(who.into()).or_default().push(name.into());
        self
    }

    /// Sets the key of a person's signed votes, for the person whose id is the key's name. This
    /// person must then sign all votes. A key makes nobody a reviewer.
    ///
    /// ```
    /// use gate_runtime::StaticDirectory;
    /// let people = StaticDirectory::new()
    ///     .person("dana", ["manager"])
    ///     .with_key("dana+61d8bb4e+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c".parse()?);
    /// # let _ = people;
    /// # Ok::<(), gate_runtime::audit::Error>(())
    /// ```
    pub fn with_key(mut self, key: VerifierKey) -> Self {
        self.keys.insert(key.name().into(), key);
        self
    }
}

impl Directory for StaticDirectory {
    fn find<'a>(
        &'a self,
        who: &'a ReviewerId,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<Option<Vec<Role>>, DirectoryError>> {
        let found = self.people.get(who).cloned();
        Box::pin(async move { Ok(found) })
    }

    fn holders<'a>(
        &'a self,
        role: Option<&'a Role>,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<Option<Vec<ReviewerId>>, DirectoryError>> {
        let has_role = |roles: &Vec<Role>| role.is_none_or(|role| roles.contains(role));
        let found = self
            .people
            .iter()
            .filter(|(_, roles)| has_role(roles))
            .map(|(who, _)| who.clone())
            .collect();
        Box::pin(async move { Ok(Some(found)) })
    }

    fn named<'a>(
        &'a self,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Vec<ReviewerId>, DirectoryError>> {
        let by_id = self.people.keys().filter(|who| same_person(who.as_str(), name));
        let is_alias = |names: &Vec<String>| names.iter().any(|alias| same_person(alias, name));
        let by_alias = self.aliases.iter().filter(|(_, names)| is_alias(names)).map(|(who, _)| who);
        let found: BTreeSet<&ReviewerId> = by_id.chain(by_alias).collect();
        let found = found.into_iter().cloned().collect();
        Box::pin(async move { Ok(found) })
    }

    fn digest(&self) -> BoxFuture<'_, Result<Digest, DirectoryError>> {
        let keys: BTreeMap<_, _> =
            self.keys.iter().map(|(who, key)| (who, key.to_string())).collect();
        let written =
            canonical(&json!({"people": self.people, "keys": keys, "aliases": self.aliases}));
        Box::pin(async move { written.map(Digest::of).map_err(DirectoryError::new) })
    }

    fn key<'a>(
        &'a self,
        who: &'a ReviewerId,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<Option<VerifierKey>, DirectoryError>> {
        let found = self.keys.get(who).cloned();
        Box::pin(async move { Ok(found) })
    }
}
