//! Base64 and decimal numbers in the one form that each value has.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Base64 with padding.
pub(crate) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The bytes of base64 with padding and without stray bits: no two texts have the same bytes.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// A decimal number without sign or leading zeros.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let plain =
        text == "0" || (!text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit()));
    plain.then(|| text.parse().ok()).flatten()
}

/// Returns the rest of a line that begins with a word and a space.
pub(crate) fn after<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    line.strip_prefix(word)?.strip_prefix(' ')
}

/// Returns whether a text may stand in a line of a note.
pub(crate) fn is_line(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter >= ' ')
}

/// Returns whether a line is one of our headers. Earlier versions wrote an address before it, and
/// what they have signed stays readable.
pub(crate) fn is_header(line: &str, header: &str) -> bool {
    line.strip_prefix("github.com/gate-rs/").unwrap_or(line) == header
}
