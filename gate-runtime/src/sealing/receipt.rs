//! Verifies a receipt: that its entries are in the tree, and follow from each other.

use std::collections::BTreeSet;

use gate_audit::{EntryProof, LogKeys, Receipt, VerifiedCheckpoint, WitnessPolicy};
use gate_core::approval::Decision;
use gate_core::call::{Arguments, SecretDisclosure};
use gate_core::id::ApprovalId;
use gate_core::records::{CallEvent, Record, RecordEvent, TrailEntry};
use gate_core::text::SchemaError;

use super::error::TrailError;
use crate::logic::audit::Auditor;

/// A verified receipt: its entries are in the tree that the log has signed, and for each call they
/// are complete from its first entry to the last one in the receipt.
///
/// # Security
/// A receipt does not show events after the last record of a call, nor between its last record
/// before a reset entry and that entry. Calls from before records were numbered show no gap if the
/// remaining records follow from each other.
///
/// ```
/// use gate_runtime::audit::{LogKeys, Receipt, WitnessPolicy};
/// use gate_runtime::trail::{TrailError, VerifiedReceipt};
/// fn calls(file: &[u8], keys: &LogKeys) -> Result<usize, TrailError> {
///     let receipt =
///         VerifiedReceipt::verify(&Receipt::parse(file)?, keys, &WitnessPolicy::none())?;
///     Ok(receipt.calls().len())
/// }
/// # let _ = calls;
/// ```
#[derive(Debug)]
pub struct VerifiedReceipt {
    checkpoint: VerifiedCheckpoint,
    entries: Vec<ReceiptEntry>,
}

/// A verified entry of a receipt.
///
/// ```
/// # fn show(entry: &gate_runtime::trail::ReceiptEntry) {
/// println!(
///     "entry {}: {}, with {} secrets",
///     entry.index(),
///     entry.entry(),
///     entry.disclosed().len()
/// );
/// # }
/// ```
#[derive(Debug)]
pub struct ReceiptEntry {
    index: u64,
    entry: TrailEntry,
    disclosed: Vec<SecretDisclosure>,
}

impl ReceiptEntry {
    /// Returns its index in the trail.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Returns its content: a record, even if the record is beside the tree, or a reset entry.
    #[must_use]
    pub fn entry(&self) -> &TrailEntry {
        &self.entry
    }

    /// Returns its record, if it is one.
    #[must_use]
    pub fn record(&self) -> Option<&Record> {
        match &self.entry {
            TrailEntry::Record(record) => Some(record),
            _ => None,
        }
    }

    /// Returns the call that it is about, if it is about one.
    #[must_use]
    pub fn call(&self) -> Option<ApprovalId> {
        Some(self.record()?.subject()?.approval())
    }

    /// Returns the secrets of its record that the receipt discloses, each verified.
    #[must_use]
    pub fn disclosed(&self) -> &[SecretDisclosure] {
        &self.disclosed
    }

    fn read(evidence: &EntryProof) -> Result<Self, SchemaError> {
        let mut attached = evidence.attachments().iter();
        let entry = match TrailEntry::parse(evidence.entry().as_bytes())? {
            TrailEntry::Digest(digest_entry) => {
                let text = attached.next().map(String::as_str).unwrap_or_default();
                TrailEntry::Record(Box::new(TrailEntry::parse_beside(
                    &digest_entry,
                    text.as_bytes(),
                )?))
            }
            entry => entry,
        };
        let mut disclosed = Vec::new();
        for line in attached {
            let disclosure: SecretDisclosure = line.parse()?;
            let arguments = arguments(&entry);
            let arguments = arguments
                .ok_or_else(|| SchemaError::new("", "it has no secrets that could be shown"))?;
            arguments.check(&disclosure)?;
            disclosed.push(disclosure);
        }
        Ok(Self { index: evidence.index(), entry, disclosed })
    }
}

/// Returns the arguments with the secret commitments of an entry.
fn arguments(entry: &TrailEntry) -> Option<&Arguments> {
    let TrailEntry::Record(record) = entry else { return None };
    match record.event() {
        RecordEvent::Call(CallEvent::Assessed { arguments, .. }) => Some(arguments),
        RecordEvent::Call(CallEvent::Voted { vote }) => match vote.decision() {
            Decision::Edit { arguments } => Some(arguments),
            _ => None,
        },
        _ => None,
    }
}

impl VerifiedReceipt {
    /// Verifies a receipt: the signature, the proofs, the disclosed secrets, and that its records
    /// could have happened in this order.
    ///
    /// # Errors
    /// [`TrailError::Audit`] if the signature or a proof does not hold, [`TrailError::Entry`] if an
    /// entry cannot be read, [`TrailError::Replay`] if an entry cannot have happened, or does not
    /// come next.
    pub fn verify(
        receipt: &Receipt,
        keys: &LogKeys,
        witnesses: &WitnessPolicy,
    ) -> Result<Self, TrailError> {
        let checkpoint = receipt.verify(keys, witnesses)?;
        let mut auditor = Auditor::of_picked();
        let mut entries = Vec::with_capacity(receipt.evidence().len());
        for evidence in receipt.evidence() {
            let index = evidence.index();
            let entry = ReceiptEntry::read(evidence)
                .map_err(|problem| TrailError::Entry { index, problem })?;
            auditor
                .take_at(index, entry.entry())
                .map_err(|error| TrailError::Replay { index, problem: error })?;
            entries.push(entry);
        }
        Ok(Self { checkpoint, entries })
    }

    /// Returns the checkpoint against which it was verified.
    pub fn checkpoint(&self) -> &VerifiedCheckpoint {
        &self.checkpoint
    }

    /// Returns the entries, in order.
    #[must_use]
    pub fn entries(&self) -> &[ReceiptEntry] {
        &self.entries
    }

    /// Returns the calls of its records.
    #[must_use]
    pub fn calls(&self) -> BTreeSet<ApprovalId> {
        self.entries.iter().filter_map(ReceiptEntry::call).collect()
    }
}
