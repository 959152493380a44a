//! Drains the unread rest of a request's body.
//!
//! If a server responds and closes while the client still sends, the client sees a broken
//! connection instead of the response. So the rest is read for a while, and dropped.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Error;
use axum::body::{Body, BodyDataStream, Bytes, HttpBody as _};
use futures_util::{Stream, StreamExt as _};
use tokio::time::timeout;

/// The bytes of a body that are read for the sake of the answer, at most.
const MOST: usize = 16 << 20;

/// The time for that, at most.
const PATIENCE: Duration = Duration::from_secs(10);

/// Returns a body whose rest is drained if it is dropped before its end.
pub(crate) fn drain_unread(body: Body) -> Body {
    if body.is_end_stream() {
        body
    } else {
        Body::from_stream(UnreadBody(Some(body.into_data_stream())))
    }
}

struct UnreadBody(Option<BodyDataStream>);

impl Stream for UnreadBody {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(body) = &mut self.0 else { return Poll::Ready(None) };
        let next = body.poll_next_unpin(context);
        if !matches!(next, Poll::Pending | Poll::Ready(Some(Ok(_)))) {
            self.0 = None;
        }
        next
    }
}

impl Drop for UnreadBody {
    fn drop(&mut self) {
        let Some(mut body) = self.0.take() else { return };
        tokio::spawn(timeout(PATIENCE, async move {
            let mut left = MOST;
            while let Some(Ok(chunk)) = body.next().await
                && let Some(less) = left.checked_sub(chunk.len())
            {
                left = less;
            }
        }));
    }
}
