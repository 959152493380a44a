//! Compares names of people. Tokens, files, models and other programs may spell them differently.

use unicode_normalization::UnicodeNormalization as _;

use crate::text::sanitized_text::hazard;

/// Returns whether two names of people, agents or roles look the same to a reader. Case,
/// surrounding spaces, invisible characters, character widths and look-alike characters do not
/// matter.
///
/// Two people whose names look alike count as one, so in doubt somebody else is asked. People with
/// several names, like `dana` and `dana@example.com`, are in the
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

/// Returns the form of a name that all its spellings share.
#[must_use]
pub fn identity(name: &str) -> String {
    let sanitized = name.nfkc().filter(|c| *c == ' ' || hazard(*c).is_none()).collect::<String>();
    // Upper case first, because it expands letters that have no upper-case form, like ß.
    let folded = sanitized.trim().to_uppercase().to_lowercase();
    // The skeleton may contain capital letters again.
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
