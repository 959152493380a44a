//! Standing permissions: "always, for this": what a person allowed beyond one call.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::approval::Approval;
use super::arguments::Arguments;
use super::context::RunInfo;
use super::digest::Digest;
use super::event::Subject;
use super::id::{AgentName, GrantId, Principal, ReviewerId, RunId, ToolName};
use super::words;

/// What one argument must be for a grant to cover a call.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Condition {
    /// Exactly this. A text is a text: no character in it is a pattern.
    Same { value: Value },
    /// A whole number from 0 to this.
    UpTo { max: u64 },
    /// Whatever.
    Any,
}

/// How far a grant reaches, before the call it is given on is known: made by a reviewer's words.
///
/// A grant is never wider than what the reviewer was shown, unless the scope says so in words: every argument that is
/// not named must be the same as in the call that the reviewer saw.
///
/// ```
/// use gate_runtime::Scope;
/// let scope = Scope::this_run().up_to("amount_cents", 5_000).any("order_id").uses(3);
/// assert_eq!(scope.to_string(), "in this run, `amount_cents` up to 5000, any `order_id`, 3 times");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Scope {
    conditions: BTreeMap<String, Condition>,
    uses: Option<u32>,
    until: Option<Timestamp>,
}

impl Scope {
    /// The same call, with the same arguments, as often as it comes in this run.
    #[must_use]
    pub fn this_run() -> Self {
        Self { conditions: BTreeMap::new(), uses: None, until: None }
    }

    /// An argument may be anything.
    #[must_use]
    pub fn any(mut self, argument: impl Into<String>) -> Self {
        self.conditions.insert(argument.into(), Condition::Any);
        self
    }

    /// An argument may be any whole number from 0 to a limit.
    #[must_use]
    pub fn up_to(mut self, argument: impl Into<String>, max: u64) -> Self {
        self.conditions.insert(argument.into(), Condition::UpTo { max });
        self
    }

    /// It covers so many calls, the one it is given on not counted.
    #[must_use]
    pub fn uses(mut self, count: u32) -> Self {
        self.uses = Some(count);
        self
    }

    /// It ends then.
    #[must_use]
    pub fn until(mut self, end: Timestamp) -> Self {
        self.until = Some(end);
        self
    }

    /// The grant that this scope makes of the call that the reviewer saw.
    pub(crate) fn grant(self, approval: &Approval, by: ReviewerId, now: Timestamp) -> Result<Grant, BadScope> {
        let shown = approval.arguments();
        let Value::Object(mut arguments) = shown.to_json() else { return Err(BadScope::NoArguments) };
        let mut conditions = self.conditions;
        for (name, condition) in &conditions {
            let Some(value) = arguments.remove(name) else {
                return Err(BadScope::Unknown { argument: name.clone() });
            };
            if let Condition::UpTo { max } = condition
                && value.as_u64().is_none_or(|shown| shown > *max)
            {
                return Err(BadScope::NotUpTo { argument: name.clone() });
            }
        }
        if !shown.secrets().is_empty() {
            return Err(BadScope::Secret);
        }
        conditions.extend(arguments.into_iter().map(|(name, value)| (name, Condition::Same { value })));
        let Subject { info, tool, tool_digest, policy_digest, .. } = approval.subject();
        Ok(Grant {
            id: GrantId::new(),
            version: 1,
            run: info.run.clone(),
            agent: info.agent.clone(),
            principal: info.principal.clone(),
            tool: tool.clone(),
            tool_digest: *tool_digest,
            policy_digest: *policy_digest,
            conditions,
            uses_left: self.uses,
            until: self.until,
            by,
            given_at: now,
            revoked: false,
        })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("in this run")?;
        write_conditions(&self.conditions, f)?;
        if let Some(uses) = self.uses {
            write!(f, ", {}", words::plural(uses.into(), "time"))?;
        }
        if let Some(end) = self.until {
            write!(f, ", until {end:.0}")?;
        }
        Ok(())
    }
}

fn write_conditions(conditions: &BTreeMap<String, Condition>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    conditions.iter().try_for_each(|(name, condition)| match condition {
        Condition::Any => write!(f, ", any `{name}`"),
        Condition::UpTo { max } => write!(f, ", `{name}` up to {max}"),
        Condition::Same { .. } => Ok(()),
    })
}

/// Why a scope makes no grant.
///
/// ```
/// use gate_runtime::BadScope;
/// let error = BadScope::Unknown { argument: "amout".into() };
/// assert!(error.to_string().contains("`amout`"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadScope {
    /// It names an argument that the call does not have.
    Unknown {
        /// The name.
        argument: String,
    },
    /// It limits an argument that is not a whole number within the limit in the call itself.
    NotUpTo {
        /// The name.
        argument: String,
    },
    /// The call has a secret argument, which nobody was shown.
    Secret,
    /// The call's arguments are not an object.
    NoArguments,
    /// The policy takes no standing permissions here.
    NotAllowed,
    /// More than one person must agree, and a standing permission would be one person's.
    NeedsSeveral,
}

impl fmt::Display for BadScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { argument } => {
                write!(f, "the scope names `{argument}`, which the call does not have: name one of its arguments")
            }
            Self::NotUpTo { argument } => write!(
                f,
                "the scope limits `{argument}`, which is not a whole number within that limit in this very call: \
                 raise the limit or leave it out"
            ),
            Self::Secret => f.write_str("the call has a secret argument, which nobody was shown: approve it once"),
            Self::NoArguments => f.write_str("the call's arguments are not an object: approve it once"),
            Self::NotAllowed => f.write_str("the policy wants each of these calls decided by itself: approve it once"),
            Self::NeedsSeveral => f.write_str("several people must agree, and a standing permission is one person's"),
        }
    }
}

impl std::error::Error for BadScope {}

/// A standing permission, given by a person on a call they saw, for later calls of the same tool in the same run.
///
/// It answers an "ask", never a "deny". It holds only while tool and policies are what they were when it was given.
///
/// ```
/// # fn show(grant: &gate_runtime::Grant) {
/// println!("{} by {}: {grant}", grant.id(), grant.by());
/// # }
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Grant {
    pub(crate) id: GrantId,
    pub(crate) version: u64,
    pub(crate) run: RunId,
    pub(crate) agent: AgentName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) principal: Option<Principal>,
    pub(crate) tool: ToolName,
    pub(crate) tool_digest: Digest,
    pub(crate) policy_digest: Digest,
    conditions: BTreeMap<String, Condition>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uses_left: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    pub(crate) by: ReviewerId,
    given_at: Timestamp,
    revoked: bool,
}

impl Grant {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> GrantId {
        self.id
    }

    /// How often it changed; a store writes it only over the version before.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The run it holds in.
    #[must_use]
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// The tool it is for.
    #[must_use]
    pub fn tool(&self) -> &ToolName {
        &self.tool
    }

    /// Who gave it.
    #[must_use]
    pub fn by(&self) -> &ReviewerId {
        &self.by
    }

    /// When it was given.
    #[must_use]
    pub fn given_at(&self) -> Timestamp {
        self.given_at
    }

    /// How many calls it still covers; `None`: any number.
    #[must_use]
    pub fn uses_left(&self) -> Option<u32> {
        self.uses_left
    }

    /// Whether it can still cover anything.
    #[must_use]
    pub fn is_active(&self, now: Timestamp) -> bool {
        !self.revoked && self.uses_left != Some(0) && self.until.is_none_or(|end| now < end)
    }

    /// Whether it covers a call: same run, agent, person, tool, tool digest and policies; every argument as it says, and
    /// none that it does not name.
    #[must_use]
    pub fn covers(&self, subject: &Subject, arguments: &Arguments, now: Timestamp) -> bool {
        let RunInfo { run, agent, principal, .. } = &*subject.info;
        self.is_active(now)
            && (run, agent, principal) == (&self.run, &self.agent, &self.principal)
            && (&subject.tool, subject.tool_digest, subject.policy_digest)
                == (&self.tool, self.tool_digest, self.policy_digest)
            && arguments.secrets().is_empty()
            && self.admits(&arguments.to_json())
    }

    fn admits(&self, arguments: &Value) -> bool {
        let Value::Object(arguments) = arguments else { return false };
        arguments.keys().all(|name| self.conditions.contains_key(name))
            && self.conditions.iter().all(|(name, condition)| {
                let found = arguments.get(name);
                match condition {
                    Condition::Any => true,
                    Condition::Same { value } => found == Some(value),
                    Condition::UpTo { max } => found.and_then(Value::as_u64).is_some_and(|number| number <= *max),
                }
            })
    }

    /// The grant with one use less.
    pub(crate) fn used(&self) -> Self {
        let uses_left = self.uses_left.map(|uses| uses.saturating_sub(1));
        Self { version: self.version + 1, uses_left, ..self.clone() }
    }

    /// A grant that is about to be given, with one use less.
    pub(crate) fn used_before_it_is_given(&self) -> Self {
        Self { version: 1, ..self.used() }
    }

    /// The grant taken back.
    pub(crate) fn revoked(&self) -> Self {
        Self { version: self.version + 1, revoked: true, ..self.clone() }
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.tool, self.run)?;
        write_conditions(&self.conditions, f)?;
        let same = self.conditions.values().filter(|condition| matches!(condition, Condition::Same { .. })).count();
        write!(f, ", {} as shown", words::plural(same as u64, "argument"))?;
        match self.uses_left {
            Some(uses) => write!(f, ", {} left", words::plural(uses.into(), "use")),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Same { .. } => "Same",
            Self::UpTo { .. } => "UpTo",
            Self::Any => "Any",
        })
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Grant({}, {} by {})", self.id, self.tool, self.by)
    }
}
