//! The context of a call: its agent, its principal, its run, and the messages before it.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use gate_core::call::{AgentHop, Message, Origin, RunInfo};
use gate_core::id::{AgentName, ApprovalId, CallId, CaseId, Principal, Role, RunId};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::provenance::{CallFacts, RunHistory};

/// The context of one call, as rules and tool bodies see it.
///
/// A tool takes it as `#[context] context: &CallContext`; a rule reads it by `call.context()`.
///
/// ```
/// use gate_runtime::prelude::*;
///
/// /// Says who asks.
/// #[gated_tool(policy = "never_ask", read_only)]
/// fn whoami(#[context] context: &CallContext) -> String {
///     format!("{} in {}", context.agent(), context.run())
/// }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct CallContext {
    pub(crate) info: Arc<RunInfo>,
    pub(crate) call: CallId,
    pub(crate) approval: ApprovalId,
    pub(crate) reasoning: Option<Arc<str>>,
    pub(crate) history: RunHistory,
    pub(crate) now: Timestamp,
    pub(crate) asked: Arc<OriginInquiry>,
}

/// The facts of a call that are known when a rule asks for origins.
#[derive(Default)]
pub(crate) struct OriginInquiry {
    facts: OnceLock<CallFacts>,
    in_vain: AtomicBool,
}

impl OriginInquiry {
    /// Sets the facts of the call.
    pub(crate) fn set_facts(&self, facts: impl FnOnce() -> CallFacts) {
        self.facts.get_or_init(facts);
    }

    /// Returns whether a rule asked for an origin before all facts were known: it got no answer,
    /// and must be evaluated again.
    pub(crate) fn was_unanswered(&self) -> bool {
        self.in_vain.load(Ordering::Relaxed)
    }
}

/// Always equal, because it is not part of a call's context.
impl PartialEq for OriginInquiry {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for OriginInquiry {}

impl CallContext {
    /// Returns an idempotency key: the same for every attempt to run this call, and for no other
    /// call.
    ///
    /// ```
    /// use gate_runtime::prelude::*;
    /// /// Pay someone.
    /// #[gated_tool(policy = "always_ask", idempotent)]
    /// fn pay(#[context] context: &CallContext, cents: u64) -> String {
    ///     format!("POST /payments, Idempotency-Key: {}, {cents} cents", context.idempotency_key())
    /// }
    /// ```
    #[must_use]
    pub fn idempotency_key(&self) -> String {
        self.approval.to_string()
    }

    /// Returns the id that the model gave to the call, which is the same for every attempt within
    /// its run.
    #[must_use]
    pub fn call(&self) -> &CallId {
        &self.call
    }

    /// Returns the id of the approval under which it runs.
    #[must_use]
    pub fn approval(&self) -> ApprovalId {
        self.approval
    }

    /// Returns the run.
    #[must_use]
    pub fn run(&self) -> &RunId {
        self.info.run()
    }

    /// Returns the agent that proposed it.
    #[must_use]
    pub fn agent(&self) -> &AgentName {
        self.info.agent()
    }

    /// Returns the person the run acts for.
    #[must_use]
    pub fn on_behalf_of(&self) -> Option<&Principal> {
        self.info.principal()
    }

    /// Returns the roles of the person the run acts for.
    #[must_use]
    pub fn roles(&self) -> &[Role] {
        self.info.roles()
    }

    /// Returns the case the run belongs to.
    #[must_use]
    pub fn case(&self) -> Option<&CaseId> {
        self.info.case()
    }

    /// Returns the handoffs and agent calls that led to this run's agent, oldest first, so that a
    /// rule can see which agents called it.
    #[must_use]
    pub fn hops(&self) -> &[AgentHop] {
        self.info.hops()
    }

    /// Returns the agent's claimed reason for the call. Show it, but never trust it.
    #[must_use]
    pub fn reasoning(&self) -> Option<&str> {
        self.reasoning.as_deref()
    }

    /// Returns the messages of the run so far, oldest first, as the application passed them to the
    /// gate.
    #[must_use]
    pub fn history(&self) -> &[Message] {
        self.history.messages()
    }

    /// Returns the origin of a value in the messages before the call: see [`Origin`].
    ///
    /// The value is compared as JSON: texts, numbers, truth values, and lists of them, which come
    /// from the least trusted of their items. Anything that is not a whole value comes from the
    /// agent: an object, nothing. Give its fields one by one.
    ///
    /// Some values mean nothing without their arguments, which are found by the value. If several
    /// arguments have the value, the conversation must name it as each of them.
    ///
    /// - An id of one or two digits is said beside its kind, which is the argument's name without
    ///   `_id` or `_number`, or the tool's name without its first word: `file_id: "13"` by "file
    ///   13", "file no. 13", and not by "June 13".
    /// - A number is said by a quantity where the argument's name ends with the unit:
    ///   `timeout_minutes: 30` by "30 minutes".
    /// - A choice is said by its words: `express_delivery` by "express delivery".
    /// - A truth value is said beside its name: `urgent: true` by "urgent", and not by "not
    ///   urgent"; `false` by "not urgent".
    /// - A date whose year was not said is said where the year is that of the nearest such day.
    ///
    /// Asked in a tool's body, it answers where a rule or an overlay asked before the body began;
    /// else nothing is the user's.
    #[must_use]
    pub fn origin<V: Serialize + ?Sized>(&self, value: &V) -> Origin {
        let facts = self.asked.facts.get();
        if facts.is_none() || !self.history.knows_outputs() {
            self.asked.in_vain.store(true, Ordering::Relaxed);
        }
        let origin = |value: &Value| match facts {
            Some(facts) => self.history.origin(value, facts),
            None => self.history.origin(value, &CallFacts::none()),
        };
        // A value that cannot be written as JSON does not occur in any message.
        serde_json::to_value(value).map_or(Origin::Agent, |value| origin(&value))
    }

    /// Returns whether a value was [said by the user](Origin::User), or is not there: `None`, or an
    /// empty list.
    ///
    /// An argument that was left out has no origin, so that a rule about what the user said would
    /// never match a call without it.
    #[must_use]
    pub fn said_or_absent<V: Serialize + ?Sized>(&self, value: &V) -> bool {
        let is_absent = serde_json::to_value(value).is_ok_and(|value| match value {
            Value::Null => true,
            Value::Array(items) => items.is_empty(),
            _ => false,
        });
        is_absent || self.origin(value).is_user()
    }

    /// Returns the time at which the call is evaluated or run, by the gate's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }
}

impl fmt::Debug for CallContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallContext")
            .field("run", &self.info.run())
            .field("call", &self.call)
            .field("agent", &self.info.agent())
            .finish_non_exhaustive()
    }
}
