//! Checks that a request is signed by Slack, recent, and not a copy.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, HeaderName};
use gate_runtime::Timestamp;
use gate_runtime::id::Digest;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::notify::setting::SecretText;

const SIGNATURE: HeaderName = HeaderName::from_static("x-slack-signature");
const TIME: HeaderName = HeaderName::from_static("x-slack-request-timestamp");
const RETRY: HeaderName = HeaderName::from_static("x-slack-retry-num");

/// The age that a request may have, or the time by which Slack's clock may be ahead, in seconds.
const AGE: i64 = 300;

/// The result of looking at a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignatureCheck {
    /// It is signed by Slack, and new.
    New,
    /// It is a retry by Slack of a request that was accepted before.
    Again,
    /// It is not signed by Slack, too old, or a copy.
    Refused,
}

/// The accepted requests, for as long as they could be sent again.
#[derive(Debug, Default)]
pub(crate) struct ReplayGuard(Mutex<SeenRequests>);

#[derive(Debug, Default)]
struct SeenRequests {
    signatures: HashMap<[u8; 32], Timestamp>,
    bodies: HashMap<Digest, Timestamp>,
}

impl ReplayGuard {
    /// Verifies a request before it is parsed: its signature over time and body, its age, and
    /// whether it was accepted before.
    ///
    /// Slack's own retry is distinguished from a copy by its header, or by a new signature over the
    /// same body. Neither decides anything; only the response differs.
    pub(crate) fn verify(
        &self,
        secret: &SecretText,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> SignatureCheck {
        let Some((time, signature)) = claimed(headers) else { return SignatureCheck::Refused };
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()) else {
            return SignatureCheck::Refused;
        };
        mac.update(b"v0:");
        mac.update(time.as_bytes());
        mac.update(b":");
        mac.update(body);
        // Compares in constant time.
        if mac.verify_slice(&signature).is_err() {
            return SignatureCheck::Refused;
        }
        let is_of_now = time
            .parse()
            .is_ok_and(|time: i64| now.as_second().abs_diff(time) <= AGE.unsigned_abs());
        if !is_of_now {
            return SignatureCheck::Refused;
        }
        // Looked up and noted under one lock: of two copies at once, one is new.
        let mut seen_requests = self.lock();
        seen_requests.forget(now);
        let is_copy = seen_requests.signatures.insert(signature, now).is_some();
        let is_known = seen_requests.bodies.insert(Digest::of(body), now).is_some();
        match (is_copy, is_known) {
            (true, _) if !headers.contains_key(RETRY) => SignatureCheck::Refused,
            (true, _) | (false, true) => SignatureCheck::Again,
            (false, false) => SignatureCheck::New,
        }
    }

    fn lock(&self) -> MutexGuard<'_, SeenRequests> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SeenRequests {
    /// Drops old requests. A request that was ahead of our clock could be sent again for twice the
    /// age limit.
    fn forget(&mut self, now: Timestamp) {
        let is_near = |seen_at: &Timestamp| {
            now.as_second().abs_diff(seen_at.as_second()) <= 2 * AGE.unsigned_abs()
        };
        self.signatures.retain(|_, taken| is_near(taken));
        self.bodies.retain(|_, taken| is_near(taken));
    }
}

/// The time and the signature that the headers have, each once.
fn claimed(headers: &HeaderMap) -> Option<(&str, [u8; 32])> {
    let once = |name: &HeaderName| {
        let mut all = headers.get_all(name).iter();
        match (all.next(), all.next()) {
            (Some(value), None) => value.to_str().ok(),
            _ => None,
        }
    };
    let time = once(&TIME).filter(|time| {
        (1..=12).contains(&time.len()) && time.bytes().all(|c| c.is_ascii_digit())
    })?;
    Some((time, hex(once(&SIGNATURE)?.strip_prefix("v0=")?)?))
}

fn hex(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits
        .chunks_exact(2)
        .filter_map(|pair| pair.first().zip(pair.last()))
        .map(|(high, low)| high << 4 | low)
        .collect();
    if digits.len() == 64 { bytes.try_into().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Slack's documentation.
    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow\
                        &channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA\
                        &user_name=roadrunner&command=%2Fwebhook-collect&text=\
                        &response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J\
                        %2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN\
                        &trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SIGNED: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_request_is_taken_with_slacks_own_example() {
        let sent =
            headers(&[("x-slack-signature", SIGNED), ("x-slack-request-timestamp", "1531420618")]);
        let verify = |headers: &HeaderMap, body: &str, now| {
            ReplayGuard::default().verify(
                &SecretText::new(SECRET),
                headers,
                body.as_bytes(),
                at(now),
            )
        };
        for now in [1_531_420_318, 1_531_420_618, 1_531_420_918] {
            assert_eq!(verify(&sent, BODY, now), SignatureCheck::New);
        }
        for now in [1_531_420_317, 1_531_420_919, 0] {
            assert_eq!(verify(&sent, BODY, now), SignatureCheck::Refused, "{now}");
        }
        assert_eq!(verify(&sent, &format!("{BODY}&"), 1_531_420_618), SignatureCheck::Refused);
        let (bare, half) = (SIGNED.replace("v0=", ""), SIGNED.chars().take(65).collect::<String>());
        let longer = format!("{SIGNED}00");
        for wrong in [
            headers(&[("x-slack-signature", SIGNED)]),
            headers(&[("x-slack-request-timestamp", "1531420618")]),
            headers(&[("x-slack-signature", SIGNED), ("x-slack-request-timestamp", "1531420619")]),
            headers(&[("x-slack-signature", SIGNED), ("x-slack-request-timestamp", "+1531420618")]),
            headers(&[("x-slack-signature", SIGNED), ("x-slack-request-timestamp", "")]),
            headers(&[("x-slack-signature", &bare), ("x-slack-request-timestamp", "1531420618")]),
            headers(&[("x-slack-signature", &half), ("x-slack-request-timestamp", "1531420618")]),
            headers(&[("x-slack-signature", &longer), ("x-slack-request-timestamp", "1531420618")]),
            headers(&[("x-slack-signature", "v0="), ("x-slack-request-timestamp", "1531420618")]),
            headers(&[
                ("x-slack-signature", SIGNED),
                ("x-slack-signature", SIGNED),
                ("x-slack-request-timestamp", "1531420618"),
            ]),
        ] {
            assert_eq!(verify(&wrong, BODY, 1_531_420_618), SignatureCheck::Refused, "{wrong:?}");
        }
    }

    #[test]
    fn a_copy_is_refused_and_slacks_own_second_try_does_nothing() {
        let (guard, secret, now) =
            (ReplayGuard::default(), SecretText::new(SECRET), at(1_531_420_618));
        let sent = [("x-slack-signature", SIGNED), ("x-slack-request-timestamp", "1531420618")];
        let verify =
            |headers: &HeaderMap, now| guard.verify(&secret, headers, BODY.as_bytes(), now);
        assert_eq!(verify(&headers(&sent), now), SignatureCheck::New);
        assert_eq!(verify(&headers(&sent), now), SignatureCheck::Refused);
        let again = headers(&[sent[0], sent[1], ("x-slack-retry-num", "1")]);
        assert_eq!(verify(&again, now), SignatureCheck::Again);
        assert_eq!(
            verify(&headers(&sent), at(1_531_420_918)),
            SignatureCheck::Refused,
            "as long as it is young enough"
        );
    }
}
