//! Compares names of people, which come from tokens, files, models and other programs, each with
//! its own spelling.

use unicode_normalization::UnicodeNormalization as _;

use crate::text::sanitized_text::hazard;

/// Returns whether two names of people, agents or roles look the same to a reader: without case,
/// surrounding spaces, invisible characters, other widths, and characters that only look different.
///
/// Two people whose names look alike count as one, so the rule errs on the side of asking somebody
/// else. The [directory](crate::ports::Directory::named) knows people with several names, like
/// `dana` and `dana@example.com`.
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
    // Upper case first, which expands letters without an upper case of their own, like ß.
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
