//! Checks whether signed votes are signed by the people who gave them.

use gate_runtime::FileDirectory;
use gate_runtime::audit::VerifierKey;
use gate_runtime::records::{CallEvent, Record, RecordEvent};

use super::public_key;
use crate::args::Cli;
use crate::error::CommandError;

/// The keys of people, and the numbers of checked and unchecked signed votes.
pub(super) struct SignerKeys {
    keys: Vec<VerifierKey>,
    pub(super) checked: u64,
    pub(super) unchecked: u64,
}

impl SignerKeys {
    pub(super) fn load(cli: &Cli, value: &[String], in_people: bool) -> Result<Self, CommandError> {
        let mut keys = value.iter().map(|key| public_key(key)).collect::<Result<Vec<_>, _>>()?;
        if in_people {
            keys.extend(FileDirectory::open(&cli.people)?.keys()?);
        }
        Ok(Self { keys, checked: 0, unchecked: 0 })
    }

    /// Checks that a signed vote is signed by a key of its reviewer. If no key is known at all, the
    /// vote is counted as unchecked.
    pub(super) fn check(&mut self, record: &Record) -> Result<(), String> {
        let (Some(subject), RecordEvent::Call(CallEvent::Voted { vote })) =
            (record.subject(), record.event())
        else {
            return Ok(());
        };
        if !vote.is_signed() {
            return Ok(());
        }
        if self.keys.is_empty() {
            self.unchecked += 1;
            return Ok(());
        }
        let who = vote.reviewer();
        let mut refused =
            format!("{who} signed the vote, but no key of theirs was given: use `--signer`");
        // A person who had several keys over time signed with one of them.
        for key in self.keys.iter().filter(|key| *who == *key.name()) {
            match vote.verify_signature(subject, key) {
                Ok(()) => {
                    self.checked += 1;
                    return Ok(());
                }
                Err(error) => refused = format!("the signature of {who} is not valid: {error}"),
            }
        }
        Err(refused)
    }
}
