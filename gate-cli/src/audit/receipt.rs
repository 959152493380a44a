//! Receipts: proofs of what happened to one call, for anyone who has only the public key.

use std::collections::BTreeSet;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::Path;

use gate_runtime::GateKey;
use gate_runtime::audit::{EntryProof, LogKeys, Receipt};
use gate_runtime::id::ApprovalId;
use gate_runtime::records::{CallEvent, Record, RecordEvent, TrailEntry};
use gate_runtime::run::CallSubject;
use gate_runtime::tool::{Arguments, CommitmentKeys};
use gate_runtime::trail::{ReceiptEntry, TrailReader, VerifiedReceipt};
use serde_json::{Value, json};

use super::{CommandResult, keys_in_folder, open, public_key, witnesses};
use crate::args::{AuditArgs, CallArg, Cli};
use crate::context::CommandContext;
use crate::error::CommandError;
use crate::output::{OutputFormat, plain, plural, summarize_record};
use crate::parse::value_of;

pub(super) fn receipt(args: &AuditArgs, id: &str) -> CommandResult {
    let reader = open(args)?;
    let receipt = of_call(&reader, id, |_, evidence| Ok(evidence))?;
    Ok(std::io::stdout().write_all(receipt.to_string().as_bytes())?)
}

/// Returns the receipt of a call: every entry about it.
fn of_call(
    reader: &TrailReader,
    id: &str,
    mut add: impl FnMut(&Record, EntryProof) -> Result<EntryProof, CommandError>,
) -> Result<Receipt, CommandError> {
    let end = id.trim_start_matches('…').to_ascii_lowercase();
    if end.len() < 4 {
        return Err(CommandError::Usage("type at least four characters of the id".to_owned()));
    }
    let found = reader.about(&end)?;
    let subjects = found.iter().filter_map(|(_, record)| record.as_ref()?.subject());
    let calls: BTreeSet<ApprovalId> = subjects.map(CallSubject::approval).collect();
    match calls.len() {
        0 => {
            return Err(CommandError::Missing(format!(
                "no sealed call ends with {}: type the whole id",
                plain(&end)
            )));
        }
        1 => {}
        _ => {
            return Err(CommandError::Missing(format!(
                "more than one call ends with {}: type more of the id",
                plain(&end)
            )));
        }
    }
    let evidence = found.into_iter().map(|(index, record)| match record {
        Some(record) => add(&record, reader.evidence(index)?),
        None => Ok(reader.evidence(index)?),
    });
    Ok(Receipt::new(evidence.collect::<Result<_, _>>()?, reader.note().clone())?)
}

pub(super) async fn disclose(
    cli: &Cli,
    args: &AuditArgs,
    call: &CallArg,
    field: &str,
    key: Option<&Path>,
) -> CommandResult {
    let context = CommandContext::read_only(cli).await?;
    let approval = context.interruption(call).await?.approval().clone();
    let arguments = [approval.arguments(), approval.proposed()];
    let keys = &commitment_keys(key, approval.proposed())?;
    let refused = |error: gate_runtime::tool::SchemaError| CommandError::Refused(error.to_string());
    // Checked before the user types anything secret.
    for known in arguments {
        known.check_disclosable(field, keys).map_err(refused)?;
    }
    let typed = if std::io::stdin().is_terminal() {
        rpassword::prompt_password(format!("The secret at {}: ", plain(field)))?
    } else {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        text
    };
    let typed = typed.trim_end_matches(['\r', '\n']);
    // The typed secret may be text or a JSON value.
    let open = |value: &Value| approval.proposed().disclose(field, value, keys);
    let disclosure =
        open(&Value::from(typed)).or_else(|_| open(&value_of(typed))).map_err(refused)?;
    let reader = self::open(args)?;
    let receipt = of_call(&reader, &approval.id().to_string(), |record, evidence| {
        let shows = matches!(
            record.event(),
            RecordEvent::Call(CallEvent::Assessed { arguments, .. })
                if arguments.check(&disclosure).is_ok()
        );
        Ok(if shows { evidence.with(disclosure.to_string()) } else { evidence })
    })?;
    Ok(std::io::stdout().write_all(receipt.to_string().as_bytes())?)
}

/// Returns the keys that open the secrets of a call. They come from the gate's key, which is read
/// from a file or a variable, and never from the command line, where other programs see it.
/// Commitments of earlier versions need none.
fn commitment_keys(
    file: Option<&Path>,
    arguments: &Arguments,
) -> Result<CommitmentKeys, CommandError> {
    let known = match file {
        Some(file) => Some(GateKey::read(file)?),
        None => GateKey::from_env("GATE_KEY")?,
    };
    if let Some(key) = known {
        return Ok(key.into());
    }
    let none = CommitmentKeys::from(GateKey::random());
    if arguments.secrets().iter().any(|secret| secret.lacks_key(&none)) {
        let message = "only the key of the gate opens the secrets of this call: name the key's \
            file with --gate-key or GATE_KEY_FILE, or put the key into the variable GATE_KEY";
        return Err(CommandError::Usage(message.to_owned()));
    }
    Ok(none)
}

pub(super) fn verify(cli: &Cli, args: &AuditArgs, file: &Path) -> CommandResult {
    let bytes = if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes)?;
        bytes
    } else {
        std::fs::read(file)
            .map_err(|error| CommandError::Trouble(format!("{}: {error}", file.display())))?
    };
    let receipt = Receipt::parse(&bytes)?;
    let keys = if args.trail.join("keys").is_dir() {
        keys_in_folder(args)?
    } else {
        let key = public_key(&args.key)?;
        let origin = key.name().to_owned();
        LogKeys::new(&origin, key)?
    };
    let verified = VerifiedReceipt::verify(&receipt, &keys, &witnesses(args)?)?;
    let (origin, size) = (
        verified.checkpoint().checkpoint().origin().to_owned(),
        verified.checkpoint().head().size(),
    );
    let calls = verified.calls();
    match OutputFormat::of(cli.json) {
        OutputFormat::Programs => {
            let entry = |receipt_entry: &ReceiptEntry| match receipt_entry.entry() {
                TrailEntry::Reset(reset) => json!({"index": receipt_entry.index(), "break": reset}),
                _ => {
                    json!({
                        "index": receipt_entry.index(),
                        "record": receipt_entry.record(),
                        "disclosed": receipt_entry.disclosed(),
                    })
                }
            };
            let only = if calls.len() == 1 { calls.first() } else { None };
            OutputFormat::Programs.done(
                "",
                &json!({
                    "approval": only,
                    "calls": calls,
                    "trail": origin,
                    "entries": size,
                    "records": verified.entries().iter().map(entry).collect::<Vec<_>>(),
                }),
            )
        }
        OutputFormat::People => {
            let about = |call: Option<ApprovalId>| {
                let is_about =
                    |shown: &&ReceiptEntry| shown.call() == call || shown.record().is_none();
                verified.entries().iter().filter(is_about).collect::<Vec<_>>()
            };
            let mut stories: Vec<String> = calls
                .iter()
                .map(|id| receipt_report(Some(*id), (&origin, size), &about(Some(*id))))
                .collect();
            // Records that are not about a call, such as the grant that covered one, are reported
            // separately.
            if calls.is_empty()
                || verified
                    .entries()
                    .iter()
                    .any(|shown| shown.record().is_some() && shown.call().is_none())
            {
                stories.push(receipt_report(None, (&origin, size), &about(None)));
            }
            OutputFormat::People.done(&stories.join("\n\n"), &Value::Null)
        }
    }
}

/// Describes the history in the records, for people.
fn receipt_report(
    id: Option<ApprovalId>,
    (origin, size): (&str, u64),
    receipt_entries: &[&ReceiptEntry],
) -> String {
    let mut facts: Vec<(String, String)> = Vec::new();
    let mut lines = Vec::new();
    if let Some(subject) =
        receipt_entries.iter().find_map(|receipt_entry| receipt_entry.record()?.subject())
    {
        let info = subject.info();
        let for_whom =
            info.principal().map(|who| format!(" for {}", plain(who))).unwrap_or_default();
        let case = info.case().map(|case| format!(", case {}", plain(case))).unwrap_or_default();
        facts.push(("tool".to_owned(), plain(subject.tool())));
        facts.push((
            "asked by".to_owned(),
            format!("{}{for_whom}, in run {}{case}", plain(info.agent()), plain(info.run())),
        ));
        facts.extend(
            subject.reasoning().map(|reasoning| ("it claims".to_owned(), plain(reasoning))),
        );
    }
    for receipt_entry in receipt_entries {
        let record = match (receipt_entry.record(), receipt_entry.entry()) {
            (Some(record), _) => record,
            (None, TrailEntry::Reset(reset)) => {
                let (at, next, by, why) =
                    (reset.at(), reset.next(), plain(reset.by()), plain(reset.reason()));
                lines.push(format!(
                    "! {at:.0}: database and trail differed at record {next}, \
                    settled by {by}: {why}"
                ));
                continue;
            }
            (None, _) => continue,
        };
        lines.push(
            format!("  {:.0}  {:<11} {}", record.at(), record.kind(), summarize_record(record))
                .trim_end()
                .to_owned(),
        );
        if let RecordEvent::Call(CallEvent::Assessed { arguments, assessment, .. }) = record.event()
        {
            let arguments = arguments.to_json();
            let value = arguments.as_object().into_iter().flatten();
            facts.extend(value.map(|(name, value)| (plain(name), plain(value.to_string()))));
            facts.extend(receipt_entry.disclosed().iter().map(|open| {
                (plain(open.field()), format!("is {}", plain(open.value().to_string())))
            }));
            lines.extend(
                assessment.rules().map(|rule| format!("      {}", plain(rule.to_string()))),
            );
        }
    }
    let width = facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).min(32);
    let facts = facts.iter().map(|(name, what)| format!("  {name:<width$}  {what}"));
    let entry_text = match receipt_entries {
        [only] => format!("entry {}", only.index()),
        all => {
            let (first, last) = (
                all.first().map_or(0, |call| call.index()),
                all.last().map_or(0, |call| call.index()),
            );
            let records = all.iter().filter(|call| call.record().is_some()).count();
            format!("{}, between entries {first} and {last}", plural(records as u64, "record"))
        }
    };
    let head = id.map_or_else(
        || "Receipt of records that are about no call".to_owned(),
        |id| format!("Receipt of the call {id}"),
    );
    let end = format!(
        "Verified: {entry_text} of the {size} that {} has signed. Later entries are not in it.",
        plain(origin)
    );
    let lines = [head]
        .into_iter()
        .chain(facts)
        .chain([String::new()])
        .chain(lines)
        .chain([String::new(), end]);
    lines.collect::<Vec<_>>().join("\n")
}
