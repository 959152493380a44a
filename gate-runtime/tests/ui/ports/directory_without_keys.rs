// mistakes: 1
use gate_runtime::{StaticDirectory, Timestamp};
use gate_runtime::id::{Digest, ReviewerId, Role};
use gate_runtime::people::{Directory, DirectoryError};
use gate_runtime::store::BoxFuture;

/// Stands in front of another directory, and forgets that its people sign their votes.
struct Cached(StaticDirectory);

impl Directory for Cached {
    fn find<'a>(
        &'a self,
        who: &'a ReviewerId,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<Option<Vec<Role>>, DirectoryError>> {
        self.0.find(who, at)
    }

    fn holders<'a>(
        &'a self,
        role: Option<&'a Role>,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<Option<Vec<ReviewerId>>, DirectoryError>> {
        self.0.holders(role, at)
    }

    fn named<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<ReviewerId>, DirectoryError>> {
        self.0.named(name)
    }

    fn digest(&self) -> BoxFuture<'_, Result<Digest, DirectoryError>> {
        self.0.digest()
    }
}

fn main() {}
