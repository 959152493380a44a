//! Links for mails and messages: to one call as it was shown, for one answer, for a limited time,
//! usable once.

mod key;
mod used_links;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gate_runtime::id::{ApprovalId, Digest};
use gate_runtime::{Approval, Timestamp};
pub use key::LinkKey;
use used_links::UsedLinks;

use super::setting::{BadSetting, base};

/// The default lifetime of a link.
const LASTS: Duration = Duration::from_hours(24);

/// The number of signed bytes: version, answer, approval, digest of what was shown, end, and the
/// recipient.
const SIGNED: usize = 1 + 1 + 16 + 32 + 8 + 8;
const VERSION: u8 = 1;

/// The purpose of a link.
///
/// ```
/// # fn show(
/// #     links: &gate_inbox::Links,
/// #     approval: &gate_runtime::Approval,
/// #     now: gate_runtime::Timestamp,
/// # ) {
/// use gate_inbox::Intent;
/// println!("Reject it: {}", links.to(approval, Intent::Reject, "for dana", now));
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// To approve it.
    Approve,
    /// To reject it.
    Reject,
    /// To look at it.
    Open,
}

impl Intent {
    fn code(self) -> u8 {
        match self {
            Self::Approve => b'a',
            Self::Reject => b'r',
            Self::Open => b'o',
        }
    }

    fn of(code: u8) -> Option<Self> {
        [Self::Approve, Self::Reject, Self::Open].into_iter().find(|intent| intent.code() == code)
    }
}

/// Makes links into an inbox, and verifies them.
///
/// A link decides nothing: it leads to signing in, and then to a page that describes the decision.
/// Only the form there decides, and uses the link up. A person who opens somebody else's link
/// decides as themselves, or not at all.
///
/// ```
/// use gate_inbox::{LinkKey, Links};
/// use gate_runtime::policy::hours;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let file = folder.path().join("links.key");
/// let links = Links::new(LinkKey::in_file(&file)?, "https://gate.example.com")?.lasting(hours(8));
/// // The notifier's and the inbox's may be two.
/// let the_same = Links::new(LinkKey::in_file(&file)?, "https://gate.example.com")?;
/// # let _ = (links, the_same);
/// # Ok(()) }
/// ```
///
/// # Security
/// A link is signed by HMAC-SHA-256 with a key of 256 random bits, and contains the digest of what
/// was shown when it was made: a call that has changed since is not decided by it. Used links are
/// recorded in files beside the key, which all processes with the key share.
#[derive(Clone)]
pub struct Links {
    key: LinkKey,
    inbox: Arc<str>,
    lasts: Duration,
}

/// A link with a valid signature that has not expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SignedLink {
    pub(crate) intent: Intent,
    pub(crate) approval: ApprovalId,
    pub(crate) shown: Digest,
    ends: Timestamp,
    /// The digest that is recorded when it is used.
    digest: Digest,
}

/// Why a link is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadLink {
    /// Its signature is invalid.
    NotOurs,
    /// It has expired.
    Over,
}

impl Links {
    /// Creates links into the inbox at this address.
    ///
    /// # Errors
    /// [`BadSetting`], if it is no address.
    pub fn new(key: LinkKey, inbox: &str) -> Result<Self, BadSetting> {
        Ok(Self { key, inbox: base(inbox)?, lasts: LASTS })
    }

    /// Sets the lifetime of a link. Defaults to a day.
    #[must_use]
    pub fn lasting(mut self, time: Duration) -> Self {
        self.lasts = time;
        self
    }

    /// Returns a link to a call as it is now. Links for different people differ, so that each is
    /// used up separately; the same arguments give the same link.
    #[must_use]
    pub fn to(
        &self,
        approval: &Approval,
        intent: Intent,
        recipient: &str,
        now: Timestamp,
    ) -> String {
        let ends = now.checked_add(self.lasts).unwrap_or(Timestamp::MAX).as_second();
        let mut bytes = vec![VERSION, intent.code()];
        bytes.extend(bytes_of(approval.id()));
        bytes.extend(approval.shown().as_bytes());
        bytes.extend(ends.to_be_bytes());
        bytes.extend(Digest::of(recipient).as_bytes().iter().take(8));
        bytes.extend(self.key.sign(&bytes));
        format!("{}/link/{}", self.inbox, URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Parses a link, after its signature was verified.
    pub(crate) fn read(&self, token: &str, now: Timestamp) -> Result<SignedLink, BadLink> {
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| BadLink::NotOurs)?;
        let (signed, signature) = bytes.split_at_checked(SIGNED).ok_or(BadLink::NotOurs)?;
        if !self.key.is_signed(signed, signature) {
            return Err(BadLink::NotOurs);
        }
        let link = parse(signed).ok_or(BadLink::NotOurs)?;
        if now < link.ends { Ok(link) } else { Err(BadLink::Over) }
    }

    /// Returns whether a link was used.
    ///
    /// # Errors
    /// If the record of used links cannot be read.
    pub(crate) fn is_used(&self, link: &SignedLink) -> std::io::Result<bool> {
        UsedLinks::beside(self.key.path()).has(link.ends, link.digest)
    }

    /// Uses a link. Returns `false` if it was used before.
    ///
    /// # Errors
    /// If its use cannot be recorded: then it must not be used.
    pub(crate) fn consume(&self, link: &SignedLink, now: Timestamp) -> std::io::Result<bool> {
        UsedLinks::beside(self.key.path()).consume(link.ends, link.digest, now)
    }
}

fn bytes_of(id: ApprovalId) -> [u8; 16] {
    // 32 digits are 128 bits.
    let number = u128::from_str_radix(&id.to_string().replace('-', ""), 16).unwrap_or_default();
    number.to_be_bytes()
}

fn parse(signed: &[u8]) -> Option<SignedLink> {
    let (head, rest) = signed.split_first_chunk::<2>()?;
    let (id, rest) = rest.split_first_chunk::<16>()?;
    let (digest, rest) = rest.split_first_chunk::<32>()?;
    let (ends, _) = rest.split_first_chunk::<8>()?;
    let [VERSION, code] = *head else { return None };
    let digits = format!("{:032x}", u128::from_be_bytes(*id));
    let (high, low) = digest.split_at(16);
    let digits_of =
        |half: &[u8]| half.iter().fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    Some(SignedLink {
        intent: Intent::of(code)?,
        approval: digits.parse().ok()?,
        shown: format!("sha256:{:032x}{:032x}", digits_of(high), digits_of(low)).parse().ok()?,
        ends: Timestamp::from_second(i64::from_be_bytes(*ends)).ok()?,
        digest: Digest::of(signed),
    })
}

impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Links")
            .field("inbox", &self.inbox)
            .field("lasts", &self.lasts)
            .finish_non_exhaustive()
    }
}
