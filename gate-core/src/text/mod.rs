//! Texts, numbers and digests: parsing and canonical JSON, untrusted text, and small pieces of
//! English.

pub(crate) mod amount;
pub(crate) mod canonical_json;
pub(crate) mod digest;
#[doc(hidden)]
pub mod english;
pub(crate) mod json;
pub(crate) mod sanitized_text;
pub(crate) mod time;

pub use amount::{Amount, ParseAmountError};
pub use digest::{Digest, ParseDigestError};
#[doc(hidden)]
pub use digest::{hex, unhex};
pub use json::SchemaError;
#[doc(hidden)]
pub use json::{
    ReadLimits, below, canonical, exact_numbers, pointer_to, push_step, read, read_value, step_name,
};
pub use sanitized_text::{SanitizedText, TextHazard};
#[doc(hidden)]
pub use sanitized_text::{hazard, quoted};
#[doc(hidden)]
pub use time::later;
pub use time::{DAY, HOUR, MINUTE, WEEK, days, hours, minutes};
