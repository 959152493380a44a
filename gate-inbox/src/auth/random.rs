//! Random texts that cannot be guessed, and their comparison.

use subtle::ConstantTimeEq as _;

/// Returns 256 random bits, in hexadecimal digits.
///
/// # Errors
/// If the system has no source of randomness.
pub(crate) fn random() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        for digit in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(digit.into(), 16));
        }
        text
    }))
}

/// Returns whether two texts are equal, in constant time.
pub(crate) fn are_equal(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_secret_is_long_and_another() {
        let (one, other) = (random().unwrap(), random().unwrap());
        assert_eq!((one.len(), other.len()), (64, 64));
        assert!(one != other && are_equal(&one, &one.clone()) && !are_equal(&one, &other));
        assert!(!are_equal(&one, "") && !are_equal(&one, &format!("{one}0")));
    }
}
