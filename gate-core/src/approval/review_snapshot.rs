//! The snapshot of a question: everything that it shows to people, in every channel.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::approval::quote::{Quote, QuoteAuthor};
use crate::approval::shown_arguments::{ShownArgument, ShownValue};
use crate::approval::state::Approval;
use crate::approval::status::Status;
use crate::assessment::report::RuleReport;
use crate::call::accepted_answers::AcceptedAnswers;
use crate::call::descriptor::Descriptor;
use crate::call::remote_request::{RemoteRequest, RequestPriority};
use crate::call::summary::CallHeadline;
use crate::text::sanitized_text::{SanitizedText, TextHazard};

/// Everything that a question shows to people, with the author of each text.
///
/// The terminal, pages, Slack, mail, PagerDuty and the command line only render it. A text of the
/// gate is a `String` or `&str` and safe to display; any other text is a [`Quote`], which a channel
/// shows with its author.
///
/// ```
/// # fn show(asked: &gate_runtime::Interruption) {
/// let review = asked.review();
/// println!("{}", review.headline());
/// for argument in review.arguments() {
///     println!("  {}: {}", argument.name(), argument.text());
/// }
/// for claim in review.claims().iter().filter_map(|claim| claim.quote()) {
///     println!(
///         "  {} says: {}",
///         claim.by(),
///         gate_runtime::review::SanitizedText::of(claim.text()).as_str()
///     );
/// }
/// println!("  {} decides", review.decides());
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ReviewSnapshot {
    headline: CallHeadline,
    purpose: Option<Quote>,
    is_destructive: bool,
    is_known: bool,
    reasons: Vec<String>,
    notices: Vec<ReviewNotice>,
    claims: Vec<ReviewNotice>,
    arguments: Vec<ShownArgument>,
    hazards: Vec<TextHazard>,
    decides: String,
    still_needs: Option<String>,
    until: Option<Timestamp>,
    valid: Option<String>,
}

/// A notice for reviewers before they decide: a text of the gate, a quote, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewNotice {
    text: String,
    quote: Option<Quote>,
}

impl ReviewNotice {
    /// Returns the gate's text, which may introduce the quote; empty if the quote needs none.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the quote that belongs to the notice.
    #[must_use]
    pub fn quote(&self) -> Option<&Quote> {
        self.quote.as_ref()
    }
}

impl ReviewSnapshot {
    /// Returns the sentence about what the call would do.
    #[must_use]
    pub fn headline(&self) -> &CallHeadline {
        &self.headline
    }

    /// Returns the author's description of the tool. `None` if only the agent describes the tool:
    /// that text is among the agent's [claims](Self::claims).
    #[must_use]
    pub fn purpose(&self) -> Option<&Quote> {
        self.purpose.as_ref()
    }

    /// Returns whether its effect cannot be undone, as far as is known. An unknown tool may do
    /// anything.
    #[must_use]
    pub fn is_destructive(&self) -> bool {
        self.is_destructive
    }

    /// Returns whether the tool is known here.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.is_known
    }

    /// Lists the reasons why people are asked: `no other rule matched`, `the rule “large”`.
    #[must_use]
    pub fn reasons(&self) -> &[String] {
        &self.reasons
    }

    /// Returns one sentence about why people are asked.
    #[must_use]
    pub fn why(&self) -> String {
        match self.reasons.split_last() {
            None => "No rule decides it.".to_owned(),
            Some((only, [])) => format!("Asked because {only}."),
            Some((last, rest)) => format!("Asked because {} and {last}.", rest.join(", ")),
        }
    }

    /// Lists earlier events, and all other reasons not to trust the call as it is.
    #[must_use]
    pub fn notices(&self) -> &[ReviewNotice] {
        &self.notices
    }

    /// Lists the agent's claims about its question, its own tool and its reasons. The reasons,
    /// which are the longest, come last. Nobody has checked these claims.
    #[must_use]
    pub fn claims(&self) -> &[ReviewNotice] {
        &self.claims
    }

    /// Lists the arguments, value by value, in the order of the tool's author.
    #[must_use]
    pub fn arguments(&self) -> &[ShownArgument] {
        &self.arguments
    }

    /// Lists the hazards of all untrusted texts, each once. Texts that are shortened for display
    /// are checked in full.
    #[must_use]
    pub fn hazards(&self) -> &[TextHazard] {
        &self.hazards
    }

    /// Describes who decides.
    #[must_use]
    pub fn decides(&self) -> &str {
        &self.decides
    }

    /// Returns who is still needed, if some have voted.
    #[must_use]
    pub fn still_needs(&self) -> Option<&str> {
        self.still_needs.as_deref()
    }

    /// Returns when the time to decide ends.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// Describes how long an approval is valid.
    #[must_use]
    pub fn valid(&self) -> Option<&str> {
        self.valid.as_deref()
    }
}

impl Approval {
    /// Writes the sentence about what the call would do: the summary of its tool, or the tool's
    /// title with the first arguments.
    #[must_use]
    pub fn headline(&self, tool: Option<&Descriptor>) -> CallHeadline {
        if let Some(summary) = tool.and_then(Descriptor::summary) {
            return summary
                .fill(&self.arguments.to_json(), &|value| self.arguments.is_secret(value));
        }
        let shown = self.shown_arguments(tool);
        let shown = shown.iter().filter(|argument| argument.value() != &ShownValue::LeftOut);
        let title = tool.and_then(Descriptor::title).unwrap_or(self.tool().as_str());
        CallHeadline::of_arguments(title, shown.map(|argument| (argument.name(), argument.is())))
    }

    /// Collects everything that people are shown. `notices` are additional sentences that do not
    /// follow from the approval, such as `Interruption::tool_notice` in `gate-runtime`.
    #[must_use]
    pub fn review(&self, tool: Option<&Descriptor>, notices: &[&str]) -> ReviewSnapshot {
        let arguments = self.shown_arguments(tool);
        let is_pending = self.status() == Status::Pending;
        let (decides, still) = (sanitized(&self.waits_for()), sanitized(&self.still_needs()));
        ReviewSnapshot {
            headline: self.headline(tool),
            purpose: first_line(tool)
                .filter(|_| tool.is_some_and(|tool| !tool.is_remote()))
                .map(|text| Quote::new(QuoteAuthor::Tool, text)),
            is_destructive: Descriptor::is_destructive(tool),
            is_known: tool.is_some(),
            reasons: self.reasons(),
            notices: self.notices(notices),
            claims: self.claims(tool),
            hazards: self.hazards(tool, &arguments),
            still_needs: Some(still).filter(|still| is_pending && *still != decides),
            until: self.expires_at().filter(|_| is_pending),
            valid: self.describe_validity(),
            arguments,
            decides,
        }
    }

    fn reasons(&self) -> Vec<String> {
        let reason = |rule: RuleReport<'_>| {
            if rule.is_otherwise() {
                return "no other rule matched".to_owned();
            }
            format!("of the rule “{}”", sanitized(rule.rule()).replace(['“', '”'], "\""))
        };
        self.assessment.reasons().map(reason).collect()
    }

    fn notices(&self, others: &[&str]) -> Vec<ReviewNotice> {
        let plain = |text: String| ReviewNotice { text, quote: None };
        let mut notices: Vec<ReviewNotice> =
            others.iter().map(|note| plain(sanitized(note))).collect();
        if let Some((failure_text, failure)) = self.failure_notice().zip(self.failure()) {
            let quote = Some(Quote::new(QuoteAuthor::Outcome, failure));
            notices.push(ReviewNotice { text: failure_text.to_owned(), quote });
        }
        notices.extend(self.equal_calls_notice().map(plain));
        let changes = self.changes();
        if !changes.is_empty() {
            notices.push(plain(format!(
                "Since it was approved, this changed: {}.",
                changes.describe()
            )));
            notices
                .extend(changes.differences().iter().map(|one| plain(sanitized(&one.to_string()))));
        }
        if self.is_edited() {
            notices.push(plain(
                "A reviewer changed the arguments that the agent proposed.".to_owned(),
            ));
        }
        notices.extend(self.earlier().iter().map(|refusal| {
            let by = QuoteAuthor::Person(refusal.by().clone());
            let introduction = format!("{by} refused this tool earlier in this run or case:");
            ReviewNotice { text: introduction, quote: Some(Quote::new(by, refusal.reason())) }
        }));
        notices
    }

    fn claims(&self, tool: Option<&Descriptor>) -> Vec<ReviewNotice> {
        let subject = self.subject();
        let request = subject.request();
        let claim = |text: &str, quote: String| ReviewNotice {
            text: text.to_owned(),
            quote: Some(Quote::new(QuoteAuthor::Agent, quote)),
        };
        let priority = request
            .map(RemoteRequest::how_urgent)
            .filter(|priority| *priority != RequestPriority::Normal);
        let of_tool = first_line(tool).filter(|_| tool.is_some_and(Descriptor::is_remote));
        let claims = [
            request.and_then(RemoteRequest::about).map(|about| claim("", about.replace('\n', " "))),
            priority
                .map(|priority| ReviewNotice { text: format!("It says: {priority}"), quote: None }),
            of_tool
                .map(|self_description| claim("It says of the tool:", self_description.to_owned())),
            subject.reasoning().map(|reasoning| claim("", reasoning.to_owned())),
        ];
        claims.into_iter().flatten().collect()
    }

    fn hazards(&self, tool: Option<&Descriptor>, arguments: &[ShownArgument]) -> Vec<TextHazard> {
        let subject = self.subject();
        let info = subject.info();
        let mut found = BTreeSet::new();
        let mut add_hazards = |text: &str| {
            found.extend(
                SanitizedText::of(&text.replace(['\n', '\t'], " ")).hazards().iter().copied(),
            );
        };
        add_hazards(self.tool().as_str());
        add_hazards(info.agent().as_str());
        add_hazards(info.run().as_str());
        add_hazards(info.principal().map(AsRef::as_ref).unwrap_or_default());
        add_hazards(info.case().map(AsRef::as_ref).unwrap_or_default());
        self.claims(tool)
            .iter()
            .filter_map(ReviewNotice::quote)
            .for_each(|claim| add_hazards(claim.text()));
        if let Some(AcceptedAnswers::OneOf { choices }) = self.answers() {
            for choice in choices {
                add_hazards(choice);
            }
        }
        for argument in arguments {
            argument
                .schema_description()
                .filter(|quoted| quoted.by() == &QuoteAuthor::Agent)
                .inspect(|quoted_text| add_hazards(quoted_text.text()));
        }
        found.extend(arguments.iter().flat_map(ShownArgument::hazards));
        found.into_iter().collect()
    }
}

/// Returns the first line of a tool's description.
fn first_line(tool: Option<&Descriptor>) -> Option<&str> {
    tool.and_then(|tool| tool.description().lines().next()).filter(|text| !text.trim().is_empty())
}

fn sanitized(text: &str) -> String {
    SanitizedText::of(text).as_str().to_owned()
}
