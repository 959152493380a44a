//! Records of events, trail entries, and deliveries.

pub(crate) mod delivery;
pub(crate) mod entry;
pub(crate) mod event;
pub(crate) mod record;

#[doc(hidden)]
pub use delivery::LEASE;
pub use delivery::{Delivery, DeliveryState};
pub use entry::{DigestEntry, ResetEntry, TrailEntry, TrailLeaf};
pub use event::{CallEvent, GateEvent, RecordEvent, ToolNote};
pub use record::Record;
