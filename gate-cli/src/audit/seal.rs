//! The commands with which the owner maintains a trail.

use std::path::Path;
use std::sync::Arc;

use gate_runtime::audit::{KeyKind, SigningKey, TrailWriter};
use gate_runtime::prelude::*;
use gate_runtime::{GateKey, NoTools, Trail};
use serde_json::json;

use super::{CommandResult, each, open};
use crate::args::{AuditArgs, CallArg, Cli};
use crate::context::CommandContext;
use crate::error::CommandError;
use crate::output::{OutputFormat, plain, plural, print_text};

fn trail(args: &AuditArgs) -> Result<Trail, CommandError> {
    Ok(Trail::in_folder(&args.trail, Trail::read_key(&args.secret)?))
}

pub(super) async fn seal(cli: &Cli, args: &AuditArgs) -> CommandResult {
    let store = crate::context::open(cli).await?;
    let gate: Gate<NoTools> = Gate::builder(()).store(store).trail(trail(args)?).build().await?;
    let status = gate.seal().await?;
    if let Some(last_error) = status.last_error() {
        return Err(CommandError::Trouble(last_error.to_owned()));
    }
    let message = format!(
        "Sealed: {}, in {}.",
        plural(status.sealed(), "record"),
        plural(status.size(), "entry")
    );
    OutputFormat::of(cli.json)
        .done(&message, &json!({"sealed": status.sealed(), "entries": status.size()}))
}

pub(super) async fn settle(cli: &Cli, args: &AuditArgs, reason: &str) -> CommandResult {
    let context = CommandContext::for_decisions(cli).await?;
    let me = context.reviewer().await?;
    let orphaned = context.gate.settle_trail(&Arc::new(trail(args)?), &me, reason).await?;
    let row = |call: &gate_runtime::trail::OrphanedCall| {
        let subject = call.subject();
        vec![
            subject.approval().to_string(),
            plain(subject.tool()),
            plain(subject.info().run()),
            plain(subject.call()),
            if call.was_open() {
                "was open: cancelled"
            } else {
                "unknown: taken over from the trail"
            }
            .to_owned(),
        ]
    };
    let object = |call: &gate_runtime::trail::OrphanedCall| {
        json!({
            "call": call.subject(),
            "was_open": call.was_open(),
        })
    };
    if context.format.is_for_people() && !orphaned.is_empty() {
        print_text(
            "According to the trail, but not to the database, these calls started. None of them \
             runs again:\n",
        )?;
    }
    let none = "Settled. The database had not lost any call that started.";
    context.format.list(
        &orphaned,
        &["CALL", "TOOL", "RUN", "ID IN THE RUN", "IN THE DATABASE"],
        row,
        object,
        none,
    )
}

pub(super) async fn erase(cli: &Cli, call: &CallArg) -> CommandResult {
    let context = CommandContext::for_decisions(cli).await?;
    let me = context.reviewer().await?;
    let approval = context.interruption(call).await?.erase_secrets(&me).await?;
    let message = "Erased: nobody can find out the secrets from their commitments by trying values \
        any more. The trail does not change.";
    context.format.done(message, &json!({"erased": approval.id()}))
}

pub(super) fn export(args: &AuditArgs, tiles: Option<&Path>, from: u64) -> CommandResult {
    let reader = open(args)?;
    let mut copy = tiles.map(TrailWriter::create).transpose()?;
    each(&reader, if copy.is_some() { 0 } else { from }, |index, bytes| {
        if let Some(copy) = &mut copy {
            copy.append(bytes)?;
        }
        if index >= from {
            print_text(&String::from_utf8_lossy(bytes))?;
        }
        Ok(())
    })?;
    let (Some(mut copy), Some(folder)) = (copy, tiles) else { return Ok(()) };
    for beside in ["keys", "large"] {
        copy_files(&args.trail.join(beside), &folder.join(beside))?;
    }
    copy.seal()?;
    Ok(copy.publish(reader.note())?)
}

fn copy_files(from: &Path, to: &Path) -> CommandResult {
    if !from.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(to)?;
    for file in std::fs::read_dir(from)? {
        let file = file?;
        if Path::new(&file.file_name()).extension().is_none_or(|end| end != "tmp") {
            std::fs::copy(file.path(), to.join(file.file_name()))?;
        }
    }
    Ok(())
}

pub(super) fn new_key(args: &AuditArgs, name: &str, for_witness: bool) -> CommandResult {
    let kind = if for_witness { KeyKind::Witness } else { KeyKind::Log };
    let key = Trail::create_key_of(kind, &args.secret, name)?;
    print_key(args, &key)
}

pub(super) fn new_gate_key(file: &Path) -> CommandResult {
    GateKey::create(file)?;
    print_text(&format!(
        "The key is in {}. Give it to every process that runs tools, with \
         `.key(GateKey::read(…)?)`, and keep it apart from the database.",
        file.display()
    ))
}

pub(super) fn rotate_key(args: &AuditArgs) -> CommandResult {
    let key = Trail::rotate_key(&args.trail, &args.secret)?;
    print_key(args, &key)
}

fn print_key(args: &AuditArgs, key: &SigningKey) -> CommandResult {
    let message = format!(
        "The secret key is in {}: anyone who has it can sign. The public key:",
        args.secret.display()
    );
    std::io::Write::write_all(&mut std::io::stderr(), format!("{message}\n").as_bytes())?;
    print_text(&key.verifier().to_string())
}

pub(super) fn show_key(args: &AuditArgs, pem: bool) -> CommandResult {
    let key = if args.secret.is_file() {
        Trail::read_key(&args.secret)?.verifier().clone()
    } else {
        super::public_key(&args.key)?
    };
    if pem { print_text(key.to_pem().trim_end()) } else { print_text(&key.to_string()) }
}
