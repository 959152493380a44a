//! Signed votes: the text, the signature, and its verification.

use std::fmt;

use gate_audit::{Error, KeyKind, Note, SigningKey, VerifierKey};

use crate::approval::decision::{Decision, Vote};
use crate::approval::review_content::ReviewContent;
use crate::approval::signed_vote::SignedVote;
use crate::call::subject::CallSubject;
use crate::id::ApprovalId;
use crate::text::digest::{Digest, hex};
use crate::text::json::canonical;

/// The first line of the signed text. No other text that a key signs begins with it.
const HEADER: &str = "gate/vote@v1";
/// The header that earlier versions signed. Their votes still count.
const EARLIER_HEADER: &str = "github.com/gate-rs/gate/vote@v1";

/// The longest signed text, in bytes: the limit of a signed note.
const LONGEST: usize = 500_000;

/// The reason why a vote's signature is not valid.
///
/// ```
/// use gate_runtime::review::VoteSignatureError;
/// assert!(VoteSignatureError::Unsigned.to_string().contains("`--signing-key FILE`"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VoteSignatureError {
    /// The vote is not signed, but the voter has a key in the directory.
    Unsigned,
    /// The vote is signed, but the voter has no key in the directory.
    NoKey,
    /// The vote is not signed by this key, or the key is another person's.
    OtherKey,
    /// The key is a witness's, which signs checkpoints.
    WitnessKey,
    /// The signed text is not the text of this vote on this call.
    OtherVote,
    /// The vote is too long to be signed.
    TooLong,
}

impl fmt::Display for VoteSignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned => f.write_str(
                "the vote is not signed, but the directory has a key of this reviewer: sign it \
                 with that key (`--signing-key FILE`, or `.sign_with(&key)`)",
            ),
            Self::NoKey => f.write_str(
                "the vote is signed, but the directory has no key of this reviewer: register the \
                 public key there, or vote without one",
            ),
            Self::OtherKey => f.write_str(
                "the vote is not signed by the key that the directory has of this reviewer: use \
                 that key, or register the new one there",
            ),
            Self::WitnessKey => f.write_str(
                "the key is a witness's, which signs checkpoints: use one of algorithm 1",
            ),
            Self::OtherVote => f.write_str(
                "what was signed is not this vote: another call, other arguments, another \
                 decision, comment or time",
            ),
            Self::TooLong => {
                write!(
                    f,
                    "the vote is longer than {LONGEST} bytes, which is more than can be \
                    signed: make it shorter"
                )
            }
        }
    }
}

impl std::error::Error for VoteSignatureError {}

impl Vote {
    /// Returns the vote as a signed note (C2SP `signed-note`), if it is signed: text, empty line,
    /// signature. Other programs can verify it too.
    ///
    /// ```
    /// # use gate_runtime::prelude::*;
    /// # use gate_runtime::audit::{KeyKind, Note, SigningKey};
    /// # /// Delete an account.
    /// # #[gated_tool(policy = "always_ask", destructive)]
    /// # fn delete_account(user_id: String) -> String { format!("deleted {user_id}") }
    /// # registry! { pub Tools for () { DeleteAccount } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let key = SigningKey::from_seed("dana", KeyKind::Log, [7; 32])?;
    /// # let people =
    /// #     StaticDirectory::new().person("dana", ["manager"]).with_key(key.verifier().clone());
    /// # let gate: Gate<Tools> = Gate::builder(()).directory(people).build().await?;
    /// # let dana = gate.reviewer("dana").await?;
    /// # let turn = gate
    /// #     .run("run-42")
    /// #     .submit([ToolCall::new("call_1", "delete_account", r#"{"user_id":"mia"}"#)])
    /// #     .await?;
    /// let decided = turn.interruptions()[0].approve(&dana).sign_with(&key).await?;
    /// let note = decided.approval().votes()[0].signed().expect("it is signed");
    /// let note = Note::parse(note.as_bytes())?;
    /// note.verify(&[key.verifier().clone()])?;
    /// assert!(note.text().starts_with("gate/vote@v1\napproval "));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn signed(&self) -> Option<&str> {
        self.signed.as_ref().map(SignedVote::as_str)
    }

    /// Returns whether it is signed. [`verify_signature`](Self::verify_signature) checks whose
    /// signature it is.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.signed.is_some()
    }

    /// Verifies that the owner of this key signed this vote on this call: rebuilds the text from
    /// call and vote, and verifies its signature.
    ///
    /// The key must be the voter's: get it from a directory that you trust, and never from the
    /// vote. Everything in the vote is signed except the roles, which come from the directory. Of
    /// the content that the voter was shown, the call and the arguments are checked; the digest
    /// [`grounds`](Self::grounds) covers the rest, for readers who have the records.
    ///
    /// # Errors
    /// [`VoteSignatureError`] if it does not verify.
    ///
    /// ```
    /// # use gate_runtime::prelude::*;
    /// # use gate_runtime::review::VoteSignatureError;
    /// # use gate_runtime::audit::{KeyKind, SigningKey};
    /// # /// Delete an account.
    /// # #[gated_tool(policy = "always_ask", destructive)]
    /// # fn delete_account(user_id: String) -> String { format!("deleted {user_id}") }
    /// # registry! { pub Tools for () { DeleteAccount } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let key = SigningKey::from_seed("dana", KeyKind::Log, [7; 32])?;
    /// # let people =
    /// #     StaticDirectory::new().person("dana", ["manager"]).with_key(key.verifier().clone());
    /// # let gate: Gate<Tools> = Gate::builder(()).directory(people).build().await?;
    /// # let dana = gate.reviewer("dana").await?;
    /// # let calls =
    /// #     ["1", "2"].map(|id| ToolCall::new(id, "delete_account", r#"{"user_id":"mia"}"#));
    /// # let turn = gate.run("run-42").submit(calls).await?;
    /// # let [first, second] = turn.interruptions() else { panic!() };
    /// let decided = first.approve(&dana).sign_with(&key).await?;
    /// let vote = &decided.approval().votes()[0];
    /// assert_eq!(vote.verify_signature(first.approval().subject(), key.verifier()), Ok(()));
    /// assert_eq!(
    ///     vote.verify_signature(second.approval().subject(), key.verifier()),
    ///     Err(VoteSignatureError::OtherVote)
    /// );
    /// # Ok(()) }
    /// ```
    pub fn verify_signature(
        &self,
        call: &CallSubject,
        key: &VerifierKey,
    ) -> Result<(), VoteSignatureError> {
        let signed = self.signed().ok_or(VoteSignatureError::Unsigned)?;
        if key.kind() != KeyKind::Log {
            return Err(VoteSignatureError::WitnessKey);
        }
        if *self.reviewer.as_str() != *key.name() {
            return Err(VoteSignatureError::OtherKey);
        }
        let is_principal = call
            .info
            .principal
            .as_ref()
            .is_some_and(|principal| self.reviewer == *principal.as_str());
        let (arguments, evidence) =
            (self.arguments, self.grounds.ok_or(VoteSignatureError::OtherVote)?);
        if is_principal != self.principal
            || self.shown != Some(ReviewContent::digest_of(call, arguments, evidence))
        {
            return Err(VoteSignatureError::OtherVote);
        }
        let note = Note::parse(signed.as_bytes()).map_err(|_| VoteSignatureError::OtherVote)?;
        let nonce = note.text().rsplit(['\n', ' ']).nth(1).ok_or(VoteSignatureError::OtherVote)?;
        let text = [HEADER, EARLIER_HEADER]
            .into_iter()
            .filter_map(|header| self.text(header, call.approval, nonce))
            .find(|text| text == note.text());
        let signature = text.and_then(|text| signed.strip_prefix(&text)?.strip_prefix('\n'));
        // There must be exactly one signature, and nothing unverified after it.
        if signature.is_none_or(|lines| lines.matches('\n').count() != 1) || !is_nonce(nonce) {
            return Err(VoteSignatureError::OtherVote);
        }
        note.verify(std::slice::from_ref(key)).map(drop).map_err(|_| VoteSignatureError::OtherKey)
    }

    /// Checks that it is signed as the directory requires: by the voter's key, or not at all if the
    /// voter has none.
    #[doc(hidden)]
    pub fn check_signature(
        &self,
        call: &CallSubject,
        key: Option<&VerifierKey>,
    ) -> Result<(), VoteSignatureError> {
        match (&self.signed, key) {
            (None, None) => Ok(()),
            (Some(_), None) => Err(VoteSignatureError::NoKey),
            (_, Some(key)) => self.verify_signature(call, key),
        }
    }

    /// Signs the vote. Use each nonce once, so that no two signatures are equal, even of the same
    /// text at the same time.
    #[doc(hidden)]
    pub fn sign(
        &mut self,
        approval: ApprovalId,
        key: &SigningKey,
        nonce: &[u8; 32],
    ) -> Result<(), VoteSignatureError> {
        let text = self.text(HEADER, approval, &hex(nonce)).ok_or(VoteSignatureError::OtherVote)?;
        let note = Note::sign(text, key).map_err(|error| match error {
            Error::WrongKind { .. } => VoteSignatureError::WitnessKey,
            _ => VoteSignatureError::TooLong,
        })?;
        self.signed = Some(SignedVote(note.to_string()));
        Ok(())
    }

    /// Returns the signed text. Each line has one form, and a comment or a decision cannot add a
    /// line, because JSON escapes newlines.
    fn text(&self, header: &str, approval: ApprovalId, nonce: &str) -> Option<String> {
        let decision = match &self.decision {
            Decision::Edit { arguments } => Decision::Edit { arguments: arguments.without_salts() },
            other => other.clone(),
        };
        let decision = canonical(&serde_json::to_value(decision).ok()?).ok()?;
        let comment = match &self.comment {
            Some(comment) => format!("comment {}\n", canonical(&comment.as_str().into()).ok()?),
            None => String::new(),
        };
        let (shown, at): (Digest, _) = (self.shown?, self.at);
        Some(format!(
            "{header}\napproval {approval}\nshown {shown}\ndecision {decision}\n{comment}time \
             {at}\nnonce {nonce}\n"
        ))
    }
}

fn is_nonce(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::call::arguments::Arguments;
    use crate::call::commitment::{CommitmentKeys, SecretCommitment};
    use crate::call::context::RunInfo;

    fn key(name: &str, seed: u8) -> SigningKey {
        SigningKey::from_seed(name, KeyKind::Log, [seed; 32]).unwrap()
    }

    fn call() -> CallSubject {
        let approval = "01936c2e-7f2b-7000-8000-000000000001".parse().unwrap();
        let run = RunInfo { principal: Some("mia".into()), ..RunInfo::new("run", "support") };
        CallSubject { approval, ..CallSubject::sample(run) }
    }

    fn vote_of(decision: Decision, comment: Option<&str>) -> Vote {
        let (arguments, evidence) = (Digest::of("arguments"), Digest::of("grounds"));
        Vote {
            reviewer: "dana".into(),
            roles: vec!["manager".into()],
            principal: false,
            decision,
            comment: comment.map(str::to_owned),
            arguments,
            shown: Some(ReviewContent::digest_of(&call(), arguments, evidence)),
            grounds: Some(evidence),
            at: "2026-11-21T12:00:00.000000001Z".parse().unwrap(),
            signed: None,
        }
    }

    fn signed(mut vote: Vote, key: &SigningKey) -> Vote {
        vote.sign(call().approval, key, &[7; 32]).unwrap();
        vote
    }

    fn approved() -> Vote {
        signed(vote_of(Decision::Approve, Some("the invoice\nis \"here\"")), &key("dana", 1))
    }

    fn verified(vote: &Vote) -> Result<(), VoteSignatureError> {
        vote.verify_signature(&call(), key("dana", 1).verifier())
    }

    /// The note of the approved vote.
    fn note(header: &str, signature: &str) -> String {
        format!(
            concat!(
                "{header}\n",
                "approval 01936c2e-7f2b-7000-8000-000000000001\n",
                "shown sha256:1eb092bbff94019171b2242c9cb35d703a8f833e6006a56f5852af6e97e876b0\n",
                "decision {{\"type\":\"approve\"}}\n",
                "comment \"the invoice\\nis \\\"here\\\"\"\n",
                "time 2026-11-21T12:00:00.000000001Z\n",
                "nonce 0707070707070707070707070707070707070707070707070707070707070707\n",
                "\n",
                "— dana {signature}\n",
            ),
            header = header,
            signature = signature,
        )
    }

    /// Notes are kept for as long as records are, and others than we verify them.
    #[test]
    fn the_note_has_this_text_for_ever() {
        let signature = "Ydi7TiK9E/RV/CHEoYcA0rYtF7/iksl8qA2x02h7NB7PZpgZkKEoAK6WkRZOzcks\
            2iNQkTQ6U40cljYOUGKLOTVLaAc=";
        assert_eq!(approved().signed(), Some(&*note("gate/vote@v1", signature)));
        assert_eq!(verified(&approved()), Ok(()));
        let edit =
            json!({"json": {"amount": 40, "ü": 0.5}, "digest": Digest::of("x"), "secrets": []});
        let decision = Decision::Edit { arguments: serde_json::from_value(edit).unwrap() };
        let edited = signed(vote_of(decision, None), &key("dana", 1));
        let lines: Vec<&str> = edited.signed().unwrap().lines().skip(3).take(2).collect();
        assert_eq!(
            lines,
            [
                concat!(
                    "decision {\"arguments\":{\"digest\":\"sha256:\
                     2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881\",",
                    "\"json\":{\"amount\":40,\"ü\":0.5}},\"type\":\"edit\"}"
                ),
                "time 2026-11-21T12:00:00.000000001Z",
            ]
        );
        assert_eq!(verified(&edited), Ok(()));
    }

    #[test]
    fn a_vote_that_an_earlier_version_signed_still_counts() {
        let mut vote = approved();
        let signature = "Ydi7Tv+V3VmcwvF0jc3LWA4keOi13KkKb6cty3MhwkA2wfsAPqcUlCZYb9pQwYxv\
            AV/HMcWCI+n6mJkUzebDq4HYJA0=";
        vote.signed = Some(SignedVote(note("github.com/gate-rs/gate/vote@v1", signature)));
        assert_eq!(verified(&vote), Ok(()));
    }

    #[test]
    fn every_changed_bit_of_the_note_is_found() {
        let vote = approved();
        let note = vote.signed().unwrap().as_bytes();
        let mut found = 0;
        for (index, bit) in
            (0..note.len()).flat_map(|position| (0..8).map(move |bit| (position, bit)))
        {
            let mut changed = note.to_vec();
            changed[index] ^= 1 << bit;
            // A store contains only texts.
            let Ok(changed) = String::from_utf8(changed) else { continue };
            let changed = Vote { signed: Some(SignedVote(changed)), ..vote.clone() };
            assert!(verified(&changed).is_err(), "bit {bit} of byte {index}");
            found += 1;
        }
        assert!(found > 6 * note.len(), "{found}");
    }

    proptest! {
        #[test]
        fn what_is_put_in_or_taken_out_of_the_note_is_found(
            indexes in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
            new in "[ -~\n—]{0,20}",
        ) {
            let vote = approved();
            let letters: Vec<char> = vote.signed().unwrap().chars().collect();
            let (one, other) =
                (indexes.0.index(letters.len() + 1), indexes.1.index(letters.len() + 1));
            let (start, end) = (one.min(other), one.max(other));
            let changed: String = letters[..start]
                .iter()
                .copied()
                .chain(new.chars())
                .chain(letters[end..].iter().copied())
                .collect();
            prop_assume!(changed != vote.signed().unwrap());
            let changed = Vote { signed: Some(SignedVote(changed)), ..vote };
            prop_assert!(verified(&changed).is_err());
        }

        #[test]
        fn any_comment_and_answer_can_be_signed(
            comment: Option<String>,
            answer: String,
            reason: String,
        ) {
            for decision in
                [Decision::Respond { value: json!({"a": answer}) }, Decision::Reject { reason }]
            {
                let vote = signed(vote_of(decision, comment.as_deref()), &key("dana", 1));
                prop_assert_eq!(verified(&vote), Ok(()));
                let stored: Vote =
                    serde_json::from_str(&serde_json::to_string(&vote).unwrap()).unwrap();
                prop_assert_eq!(&stored, &vote);
                prop_assert_eq!(verified(&stored), Ok(()));
                prop_assert_eq!(
                    vote.signed().unwrap().lines().count(),
                    8 + usize::from(comment.is_some())
                );
            }
        }
    }

    #[test]
    fn every_changed_field_of_the_vote_is_found() {
        let good = approved();
        let other = |change: &dyn Fn(&mut Vote)| {
            let mut vote = good.clone();
            change(&mut vote);
            assert_ne!(vote, good);
            verified(&vote)
        };
        let moment: Timestamp = "2026-11-21T12:00:00.000000002Z".parse().unwrap();
        let changes: [&dyn Fn(&mut Vote); 14] = [
            &|vote| vote.reviewer = "omar".into(),
            &|vote| vote.principal = true,
            &|vote| vote.decision = Decision::Reject { reason: "no".into() },
            &|vote| vote.decision = Decision::Edit { arguments: arguments() },
            &|vote| vote.comment = Some("the invoice is \"here\"".into()),
            &|vote| vote.comment = None,
            &|vote| vote.arguments = Digest::of("other arguments"),
            &|vote| vote.shown = Some(Digest::of("something else")),
            &|vote| vote.shown = None,
            &|vote| vote.grounds = Some(Digest::of("other grounds")),
            &|vote| vote.grounds = None,
            &|vote| vote.at = moment,
            &|vote| vote.signed = None,
            &|vote| vote.signed = signed(vote_of(Decision::Approve, None), &key("dana", 1)).signed,
        ];
        for (index, change) in changes.iter().enumerate() {
            assert!(other(change).is_err(), "change {index}");
        }
        // Roles come from the directory, and are not signed.
        assert_eq!(other(&|vote| vote.roles.clear()), Ok(()));
    }

    fn arguments() -> Arguments {
        Arguments::new(&json!({"amount": 40}), Vec::new()).unwrap()
    }

    #[test]
    fn every_change_of_the_call_is_found() {
        let vote = approved();
        let info = |change: &dyn Fn(&mut RunInfo)| {
            let mut info = RunInfo::clone(&call().info);
            change(&mut info);
            CallSubject { info: Arc::new(info), ..call() }
        };
        for other in [
            CallSubject { approval: ApprovalId::new(), ..call() },
            CallSubject { call: "2".into(), ..call() },
            CallSubject { tool: "wipe".into(), ..call() },
            CallSubject { tool_digest: Digest::of("t2"), ..call() },
            CallSubject { policy_digest: Digest::of("p2"), ..call() },
            CallSubject { reasoning: Some("because".into()), ..call() },
            info(&|info| info.run = "run-2".into()),
            info(&|info| info.agent = "billing".into()),
            info(&|info| info.principal = None),
            info(&|info| info.principal = Some("dana".into())),
        ] {
            let found = vote.verify_signature(&other, key("dana", 1).verifier());
            assert_eq!(found, Err(VoteSignatureError::OtherVote), "{other:?}");
        }
    }

    #[test]
    fn only_the_key_of_whoever_votes_holds() {
        let vote = approved();
        let held = |key: &SigningKey| vote.check_signature(&call(), Some(key.verifier()));
        assert_eq!(held(&key("dana", 1)), Ok(()));
        assert_eq!(held(&key("dana", 2)), Err(VoteSignatureError::OtherKey));
        assert_eq!(held(&key("omar", 1)), Err(VoteSignatureError::OtherKey));
        let witness = SigningKey::from_seed("dana", KeyKind::Witness, [1; 32]).unwrap();
        assert_eq!(held(&witness), Err(VoteSignatureError::WitnessKey));
        assert_eq!(vote.check_signature(&call(), None), Err(VoteSignatureError::NoKey));
        let mut unsigned = vote_of(Decision::Approve, None);
        assert_eq!(unsigned.check_signature(&call(), None), Ok(()));
        assert_eq!(
            unsigned.check_signature(&call(), Some(key("dana", 1).verifier())),
            Err(VoteSignatureError::Unsigned)
        );
        assert_eq!(
            unsigned.sign(call().approval, &witness, &[7; 32]),
            Err(VoteSignatureError::WitnessKey)
        );
        // Her name in the signature line does not make another person's signature hers.
        let his = signed(vote_of(Decision::Approve, None), &key("omar", 2));
        let renamed = Vote {
            signed: his.signed().map(|note| SignedVote(note.replace("— omar", "— dana"))),
            ..his
        };
        assert_eq!(verified(&renamed), Err(VoteSignatureError::OtherKey));
    }

    #[test]
    fn a_second_signature_makes_it_no_vote() {
        let vote = approved();
        let mut note = Note::parse(vote.signed().unwrap().as_bytes()).unwrap();
        note.also_sign(&key("omar", 2)).unwrap();
        let both = Vote { signed: Some(SignedVote(note.to_string())), ..vote };
        assert_eq!(verified(&both), Err(VoteSignatureError::OtherVote));
    }

    #[test]
    fn what_is_too_long_is_not_signed() {
        let mut vote = vote_of(Decision::Reject { reason: "x".repeat(LONGEST) }, None);
        assert_eq!(
            vote.sign(call().approval, &key("dana", 1), &[7; 32]),
            Err(VoteSignatureError::TooLong)
        );
        assert!(!vote.is_signed());
    }

    #[test]
    fn salts_are_not_signed_and_debug_shows_nothing() {
        let secret =
            SecretCommitment::to(&json!("hunter2"), [9; 16], &CommitmentKeys::new(&[7; 32]))
                .unwrap();
        let arguments = Arguments::new(&json!({"password": secret.mark()}), vec![secret]).unwrap();
        let vote =
            signed(vote_of(Decision::Edit { arguments: arguments.clone() }, None), &key("dana", 1));
        assert!(!vote.signed().unwrap().contains("salt"), "{:?}", vote.signed());
        assert_eq!(verified(&vote), Ok(()));
        let without = Vote {
            decision: Decision::Edit { arguments: arguments.without_salts() },
            ..vote.clone()
        };
        assert_eq!(verified(&without), Ok(()), "as it is in the record");
        assert!(!format!("{vote:?}").contains("password"), "{vote:?}");
    }

    #[test]
    fn a_vote_of_before_loads_and_is_written_as_it_was() {
        let old = json!({
            "reviewer": "dana", "roles": ["manager"], "decision": {"type": "approve"},
            "arguments": Digest::of("x"), "at": "2026-11-21T12:00:00Z",
        });
        let vote: Vote = serde_json::from_value(old.clone()).unwrap();
        assert_eq!((vote.shown(), vote.evidence(), vote.signed()), (None, None, None));
        assert_eq!(vote.check_signature(&call(), None), Ok(()));
        assert_eq!(serde_json::to_value(&vote).unwrap(), old);
    }
}
