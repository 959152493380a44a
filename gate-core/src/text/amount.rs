//! Amounts, like money: exact decimals that are not negative.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Number, Value};

/// The most decimal places that an amount has.
const PLACES: u32 = 18;

/// An amount of something: an exact decimal from 0 up, with 18 decimal places at most.
///
/// It is read from digits and never computed with floats, so `0.1` is a tenth. It is a whole
/// number, a text that is a plain decimal, or the number that JSON shows for a float. A text in any
/// other form (`1e3`, `1,000.00`, `007`, `.5`, `-1`, ` 1`) is no amount.
///
/// ```
/// use gate_runtime::tool::Amount;
/// let limit: Amount = "12.50".parse()?;
/// assert!(Amount::try_from(12.5)? == limit && Amount::from(12) < limit);
/// assert_eq!(Amount::hundredths(1_250), limit);
/// assert_eq!(limit.to_string(), "12.5");
/// for no_amount in ["1e3", "1,000.00", "007", ".5", "-1", "NaN", ""] {
///     assert!(no_amount.parse::<Amount>().is_err());
/// }
/// # Ok::<(), gate_runtime::tool::ParseAmountError>(())
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Amount(u128);

impl Amount {
    /// Returns a number of hundredths, like the cents of a currency.
    ///
    /// ```
    /// assert_eq!(gate_runtime::tool::Amount::hundredths(1_999).to_string(), "19.99");
    /// ```
    #[must_use]
    pub const fn hundredths(count: u64) -> Self {
        Self(count as u128 * 10_u128.pow(PLACES - 2))
    }

    /// Parses an argument that is an amount: a number, or a text.
    #[doc(hidden)]
    #[must_use]
    pub fn of_value(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => Self::of_number(number),
            Value::String(text) => parse(text),
            _ => None,
        }
    }

    /// Parses a JSON number by the digits that JSON shows; `None` if it is negative, or too large
    /// or too fine.
    fn of_number(number: &Number) -> Option<Self> {
        match number.as_u64() {
            Some(whole) => Some(whole.into()),
            None => number.as_f64().and_then(|number| number.try_into().ok()),
        }
    }

    /// Returns it as a number of units with some decimal places; `None` if it is not a whole number
    /// of them, or exceeds a counter.
    #[doc(hidden)]
    #[must_use]
    pub fn in_units(self, indexes: u32) -> Option<u64> {
        let unit = 10_u128.pow(PLACES.checked_sub(indexes)?);
        self.0.is_multiple_of(unit).then(|| u64::try_from(self.0 / unit).ok())?
    }

    /// Returns the most decimal places in which a counter can count up to it; `None` if it has more
    /// itself.
    #[doc(hidden)]
    #[must_use]
    pub fn finest_places(self) -> Option<u32> {
        (0..=PLACES).rev().find(|indexes| self.in_units(*indexes).is_some())
    }
}

impl From<u64> for Amount {
    fn from(whole: u64) -> Self {
        Self(u128::from(whole) * 10_u128.pow(PLACES))
    }
}

impl FromStr for Amount {
    type Err = ParseAmountError;

    fn from_str(text: &str) -> Result<Self, ParseAmountError> {
        parse(text).ok_or(ParseAmountError)
    }
}

/// Reads the digits that JSON shows for a float.
impl TryFrom<f64> for Amount {
    type Error = ParseAmountError;

    fn try_from(number: f64) -> Result<Self, ParseAmountError> {
        // The shortest digits that identify this float, and never with an exponent.
        number.to_string().parse()
    }
}

fn parse(text: &str) -> Option<Amount> {
    let (whole, fraction) =
        text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    let is_plain =
        |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_plain(whole)
        || !fraction.is_none_or(is_plain)
        || (whole.len() > 1 && whole.starts_with('0'))
    {
        return None;
    }
    let fraction = fraction.unwrap_or("0");
    let left = PLACES.checked_sub(u32::try_from(fraction.len()).ok()?)?;
    let fraction = fraction.parse::<u128>().ok()? * 10_u128.pow(left);
    Some(Amount(Amount::from(whole.parse::<u64>().ok()?).0 + fraction))
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = 10_u128.pow(PLACES);
        let (whole, fraction) = (self.0 / unit, self.0 % unit);
        if fraction == 0 {
            return write!(f, "{whole}");
        }
        let digits = format!("{fraction:018}");
        write!(f, "{whole}.{}", digits.trim_end_matches('0'))
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// As a text, which carries every digit.
impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// From a text, or from a number by the digits that JSON shows.
impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AmountVisitor;
        impl Visitor<'_> for AmountVisitor {
            type Value = Amount;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal that is not negative, like \"12.50\"")
            }

            fn visit_u64<E: de::Error>(self, whole: u64) -> Result<Amount, E> {
                Ok(whole.into())
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Amount, E> {
                number.try_into().map_err(E::custom)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Amount, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(AmountVisitor)
    }
}

/// A text or a number that is no [`Amount`].
///
/// ```
/// use gate_runtime::tool::Amount;
/// let error = "1,000.00".parse::<Amount>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "no amount: write digits, like `1000` or `12.50`, with 18 decimal places at most"
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseAmountError;

impl fmt::Display for ParseAmountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no amount: write digits, like `1000` or `12.50`, with {PLACES} decimal places at most"
        )
    }
}

impl std::error::Error for ParseAmountError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn amount(text: &str) -> Amount {
        text.parse().unwrap()
    }

    #[test]
    fn only_plain_decimals_are_amounts() {
        for (text, shown) in [
            ("0", "0"),
            ("0.00", "0"),
            ("12.50", "12.5"),
            ("18446744073709551615", "18446744073709551615"),
            ("0.000000000000000001", "0.000000000000000001"),
        ] {
            assert_eq!(amount(text).to_string(), shown);
        }
        for text in [
            "",
            " 1",
            "1 ",
            "-0",
            "-1",
            "+1",
            "1e3",
            "1E3",
            "1.",
            ".5",
            "1.2.3",
            "007",
            "00.5",
            "1,000.00",
            "1_000",
            "1'000",
            "NaN",
            "inf",
            "Infinity",
            "0x10",
            "١٢",
            "１２",
            "12,50",
            "$5",
            "18446744073709551616",
            "0.0000000000000000001",
            "1.-5",
            "1.+5",
            "true",
        ] {
            assert_eq!(text.parse::<Amount>(), Err(ParseAmountError), "{text}");
        }
    }

    #[test]
    fn numbers_are_read_by_the_digits_that_json_shows() {
        let read = |value: Value| Amount::of_number(value.as_number()?);
        assert_eq!(read(json!(0.1)), Some(amount("0.1")));
        assert_eq!(read(json!(0.1 + 0.2)), Some(amount("0.30000000000000004")));
        assert_eq!(read(json!(1e3)), Some(amount("1000")));
        assert_eq!(read(json!(1e-7)), Some(amount("0.0000001")));
        assert_eq!(read(json!(u64::MAX)), Some(u64::MAX.into()));
        for number in [
            json!(-1),
            json!(-0.5),
            json!(-0.0),
            json!(1e300),
            json!(5e-324),
            json!(1e-19),
            json!("1"),
        ] {
            assert_eq!(read(number.clone()), None, "{number}");
        }
        assert!(Amount::try_from(f64::NAN).is_err() && Amount::try_from(f64::INFINITY).is_err());
    }

    #[test]
    fn units_are_exact_or_none() {
        assert_eq!(amount("12.5").in_units(1), Some(125));
        assert_eq!(amount("12.5").in_units(0), None);
        assert_eq!(amount("500").finest_places(), Some(16));
        assert_eq!(Amount::from(u64::MAX).finest_places(), Some(0));
        assert_eq!(amount("18446744073709551615.5").finest_places(), None);
        assert_eq!(amount("1").in_units(19), None);
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_as_itself(whole: u64, fraction in 0..10_u64.pow(18)) {
            let written = format!("{whole}.{fraction:018}");
            let read = amount(&written);
            prop_assert_eq!(amount(&read.to_string()), read);
            prop_assert_eq!(serde_json::from_value::<Amount>(json!(read)).unwrap(), read);
            prop_assert_eq!(read > Amount::from(whole), fraction > 0);
        }
    }
}
