//! The message about a call: the question while it waits, and then its outcome.

use gate_runtime::Approval;
use gate_runtime::policy::Requirement;
use gate_runtime::review::Status;
use gate_runtime::tool::Descriptor;
use serde_json::{Value, json};

use super::Slack;
use super::blocks::{
    Button, CONFIRM, FIELD, HEADER, SectionField, TEXT, actions, escaped, facts, fits, header,
    link, remark, section, title,
};
use super::modal;
use super::payload::{APPROVE, EXPLAIN, OPEN, REJECT, ShownApproval};
use crate::notify::notification::{self, ArgumentText, ExpectedAnswer, StatusTone};

/// The most characters of a text in a phone's notification.
const GLANCE: usize = 200;

/// Returns the message in its current state.
pub(super) fn of(slack: &Slack, approval: &Approval, tool: Option<&Descriptor>) -> Value {
    let review = approval.review(tool, &[]);
    let headline = review.headline().to_string();
    let name = notification::plain(approval.tool());
    let (tone, state) = notification::state(approval);
    let head = match (tone, approval.status()) {
        (StatusTone::Open, _) if approval.answers().is_some() => plain_head(approval),
        (StatusTone::Open, _) if !review.is_known() => {
            format!("{name} needs a decision: the tool is unknown here, and may do anything")
        }
        (StatusTone::Open, _) if review.is_destructive() => {
            format!("{name} needs a decision: it cannot be undone")
        }
        (StatusTone::Open, _) => plain_head(approval),
        (_, Status::Succeeded | Status::Dispatched) => format!("{name}: approved"),
        (_, status) => format!("{name}: {status}"),
    };
    let mut blocks = match tone {
        StatusTone::Open => vec![header(&headline), section(&head)],
        _ => vec![header(&head)],
    };
    blocks.extend(review.purpose().map(|message| remark(&notification::plain(message.text()))));
    if tone != StatusTone::Open {
        blocks.push(section(&format!("{} {state}", tone_emoji(tone))));
    }
    if tone == StatusTone::Open {
        blocks.push(remark(&review.why()));
    }
    blocks.push(title(match approval.answers() {
        Some(_) => "Question",
        None => "Arguments",
    }));
    blocks.push(section(&arguments(approval, tool)));
    if let Some(ExpectedAnswer { prompt, choices }) =
        notification::question(approval).filter(|_| tone == StatusTone::Open)
    {
        blocks.push(remark(prompt));
        blocks.extend((!choices.is_empty()).then(|| section(&choices.join("\n"))));
    }
    blocks.push(facts(facts_of(approval)));
    blocks.extend(notification::warning(&review).map(|text| remark(&format!("⚠ {text}"))));
    blocks.extend(notification::before(&review).iter().map(|text| remark(&format!("⚠ {text}"))));
    let claims = notification::claims(&review, ["“", "”"]);
    if !claims.is_empty() {
        blocks.push(title("The agent claims (nobody has checked it)"));
        blocks.extend(claims.iter().map(|claim| section(claim)));
    }
    if tone == StatusTone::Open {
        if !state.is_empty() {
            blocks.push(remark(&format!("So far: {state}.")));
        }
        if !is_whole(approval) {
            blocks.push(remark(&notification::too_long(approval, "message")));
        }
        blocks.push(buttons(slack, approval, tool));
        if notification::wants_signature(approval) {
            blocks.push(remark(match approval.answers() {
                Some(_) => {
                    "Only signed answers count: answer with `gate respond --signing-key FILE`."
                }
                None => {
                    "Only signed votes let it run: decide with `gate approve --signing-key FILE`."
                }
            }));
        }
    } else {
        blocks.push(link(&slack.page(approval), "Open in the inbox"));
    }
    let glance = match tone {
        StatusTone::Open => format!("{headline} ({head})"),
        _ => format!("{name}: {state}"),
    };
    json!({
        "text": escaped(&glance, GLANCE),
        "blocks": blocks,
        "mrkdwn": false,
        "parse": "none",
        "link_names": false,
        "unfurl_links": false,
        "unfurl_media": false,
    })
}

/// Returns whether the message has everything that a click would decide, with no part of it cut by
/// a limit of Slack: the tool, the arguments, for whom and by whom; and the same of the window in
/// which somebody types a comment. Nobody can approve by the message what it leaves out.
pub(crate) fn is_whole(approval: &Approval) -> bool {
    let is_fact_whole = |fact: &SectionField| match fact {
        SectionField::Text(_, text) => fits(text, FIELD),
        SectionField::Time(..) => true,
    };
    notification::is_whole(approval)
        && fits(&plain_head(approval), HEADER)
        && fits(&arguments(approval, None), TEXT)
        && fits(&modal::about(approval, None), TEXT)
        && facts_of(approval).iter().all(is_fact_whole)
}

fn plain_head(approval: &Approval) -> String {
    format!(
        "{} needs {}",
        notification::plain(approval.tool()),
        notification::expected_response(approval)
    )
}

fn tone_emoji(tone: StatusTone) -> &'static str {
    match tone {
        StatusTone::Open => "",
        StatusTone::Good => "✅",
        StatusTone::Stopped => "⛔",
        StatusTone::Bad => "⚠",
    }
}

/// One to a line.
fn arguments(approval: &Approval, tool: Option<&Descriptor>) -> String {
    let (shown_arguments, more) = notification::arguments(approval, tool);
    let mut lines: Vec<String> = shown_arguments
        .iter()
        .map(|ArgumentText { name, value, .. }| format!("{name}: {value}"))
        .collect();
    if more > 0 {
        lines.push(format!("and {more} more, which are in the inbox"));
    }
    if lines.is_empty() { "No arguments.".to_owned() } else { lines.join("\n") }
}

/// Returns the known facts about the call, at most five.
fn facts_of(approval: &Approval) -> Vec<SectionField> {
    let info = approval.subject().info();
    let mut all = vec![SectionField::Text("Agent", notification::agent(approval))];
    all.extend(
        info.principal().map(|who| SectionField::Text("On behalf of", notification::plain(who))),
    );
    if approval.status() == Status::Pending {
        all.push(SectionField::Text("Decides", notification::plain(approval.waits_for())));
        all.extend(approval.expires_at().map(|end| SectionField::Time("Deadline", end)));
    } else {
        all.push(SectionField::Time("Since", approval.changed_at()));
    }
    all.push(match info.case() {
        Some(case) => SectionField::Text("Case", notification::plain(case)),
        None => SectionField::Text("Run", notification::plain(info.run())),
    });
    all
}

fn buttons(slack: &Slack, approval: &Approval, tool: Option<&Descriptor>) -> Value {
    let value = ShownApproval::of(approval).to_string();
    let mut shown = Vec::new();
    if slack.signing().is_some() {
        let is_more = Descriptor::is_destructive(tool)
            || notification::wants_signature(approval)
            || approval.answers().is_some();
        if !is_more && is_whole(approval) {
            let must_explain = approval.requirements().iter().any(Requirement::wants_comment);
            shown.push(Button {
                action: if must_explain { EXPLAIN } else { APPROVE },
                label: if must_explain { "Approve…" } else { "Approve" },
                style: Some("primary"),
                value: value.clone(),
                confirm: (!must_explain).then(|| confirmed(approval, tool)),
                url: None,
            });
        }
        let reject = Button {
            action: REJECT,
            label: "Reject…",
            style: Some("danger"),
            value: value.clone(),
            confirm: None,
            url: None,
        };
        shown.push(reject);
    }
    let url = Some(slack.page(approval));
    let message = if approval.answers().is_some() { "Answer in the inbox" } else { "Open" };
    shown.push(Button { action: OPEN, label: message, style: None, value, confirm: None, url });
    actions(shown)
}

/// Returns the text of the confirmation before a click counts: it has everything, or says where
/// everything is.
fn confirmed(approval: &Approval, tool: Option<&Descriptor>) -> String {
    let name = notification::plain(approval.tool());
    let all = format!(
        "You approve that {name} runs with {}, and nothing else.",
        notification::one_line(approval, tool)
    );
    if fits(&all, CONFIRM) {
        all
    } else {
        format!("You approve that {name} runs with the arguments in this message, and no others.")
    }
}

/// Returns the words that are posted in the channel again, because changing a message notifies
/// nobody.
pub(super) fn call_again(kind: &str, approval: &Approval) -> Option<String> {
    if !notification::is_asked(approval) {
        return None;
    }
    let name = notification::plain(approval.tool());
    match kind {
        "reminded" => {
            Some(format!("{name} still waits for {}.", notification::plain(approval.still_needs())))
        }
        "escalated" => {
            let who = approval
                .active_tiers()
                .last()
                .map(|tier| notification::plain(tier.who().to_string()))
                .unwrap_or_default();
            Some(format!("{name} still waits, and now {who} is asked too."))
        }
        _ => None,
    }
}
