//! Disclosures of single secrets.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call::arguments::Arguments;
use crate::call::commitment::{CommitmentKeys, SecretCommitment};
use crate::text::digest::{hex, unhex};
use crate::text::json::{SchemaError, canonical, pointer_to};

/// The opening of one commitment: the secret's place, its value and the 16 bytes that were
/// committed with it (`salt`). Its receiver can check the record without any key, and learns no
/// other secret.
///
/// ```
/// use gate_runtime::tool::SecretDisclosure;
/// use gate_runtime::tool::CommitmentKeys;
/// # fn show(
/// #     arguments: &gate_runtime::tool::Arguments,
/// #     keys: &CommitmentKeys,
/// # ) -> Result<(), gate_runtime::tool::SchemaError> {
/// // Where the store and the key are:
/// let disclosure = arguments.disclose("pin", &"1234".into(), keys)?;
/// let line = disclosure.to_string();
///
/// let received: SecretDisclosure = line.parse()?;
/// arguments.check(&received)?; // anywhere
/// # Ok(()) }
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretDisclosure {
    field: String,
    salt: String,
    value: Value,
}

impl SecretDisclosure {
    /// Returns the place of the secret among the arguments, as a JSON pointer.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// Returns the secret.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }
}

/// Writes one line of canonical JSON.
impl fmt::Display for SecretDisclosure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = serde_json::to_value(self).map_err(|_| fmt::Error)?;
        f.write_str(&canonical(&value).map_err(|_| fmt::Error)?)
    }
}

/// Does not show the value.
impl fmt::Debug for SecretDisclosure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretDisclosure({})", self.field)
    }
}

impl std::str::FromStr for SecretDisclosure {
    type Err = SchemaError;

    /// Parses its only form, so that it cannot be read in two ways.
    fn from_str(line: &str) -> Result<Self, SchemaError> {
        let read: Self =
            serde_json::from_str(line).map_err(|error| SchemaError::new("", error.to_string()))?;
        if read.to_string() == line {
            Ok(read)
        } else {
            Err(SchemaError::new("", "it is not in canonical form (RFC 8785)"))
        }
    }
}

impl Arguments {
    /// Opens the commitment of one secret for another person. `field` is the name of an argument,
    /// or a JSON pointer, which begins with `/`, to a value inside one.
    ///
    /// # Errors
    /// Returns an error if there is no secret at this place or it is another secret, its salt was
    /// erased, or its commitment was made with another key.
    pub fn disclose(
        &self,
        field: &str,
        value: &Value,
        keys: &CommitmentKeys,
    ) -> Result<SecretDisclosure, SchemaError> {
        let field = pointer_to(field);
        let salt = hex(&self.opening_at(&field, keys)?);
        let disclosure = SecretDisclosure { field, salt, value: value.clone() };
        self.check(&disclosure)?;
        Ok(disclosure)
    }

    /// Checks that the secret at a place, named as for [`Arguments::disclose`], could be disclosed
    /// by a person who knows it.
    ///
    /// # Errors
    /// Returns an error if there is no secret, its salt was erased, or its commitment was made with
    /// another key.
    pub fn check_disclosable(&self, field: &str, keys: &CommitmentKeys) -> Result<(), SchemaError> {
        self.opening_at(&pointer_to(field), keys).map(drop)
    }

    fn opening_at(&self, field: &str, keys: &CommitmentKeys) -> Result<[u8; 16], SchemaError> {
        let commitment = self.commitment_at(field)?;
        if commitment.lacks_key(keys) {
            let problem = "its commitment was made with another key: give the key that the gate \
                had when it took the call";
            return Err(SchemaError::new(field, problem));
        }
        commitment.opening(keys).ok_or_else(|| {
            SchemaError::new(
                field,
                "its salt is missing: it was erased, or this is a copy that never had it",
            )
        })
    }

    /// Checks that a disclosed secret is the one that these arguments have at its place.
    ///
    /// # Errors
    /// Returns an error if it is another secret, or there is none.
    pub fn check(&self, disclosure: &SecretDisclosure) -> Result<(), SchemaError> {
        let SecretDisclosure { field, salt, value } = disclosure;
        let commitment = self.commitment_at(field)?;
        let digits = salt;
        let salt = unhex(digits)
            .and_then(|salt| <[u8; 16]>::try_from(salt).ok())
            .filter(|salt| hex(salt) == *digits);
        let salt =
            salt.ok_or_else(|| SchemaError::new(field, "its salt is not 32 hexadecimal digits"))?;
        if commitment.is_opened_by(value, salt)? {
            Ok(())
        } else {
            Err(SchemaError::new(field, "this is not the secret that was recorded"))
        }
    }

    fn commitment_at(&self, field: &str) -> Result<&SecretCommitment, SchemaError> {
        let arguments = self.to_json();
        let marker = arguments.pointer(field).and_then(Value::as_str);
        let found =
            marker.and_then(|mark| self.secrets().iter().find(|secret| secret.mark() == mark));
        found.ok_or_else(|| SchemaError::new(field, "there is no secret at this place"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn keys() -> CommitmentKeys {
        CommitmentKeys::new(&[7; 32])
    }

    fn arguments() -> Arguments {
        let commit = |value, salt| SecretCommitment::to(&value, [salt; 16], &keys()).unwrap();
        let (pin, number) = (commit(json!("1234"), 1), commit(json!(4_111), 2));
        let marked =
            json!({"pin": pin.mark(), "cards": [{"number": number.mark()}], "name": "Mia"});
        Arguments::new(&marked, vec![pin, number]).unwrap()
    }

    #[test]
    fn one_secret_is_opened_and_nothing_else() {
        let arguments = arguments();
        let line =
            arguments.disclose("/cards/0/number", &json!(4_111), &keys()).unwrap().to_string();
        let [_, number] = arguments.secrets() else { panic!("{arguments:?}") };
        let opening = hex(&number.opening(&keys()).unwrap());
        assert_eq!(
            line,
            format!(r#"{{"field":"/cards/0/number","salt":"{opening}","value":4111}}"#)
        );
        arguments.without_salts().check(&line.parse().unwrap()).unwrap();
        assert!(!format!("{:?}", line.parse::<SecretDisclosure>().unwrap()).contains("4111"));
    }

    #[test]
    fn a_name_is_the_place_of_an_argument() {
        let odd = SecretCommitment::to(&json!("s"), [3; 16], &keys()).unwrap();
        let arguments = Arguments::new(&json!({"a/~b": odd.mark()}), vec![odd]).unwrap();
        arguments.check_disclosable("a/~b", &keys()).unwrap();
        let disclosure = arguments.disclose("a/~b", &json!("s"), &keys()).unwrap();
        assert_eq!(disclosure.field(), "/a~1~0b");
        assert_eq!(arguments.disclose("/a~1~0b", &json!("s"), &keys()).unwrap(), disclosure);
        // A received disclosure contains its place in the one valid form.
        let bare = SecretDisclosure { field: "a/~b".to_owned(), ..disclosure };
        assert!(arguments.check(&bare).is_err());
    }

    #[test]
    fn what_is_not_the_secret_is_refused() {
        let arguments = arguments();
        for (field, value) in [
            ("/pin", json!("1235")),
            ("/pin", json!(1234)),
            ("/name", json!("Mia")),
            ("/no", json!(1)),
        ] {
            assert!(arguments.disclose(field, &value, &keys()).is_err(), "{field} {value}");
        }
        let mut other = arguments.disclose("/pin", &json!("1234"), &keys()).unwrap();
        other.salt = "00".repeat(16);
        assert!(arguments.check(&other).is_err());
        other.salt = "zz".to_owned();
        assert!(arguments.check(&other).is_err());
    }

    #[test]
    fn without_its_salt_a_secret_cannot_be_opened_any_more() {
        let erased = arguments().without_salts();
        let refused = erased.disclose("/pin", &json!("1234"), &keys()).unwrap_err();
        assert!(refused.problem().contains("its salt is missing"), "{refused}");
    }

    #[test]
    fn who_was_shown_one_secret_can_try_out_no_other() {
        let keys = keys();
        let two = |salt| SecretCommitment::to(&json!("1234"), [salt; 16], &keys).unwrap();
        let (shown, kept) = (two(1), two(2));
        let arguments =
            Arguments::new(&json!({"a": shown.mark(), "b": kept.mark()}), vec![shown, kept])
                .unwrap();
        let disclosure = arguments.disclose("a", &json!("1234"), &keys).unwrap();
        let moved = SecretDisclosure { field: "/b".to_owned(), ..disclosure };
        assert!(arguments.check(&moved).is_err(), "each secret has an opening of its own");
    }

    #[test]
    fn another_key_opens_nothing_and_says_so() {
        let other = CommitmentKeys::new(&[8; 32]);
        let refused = arguments().disclose("/pin", &json!("1234"), &other).unwrap_err();
        assert!(refused.problem().contains("made with another key"), "{refused}");
    }
}
