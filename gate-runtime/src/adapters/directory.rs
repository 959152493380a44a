//! A directory that is written down in the program.

use std::collections::BTreeMap;

use gate_audit::VerifierKey;
use jiff::Timestamp;

use crate::ports::BoxFuture;
use crate::ports::directory::{Directory, DirectoryError};
use crate::values::id::{ReviewerId, Role};

/// People and their roles, as the program says.
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
}

impl StaticDirectory {
    /// Nobody, yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a person with their roles. Said again, the roles are added.
    pub fn person(mut self, who: impl Into<ReviewerId>, roles: impl IntoIterator<Item = impl Into<Role>>) -> Self {
        self.people.entry(who.into()).or_default().extend(roles.into_iter().map(Into::into));
        self
    }

    /// The key by which a person signs their votes: the one whose id is the key's name. From then on they must; it makes nobody a reviewer.
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

    fn has_holder<'a>(&'a self, role: &'a Role, _: Timestamp) -> BoxFuture<'a, Result<bool, DirectoryError>> {
        let held = self.people.values().any(|roles| roles.contains(role));
        Box::pin(async move { Ok(held) })
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
