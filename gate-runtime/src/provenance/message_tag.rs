//! Tags of messages, by which a process recognizes messages of another process.

use gate_core::call::{Message, Speaker};
use gate_core::id::RunId;
use gate_core::text::hex;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The tag of a message: a keyed hash, so that a reader of the store cannot guess messages by
/// trial. It depends on the run, so that equal messages of different runs have different tags.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct MessageTag([u8; 8]);

impl MessageTag {
    pub(crate) fn to_text(self) -> String {
        hex(&self.0)
    }
}

/// The key for the tags of one run.
pub(super) struct TagKey {
    pub(super) key: [u8; 32],
    pub(super) run: RunId,
}

impl TagKey {
    /// Returns the tag of a message of a trusted speaker.
    pub(super) fn message_tag(&self, message: &Message) -> MessageTag {
        self.mark(
            if *message.speaker() == Speaker::User { "user" } else { "system" },
            message.text(),
        )
    }

    /// Returns the tag of a summary.
    pub(super) fn summary_tag(&self, text: &str) -> MessageTag {
        self.mark("summary", text.trim())
    }

    fn mark(&self, what: &str, text: &str) -> MessageTag {
        // The key is padded to the length of a block, as HMAC pads a shorter key.
        let mut block = [0; 64];
        block.iter_mut().zip(self.key).for_each(|(byte, of)| *byte = of);
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(format!("gate heard {what} in {}\n", self.run).as_bytes());
        mac.update(text.as_bytes());
        let mut cursor = [0; 8];
        cursor.iter_mut().zip(mac.finalize().into_bytes()).for_each(|(byte, of)| *byte = of);
        MessageTag(cursor)
    }
}
