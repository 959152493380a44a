//! Runs each command.

use clap::CommandFactory as _;
use gate_runtime::audit::SigningKey;
use gate_runtime::prelude::*;
use gate_runtime::review::{Decide, Settlement, Status};
use gate_runtime::store::{ApprovalFilter, RecordFilter, RecordLog};
use gate_runtime::{FileDirectory, Interruption, Terminal, Timestamp};
use serde_json::{Value, json};

use crate::args::{CallArg, CallResolution, Cli, Command, FreezeArgs, GrantCommand};
use crate::context::{CommandContext, open};
use crate::error::{CommandError, CommandResult};
use crate::grants_and_freezes::{freeze, freezes, grants, scope};
use crate::output::{
    OutputFormat, object, plain, print_json, print_text, short, span, summarize_record, summary,
};
use crate::parse::{pair, value_of};
use crate::tokens::{agent, person};
use crate::{deliveries, key};

pub(crate) async fn run(cli: &Cli) -> CommandResult {
    match &cli.command {
        Command::Pending { run, limit } => {
            pending(&CommandContext::read_only(cli).await?, run.as_deref(), limit.get()).await
        }
        Command::Show(call) => show(&CommandContext::read_only(cli).await?, call).await,
        Command::Case { id } => case(&CommandContext::read_only(cli).await?, id).await,
        Command::Inbox(args) => crate::inbox::serve(cli, args).await,
        Command::Deliveries { limit, what } => {
            deliveries::run(&CommandContext::read_only(cli).await?, limit.get(), what.as_ref())
                .await
        }
        Command::Recover => recover(&CommandContext::read_only(cli).await?).await,
        Command::Export { after, case } => export(cli, *after, case.as_deref()).await,
        Command::Audit(audited) => crate::audit::run(cli, audited).await,
        Command::Person { id, roles, name, key, slack, contact } => {
            // Ignores errors: a missing or invalid file does not prevent a new entry.
            let people = FileDirectory::open(&cli.people).ok();
            let known = people.and_then(|people| people.everybody(Timestamp::now()).ok());
            if known.iter().flatten().any(|person| person.is_named(id)) {
                eprintln!(
                    "note: {} has the person {} already: replace that entry with this one",
                    plain(cli.people.display().to_string()),
                    plain(id)
                );
            }
            let also = [("name", name), ("contact", contact), ("slack", slack)];
            person(id, roles, &also, key.as_ref())
        }
        Command::Agent { id, asks } => agent(id, asks),
        Command::Completions { shell } => {
            clap_complete::generate(*shell, &mut Cli::command(), "gate", &mut std::io::stdout());
            Ok(())
        }
        Command::Grants { what: None } => grants(&CommandContext::read_only(cli).await?).await,
        Command::Freeze { scope: FreezeArgs { all: false, tool: None, agent: None }, .. } => {
            freezes(&CommandContext::read_only(cli).await?).await
        }
        _ => decide(&CommandContext::for_decisions(cli).await?, &cli.command).await,
    }
}

/// Runs the commands that need the identity of the reviewer.
async fn decide(context: &CommandContext, command: &Command) -> CommandResult {
    let (key, me) = (key_of(command)?, context.reviewer().await?);
    match command {
        Command::Review { .. } => review(context, &me, key).await,
        Command::Approve { one: call, comment, sure: confirm, .. } => {
            let interruption = context.interruption(call).await?;
            context.confirm(&interruption, None, confirm).await?;
            print_status(
                context,
                with_comment(interruption.approve(&me), comment.as_deref(), key.as_ref())
                    .await?
                    .approval(),
            )
        }
        Command::Edit { one: call, set, remove, comment, sure: confirm, .. } => {
            let interruption = context.interruption(call).await?;
            let edit = edit(set, remove)?;
            context.confirm(&interruption, Some(&edit), confirm).await?;
            print_status(
                context,
                with_comment(interruption.edit(&me, edit), comment.as_deref(), key.as_ref())
                    .await?
                    .approval(),
            )
        }
        Command::Reject { one: call, reason, .. } => {
            let interruption = context.interruption(call).await?;
            print_status(
                context,
                with_comment(interruption.reject(&me, reason.as_str()), None, key.as_ref())
                    .await?
                    .approval(),
            )
        }
        Command::Respond { one: call, value, comment, .. } => {
            let interruption = context.interruption(call).await?;
            let answer = interruption.respond(&me, interruption.approval().typed_answer(value));
            print_status(
                context,
                with_comment(answer, comment.as_deref(), key.as_ref()).await?.approval(),
            )
        }
        Command::Withdraw(call) => {
            print_status(context, &*context.interruption(call).await?.withdraw(&me).await?)
        }
        Command::Revoke { one: call, reason } => print_status(
            context,
            &*context.interruption(call).await?.revoke(&me, reason.as_str()).await?,
        ),
        Command::Grants { what: Some(GrantCommand::Revoke { id }) } => {
            let grant = context.grant(id).await?;
            context.gate.revoke(&grant, &me).await?;
            context.format.done(
                &format!("Revoked; it covers no more calls: {}", plain(grant.to_string())),
                &json!(*grant),
            )
        }
        Command::Grants {
            what: Some(add @ GrantCommand::Add { one: call, sure: confirm, comment, .. }),
        } => {
            let interruption = context.interruption(call).await?;
            let scope = scope(add)?;
            context.confirm(&interruption, None, confirm).await?;
            let grant = if interruption.approval().status() == Status::Pending {
                with_comment(interruption.grant(&me, scope), comment.as_deref(), key.as_ref())
                    .await?
                    .grant()
                    .cloned()
            } else {
                Some(interruption.grant_like(&me, scope).await?)
            };
            let grant = grant.ok_or_else(|| {
                CommandError::TooLate("you already decided this: nothing was granted".to_owned())
            })?;
            context.format.done(&format!("Granted: {}", plain(grant.to_string())), &json!(*grant))
        }
        Command::Freeze { scope, lift, reason } => {
            freeze(context, &me, scope, *lift, reason.as_deref()).await
        }
        Command::Settle { one: call, what, why, value, attempt } => {
            let settlement = match what {
                CallResolution::Ran => Settlement::ran(&value_of(value)),
                CallResolution::DidNotRun => Settlement::DidNotRun,
                CallResolution::RunAgain => Settlement::RunAgain,
            };
            let in_flight = context.in_flight(call).await?;
            let attempts = in_flight.approval().attempts();
            // A second attempt may have begun since the person looked, so the command must name the
            // attempt.
            if attempt.map_or(attempts > 1, |attempt| attempt != attempts) {
                let message = format!(
                    "the call started {attempts} times: name the attempt with `--attempt NUMBER`; \
                     `gate recover` lists it"
                );
                return Err(CommandError::Refused(message));
            }
            print_status(context, &*in_flight.settle(&me, settlement, why.as_str()).await?)
        }
        // A new command must be added above; until then it decides nothing.
        _ => Err(CommandError::Usage("this command decides nothing".to_owned())),
    }
}

/// Returns flags for the unusual properties of a call.
fn flags(approval: &gate_runtime::Approval) -> String {
    let last = approval.last_attempt().zip(approval.failure());
    let failed = last.map(|(message, failure)| {
        // The error of a call whose outcome is unknown begins with that message.
        let failure =
            failure.strip_prefix(message).map_or(failure, |why| why.trim_start_matches(": "));
        format!(" ({message}: {})", plain(failure))
    });
    let edited = approval.is_edited().then(|| " (edited)".to_owned());
    let votes: Vec<_> = approval.votes().iter().filter(|vote| approval.concerns(vote)).collect();
    let signed = match votes.iter().filter(|vote| vote.is_signed()).count() {
        0 => String::new(),
        count => format!(", {count} signed"),
    };
    let voted = (!votes.is_empty()).then(|| format!(" ({} voted{signed})", votes.len()));
    [failed, edited, voted].into_iter().flatten().collect()
}

/// Reads the signing key that a command names for its vote.
fn key_of(command: &Command) -> Result<Option<SigningKey>, CommandError> {
    let (Command::Review { signing }
    | Command::Approve { signing, .. }
    | Command::Edit { signing, .. }
    | Command::Reject { signing, .. }
    | Command::Respond { signing, .. }
    | Command::Grants { what: Some(GrantCommand::Add { signing, .. }) }) = command
    else {
        return Ok(None);
    };
    signing.signing_key.as_deref().map(key::read).transpose()
}

fn with_comment<'a>(
    decide: Decide<'a>,
    comment: Option<&str>,
    key: Option<&'a SigningKey>,
) -> Decide<'a> {
    let decision = match comment {
        Some(comment) => decide.comment(comment),
        None => decide,
    };
    match key {
        Some(key) => decision.sign_with(key),
        None => decision,
    }
}

async fn pending(context: &CommandContext, run: Option<&str>, limit: usize) -> CommandResult {
    let mut filter = ApprovalFilter::all().status(Status::Pending).limit(limit.saturating_add(1));
    if let Some(run) = run {
        filter = filter.run(run);
    }
    let mut found = context.gate.interruptions(&filter).await?;
    let is_more = found.len() > limit;
    found.truncate(limit);
    let row = |interruption: &Interruption| {
        let (approval, now) = (interruption.approval(), interruption.now());
        let info = approval.subject().info();
        let danger = interruption.is_destructive();
        let who = info.principal().map(|who| format!(" for {}", plain(who))).unwrap_or_default();
        vec![
            short(&approval.id()),
            format!("{}{}", plain(approval.tool()), if danger { " !" } else { "" }),
            format!("{}{}", summary(approval, interruption.descriptor()), flags(approval)),
            format!("{}{who}", plain(info.agent())),
            plain(approval.waits_for()),
            span(approval.asked_at(), now),
            match approval.expires_at() {
                Some(end) if end <= now => "over".to_owned(),
                Some(end) => format!("in {}", span(now, end)),
                None => "-".to_owned(),
            },
        ]
    };
    let column_names = ["ID", "TOOL", "WHAT", "AGENT", "DECIDES", "AGE", "ENDS"];
    context.format.list(
        &found,
        &column_names,
        row,
        |asked| object(asked.approval()),
        &match run {
            Some(run) => format!("Nothing of the run {} waits for a decision.", plain(run)),
            None => "Nothing waits for a decision.".to_owned(),
        },
    )?;
    match context.format {
        OutputFormat::People if is_more => {
            print_text(&format!("More than {limit} calls wait: use `--limit` to list more."))
        }
        _ => Ok(()),
    }
}

async fn show(context: &CommandContext, call: &CallArg) -> CommandResult {
    let interruption = context.interruption(call).await?;
    match context.format {
        OutputFormat::Programs => {
            let approval = interruption.approval();
            let mut all = object(approval);
            if let Value::Object(all) = &mut all {
                all.insert("assessment".to_owned(), json!(approval.assessment()));
                all.insert("proposed".to_owned(), approval.proposed().to_json());
                all.insert("reasoning".to_owned(), json!(approval.subject().reasoning()));
                all.insert("outcome".to_owned(), json!(approval.outcome()));
                all.insert("note".to_owned(), json!(approval.note()));
                all.insert("descriptor".to_owned(), json!(interruption.descriptor()));
            }
            print_json(&all)
        }
        OutputFormat::People => {
            Terminal::standard().show(&interruption).await?;
            let approval = interruption.approval();
            let note = approval.not_run().map(|reason| reason.for_reviewer());
            let note = note.or_else(|| approval.outcome().map(ToolOutcome::for_model));
            let note = note
                .or_else(|| approval.note().map(str::to_owned))
                .map(|note| format!(": {}", plain(note)));
            print_text(&format!("It is {}{}", approval.status(), note.unwrap_or_default()))
        }
    }
}

async fn review(
    context: &CommandContext,
    me: &gate_runtime::Reviewer,
    key: Option<SigningKey>,
) -> CommandResult {
    let mut terminal = Terminal::standard();
    if let Some(key) = key {
        terminal = terminal.sign_with(key);
    }
    let mut count = 0;
    for interruption in context.gate.pending().await? {
        count += 1;
        terminal.ask(&interruption, me).await?;
    }
    print_text(if count == 0 { "Nothing waits for a decision." } else { "That was all." })
}

async fn case(context: &CommandContext, id: &str) -> CommandResult {
    let found = context.gate.case(id).await?;
    if found.is_empty() {
        return Err(CommandError::Missing(format!("there is no record of the case {}", plain(id))));
    }
    let row = |record: &std::sync::Arc<gate_runtime::records::Record>| {
        let what = record.subject().map_or_else(String::new, |subject| plain(subject.tool()));
        let call = record.subject().map_or_else(String::new, |subject| short(&subject.approval()));
        vec![
            format!("{:.0}", record.at()),
            call,
            what,
            record.kind().to_owned(),
            summarize_record(record),
        ]
    };
    context.format.list(
        &found,
        &["TIME", "ID", "TOOL", "WHAT", "DETAILS"],
        row,
        |record| json!(**record),
        "",
    )
}

async fn recover(context: &CommandContext) -> CommandResult {
    let found = context.gate.recover().await?;
    let row = |in_flight: &gate_runtime::run::InFlight| {
        let approval = in_flight.approval();
        let state_text = match in_flight.lease_expires_at() {
            Some(_) => "running, as its process reports".to_owned(),
            None => plain(approval.note().unwrap_or("it is not known how it ended")),
        };
        vec![
            short(&approval.id()),
            plain(approval.tool()),
            summary(approval, None),
            plain(approval.subject().info().run()),
            approval.attempts().to_string(),
            format!("{:.0}", approval.changed_at()),
            state_text,
        ]
    };
    let column_names = ["ID", "TOOL", "ARGUMENTS", "RUN", "ATTEMPT", "LAST REPORT", "STATE"];
    context.format.list(
        &found,
        &column_names,
        row,
        |orphaned| object(orphaned.approval()),
        "Nothing is in flight.",
    )?;
    match context.format {
        OutputFormat::People if found.iter().any(|lost| lost.lease_expires_at().is_none()) => {
            print_text(
                "\nFind out what happened to each call, then run: gate settle ID \
             ran|did-not-run|run-again --why \"…\"",
            )
        }
        _ => Ok(()),
    }
}

async fn export(cli: &Cli, after: u64, case: Option<&str>) -> CommandResult {
    // Reads the store itself: an export must also work for a database that the gate would refuse.
    let store = open(cli).await?;
    let mut last = after;
    loop {
        let mut filter = RecordFilter::after(last).limit(1_000);
        if let Some(case) = case {
            filter = filter.case(case);
        }
        let page = store.records(&filter).await?;
        let Some(newest) = page.last() else { return Ok(()) };
        last = newest.seq();
        for record in &page {
            print_json(&json!(**record))?;
        }
    }
}

/// Prints the state of a call after a decision: as a sentence, or as an object.
fn print_status(context: &CommandContext, approval: &gate_runtime::Approval) -> CommandResult {
    let tool = plain(approval.tool());
    let message = match approval.status() {
        Status::Pending => {
            format!("Recorded. {tool} still waits for {}", plain(approval.still_needs()))
        }
        Status::Approved if approval.is_edited() => format!(
            "{tool} is approved as changed: when its run continues, the agent's rules check the \
             new arguments, and it runs if they allow them"
        ),
        Status::Approved => format!("{tool} is approved: it runs when its run continues"),
        status => format!("{tool} is {status}"),
    };
    context.format.done(&message, &object(approval))
}

fn edit(set: &[String], remove: &[String]) -> Result<Edit, CommandError> {
    let mut edit = Edit::new();
    for assignment in set {
        let (name, value) = pair(assignment)?;
        edit = edit.set(name, value_of(value));
    }
    Ok(remove.iter().fold(edit, |edit, name| edit.remove(name.as_str())))
}
