//! Tokens, which identify people and agents.

use std::fmt;
use std::hint::black_box;

use gate_core::text::{Digest, hex};

use crate::random;

/// The kind of a token's holder. A token of one kind is never accepted for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenHolder {
    Person,
    Agent,
}

impl TokenHolder {
    const BOTH: [Self; 2] = [Self::Person, Self::Agent];

    /// Returns the prefix of every token of the kind, by which people and secret scanners can
    /// recognize it.
    fn prefix(self) -> &'static str {
        match self {
            Self::Person => "gate_r_",
            Self::Agent => "gate_a_",
        }
    }

    fn new_token(self) -> String {
        format!("{}{}", self.prefix(), hex(&random::bits_256()))
    }

    /// Returns the hash of a text that has the form of such a token. No other text is accepted,
    /// even if the file has its hash, because a short word can be found from its hash.
    pub(super) fn hash_of(self, text: &str) -> Option<Digest> {
        let digits = text.strip_prefix(self.prefix())?;
        let is_hex = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        (digits.len() == 64 && is_hex).then(|| Digest::of(text))
    }

    /// Finds the holder of a token. Compares all entries, so that it always takes the same time.
    pub(super) fn find<'a, T>(
        self,
        token: &str,
        known: impl Iterator<Item = (Digest, &'a T)>,
    ) -> Option<&'a T> {
        let hash = self.hash_of(token)?;
        known.fold(
            None,
            |found, (known, who)| if are_equal(&known, &hash) { Some(who) } else { found },
        )
    }
}

/// Declares the tokens of one kind of holder.
macro_rules! token {
    ($(#[$doc:meta])* $Name:ident of $TokenHolder:ident) => {
        $(#[$doc])*
        #[must_use = "a token that is not shown is lost"]
        pub struct $Name(String);

        impl $Name {
            /// Creates a new random token.
            #[expect(clippy::new_without_default, reason = "every call gives another value")]
            pub fn new() -> Self {
                Self(TokenHolder::$TokenHolder.new_token())
            }

            /// Returns the token itself, for its holder. Anyone who has the token passes for its
            /// holder: show it once, and store it nowhere.
            #[must_use]
            pub fn reveal(&self) -> &str {
                &self.0
            }

            /// Returns the hash, which is stored in the file instead.
            #[must_use]
            pub fn hash(&self) -> Digest {
                Digest::of(&self.0)
            }
        }

        impl fmt::Debug for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($Name), "(…)"))
            }
        }
    };
}

token! {
    /// A token that identifies a person: 256 random bits, to be shown once.
    ///
    /// The file of a [`FileDirectory`](crate::FileDirectory) contains [its hash](Self::hash).
    /// `Debug` does not show the token.
    ///
    /// ```
    /// use gate_runtime::people::ReviewerToken;
    ///
    /// let token = ReviewerToken::new();
    /// assert!(token.reveal().starts_with("gate_r_"));               // for the person, once
    /// let line = format!(r#"token = "{}""#, token.hash());          // for the file
    /// # assert!(line.starts_with(r#"token = "sha256:"#) && !line.contains(token.reveal()));
    /// assert_eq!(format!("{token:?}"), "ReviewerToken(…)");
    /// ```
    ReviewerToken of Person
}

token! {
    /// A token that identifies a remote agent, which can ask and never decide.
    ///
    /// ```
    /// use gate_runtime::people::AgentToken;
    ///
    /// let token = AgentToken::new();
    /// assert!(token.reveal().starts_with("gate_a_"));               // for the program, once
    /// let line = format!(r#"token = "{}""#, token.hash());          // for the file
    /// # assert!(line.starts_with(r#"token = "sha256:"#) && !line.contains(token.reveal()));
    /// assert_eq!(format!("{token:?}"), "AgentToken(…)");
    /// ```
    AgentToken of Agent
}

/// Returns whether a token was written where its hash belongs.
pub(super) fn is_clear(text: &str) -> bool {
    TokenHolder::BOTH.iter().any(|holder| text.starts_with(holder.prefix()))
}

/// Returns whether two hashes are equal, in constant time.
fn are_equal(one: &Digest, other: &Digest) -> bool {
    let differences = one.as_bytes().iter().zip(other.as_bytes()).map(|(one, other)| one ^ other);
    black_box(differences.fold(0, |all, bits| black_box(all | bits))) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_is_another_and_has_a_hash_of_its_own() {
        let (one, other) = (ReviewerToken::new(), ReviewerToken::new());
        assert_eq!(one.reveal().len(), "gate_r_".len() + 64);
        assert!(
            is_clear(one.reveal()) && TokenHolder::Person.hash_of(one.reveal()) == Some(one.hash())
        );
        assert!(one.reveal() != other.reveal() && one.hash() != other.hash());
    }

    #[test]
    fn debug_shows_nothing_of_a_token() {
        assert_eq!(format!("{:?}", Some(ReviewerToken::new())), "Some(ReviewerToken(…))");
    }

    #[test]
    fn only_what_has_the_shape_of_a_token_has_a_hash() {
        let token = ReviewerToken::new();
        let text = token.reveal();
        let shortened: String = text.chars().take(70).collect();
        for wrong in [
            "",
            "gate_r_",
            "test",
            &text.to_uppercase(),
            &format!("{text}\n"),
            &format!(" {text}"),
            &shortened,
        ] {
            assert_eq!(TokenHolder::Person.hash_of(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_token_of_one_kind_is_none_of_the_other() {
        let (person, agent) = (ReviewerToken::new(), AgentToken::new());
        assert_eq!(TokenHolder::Agent.hash_of(agent.reveal()), Some(agent.hash()));
        assert_eq!(TokenHolder::Agent.hash_of(person.reveal()), None);
        assert_eq!(TokenHolder::Person.hash_of(agent.reveal()), None);
        assert!(is_clear(agent.reveal()));
    }

    #[test]
    fn hashes_are_equal_only_if_every_byte_is() {
        let token = ReviewerToken::new();
        assert!(are_equal(&token.hash(), &token.hash()));
        let text = token.hash().to_string();
        for index in [7, 40, text.len() - 1] {
            let changed: String = text
                .chars()
                .enumerate()
                .map(|(at, c)| {
                    if at != index {
                        c
                    } else if c == '0' {
                        '1'
                    } else {
                        '0'
                    }
                })
                .collect();
            assert!(!are_equal(&token.hash(), &changed.parse().unwrap()), "{changed}");
        }
    }
}
