//! Policies: named rules in typed Rust, and a fallback for calls that no rule matches.

mod condition;
pub(crate) mod counted;
pub(crate) mod entry;
mod evaluate;
mod example;
mod limit;
mod rules;
mod sealed;
mod source;
mod time_window;

use std::any::TypeId;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

pub use self::condition::{RuleOutcome, Shared};
pub use self::example::Example;
pub use self::rules::{
    Approves, Asks, Complete, Counted, Denies, Effect, Otherwise, RuleBuilder, Rules,
    Unconditional, approve, deny,
};
pub use self::source::{DeclaredRules, HasPolicyAttribute, PolicySource, policy_of};
pub use self::time_window::{
    EVERY_DAY, FRIDAY, MONDAY, SATURDAY, SUNDAY, THURSDAY, TUESDAY, TimeOfDay, WEDNESDAY, WEEKDAYS,
    WEEKENDS, Weekdays, time,
};

use self::entry::RuleEntry;
pub(crate) use self::evaluate::PolicyEvaluation;
use self::limit::RuleLimit;
use self::rules::PolicyParts;

use gate_core::assessment::{PolicyFallback, PolicyView, RuleView};
use gate_core::text::{Digest, canonical};

use super::Tool;

/// The policy of one tool: its rules, and its [view](PolicyView) for people and records.
///
/// Declare one with [`#[policy]`](macro@crate::policy). The verdict is the strictest of all rules
/// that match; if none matches, `otherwise` decides. A rule that fails counts as at least "ask"; if
/// a denial depends on it, the call does not run and may be tried again.
///
/// ```
/// use gate_runtime::prelude::*;
///
/// /// Nobody mails outside the company without a person.
/// #[policy]
/// fn mails(rules: Rules<SendMail>) -> Rules<SendMail> {
///     rules
///         .deny("no attachments")
///         .when(|call| call.attachment.is_some())
///         .auto_approve("inside the company")
///         .when(|call| call.to.ends_with("@example.com"))
///         .otherwise(ask(role("manager")).within(minutes(30)))
/// }
///
/// /// Send a mail.
/// #[gated_tool(policy = "mails")]
/// fn send_mail(to: String, attachment: Option<String>) {}
///
/// let outline = mails();
/// assert_eq!(outline.view().rules().len(), 2);
/// assert_eq!(
///     outline.view().rules()[1].text().unwrap(),
///     ".auto_approve(\"inside the company\")\n\
///      .when(|call| call.to.ends_with(\"@example.com\"))"
/// );
/// ```
#[must_use]
pub struct Policy<T: Tool> {
    pub(crate) any: AnyPolicy,
    tool: PhantomData<fn() -> T>,
}

impl<T: Tool> Policy<T> {
    /// Runs a policy's function. Called by generated code.
    #[doc(hidden)]
    pub fn declare(source: &PolicySource, write: impl FnOnce(Rules<T>) -> Rules<T>) -> Self {
        let written = write(Rules::new()).written;
        Self {
            any: AnyPolicy::declare(source, written, T::NAME, TypeId::of::<T>()),
            tool: PhantomData,
        }
    }

    /// Creates a policy without rules.
    pub(crate) fn builtin(source: &PolicySource, otherwise: Otherwise) -> Self {
        let written = PolicyParts { otherwise: Some(otherwise), ..PolicyParts::default() };
        Self {
            any: AnyPolicy::declare(source, written, T::NAME, TypeId::of::<T>()),
            tool: PhantomData,
        }
    }

    /// Returns the view of the policy for people and records.
    #[must_use]
    pub fn view(&self) -> &Arc<PolicyView> {
        &self.any.view
    }
}

/// A policy of any tool.
pub(crate) struct AnyPolicy {
    entries: Vec<RuleEntry>,
    view: Arc<PolicyView>,
    problems: Vec<String>,
    waits: bool,
    tool: &'static str,
    of: TypeId,
}

impl AnyPolicy {
    fn declare(
        source: &PolicySource,
        written: PolicyParts,
        tool: &'static str,
        of: TypeId,
    ) -> Self {
        let PolicyParts { entries, otherwise, mut problems } = written;
        let otherwise = otherwise.unwrap_or_default();
        let starts: Vec<_> = entries.iter().map(|entry| entry.place).collect();
        let texts = source.rule_texts(&starts, otherwise.place);
        let rules = entries.iter().zip(texts).map(|(entry, text)| RuleView {
            name: entry.name.clone(),
            effect: entry.effect,
            text,
            requirement: entry.requirement.clone(),
            limits: entry.limits.iter().map(RuleLimit::describe).collect(),
        });
        let mut view = PolicyView {
            name: source.name.to_owned(),
            about: source.about.trim().to_owned(),
            text: source.dedented(),
            rules: rules.collect(),
            otherwise: PolicyFallback {
                verdict: otherwise.verdict,
                requirement: otherwise.requirement,
            },
            digest: Digest::of(""),
        };
        view.digest = digest_of(source, &view);
        rules::check(&entries, &view, &mut problems);
        let waits = entries.iter().any(RuleEntry::waits);
        Self { entries, view: view.into(), problems, waits, tool, of }
    }

    pub(crate) fn view(&self) -> &Arc<PolicyView> {
        &self.view
    }

    /// Returns whether it is for the tool of this type.
    pub(crate) fn is_of(&self, tool: TypeId) -> bool {
        self.of == tool
    }

    /// Returns the mistakes in the policy, with the names of the rules.
    pub(crate) fn problems(&self) -> &[String] {
        &self.problems
    }
}

/// Returns the digest of a policy: of its tokens and its rules. A changed comment or line break
/// changes no rule, and causes no new question.
fn digest_of(source: &PolicySource, view: &PolicyView) -> Digest {
    let rules: Vec<_> =
        view.rules().iter().map(|rule| RuleView { text: None, ..rule.clone() }).collect();
    let digest_input = serde_json::json!([view.name(), source.tokens, rules, view.otherwise()]);
    Digest::of(canonical(&digest_input).unwrap_or_default())
}

impl<T: Tool> fmt::Debug for Policy<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Policy({} of {})", self.any.view.name(), self.any.tool)
    }
}
