//! The person who sends a request.

use gate_runtime::id::{Digest, ReviewerId, Role};
use gate_runtime::people::Person;

/// A person who is signed in.
#[derive(Debug)]
pub(crate) struct CurrentUser {
    pub(crate) session: Digest,
    pub(crate) person: Person,
    /// Their roles now, delegated ones too.
    pub(crate) roles: Vec<Role>,
    pub(crate) form_secret: String,
}

impl CurrentUser {
    pub(crate) fn who(&self) -> &ReviewerId {
        self.person.id()
    }

    pub(crate) fn name(&self) -> &str {
        self.person.name().unwrap_or(self.who().as_str())
    }

    /// Returns whether their votes must be signed, which no page can do.
    pub(crate) fn must_sign(&self) -> bool {
        self.person.key().is_some()
    }
}
