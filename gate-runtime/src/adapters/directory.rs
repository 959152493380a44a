//! A directory that is written down in the program.

use std::collections::BTreeMap;

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
}
