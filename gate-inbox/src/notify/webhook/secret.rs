//! The secrets that sign webhooks, by the [Standard Webhooks](https://www.standardwebhooks.com)
//! specification.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::notify::setting::BadSetting;

const START: &str = "whsec_";

/// The numbers of bytes that a secret may have, by the specification.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// A secret that signs webhooks: the sender and the receiver have it, and nobody else. `Debug` does
/// not show it.
///
/// ```
/// use gate_inbox::WebhookSecret;
/// let secret = WebhookSecret::new().unwrap();
/// // For the receiver's settings, and for the file of those who are told.
/// let text = secret.reveal();
/// assert!(text.starts_with("whsec_"));
/// assert_eq!(text.parse::<WebhookSecret>().unwrap().reveal(), text);
/// assert!("whsec_tooshort".parse::<WebhookSecret>().is_err());
/// ```
#[derive(Clone)]
pub struct WebhookSecret(Vec<u8>);

impl WebhookSecret {
    /// Creates a secret of 256 random bits.
    ///
    /// ```
    /// # use gate_inbox::WebhookSecret;
    /// assert_ne!(WebhookSecret::new().unwrap().reveal(), WebhookSecret::new().unwrap().reveal());
    /// ```
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub fn new() -> Result<Self, std::io::Error> {
        let mut bytes = vec![0_u8; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Returns the secret as text.
    ///
    /// ```
    /// # use gate_inbox::WebhookSecret;
    /// let text = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    /// assert_eq!(text.parse::<WebhookSecret>().unwrap().reveal(), text);
    /// ```
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{START}{}", STANDARD.encode(&self.0))
    }

    /// Returns the signature of a message; `None` if the secret is not valid.
    pub(super) fn sign(&self, id: &str, timestamp: i64, body: &str) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body.as_bytes());
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    }
}

impl FromStr for WebhookSecret {
    type Err = BadSetting;

    fn from_str(text: &str) -> Result<Self, BadSetting> {
        let bytes = text.strip_prefix(START).and_then(|encoded| STANDARD.decode(encoded).ok());
        let bytes = bytes.filter(|bytes| LENGTHS.contains(&bytes.len()));
        let message =
            "the secret of a webhook is `whsec_` and 24 to 64 bytes in base64: copy all of it";
        bytes.map(Self).ok_or_else(|| BadSetting::new(message))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn it_signs_as_the_specification_says() {
        let secret: WebhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let signature = secret
            .sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#)
            .unwrap();
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn what_is_no_secret_is_refused_and_never_repeated() {
        let of = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
        for good in [24, 32, 64] {
            assert!(of(good).parse::<WebhookSecret>().is_ok(), "{good} bytes");
        }
        for bad in [
            of(23),
            of(65),
            of(0),
            "whsec_".into(),
            of(32).replace("whsec_", ""),
            of(32) + " ",
            of(32) + "!",
        ] {
            let error = bad.parse::<WebhookSecret>().unwrap_err().to_string();
            assert!(!error.contains("BwcH"), "{error}");
        }
        assert_eq!(format!("{:?}", of(32).parse::<WebhookSecret>().unwrap()), "WebhookSecret(…)");
    }
}
