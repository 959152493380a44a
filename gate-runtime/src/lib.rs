//! Gate puts a human, or a rule that a human wrote, between a language model and the functions it
//! may call.
//!
//! [`#[gated_tool]`](gated_tool) on a function generates the tool's schema and the only way to run
//! its body. [`#[policy]`](macro@policy) declares the typed rules that approve harmless calls, deny
//! forbidden ones and ask a person about the rest. [`registry!`] lists the tools that an agent may
//! call. A [`Gate`] evaluates the calls that a model proposes; a [`Run`] is one agent's work.
//!
//! ```
//! use gate_runtime::prelude::*;
//!
//! /// Refunds: small ones go through, a manager decides the rest.
//! #[policy]
//! fn refunds(rules: Rules<IssueRefund>) -> Rules<IssueRefund> {
//!     rules
//!         .deny("above the legal limit")
//!         .when(|call| call.amount_cents > 1_000_000)
//!         .auto_approve("under $50")
//!         .when(|call| call.amount_cents < 5_000)
//!         .otherwise(ask(role("manager")).within(minutes(30)))
//! }
//!
//! /// Issue a refund to the original payment method.
//! #[gated_tool(policy = "refunds", destructive)]
//! async fn issue_refund(order_id: String, amount_cents: u64) -> String {
//!     format!("refunded {amount_cents} cents of {order_id}")
//! }
//!
//! registry! {
//!     /// Everything the support agent may call.
//!     pub SupportTools for () { IssueRefund }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let people = StaticDirectory::new().person("dana", ["manager"]);
//! let gate: Gate<SupportTools> = Gate::builder(()).directory(people).build().await?;
//! let run = gate.run("run-42").on_behalf_of("mia");
//!
//! // Submits the calls of a model, without waiting for people: the first runs, the second waits.
//! let turn = run
//!     .submit([
//!         ToolCall::new("call_1", "issue_refund", r#"{"order_id":"A-1","amount_cents":2400}"#),
//!         ToolCall::new("call_2", "issue_refund", r#"{"order_id":"A-2","amount_cents":12000}"#),
//!     ])
//!     .await?;
//! assert_eq!(turn.answers()[0].for_model(), "refunded 2400 cents of A-1");
//!
//! // The manager decides about the second call.
//! let dana = gate.reviewer("dana").await?;
//! for asked in turn.interruptions() {
//!     asked.approve(&dana).await?;
//! }
//! let turn = run.proceed().await?;
//! assert_eq!(turn.answers()[1].for_model(), "refunded 12000 cents of A-2");
//! # Ok(()) }
//! ```
//!
//! # Read next
//!
//! The book has a guide in six chapters: [first tool], [rules], [people], [models], [policies that
//! scale] and [trust]. The repository has [examples], one idea each.
//!
//! [first tool]: https://github.com/gate-rs/gate/tree/main/docs/guide/first-tool.md
//! [rules]: https://github.com/gate-rs/gate/tree/main/docs/guide/rules.md
//! [people]: https://github.com/gate-rs/gate/tree/main/docs/guide/people.md
//! [models]: https://github.com/gate-rs/gate/tree/main/docs/guide/models.md
//! [policies that scale]: https://github.com/gate-rs/gate/tree/main/docs/guide/scale.md
//! [trust]: https://github.com/gate-rs/gate/tree/main/docs/guide/trust.md
//! [examples]: https://github.com/gate-rs/gate/tree/main/examples
//!
//! # Guarantees
//!
//! - The body of a tool runs only with a [`Permit`], and only the engine makes one.
//! - The call that runs is the call that was approved: the arguments come from the permit, and
//!   reviewers voted on their digest.
//! - A body runs at most once for each call. A call that a crash interrupts becomes
//!   [`Indeterminate`](review::Status::Indeterminate). It runs again only if its tool is declared
//!   idempotent, or if a reconciler or a person settles it so.
//! - Nothing runs when a rule fails or hangs, a store does not answer, or a tool is unknown. A
//!   failure never counts as an approval.
//! - The strictest verdict wins, whatever the order of rules, agents' policies and
//!   [`Overlay`](policy::Overlay)s.
//! - Every verdict, decision, dispatch and outcome is written as a [`Record`](records::Record)
//!   before it takes effect.
//!
//! # Where to look
//!
//! | topic | items |
//! |---|---|
//! | tools, their arguments, results and summaries | [`gated_tool`], [`tool`] |
//! | rules, limits, hours, reviewers, overlays | [`macro@policy`], [`Rules`], [`mod@policy`] |
//! | the tools of an agent, and its system prompt | [`registry!`], [`Registry`] |
//! | building a gate | [`GateBuilder`] |
//! | calls, batches, saved runs, handoffs | [`Run`], [`Turn`], [`Agent`], [`run`] |
//! | the origin of a value | [`Call::origin`] |
//! | questions, their content, decisions | [`Interruption`], [`Terminal`], [`review`] |
//! | permissions beyond one call, freezes | [`AnyGate::freeze`], [`AnyGate::revoke`], [`grants`] |
//! | people who may decide | [`StaticDirectory`], [`FileDirectory`], [`people`] |
//! | notifications | [`notify`] |
//! | secrets and their key | [`GateKey`], [`GateBuilder::key`], [`tool::SecretOutput`] |
//! | the wire formats of models | [`dialect`] |
//! | records, events | [`AnyGate::records`], [`AnyGate::case`], [`AnyGate::events`], [`records`] |
//! | a trail that others can verify | [`Trail`], [`trail`], [`audit`] |
//! | calls that ran when a process died | [`AnyGate::recover`], [`Run::guard`] |
//! | agents in other languages | [`remote`] |
//! | your own store or clock | [`store`], [`testing`] |

mod adapters;
mod assemble;
mod engine;
mod lock;
mod logic;
mod outbox;
mod ports;
mod private_file;
mod provenance;
mod random;
mod sealing;

pub mod prelude;

pub use adapters::dialect;
pub use adapters::directory::StaticDirectory;
#[cfg(feature = "directory-file")]
pub use adapters::file_directory::FileDirectory;
pub use adapters::gate_key::GateKey;
pub use adapters::memory::MemoryStore;
#[cfg(feature = "terminal")]
pub use adapters::terminal::Terminal;
#[cfg(feature = "testing")]
pub use adapters::testing;
pub use assemble::GateBuilder;
pub use engine::any_gate::AnyGate;
pub use engine::error::{BuildError, CallError};
pub use engine::gate::Gate;
pub use engine::review::interruption::Interruption;
pub use engine::review::reviewer::Reviewer;
pub use engine::session::agent::Agent;
pub use engine::session::run::Run;
pub use engine::session::turn::Turn;
/// The formats of the trail: trees, keys, checkpoints, receipts.
pub use gate_audit as audit;
pub use gate_core::Timestamp;
pub use gate_core::approval::Approval;
#[doc(hidden)]
pub use gate_core::approval::about_argument;
pub use gate_core::call::ToolCall;
#[doc(hidden)]
pub use gate_core::text::{english, quoted, step_name};
pub use logic::context::CallContext;
pub use logic::registry::{NoTools, Registry};
pub use logic::tool::Tool;
pub use logic::tool::call::Call;
pub use logic::tool::permit::Permit;
pub use logic::tool::policy::{Policy, Rules};
#[doc(hidden)]
pub use private_file::{is_open_to_others, warn_if_open_to_others};
pub use sealing::Trail;

/// Grants, which permit more than one call, and freezes, which stop calls.
pub mod grants {
    #[doc(inline)]
    pub use gate_core::grants::{
        Freeze, FreezeScope, GiveBack, Grant, LimitCharge, LimitKey, Scope, ScopeError,
    };
}

/// Names, ids and digests, each a type of its own.
pub mod id {
    #[doc(inline)]
    pub use gate_core::id::{
        AgentName, ApprovalId, CallId, CaseId, GrantId, ParseIdError, Principal, ReviewerId, Role,
        RunId, ToolName,
    };
    #[doc(inline)]
    pub use gate_core::text::{Digest, ParseDigestError};
}

/// Notifiers: tell people that a call waits, and how it ends.
pub mod notify {
    #[cfg(feature = "terminal")]
    pub use crate::adapters::console::Console;
    #[doc(inline)]
    pub use gate_core::ports::{DeliveryNotice, Notifier, NotifyError};
    #[doc(inline)]
    pub use gate_core::records::{Delivery, DeliveryState};
}

/// Directories: the people who may decide, and their tokens.
pub mod people {
    #[cfg(feature = "directory-file")]
    pub use crate::adapters::file_directory::{
        AgentToken, Person, RemoteAgent, ReviewerToken, RoleDelegation,
    };
    pub use crate::engine::review::error::ReviewerError;
    #[doc(inline)]
    pub use gate_core::people::same_person;
    #[doc(inline)]
    pub use gate_core::ports::{Directory, DirectoryError};
}

/// Policies: rules, verdicts, reviewers, limits, hours, and overlays.
pub mod policy {
    pub use crate::logic::builtin::{always_ask, always_deny, never_ask};
    pub use crate::logic::tool::policy::counted::{BudgetAmount, LimitNeedsPer, Uncounted};
    pub use crate::logic::tool::policy::{
        Approves, Asks, Complete, Counted, Denies, EVERY_DAY, Effect, Example, FRIDAY, MONDAY,
        Otherwise, RuleBuilder, RuleOutcome, SATURDAY, SUNDAY, Shared, THURSDAY, TUESDAY,
        TimeOfDay, Unconditional, WEDNESDAY, WEEKDAYS, WEEKENDS, Weekdays, approve, deny, time,
    };
    pub use crate::ports::overlay::{Objection, OnFailure, Overlay, OverlayCall, OverlayError};
    #[doc(inline)]
    pub use gate_core::approval::{
        EscalationTier, Requirement, ReviewerSelector, anyone, ask, principal, role,
    };
    #[doc(inline)]
    pub use gate_core::assessment::{
        Assessment, EvaluationFailure, PolicyFallback, PolicyView, RuleReport, RuleResult,
        RuleSource, RuleView, Verdict,
    };
    #[doc(inline)]
    pub use gate_core::text::{DAY, HOUR, MINUTE, WEEK, days, hours, minutes};
}

/// Records: everything that happened, in the order in which it happened.
pub mod records {
    pub use crate::engine::kernel::events::EventStream;
    #[doc(inline)]
    pub use gate_core::records::{
        CallEvent, DigestEntry, GateEvent, Record, RecordEvent, ResetEntry, ToolNote, TrailEntry,
        TrailLeaf,
    };
}

/// Remote calls: approvals for agents in other languages, over an API.
pub mod remote {
    pub use crate::engine::remote::{RemoteApproval, RemoteCall, RemoteCaller, RemoteError};
    #[doc(inline)]
    pub use gate_core::call::{AcceptedAnswers, RemoteRequest, RequestPriority};
}

/// Review: the content that people see, their decisions, and the outcome.
pub mod review {
    pub use crate::engine::review::error::DecideError;
    pub use crate::engine::review::interruption::Decide;
    pub use crate::engine::review::vote::{DecisionOutcome, Edit};
    #[doc(inline)]
    pub use gate_core::approval::{
        Decision, EarlierRefusal, Quote, QuoteAuthor, Refused, ReviewContent, ReviewNotice,
        ReviewSnapshot, SettledBy, Settlement, ShownArgument, ShownValue, Status, ValueSource,
        Vote, VoteSignatureError,
    };
    #[doc(inline)]
    pub use gate_core::call::{CallHeadline, HeadlinePart, ToolChanges, ToolDifference};
    #[doc(inline)]
    pub use gate_core::text::{SanitizedText, TextHazard};
}

/// Runs: the calls that an agent proposes, and their answers.
pub mod run {
    pub use crate::engine::error::{RunError, StateError};
    pub use crate::engine::execution::guarded_work::GuardError;
    pub use crate::engine::execution::recovery::InFlight;
    pub use crate::engine::session::answer::{Answer, CallResult};
    pub use crate::engine::session::run_state::RunState;
    #[doc(inline)]
    pub use gate_core::call::{AgentHop, CallSubject, DeniedBy, Message, NotRun, RunInfo, Speaker};
}

/// Stores and clocks: the traits that your own adapters implement.
pub mod store {
    pub use crate::adapters::system_clock::SystemClock;
    #[doc(inline)]
    pub use gate_core::approval::ReplayError;
    #[doc(inline)]
    pub use gate_core::ports::{
        ALIKE, ActiveControls, ApprovalFilter, ApprovalStore, BoxFuture, CallHistory, CallQuery,
        Changeset, Clock, CommitOutcome, DeliveryFilter, DeliveryOrder, KnownTool, OutboxStore,
        REFUSALS, RecordFilter, RecordLog, RecordSignal, RecordWatch, RunChange, RunChanges,
        RunQuery, Store, StoreError, StoreErrorKind,
    };
}

/// Tools: their arguments, schemas, results, secrets and summaries.
pub mod tool {
    pub use crate::adapters::gate_key::ParseGateKeyError;
    pub use crate::logic::registry::Offers;
    pub use crate::logic::schema::SchemaErrors;
    pub use crate::logic::secret_output::SecretOutput;
    pub use crate::logic::tool::reconcile::ReconcileOutcome;
    pub use crate::logic::tool::state::Provides;
    pub use crate::logic::tool::{InState, ToolArg, summary};
    pub use crate::logic::type_probe::{ToolError, ToolOutput};
    #[doc(inline)]
    pub use gate_core::call::{
        Annotations, Arguments, CommitmentKeys, Descriptor, Origin, SecretCommitment,
        SecretDisclosure, SummaryFormat, SummaryPart, ToolOutcome, ToolSummary,
    };
    #[doc(inline)]
    pub use gate_core::text::{Amount, ParseAmountError, SchemaError};
}

/// The trail: sealing records, reading and verifying them, receipts.
pub mod trail {
    #[cfg(feature = "witness-http")]
    pub use crate::adapters::witness_http::HttpWitness;
    pub use crate::engine::review::settle_trail::OrphanedCall;
    pub use crate::logic::audit::Auditor;
    pub use crate::sealing::{
        Divergence, ReceiptEntry, TrailError, TrailReader, TrailStatus, VerifiedReceipt,
    };
    #[doc(inline)]
    pub use gate_core::ports::{Witness, WitnessError};
}

/// Makes a function a gated tool: generates its schema for the model, and the only way to run its
/// body.
///
/// `fn issue_refund` generates two items. A value of the type `IssueRefund` is one call, with the
/// arguments as fields. The function `issue_refund(&run, …)` takes a [`Run`] first, waits for a
/// decision if one is needed, and returns the body's result, or a [`CallError`] if the body did not
/// run. The body itself cannot be called without a [`Permit`].
///
/// ```
/// use gate_runtime::prelude::*;
/// # #[derive(Default)] pub struct Mailer;
///
/// /// Send a mail in the company's name.
/// #[gated_tool(policy = "mails", open_world, timeout = "10s", secret(password))]
/// async fn send_mail(
///     #[state] mailer: &Mailer,
///     #[context] context: &CallContext,
///     /// Who gets it.
///     to: String,
///     /// The text, at most 10,000 characters.
///     #[schemars(length(max = 10_000))]
///     text: String,
///     /// High, or left out.
///     priority: Option<Priority>,
///     /// Opens the mailbox. No record ever shows it.
///     password: String,
/// ) -> Result<String, std::io::Error> {
///     # let _ = (mailer, text, priority, password);
///     Ok(format!("sent to {to} for {}", context.agent()))
/// }
///
/// #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
/// enum Priority { High }
///
/// #[policy]
/// fn mails(rules: Rules<SendMail>) -> Rules<SendMail> {
///     rules
///         .auto_approve("to ourselves")
///         .when(|call| call.to.ends_with("@example.com"))
///         .otherwise(ask(role("press")))
/// }
/// # registry! { pub Tools for Mailer { SendMail } }
/// assert_eq!(SendMail::descriptor().name(), "send_mail");
/// ```
///
/// # Options
///
/// | option | meaning |
/// |---|---|
/// | `policy = "path"` | the tool's [`macro@policy`]: a path that the compiler checks; required |
/// | `name = "…"` | the tool's name for models, `[A-Za-z0-9_-]{1,64}`; by default the function's |
/// | `title = "…"` | the tool's name for people |
#[doc = "| `summary = \"Refund {amount_cents:cents} to {customer_id}\"` | the headline of every \
         question about a call: text with arguments by name, or fields of an argument as \
         `{customer.name}`. An argument may have a format: `cents`, `bytes`, `time`, `duration`, \
         `code` (for the types in [`summary`](tool::summary)) |"]
#[doc = "| `read_only`, `destructive`, `idempotent`, `open_world` | the tool's \
         [`Annotations`](tool::Annotations). To approve a destructive call, reviewers type the \
         tool's name |"]
/// | `timeout = "30s"` | the time limit of an `async` body, in `ms`, `s`, `m` or `h` |
#[doc = "| `idempotent`, after a crash | a call that was running when its process died runs again \
         when its run resumes, at most three times; the body passes \
         [`CallContext::idempotency_key`] to the system that it calls |"]
#[doc = "| `reconcile = \"path\"` | an `async fn(Call<ThisTool>) -> \
         `[`ReconcileOutcome`](tool::ReconcileOutcome)`<Output>`, which finds out whether a call \
         that was running when its process died took effect |"]
#[doc = "| `on_error = \"ask\"` | when the body fails, people are asked: an approval runs it \
         again, any other decision returns the error to the model |"]
#[doc = "| `secret(a, b)` | arguments that only the body sees: no record, log, error, rule text or \
         `Debug` shows them. The body's result is searched for them; return a result that is \
         itself a secret as a [`SecretOutput`](tool::SecretOutput) |"]
/// | `crate = ::path` | the path of this crate, if it is renamed |
///
/// # Arguments
///
/// Each argument is a field of the call and a property of its schema, with its doc comment as the
/// description. Its type may be any type that serde and schemars support, and it may have
/// `#[serde(…)]` and `#[schemars(…)]` attributes. `#[state]` marks a reference to the gate's state
/// or to a part of it ([`Provides`](tool::Provides)), `#[context]` marks the [`CallContext`];
/// neither is in the schema.
///
/// A model's arguments are refused if a field is unknown, a key comes twice, a number is not
/// finite, an integer is beyond ±2^53, the nesting is deeper than 64 or the text is longer than
/// 256 KiB ([`GateBuilder::max_argument_bytes`]). The error has the position as a JSON pointer.
///
/// # Errors
///
/// A body that returns `Err` has run: the model receives the error's text, as
/// [`ToolOutcome::Failed`](tool::ToolOutcome::Failed). A call that did *not* run is a different
/// error everywhere ([`CallError::NotRun`], [`NotRun`](run::NotRun)).
///
/// # Cancel safety
///
/// If the future of `issue_refund(&run, …)` is dropped before the decision, the body does not run.
/// The question is cancelled or stays open, depending on
/// [`Requirement::cancel_when_abandoned`](policy::Requirement::cancel_when_abandoned).
///
/// If the future is dropped while the body runs, the body is dropped too: the call is
/// [`Indeterminate`](review::Status::Indeterminate), and never runs again. Spawn a task for work
/// that must finish.
pub use gate_macros::gated_tool;

/// Declares a policy: the typed rules that judge the calls of one tool.
///
/// The function takes the [`Rules`] of a tool and returns them. The macro turns it into
/// `fn refunds() -> Policy<IssueRefund>`, which holds the function's name, doc comment, source text
/// and their digest: people see each rule as it was written, and the engine detects a decision that
/// was made under other rules.
///
/// ```
/// use gate_runtime::prelude::*;
/// # /// Refund.
/// # #[gated_tool(policy = "refunds")]
/// # fn issue_refund(customer_id: String, amount_cents: u64) -> u64 { amount_cents }
///
/// /// Refunds: small ones in the daytime, a few for each customer; two managers for large ones.
/// #[policy]
/// fn refunds(rules: Rules<IssueRefund>) -> Rules<IssueRefund> {
///     rules
///         .deny("above the legal limit")
///         .when(|call| call.amount_cents > 1_000_000)
///         .ask("large", ask(role("manager")).count(2).comment_required())
///         .when(|call| call.amount_cents > 100_000)
///         .auto_approve("under $50")
///         .when(|call| call.amount_cents < 5_000)
///         .between(time(8, 0), time(18, 0), WEEKDAYS, "Europe/Berlin")
///         .at_most(3)
///         .per(DAY)
///         .by(|call| call.customer_id.clone())
///         .not_matches(IssueRefund { customer_id: "c-88".into(), amount_cents: 5_000 })
///         .otherwise(
///             ask(role("manager"))
///                 .within(minutes(30))
///                 .then(ask(role("oncall")).within(minutes(10))),
///         )
/// }
///
/// let policy = refunds();
/// assert_eq!(policy.view().name(), "refunds");
/// assert_eq!(policy.view().rules()[0].name(), "above the legal limit");
/// ```
///
/// Every rule is evaluated, and the strictest verdict wins: `Approve < Ask < Deny`, whatever the
/// order of the rules. If no rule matches, `otherwise` decides; without it, any reviewer is asked.
/// A rule that returns an error, panics or [takes too long](GateBuilder::judging_timeout) never
/// approves. If it could have denied the call, the call does not run and is answered as
/// unavailable: it may be tried again.
///
/// If this crate is renamed, pass its path: `#[policy(crate = ::path)]`.
///
/// A policy that reads no field can serve any tool: `fn ask_a_human<T: Tool>(rules: Rules<T>) ->
/// Rules<T>`. [`never_ask`](policy::never_ask), [`always_ask`](policy::always_ask) and
/// [`always_deny`](policy::always_deny) are built in.
pub use gate_macros::policy;

/// Lists the tools that an agent may call.
///
/// The compiler rejects two tools with one name, a tool whose state the gate does not provide, and
/// more than 128 tools.
///
/// ```
/// use gate_runtime::prelude::*;
/// # /// Read an order.
/// # #[gated_tool(policy = "never_ask", read_only)]
/// # fn get_order(order_id: String) -> String { order_id }
/// # /// Delete an account.
/// # #[gated_tool(policy = "always_ask", destructive)]
/// # fn delete_account(user_id: String) -> String { user_id }
/// registry! {
///     /// Everything the support agent may call.
///     pub SupportTools for () { GetOrder, DeleteAccount }
/// }
///
/// assert_eq!(SupportTools::NAMES, ["get_order", "delete_account"]);
/// assert!(SupportTools::instructions().contains("delete_account"));
///
/// // A match over all of them stops compiling when a tool is added.
/// fn is_harmless(call: &SupportToolsCall) -> bool {
///     match call {
///         SupportToolsCall::GetOrder(_) => true,
///         SupportToolsCall::DeleteAccount(_) => false,
///     }
/// }
/// # assert!(!is_harmless(&SupportToolsCall::DeleteAccount(DeleteAccount {
/// #     user_id: "mia".into()
/// # })));
/// ```
///
/// `for` names the gate's state; each tool takes it or a part of it ([`Provides`](tool::Provides)).
/// The generated type implements [`Registry`], which has the descriptors for a model, and the
/// section of a system prompt that explains approvals to it. If this crate is renamed, begin with
/// `crate = ::path;`.
pub use gate_macros::registry;

/// Items for generated code. Do not use them: they change without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::logic::erased_tool::ErasedTool;
    pub use crate::logic::registry::{ListedTool, MISTAKEN, is_new_name, is_tool_name, names};
    pub use crate::logic::tool::codec::ArgumentList;
    pub use crate::logic::tool::policy::{
        DeclaredRules, HasPolicyAttribute, PolicySource, policy_of,
    };
    pub use crate::logic::tool::reconcile::{ReconcilableTool, ToolReconciler};
    pub use crate::logic::tool::state::{GateState, SharedState};
    pub use crate::logic::tool::{ArgumentPart, ToolMetadata, is_argument};
    pub use crate::logic::tool_spec::ToolSpecs;
    pub use crate::logic::type_probe::{
        Probe, ProbePlain, ProbeSchemaless, ProbeUnfit, ProbeUnshared,
    };
    pub use {schemars, serde, serde_json};
}
