//! An approval from the records of it: for whoever trusts the records, and not the store.

use std::sync::Arc;

use super::approval::Approval;
use super::event::{CallEvent, Event};
use super::record::Record;

impl Approval {
    /// How a call stood after a record of it, from how it stood before: `None` before its first one.
    ///
    /// `None` where the record does not follow: it is of another call, says what cannot have happened, or is `imported`, which does not have the
    /// arguments. Secrets are without their salts, as records have them.
    ///
    /// ```
    /// use gate_runtime::{Approval, CallEvent, Event};
    /// # use gate_runtime::prelude::*;
    /// # /// Delete an account.
    /// # #[gated_tool(policy = "always_ask", destructive)] fn delete_account(user_id: String) -> String { format!("deleted {user_id}") }
    /// # registry! { pub Tools for () { DeleteAccount } }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let people = StaticDirectory::new().person("dana", ["manager"]);
    /// # let gate: Gate<Tools> = Gate::builder(()).directory(people).build().await?;
    /// # let dana = gate.reviewer("dana").await?;
    /// # let run = gate.run("run-42");
    /// # let turn = run.submit([ToolCall::new("call_1", "delete_account", r#"{"user_id":"mia"}"#)]).await?;
    /// # let id = turn.interruptions()[0].id();
    /// # turn.interruptions()[0].approve(&dana).await?;
    /// # let _ = run.proceed().await?;
    /// // Whether what each voter was shown is what the records say.
    /// let mut stands: Option<Approval> = None;
    /// for record in gate.records(0, 100).await? {
    ///     if record.subject().is_none_or(|subject| subject.approval() != id) {
    ///         continue;
    ///     }
    ///     if let (Event::Call(CallEvent::Voted { vote }), Some(before)) = (record.event(), &stands) {
    ///         assert_eq!(vote.shown(), Some(before.shown()));
    ///     }
    ///     stands = Approval::after(stands.as_ref(), &record);
    /// }
    /// assert_eq!(stands.unwrap().status(), gate.approval(id).await?.unwrap().status());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn after(before: Option<&Self>, record: &Record) -> Option<Self> {
        let (Some(subject), Event::Call(event)) = (&record.subject, &record.event) else { return None };
        let next = match (before, event) {
            (None, CallEvent::Assessed { assessment, arguments, earlier, held, if_failed }) => {
                let (arguments, earlier) = (arguments.clone(), earlier.clone());
                let mut opened = Self::open(Arc::clone(subject), arguments, Arc::clone(assessment), earlier, record.at);
                opened.held = *held;
                opened.requirements.extend(if_failed.clone());
                opened
            }
            (Some(before), event) if before.id() == subject.approval => before.apply(event, record.at).ok()?,
            _ => return None,
        };
        (next.subject == *subject && Some(next.status) == record.status).then_some(next)
    }
}
