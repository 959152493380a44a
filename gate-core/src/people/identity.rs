//! Tells whether two names are one person's: names come from tokens, files, models and other
//! programs, each with its own spelling.

use unicode_normalization::UnicodeNormalization as _;

use crate::text::visible::hazard;

/// Compares two names of people, agents or roles as a person reads them: without case, spaces
/// around them, characters that nobody sees, other widths, and characters that only look different.
///
/// Two people whose names look alike count as one, so the rule errs on the side of asking somebody
/// else. What has several names, like `dana` and `dana@example.com`, is told by the
/// [directory](crate::ports::Directory::named).
///
/// ```
/// use gate_runtime::people::same_person;
/// assert!(same_person("dana", " Dana"));
/// assert!(same_person("dana", "ｄａｎａ"));       // full width
/// assert!(same_person("dana", "dаna"));           // with a Cyrillic а
/// assert!(!same_person("dana", "omar"));
/// ```
#[must_use]
pub fn same_person(one: &str, other: &str) -> bool {
    one == other || identity(one) == identity(other)
}

/// The form of a name that all its spellings share.
#[must_use]
pub fn identity(name: &str) -> String {
    let visible = name.nfkc().filter(|c| *c == ' ' || hazard(*c).is_none()).collect::<String>();
    // Upper case first: it writes out what has no upper case of its own, like ß.
    let folded = visible.trim().to_uppercase().to_lowercase();
    // What something looks like may be a capital letter again.
    unicode_security::skeleton(&folded).collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_are_one_person() {
        for other in
            ["Dana", "DANA", " dana ", "ｄａｎａ", "dаnа", "da\u{200b}na", "\u{202e}dana", "dana\n"]
        {
            assert!(same_person("dana", other), "{other:?}");
        }
        assert!(same_person("straße", "STRASSE"));
        assert!(same_person("josé", "jose\u{301}"));
        for other in ["dan", "danae", "dana@example.com", "omar", ""] {
            assert!(!same_person("dana", other), "{other:?}");
        }
    }
}
