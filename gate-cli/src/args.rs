//! The command line of `gate`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use gate_runtime::Timestamp;
use gate_runtime::audit::VerifierKey;

/// Reviews, approves and audits the tool calls of agents.
///
/// Exit codes: 0 done · 1 the database, the people file or a key failed · 2 not a valid command
/// · 3 not found · 4 refused: you may not do this, or not now, or a reason, a confirmation or a
/// signature is missing · 5 already decided otherwise
#[derive(Debug, Parser)]
#[command(name = "gate", version, max_term_width = 110)]
pub(crate) struct Cli {
    /// The gate's database.
    #[arg(long, global = true, env = "GATE_DB", default_value = "gate.db", value_name = "FILE")]
    pub(crate) db: PathBuf,
    /// The file of reviewers, their roles and the hashes of their tokens. Your token comes from
    /// `GATE_TOKEN`, or you are asked for it.
    #[arg(
        long,
        global = true,
        env = "GATE_PEOPLE",
        default_value = "people.toml",
        value_name = "FILE"
    )]
    pub(crate) people: PathBuf,
    /// Prints JSON instead of tables and sentences.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the calls that wait for a decision.
    Pending {
        /// Only calls of this run.
        #[arg(long)]
        run: Option<String>,
        /// Lists at most this many calls.
        #[arg(long, default_value = "50")]
        limit: NonZeroUsize,
    },
    /// Shows everything about one call.
    Show(CallArg),
    /// Asks you about each waiting call in turn, in the terminal.
    Review {
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// Serves the inbox, in which people decide in the browser. They sign in with their tokens.
    Inbox(InboxArgs),
    /// Lists notifications that are not delivered yet, and those whose delivery failed for good.
    #[command(args_conflicts_with_subcommands = true)]
    Deliveries {
        /// Lists at most this many notifications.
        #[arg(long, default_value = "50")]
        limit: NonZeroUsize,
        #[command(subcommand)]
        what: Option<DeliveryCommand>,
    },
    /// Approves a waiting call as it is shown.
    Approve {
        #[command(flatten)]
        one: CallArg,
        /// A comment, which is recorded.
        #[arg(long, short)]
        comment: Option<String>,
        #[command(flatten)]
        sure: ConfirmArgs,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// Approves a waiting call with changed arguments.
    Edit {
        #[command(flatten)]
        one: CallArg,
        /// Sets an argument, or the place in one at a JSON pointer, to a new value: JSON or text.
        #[arg(long = "set", value_name = "NAME=VALUE", required_unless_present = "remove")]
        set: Vec<String>,
        /// Removes an optional argument.
        #[arg(long, value_name = "NAME")]
        remove: Vec<String>,
        /// A comment, which is recorded.
        #[arg(long, short)]
        comment: Option<String>,
        #[command(flatten)]
        sure: ConfirmArgs,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// Rejects a waiting call: it does not run.
    Reject {
        #[command(flatten)]
        one: CallArg,
        /// The reason, which the agent receives.
        reason: String,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// Replies to the agent in the tool's place: the call does not run.
    Respond {
        #[command(flatten)]
        one: CallArg,
        /// The answer: JSON or text.
        value: String,
        /// A comment, which is recorded.
        #[arg(long)]
        comment: Option<String>,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// Takes back your own vote, as long as others still have to decide.
    Withdraw(CallArg),
    /// Takes back an approval of a call that has not run yet.
    Revoke {
        #[command(flatten)]
        one: CallArg,
        /// The reason, which the agent receives.
        reason: String,
    },
    /// Lists, adds and revokes standing permissions.
    Grants {
        #[command(subcommand)]
        what: Option<GrantCommand>,
    },
    /// Lists what is frozen, freezes calls, or lifts a freeze.
    Freeze {
        #[command(flatten)]
        scope: FreezeArgs,
        /// Lifts the freeze.
        #[arg(long, requires = "scope")]
        lift: bool,
        /// The reason, which the agents receive.
        #[arg(conflicts_with = "lift", requires = "scope")]
        reason: Option<String>,
    },
    /// Lists everything that happened in a case, oldest first.
    Case {
        /// The id of the case.
        id: String,
    },
    /// Lists calls that started and whose end is not recorded.
    Recover,
    /// Records what happened to a call that was running when its process died.
    Settle {
        #[command(flatten)]
        one: CallArg,
        /// The fate of the call.
        what: CallResolution,
        /// The way in which you know, which is recorded.
        #[arg(long)]
        why: String,
        /// The attempt that you mean, if the call started more than once: settling one attempt
        /// does not settle the next.
        #[arg(long, value_name = "NUMBER")]
        attempt: Option<u32>,
        /// The output of the call, if it ran: JSON or text.
        #[arg(long, default_value = "null")]
        value: String,
    },
    /// Prints all records, one JSON object per line.
    Export {
        /// Only records after this number.
        #[arg(long, default_value_t = 0, value_name = "NUMBER")]
        after: u64,
        /// Only records of this case.
        #[arg(long)]
        case: Option<String>,
    },
    /// Verifies the trail, exports it, and makes receipts from it.
    Audit(AuditArgs),
    /// Prints an entry for a new person in the people file. The token is shown only once.
    Person {
        /// The id under which the person decides.
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        id: String,
        /// A role of the person. May be given several times.
        #[arg(long = "role", value_name = "ROLE", value_parser = NonEmptyStringValueParser::new())]
        roles: Vec<String>,
        /// The person's name, as people read it.
        #[arg(long)]
        name: Option<String>,
        /// The public key for the person's votes. With a key, every vote must be signed.
        #[arg(long, value_name = "KEY")]
        key: Option<VerifierKey>,
        /// The person's member ID in Slack. With it, the person can decide in Slack, too.
        #[arg(long, value_name = "ID", value_parser = member_of_slack)]
        slack: Option<String>,
        /// The mail address for notifications.
        #[arg(long, value_name = "ADDRESS")]
        contact: Option<String>,
    },
    /// Prints an entry for an agent in another program, for the people file. The token is shown
    /// only once.
    Agent {
        /// The agent's name: letters, digits, `_`, `-` and `.`.
        id: String,
        /// A role: somebody who has it must agree to every call, whomever else the agent names.
        /// May be given several times.
        #[arg(long = "asks", value_name = "ROLE")]
        asks: Vec<String>,
    },
    /// Prints completions for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// Parses a Slack member ID: the id, and not the name, which its owner can change to another
/// person's.
fn member_of_slack(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix(['U', 'W']).unwrap_or_default();
    let is_id = (6..=20).contains(&rest.len())
        && rest.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    let message =
        "copy the member ID from the profile in Slack (⋮, \"Copy member ID\"), like U012AB3CD";
    if is_id { Ok(text.to_owned()) } else { Err(message.to_owned()) }
}

/// The options of `gate inbox`.
#[derive(Debug, Args)]
pub(crate) struct InboxArgs {
    /// The address to listen on.
    #[arg(long, default_value = "127.0.0.1:8484", value_name = "ADDRESS")]
    pub(crate) listen: String,
    /// The URL at which people on other machines reach the inbox: that of a TLS proxy in front of
    /// it, like `https://gate.example.com`.
    #[arg(long, env = "GATE_URL", value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Sends notifications as this file configures them: to a Slack channel, with buttons to
    /// decide there, by mail, to PagerDuty, or to webhooks.
    #[arg(long, env = "GATE_NOTIFY", value_name = "FILE")]
    pub(crate) notify: Option<PathBuf>,
    /// The folder of a trail. Programs may then fetch its checkpoints and receipts.
    #[arg(long, requires = "trail_key", value_name = "FOLDER")]
    pub(crate) trail: Option<PathBuf>,
    /// The public key of that trail, or a file that holds it.
    #[arg(long, requires = "trail", value_name = "KEY")]
    pub(crate) trail_key: Option<String>,
    /// Appends security events to this file, as lines of JSON: sign-ins and failed sign-ins, wrong
    /// tokens, reads of records, changes of the people file.
    #[arg(long, env = "GATE_SECURITY_LOG", value_name = "FILE")]
    pub(crate) security_log: Option<PathBuf>,
}

/// One call.
#[derive(Debug, Args)]
pub(crate) struct CallArg {
    /// The id of the approval, or enough of its end to tell it from other open calls.
    pub(crate) id: String,
}

/// Confirms that this call is meant, where nobody is at the terminal to be asked.
#[derive(Debug, Args)]
pub(crate) struct ConfirmArgs {
    /// Confirms a destructive call without a question: the tool's name.
    #[arg(long, value_name = "TOOL")]
    pub(crate) confirm: Option<String>,
    /// The digest of the arguments, as `gate show` prints it. Without a terminal, a call that was
    /// edited, or that ran and failed, requires it.
    #[arg(long, value_name = "DIGEST")]
    pub(crate) digest: Option<String>,
}

/// The key that signs a vote.
#[derive(Debug, Args)]
pub(crate) struct SigningArgs {
    /// The file of your private key, which signs your vote. Required if the people file has a key
    /// of yours.
    #[arg(long, env = "GATE_SIGNING_KEY", value_name = "FILE")]
    pub(crate) signing_key: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum CallResolution {
    /// The call ran.
    Ran,
    /// The call did not run, and will not.
    DidNotRun,
    /// The call should run again.
    RunAgain,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "a process has one of it")]
pub(crate) enum GrantCommand {
    /// Approves calls like this one from now on, and this call as well if it waits.
    Add {
        #[command(flatten)]
        one: CallArg,
        /// Covers calls in any run. By default, only in the run of this call.
        #[arg(long)]
        any_run: bool,
        /// Covers calls of any agent that is judged by the same policies.
        #[arg(long)]
        any_agent: bool,
        /// Covers calls on behalf of anyone.
        #[arg(long)]
        any_principal: bool,
        /// Lets this argument have any value. Every other argument must be as in the call. May be
        /// given several times.
        #[arg(long = "any", value_name = "NAME")]
        any: Vec<String>,
        /// Lets an argument be any amount from 0 to this, like `amount=12.50`: as a number or as
        /// text, as in this call. May be given several times.
        #[arg(long, value_name = "NAME=MAX")]
        up_to: Vec<String>,
        /// Covers this many calls. By default, any number of calls.
        #[arg(long, value_name = "COUNT")]
        uses: Option<u32>,
        /// Limits the sum of an argument over all covered calls, like `amount=500.00`.
        #[arg(long, value_name = "NAME=MAX")]
        budget: Option<String>,
        /// Counts uses and budget for each window of this length, like `1h` or `7d`.
        #[arg(long, value_name = "TIME")]
        per: Option<String>,
        /// Ends the permission at this time, like `2026-12-24T18:00:00Z`.
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        /// A comment, which is recorded if the call waits and is approved with the permission.
        #[arg(long)]
        comment: Option<String>,
        #[command(flatten)]
        sure: ConfirmArgs,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// Revokes a standing permission: it covers no more calls.
    Revoke {
        /// The id of the permission, or the end of it.
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeliveryCommand {
    /// Queues dead notifications again. A process with their notifiers delivers them:
    /// `gate inbox --notify`, or the agent's own.
    Retry {
        /// The id of the notification.
        #[arg(required_unless_present = "all")]
        id: Option<String>,
        /// Queues every dead notification again.
        #[arg(long, conflicts_with = "id")]
        all: bool,
    },
}

#[derive(Debug, Args)]
#[group(id = "scope", multiple = false)]
pub(crate) struct FreezeArgs {
    /// Freezes all calls.
    #[arg(long)]
    pub(crate) all: bool,
    /// Freezes the calls of this tool.
    #[arg(long)]
    pub(crate) tool: Option<String>,
    /// Freezes the calls of this agent and of the agents that it calls.
    #[arg(long)]
    pub(crate) agent: Option<String>,
}

/// Verifies the trail, exports it, and makes receipts from it.
#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// The folder of the trail.
    #[arg(long, global = true, env = "GATE_TRAIL", default_value = "trail", value_name = "FOLDER")]
    pub(crate) trail: PathBuf,
    /// The public key of the trail, or a file that holds it. Get it from the trail's owner, never
    /// from the folder.
    #[arg(
        long,
        global = true,
        env = "GATE_TRAIL_KEY",
        default_value = "trail.pub",
        value_name = "KEY"
    )]
    pub(crate) key: String,
    /// The file of the secret key, which signs: for `seal`, `settle`, `witness` and `key`.
    #[arg(
        long,
        global = true,
        env = "GATE_TRAIL_SECRET",
        default_value = "trail.key",
        value_name = "FILE"
    )]
    pub(crate) secret: PathBuf,
    /// The public key of a witness that must have cosigned the trail. May be given several times.
    #[arg(long = "witness", global = true, value_name = "KEY")]
    pub(crate) witnesses: Vec<String>,
    /// The number of these witnesses that must have cosigned. By default, all of them.
    #[arg(long, global = true, value_name = "COUNT", requires = "witnesses")]
    pub(crate) quorum: Option<usize>,
    #[command(subcommand)]
    pub(crate) what: AuditCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Verifies every entry: that it is the one that was sealed, and that the events it records
    /// could have happened.
    Verify {
        /// Reads only entries after this checkpoint, which you kept, and verifies that nothing
        /// before it has changed.
        #[arg(long, value_name = "FILE")]
        since: Option<PathBuf>,
        /// Also compares every record of the database with the trail. A call is compared with its
        /// records when it runs.
        #[arg(long)]
        compare: bool,
        /// The public key of a person, or a file that holds it, with which to verify that person's
        /// signed votes. May be given several times.
        #[arg(long = "signer", value_name = "KEY")]
        signers: Vec<String>,
        /// Also verifies signed votes with the public keys in the people file.
        #[arg(long)]
        signers_in_people: bool,
    },
    /// Prints a receipt: it proves the history of one call to somebody who has only the public key.
    Receipt {
        #[command(flatten)]
        one: CallArg,
    },
    /// Verifies a receipt and prints its contents.
    VerifyReceipt {
        /// The file of the receipt; `-` for standard input.
        file: PathBuf,
    },
    /// Prints a receipt that also discloses one secret argument. Asks you for the secret, because
    /// no database holds it.
    Disclose {
        #[command(flatten)]
        one: CallArg,
        /// The place of the secret: the name of an argument, or a JSON pointer into one, like
        /// `/card/pin`.
        #[arg(long, value_name = "NAME")]
        field: String,
        /// Reads the gate's key from this file: the key that the gate had when it took the call.
        /// By default, the key comes from the variable `GATE_KEY`.
        #[arg(long, env = "GATE_KEY_FILE", value_name = "FILE")]
        gate_key: Option<PathBuf>,
    },
    /// Makes the secrets of a call impossible to find out, by deleting the salts of their
    /// commitments. The trail does not change.
    Erase(CallArg),
    /// Prints every entry, one JSON object per line. Each is verified before it is printed.
    Export {
        /// Also copies the sealed part of the trail into this new folder.
        #[arg(long, value_name = "FOLDER")]
        tiles: Option<PathBuf>,
        /// Only entries from this index on.
        #[arg(long, default_value_t = 0, value_name = "INDEX")]
        from: u64,
    },
    /// Lists what happened, oldest first.
    Log(RecordQuery),
    /// Seals the records in the database, if no agent's process does.
    Seal,
    /// Records why the database and the trail differ, as after a restored backup, and continues
    /// the trail from the database.
    Settle {
        /// The reason, which is recorded.
        reason: String,
    },
    /// Serves a witness for other trails: cosigns their checkpoints, as long as each continues the
    /// one before.
    Witness {
        /// The address to listen on.
        #[arg(long, default_value = "127.0.0.1:8485", value_name = "ADDRESS")]
        listen: String,
        /// The public key of a trail to watch. May be given several times.
        #[arg(long = "log", required = true, value_name = "KEY")]
        logs: Vec<String>,
        /// The folder in which the witness keeps its last cosigned checkpoints.
        #[arg(long, default_value = "witnessed", value_name = "FOLDER")]
        state: PathBuf,
    },
    /// Makes, rotates and shows keys: of a trail, a gate, a witness, or a person who signs votes.
    Key {
        #[command(subcommand)]
        what: KeyCommand,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Makes a key: writes the secret key to the file of `--secret` and prints the public key.
    New {
        /// The name of the trail, like `example.com/refunds`, or of the person or the witness.
        name: String,
        /// Makes a key for a witness.
        #[arg(long)]
        for_witness: bool,
    },
    /// Makes the key of a gate, in a new file that only its owner can read. Requires no trail.
    ///
    /// Give it to every process that runs tools: `.key(GateKey::read("FILE")?)`.
    Gate {
        /// The new file. Keep it apart from the database and its backups.
        file: PathBuf,
    },
    /// Makes the next key of the trail, introduced by the current one.
    Rotate,
    /// Prints the public key of the secret key or, without one, that of the trail.
    Show {
        /// Prints the key as PEM, for OpenSSL.
        #[arg(long)]
        pem: bool,
    },
}

/// Selects records. All given conditions must hold.
#[derive(Debug, Args)]
pub(crate) struct RecordQuery {
    /// Only records of this case.
    #[arg(long)]
    pub(crate) case: Option<String>,
    /// Only records of this run.
    #[arg(long)]
    pub(crate) run: Option<String>,
    /// Only records of this call: the id of its approval, or the end of the id.
    #[arg(long, value_name = "ID")]
    pub(crate) call: Option<String>,
    /// Only records of this tool.
    #[arg(long)]
    pub(crate) tool: Option<String>,
    /// Only records of this agent.
    #[arg(long)]
    pub(crate) agent: Option<String>,
    /// Only records of what this person did.
    #[arg(long)]
    pub(crate) reviewer: Option<String>,
    /// Only records of this kind, like `voted`, or of calls in this state, like `denied`.
    #[arg(long, value_name = "KIND")]
    pub(crate) decision: Option<String>,
    /// Only records from this time on, like `2026-11-21T08:00:00Z`.
    #[arg(long, value_name = "TIME")]
    pub(crate) after: Option<Timestamp>,
    /// Only records before this time.
    #[arg(long, value_name = "TIME")]
    pub(crate) before: Option<Timestamp>,
}
