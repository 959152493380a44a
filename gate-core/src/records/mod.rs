//! Records of what happened, the entries of the trail that keep them, and deliveries of them.

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
