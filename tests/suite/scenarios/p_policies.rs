//! P. Policies.

use std::sync::Arc;

use gate_runtime::policy::{Objection, Overlay, OverlayCall, OverlayError, RuleResult};
use gate_runtime::prelude::*;
use gate_runtime::run::RunError;
use gate_runtime::store::BoxFuture;
use gate_runtime::tool::Amount;
use serde_json::json;

use crate::scenarios::desk::{
    State, Tools, World, builder, call, dana, gate, gate_at_noon, kinds, only_interruption, people,
    records, run, story, texts,
};
use crate::scenarios::stores::{Shared, fresh, on_every_store};

on_every_store! {
    p62_a_rule_that_fails_never_approves_and_a_denying_one_runs_nothing,
    p62_an_async_rule_that_fails_counts_the_same,
    p62_an_overlay_that_fails_runs_nothing,
    p63_an_agents_policy_and_an_overlay_only_tighten,
    p63_every_requirement_must_be_met,
    p64_a_limit_is_exact_when_many_calls_come_at_once_from_many_gates,
    p64_a_limit_that_is_used_up_asks_and_says_so,
    p65_a_limit_by_recipient_is_not_sliced_and_a_budget_sums,
    p65_two_limited_rules_both_count,
    p65_a_budget_of_money_is_exact_and_what_is_no_amount_asks,
    p66_an_unknown_tool_or_agent_runs_nothing_and_names_the_known_ones,
    p66_an_empty_registry_runs_nothing,
    p67_a_failing_example_stops_the_build_naming_rule_and_example,
    p_what_is_wrong_with_a_policy_is_all_said_at_once,
    p_assess_acts_on_nothing,
    p38_a_comment_or_a_line_break_is_no_other_policy,
    p35_a_leaked_part_of_the_state_that_is_not_sync_builds_no_gate,
    p_rules_see_who_when_and_what_was_said,
    p_hours_hold_by_the_gates_clock,
    z89_a_rule_that_throws_asks_and_its_siblings_go_on,
    z99_a_tools_own_hint_never_loosens,
}

/// Each way to fail.
#[policy]
fn failing(rules: Rules<Try>) -> Rules<Try> {
    rules
        .auto_approve("errs")
        .when(|call| if call.how == "approve errs" { Err("no connection") } else { Ok(false) })
        .auto_approve("panics")
        .when(|call| {
            call.how.strip_prefix("approve panics").is_some_and(|_| panic!("out of cheese"))
        })
        .deny("deny errs")
        .when(|call| if call.how == "deny errs" { Err("no connection") } else { Ok(false) })
        .deny("deny panics")
        .when(|call| call.how == "deny panics" && call.how.parse::<u8>().unwrap() > 0)
        .auto_approve("fine")
        .when(|call| call.how != "nothing matches")
        .otherwise(ask(role("manager")))
}

/// Try.
#[gated_tool(policy = "failing")]
fn r#try(#[state] world: &World, how: String) -> String {
    world.ran.lock().unwrap().push(how.clone());
    how
}

/// The same, waiting.
#[policy]
fn failing_later(rules: Rules<TryLater>) -> Rules<TryLater> {
    rules
        .auto_approve("errs")
        .when_async(|call| async move {
            if call.how == "approve errs" { Err("no connection") } else { Ok(false) }
        })
        .auto_approve("panics")
        .when_async(|call| async move {
            tokio::task::yield_now().await;
            assert!(call.how != "approve panics", "out of cheese");
            false
        })
        .deny("deny errs")
        .when_async(|call| async move {
            if call.how == "deny errs" { Err("no connection") } else { Ok(false) }
        })
        .deny("deny panics")
        .when_async(|call| {
            assert!(call.how != "deny panics");
            async { false }
        })
        .auto_approve("fine")
        .when_async(|call| async move { call.how != "nothing matches" })
        .otherwise(ask(role("manager")))
}

/// Try, later.
#[gated_tool(policy = "failing_later")]
fn try_later(#[state] world: &World, how: String) -> String {
    world.ran.lock().unwrap().push(how.clone());
    how
}

/// Limited by recipient, and in all.
#[policy]
fn limited(rules: Rules<Send>) -> Rules<Send> {
    rules
        .auto_approve("three an hour to each")
        .when(|call| call.amount < 50)
        .at_most(3)
        .per(HOUR)
        .by(|call| call.to.clone())
        .budget(|call| call.amount, 400)
        .per(HOUR)
        .otherwise(ask(role("manager")))
}

/// Send.
#[gated_tool(policy = "limited")]
fn send(#[state] world: &World, to: String, amount: u64) -> u64 {
    world.ran.lock().unwrap().push(format!("{amount} to {to}"));
    amount
}

/// Tools that spend money, with the amount as text and as a float.
mod money {
    use super::*;

    /// Limited by what is spent.
    #[policy]
    pub fn spending(rules: Rules<Spend>) -> Rules<Spend> {
        rules
            .auto_approve("a little")
            .budget(|call| call.amount.parse::<Amount>(), 1)
            .per(DAY)
            .otherwise(ask(role("manager")))
    }

    /// Spend.
    #[gated_tool(policy = "spending")]
    pub fn spend(#[state] _world: &World, amount: String) -> String {
        amount
    }

    /// Limited by what is shared.
    #[policy]
    pub fn sharing(rules: Rules<Share>) -> Rules<Share> {
        rules
            .auto_approve("a little")
            .budget(|call| Amount::try_from(call.amount), Amount::hundredths(30))
            .per(DAY)
            .otherwise(ask(role("manager")))
    }

    /// Share.
    #[gated_tool(policy = "sharing")]
    pub fn share(#[state] _world: &World, amount: f64) -> f64 {
        amount
    }

    registry! { pub Tools for State { Spend, Share } }
}

/// Two rules with limits of their own.
#[policy]
fn twice_limited(rules: Rules<Post>) -> Rules<Post> {
    rules
        .auto_approve("short")
        .when(|call| call.text.len() < 10)
        .at_most(2)
        .per(DAY)
        .auto_approve("friendly")
        .when(|call| call.text.contains("hello"))
        .at_most(3)
        .per(DAY)
        .otherwise(ask(role("manager")))
}

/// Post.
#[gated_tool(policy = "twice_limited")]
fn post(text: String) -> String {
    text
}

/// By the office's hours, by who asks, and by what was said.
#[policy]
fn circumstances(rules: Rules<Open>) -> Rules<Open> {
    rules
        .deny("not for strangers")
        .when(|call| call.context().roles().iter().all(|role| *role != "resident"))
        .auto_approve("in the morning, when they said please")
        .between(time(9, 0), time(12, 30), EVERY_DAY, "UTC")
        .when(|call| {
            call.context().history().iter().any(|message| message.text().contains("please"))
        })
        .when(|call| call.context().on_behalf_of().is_some_and(|who| *who == "mia"))
        .matches(
            Example::of(Open { door: "a".into() })
                .on_behalf_of("mia")
                .roles(["resident"])
                .history([Message::user("please")])
                .at("2026-11-21T10:00:00Z".parse().unwrap()),
        )
        .not_matches(
            Example::of(Open { door: "a".into() })
                .on_behalf_of("mia")
                .history([Message::user("please")])
                .at("2026-11-21T13:00:00Z".parse().unwrap()),
        )
        .otherwise(ask(role("manager")))
}

/// Open a door.
#[gated_tool(policy = "circumstances")]
fn open(door: String) -> String {
    door
}

/// Says that it only reads.
#[gated_tool(policy = "always_ask", read_only)]
fn peek(what: String) -> String {
    what
}

registry! { PolicyTools for State { Try, TryLater, Send, Post, Open, Peek } }

async fn policy_gate(store: &Shared) -> (Gate<PolicyTools>, Arc<World>) {
    let state = State::default();
    (builder(store, &state).build().await.unwrap(), state.0)
}

async fn each_way_to_fail(store: &Shared, tool: &str) {
    let (gate, world) = policy_gate(store).await;
    let run = run(&gate);
    for (how, kind) in [
        ("fine", "succeeded"),
        ("approve errs", "waiting"),
        ("approve panics", "waiting"),
        ("deny errs", "unavailable"),
        ("deny panics", "unavailable"),
        ("nothing matches", "waiting"),
    ] {
        let turn =
            run.submit([call(&format!("{tool} {how}"), tool, json!({"how": how}))]).await.unwrap();
        assert_eq!(kinds(&turn), [kind], "{how}");
        if kind == "unavailable" {
            assert!(turn.answers()[0].approval().is_none(), "{how}: a failure is no verdict");
            continue;
        }
        let assessment = turn.answers()[0].approval().unwrap().assessment().clone();
        let failed: Vec<_> =
            assessment.rules().filter(|rule| rule.result() == RuleResult::Failed).collect();
        assert_eq!(
            failed.len(),
            usize::from(how.contains("errs") || how.contains("panics")),
            "{how}"
        );
        if how.contains("errs") {
            assert_eq!(failed[0].error(), Some("no connection"));
        }
    }
    assert_eq!(world.ran(), ["fine"]);
    let written = serde_json::to_string(&records(&gate).await).unwrap();
    assert!(
        written.contains("no connection") && written.contains("it panicked (panic "),
        "the failure is on the record"
    );
    // The record contains the text of the rules, which contains their panic messages.
    assert!(
        !written.contains("it panicked: "),
        "what a panic says stays in the log of its process"
    );
}

async fn p62_a_rule_that_fails_never_approves_and_a_denying_one_runs_nothing(store: Shared) {
    each_way_to_fail(&store, "try").await;
}

async fn p62_an_async_rule_that_fails_counts_the_same(store: Shared) {
    each_way_to_fail(&store, "try_later").await;
}

async fn z89_a_rule_that_throws_asks_and_its_siblings_go_on(store: Shared) {
    let (gate, world) = policy_gate(&store).await;
    let run = run(&gate);
    let turn = run
        .submit([
            call("1", "try", json!({"how": "approve panics"})),
            call("2", "try", json!({"how": "fine"})),
        ])
        .await
        .unwrap();
    assert_eq!(kinds(&turn), ["waiting", "succeeded"]);
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded", "succeeded"]);
    assert_eq!(world.ran_sorted(), ["approve panics", "fine"]);
}

/// An overlay with a fixed answer.
struct FixedOverlay(&'static str, fn(&OverlayCall<'_>) -> Result<Option<Objection>, OverlayError>);

impl Overlay for FixedOverlay {
    fn name(&self) -> &str {
        self.0
    }

    fn judge<'a>(
        &'a self,
        call: &'a OverlayCall<'a>,
    ) -> BoxFuture<'a, Result<Option<Objection>, OverlayError>> {
        Box::pin(async move { (self.1)(call) })
    }
}

async fn p62_an_overlay_that_fails_runs_nothing(store: Shared) {
    for overlay in [
        FixedOverlay("errs", |_| Err(OverlayError::new("no connection"))),
        FixedOverlay("panics", |_| panic!("out of cheese")),
    ] {
        let name = overlay.0;
        let state = State::default();
        let gate: Gate<Tools> = builder(&store, &state).overlay(overlay).build().await.unwrap();
        let turn = gate.run(name).submit([call("1", "read", json!({"id": "a"}))]).await.unwrap();
        assert_eq!(kinds(&turn), ["unavailable"], "{name}");
        assert!(state.0.ran().is_empty());
    }
}

/// Nothing for the intern.
#[policy]
fn nothing<T: Tool>(rules: Rules<T>) -> Rules<T> {
    rules.otherwise(deny())
}

async fn p63_an_agents_policy_and_an_overlay_only_tighten(store: Shared) {
    let state = State::default();
    let gate: Gate<Tools> = builder(&store, &state)
        .agent(
            Agent::new("intern")
                .policy::<crate::scenarios::desk::Read>(nothing())
                .policy::<crate::scenarios::desk::Wipe>(never_ask()),
        )
        .overlay(FixedOverlay("no payments to mallory", |call| {
            let to_mallory = call.arguments().get("to") == Some(json!("mallory"));
            Ok(to_mallory.then(|| Objection::deny("mallory is on a list")))
        }))
        .overlay(FixedOverlay("no opinion", |_| Ok(None)))
        .build()
        .await
        .unwrap();
    let support = gate.run("support").agent("support");
    let intern = gate.run("intern").agent("intern");
    let read = || call("1", "read", json!({"id": "a"}));
    let wipe = || call("2", "wipe", json!({"disk": "a"}));
    assert_eq!(kinds(&support.submit([read(), wipe()]).await.unwrap()), ["succeeded", "waiting"]);
    // An agent's `never_ask` does not loosen the tool's `always_ask`.
    assert_eq!(kinds(&intern.submit([read(), wipe()]).await.unwrap()), ["denied", "waiting"]);
    let turn =
        support.submit([call("3", "pay", json!({"to": "mallory", "amount": 1}))]).await.unwrap();
    assert_eq!(kinds(&turn), ["denied"]);
    assert!(texts(&turn)[0].contains("mallory is on a list"));
    let sources: Vec<_> = turn.answers()[0]
        .approval()
        .unwrap()
        .assessment()
        .rules()
        .map(|rule| rule.source().to_string())
        .collect();
    assert!(
        sources.contains(&"policy payments".to_owned())
            && sources.contains(&"overlay no payments to mallory".to_owned())
    );
}

async fn p63_every_requirement_must_be_met(store: Shared) {
    let state = State::default();
    let directory = people().person("fay", ["fraud"]);
    let gate: Gate<Tools> = builder(&store, &state)
        .directory(directory)
        .overlay(FixedOverlay("large", |_| {
            Ok(Some(Objection::ask("large amounts are looked at", role("fraud"))))
        }))
        .build()
        .await
        .unwrap();
    let run = run(&gate);
    let turn = run.submit([call("1", "pay", json!({"to": "alice", "amount": 500}))]).await.unwrap();
    assert_eq!(only_interruption(&turn).approval().requirements().len(), 2);
    only_interruption(&turn).approve(&dana(&gate).await).await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["waiting"]);
    only_interruption(&turn).approve(&gate.reviewer("fay").await.unwrap()).await.unwrap();
    assert_eq!(kinds(&run.proceed().await.unwrap()), ["succeeded"]);
}

async fn p64_a_limit_is_exact_when_many_calls_come_at_once_from_many_gates(store: Shared) {
    let state = State::default();
    let mut tasks = Vec::new();
    for process in 0..4 {
        let gate: Gate<PolicyTools> = builder(&store, &state).build().await.unwrap();
        tasks.push(tokio::spawn(async move {
            let run = gate.run(format!("run {process}"));
            let calls = (0..25)
                .map(|index| call(&index.to_string(), "send", json!({"to": "alice", "amount": 1})));
            kinds(&run.submit(calls).await.unwrap())
        }));
    }
    let mut succeeded = 0;
    for task in tasks {
        let kinds = task.await.unwrap();
        assert!(kinds.iter().all(|kind| ["succeeded", "waiting"].contains(kind)), "{kinds:?}");
        succeeded += kinds.iter().filter(|kind| **kind == "succeeded").count();
    }
    assert_eq!(succeeded, 3);
    assert_eq!(state.0.ran().len(), 3);
}

async fn p64_a_limit_that_is_used_up_asks_and_says_so(store: Shared) {
    let state = State::default();
    let clock = gate_runtime::testing::ManualClock::at(crate::scenarios::desk::noon());
    let gate: Gate<PolicyTools> =
        builder(&store, &state).clock(clock.clone()).build().await.unwrap();
    let run = run(&gate);
    let send = |id: u64| call(&id.to_string(), "send", json!({"to": "alice", "amount": 49}));
    for id in 0..3 {
        assert_eq!(kinds(&run.submit([send(id)]).await.unwrap()), ["succeeded"]);
    }
    let turn = run.submit([send(3)]).await.unwrap();
    assert_eq!(kinds(&turn), ["waiting"]);
    let shown = only_interruption(&turn).approval().assessment().to_string();
    assert!(shown.contains("three an hour to each (limit used up)"), "{shown}");
    clock.advance(hours(1));
    assert_eq!(
        kinds(&run.submit([send(4)]).await.unwrap()),
        ["succeeded"],
        "the window has moved on"
    );
}

async fn p65_a_limit_by_recipient_is_not_sliced_and_a_budget_sums(store: Shared) {
    let (gate, _) = policy_gate(&store).await;
    let run = run(&gate);
    let mut sent = std::collections::BTreeMap::new();
    for index in 0..40 {
        let to = format!("friend {}", index % 10);
        let turn = run
            .submit([call(&index.to_string(), "send", json!({"to": to, "amount": 40}))])
            .await
            .unwrap();
        if kinds(&turn) == ["succeeded"] {
            *sent.entry(to).or_insert(0) += 1;
        }
    }
    // Ten payments of forty cents use up the budget of 400 before any recipient's limit of three.
    assert_eq!(sent.values().sum::<u64>(), 10);
    assert!(sent.values().all(|count| *count <= 3));
}

async fn p65_a_budget_of_money_is_exact_and_what_is_no_amount_asks(store: Shared) {
    let gate: Gate<money::Tools> = builder(&store, &State::default()).build().await.unwrap();
    let run = run(&gate);
    let mut next = 0;
    let mut ends = async |tool: &str, amounts: Vec<serde_json::Value>| {
        let mut ends = Vec::new();
        for amount in amounts {
            next += 1;
            let turn = run
                .submit([call(&next.to_string(), tool, json!({ "amount": amount }))])
                .await
                .unwrap();
            ends.push(*kinds(&turn).last().unwrap());
        }
        ends
    };
    assert_eq!(ends("spend", vec![json!("0.10"); 9]).await, ["succeeded"; 9]);
    let odd =
        ["0.11", "1,00", "1e-2", "-1", "NaN", "0.0000001"].map(|amount| json!(amount)).to_vec();
    assert_eq!(ends("spend", odd).await, ["waiting"; 6]);
    assert_eq!(ends("spend", vec![json!("0.1"), json!("0.01")]).await, ["succeeded", "waiting"]);
    // As floats, the sum is 0.30000000000000004.
    assert_eq!(ends("share", vec![json!(0.1), json!(0.2)]).await, ["succeeded"; 2]);
    assert_eq!(ends("share", vec![json!(0.01), json!(-0.1), json!(1e-7)]).await, ["waiting"; 3]);
}

async fn p65_two_limited_rules_both_count(store: Shared) {
    let (gate, _) = policy_gate(&store).await;
    let run = run(&gate);
    let mut ends = Vec::new();
    for (id, text) in
        [("1", "hello"), ("2", "hello"), ("3", "hello"), ("4", "short"), ("5", "hello, my friends")]
    {
        ends.push(kinds(&run.submit([call(id, "post", json!({"text": text}))]).await.unwrap())[0]);
    }
    // The first two count for both rules, the third only for the friendly one; then both limits are
    // used up.
    assert_eq!(ends, ["succeeded", "succeeded", "succeeded", "waiting", "waiting"]);
}

async fn p66_an_unknown_tool_or_agent_runs_nothing_and_names_the_known_ones(store: Shared) {
    let (gate, world) = gate(&store).await;
    let turn = run(&gate)
        .submit([call("1", "raed", json!({"id": "a"})), call("2", "\u{1b}[31m", json!({}))])
        .await
        .unwrap();
    assert_eq!(kinds(&turn), ["invalid", "invalid"]);
    let model_texts = texts(&turn);
    assert!(
        model_texts[0].contains("There is no tool `raed`. The tools are `pay`, `read`,")
            && model_texts[0].contains("did you mean `read`?"),
        "{model_texts:?}"
    );
    assert!(!model_texts[1].contains('\u{1b}'), "{model_texts:?}");
    let refused = gate
        .run("run")
        .agent("suport")
        .submit([call("1", "read", json!({"id": "a"}))])
        .await
        .unwrap_err();
    assert!(matches!(&refused, RunError::UnknownAgent { .. }));
    assert_eq!(
        refused.to_string(),
        "unknown agent `suport`; the gate knows `support`; did you mean `support`?"
    );
    assert!(world.ran().is_empty());
    assert!(gate.run("").submit([]).await.is_err());
}

registry! { Nothing for State {} }

async fn p66_an_empty_registry_runs_nothing(store: Shared) {
    let gate: Gate<Nothing> = builder(&store, &State::default()).build().await.unwrap();
    let turn = run(&gate).submit([call("1", "read", json!({"id": "a"}))]).await.unwrap();
    assert!(
        texts(&turn)[0].contains("There is no tool `read`. The tools are none"),
        "{:?}",
        texts(&turn)
    );
    assert!(Nothing::NAMES.is_empty() && Nothing::descriptors().is_empty());
    assert!(Nothing::instructions().contains("no tools"));
}

/// Examples that do not hold.
#[policy]
fn wrong(rules: Rules<Guess>) -> Rules<Guess> {
    rules
        .auto_approve("small")
        .when(|call| call.number < 10)
        .matches(Guess { number: 9 })
        .matches(Guess { number: 10 })
        .not_matches(Guess { number: 3 })
        .deny("errs")
        .when(|_| Err::<bool, _>("no connection"))
        .matches(Guess { number: 1 })
        .otherwise(ask(role("manager")))
}

/// Guess.
#[gated_tool(policy = "wrong")]
fn guess(number: u64) -> u64 {
    number
}

registry! { GuessTools for State { Guess } }

mod leaked {
    use std::cell::Cell;

    use gate_runtime::prelude::*;

    /// A part that is created for each call, so it need not be `Sync` as a part of a shared state
    /// must be.
    pub(crate) struct Counter {
        count: Cell<u64>,
    }

    pub(crate) struct App;

    impl Provides<Counter> for App {
        fn provide(&self) -> &Counter {
            Box::leak(Box::new(Counter { count: Cell::new(0) }))
        }
    }

    /// Count.
    #[gated_tool(policy = "never_ask")]
    pub(crate) async fn count(#[state] counter: &Counter) -> u64 {
        counter.count.set(counter.count.get() + 1);
        counter.count.get()
    }

    registry! { pub(crate) LeakedTools for App { Count } }
}

async fn p35_a_leaked_part_of_the_state_that_is_not_sync_builds_no_gate(store: Shared) {
    let built = Gate::<leaked::LeakedTools>::builder(leaked::App).store(store).build().await;
    assert_eq!(
        built.unwrap_err().problems(),
        ["tool `count`: its state is not `Sync`, so calls cannot share it: put what changes in \
             it into a `Mutex`"]
    );
}

async fn p67_a_failing_example_stops_the_build_naming_rule_and_example(store: Shared) {
    let refused = builder::<GuessTools>(&store, &State::default()).build().await.unwrap_err();
    assert_eq!(
        refused.problems(),
        [
            "policy `wrong` for `guess`: rule \"small\", example 2 (`.matches(…)`): the rule does \
             not match it, but should",
            "policy `wrong` for `guess`: rule \"small\", example 3 (`.not_matches(…)`): the rule \
             matches it, but should not",
            "policy `wrong` for `guess`: rule \"errs\", example 1 (`.matches(…)`): the rule fails \
             on it: no connection",
        ]
    );
}

/// Everything that can be wrong at once.
#[policy]
fn broken(rules: Rules<Break>) -> Rules<Break> {
    rules
        .deny("same")
        .deny("same")
        .deny(" ")
        .deny("otherwise")
        .ask("nobody", ask(anyone()).count(0))
        .ask("never", ask(anyone()).then(ask(role("astronaut"))))
        .auto_approve("at night")
        .between(time(25, 0), time(6, 0), WEEKDAYS, "Europe/Zurick")
        .auto_approve("none")
        .at_most(0)
        .per(DAY)
        .deny("all day")
        .between(time(0, 0), time(0, 0), EVERY_DAY, "UTC")
        .auto_approve("on no day")
        .on(MONDAY, "UTC")
        .on(TUESDAY | WEEKENDS, "UTC")
        .otherwise(deny())
        .otherwise(approve())
}

/// Break.
#[gated_tool(policy = "broken")]
fn r#break(what: String) -> String {
    what
}

registry! { BrokenTools for State { Break } }

async fn p_what_is_wrong_with_a_policy_is_all_said_at_once(store: Shared) {
    let refused = builder::<BrokenTools>(&store, &State::default())
        .agent("support")
        .agent(Agent::new("intern").policy::<crate::scenarios::desk::Pay>(always_deny()))
        .build()
        .await
        .unwrap_err();
    let build_error = refused.to_string();
    for word in [
        "two agents are called `support`",
        "agent `intern` has a policy for `pay`, which is not in the registry: it has `break`",
        "two rules have this name",
        "it has no name",
        "the name of what holds when no rule matches",
        "a count of 0 people",
        "add `.within(…)` before it",
        "there is no time 25:00",
        "a limit of 0 never approves",
        "from 00:00 to 00:00 is no time at all: whole days are `.on(EVERY_DAY, \"UTC\")`",
        "rule \"on no day\": its days or hours never come together, so it never matches: write a \
         rule for each",
        "`.otherwise(…)` is given twice",
        "rule \"never\": it asks for the role `astronaut`, but nobody in the directory holds it",
    ] {
        assert!(build_error.contains(word), "{word} in\n{build_error}");
    }
}

/// One policy, as it is written over the years.
mod years {
    use gate_runtime::prelude::*;

    use super::Send;

    pub mod first {
        use super::*;

        /// Small ones.
        #[policy]
        pub fn sums(rules: Rules<Send>) -> Rules<Send> {
            rules
                .auto_approve("small")
                .when(|call| call.amount < 50 && call.to != "mallory")
                .otherwise(ask(role("manager")))
        }
    }

    pub mod mended {
        use super::*;

        /// Small sums need nobody: see the handbook, chapter 4.
        #[policy]
        #[rustfmt::skip]
        pub fn sums(rules: Rules<Send>) -> Rules<Send> {
            rules
                // What the handbook calls small.
                .auto_approve("small")
                .when(
                    |call| call.amount < 50   /* euros */
                        && call.to != "mallory",
                )
                .otherwise(ask(role("manager")))
        }
    }

    pub mod changed {
        use super::*;

        /// Small ones.
        #[policy]
        pub fn sums(rules: Rules<Send>) -> Rules<Send> {
            rules
                .auto_approve("small")
                .when(|call| call.amount < 51 && call.to != "mallory")
                .otherwise(ask(role("manager")))
        }
    }
}

async fn p38_a_comment_or_a_line_break_is_no_other_policy(store: Shared) {
    let (first, mended) = (years::first::sums(), years::mended::sums());
    let (first, mended, changed) =
        (first.view(), mended.view(), years::changed::sums().view().digest());
    assert_ne!(
        (first.text(), first.about()),
        (mended.text(), mended.about()),
        "people see it as it is written"
    );
    assert_eq!(first.digest(), mended.digest());
    assert_ne!(first.digest(), changed);
    drop(store);
}

async fn p_assess_acts_on_nothing(store: Shared) {
    let (gate, world) = policy_gate(&store).await;
    let run = run(&gate);
    let send = || call("1", "send", json!({"to": "alice", "amount": 49}));
    for _ in 0..10 {
        assert_eq!(run.assess(&send()).await.unwrap().verdict(), Verdict::Approve);
    }
    assert!(story(&gate).await.is_empty() && world.ran().is_empty());
    for id in 0..3 {
        let _ = run
            .submit([call(&id.to_string(), "send", json!({"to": "alice", "amount": 49}))])
            .await
            .unwrap();
    }
    let assessment = run.assess(&send()).await.unwrap();
    assert_eq!(assessment.verdict(), Verdict::Ask);
    assert!(assessment.rules().any(|rule| rule.result() == RuleResult::LimitReached));
    let refused = run.assess(&call("1", "send", json!({"to": 7}))).await.unwrap_err();
    assert_eq!(refused.kind(), "invalid");
    assert_eq!(story(&gate).await.len(), 9);
}

async fn p_rules_see_who_when_and_what_was_said(store: Shared) {
    let state = State::default();
    let clock = gate_runtime::testing::ManualClock::at(crate::scenarios::desk::noon());
    let gate: Gate<PolicyTools> = builder(&store, &state).clock(clock).build().await.unwrap();
    let open = || [call("1", "open", json!({"door": "a"}))];
    let stranger = gate.run("1").on_behalf_of("mia").history([Message::user("please")]);
    assert_eq!(kinds(&stranger.submit(open()).await.unwrap()), ["denied"]);
    let rude =
        gate.run("2").on_behalf_of("mia").roles(["resident"]).history([Message::user("open it")]);
    assert_eq!(kinds(&rude.submit(open()).await.unwrap()), ["waiting"]);
    let other =
        gate.run("3").on_behalf_of("noah").roles(["resident"]).history([Message::user("please")]);
    assert_eq!(kinds(&other.submit(open()).await.unwrap()), ["waiting"]);
    let polite = gate.run("4").on_behalf_of("mia").roles(["resident"]);
    polite.add_message(Message::user("open it, please"));
    assert_eq!(kinds(&polite.submit(open()).await.unwrap()), ["succeeded"]);
}

async fn p_hours_hold_by_the_gates_clock(store: Shared) {
    let (_, _, clock) = gate_at_noon(&fresh()).await;
    let gate: Gate<PolicyTools> =
        builder(&store, &State::default()).clock(clock.clone()).build().await.unwrap();
    let run =
        gate.run("1").on_behalf_of("mia").roles(["resident"]).history([Message::user("please")]);
    assert_eq!(
        kinds(&run.submit([call("1", "open", json!({"door": "a"}))]).await.unwrap()),
        ["succeeded"]
    );
    clock.advance(minutes(30));
    assert_eq!(
        kinds(&run.submit([call("2", "open", json!({"door": "a"}))]).await.unwrap()),
        ["waiting"]
    );
}

async fn z99_a_tools_own_hint_never_loosens(store: Shared) {
    let (gate, _) = policy_gate(&store).await;
    assert_eq!(
        kinds(&run(&gate).submit([call("1", "peek", json!({"what": "a"}))]).await.unwrap()),
        ["waiting"]
    );
}
