//! Routes of decisions: each applies only to the call as its form showed it, and is sent once.

use std::sync::Arc;

use axum::RequestExt as _;
use axum::extract::{FromRequest, Path, Request, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use gate_runtime::people::ReviewerError;
use gate_runtime::review::{Decide, DecideError, DecisionOutcome, Edit, Refused, Status};
use gate_runtime::tool::Arguments;
use gate_runtime::{Interruption, Reviewer};
use serde_json::{Map, Value};

use super::to_approval;
use crate::auth::current_user::CurrentUser;
use crate::forms::edit_form::EditForm;
use crate::forms::form_data::FormData;
use crate::notify::Intent;
use crate::pages::{self, DecisionDraft, FormToken, ProblemForm};
use crate::render::untrusted_text::is_shown_whole;
use crate::state::AppState;
use crate::web::extract::SubmittedForm;
use crate::web::page_error::{PageError, PageResult};

/// A form about a call, before anything is decided.
pub(super) struct DecisionForm {
    pub(super) user: CurrentUser,
    pub(super) fields: FormData,
    pub(super) interruption: Interruption,
}

/// The outcome of a sent decision.
pub(super) enum SubmitOutcome {
    /// It counts, or counted before.
    Done,
    /// The sent form is not sufficient, for this reason.
    Refused(String),
}

impl AppState {
    /// Returns the reviewer of a signed-in person.
    pub(super) async fn reviewer(&self, user: &CurrentUser) -> Result<Reviewer, PageError> {
        self.gate.reviewer(user.who().clone()).await.map_err(|error| match error {
            ReviewerError::Unknown(_) => {
                let message = "Nothing was decided: the gate does not know you. Ask the person \
                    who runs it to add you.";
                PageError::with(StatusCode::FORBIDDEN, "Not known to the gate", message)
            }
            _ => PageError::unavailable(),
        })
    }
}

impl FromRequest<Arc<AppState>> for DecisionForm {
    type Rejection = PageError;

    /// Reads a form, if the call is still as it was shown.
    async fn from_request(mut request: Request, app: &Arc<AppState>) -> Result<Self, PageError> {
        let Path(id) = request.extract_parts::<Path<String>>().await.map_err(PageError::new)?;
        let SubmittedForm { user, fields } = SubmittedForm::from_request(request, app).await?;
        let interruption = app.interruption(&id).await?;
        let approval = interruption.approval();
        // Otherwise the vote would be about arguments that the person has not seen.
        if !approval.status().is_terminal() && approval.shown().to_string() != fields.get("shown") {
            return Err(PageError::new(pages::changed(&user, &interruption)));
        }
        if user.must_sign() {
            let message = "Your vote counts only if it is signed, and no page can sign it: use \
                `gate approve … --signing-key FILE` on your own machine.";
            return Err(PageError::with(StatusCode::FORBIDDEN, "Signature required", message));
        }
        Ok(Self { user, fields, interruption })
    }
}

impl DecisionForm {
    /// Returns the missing confirmation if more than a click is required: the page did not show
    /// everything at first, or the call is destructive.
    pub(super) fn unconfirmed(&self) -> Option<String> {
        if !is_shown_whole(self.interruption.approval()) && self.fields.get("read") != "all" {
            let message = "the page collapses parts of it: read all of it, then check the box";
            return Some(message.to_owned());
        }
        let tool = self.interruption.approval().tool().as_str();
        let is_typed = self.fields.get("typed").trim() == tool;
        (self.interruption.is_destructive() && !is_typed)
            .then(|| format!("type the tool's name, {tool}, to confirm: this cannot be undone"))
    }

    pub(super) async fn reviewer(&self, app: &AppState) -> Result<Reviewer, PageError> {
        app.reviewer(&self.user).await
    }

    /// Sends the decision to the gate, if this form was not sent before. Uses up the link that
    /// opened the form.
    async fn send(
        &self,
        app: &AppState,
        intent: Intent,
        decide: Decide<'_>,
    ) -> Result<SubmitOutcome, PageError> {
        self.send_as(app, intent, decide, |_| ()).await
    }

    /// Sends the decision as [`send`](Self::send) does, for callers that need the reason of a
    /// refusal.
    pub(super) async fn send_as(
        &self,
        app: &AppState,
        intent: Intent,
        decide: Decide<'_>,
        on_refused: impl FnOnce(&DecideError) + Send,
    ) -> Result<SubmitOutcome, PageError> {
        // A second click on the same form gets the response of the first one, and sends nothing.
        let Some(claim) = app.sessions.first(self.user.session, &self.fields.get("form")) else {
            return Ok(SubmitOutcome::Done);
        };
        if let Some(token) = self.fields.exact("link") {
            app.consume_link(&token, intent, self.interruption.approval())?;
        }
        let comment = self.fields.get("comment");
        let decide =
            if comment.trim().is_empty() { decide } else { decide.comment(comment.trim()) };
        let decided = decide.await;
        if let Err(error) = &decided {
            on_refused(error);
        }
        let outcome = self.outcome(decided)?;
        if matches!(outcome, SubmitOutcome::Done) {
            claim.counts();
        }
        Ok(outcome)
    }

    fn outcome(
        &self,
        decided: Result<DecisionOutcome, DecideError>,
    ) -> Result<SubmitOutcome, PageError> {
        let Err(error) = decided else { return Ok(SubmitOutcome::Done) };
        let message = error.to_string();
        Err(match error {
            DecideError::Refused(Refused::Changed) => {
                PageError::new(pages::changed(&self.user, &self.interruption))
            }
            // Not decided by a person.
            DecideError::AlreadyDecided(ref approval) if approval.status() == Status::Expired => {
                PageError::with(
                    StatusCode::CONFLICT,
                    "Too late",
                    &format!("Nothing was decided: {message}."),
                )
            }
            DecideError::AlreadyDecided(_) | DecideError::StillRunning { .. } => PageError::with(
                StatusCode::CONFLICT,
                "Already decided",
                &format!("Your decision came too late: {message}."),
            ),
            DecideError::Refused(Refused::Final(_) | Refused::NotNow(_) | Refused::TooLate) => {
                PageError::with(
                    StatusCode::CONFLICT,
                    "Too late",
                    &format!("Nothing was decided: {message}."),
                )
            }
            DecideError::Refused(Refused::NotEntitled { .. } | Refused::SignatureRequired)
            | DecideError::Signature(_) => PageError::with(
                StatusCode::FORBIDDEN,
                "Not yours to decide",
                &format!("Nothing was decided: {message}."),
            ),
            DecideError::Unknown(_) => PageError::not_found(),
            DecideError::Store(_) | DecideError::Reviewer(_) => PageError::unavailable(),
            _ => return Ok(SubmitOutcome::Refused(message)),
        })
    }

    /// Returns the page of the call, with the problem of the form if it has one.
    async fn show(
        &self,
        app: &AppState,
        outcome: SubmitOutcome,
        of: ProblemForm,
        message: String,
    ) -> PageResult {
        match outcome {
            SubmitOutcome::Done => Ok(to_approval(self.interruption.id()).into_response()),
            SubmitOutcome::Refused(problem) => {
                let draft = DecisionDraft {
                    problem: Some((of, problem)),
                    message,
                    comment: self.fields.get("comment"),
                };
                let form_token = FormToken::new(&self.user, &self.interruption)?;
                let found = app.precedents(&self.interruption).await?;
                Ok(pages::approval(&self.user, &self.interruption, &found, &form_token, &draft))
            }
        }
    }

    /// Returns the form of an edit before anything is typed.
    fn form(&self) -> Result<EditForm, PageError> {
        let Some(descriptor) = self.interruption.descriptor() else {
            return Err(PageError::not_found());
        };
        Ok(EditForm::of(self.interruption.approval(), descriptor.input_schema()))
    }

    fn show_form(&self, form: &EditForm) -> PageResult {
        Ok(pages::edit(
            &self.user,
            &self.interruption,
            &FormToken::new(&self.user, &self.interruption)?,
            form,
        ))
    }

    fn show_changes(&self, edited: &Arguments, problem: Option<String>) -> PageResult {
        let form_token = FormToken::new(&self.user, &self.interruption)?;
        let draft = DecisionDraft::of(ProblemForm::Edit, problem, self.fields.get("comment"));
        Ok(pages::confirm(&self.user, &self.interruption, &form_token, edited, &draft))
    }

    /// Returns the edited arguments and the edit, or the response with the form and its problem.
    async fn preview(
        &self,
        mut form: EditForm,
        new: &Map<String, Value>,
    ) -> Result<(Arguments, Edit), PageResult> {
        let edit = Edit::between(&self.interruption.approval().arguments().to_json(), new);
        if edit.is_empty() {
            form.problem =
                Some("nothing has changed: change something, or approve it as it is".to_owned());
            return Err(self.show_form(&form));
        }
        match self.interruption.preview(&edit).await {
            Ok(edited) => Ok((edited, edit)),
            Err(DecideError::Invalid(schema_errors)) => {
                form.add_errors(&schema_errors);
                Err(self.show_form(&form))
            }
            Err(error) => match self.outcome(Err(error)) {
                Ok(SubmitOutcome::Refused(message)) => {
                    form.problem = Some(message);
                    Err(self.show_form(&form))
                }
                Ok(SubmitOutcome::Done) => Err(self.show_form(&form)),
                Err(stop) => Err(Err(stop)),
            },
        }
    }
}

pub(super) async fn approve(
    State(app): State<Arc<AppState>>,
    decision: DecisionForm,
) -> PageResult {
    let me = decision.reviewer(&app).await?;
    let outcome = match decision.unconfirmed() {
        Some(message) => SubmitOutcome::Refused(message),
        None => decision.send(&app, Intent::Approve, decision.interruption.approve(&me)).await?,
    };
    decision.show(&app, outcome, ProblemForm::Approve, decision.fields.get("comment")).await
}

pub(super) async fn reject(State(app): State<Arc<AppState>>, decision: DecisionForm) -> PageResult {
    let me = decision.reviewer(&app).await?;
    let reason = decision.fields.get("reason");
    let outcome = decision
        .send(&app, Intent::Reject, decision.interruption.reject(&me, reason.trim()))
        .await?;
    decision.show(&app, outcome, ProblemForm::Reject, reason).await
}

pub(super) async fn respond(
    State(app): State<Arc<AppState>>,
    decision: DecisionForm,
) -> PageResult {
    let me = decision.reviewer(&app).await?;
    let typed = decision.fields.get("value");
    let outcome = if typed.trim().is_empty() {
        SubmitOutcome::Refused("type or choose what the agent gets".to_owned())
    } else {
        let value = decision.interruption.approval().typed_answer(&typed);
        decision.send(&app, Intent::Open, decision.interruption.respond(&me, value)).await?
    };
    decision.show(&app, outcome, ProblemForm::Respond, typed).await
}

/// Previews the changes, and sends them once they are confirmed.
pub(super) async fn edit(State(app): State<Arc<AppState>>, decision: DecisionForm) -> PageResult {
    let mut form = decision.form()?;
    let Some(confirmed) = decision.fields.find("arguments") else {
        let Some(new) = form.read(&decision.fields) else { return decision.show_form(&form) };
        return match decision.preview(form, &new).await {
            Ok((edited, _)) => decision.show_changes(&edited, None),
            Err(answer) => answer,
        };
    };
    let Ok(new) = serde_json::from_str::<Map<String, Value>>(&confirmed) else {
        return decision.show_form(&form);
    };
    let (edited, edit) = match decision.preview(form, &new).await {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    if let Some(message) = decision.unconfirmed() {
        return decision.show_changes(&edited, Some(message));
    }
    let me = decision.reviewer(&app).await?;
    match decision.send(&app, Intent::Open, decision.interruption.edit(&me, edit)).await? {
        SubmitOutcome::Done => Ok(to_approval(decision.interruption.id()).into_response()),
        SubmitOutcome::Refused(problem) => decision.show_changes(&edited, Some(problem)),
    }
}
