//! 3. People.
//!
//! Where the verdict is to ask, a [`Requirement`](crate::Requirement) says who must agree, how many
//! of them, until when, and who then:
//!
//! ```
//! use gate_runtime::prelude::*;
//!
//! # fn requirements() -> Vec<gate_runtime::Requirement> { vec![
//! // Any one reviewer.
//! ask(anyone()),
//! // Two managers, who say why.
//! ask(role("manager")).count(2).comment_required(),
//! // Later the lead may too.
//! ask(role("oncall")).within(minutes(10)).then(ask(role("lead")).within(hours(1))),
//! // The person whom the run acts for.
//! ask(principal()),
//! // Two treasurers, each with a signature.
//! ask(role("treasurer")).count(2).signed(),
//! # ] }
//! # assert_eq!(
//! #     requirements()[2].to_string(),
//! #     "an oncall within 10 minutes, then a lead within 1 hour"
//! # );
//! ```
//!
//! Roles come from the [`Directory`](crate::Directory) at the moment of the decision. The person
//! whom a run acts for is not counted among those who approve its calls, unless the policy asks
//! exactly them, under whatever name the directory knows of them; one person is one vote, and fills
//! one of the roles that are asked; an agent is none. An approval is valid for a day, or as
//! [`valid_for`](crate::Requirement::valid_for) says; then the call is asked again. Time alone
//! never approves: at the end the call has expired.
//!
//! # Who they are
//!
//! [`StaticDirectory`](crate::StaticDirectory) has the people whom the program names.
//! [`FileDirectory`](crate::FileDirectory) has them in a TOML file, which is looked at before every
//! answer: a role that is taken away in it counts no more, and one that is delegated counts until
//! its end.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use gate_runtime::{FileDirectory, prelude::*};
//! # /// Pay.
//! # #[gated_tool(policy = "managers")]
//! # fn pay(to: String, amount: u64) -> String { format!("paid {amount} to {to}") }
//! # /// Managers.
//! # #[policy]
//! # fn managers(rules: Rules<Pay>) -> Rules<Pay> { rules.otherwise(ask(role("manager"))) }
//! # registry! { pub Tools for () { Pay } }
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("people.toml");
//! # std::fs::write(&path, "[[person]]\nid = \"dana\"\nroles = [\"manager\"]\n")?;
//!
//! // A mistake in it stops the program here, with its line.
//! let people = FileDirectory::open(&path)?;
//! let gate: Gate<Tools> = Gate::builder(()).directory(people.clone()).build().await?;
//! # let _ = gate;
//! # Ok(()) }
//! ```
//!
//! # In another process
//!
//! People decide where they are: over a store that outlives the process, like `gate-sqlite`'s, the
//! command `gate` lists what waits, shows everything about it, and takes every answer, with the
//! reviewer's token from the file. A program of your own does the same with a gate of
//! [`NoTools`](crate::NoTools). The agent's process, started again, goes on; before it runs
//! anything, it judges the call again, by its own rules and its own directory.
//!
//! # Answering
//!
//! Each call that waits is an [`Interruption`](crate::Interruption) of its turn, and of
//! [`gate.pending()`](crate::Gate::pending) for whoever looks after all of them. There are four
//! answers, and one for later calls too:
//!
//! ```
//! use gate_runtime::prelude::*;
//! # /// Pay.
//! # #[gated_tool(policy = "always_ask")]
//! # fn pay(to: String, amount: u64) -> String { format!("paid {amount} to {to}") }
//! # registry! { pub Tools for () { Pay } }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let people = StaticDirectory::new().person("dana", ["manager"]);
//! # let gate: Gate<Tools> = Gate::builder(()).directory(people).build().await?;
//! let run = gate.run("run-42").on_behalf_of("mia");
//! let pay = |id, to, amount: u64| {
//!     ToolCall::new(id, "pay", format!(r#"{{"to":"{to}","amount":{amount}}}"#))
//! };
//! let turn = run
//!     .submit([pay("1", "a", 10), pay("2", "b", 20), pay("3", "c", 30), pay("4", "d", 40)])
//!     .await?;
//!
//! let dana = gate.reviewer("dana").await?; // somebody whom your application has signed in
//! let [first, second, third, fourth] = turn.interruptions() else { panic!() };
//! first.approve(&dana).comment("the invoice is here").await?;
//! // Runs with changes, and the model is told.
//! second.edit(&dana, Edit::new().set("amount", 15)).await?;
//! // Never runs, and the model is told why.
//! third.reject(&dana, "c was paid last week").await?;
//! // Never runs; this is the answer.
//! fourth.respond(&dana, "pay it by card").await?;
//!
//! let turn = run.proceed().await?;
//! let kinds: Vec<_> = turn.answers().iter().map(|answer| answer.kind()).collect();
//! assert_eq!(kinds, ["succeeded", "succeeded", "rejected", "responded"]);
//!
//! // "Always": the same again in this run, unless the scope says more.
//! let turn = run.submit([pay("5", "a", 12)]).await?;
//! turn.interruptions()[0].grant(&dana, Scope::this_run().up_to("amount", 50).uses(3)).await?;
//! assert!(!run.proceed().await?.is_waiting());
//! assert!(!run.submit([pay("6", "a", 49)]).await?.is_waiting());
//! assert!(run.submit([pay("7", "b", 1)]).await?.is_waiting()); // `to` was not the same
//! # Ok(()) }
//! ```
//!
//! An edit passes schema and rules like a new call. A vote counts for the arguments that the
//! reviewer was shown: if somebody edited them meanwhile, it does not, and says so. Whoever comes
//! late is told who decided.
//!
//! # Signed votes
//!
//! A token says who somebody is to whoever sees it, and a database believes whoever can write it. A
//! signature needs the person's own key. Give them one, and its public part to the directory: from
//! then on every vote of theirs must be signed, and before a body begins the gate verifies it
//! again. Where the policy says [`signed()`](crate::Requirement::signed), nothing else counts.
//!
//! ```
//! use gate_runtime::audit::SigningKey;
//! use gate_runtime::prelude::*;
//! # use gate_runtime::audit::KeyKind;
//! # /// Pay.
//! # #[gated_tool(policy = "payouts")]
//! # fn pay(to: String, amount: u64) -> String { format!("paid {amount} to {to}") }
//! # registry! { pub Tools for () { Pay } }
//! /// Payouts are for a treasurer who signs.
//! #[policy]
//! fn payouts(rules: Rules<Pay>) -> Rules<Pay> {
//!     rules.otherwise(ask(role("treasurer")).signed())
//! }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let secret = SigningKey::from_seed("dana", KeyKind::Log, [7; 32])?.to_secret_text();
//!
//! // A line that begins `PRIVATE+KEY+dana+`, and stays with dana.
//! let key: SigningKey = secret.parse()?;
//! let people =
//!     StaticDirectory::new().person("dana", ["treasurer"]).with_key(key.verifier().clone());
//! let gate: Gate<Tools> = Gate::builder(()).directory(people).build().await?;
//! let run = gate.run("run-42");
//! let turn = run.submit([ToolCall::new("1", "pay", r#"{"to":"a","amount":10}"#)]).await?;
//!
//! let dana = gate.reviewer("dana").await?;
//! let asked = &turn.interruptions()[0];
//! assert!(asked.approve(&dana).await.is_err());
//! let decided = asked.approve(&dana).sign_with(&key).await?;
//! assert!(decided.approval().votes()[0].is_signed());
//! assert_eq!(run.proceed().await?.answers()[0].for_model(), "paid 10 to a");
//! # Ok(()) }
//! ```
//!
//! At the command line it is `gate approve … --signing-key FILE`, and in the file of people `key =
//! "dana+…"`. What is signed is everything that the reviewer was
//! [shown](crate::Approval::presented), the decision, the comment and the time, as a signed note
//! that other programs verify as well.
//!
//! # Asking somebody
//!
//! [`Terminal`](crate::Terminal) asks at a terminal. For a page or a chat of your own, render
//! [`asked.review()`](crate::Interruption::review): headline, reasons, arguments, what happened
//! before, what the agent claims, who decides until when. A `String` in it is the gate's own and
//! safe to show. A [`Quote`](crate::Quote) is somebody else's: show its author, and its text
//! through [`Visible`](crate::Visible). Never cut an argument without saying so. News comes from
//! [`gate.events()`](crate::Gate::events).
//!
//! # Telling somebody
//!
//! `Gate::builder(…).notify(Console)` says on standard error what waits;
//! [`Notifier`](crate::Notifier) is for a way of your own, and `gate-inbox` has Slack, mail,
//! PagerDuty and webhooks, which `gate inbox --notify FILE` tells without any code. Whoever is
//! told, no call waits for it: it is delivered from the record, at least once, those about one call
//! in order, and tried again where it fails. [`gate.deliveries(…)`](crate::Gate::deliveries) has
//! what could not be delivered.
//!
//! # Meanwhile
//!
//! [`submit`](crate::Run::submit) and [`proceed`](crate::Run::proceed) never wait for people,
//! [`wait`](crate::Run::wait) does. The model gets an answer to every call at once, also to those
//! that wait, so that the conversation can go on; what is decided later is told later
//! ([`Turn::late`](crate::Turn::late)).
//!
//! Next: [Models](super::models).
