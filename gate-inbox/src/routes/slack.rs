//! Routes for Slack: button clicks and submitted dialogs.
//!
//! These routes use no session and no form secret: Slack's signature authenticates Slack, and Slack
//! names the member. The gate decides whether the member's vote counts.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest as _, Request as HttpRequest, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use gate_runtime::people::Person;
use gate_runtime::review::{DecideError, Decision, Refused, Status};
use gate_runtime::{Approval, Interruption, Reviewer};
use serde_json::json;

use crate::auth::rate_limit;
use crate::forms::form_data::FormData;
use crate::notify::slack::payload::{DecisionAction, ShownApproval, SlackInteraction, SlackUser};
use crate::notify::slack::signed::SignatureCheck;
use crate::notify::slack::{message, modal};
use crate::notify::{Slack, notification};
use crate::security_log;
use crate::slack_actions::SlackActions;
use crate::state::AppState;

/// The person who sent a request, and the call as it was shown to them.
struct SlackCaller {
    person: Person,
    interruption: Interruption,
    page: String,
}

pub(super) async fn actions(State(app): State<Arc<AppState>>, request: HttpRequest) -> Response {
    let Some(counter) = &app.slack else { return StatusCode::NOT_FOUND.into_response() };
    let headers = request.headers().clone();
    let from = rate_limit::address(request.extensions());
    let Ok(body) = Bytes::from_request(request, &()).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let Some(secret) = counter.slack.signing() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match counter.replay_guard.verify(secret, &headers, &body, app.clock.now()) {
        SignatureCheck::New => {}
        SignatureCheck::Again => return StatusCode::OK.into_response(),
        SignatureCheck::Refused => {
            if app.wrong_tokens.begin(from, app.clock.now()).is_ok() {
                security_log::token_refused(from, "Slack has not signed it, or not now");
            }
            return (StatusCode::UNAUTHORIZED, "This is not signed by Slack, or not new.")
                .into_response();
        }
    }
    let payload = FormData::parse(&body).exact("payload");
    match payload.and_then(|payload| SlackInteraction::read(&payload)) {
        Some(SlackInteraction::Click { who, action, shown, trigger, answer_to }) => {
            click(&app, counter, &who, action, shown, trigger, answer_to).await;
            StatusCode::OK.into_response()
        }
        Some(SlackInteraction::Sent { who, action: dialog_action, shown, message }) => {
            Json(sent(&app, counter, &who, dialog_action, shown, &message).await).into_response()
        }
        Some(SlackInteraction::Other) => StatusCode::OK.into_response(),
        None => (StatusCode::BAD_REQUEST, "Gate does not know this request.").into_response(),
    }
}

/// Handles a click, which decides at once or opens a dialog. Slack waits three seconds, so the
/// person gets the response afterwards.
async fn click(
    app: &AppState,
    actions: &SlackActions,
    who: &SlackUser,
    action: DecisionAction,
    shown: ShownApproval,
    trigger: String,
    answer_to: String,
) {
    let slack = actions.slack.clone();
    let message = match action {
        DecisionAction::Approve => decide(app, actions, who, &action, shown, "").await.into_words(),
        DecisionAction::Explain | DecisionAction::Refuse => {
            match identify_caller(app, &slack, who, &action, shown).await {
                Err(reply_text) => reply_text,
                Ok(caller) => {
                    let view = modal::asking(
                        &action,
                        caller.interruption.approval(),
                        caller.interruption.descriptor(),
                        shown,
                    );
                    tokio::spawn(async move {
                        let view_response = slack
                            .call("views.open", &json!({ "trigger_id": trigger, "view": view }))
                            .await;
                        if view_response.is_err() {
                            let reply = format!(
                                "Slack did not open the window. Nothing was decided. Use: {}",
                                caller.page
                            );
                            // The result is ignored, because the channel and the inbox still show
                            // the state.
                            let _ = slack.answer(&answer_to, &reply).await;
                        }
                    });
                    return;
                }
            }
        }
    };
    tokio::spawn(async move {
        // The result is ignored, because the decision stands even if Slack does not show this
        // response.
        let _ = slack.answer(&answer_to, &message).await;
    });
}

/// Handles a submitted dialog, and returns the dialog's next state.
async fn sent(
    app: &AppState,
    actions: &SlackActions,
    who: &SlackUser,
    action: DecisionAction,
    shown: ShownApproval,
    message: &str,
) -> serde_json::Value {
    let reason = message.trim();
    if reason.is_empty() {
        return modal::wrong("Enter a reason.");
    }
    match decide(app, actions, who, &action, shown, reason).await {
        SlackReply::Wrong(reply_text) => modal::wrong(&reply_text),
        SlackReply::Words(answer_text) => modal::close_with(&answer_text),
    }
}

/// The response to a person.
enum SlackReply {
    /// A message that reports the result, or the reason why nothing was done.
    Words(String),
    /// The problem of the typed text.
    Wrong(String),
}

impl SlackReply {
    fn into_words(self) -> String {
        match self {
            Self::Words(message) | Self::Wrong(message) => message,
        }
    }
}

/// Decides on behalf of a person, if the people file has them, they may decide here, and they saw
/// the call in its current state.
async fn decide(
    app: &AppState,
    actions: &SlackActions,
    who: &SlackUser,
    action: &DecisionAction,
    shown: ShownApproval,
    message: &str,
) -> SlackReply {
    // Held until the vote is stored, so that of two clicks at once, the second one sees the vote of
    // the first.
    let _one_after_the_other = actions.decision_lock.lock().await;
    let SlackCaller { person, interruption, page } =
        match identify_caller(app, &actions.slack, who, action, shown).await {
            Ok(caller) => caller,
            Err(reply_text) => return SlackReply::Words(reply_text),
        };
    let Ok(me) = app.gate.reviewer(person.id().clone()).await else {
        return SlackReply::Words(unavailable());
    };
    if let Some(answer_text) = already_decided(interruption.approval(), action, &me) {
        return SlackReply::Words(answer_text);
    }
    let decide_request = match action {
        DecisionAction::Approve => interruption.approve(&me),
        DecisionAction::Explain => interruption.approve(&me).comment(message),
        DecisionAction::Refuse => interruption.reject(&me, message),
    };
    let error = match decide_request.await {
        Ok(decided) => return SlackReply::Words(done(decided.approval(), action)),
        Err(error) => error,
    };
    let problem = notification::plain(error.to_string());
    SlackReply::Words(match error {
        DecideError::Refused(Refused::Changed) => changed(&page),
        DecideError::AlreadyDecided(_) | DecideError::StillRunning { .. } => {
            format!("Your decision came too late: {problem}.")
        }
        DecideError::Store(_) | DecideError::Reviewer(_) => unavailable(),
        DecideError::Refused(Refused::CommentRequired) => {
            return SlackReply::Wrong(format!("Nothing was decided: {problem}."));
        }
        _ => format!("Nothing was decided: {problem}."),
    })
}

/// Finds the person, and the call as it was shown to them, or returns the reason why they cannot
/// decide it here.
async fn identify_caller(
    app: &AppState,
    slack: &Slack,
    who: &SlackUser,
    action: &DecisionAction,
    shown: ShownApproval,
) -> Result<SlackCaller, String> {
    if !slack.takes_from(&who.workspace) {
        return Err(
            "Nothing was decided: you belong to a workspace whose members do not decide here."
                .to_owned(),
        );
    }
    let person = app.people.person_by_slack(&who.id, app.clock.now()).map_err(|_| unavailable())?;
    let Some(person) = person else {
        return Err(format!(
            "Nothing was decided: nobody in the people file has your member ID, {}. Ask the \
             person who maintains the file to add it.",
            notification::plain(&who.id)
        ));
    };
    let interruption = app.gate.interruption(shown.approval).await.map_err(|_| unavailable())?;
    let Some(interruption) = interruption else {
        return Err("Nothing was decided: there is no such approval here.".to_owned());
    };
    let (approval, page) = (interruption.approval(), slack.page(interruption.approval()));
    if approval.status() != Status::Pending {
        return Err(format!(
            "Nothing was decided: it was already settled. {}",
            notification::state(approval).1
        ));
    }
    if approval.shown() != shown.digest {
        return Err(changed(&page));
    }
    if person.key().is_some() {
        return Err(format!(
            "Nothing was decided: you have a key, so your vote counts only if it is signed, and \
             Slack cannot sign it. On your own machine: gate approve {} --signing-key FILE",
            approval.id()
        ));
    }
    if let Some(why) =
        only_in_the_inbox(&interruption).filter(|_| !matches!(action, DecisionAction::Refuse))
    {
        return Err(format!("Nothing was decided: {why} {page}"));
    }
    Ok(SlackCaller { person, interruption, page })
}

/// Returns the reason why a call cannot be approved by a click. Its messages have no button, but an
/// old message may.
fn only_in_the_inbox(interruption: &Interruption) -> Option<&'static str> {
    if interruption.approval().answers().is_some() {
        Some("it is a question, and only an answer counts. Answer it in the inbox:")
    } else if interruption.is_destructive() {
        Some("it cannot be undone, so approve it in the inbox, where you type the tool's name:")
    } else if !message::is_whole(interruption.approval()) {
        Some(
            "it is too long for a Slack message, so approve it in the inbox, which shows all of \
             it:",
        )
    } else {
        None
    }
}

/// Returns a message if the person has already voted the same, for example by a second click, and
/// others still have to decide.
fn already_decided(approval: &Approval, action: &DecisionAction, me: &Reviewer) -> Option<String> {
    let vote = approval.votes().iter().rev().find(|vote| vote.reviewer() == me.id())?;
    let is_same = match (vote.decision(), action) {
        (Decision::Approve, DecisionAction::Approve | DecisionAction::Explain) => {
            vote.shown() == Some(approval.shown())
        }
        (Decision::Reject { .. }, DecisionAction::Refuse) => true,
        _ => false,
    };
    is_same.then(|| {
        format!(
            "You already voted this way. Still needed: {}.",
            notification::plain(approval.still_needs())
        )
    })
}

fn done(approval: &Approval, action: &DecisionAction) -> String {
    let error = if matches!(action, DecisionAction::Refuse) { "rejected" } else { "approved" };
    let tool = notification::plain(approval.tool());
    match approval.status() {
        Status::Pending => format!(
            "Vote recorded: you {error} {tool}. Still needed: {}.",
            notification::plain(approval.still_needs())
        ),
        Status::Approved => format!("You approved {tool}: it runs when its run continues."),
        Status::Rejected => {
            format!("You rejected {tool}: it does not run, and the agent is told why.")
        }
        _ => format!("You {error} {tool}. {}", notification::state(approval).1),
    }
}

fn changed(page: &str) -> String {
    format!(
        "Nothing was decided: it has changed since this message was written. Review it \
         again: {page}"
    )
}

/// Returns the message for a store or people file that does not answer. The error itself is for the
/// operator.
fn unavailable() -> String {
    "The database or the people file is not available, so nothing was decided. Try again, or \
     contact the person who runs the inbox."
        .to_owned()
}
