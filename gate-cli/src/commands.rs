//! Runs each command.

use clap::CommandFactory as _;
use gate_runtime::audit::SigningKey;
use gate_runtime::prelude::*;
use gate_runtime::review::{Decide, Settlement, Status};
use gate_runtime::store::{ApprovalFilter, RecordFilter, RecordLog};
use gate_runtime::{Interruption, Terminal};
use serde_json::{Value, json};

use crate::args::{CallArg, CallResolution, Cli, Command, FreezeArgs, GrantCommand};
use crate::context::{CommandContext, open};
use crate::error::{CommandError, CommandResult};
use crate::grants_and_freezes::{freeze, freezes, grants, scope};
use crate::output::{OutputFormat, object, plain, say, say_json, short, span, summary, words};
use crate::parse::{pair, value_of};
use crate::tokens::{agent, person};
use crate::{deliveries, key};

pub(crate) async fn run(cli: &Cli) -> CommandResult {
    match &cli.command {
        Command::Pending { run, limit } => {
            pending(&CommandContext::to_look(cli).await?, run.as_deref(), *limit).await
        }
        Command::Show(one) => show(&CommandContext::to_look(cli).await?, one).await,
        Command::Case { id } => case(&CommandContext::to_look(cli).await?, id).await,
        Command::Inbox(served) => crate::inbox::serve(cli, served).await,
        Command::Letters { limit, what } => {
            deliveries::run(&CommandContext::to_look(cli).await?, *limit, what.as_ref()).await
        }
        Command::Recover => recover(&CommandContext::to_look(cli).await?).await,
        Command::Export { after, case } => export(cli, *after, case.as_deref()).await,
        Command::Audit(audited) => crate::audit::run(cli, audited).await,
        Command::Person { id, roles, name, key, slack, contact } => {
            let also = [("name", name), ("contact", contact), ("slack", slack)];
            person(id, roles, &also, key.as_ref())
        }
        Command::Agent { id, asks } => agent(id, asks),
        Command::Completions { shell } => {
            clap_complete::generate(*shell, &mut Cli::command(), "gate", &mut std::io::stdout());
            Ok(())
        }
        Command::Grants { what: None } => grants(&CommandContext::to_look(cli).await?).await,
        Command::Freeze { scope: FreezeArgs { all: false, tool: None, agent: None }, .. } => {
            freezes(&CommandContext::to_look(cli).await?).await
        }
        _ => decide(&CommandContext::to_decide(cli).await?, &cli.command).await,
    }
}

/// Runs the commands that need to know who decides.
async fn decide(desk: &CommandContext, command: &Command) -> CommandResult {
    let (key, me) = (key_of(command)?, desk.reviewer().await?);
    match command {
        Command::Review { .. } => review(desk, &me, key).await,
        Command::Approve { one, comment, sure, .. } => {
            let asked = desk.one(one).await?;
            desk.confirm(&asked, None, sure).await?;
            tell(
                desk,
                saying(asked.approve(&me), comment.as_deref(), key.as_ref()).await?.approval(),
            )
        }
        Command::Edit { one, set, remove, comment, sure, .. } => {
            let asked = desk.one(one).await?;
            let edit = edit(set, remove)?;
            desk.confirm(&asked, Some(&edit), sure).await?;
            tell(
                desk,
                saying(asked.edit(&me, edit), comment.as_deref(), key.as_ref()).await?.approval(),
            )
        }
        Command::Reject { one, reason, .. } => {
            let asked = desk.one(one).await?;
            tell(
                desk,
                saying(asked.reject(&me, reason.as_str()), None, key.as_ref()).await?.approval(),
            )
        }
        Command::Respond { one, value, comment, .. } => {
            let asked = desk.one(one).await?;
            let answer = asked.respond(&me, asked.approval().typed_answer(value));
            tell(desk, saying(answer, comment.as_deref(), key.as_ref()).await?.approval())
        }
        Command::Withdraw(one) => tell(desk, &*desk.one(one).await?.withdraw(&me).await?),
        Command::Revoke { one, reason } => {
            tell(desk, &*desk.one(one).await?.revoke(&me, reason.as_str()).await?)
        }
        Command::Grants { what: Some(GrantCommand::Revoke { id }) } => {
            let grant = desk.grant(id).await?;
            desk.gate.revoke(&grant, &me).await?;
            desk.look.done(
                &format!("Revoked; it covers no more calls: {}", plain(grant.to_string())),
                &json!(*grant),
            )
        }
        Command::Grants { what: Some(add @ GrantCommand::Add { one, sure, comment, .. }) } => {
            let asked = desk.one(one).await?;
            let scope = scope(add)?;
            desk.confirm(&asked, None, sure).await?;
            let grant = if asked.approval().status() == Status::Pending {
                saying(asked.grant(&me, scope), comment.as_deref(), key.as_ref())
                    .await?
                    .grant()
                    .cloned()
            } else {
                Some(asked.grant_like(&me, scope).await?)
            };
            let grant = grant.ok_or_else(|| {
                CommandError::TooLate("you already decided this: nothing was granted".to_owned())
            })?;
            desk.look.done(&format!("Granted: {}", plain(grant.to_string())), &json!(*grant))
        }
        Command::Freeze { scope, lift, reason } => {
            freeze(desk, &me, scope, *lift, reason.as_deref()).await
        }
        Command::Settle { one, what, why, value, attempt } => {
            let settlement = match what {
                CallResolution::Ran => Settlement::ran(&value_of(value)),
                CallResolution::DidNotRun => Settlement::DidNotRun,
                CallResolution::RunAgain => Settlement::RunAgain,
            };
            let lost = desk.in_flight(one).await?;
            let begun = lost.approval().attempts();
            // A second attempt may have begun since the person looked: the answer must name its
            // attempt.
            if attempt.map_or(begun > 1, |attempt| attempt != begun) {
                let words = format!(
                    "the call started {begun} times: name the attempt with `--attempt NUMBER`; \
                     `gate recover` lists it"
                );
                return Err(CommandError::Refused(words));
            }
            tell(desk, &*lost.settle(&me, settlement, why.as_str()).await?)
        }
        // A new command must be added above; until then it decides nothing.
        _ => Err(CommandError::Usage("this command decides nothing".to_owned())),
    }
}

/// Returns the marks of what a reader of an earlier listing would not expect.
fn marks(approval: &gate_runtime::Approval) -> String {
    let last = approval.last_attempt().zip(approval.failure());
    let failed = last.map(|(words, failure)| format!(" ({words}: {})", plain(failure)));
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

fn saying<'a>(
    deciding: Decide<'a>,
    comment: Option<&str>,
    key: Option<&'a SigningKey>,
) -> Decide<'a> {
    let deciding = match comment {
        Some(comment) => deciding.comment(comment),
        None => deciding,
    };
    match key {
        Some(key) => deciding.sign_with(key),
        None => deciding,
    }
}

async fn pending(desk: &CommandContext, run: Option<&str>, limit: usize) -> CommandResult {
    let mut filter = ApprovalFilter::all().status(Status::Pending).limit(limit.saturating_add(1));
    if let Some(run) = run {
        filter = filter.run(run);
    }
    let mut found = desk.gate.interruptions(&filter).await?;
    let is_more = found.len() > limit;
    found.truncate(limit);
    let row = |asked: &Interruption| {
        let (approval, now) = (asked.approval(), asked.now());
        let info = approval.subject().info();
        let danger = asked.is_destructive();
        let who = info.principal().map(|who| format!(" for {}", plain(who))).unwrap_or_default();
        vec![
            short(&approval.id()),
            format!("{}{}", plain(approval.tool()), if danger { " !" } else { "" }),
            format!("{}{}", summary(approval, asked.descriptor()), marks(approval)),
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
    let heads = ["ID", "TOOL", "WHAT", "AGENT", "DECIDES", "AGE", "ENDS"];
    desk.look.list(
        &found,
        &heads,
        row,
        |asked| object(asked.approval()),
        "Nothing waits for a decision.",
    )?;
    match desk.look {
        OutputFormat::People if is_more => {
            say(&format!("More than {limit} calls wait: use `--limit` to list more."))
        }
        _ => Ok(()),
    }
}

async fn show(desk: &CommandContext, one: &CallArg) -> CommandResult {
    let asked = desk.one(one).await?;
    match desk.look {
        OutputFormat::Programs => {
            let approval = asked.approval();
            let mut all = object(approval);
            if let Value::Object(all) = &mut all {
                all.insert("assessment".to_owned(), json!(approval.assessment()));
                all.insert("proposed".to_owned(), approval.proposed().to_json());
                all.insert("reasoning".to_owned(), json!(approval.subject().reasoning()));
                all.insert("outcome".to_owned(), json!(approval.outcome()));
                all.insert("note".to_owned(), json!(approval.note()));
                all.insert("descriptor".to_owned(), json!(asked.descriptor()));
            }
            say_json(&all)
        }
        OutputFormat::People => {
            Terminal::standard().show(&asked).await?;
            let approval = asked.approval();
            let note = approval.not_run().map(|reason| reason.for_reviewer());
            let note = note.or_else(|| approval.outcome().map(ToolOutcome::for_model));
            let note = note
                .or_else(|| approval.note().map(str::to_owned))
                .map(|note| format!(": {}", plain(note)));
            say(&format!("It is {}{}", approval.status(), note.unwrap_or_default()))
        }
    }
}

async fn review(
    desk: &CommandContext,
    me: &gate_runtime::Reviewer,
    key: Option<SigningKey>,
) -> CommandResult {
    let mut terminal = Terminal::standard();
    if let Some(key) = key {
        terminal = terminal.sign_with(key);
    }
    let mut count = 0;
    for asked in desk.gate.pending().await? {
        count += 1;
        terminal.ask(&asked, me).await?;
    }
    say(if count == 0 { "Nothing waits for a decision." } else { "That was all." })
}

async fn case(desk: &CommandContext, id: &str) -> CommandResult {
    let found = desk.gate.case(id).await?;
    if found.is_empty() {
        return Err(CommandError::Missing(format!("there is no record of the case {}", plain(id))));
    }
    let row = |record: &std::sync::Arc<gate_runtime::records::Record>| {
        let what = record.subject().map_or_else(String::new, |subject| plain(subject.tool()));
        let call = record.subject().map_or_else(String::new, |subject| short(&subject.approval()));
        vec![format!("{:.0}", record.at()), call, what, record.kind().to_owned(), words(record)]
    };
    desk.look.list(
        &found,
        &["TIME", "ID", "TOOL", "WHAT", "DETAILS"],
        row,
        |record| json!(**record),
        "",
    )
}

async fn recover(desk: &CommandContext) -> CommandResult {
    let found = desk.gate.recover().await?;
    let row = |lost: &gate_runtime::run::InFlight| {
        let approval = lost.approval();
        let stands = match lost.vouched_until() {
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
            stands,
        ]
    };
    let heads = ["ID", "TOOL", "ARGUMENTS", "RUN", "ATTEMPT", "SINCE", "STATE"];
    desk.look.list(&found, &heads, row, |lost| object(lost.approval()), "Nothing is in flight.")?;
    match desk.look {
        OutputFormat::People if found.iter().any(|lost| lost.vouched_until().is_none()) => {
            say("\nFind out what happened to each call, then run: gate settle ID \
             ran|did-not-run|run-again --why \"…\"")
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
            say_json(&json!(**record))?;
        }
    }
}

/// Prints the state of a call after a decision: as a sentence, or as an object.
fn tell(desk: &CommandContext, approval: &gate_runtime::Approval) -> CommandResult {
    let tool = plain(approval.tool());
    let words = match approval.status() {
        Status::Pending => {
            format!("Recorded. {tool} still waits for {}", plain(approval.still_needs()))
        }
        Status::Approved => format!("{tool} is approved: it runs when its run goes on"),
        status => format!("{tool} is {status}"),
    };
    desk.look.done(&words, &object(approval))
}

fn edit(set: &[String], remove: &[String]) -> Result<Edit, CommandError> {
    let mut edit = Edit::new();
    for given in set {
        let (name, value) = pair(given)?;
        edit = edit.set(name, value_of(value));
    }
    Ok(remove.iter().fold(edit, |edit, name| edit.remove(name.as_str())))
}
