//! The content of a mail: as text, and as the same text with a little form.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::SystemTime;

use gate_runtime::Approval;
use gate_runtime::notify::DeliveryNotice;
use gate_runtime::review::{ReviewSnapshot, Status};
use lettre::error::Error;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};
use maud::{DOCTYPE, html};

use crate::notify::link::{Intent, Links};
use crate::notify::notification::{self, ArgumentText, ExpectedAnswer, StatusTone};

/// The longest subject.
const SUBJECT: usize = 140;

/// The maximum length of one claim.
const CLAIM: usize = 4_000;

/// Where the answers are.
pub(super) struct AnswerLinks {
    approve: Option<String>,
    reject: Option<String>,
    open: String,
}

impl AnswerLinks {
    pub(super) fn of(
        links: Option<&Links>,
        inbox: &Arc<str>,
        notice: &DeliveryNotice,
        approval: &Approval,
        to: &Address,
    ) -> Self {
        let open = format!("{inbox}/approvals/{}", approval.id());
        let Some(links) = links.filter(|_| notification::is_asked(approval)) else {
            return Self { approve: None, reject: None, open };
        };
        // The same for every delivery of the same notice, so that the links are, too.
        let message_id = format!("{} {to}", notice.id());
        let link = |intent| links.to(approval, intent, &message_id, notice.record().at());
        // A vote is about the whole call, so a mail that leaves something out offers no answer
        // links; and a question takes only an answer.
        let is_offered = notification::is_whole(approval)
            && !notification::wants_signature(approval)
            && approval.answers().is_none();
        Self {
            approve: is_offered.then(|| link(Intent::Approve)),
            reject: Some(link(Intent::Reject)),
            open,
        }
    }
}

/// A mail, before it has an address.
pub(super) struct MailContent {
    subject: String,
    text: String,
    html: String,
}

/// The content of a mail about a call, in either form.
struct MailText {
    head: String,
    /// The lines that say what it does, and why it is asked.
    about: Vec<String>,
    question: Option<ExpectedAnswer>,
    arguments: Vec<ArgumentText>,
    more: usize,
    facts: Vec<(&'static str, String)>,
    warnings: Vec<String>,
    claims: Vec<String>,
    answers: Vec<(&'static str, String)>,
    foot: &'static str,
}

/// The mail about a call as it is now.
pub(super) fn write(
    notice: &DeliveryNotice,
    approval: &Approval,
    answers: &AnswerLinks,
) -> MailContent {
    let review = approval.review(notice.tool(), &[]);
    let content = mail_text(notice, approval, &review, answers);
    let is_first = notice.memo().is_none();
    let re = if is_first { "" } else { "Re: " };
    let wanted = match approval.answers() {
        Some(_) => "Answer needed",
        None => "Decision needed",
    };
    let subject = notification::cut(&format!("{re}{wanted}: {}", review.headline()), SUBJECT);
    let (text, html) = (content.text(), content.html());
    MailContent { subject, text, html }
}

fn mail_text(
    notice: &DeliveryNotice,
    approval: &Approval,
    review: &ReviewSnapshot,
    links: &AnswerLinks,
) -> MailText {
    let (name, wanted) =
        (notification::plain(approval.tool()), notification::expected_response(approval));
    let (tone, state) = notification::state(approval);
    let state_line = match (tone, notice.record().kind()) {
        (StatusTone::Open, "reminded") => format!("{name} still waits for {wanted}."),
        (StatusTone::Open, "escalated") => {
            format!("{name} still waits for {wanted}, and more people are asked now.")
        }
        (StatusTone::Open, _) => format!("{name} needs {wanted}."),
        _ => format!("{name}: {state}"),
    };
    let (head, mut about) = match tone {
        StatusTone::Open => (review.headline().to_string(), vec![state_line]),
        _ => (state_line, Vec::new()),
    };
    about.extend(review.purpose().map(|message| notification::plain(message.text())));
    let mut answers = Vec::new();
    if tone == StatusTone::Open {
        about.push(review.why());
        if review.is_destructive() && approval.answers().is_none() {
            about.push("This cannot be undone: to approve it, type the tool's name.".to_owned());
        }
        if !notification::is_whole(approval) {
            about.push(notification::too_long(approval, "mail"));
        }
        if !state.is_empty() {
            about.push(format!("So far: {state}."));
        }
        answers.extend(links.approve.clone().map(|link| ("Approve", link)));
        answers.extend(links.reject.clone().map(|link| ("Reject", link)));
    }
    let question = notification::question(approval).filter(|_| tone == StatusTone::Open);
    answers.push((
        if question.is_some() { "Answer in the inbox" } else { "Open in the inbox" },
        links.open.clone(),
    ));
    let (arguments, more) = notification::arguments(approval, notice.tool());
    let mut warnings: Vec<String> = notification::warning(review).into_iter().collect();
    warnings.extend(notification::before(review));
    let foot = match (tone, links.reject.is_some()) {
        (StatusTone::Open, true) => {
            "Opening a link decides nothing: it leads to a page where you sign in and confirm. \
             Each link is for you and works once."
        }
        (StatusTone::Open, false) => {
            "Opening the link decides nothing: it leads to a page where you sign in and decide."
        }
        _ => "No action is needed.",
    };
    let claims = notification::claims(review, ["", ""]);
    let claims = claims.iter().map(|claim| notification::cut(claim, CLAIM)).collect();
    MailText {
        head,
        about,
        question,
        arguments,
        more,
        facts: facts(approval),
        warnings,
        claims,
        answers,
        foot,
    }
}

fn facts(approval: &Approval) -> Vec<(&'static str, String)> {
    let info = approval.subject().info();
    let mut facts = vec![("Agent", notification::agent(approval))];
    facts.extend(info.principal().map(|who| ("On behalf of", notification::plain(who))));
    if approval.status() == Status::Pending {
        facts.push(("Decides", notification::plain(approval.waits_for())));
        facts.extend(
            approval
                .expires_at()
                .map(|end| ("Deadline", end.strftime("%Y-%m-%d %H:%M UTC").to_string())),
        );
    }
    facts.extend(info.case().map(|case| ("Case", notification::plain(case))));
    facts.push(("Run", notification::plain(info.run())));
    facts
}

impl MailText {
    /// Lines that others wrote begin with spaces or a bar: none passes for one of ours.
    fn text(&self) -> String {
        let mut text = format!("{}\n\n", self.head);
        for line in &self.about {
            let _ = writeln!(text, "{line}");
        }
        if let Some(ExpectedAnswer { prompt: message, choices }) = &self.question {
            let _ = writeln!(text, "{message}");
            if !choices.is_empty() {
                text.push('\n');
            }
            for choice in choices {
                let _ = writeln!(text, "    | {choice}");
            }
        }
        text.push_str("\nArguments:\n\n");
        for ArgumentText { name, value, .. } in &self.arguments {
            let _ = writeln!(text, "    {name}: {value}");
        }
        if self.arguments.is_empty() {
            text.push_str("    none\n");
        }
        if self.more > 0 {
            let _ = writeln!(text, "    and {} more, which are in the inbox", self.more);
        }
        text.push('\n');
        for warning in &self.warnings {
            let _ = writeln!(text, "! {warning}");
        }
        if !self.warnings.is_empty() {
            text.push('\n');
        }
        for (name, value) in &self.facts {
            let _ = writeln!(text, "{name:<14}{value}");
        }
        if !self.claims.is_empty() {
            text.push_str("\nThe agent claims (nobody has checked it):\n\n");
        }
        for line in self.claims.iter().flat_map(|claim| claim.lines()) {
            let _ = writeln!(text, "    | {line}");
        }
        text.push('\n');
        for (name, link) in &self.answers {
            let _ = write!(text, "{name}:\n{link}\n\n");
        }
        let _ = writeln!(text, "{}", self.foot);
        text
    }

    fn html(&self) -> String {
        const FRAME: &str =
            "font:15px/1.5 system-ui,sans-serif;max-width:40em;margin:0 auto;padding:1em";
        const CODE: &str = "font:13px/1.5 ui-monospace,monospace;padding:.3em \
            .8em;background:#f0f2f6;color:#16191f;white-space:pre-wrap;overflow-wrap:anywhere";
        const QUOTE: &str =
            "margin:.5em 0;padding:.2em 1em;border-left:3px solid #8a93a5;white-space:pre-wrap";
        const WARNING: &str = "padding:.4em .8em;background:#fff4e0;color:#8a4b00";
        const FAINT: &str = "color:#5a6272;font-size:13px";
        const BUTTON: &str = "display:inline-block;margin:.2em .5em .2em 0;padding:.6em \
            1.1em;border:1px solid #5a6272;border-radius:8px;text-decoration:none;font-weight:600";
        let markup = html! {
            (DOCTYPE)
            html lang="en" {
                head { meta charset="utf-8"; title { "Gate" } }
                body style=(FRAME) {
                    h1 style="font-size:1.3em" { (self.head) }
                    @for line in &self.about { p { (line) } }
                    @if let Some(ExpectedAnswer { prompt: message, choices }) = &self.question {
                        p { (message) }
                        @if !choices.is_empty() {
                            blockquote style=(QUOTE) { (choices.join("\n")) }
                        }
                    }
                    table cellspacing="0" {
                        @for ArgumentText { name, value, .. } in &self.arguments {
                            tr { th align="left" valign="top" style="padding:.3em .8em .3em \
                                0" { (name) } td style=(CODE) { (value) } }
                        }
                    }
                    @if self.arguments.is_empty() { p { "No arguments." } }
                    @if self.more > 0 { p { "And " (self.more) " more, which are in the inbox." } }
                    @for warning in &self.warnings { p style=(WARNING) { (warning) } }
                    @if !self.claims.is_empty() { p style=(FAINT) { "The agent claims (nobody \
                        has checked it):" } }
                    @for claim in &self.claims { blockquote style=(QUOTE) { (claim) } }
                    table {
                        @for (name, value) in &self.facts {
                            tr {
                                th align="left" valign="top" style="padding-right:1em" { (name) }
                                td { (value) }
                            }
                        }
                    }
                    p {
                        @for (name, link) in &self.answers {
                            a href=(link) style=(BUTTON) { (name) }
                        }
                    }
                    p style=(FAINT) { (self.foot) }
                }
            }
        };
        markup.into_string()
    }
}

impl MailContent {
    /// The mail with its headers. Every try to deliver it has the same.
    pub(super) fn into_message(
        self,
        from: &Mailbox,
        to: &Address,
        id: &str,
        notice: &DeliveryNotice,
        references: &str,
    ) -> Result<Message, Error> {
        let mut builder = Message::builder()
            .from(from.clone())
            .to(Mailbox::new(None, to.clone()))
            .subject(self.subject)
            .message_id(Some(id.to_owned()))
            .references(references.to_owned());
        // A platform whose clock cannot hold the time dates the mail as it leaves.
        if let Ok(at) = SystemTime::try_from(notice.record().at()) {
            builder = builder.date(at);
        }
        if let Some(first) = notice.memo() {
            builder = builder.in_reply_to(first.to_owned());
        }
        // No machine that is away answers it, and none answers that.
        for (name, value) in
            [("Auto-Submitted", "auto-generated"), ("X-Auto-Response-Suppress", "All")]
        {
            builder = builder.raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str(name),
                value.to_owned(),
            ));
        }
        builder.multipart(MultiPart::alternative_plain_html(self.text, self.html))
    }
}
