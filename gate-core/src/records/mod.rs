//! Records of what happened, the entries of the trail that keep them, and deliveries of them.

pub(crate) mod delivery;
pub(crate) mod entry;
pub(crate) mod event;
pub(crate) mod record;

#[doc(hidden)]
pub use delivery::LEASE;
pub use delivery::{Delivery, DeliveryState};
pub use entry::{DigestEntry, Entry, Leaf, ResetEntry};
pub use event::{CallEvent, Event, GateEvent, ToolNote};
pub use record::Record;
