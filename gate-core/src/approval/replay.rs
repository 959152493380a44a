//! Replays an approval from its records, for readers who trust the records and not the store.

use std::fmt;
use std::sync::Arc;

use crate::approval::state::Approval;
use crate::approval::state_machine::NewApproval;
use crate::approval::status::Status;
use crate::assessment::Assessment;
use crate::records::event::{CallEvent, RecordEvent};
use crate::records::record::Record;

impl Approval {
    /// Returns the state of the call after a record, from its state before the record: `None`
    /// before its first record.
    ///
    /// Calls that an earlier version `imported` have no arguments and cannot be replayed. Secrets
    /// have no salts, as in records.
    ///
    /// ```
    /// use gate_runtime::Approval;
    /// use gate_runtime::records::RecordEvent;
    /// use gate_runtime::records::CallEvent;
    /// # use gate_runtime::prelude::*;
    /// # /// Delete an account.
    /// # #[gated_tool(policy = "always_ask", destructive)]
    /// # fn delete_account(user_id: String) -> String { format!("deleted {user_id}") }
    /// # registry! { pub Tools for () { DeleteAccount } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let people = StaticDirectory::new().person("dana", ["manager"]);
    /// # let gate: Gate<Tools> = Gate::builder(()).directory(people).build().await?;
    /// # let dana = gate.reviewer("dana").await?;
    /// # let run = gate.run("run-42");
    /// # let turn = run
    /// #     .submit([ToolCall::new("call_1", "delete_account", r#"{"user_id":"mia"}"#)])
    /// #     .await?;
    /// # let id = turn.interruptions()[0].id();
    /// # turn.interruptions()[0].approve(&dana).await?;
    /// # let _ = run.proceed().await?;
    /// // Whether what each voter was shown is what the records say.
    /// let mut stands: Option<Approval> = None;
    /// for record in gate.records(0, 100).await? {
    ///     if record.subject().is_none_or(|subject| subject.approval() != id) {
    ///         continue;
    ///     }
    ///     if let (RecordEvent::Call(CallEvent::Voted { vote }), Some(before)) =
    ///         (record.event(), &stands)
    ///     {
    ///         assert_eq!(vote.shown(), Some(before.shown()));
    ///     }
    ///     stands = Some(Approval::after(stands.as_ref(), &record)?);
    /// }
    /// assert_eq!(stands.unwrap().status(), gate.approval(id).await?.unwrap().status());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`ReplayError`] if the record does not follow from the state of the call: it cannot have
    /// happened then, or is about another call.
    pub fn after(before: Option<&Self>, record: &Record) -> Result<Self, ReplayError> {
        Self::played(before, record).map_err(|problem| ReplayError::new(record, problem))
    }

    /// Checks that this state agrees with all records of the call, oldest first.
    ///
    /// # Errors
    /// [`ReplayError`] if a record does not follow from those before it, or if this state differs
    /// from the records.
    #[doc(hidden)]
    pub fn check_follows(&self, records: &[Record]) -> Result<(), ReplayError> {
        let Some(last) = records.last() else {
            return Err(ReplayError::at(0, "the store has no record of it"));
        };
        let mut replayed = None;
        for record in records {
            // This event comes after the end, and only removes salts, which records do not have.
            if !matches!(record.event, RecordEvent::Call(CallEvent::SecretsErased { .. })) {
                replayed = Some(Self::after(replayed.as_ref(), record)?);
            }
        }
        let differs = |what| {
            ReplayError::at(last.seq, format!("after it, {what} are not those of the records"))
        };
        match replayed {
            Some(stands) => self.difference(&stands).map_or(Ok(()), |what| Err(differs(what))),
            None => Err(ReplayError::new(last, "it begins nothing")),
        }
    }

    /// Returns the first difference to another state, among everything that affects whether the
    /// call runs, and with which arguments.
    fn difference(&self, other: &Self) -> Option<&'static str> {
        let (this, that) = (self.without_salts(), other);
        let parts = [
            ("its run, agent and tool", this.subject == that.subject),
            (
                "its state and its attempts",
                (this.status, this.attempts) == (that.status, that.attempts),
            ),
            ("its arguments", this.arguments == that.arguments && this.arguments.is_intact()),
            (
                "the arguments that were proposed",
                (&this.given, &this.proposed) == (&that.given, &that.proposed),
            ),
            ("the results of its rules", is_same(&this.assessment, &that.assessment)),
            ("the people who are asked", this.requirements == that.requirements),
            ("its votes", this.votes == that.votes && this.edit == that.edit),
            (
                "the standing permissions",
                (this.grant, &this.granted_by, this.covered_until)
                    == (that.grant, &that.granted_by, that.covered_until),
            ),
            (
                "the questions that hold it",
                (this.held, &this.held_by) == (that.held, &that.held_by),
            ),
            (
                "its times",
                (this.expires_at(), this.valid_until()) == (that.expires_at(), that.valid_until()),
            ),
            (
                "its results",
                (&this.outcome, &this.failure, this.asked_again, this.stays_unknown)
                    == (&that.outcome, &that.failure, that.asked_again, that.stays_unknown),
            ),
        ];
        parts.into_iter().find_map(|(what, is_same)| (!is_same).then_some(what))
    }

    fn played(before: Option<&Self>, record: &Record) -> Result<Self, String> {
        let (Some(subject), RecordEvent::Call(event)) = (&record.subject, &record.event) else {
            return Err("it does not say which call it is about".to_owned());
        };
        let (assessment, arguments) = match event {
            CallEvent::Assessed { assessment, arguments, .. } => {
                (Some(assessment), Some(arguments))
            }
            CallEvent::Reassessed { assessment, .. } => (Some(assessment), None),
            CallEvent::Imported { approval: Some(imported) } => {
                (Some(&imported.assessment), Some(&imported.arguments))
            }
            _ => (None, None),
        };
        if assessment.is_some_and(|assessment| !assessment.follows()) {
            return Err("its verdict is not that of its rules".to_owned());
        }
        if arguments.is_some_and(|arguments| !arguments.is_intact()) {
            return Err("its arguments are not those of their digest".to_owned());
        }
        let recorded = number_after(before.map_or(0, |before| before.recorded), record.call_seq)?;
        let mut next = match (before, event) {
            (
                None,
                CallEvent::Assessed {
                    assessment,
                    arguments,
                    given,
                    earlier,
                    held,
                    held_by,
                    alike,
                    if_failed,
                    edition,
                },
            ) => {
                let new = NewApproval {
                    given: given.clone(),
                    earlier: earlier.clone(),
                    alike: alike.clone(),
                    held: *held,
                    held_by: held_by.clone(),
                    ..NewApproval::of(
                        Arc::clone(subject),
                        arguments.clone(),
                        Arc::clone(assessment),
                    )
                };
                let mut replayed = Self::open(new, record.at);
                replayed.edition = *edition;
                replayed.requirements.extend(if_failed.as_deref().cloned());
                replayed
            }
            (None, CallEvent::Imported { approval: Some(imported) }) => {
                check_import(record)?;
                imported.as_ref().clone()
            }
            (None, CallEvent::Imported { approval: None }) => {
                return Err(
                    "how it stood when it came from another store is not on the record".to_owned()
                );
            }
            (None, _) => return Err("no such call is open".to_owned()),
            (Some(before), _) if before.id() != subject.approval => {
                return Err("it is about another call".to_owned());
            }
            (Some(before), event) => {
                if let CallEvent::Voted { vote } = event
                    && vote.shown().is_some_and(|shown| shown != before.shown())
                {
                    return Err("its voter was shown something else".to_owned());
                }
                before.apply(event, record.at).map_err(|refused| refused.to_string())?
            }
        };
        if next.subject != *subject {
            return Err("it names the call otherwise than before".to_owned());
        }
        if record.status != Some(next.status) {
            let found =
                record.status.map_or_else(|| "nothing".to_owned(), |status| status.to_string());
            return Err(format!(
                "it says that the call is {found} after it, and it is {}",
                next.status
            ));
        }
        next.recorded = recorded;
        Ok(next)
    }
}

/// Checks that a call was not imported in a state in which it could run: an approval or a running
/// body from elsewhere does not count here.
///
/// # Errors
/// Returns an error if the call is approved or running.
#[doc(hidden)]
pub fn check_import(record: &Record) -> Result<(), String> {
    match record.status {
        Some(Status::Approved | Status::Dispatched) => {
            Err("nothing is imported so that it could run, or as running".to_owned())
        }
        _ => Ok(()),
    }
}

/// Returns the number of a call's last record after one more record, from the number before it. 0
/// stands for records of versions without numbers, which no numbered record precedes.
///
/// # Errors
/// Returns an error if the number is not the next one: a record is missing or in another place.
#[doc(hidden)]
pub fn number_after(before: u64, number: Option<u64>) -> Result<u64, String> {
    match number {
        None if before == 0 => Ok(0),
        Some(number) if number == before.saturating_add(1) => Ok(number),
        found => {
            let found = found
                .map_or_else(|| "has no number".to_owned(), |number| format!("is number {number}"));
            Err(format!(
                "it {found} among the records of its call, and number {} is due",
                before.saturating_add(1)
            ))
        }
    }
}

/// Returns whether two assessments have the same stored form. An assessment that was not read from
/// a store has more details of its policies.
fn is_same(one: &Assessment, other: &Assessment) -> bool {
    let text = |of: &Assessment| serde_json::to_string(of).ok();
    one == other || text(one).is_some_and(|one| Some(one) == text(other))
}

/// A record that does not follow from those before it.
///
/// ```
/// # fn show(fault: &gate_runtime::store::ReplayError) {
/// println!("{fault}"); // like: record 17 (dispatched): this cannot happen while it is pending
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayError {
    seq: u64,
    kind: &'static str,
    problem: String,
}

impl ReplayError {
    #[doc(hidden)]
    pub fn new(record: &Record, problem: impl Into<String>) -> Self {
        Self { seq: record.seq, kind: record.kind(), problem: problem.into() }
    }

    /// Creates an error from a record's number alone, which may be that of a missing record.
    #[doc(hidden)]
    pub fn at(seq: u64, problem: impl Into<String>) -> Self {
        Self { seq, kind: "", problem: problem.into() }
    }

    /// Returns the record's number.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Returns the problem.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No record has the number 0: it stands for a call without records.
        if self.seq == 0 {
            return f.write_str(&self.problem);
        }
        write!(f, "record {}", self.seq)?;
        if !self.kind.is_empty() {
            write!(f, " ({})", self.kind)?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for ReplayError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_a_call_begin_at_one_and_go_on_by_one() {
        assert_eq!([number_after(0, Some(1)), number_after(1, Some(2))], [Ok(1), Ok(2)]);
        // A call without numbers, and a call whose next record is the first with a number.
        assert_eq!([number_after(0, None), number_after(0, Some(1))], [Ok(0), Ok(1)]);
        for (before, number) in [(0, 2), (0, 0), (1, 1), (1, 3), (2, 1), (u64::MAX, 0)] {
            assert!(number_after(before, Some(number)).is_err(), "{before}, {number}");
        }
        let error = number_after(1, None).unwrap_err();
        assert_eq!(error, "it has no number among the records of its call, and number 2 is due");
    }
}
