//! What can be typed after `gate`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use gate_runtime::Timestamp;
use gate_runtime::audit::VerifierKey;

/// Decides what agents may do: over the database that they keep their questions in.
///
/// Exit codes: 0 done · 1 the database, the people file or the key did not do its part · 2 not a
/// command · 3 there is no such thing · 4 refused: not entitled, not now; a reason, a confirmation
/// or a signature is missing · 5 decided before, otherwise
#[derive(Debug, Parser)]
#[command(name = "gate", version, max_term_width = 110)]
pub(crate) struct Cli {
    /// The database of the gate.
    #[arg(long, global = true, env = "GATE_DB", default_value = "gate.db", value_name = "FILE")]
    pub(crate) db: PathBuf,
    /// The people who review, their roles and the hashes of their tokens. Who decides is known by
    /// the token in `GATE_TOKEN`, or asked for it.
    #[arg(
        long,
        global = true,
        env = "GATE_PEOPLE",
        default_value = "people.toml",
        value_name = "FILE"
    )]
    pub(crate) people: PathBuf,
    /// JSON for programs, and not tables for people.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// What waits for a decision.
    Pending {
        /// Of this run only.
        #[arg(long)]
        run: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Everything about one call.
    Show(CallArg),
    /// Decides what waits, one after the other, at the terminal.
    Review {
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// Serves the pages on which people decide in the browser. They sign in by their tokens.
    Inbox(InboxArgs),
    /// What those who are told have not been told yet, and what could not be delivered to them.
    #[command(args_conflicts_with_subcommands = true)]
    Letters {
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: usize,
        #[command(subcommand)]
        what: Option<DeliveryCommand>,
    },
    /// Lets a call run as it is shown.
    Approve {
        #[command(flatten)]
        one: CallArg,
        /// Why: for the record.
        #[arg(long, short)]
        comment: Option<String>,
        #[command(flatten)]
        sure: ConfirmArgs,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// Lets a call run with other arguments.
    Edit {
        #[command(flatten)]
        one: CallArg,
        /// An argument, or a JSON pointer into one, and its new value: JSON, or a text.
        #[arg(long = "set", value_name = "NAME=VALUE", required_unless_present = "remove")]
        set: Vec<String>,
        /// An optional argument that is to be left out.
        #[arg(long, value_name = "NAME")]
        remove: Vec<String>,
        /// Why: for the record.
        #[arg(long, short)]
        comment: Option<String>,
        #[command(flatten)]
        sure: ConfirmArgs,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// Does not let a call run.
    Reject {
        #[command(flatten)]
        one: CallArg,
        /// Why: the agent is told.
        reason: String,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// Answers in the tool's place: the call does not run.
    Respond {
        #[command(flatten)]
        one: CallArg,
        /// The answer: JSON, or a text.
        value: String,
        /// Why: for the record.
        #[arg(long)]
        comment: Option<String>,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// Takes your own vote back, as long as others still have to decide.
    Withdraw(CallArg),
    /// Takes an approval back that has not run yet.
    Revoke {
        #[command(flatten)]
        one: CallArg,
        /// Why: the agent is told.
        reason: String,
    },
    /// Standing permissions: those that hold, a new one, the end of one.
    Grants {
        #[command(subcommand)]
        what: Option<GrantCommand>,
    },
    /// Stops: those that hold, a new one, the end of one.
    Freeze {
        #[command(flatten)]
        scope: FreezeArgs,
        /// Ends the stop.
        #[arg(long, requires = "scope")]
        lift: bool,
        /// Why: the agents are told.
        #[arg(conflicts_with = "lift", requires = "scope")]
        reason: Option<String>,
    },
    /// Everything that happened in a case, oldest first.
    Case {
        /// The case.
        id: String,
    },
    /// Calls whose bodies began and whose ends are not on the record.
    Recover,
    /// Says what became of a call that was running when its process died.
    Settle {
        #[command(flatten)]
        one: CallArg,
        /// What became of it.
        what: CallResolution,
        /// How you know: for the record.
        #[arg(long)]
        why: String,
        /// Which attempt to run it, if it began more than once: what is said of one is not said of
        /// the next.
        #[arg(long, value_name = "NUMBER")]
        attempt: Option<u32>,
        /// What it gave back, where it ran: JSON, or a text.
        #[arg(long, default_value = "null")]
        value: String,
    },
    /// The whole record, one JSON object a line.
    Export {
        /// Those after this number.
        #[arg(long, default_value_t = 0, value_name = "NUMBER")]
        after: u64,
        /// Of this case only.
        #[arg(long)]
        case: Option<String>,
    },
    /// The trail: verify it, and prove from it.
    Audit(AuditArgs),
    /// A person for the people file, on standard output; their token is shown once.
    Person {
        /// Who: the name under which they decide.
        id: String,
        /// A role that they have.
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
        /// Their name, for people.
        #[arg(long)]
        name: Option<String>,
        /// The public key by which they sign their votes: from then on they must.
        #[arg(long, value_name = "KEY")]
        key: Option<VerifierKey>,
        /// Their member ID in Slack: from then on they decide there, too.
        #[arg(long, value_name = "ID", value_parser = member_of_slack)]
        slack: Option<String>,
        /// Where they are reached: mails go there.
        #[arg(long, value_name = "ADDRESS")]
        contact: Option<String>,
    },
    /// An agent in another program, for the people file, on standard output; its token is shown
    /// once.
    Agent {
        /// Its name: letters, digits, `_`, `-` and `.`.
        id: String,
        /// A role of whom someone must agree to whatever it asks, whomever it names besides.
        #[arg(long = "asks", value_name = "ROLE")]
        asks: Vec<String>,
    },
    /// Completions for a shell.
    Completions {
        /// Which one.
        shell: Shell,
    },
}

/// Reads what the file of people takes as a member of Slack: the id, and not the name, which they
/// can change to another's.
fn member_of_slack(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix(['U', 'W']).unwrap_or_default();
    let is_id = (6..=20).contains(&rest.len())
        && rest.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    let words =
        "copy the member ID from the profile in Slack (⋮, \"Copy member ID\"), like U012AB3CD";
    if is_id { Ok(text.to_owned()) } else { Err(words.to_owned()) }
}

/// How the inbox is served.
#[derive(Debug, Args)]
pub(crate) struct InboxArgs {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8484", value_name = "ADDRESS")]
    pub(crate) listen: String,
    /// Where people reach it, if that is not this machine: the address of a server in front of it
    /// that speaks TLS, like `https://gate.example.com`.
    #[arg(long, env = "GATE_URL", value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Tells those whom this file names of what happens: a channel of Slack, whose buttons then
    /// decide, mails, PagerDuty, web addresses.
    #[arg(long, env = "GATE_NOTIFY", value_name = "FILE")]
    pub(crate) notify: Option<PathBuf>,
    /// The folder of the trail whose checkpoints and receipts programs may fetch.
    #[arg(long, requires = "trail_key", value_name = "FOLDER")]
    pub(crate) trail: Option<PathBuf>,
    /// The public key of that trail, or a file with it.
    #[arg(long, requires = "trail", value_name = "KEY")]
    pub(crate) trail_key: Option<String>,
    /// Appends to this file who signed in or failed to, used a wrong token or read records, and
    /// each change of the people file: lines of JSON.
    #[arg(long, env = "GATE_SECURITY_LOG", value_name = "FILE")]
    pub(crate) security_log: Option<PathBuf>,
}

/// One call.
#[derive(Debug, Args)]
pub(crate) struct CallArg {
    /// The approval: its id, or the end of it that tells it from the others that are open.
    pub(crate) id: String,
}

/// That it is this call, and no other, where nobody is at the terminal to be asked.
#[derive(Debug, Args)]
pub(crate) struct ConfirmArgs {
    /// The name of the tool: for a destructive call.
    #[arg(long, value_name = "TOOL")]
    pub(crate) confirm: Option<String>,
    /// The digest of the arguments, as `gate show` has it: for a call that was edited, or ran and
    /// failed.
    #[arg(long, value_name = "DIGEST")]
    pub(crate) digest: Option<String>,
}

/// What signs a vote.
#[derive(Debug, Args)]
pub(crate) struct SigningArgs {
    /// The file with your private key, which signs your vote. Whoever has a key in the people file
    /// must.
    #[arg(long, env = "GATE_SIGNING_KEY", value_name = "FILE")]
    pub(crate) signing_key: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum CallResolution {
    /// It ran.
    Ran,
    /// It did not run, and will not.
    DidNotRun,
    /// It is to run again.
    RunAgain,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "a process has one of it")]
pub(crate) enum GrantCommand {
    /// Lets calls like this one run from now on. If it waits, it is approved with it.
    Add {
        #[command(flatten)]
        one: CallArg,
        /// In any run, not only in that of the call.
        #[arg(long)]
        any_run: bool,
        /// Of any agent that is judged by the same policies.
        #[arg(long)]
        any_agent: bool,
        /// Whomever the run is for.
        #[arg(long)]
        any_principal: bool,
        /// An argument that may be anything. Every other one must be as in the call.
        #[arg(long = "any", value_name = "NAME")]
        any: Vec<String>,
        /// Lets an argument be any amount from 0 to this, like `amount=12.50`: as a number or as a
        /// text, as in this call. May be given several times.
        #[arg(long, value_name = "NAME=MAX")]
        up_to: Vec<String>,
        /// Lets so many calls run. Without it, as many as come.
        #[arg(long, value_name = "COUNT")]
        uses: Option<u32>,
        /// Limits the sum of an argument over all these calls, like `amount=500.00`.
        #[arg(long, value_name = "NAME=MAX")]
        budget: Option<String>,
        /// Uses and budget are for each window of this length, like `1h` or `7d`.
        #[arg(long, value_name = "TIME")]
        per: Option<String>,
        /// Until then, like `2026-12-24T18:00:00Z`.
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        /// Why: for the record, where it waits and is approved with it.
        #[arg(long)]
        comment: Option<String>,
        #[command(flatten)]
        sure: ConfirmArgs,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// Ends one: it covers nothing from now on.
    Revoke {
        /// Its id, or the end of it.
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeliveryCommand {
    /// Has dead ones delivered after all, by a process that tells: `gate inbox --notify`, or the
    /// agent's own.
    Again {
        /// Its id.
        #[arg(required_unless_present = "all")]
        id: Option<String>,
        /// Every one.
        #[arg(long, conflicts_with = "id")]
        all: bool,
    },
}

#[derive(Debug, Args)]
#[group(id = "scope", multiple = false)]
pub(crate) struct FreezeArgs {
    /// Everything.
    #[arg(long)]
    pub(crate) all: bool,
    /// One tool.
    #[arg(long)]
    pub(crate) tool: Option<String>,
    /// One agent, and those that it calls.
    #[arg(long)]
    pub(crate) agent: Option<String>,
}

/// The trail: what is sealed, and whether it holds.
#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// The folder of the trail.
    #[arg(long, global = true, env = "GATE_TRAIL", default_value = "trail", value_name = "FOLDER")]
    pub(crate) trail: PathBuf,
    /// The public key of the trail, or a file with it. Get it from the trail's owner, and never
    /// from the folder.
    #[arg(
        long,
        global = true,
        env = "GATE_TRAIL_KEY",
        default_value = "trail.pub",
        value_name = "KEY"
    )]
    pub(crate) key: String,
    /// The file of the key that signs: for `seal`, `settle` and `key rotate`.
    #[arg(
        long,
        global = true,
        env = "GATE_TRAIL_SECRET",
        default_value = "trail.key",
        value_name = "FILE"
    )]
    pub(crate) secret: PathBuf,
    /// The public key of a witness that must have cosigned.
    #[arg(long = "witness", global = true, value_name = "KEY")]
    pub(crate) witnesses: Vec<String>,
    /// How many of the witnesses must have: all, unless this is said.
    #[arg(long, global = true, value_name = "COUNT", requires = "witnesses")]
    pub(crate) quorum: Option<usize>,
    #[command(subcommand)]
    pub(crate) what: AuditCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Verifies every entry: that it is the one that was sealed, and that what it tells could have
    /// happened.
    Verify {
        /// Only what came after this checkpoint, which you kept; and that nothing before it has
        /// changed since.
        #[arg(long, value_name = "FILE")]
        since: Option<PathBuf>,
        /// Also compares every record of the database with the trail. A call is compared with its
        /// records when it runs.
        #[arg(long)]
        compare: bool,
        /// The public key of a person, or a file with it: their signed votes must be signed by it.
        #[arg(long = "signer", value_name = "KEY")]
        signers: Vec<String>,
        /// The public keys of everybody in the people file, too.
        #[arg(long)]
        signers_in_people: bool,
    },
    /// A file that proves what became of one call, to somebody who has the public key and nothing
    /// else.
    Receipt {
        #[command(flatten)]
        one: CallArg,
    },
    /// Verifies a receipt, and tells what it says.
    VerifyReceipt {
        /// The receipt; `-` for standard input.
        file: PathBuf,
    },
    /// Writes a receipt that also shows one secret argument. Asks you for the secret: no database
    /// has it.
    Disclose {
        #[command(flatten)]
        one: CallArg,
        /// The secret: the name of an argument, or a JSON pointer into one, like `/card/pin`.
        #[arg(long, value_name = "NAME")]
        field: String,
        /// Reads the gate's key from this file: the key that the gate had when it took the call.
        /// Without it, the key is in the variable `GATE_KEY`.
        #[arg(long, env = "GATE_KEY_FILE", value_name = "FILE")]
        gate_key: Option<PathBuf>,
    },
    /// Makes the secrets of a call impossible to find out: deletes the salts of their commitments.
    /// The trail stays as it is.
    Erase(CallArg),
    /// Every entry, one JSON object a line; verified before it is given out.
    Export {
        /// Copies the trail, as far as it is sealed, into this new folder, too.
        #[arg(long, value_name = "FOLDER")]
        tiles: Option<PathBuf>,
        /// Those from this index on.
        #[arg(long, default_value_t = 0, value_name = "INDEX")]
        from: u64,
    },
    /// What happened, oldest first.
    Log(RecordQuery),
    /// Seals what is in the database, where no process of an agent does.
    Seal,
    /// Says why database and trail say different things, as after a restored backup, and lets the
    /// trail go on from the database.
    Settle {
        /// Why: for the record.
        reason: String,
    },
    /// Is a witness for the trails of others: cosigns their checkpoints, as long as each continues
    /// the one before.
    Witness {
        /// Where to listen.
        #[arg(long, default_value = "127.0.0.1:8485", value_name = "ADDRESS")]
        listen: String,
        /// The public key of a trail to watch.
        #[arg(long = "log", required = true, value_name = "KEY")]
        logs: Vec<String>,
        /// The folder in which it keeps what it has cosigned last.
        #[arg(long, default_value = "witnessed", value_name = "FOLDER")]
        state: PathBuf,
    },
    /// Makes, replaces and shows keys: of a trail, of a gate, of a person who signs votes.
    Key {
        #[command(subcommand)]
        what: KeyCommand,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Makes a key: the secret into the file of `--secret`, the public key to standard output.
    New {
        /// The name of the trail, like `example.com/refunds`, or of the person or the witness.
        name: String,
        /// For a witness.
        #[arg(long)]
        for_witness: bool,
    },
    /// Makes the key of a gate, in a new file that only its owner can read. It needs no trail.
    ///
    /// Give it to every process that runs tools: `.key(GateKey::read("FILE")?)`.
    Gate {
        /// The new file. Keep it apart from the database and its backups.
        file: PathBuf,
    },
    /// Makes the next key of the trail, which the present one introduces.
    Rotate,
    /// The public key of a secret one.
    Show {
        /// As PEM, for OpenSSL.
        #[arg(long)]
        pem: bool,
    },
}

/// Which records. What is said must hold together.
#[derive(Debug, Args)]
pub(crate) struct RecordQuery {
    /// Of this case.
    #[arg(long)]
    pub(crate) case: Option<String>,
    /// Of this run.
    #[arg(long)]
    pub(crate) run: Option<String>,
    /// Of this call: its approval, or the end of its id.
    #[arg(long, value_name = "ID")]
    pub(crate) call: Option<String>,
    /// Of this tool.
    #[arg(long)]
    pub(crate) tool: Option<String>,
    /// Of this agent.
    #[arg(long)]
    pub(crate) agent: Option<String>,
    /// In which this person had a part.
    #[arg(long)]
    pub(crate) reviewer: Option<String>,
    /// Of this kind, like `voted`, or of calls in this state, like `denied`.
    #[arg(long, value_name = "KIND")]
    pub(crate) decision: Option<String>,
    /// From then on, like `2026-11-21T08:00:00Z`.
    #[arg(long, value_name = "TIME")]
    pub(crate) after: Option<Timestamp>,
    /// Before then.
    #[arg(long, value_name = "TIME")]
    pub(crate) before: Option<Timestamp>,
}
