//! The builder of a policy: its rules, then its fallback.

use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;

use gate_core::approval::{Requirement, ReviewerSelector, anyone};
use gate_core::assessment::{PolicyView, Verdict};
use gate_core::call::OTHERWISE;
use serde::Serialize;

use super::condition::{RuleCondition, RuleOutcome, Shared};
use super::entry::{RuleEntry, SourceLocation};
use super::example::Example;
use super::limit::RuleLimit;
use super::sealed::Sealed;
use super::time_window::{TimeOfDay, TimeWindow, Weekdays};
use crate::logic::tool::Tool;
use crate::logic::tool::call::Call;

/// A builder of the rules of a tool's policy. A policy's function takes it empty, and returns it
/// with rules.
///
/// Every rule has a name, which people read. The order of rules never changes a verdict. If no rule
/// matches, [`otherwise`](Self::otherwise) decides; without it, any reviewer is asked.
///
/// ```
/// use gate_runtime::prelude::*;
/// # /// Ship a parcel.
/// # #[gated_tool(policy = "parcels")] fn ship(country: String) {}
/// #[policy]
/// fn parcels(rules: Rules<Ship>) -> Rules<Ship> {
///     rules
///         .deny("no parcels to Antarctica")
///         .when(|call| call.country == "AQ")
///         .otherwise(ask(role("shipping")))
/// }
///
/// let policy = parcels();
/// assert_eq!(policy.view().rules()[0].name(), "no parcels to Antarctica");
/// assert_eq!(policy.view().otherwise().verdict(), Verdict::Ask);
/// ```
#[must_use]
pub struct Rules<T: Tool> {
    pub(super) written: PolicyParts,
    tool: PhantomData<fn() -> T>,
}

/// The part of a policy that has been written so far, for any tool.
#[derive(Default)]
pub(super) struct PolicyParts {
    pub(super) entries: Vec<RuleEntry>,
    pub(super) otherwise: Option<Otherwise>,
    pub(super) problems: Vec<String>,
}

impl PolicyParts {
    fn begin(
        &mut self,
        name: &str,
        effect: Verdict,
        requirement: Option<Requirement>,
        location: &'static Location<'static>,
    ) {
        let name = name.to_owned();
        let (conditions, limits, examples) = (Vec::new(), Vec::new(), Vec::new());
        self.entries.push(RuleEntry {
            name,
            effect,
            place: Some(location),
            requirement,
            conditions,
            limits,
            examples,
        });
    }

    fn end(&mut self, otherwise: Otherwise, location: &'static Location<'static>) {
        if self.otherwise.replace(Otherwise { place: Some(location), ..otherwise }).is_some() {
            self.problems.push("`.otherwise(…)` is given twice: keep one".to_owned());
        }
    }

    fn change(&mut self, change: impl FnOnce(&mut RuleEntry)) {
        if let Some(entry) = self.entries.last_mut() {
            change(entry);
        }
    }
}

impl<T: Tool> Rules<T> {
    pub(super) fn new() -> Self {
        Self { written: PolicyParts::default(), tool: PhantomData }
    }

    /// Begins a rule that denies: a call that it matches never runs.
    #[track_caller]
    pub fn deny(self, name: &str) -> RuleBuilder<T, Denies> {
        self.begin(name, Verdict::Deny, None, Location::caller())
    }

    /// Begins a rule that asks: a call that it matches needs the people of the requirement.
    #[track_caller]
    pub fn ask(self, name: &str, requirement: impl Into<Requirement>) -> RuleBuilder<T, Asks> {
        self.begin(name, Verdict::Ask, Some(requirement.into()), Location::caller())
    }

    /// Begins a rule that approves: a call that it matches runs without a person, unless another
    /// rule is stricter.
    ///
    /// The rule needs a condition, hours or a limit. To approve every call, use
    /// [`always`](RuleBuilder::always).
    #[track_caller]
    pub fn auto_approve(self, name: &str) -> RuleBuilder<T, Unconditional> {
        self.begin(name, Verdict::Approve, None, Location::caller())
    }

    /// Sets the verdict on a call that no rule matches: [`ask`](crate::policy::ask), [`deny`] or
    /// [`approve`].
    #[track_caller]
    pub fn otherwise(mut self, verdict: impl Into<Otherwise>) -> Self {
        self.written.end(verdict.into(), Location::caller());
        self
    }

    fn begin<E: Effect>(
        mut self,
        name: &str,
        effect: Verdict,
        requirement: Option<Requirement>,
        location: &'static Location<'static>,
    ) -> RuleBuilder<T, E> {
        self.written.begin(name, effect, requirement, location);
        RuleBuilder { rules: self, effect: PhantomData }
    }
}

/// The kinds of a rule.
///
/// ```
/// use gate_runtime::prelude::*;
/// use gate_runtime::policy::{Effect, RuleBuilder};
/// # /// Ship a parcel.
/// # #[gated_tool(policy = "parcels")] fn ship(country: String) {}
///
/// /// Makes a rule of any kind one for the night.
/// fn at_night<T: Tool, E: Effect>(rule: RuleBuilder<T, E>) -> RuleBuilder<T, E::Narrowed> {
///     rule.between(time(22, 0), time(6, 0), EVERY_DAY, "Europe/Zurich")
/// }
///
/// #[policy]
/// fn parcels(rules: Rules<Ship>) -> Rules<Ship> {
///     at_night(rules.deny("nobody packs")).otherwise(ask(role("shipping")))
/// }
///
/// assert_eq!(parcels().view().rules()[0].effect(), Verdict::Deny);
/// ```
#[diagnostic::on_unimplemented(message = "`{Self}` is not a kind of rule")]
pub trait Effect: Sealed {
    /// The kind of the rule once it has a condition.
    type Narrowed: Effect;
}

/// The kinds of complete rules: all except one that approves and has no condition yet.
///
/// ```
/// use gate_runtime::prelude::*;
/// use gate_runtime::policy::{Complete, RuleBuilder};
/// # /// Ship a parcel.
/// # #[gated_tool(policy = "parcels")] fn ship(country: String) {}
///
/// /// Ends a policy with the people who ship.
/// fn or_shipping<T: Tool, E: Complete>(rule: RuleBuilder<T, E>) -> Rules<T> {
///     rule.otherwise(ask(role("shipping")))
/// }
///
/// #[policy]
/// fn parcels(rules: Rules<Ship>) -> Rules<Ship> {
///     or_shipping(rules.auto_approve("at home").when(|call| call.country == "CH"))
/// }
///
/// assert_eq!(parcels().view().otherwise().verdict(), Verdict::Ask);
/// ```
#[diagnostic::on_unimplemented(
    message = "this rule would approve every call",
    label = "the rule before this has no condition",
    note = "give it a condition (`.when(…)`, `.on(…)`, `.between(…)`) or a limit (`.at_most(…)`, \
        `.budget(…)`), or write `.always()`"
)]
pub trait Complete: Effect {}

macro_rules! effects {
    ($($(#[$doc:meta])* $Effect:ident),*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub enum $Effect {}
        impl Sealed for $Effect {}

        impl Effect for $Effect {
            type Narrowed = Self;
        }
    )*};
}

effects! {
    /// A rule that denies.
    ///
    /// ```
    /// use gate_runtime::prelude::*;
    /// use gate_runtime::policy::{Denies, RuleBuilder};
    ///
    /// /// No tool works while it is frozen.
    /// fn frozen<T: Tool>(rules: Rules<T>) -> RuleBuilder<T, Denies> {
    ///     rules
    ///         .deny("frozen over the holidays")
    ///         .when(|call| call.context().now().to_string().contains("-12-25"))
    /// }
    /// # /// Ship a parcel.
    /// # #[gated_tool(policy = "parcels")] fn ship(country: String) {}
    /// # #[policy]
    /// # fn parcels(rules: Rules<Ship>) -> Rules<Ship> { frozen(rules).otherwise(ask(anyone())) }
    /// # assert_eq!(parcels().view().rules()[0].effect(), Verdict::Deny);
    /// ```
    Denies,
    /// A rule that asks.
    ///
    /// ```
    /// use gate_runtime::prelude::*;
    /// use gate_runtime::policy::{Asks, RuleBuilder};
    ///
    /// /// Whatever the tool: an agent without a person behind it asks.
    /// fn on_its_own<T: Tool>(rules: Rules<T>) -> RuleBuilder<T, Asks> {
    ///     rules
    ///         .ask("for nobody", role("manager"))
    ///         .when(|call| call.context().on_behalf_of().is_none())
    /// }
    /// # /// Ship a parcel.
    /// # #[gated_tool(policy = "parcels")] fn ship(country: String) {}
    /// # #[policy]
    /// # fn parcels(rules: Rules<Ship>) -> Rules<Ship> { on_its_own(rules).otherwise(approve()) }
    /// # assert_eq!(parcels().view().rules()[0].effect(), Verdict::Ask);
    /// ```
    Asks,
    /// A rule that approves.
    ///
    /// ```
    /// use gate_runtime::prelude::*;
    /// use gate_runtime::policy::{Approves, RuleBuilder};
    ///
    /// /// Whatever the tool: in office hours it may run.
    /// fn office_hours<T: Tool>(rules: Rules<T>) -> RuleBuilder<T, Approves> {
    ///     rules.auto_approve("office hours").between(
    ///         time(9, 0),
    ///         time(17, 0),
    ///         WEEKDAYS,
    ///         "Europe/Zurich",
    ///     )
    /// }
    /// # /// Ship a parcel.
    /// # #[gated_tool(policy = "parcels")] fn ship(country: String) {}
    /// # #[policy]
    /// # fn parcels(rules: Rules<Ship>) -> Rules<Ship> {
    /// #     office_hours(rules).otherwise(ask(anyone()))
    /// # }
    /// # assert_eq!(parcels().view().rules()[0].effect(), Verdict::Approve);
    /// ```
    Approves,
    /// A rule that approves within a limit, which can be counted by a key.
    ///
    /// ```
    /// use gate_runtime::prelude::*;
    /// use gate_runtime::policy::{Counted, RuleBuilder};
    ///
    /// /// Whatever the tool: a few a day go through.
    /// fn a_few<T: Tool>(rules: Rules<T>) -> RuleBuilder<T, Counted> {
    ///     rules.auto_approve("a few").at_most(3).per(DAY)
    /// }
    /// # /// Ship a parcel.
    /// # #[gated_tool(policy = "parcels")] fn ship(country: String) {}
    /// # #[policy]
    /// # fn parcels(rules: Rules<Ship>) -> Rules<Ship> {
    /// #     a_few(rules).by(|call| call.country.clone()).otherwise(ask(anyone()))
    /// # }
    /// # assert_eq!(parcels().view().rules()[0].limits(), ["at most 3 in 1 day for each key"]);
    /// ```
    Counted
}

/// A rule that approves and has no condition yet. It must get one before the next rule.
///
/// ```
/// use gate_runtime::prelude::*;
/// use gate_runtime::policy::{RuleBuilder, Unconditional};
/// # /// Ship a parcel.
/// # #[gated_tool(policy = "parcels")] fn ship(country: String) {}
/// #[policy]
/// fn parcels(rules: Rules<Ship>) -> Rules<Ship> {
///     let rule: RuleBuilder<Ship, Unconditional> = rules.auto_approve("at home");
///     rule.when(|call| call.country == "CH").otherwise(ask(role("shipping")))
/// }
///
/// assert_eq!(parcels().view().rules()[0].name(), "at home");
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Unconditional {}

impl Complete for Denies {}

impl Complete for Asks {}

impl Complete for Approves {}

impl Complete for Counted {}

impl Sealed for Unconditional {}

impl Effect for Unconditional {
    type Narrowed = Approves;
}

/// A builder of one rule. It ends with the beginning of the next rule, or with
/// [`otherwise`](Self::otherwise).
///
/// ```
/// use gate_runtime::prelude::*;
/// # /// Ship a parcel.
/// # #[gated_tool(policy = "parcels")] fn ship(country: String) {}
/// #[policy]
/// fn parcels(rules: Rules<Ship>) -> Rules<Ship> {
///     rules
///         .deny("no parcels to Antarctica")           // a rule is open
///         .when(|call| call.country == "AQ")          // more of the same rule
///         .auto_approve("at home")                    // the next one
///         .when(|call| call.country == "CH")
///         .otherwise(ask(role("shipping")))           // no rule is open any more
/// }
///
/// assert_eq!(parcels().view().rules().len(), 2);
/// ```
#[must_use = "a policy ends with `.otherwise(…)`"]
pub struct RuleBuilder<T: Tool, E: Effect> {
    rules: Rules<T>,
    effect: PhantomData<E>,
}

impl<T: Tool, E: Effect> RuleBuilder<T, E> {
    /// Adds a condition: a closure over the typed call, its context and the tool's state. All
    /// conditions of a rule must hold.
    ///
    /// With an error or a panic, the rule counts as failed. A failed rule never approves, and with
    /// a failed rule that denies, the call does not run.
    pub fn when<M: RuleOutcome>(
        self,
        condition: impl Fn(&Call<T>) -> M + Shared,
    ) -> RuleBuilder<T, E::Narrowed> {
        self.with(RuleCondition::Now(Box::new(move |call| condition(call.typed()?).held())))
    }

    /// Adds an async condition, for example a lookup: `.when_async(|call| async move { … })`.
    pub fn when_async<M, F>(
        self,
        condition: impl Fn(Call<T>) -> F + Shared,
    ) -> RuleBuilder<T, E::Narrowed>
    where
        M: RuleOutcome,
        F: Future<Output = M> + Send + 'static,
    {
        self.with(RuleCondition::Later(Box::new(move |call| {
            let later = condition(call.typed::<T>()?.clone());
            Ok(Box::pin(async move { later.await.held() }))
        })))
    }

    /// Adds a condition on the time: from one time of day to another, on some days, in a time zone.
    ///
    /// For example `.between(time(9, 0), time(17, 0), WEEKDAYS, "Europe/Zurich")`. If the hours
    /// pass midnight, the day is that of their beginning. The two times must differ; for whole
    /// days, use [`on`](Self::on).
    pub fn between(
        self,
        from: TimeOfDay,
        to: TimeOfDay,
        days: Weekdays,
        zone: &str,
    ) -> RuleBuilder<T, E::Narrowed> {
        self.with(RuleCondition::Hours(TimeWindow::new(from, to, days, zone)))
    }

    /// Adds a condition on the day, in a time zone: `.on(WEEKENDS, "Europe/Zurich")`, `.on(MONDAY |
    /// FRIDAY, "UTC")`.
    pub fn on(self, days: Weekdays, zone: &str) -> RuleBuilder<T, E::Narrowed> {
        self.with(RuleCondition::Hours(TimeWindow::whole_days(days, zone)))
    }

    /// Adds a call that this rule must match. It is checked when the gate is built, with the gate's
    /// state and without limits.
    pub fn matches(mut self, example: impl Into<Example<T>>) -> Self {
        let example = example.into().erased();
        self.rules.written.change(|entry| entry.examples.push((example, true)));
        self
    }

    /// Adds a call that this rule must not match. It is checked when the gate is built, with the
    /// gate's state.
    pub fn not_matches(mut self, example: impl Into<Example<T>>) -> Self {
        let example = example.into().erased();
        self.rules.written.change(|entry| entry.examples.push((example, false)));
        self
    }

    /// Begins a rule that denies.
    #[track_caller]
    pub fn deny(self, name: &str) -> RuleBuilder<T, Denies>
    where
        E: Complete,
    {
        self.rules.deny(name)
    }

    /// Begins a rule that asks.
    #[track_caller]
    pub fn ask(self, name: &str, requirement: impl Into<Requirement>) -> RuleBuilder<T, Asks>
    where
        E: Complete,
    {
        self.rules.ask(name, requirement)
    }

    /// Begins a rule that approves.
    #[track_caller]
    pub fn auto_approve(self, name: &str) -> RuleBuilder<T, Unconditional>
    where
        E: Complete,
    {
        self.rules.auto_approve(name)
    }

    /// Ends the policy with the verdict on a call that no rule matches.
    #[track_caller]
    pub fn otherwise(self, verdict: impl Into<Otherwise>) -> Rules<T>
    where
        E: Complete,
    {
        self.rules.otherwise(verdict)
    }

    fn with(mut self, condition: RuleCondition) -> RuleBuilder<T, E::Narrowed> {
        self.rules.written.change(|entry| entry.conditions.push(condition));
        self.into_stage()
    }

    pub(super) fn limited(mut self, limit: RuleLimit) -> RuleBuilder<T, Counted> {
        self.rules.written.change(|entry| entry.limits.push(limit));
        self.into_stage()
    }

    pub(super) fn into_stage<Next: Effect>(self) -> RuleBuilder<T, Next> {
        RuleBuilder { rules: self.rules, effect: PhantomData }
    }
}

impl<T: Tool> RuleBuilder<T, Unconditional> {
    /// Approves every call that no other rule asks about or denies.
    ///
    /// ```
    /// use gate_runtime::prelude::*;
    /// # /// Ship a parcel.
    /// # #[gated_tool(policy = "parcels")] fn ship(country: String) {}
    /// #[policy]
    /// fn parcels(rules: Rules<Ship>) -> Rules<Ship> {
    ///     rules
    ///         .auto_approve("a trial")
    ///         .always()
    ///         .deny("an embargo")
    ///         .when(|call| call.country == "XX")
    ///         .otherwise(deny())
    /// }
    ///
    /// assert_eq!(parcels().view().rules().len(), 2);
    /// ```
    pub fn always(self) -> RuleBuilder<T, Approves> {
        self.into_stage()
    }
}

impl<T: Tool> RuleBuilder<T, Counted> {
    /// Counts the limit separately for each value of a key: `.by(|call| call.customer_id.clone())`.
    ///
    /// A limit by recipient cannot be avoided by many small calls for one recipient. Keys are
    /// compared as JSON: the text `"1"` and the number `1` are two keys. For a tool with secrets,
    /// the store only gets the key's HMAC with the gate's key, so the window begins again if the
    /// gate's key changes.
    pub fn by<K: Serialize>(
        mut self,
        key: impl Fn(&Call<T>) -> K + Shared,
    ) -> RuleBuilder<T, Approves> {
        self.rules.written.change(|entry| {
            if let Some(limit) = entry.limits.last_mut() {
                limit.set_key(key);
            }
        });
        self.into_stage()
    }
}

/// Ends the rule, so that rules can be written in a loop.
///
/// ```
/// use gate_runtime::prelude::*;
/// # /// Ship a parcel.
/// # #[gated_tool(policy = "parcels")] fn ship(country: String) {}
/// #[policy]
/// fn parcels(mut rules: Rules<Ship>) -> Rules<Ship> {
///     for country in ["AQ", "BV", "HM"] {
///         rules = rules
///             .deny(&format!("no parcels to {country}"))
///             .when(move |call| call.country == country)
///             .into();
///     }
///     rules.otherwise(ask(role("shipping")))
/// }
/// # assert_eq!(parcels().view().rules()[1].name(), "no parcels to BV");
/// ```
impl<T: Tool, E: Complete> From<RuleBuilder<T, E>> for Rules<T> {
    fn from(rule: RuleBuilder<T, E>) -> Self {
        rule.rules
    }
}

/// The verdict on a call that no rule matches.
///
/// ```
/// use gate_runtime::prelude::*;
/// let _: [Otherwise; 3] = [ask(role("manager")).into(), deny(), approve()];
/// # use gate_runtime::policy::Otherwise;
/// ```
#[derive(Clone, Debug)]
pub struct Otherwise {
    pub(super) verdict: Verdict,
    pub(super) requirement: Option<Requirement>,
    pub(super) place: SourceLocation,
}

impl Default for Otherwise {
    fn default() -> Self {
        anyone().into()
    }
}

/// Returns a fallback that denies the call.
///
/// ```
/// use gate_runtime::prelude::*;
/// # /// Drop a table.
/// # #[gated_tool(policy = "drops")] fn drop_table(name: String) {}
/// #[policy]
/// fn drops(rules: Rules<DropTable>) -> Rules<DropTable> {
///     rules
///         .ask("scratch tables", anyone())
///         .when(|call| call.name.starts_with("scratch_"))
///         .otherwise(deny())
/// }
/// # assert_eq!(drops().view().otherwise().verdict(), Verdict::Deny);
/// ```
#[must_use]
pub fn deny() -> Otherwise {
    Otherwise { verdict: Verdict::Deny, requirement: None, place: None }
}

/// Returns a fallback that approves the call without a person.
///
/// ```
/// use gate_runtime::prelude::*;
/// # /// Search.
/// # #[gated_tool(policy = "searches")] fn search(query: String) {}
/// #[policy]
/// fn searches(rules: Rules<Search>) -> Rules<Search> {
///     rules.deny("too long").when(|call| call.query.len() > 200).otherwise(approve())
/// }
/// # assert_eq!(searches().view().otherwise().verdict(), Verdict::Approve);
/// ```
#[must_use]
pub fn approve() -> Otherwise {
    Otherwise { verdict: Verdict::Approve, requirement: None, place: None }
}

impl From<Requirement> for Otherwise {
    fn from(requirement: Requirement) -> Self {
        Self { verdict: Verdict::Ask, requirement: Some(requirement), place: None }
    }
}

impl From<ReviewerSelector> for Otherwise {
    fn from(selector: ReviewerSelector) -> Self {
        Requirement::from(selector).into()
    }
}

/// Adds the mistakes in a policy to its problems.
pub(super) fn check(entries: &[RuleEntry], view: &PolicyView, problems: &mut Vec<String>) {
    for (index, entry) in entries.iter().enumerate() {
        let name = &entry.name;
        let mut found = |problem: &str| problems.push(format!("rule \"{name}\": {problem}"));
        if name.trim().is_empty() {
            found("it has no name: describe in words what it is for");
        }
        if name == OTHERWISE {
            found("this is the name of what holds when no rule matches: call it something else");
        }
        if entries.iter().take(index).any(|earlier| earlier.name == *name) {
            found("two rules have this name: people could not tell them apart");
        }
        if let Some(problem) = entry.requirement.as_ref().and_then(Requirement::problem) {
            found(&problem);
        }
        entry.limits.iter().filter_map(RuleLimit::problem).for_each(&mut found);
        let hours: Vec<&TimeWindow> =
            entry.conditions.iter().filter_map(RuleCondition::hours).collect();
        hours.iter().filter_map(|hours| hours.problem()).for_each(&mut found);
        if TimeWindow::never_meet(&hours) {
            found(
                "its days or hours never come together, so it never matches: write a rule for each",
            );
        }
    }
    if let Some(problem) = view.otherwise().requirement().and_then(Requirement::problem) {
        problems.push(format!("otherwise: {problem}"));
    }
}

impl<T: Tool> fmt::Debug for Rules<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.written.entries.iter().map(|entry| &entry.name)).finish()
    }
}

impl<T: Tool, E: Effect> fmt::Debug for RuleBuilder<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.rules, f)
    }
}
