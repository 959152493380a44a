//! Records of events, trail entries, and deliveries.

pub(crate) mod delivery;
pub(crate) mod event;
pub(crate) mod record;
pub(crate) mod trail_entry;

#[doc(hidden)]
pub use delivery::LEASE;
pub use delivery::{Delivery, DeliveryState};
pub use event::{CallEvent, GateEvent, RecordEvent, ToolNote};
pub use record::Record;
pub use trail_entry::{DigestEntry, ResetEntry, TrailEntry, TrailLeaf};
