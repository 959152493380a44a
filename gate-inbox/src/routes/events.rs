//! The stream of changes for an open page.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::response::sse::{Event, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use gate_runtime::id::{Digest, ReviewerId};
use tokio::time::{Instant, sleep, timeout};

use crate::auth::current_user::CurrentUser;
use crate::state::AppState;
use crate::web::page_error::{PageError, PageResult};
use crate::web::sse::SlotGuard;

/// The least time between two messages to one page.
const PAUSE: Duration = Duration::from_millis(250);

/// The interval of keep-alive messages, at which the session is checked, too.
const QUIET: Duration = Duration::from_secs(15);

/// The time for which one stream lasts. The page opens another one.
const LASTS: Duration = Duration::from_mins(10);

pub(super) async fn events(State(app): State<Arc<AppState>>, user: CurrentUser) -> PageResult {
    let Some(slot) = app.sse.reserve(user.who()) else {
        let message = "Too many pages are open. Reload a page to see what is new.";
        return Err(PageError::with(StatusCode::SERVICE_UNAVAILABLE, "Too many pages", message));
    };
    let stream = change_events(&app, user.session, slot);
    Ok(Sse::new(stream).into_response())
}

/// Returns the events for one page, as long as its session lasts.
fn change_events(
    app: &Arc<AppState>,
    session: Digest,
    slot: SlotGuard<ReviewerId>,
) -> impl Stream<Item = Result<Event, Infallible>> + use<> {
    let mut newest = app.sse.newest();
    newest.mark_changed();
    let end = Instant::now() + LASTS;
    let first_state = (Arc::downgrade(app), newest, slot, true);
    unfold(first_state, move |(app_ref, mut newest, guard, is_first)| async move {
        if !is_first {
            sleep(PAUSE).await;
        }
        let changed = timeout(QUIET, newest.changed()).await;
        let app = app_ref.upgrade()?;
        let lasts = Instant::now() < end
            // Fails closed: a session that cannot be checked ends the stream.
            && app.session(session, false).await.is_ok_and(|found| found.is_some());
        let event = match changed {
            _ if !lasts => return None,
            Ok(Ok(())) => {
                Event::default().event("change").data(newest.borrow_and_update().to_string())
            }
            Ok(Err(_)) => return None,
            Err(_) => Event::default().comment("quiet"),
        };
        Some((Ok(event), (app_ref, newest, guard, false)))
    })
}
