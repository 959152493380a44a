//! The types that a tool's summary can write in a format: `{amount_cents:cents}`.
//!
//! Set a summary with [`#[gated_tool(summary = "…")]`](macro@crate::gated_tool). It is the headline
//! of every question about the tool's calls. The compiler checks that the type of each argument has
//! the format that the summary names. If serde writes a type of your own as a type that has the
//! format, implement the format's trait for it, in one line.
//!
//! ```
//! use gate_runtime::prelude::*;
//!
//! /// An amount in cents.
//! #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
//! #[serde(transparent)]
//! pub struct Money(u64);
//!
//! impl gate_runtime::tool::summary::Cents for Money {}
//!
//! /// Refund an order.
//! #[gated_tool(policy = "always_ask", summary = "Refund {amount:cents} € for order {order_id}")]
//! fn refund(order_id: String, amount: Money) -> String {
//!     format!("refunded {} cents of {order_id}", amount.0)
//! }
//!
//! let call = serde_json::json!({ "order_id": "A-1001", "amount": 1_234_500 });
//! let summary = Refund::descriptor().summary().unwrap().fill(&call, &|_| false);
//! assert_eq!(summary.to_string(), "Refund 12,345.00 € for order A-1001");
//! ```

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use gate_core::Timestamp;
use jiff::SignedDuration;
use jiff::civil::{Date, DateTime};

/// Marks a type that serde writes as a whole number of cents: `{amount:cents}` is `12,345.00`.
#[diagnostic::on_unimplemented(
    message = "`:cents` of a summary takes a whole number, and `{Self}` is not one",
    label = "`{Self}` is no whole number of cents",
    note = "leave `:cents` out; a type of your own that serde writes as a whole number has it by \
        `impl gate_runtime::tool::summary::Cents for YourType {{}}`"
)]
pub trait Cents {}

/// Marks a type that serde writes as a whole number of bytes: `{size:bytes}` is `1.5 MB`.
#[diagnostic::on_unimplemented(
    message = "`:bytes` of a summary takes a whole number, and `{Self}` is not one",
    label = "`{Self}` is no whole number of bytes",
    note = "leave `:bytes` out; a type of your own that serde writes as a whole number has it by \
        `impl gate_runtime::tool::summary::Bytes for YourType {{}}`"
)]
pub trait Bytes {}

/// Marks a type that serde writes as a point in time, as a text (RFC 3339) or in seconds since
/// 1970: `{at:time}` is `20 May 2024, 10:00 UTC`.
#[diagnostic::on_unimplemented(
    message = "`:time` of a summary takes a point in time, and `{Self}` is not one",
    label = "`{Self}` is no point in time",
    note = "leave `:time` out; a type of your own that serde writes as RFC 3339 or in seconds has \
        it by `impl gate_runtime::tool::summary::Time for YourType {{}}`"
)]
pub trait Time {}

/// Marks a type that serde writes as a length of time, in seconds or as a text (ISO 8601):
/// `{wait:duration}` is `90 minutes`.
#[diagnostic::on_unimplemented(
    message = "`:duration` of a summary takes a length of time, and `{Self}` is not one",
    label = "`{Self}` is no length of time",
    note = "leave `:duration` out; a type of your own that serde writes in seconds or as ISO 8601 \
        has it by `impl gate_runtime::tool::summary::Duration for YourType {{}}`"
)]
pub trait Duration {}

/// Marks a type that serde writes as a text: `{command:code}` is set apart as a piece of code.
#[diagnostic::on_unimplemented(
    message = "`:code` of a summary takes a text, and `{Self}` is not one",
    label = "`{Self}` is no text",
    note = "leave `:code` out; a type of your own that serde writes as a text has it by `impl \
        gate_runtime::tool::summary::Code for YourType {{}}`"
)]
pub trait Code {}

macro_rules! implement {
    ($($format:ident: $($of:ty),*;)*) => {$(
        $(impl $format for $of {})*
        impl<T: $format> $format for Option<T> {}
        impl<T: $format> $format for Box<T> {}
    )*};
}

implement! {
    Cents: u8, u16, u32, u64, usize, i8, i16, i32, i64, isize;
    Bytes: u8, u16, u32, u64, usize, i8, i16, i32, i64, isize;
    Time: u32, u64, i32, i64, String, Box<str>, Arc<str>, Cow<'static, str>, Timestamp, Date,
        DateTime;
    Duration: u8, u16, u32, u64, usize, i8, i16, i32, i64, isize, String, core::time::Duration,
        SignedDuration;
    Code: String, Box<str>, Arc<str>, Cow<'static, str>, char, PathBuf;
}

impl<T: Code> Code for Vec<T> {}

/// Checks at a summary that an argument is an amount of cents. Called by generated code.
#[doc(hidden)]
pub const fn cents<T: Cents>(_: &T) {}

/// Checks at a summary that an argument is a number of bytes. Called by generated code.
#[doc(hidden)]
pub const fn bytes<T: Bytes>(_: &T) {}

/// Checks at a summary that an argument is a point in time. Called by generated code.
#[doc(hidden)]
pub const fn time<T: Time>(_: &T) {}

/// Checks at a summary that an argument is a length of time. Called by generated code.
#[doc(hidden)]
pub const fn duration<T: Duration>(_: &T) {}

/// Checks at a summary that an argument is a text. Called by generated code.
#[doc(hidden)]
pub const fn code<T: Code>(_: &T) {}
