//! `gate audit`: the trail, for auditors and for its owner.

mod log;
mod receipt;
mod seal;
mod signer_keys;
mod verify;
mod witness;

use std::path::Path;

use gate_runtime::audit::{LogKeys, VerifierKey, WitnessPolicy, read_keys};
use gate_runtime::records::{Record, TrailEntry};
use gate_runtime::trail::TrailReader;
use indicatif::{ProgressBar, ProgressStyle};

use crate::args::{AuditArgs, AuditCommand, Cli, KeyCommand};
use crate::error::{CommandError, CommandResult};
use crate::output::plain;

pub(crate) async fn run(cli: &Cli, args: &AuditArgs) -> CommandResult {
    match &args.what {
        AuditCommand::Verify { since, compare, signers, signers_in_people } => {
            let signers = signer_keys::SignerKeys::load(cli, signers, *signers_in_people)?;
            verify::verify(cli, args, since.as_deref(), *compare, signers).await
        }
        AuditCommand::Receipt { one: call } => receipt::receipt(args, &call.id),
        AuditCommand::VerifyReceipt { file } => receipt::verify(cli, args, file),
        AuditCommand::Disclose { one, field, gate_key } => {
            receipt::disclose(cli, args, one, field, gate_key.as_deref()).await
        }
        AuditCommand::Erase(one) => seal::erase(cli, one).await,
        AuditCommand::Export { tiles, from } => seal::export(args, tiles.as_deref(), *from),
        AuditCommand::Log(query) => log::log(cli, args, query),
        AuditCommand::Seal => seal::seal(cli, args).await,
        AuditCommand::Settle { reason } => seal::settle(cli, args, reason).await,
        AuditCommand::Witness { listen, logs, state } => {
            witness::serve(args, listen, logs, state).await
        }
        AuditCommand::Key { what: KeyCommand::New { name, for_witness } } => {
            seal::new_key(args, name, *for_witness)
        }
        AuditCommand::Key { what: KeyCommand::Gate { file } } => seal::new_gate_key(file),
        AuditCommand::Key { what: KeyCommand::Rotate } => seal::rotate_key(args),
        AuditCommand::Key { what: KeyCommand::Show { pem } } => seal::show_key(args, *pem),
    }
}

/// Parses a public key, or reads it from the named file.
pub(crate) fn public_key(value: &str) -> Result<VerifierKey, CommandError> {
    let file = Path::new(value);
    let text = if file.is_file() { std::fs::read_to_string(file)? } else { value.to_owned() };
    text.trim().parse().map_err(|error| {
        if !value.contains('+') && !file.exists() {
            let message = format!(
                "there is no file {}: name the trail's public key, or the file with it, with \
                 `--key`",
                plain(value)
            );
            return CommandError::Usage(message);
        }
        let message = format!(
            "`{value}` is neither a public key nor a file with one ({error}): give what the \
             trail's owner gave you, like `example.com/refunds+1a2b3c4d+A…`"
        );
        CommandError::Usage(message)
    })
}

fn witnesses(args: &AuditArgs) -> Result<WitnessPolicy, CommandError> {
    let keys = args.witnesses.iter().map(|key| public_key(key)).collect::<Result<Vec<_>, _>>()?;
    // The strictest choice is the default: every named witness must have cosigned.
    let quorum = args.quorum.unwrap_or(keys.len());
    WitnessPolicy::at_least(quorum, keys).map_err(|error| CommandError::Usage(error.to_string()))
}

/// Returns the keys of the trail in the folder, beginning with the given one.
fn keys_in_folder(args: &AuditArgs) -> Result<LogKeys, CommandError> {
    let key = public_key(&args.key)?;
    let origin = key.name().to_owned();
    Ok(read_keys(&args.trail, &origin, key)?)
}

/// Opens the trail and verifies its checkpoint.
fn open(args: &AuditArgs) -> Result<TrailReader, CommandError> {
    Ok(TrailReader::open(&args.trail, &keys_in_folder(args)?, &witnesses(args)?)?)
}

/// Reads every entry from an index on, verified, and shows a progress bar at a terminal.
fn each(
    reader: &TrailReader,
    from: u64,
    mut take: impl FnMut(u64, &[u8]) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    let bar = ProgressBar::new(reader.size().saturating_sub(from));
    if let Ok(style) =
        ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} entries, {eta} to go")
    {
        bar.set_style(style);
    }
    let mut read_count = 0_u64;
    for entry in reader.entries(from) {
        let (index, bytes) = entry?;
        take(index, &bytes)?;
        read_count += 1;
        if read_count.is_multiple_of(1_000) {
            bar.set_position(read_count);
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// Returns the record of an entry, if it is one.
fn record(
    reader: &TrailReader,
    index: u64,
    bytes: &[u8],
) -> Result<Option<Box<Record>>, CommandError> {
    Ok(match reader.read(index, bytes)? {
        TrailEntry::Record(record) => Some(record),
        _ => None,
    })
}
