//! The content that a reviewer is shown, and its digest, which readers can recompute from records.

use std::fmt;

use serde::Serialize;

use crate::approval::earlier_refusal::EarlierRefusal;
use crate::approval::requirement::Requirement;
use crate::approval::state::Approval;
use crate::assessment::Assessment;
use crate::call::arguments::Arguments;
use crate::call::subject::CallSubject;
use crate::call::tool_changes::ToolChanges;
use crate::id::ApprovalId;
use crate::text::digest::Digest;
use crate::text::json::canonical;

/// The content that a reviewer is shown of an approval. A vote is about exactly this content, and
/// contains its [digest](Self::digest).
///
/// It does not contain votes of others, nor anything that changes by time alone: steps, reminders,
/// deadlines. After any other change the content, and so the question, is a different one.
///
/// ```
/// use gate_runtime::id::Digest;
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
/// # let turn = gate
/// #     .run("run-42")
/// #     .submit([ToolCall::new("call_1", "delete_account", r#"{"user_id":"mia"}"#)])
/// #     .await?;
/// let asked = &turn.interruptions()[0];
/// let presented = asked.approval().review_content();
/// assert_eq!(presented.digest(), Digest::of(presented.as_json()));
/// assert!(presented.as_json().contains(&Digest::of(presented.evidence()).to_string()));
///
/// let decided = asked.approve(&dana).await?;
/// assert_eq!(decided.approval().votes()[0].shown(), Some(presented.digest()));
/// # Ok(()) }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ReviewContent {
    arguments: Digest,
    grounds: String,
    json: String,
}

/// The text whose digest is in a vote. The call has the form that it has in records.
#[derive(Serialize)]
struct PageText<'a> {
    call: &'a CallSubject,
    arguments: Digest,
    grounds: Digest,
}

/// The reasons and requirements of a question. A new field must be left out if it is empty, because
/// otherwise old votes would be about a different text.
#[derive(Serialize)]
struct ReviewEvidence<'a> {
    assessment: &'a Assessment,
    requirements: &'a [Requirement],
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    earlier: &'a [EarlierRefusal],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    alike: &'a [ApprovalId],
    #[serde(skip_serializing_if = "ToolChanges::is_empty")]
    changes: ToolChanges,
    /// The digest of the proposed arguments, if a person changed them.
    #[serde(skip_serializing_if = "Option::is_none")]
    proposed: Option<Digest>,
    /// The digest of the given arguments, if they were completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    given: Option<Digest>,
}

impl ReviewContent {
    /// Returns canonical JSON (RFC 8785) with `call`, which is the subject of each of its records,
    /// and the digests of `arguments` and `grounds`.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.json
    }

    /// Returns canonical JSON of the reasons for the question: `assessment` with every rule's
    /// result, `requirements` and `attempts`. Where they exist, it also has `failure`, `earlier`
    /// refusals, `changes`, and the digests of the arguments `proposed` before a person edited them
    /// and `given` before they were completed.
    #[must_use]
    pub fn evidence(&self) -> &str {
        &self.grounds
    }

    /// Returns the digest of the arguments.
    #[must_use]
    pub fn arguments(&self) -> Digest {
        self.arguments
    }

    /// Returns the SHA-256 of [`as_json`](Self::as_json).
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.json)
    }

    /// Returns the digest of the content that a voter was shown, from the call and the digests in
    /// the vote.
    pub(crate) fn digest_of(call: &CallSubject, arguments: Digest, evidence: Digest) -> Digest {
        Digest::of(text(&PageText { call, arguments, grounds: evidence }))
    }
}

impl fmt::Debug for ReviewContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReviewContent({})", self.digest())
    }
}

impl Approval {
    /// Returns the content that a reviewer is shown now.
    #[must_use]
    pub fn review_content(&self) -> ReviewContent {
        let evidence = text(&ReviewEvidence {
            assessment: &self.assessment,
            requirements: &self.requirements,
            attempts: self.attempts,
            failure: self.failure(),
            earlier: &self.earlier,
            alike: &self.alike,
            changes: self.changes().digests(),
            proposed: self.proposed.as_deref().map(Arguments::digest),
            given: self.given.as_deref().map(Arguments::digest),
        });
        let arguments = self.arguments.digest();
        let json =
            text(&PageText { call: &self.subject, arguments, grounds: Digest::of(&evidence) });
        ReviewContent { arguments, grounds: evidence, json }
    }

    /// Returns the digest of the content that a reviewer is shown now.
    #[must_use]
    pub fn shown(&self) -> Digest {
        self.review_content().digest()
    }
}

/// Returns canonical JSON of the gate's own data, which always exists. The fallback still gives
/// different data different texts.
fn text(data: &impl Serialize) -> String {
    let value = serde_json::to_value(data).unwrap_or_default();
    canonical(&value).unwrap_or_else(|_| value.to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::approval::decision::{Decision, Vote};
    use crate::approval::requirement::{anyone, ask, role};
    use crate::approval::state_machine::NewApproval;
    use crate::assessment::opinion::{Opinion, PolicyOpinion};
    use crate::assessment::policy_view::{PolicyFallback, PolicyView, RuleView};
    use crate::assessment::report::RuleResult;
    use crate::assessment::verdict::Verdict;
    use crate::call::argument_origin::ArgumentOrigin;
    use crate::call::context::{AgentHop, RunInfo};
    use crate::call::origin::Origin;
    use crate::records::event::CallEvent;
    use crate::text::time::minutes;

    fn at(minute: u32) -> Timestamp {
        Timestamp::UNIX_EPOCH.checked_add(minutes(minute)).unwrap()
    }

    fn assessment() -> Assessment {
        let asked = ask(role("manager")).count(2).within(minutes(10)).remind_every(minutes(3));
        let rule = RuleView {
            name: "large".into(),
            effect: Verdict::Ask,
            text: Some("|call| call.amount > 10".into()),
            requirement: Some(asked.then(ask(anyone()).within(minutes(10)))),
            limits: vec!["at most 3".into()],
        };
        let policy = PolicyView {
            name: "payments".into(),
            about: "Payments.".into(),
            text: "fn payments() {}".into(),
            rules: vec![rule],
            otherwise: PolicyFallback { verdict: Verdict::Approve, requirement: None },
            digest: Digest::of("p"),
        };
        let opinion = PolicyOpinion {
            agent: None,
            policy: policy.into(),
            results: vec![RuleResult::Matched],
            errors: Vec::new(),
            verdict: Verdict::Ask,
        };
        let mut assessment = Assessment::join(vec![Opinion::Policy(opinion)]);
        assessment.origins =
            vec![ArgumentOrigin { pointer: "/amount".into(), origin: Origin::User }];
        assessment
    }

    fn arguments(amount: u64) -> Arguments {
        Arguments::new(&json!({"amount": amount}), Vec::new()).unwrap()
    }

    fn approval() -> Approval {
        let run = RunInfo {
            principal: Some("mia".into()),
            case: Some("ticket-7".into()),
            ..RunInfo::new("run", "support")
        };
        let subject = CallSubject {
            approval: "01936c2e-7f2b-7000-8000-000000000001".parse().unwrap(),
            reasoning: Some("the invoice is due".into()),
            ..CallSubject::sample(run)
        };
        Approval::open(
            NewApproval::of(Arc::new(subject), arguments(50), Arc::new(assessment())),
            at(0),
        )
    }

    fn vote(approval: &Approval, decision: Decision) -> CallEvent {
        let vote = Vote {
            reviewer: "dana".into(),
            roles: vec!["manager".into()],
            principal: false,
            decision,
            comment: None,
            arguments: approval.arguments().digest(),
            shown: None,
            grounds: None,
            at: at(1),
            signed: None,
        };
        CallEvent::Voted { vote: Box::new(vote) }
    }

    /// Checks that the text stays the same, because signed votes refer to it for as long as records
    /// are kept.
    #[test]
    fn what_is_shown_has_this_text_for_ever() {
        let content = approval().review_content();
        assert_eq!(
            content.evidence(),
            concat!(
                r#"{"assessment":{"opinions":[{"digest":"#,
                r#""sha256:148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940","#,
                r#""otherwise":{"verdict":"approve"},"policy":"payments","#,
                r#""rules":[{"effect":"ask","requirement":{"remind":180,"#,
                r#""tiers":[{"count":2,"who":{"role":"manager","type":"role"},"within":600},"#,
                r#"{"who":{"type":"anyone"},"within":600}]},"#,
                r#""result":"matched","rule":"large"}],"type":"policy","verdict":"ask"}],"#,
                r#""origins":[{"origin":{"type":"user"},"pointer":"/amount"}],"verdict":"ask"},"#,
                r#""attempts":0,"requirements":[{"remind":180,"#,
                r#""tiers":[{"count":2,"who":{"role":"manager","type":"role"},"within":600},"#,
                r#"{"who":{"type":"anyone"},"within":600}]}]}"#
            )
        );
        assert_eq!(
            content.as_json(),
            concat!(
                r#"{"arguments":"#,
                r#""sha256:0b8895843d28a813c0a0552270feec179fa3d49d5ffca9ed450c81983c60da61","#,
                r#""call":{"agent":"support","approval":"01936c2e-7f2b-7000-8000-000000000001","#,
                r#""call":"1","case":"ticket-7","policy_digest":"#,
                r#""sha256:148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940","#,
                r#""principal":"mia","reasoning":"the invoice is due","run":"run","tool":"pay","#,
                r#""tool_digest":"#,
                r#""sha256:e3b98a4da31a127d4bde6e43033f66ba274cab0eb7eb1c70ec41402bf6273dd8"},"#,
                r#""grounds":"#,
                r#""sha256:a3051df2f6f54618dee32f9d478c839cc71776338c5ed88c3cb86c437ef4d886"}"#
            )
        );
    }

    #[test]
    fn votes_steps_and_reminders_change_nothing_of_what_is_shown() {
        let pending = approval();
        let voted = pending.apply(&vote(&pending, Decision::Approve), at(1)).unwrap();
        let reminded = voted.apply(&CallEvent::Reminded { count: 1 }, at(3)).unwrap();
        let escalated = reminded.apply(&CallEvent::Escalated { reached: vec![2] }, at(11)).unwrap();
        let withdrawn =
            escalated.apply(&CallEvent::Withdrawn { by: "dana".into() }, at(12)).unwrap();
        let held =
            Approval { held: true, note: Some("from elsewhere".into()), ..withdrawn.clone() };
        for same in [voted, reminded, escalated, withdrawn, held] {
            assert_eq!(same.shown(), pending.shown());
        }
    }

    #[test]
    fn whatever_else_changes_makes_another_question_of_it() {
        let opened = approval();
        let subject = |change: &dyn Fn(&mut CallSubject)| {
            let mut subject = CallSubject::clone(&opened.subject);
            change(&mut subject);
            Approval { subject: Arc::new(subject), ..opened.clone() }
        };
        let info = |change: &dyn Fn(&mut RunInfo)| {
            let mut info = RunInfo::clone(&opened.subject.info);
            change(&mut info);
            subject(&|subject| subject.info = Arc::new(info.clone()))
        };
        let changed_content = |change: &dyn Fn(&mut Assessment)| {
            let mut assessment = assessment();
            change(&mut assessment);
            Approval { assessment: Arc::new(assessment), ..opened.clone() }
        };
        let refusal = EarlierRefusal {
            approval: opened.id(),
            arguments: Digest::of("x"),
            by: "omar".into(),
            reason: "no".into(),
        };
        let edit = Decision::Edit { arguments: arguments(40) };
        let changes = ToolChanges { tool: Some(Digest::of("t2")), ..ToolChanges::default() };
        let reassessed = CallEvent::Reassessed { assessment: Arc::new(assessment()), changes };
        let all = [
            opened.clone(),
            subject(&|subject| {
                subject.approval = "01936c2e-7f2b-7000-8000-000000000002".parse().unwrap();
            }),
            subject(&|subject| subject.call = "2".into()),
            subject(&|subject| subject.tool = "play".into()),
            subject(&|subject| subject.tool_digest = Digest::of("t2")),
            subject(&|subject| subject.policy_digest = Digest::of("p2")),
            subject(&|subject| subject.reasoning = None),
            info(&|info| info.run = "run-2".into()),
            info(&|info| info.agent = "billing".into()),
            info(&|info| info.principal = None),
            info(&|info| info.roles = vec!["vip".into()]),
            info(&|info| info.case = Some("ticket-8".into())),
            info(&|info| info.passages = vec![AgentHop::HandedOff { from: "triage".into() }]),
            changed_content(&|assessment| assessment.origins.clear()),
            changed_content(&|assessment| assessment.verdict = Verdict::Deny),
            changed_content(&|assessment| {
                let Opinion::Policy(policy) = &mut assessment.opinions[0] else {
                    panic!("it is a policy")
                };
                policy.results[0] = RuleResult::LimitReached;
            }),
            Approval { arguments: arguments(51), ..opened.clone() },
            Approval { proposed: Some(Box::new(arguments(51))), ..opened.clone() },
            Approval { given: Some(Box::new(arguments(51))), ..opened.clone() },
            Approval { requirements: vec![ask(role("manager"))], ..opened.clone() },
            Approval { earlier: vec![refusal], ..opened.clone() },
            Approval { attempts: 1, ..opened.clone() },
            Approval { failure: Some("it broke".into()), ..opened.clone() },
            opened.apply(&vote(&opened, edit), at(1)).unwrap(),
            opened.apply(&reassessed, at(1)).unwrap(),
        ];
        let digests: BTreeSet<Digest> = all.iter().map(Approval::shown).collect();
        assert_eq!(digests.len(), all.len());
    }

    #[test]
    fn it_is_the_same_after_it_was_stored() {
        let opened = approval();
        let stored: Approval =
            serde_json::from_str(&serde_json::to_string(&opened).unwrap()).unwrap();
        assert!(
            stored.assessment().rules().all(|rule| rule.text().is_none()),
            "the text is not stored with it"
        );
        assert_eq!(stored.review_content(), opened.review_content());
    }
}
