//! The context of every command: the database, the people file, the reviewer.

use std::io::IsTerminal as _;

use gate_runtime::id::{ApprovalId, GrantId};
use gate_runtime::prelude::*;
use gate_runtime::review::Status;
use gate_runtime::run::InFlight;
use gate_runtime::store::ApprovalFilter;
use gate_runtime::{FileDirectory, Interruption, NoTools, Reviewer, Terminal};
use gate_sqlite::SqliteStore;

use crate::args::{CallArg, Cli, ConfirmArgs};
use crate::error::CommandError;
use crate::output::{OutputFormat, plain};

/// A gate without tools over the database.
pub(crate) struct CommandContext {
    pub(crate) gate: Gate<NoTools>,
    pub(crate) format: OutputFormat,
    people: Option<FileDirectory>,
}

impl CommandContext {
    /// Opens the context for commands that only read, without a people file.
    pub(crate) async fn read_only(cli: &Cli) -> Result<Self, CommandError> {
        let gate = Gate::builder(()).store(open(cli).await?).build().await?;
        Ok(Self { gate, format: OutputFormat::of(cli.json), people: None })
    }

    /// Opens the context for commands that decide, with the people file.
    pub(crate) async fn for_decisions(cli: &Cli) -> Result<Self, CommandError> {
        let people = FileDirectory::open(&cli.people)?;
        let gate =
            Gate::builder(()).store(open(cli).await?).directory(people.clone()).build().await?;
        Ok(Self { gate, format: OutputFormat::of(cli.json), people: Some(people) })
    }

    /// Returns the reviewer whose token is in `GATE_TOKEN`, or is typed.
    pub(crate) async fn reviewer(&self) -> Result<Reviewer, CommandError> {
        let Some(people) = &self.people else {
            return Err(CommandError::Trouble(
                "this needs a people file, to know who you are".to_owned(),
            ));
        };
        let token = match std::env::var("GATE_TOKEN") {
            Ok(token) if !token.trim().is_empty() => token,
            _ if std::io::stdin().is_terminal() => rpassword::prompt_password("Your token: ")?,
            _ => {
                let message = "no token: put yours into GATE_TOKEN, or run this in a terminal, \
                    which asks for it";
                return Err(CommandError::Refused(message.to_owned()));
            }
        };
        let who = people.holder_of(token.trim())?;
        let problem = "the token is not in the people file: `gate person` makes one";
        let who = who.ok_or_else(|| CommandError::Refused(problem.to_owned()))?;
        Ok(self.gate.reviewer(who).await?)
    }

    /// Returns the call that an argument names.
    pub(crate) async fn interruption(&self, one: &CallArg) -> Result<Interruption, CommandError> {
        let id = match one.id.parse::<ApprovalId>() {
            Ok(id) => id,
            Err(_) => self.find_by_suffix(&one.id).await?,
        };
        let missing =
            || CommandError::Missing(format!("there is no approval {id} in this database"));
        self.gate.interruption(id).await?.ok_or_else(missing)
    }

    /// Returns the call that an argument names, if it is in flight.
    pub(crate) async fn in_flight(&self, one: &CallArg) -> Result<InFlight, CommandError> {
        let interruption = self.interruption(one).await?;
        let found = self
            .gate
            .recover()
            .await?
            .into_iter()
            .find(|unsettled| unsettled.approval().id() == interruption.id());
        found.ok_or_else(|| {
            let message = format!(
                "the call is {}: only a call that was running can be settled",
                interruption.approval().status()
            );
            CommandError::TooLate(message)
        })
    }

    async fn find_by_suffix(&self, end: &str) -> Result<ApprovalId, CommandError> {
        let open = ApprovalFilter::all()
            .status(Status::Pending)
            .status(Status::Approved)
            .status(Status::Dispatched)
            .status(Status::Indeterminate);
        let found =
            self.gate.interruptions(&open).await?.iter().map(Interruption::id).collect::<Vec<_>>();
        unique_by_suffix(&found, end, "open call")
    }

    /// Returns the active grant that an argument names.
    pub(crate) async fn grant(
        &self,
        id: &str,
    ) -> Result<std::sync::Arc<gate_runtime::grants::Grant>, CommandError> {
        let grants = self.gate.active_controls().await?.grants;
        let ids: Vec<GrantId> = grants.iter().map(|grant| grant.id()).collect();
        let id = unique_by_suffix(&ids, id, "standing permission")?;
        let found = grants.into_iter().find(|grant| grant.id() == id);
        found.ok_or_else(|| CommandError::Missing(format!("there is no standing permission {id}")))
    }

    /// Shows everything about a call and the effect of an edit, and confirms that this call is
    /// meant. Asks at the terminal; for destructive calls, the user types the tool's name. Without
    /// a terminal, the options must confirm it.
    pub(crate) async fn confirm(
        &self,
        interruption: &Interruption,
        edit: Option<&Edit>,
        sure: &ConfirmArgs,
    ) -> Result<(), CommandError> {
        let approval = interruption.approval();
        let mut terminal = Terminal::on_stderr();
        terminal.show(interruption).await?;
        if let Some(edit) = edit {
            interruption.preview(edit).await?;
            terminal.show_changes(interruption, edit).await?;
        }
        let (tool, digest) = (approval.tool(), approval.arguments().digest().to_string());
        let is_destructive = interruption.is_destructive();
        let is_there = std::io::stdin().is_terminal();
        match &sure.digest {
            Some(value) if *value != digest => {
                return Err(CommandError::Refused(
                    "the arguments of the call do not have this digest: look at it again"
                        .to_owned(),
                ));
            }
            None if !is_there && (approval.is_edited() || approval.failure().is_some()) => {
                let what = approval.last_attempt().unwrap_or("the call was edited");
                let message = format!(
                    "{what}: look at it, and add `--digest` with the digest that `gate show` prints"
                );
                return Err(CommandError::Refused(message));
            }
            _ => {}
        }
        let (wanted, question) = if is_destructive {
            (tool.as_str(), "This cannot be undone. Type the tool's name to continue: ")
        } else {
            ("yes", "Type yes to continue: ")
        };
        let typed = match &sure.confirm {
            Some(typed_name) => typed_name.clone(),
            // The end of the input counts as an empty answer, which confirms nothing.
            None if is_there => terminal.read_line(question).await?.unwrap_or_default(),
            None if is_destructive => {
                let problem =
                    format!("{} is destructive: add `--confirm {}`", plain(tool), plain(tool));
                return Err(CommandError::Refused(problem));
            }
            None => return Ok(()),
        };
        if typed.trim() == wanted || (!is_destructive && typed.trim() == tool.as_str()) {
            return Ok(());
        }
        Err(CommandError::Refused(format!("nothing was decided: expected `{}`", plain(wanted))))
    }
}

pub(crate) async fn open(cli: &Cli) -> Result<SqliteStore, CommandError> {
    if !cli.db.exists() {
        let message =
            format!("there is no database {}: name it with --db or GATE_DB", cli.db.display());
        return Err(CommandError::Trouble(message));
    }
    Ok(SqliteStore::open(&cli.db).await?)
}

/// Returns the only id with this end. Fewer than four characters are refused as a likely typing
/// error.
fn unique_by_suffix<T: Copy + ToString>(
    ids: &[T],
    end: &str,
    what: &str,
) -> Result<T, CommandError> {
    let typed = end.trim_start_matches('…').to_ascii_lowercase();
    let mut found = ids.iter().filter(|id| id.to_string().ends_with(&typed));
    match (typed.len() >= 4, found.next(), found.next()) {
        (true, Some(only), None) => Ok(*only),
        (true, Some(_), Some(_)) => Err(CommandError::Missing(format!(
            "the ids of several of them end with {}: type more of the id",
            plain(end)
        ))),
        (true, None, _) => Err(CommandError::Missing(format!(
            "the id of no {what} ends with {}: type the whole id",
            plain(end)
        ))),
        (false, ..) => {
            Err(CommandError::Usage("type at least four characters of the id".to_owned()))
        }
    }
}
