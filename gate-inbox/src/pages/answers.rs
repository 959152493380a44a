//! The forms that answer a call.

use gate_runtime::policy::{Requirement, ReviewerSelector};
use gate_runtime::remote::AcceptedAnswers;
use gate_runtime::{Approval, Interruption};
use maud::{Markup, html};

use super::frame::FormToken;
use crate::auth::current_user::CurrentUser;
use crate::pending::eligibility::{VoteEligibility, eligibility, why_no_grant};
use crate::render::untrusted_text::{is_shown_whole, plain};

/// The form that has a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProblemForm {
    Approve,
    Reject,
    Respond,
    Edit,
    Grant,
}

/// The typed text of a decision that was not accepted, and the reason.
#[derive(Debug, Default)]
pub(crate) struct DecisionDraft {
    pub(crate) problem: Option<(ProblemForm, String)>,
    pub(crate) message: String,
    /// The comment, in forms where the text is not the comment.
    pub(crate) comment: String,
}

impl DecisionDraft {
    /// Creates a draft from the comment that was typed in a form, and the form's problem.
    pub(crate) fn of(form: ProblemForm, problem: Option<String>, comment: String) -> Self {
        let problem = problem.map(|problem| (form, problem));
        Self { problem, message: comment, comment: String::new() }
    }

    fn comment(&self, of: ProblemForm) -> &str {
        if self.problem(of).is_some() { &self.comment } else { "" }
    }

    pub(super) fn text_for(&self, of: ProblemForm) -> &str {
        if self.problem.as_ref().is_some_and(|(form, _)| *form == of) { &self.message } else { "" }
    }

    pub(super) fn problem(&self, of: ProblemForm) -> Option<&str> {
        self.problem.as_ref().filter(|(form, _)| *form == of).map(|(_, message)| message.as_str())
    }
}

/// Renders the forms, or the reason why there are none.
pub(super) fn answers(
    user: &CurrentUser,
    interruption: &Interruption,
    form_token: &FormToken,
    draft: &DecisionDraft,
) -> Markup {
    let approval = interruption.approval();
    let message = match eligibility(approval, user, interruption.now()) {
        VoteEligibility::Over => return html! {},
        VoteEligibility::IsAgent => "You are the agent that asked. An agent cannot decide.",
        VoteEligibility::ActsForThem if asks_principal(approval) => {
            "This run acts for you and asks you as that person: answer where you use the agent."
        }
        VoteEligibility::ActsForThem => {
            "This run acts for you, so you are not one of the people who decide."
        }
        VoteEligibility::NotAsked => {
            "Others are asked; you are not one of the people who decide this."
        }
        VoteEligibility::Later => "You are asked in a later step if nobody decides before then.",
        VoteEligibility::Asked if user.must_sign() => return must_sign(approval),
        VoteEligibility::Asked => return forms(user, interruption, form_token, draft),
    };
    html! { section.answers aria-label="Your decision" { p { (message) } } }
}

/// Returns whether the question is for the principal of the run. The application names the
/// principal, not the people file.
fn asks_principal(approval: &Approval) -> bool {
    approval
        .requirements()
        .iter()
        .flat_map(Requirement::tiers)
        .any(|tier| matches!(tier.who(), ReviewerSelector::Principal))
}

fn must_sign(approval: &Approval) -> Markup {
    html! {
        section.answers aria-label="Your decision" {
            h2 { "Your decision" }
            p {
                "The people file has a key for you, so your vote counts only if it is signed. "
                "No page can sign it: the key stays with you. Decide on your own machine:"
            }
            pre.text { "gate approve " (approval.id()) " --signing-key FILE" }
            p.faint {
                code { "gate edit" } ", " code { "gate reject" } " and " code { "gate respond" }
                " work the same way."
            }
        }
    }
}

fn forms(
    user: &CurrentUser,
    interruption: &Interruption,
    form_token: &FormToken,
    draft: &DecisionDraft,
) -> Markup {
    let approval = interruption.approval();
    let all = approval.requirements();
    let wants_signature = all.iter().any(Requirement::wants_signature);
    let own_vote = approval.votes().iter().find(|vote| vote.reviewer() == user.who());
    html! {
        section.answers aria-labelledby="answers" {
            h2 #answers { "Your decision" }
            @match own_vote.map(|vote| approval.concerns(vote)) {
                Some(true) => p.faint { "You have voted. A new vote replaces it." },
                Some(false) => p.warning { "The arguments have changed since you voted, so \
                    your vote does not count. Decide again." },
                None => {},
            }
            @if wants_signature {
                p {
                    "Only signed votes let it run. Register a key in the people file, then decide \
                     with "
                    code { "gate approve --signing-key FILE" } ". You can reject it here."
                }
            } @else if let Some(answers) = approval.answers() {
                (answer(interruption, answers, form_token, draft))
            } @else {
                (approve(interruption, form_token, draft))
                (grant(user, interruption))
                @if all.iter().all(Requirement::is_editable) {
                    p.edit {
                        a.button href=(format!("/approvals/{}/edit", approval.id())) data-key="e" {
                            "Edit…"
                        }
                    }
                }
            }
            (reject(interruption, form_token, draft))
            @if !wants_signature && approval.answers().is_none() {
                (respond(interruption, form_token, draft))
            }
        }
    }
}

fn approve(interruption: &Interruption, form_token: &FormToken, draft: &DecisionDraft) -> Markup {
    let problem = draft.problem(ProblemForm::Approve);
    html! {
        details.answer data-key="a" open[problem.is_some()] {
            summary.button.main { "Approve…" }
            (approve_form(interruption, form_token, draft, None))
        }
    }
}

/// Renders the form that approves. If it was opened by a link, it uses up the link.
pub(super) fn approve_form(
    interruption: &Interruption,
    form_token: &FormToken,
    draft: &DecisionDraft,
    link: Option<&str>,
) -> Markup {
    html! {
        form method="post" action=(format!("/approvals/{}/approve", interruption.id())) {
            (form_token.fields())
            @if let Some(token) = link { input type="hidden" name="link" value=(token); }
            (approval_fields(interruption, draft, ProblemForm::Approve))
            button.main { "Approve: let it run" }
        }
    }
}

/// Renders the link to the form of a standing permission, or the reason why there is none.
fn grant(user: &CurrentUser, interruption: &Interruption) -> Markup {
    let approval = interruption.approval();
    html! {
        @match why_no_grant(approval, user, interruption.now()) {
            None => p.edit {
                a.button href=(format!("/approvals/{}/grant", approval.id())) {
                    "Approve later calls too…"
                }
            },
            Some(message) => p.faint.no-grant { "No standing permission: " (message) },
        }
    }
}

/// Renders the fields that every form that approves has: the comment, what must be confirmed, and
/// the problem.
pub(super) fn approval_fields(
    asked: &Interruption,
    draft: &DecisionDraft,
    form: ProblemForm,
) -> Markup {
    let is_wanted = asked.approval().requirements().iter().any(Requirement::wants_comment);
    html! {
        label for="comment" { @if is_wanted { "Reason (for the \
            record)" } @else { "Reason (for the record, optional)" } }
        textarea #comment name="comment" rows="2" { "\n" (draft.text_for(form)) }
        (confirmation(asked))
        (field_error(draft.problem(form)))
    }
}

/// Renders the fields that must be confirmed besides the click: arguments that the page does not
/// show whole at first, and effects that cannot be undone.
fn confirmation(interruption: &Interruption) -> Markup {
    html! {
        @if !is_shown_whole(interruption.approval()) {
            div.check {
                input #read type="checkbox" name="read" value="all";
                label for="read" { "I have read all of it, including the collapsed parts." }
            }
        }
        @if interruption.is_destructive() {
            label for="typed" { "This cannot be undone. Type the tool's \
                name to confirm: " code { (plain(interruption.approval().tool())) } }
            input #typed name="typed" autocomplete="off" autocapitalize="off" spellcheck="false";
        }
    }
}

fn reject(interruption: &Interruption, form_token: &FormToken, draft: &DecisionDraft) -> Markup {
    let problem = draft.problem(ProblemForm::Reject);
    html! {
        details.answer data-key="r" open[problem.is_some()] {
            summary.button { "Reject…" }
            (reject_form(interruption, form_token, draft, None))
        }
    }
}

/// Renders the form that rejects. If it was opened by a link, it uses up the link.
pub(super) fn reject_form(
    interruption: &Interruption,
    form_token: &FormToken,
    draft: &DecisionDraft,
    link: Option<&str>,
) -> Markup {
    let is_question = interruption.approval().answers().is_some();
    html! {
        form method="post" action=(format!("/approvals/{}/reject", interruption.id())) {
            (form_token.fields())
            @if let Some(token) = link { input type="hidden" name="link" value=(token); }
            label for="reason" { "Reason (the agent sees it)" }
            textarea #reason name="reason" rows="3" { "\n" (draft.text_for(ProblemForm::Reject)) }
            (field_error(draft.problem(ProblemForm::Reject)))
            button.danger { @if is_question { "Reject without \
                an answer" } @else { "Reject: it does not run" } }
        }
    }
}

/// Renders the form of a question that is not a call.
fn answer(
    interruption: &Interruption,
    answers: &AcceptedAnswers,
    form_token: &FormToken,
    draft: &DecisionDraft,
) -> Markup {
    let problem = draft.problem(ProblemForm::Respond);
    html! {
        details.answer data-key="a" open {
            summary.button.main { "Answer…" }
            form method="post" action=(format!("/approvals/{}/respond", interruption.id())) {
                (form_token.fields())
                @if let AcceptedAnswers::OneOf { choices } = answers {
                    @let chosen = draft.text_for(ProblemForm::Respond);
                    fieldset.choices {
                        legend { "Choose the answer for the agent" }
                        @for (index, choice) in choices.iter().enumerate() {
                            div.check {
                                input id=(format!("choice-{index}")) type="radio" name="value"
                                    value=(choice)
                                    checked[chosen == choice.as_str()];
                                label for=(format!("choice-{index}")) { (plain(choice)) }
                            }
                        }
                    }
                } @else {
                    label for="value" { "Your answer (the agent sees it)" }
                    textarea #value name="value" rows="3" {
                        "\n" (draft.text_for(ProblemForm::Respond))
                    }
                }
                (why(interruption, draft))
                (field_error(problem))
                button.main { "Answer" }
            }
        }
    }
}

fn respond(interruption: &Interruption, form_token: &FormToken, draft: &DecisionDraft) -> Markup {
    let problem = draft.problem(ProblemForm::Respond);
    html! {
        details.answer open[problem.is_some()] {
            summary.button { "Reply instead of running it…" }
            form method="post" action=(format!("/approvals/{}/respond", interruption.id())) {
                (form_token.fields())
                label for="value" { "What the agent gets as the tool's result: JSON or text" }
                textarea #value name="value" rows="3" {
                    "\n" (draft.text_for(ProblemForm::Respond))
                }
                (why(interruption, draft))
                (field_error(problem))
                button { "Reply: it does not run" }
            }
        }
    }
}

/// Renders the field for a comment, if a requirement asks for one.
fn why(interruption: &Interruption, draft: &DecisionDraft) -> Markup {
    html! {
        @if interruption.approval().requirements().iter().any(Requirement::wants_comment) {
            label for="respond-comment" { "Reason (for the record)" }
            textarea #respond-comment name="comment" rows="2" {
                "\n" (draft.comment(ProblemForm::Respond))
            }
        }
    }
}

pub(super) fn field_error(problem: Option<&str>) -> Markup {
    html! { @if let Some(problem) = problem { p.problem role="alert" { (plain(problem)) } } }
}
