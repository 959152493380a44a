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
use crate::output::{OutputFormat, plain, plural, say};

fn trail(audited: &AuditArgs) -> Result<Trail, CommandError> {
    Ok(Trail::in_folder(&audited.trail, Trail::read_key(&audited.secret)?))
}

pub(super) async fn seal(cli: &Cli, audited: &AuditArgs) -> CommandResult {
    let store = crate::context::open(cli).await?;
    let gate: Gate<NoTools> = Gate::builder(()).store(store).trail(trail(audited)?).build().await?;
    let status = gate.seal().await?;
    if let Some(trouble) = status.trouble() {
        return Err(CommandError::Trouble(trouble.to_owned()));
    }
    let words = format!(
        "Sealed: {}, in {}.",
        plural(status.sealed(), "record"),
        plural(status.size(), "entry")
    );
    OutputFormat::of(cli.json)
        .done(&words, &json!({"sealed": status.sealed(), "entries": status.size()}))
}

pub(super) async fn settle(cli: &Cli, audited: &AuditArgs, reason: &str) -> CommandResult {
    let desk = CommandContext::to_decide(cli).await?;
    let me = desk.reviewer().await?;
    let lost = desk.gate.settle_trail(&Arc::new(trail(audited)?), &me, reason).await?;
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
    if desk.look.is_for_people() && !lost.is_empty() {
        say("According to the trail, but not to the database, these calls started. None of them \
             runs again:\n")?;
    }
    let none = "Settled. The database had not lost any call that started.";
    desk.look.list(
        &lost,
        &["CALL", "TOOL", "RUN", "ID IN THE RUN", "IN THE DATABASE"],
        row,
        object,
        none,
    )
}

pub(super) async fn erase(cli: &Cli, one: &CallArg) -> CommandResult {
    let desk = CommandContext::to_decide(cli).await?;
    let me = desk.reviewer().await?;
    let approval = desk.one(one).await?.erase_secrets(&me).await?;
    let words = "Erased: nobody can find out the secrets from their commitments by trying values \
        any more. The trail does not change.";
    desk.look.done(words, &json!({"erased": approval.id()}))
}

pub(super) fn export(audited: &AuditArgs, tiles: Option<&Path>, from: u64) -> CommandResult {
    let reader = open(audited)?;
    let mut copy = tiles.map(TrailWriter::create).transpose()?;
    each(&reader, if copy.is_some() { 0 } else { from }, |index, bytes| {
        if let Some(copy) = &mut copy {
            copy.append(bytes)?;
        }
        if index >= from {
            say(&String::from_utf8_lossy(bytes))?;
        }
        Ok(())
    })?;
    let (Some(mut copy), Some(folder)) = (copy, tiles) else { return Ok(()) };
    for beside in ["keys", "large"] {
        copy_files(&audited.trail.join(beside), &folder.join(beside))?;
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

pub(super) fn new_key(audited: &AuditArgs, name: &str, for_witness: bool) -> CommandResult {
    let kind = if for_witness { KeyKind::Witness } else { KeyKind::Log };
    let key = Trail::create_key_of(kind, &audited.secret, name)?;
    tell(audited, &key)
}

pub(super) fn new_gate_key(file: &Path) -> CommandResult {
    GateKey::create(file)?;
    say(&format!(
        "The key is in {}. Give it to every process that runs tools, with \
         `.key(GateKey::read(…)?)`, and keep it apart from the database.",
        file.display()
    ))
}

pub(super) fn rotate_key(audited: &AuditArgs) -> CommandResult {
    let key = Trail::rotate_key(&audited.trail, &audited.secret)?;
    tell(audited, &key)
}

fn tell(audited: &AuditArgs, key: &SigningKey) -> CommandResult {
    let words = format!(
        "The secret key is in {}: anyone who has it can sign. The public key:",
        audited.secret.display()
    );
    std::io::Write::write_all(&mut std::io::stderr(), format!("{words}\n").as_bytes())?;
    say(&key.verifier().to_string())
}

pub(super) fn show_key(audited: &AuditArgs, pem: bool) -> CommandResult {
    let key = if audited.secret.is_file() {
        Trail::read_key(&audited.secret)?.verifier().clone()
    } else {
        super::public_key(&audited.key)?
    };
    if pem { say(key.to_pem().trim_end()) } else { say(&key.to_string()) }
}
