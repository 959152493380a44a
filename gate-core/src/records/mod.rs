//! Records of what happened, the entries of the trail that keep them, and deliveries of them.

pub(crate) mod entry;
pub(crate) mod event;
pub(crate) mod letter;
pub(crate) mod record;

pub use entry::{Break, Entry, Leaf, Stub};
pub use event::{CallEvent, Event, GateEvent, ToolNote};
#[doc(hidden)]
pub use letter::LEASE;
pub use letter::{Delivery, DeliveryState};
pub use record::Record;
