//! Verifies a trail.

use std::path::Path;
use std::sync::Arc;

use gate_runtime::audit::{Checkpoint, LogKeys, Note, TreeHead, WitnessPolicy, prove_consistency};
use gate_runtime::records::TrailEntry;
use gate_runtime::trail::{Auditor, TrailReader};
use serde_json::json;

use super::signer_keys::SignerKeys;
use super::{CommandResult, each, keys_in_folder, open};
use crate::args::{AuditArgs, Cli};
use crate::context::CommandContext;
use crate::error::CommandError;
use crate::output::{OutputFormat, plain, plural};

pub(super) async fn verify(
    cli: &Cli,
    args: &AuditArgs,
    since: Option<&Path>,
    compare: bool,
    mut signers: SignerKeys,
) -> CommandResult {
    let reader = Arc::new(open(args)?);
    let (from, mut auditor) = match since {
        None => (0, Auditor::new()),
        Some(file) => {
            (continues(&reader, &keys_in_folder(args)?, file)?.size(), Auditor::from_here())
        }
    };
    let mut breaks = Vec::new();
    each(&reader, from, |index, bytes| {
        let entry = reader.read(index, bytes)?;
        auditor.take(&entry).map_err(|replay_error| {
            CommandError::Refused(format!("entry {index}, {replay_error}"))
        })?;
        match entry {
            TrailEntry::Reset(reset) => breaks.push(reset),
            TrailEntry::Record(record) => signers.check(&record).map_err(|problem| {
                CommandError::Refused(format!(
                    "entry {index}, record {} (voted): {problem}",
                    record.seq()
                ))
            })?,
            TrailEntry::Digest(_) => {}
        }
        Ok(())
    })?;
    if compare {
        let gate = CommandContext::read_only(cli).await?.gate;
        if let Some(divergence) = gate.compare_with(&reader).await? {
            return Err(CommandError::Refused(format!(
                "the trail is valid, and the database does not match it: {divergence}"
            )));
        }
    }
    let checkpoint = reader.checkpoint();
    let seen: Vec<_> =
        checkpoint.cosignatures().iter().map(|by| by.key().name().to_owned()).collect();
    let root = checkpoint.head().root().to_string();
    let object = json!({
        "trail": checkpoint.checkpoint().origin(),
        "entries": reader.size(),
        "from": from,
        "root": root,
        "records": auditor.records(),
        "calls": auditor.calls(),
        "votes": auditor.votes(),
        "signed_votes": {"checked": signers.checked, "unchecked": signers.unchecked},
        "breaks": breaks,
        "witnesses": seen,
        "compared": compare,
    });
    let (origin, entries) =
        (plain(checkpoint.checkpoint().origin()), plural(reader.size(), "entry"));
    let head = match from {
        0 => format!("{origin}: valid, all of {entries}."),
        from => {
            format!(
                "{origin}: valid. Of {entries}, those from {from} on were read, and none before \
                 has changed."
            )
        }
    };
    let counts =
        [(auditor.records(), "record"), (auditor.calls(), "call"), (auditor.votes(), "vote")];
    let counts = counts.map(|(count, noun)| plural(count, noun)).join(" · ");
    let mut lines = vec![head, counts, format!("root {root}")];
    if signers.checked > 0 {
        lines.push(format!(
            "{} verified with the given keys",
            plural(signers.checked, "signed vote")
        ));
    }
    if signers.unchecked > 0 {
        let votes = plural(signers.unchecked, "signed vote");
        lines.push(format!("{votes} not verified: add `--signer` with the public keys"));
    }
    if !seen.is_empty() {
        lines.push(format!("cosigned by {}", plain(seen.join(", "))));
    }
    lines.extend(breaks.iter().map(|reset| {
        let (at, next, by, why) =
            (reset.at(), reset.next(), plain(reset.by()), plain(reset.reason()));
        format!("! {at:.0}: database and trail differed at record {next}, settled by {by}: {why}")
    }));
    if compare {
        lines.push("The database has the same records.".to_owned());
    }
    OutputFormat::of(cli.json).done(&lines.join("\n"), &object)
}

/// Checks that the trail continues a checkpoint that the user kept.
fn continues(reader: &TrailReader, keys: &LogKeys, file: &Path) -> Result<TreeHead, CommandError> {
    let kept = Note::parse(&std::fs::read(file)?)?;
    let older = keys.verify(&kept, &WitnessPolicy::none())?.head();
    let newer = reader.checkpoint().head();
    let same_log =
        kept.text().parse::<Checkpoint>()?.origin() == reader.checkpoint().checkpoint().origin();
    if !same_log || older.size() > newer.size() {
        let message = format!(
            "the trail has {} entries, and the checkpoint that you kept has {}: entries were \
             taken away",
            newer.size(),
            older.size()
        );
        return Err(CommandError::Refused(message));
    }
    newer.verify_consistency(
        older,
        &prove_consistency(reader.tiles(), older.size(), newer.size())?,
    )?;
    Ok(older)
}
