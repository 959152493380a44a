//! People who decide: each looks at the call's page, and sends a form of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gate_runtime::id::ApprovalId;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::http::HttpConnection;
use crate::server::InboxServer;

/// The number of browsers that the reviewers have.
const BROWSERS: usize = 40;

#[derive(Default)]
pub(crate) struct DecisionTimes {
    pub(crate) looked: Vec<Duration>,
    pub(crate) sent: Vec<Duration>,
    /// When the form was sent.
    pub(crate) sent_at: HashMap<ApprovalId, Instant>,
}

/// Approves those for which an agent waits, and rejects the others, in turn, so many a second.
/// Whoever has to wait for a browser waits in the figures too.
pub(crate) async fn decide(
    server: &InboxServer,
    waited_for: &[ApprovalId],
    others: &[ApprovalId],
    per_second: u32,
) -> DecisionTimes {
    let (give, take) = mpsc::channel::<HttpConnection>(BROWSERS);
    for number in 0..BROWSERS {
        give.send(server.browser(number).await).await.unwrap();
    }
    let take = Arc::new(Mutex::new(take));
    let mut due = interval(Duration::from_secs(1) / per_second);
    due.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut tasks = JoinSet::new();
    let longest = waited_for.len().max(others.len());
    let both = (0..longest)
        .flat_map(|place| [(waited_for.get(place), "approve"), (others.get(place), "reject")]);
    for (id, what) in both.filter_map(|(id, what)| Some((*id?, what))) {
        due.tick().await;
        let (give, take, began) = (give.clone(), Arc::clone(&take), Instant::now());
        tasks.spawn(async move {
            let mut browser = take.lock().await.recv().await.unwrap();
            let page = browser.get(&format!("/approvals/{id}")).await;
            assert_eq!(page.status, 200);
            let looked = began.elapsed();
            let [secret, form, shown] =
                ["form_secret", "form", "shown"].map(|name| page.hidden(name));
            let body = format!(
                "form_secret={secret}&form={form}&shown={shown}&typed=issue_refund&reason=not+now"
            );
            let sent_at = Instant::now();
            let answer = browser.post(&format!("/approvals/{id}/{what}"), &body).await;
            assert_eq!(answer.status, 303);
            let sent = sent_at.elapsed();
            give.send(browser).await.unwrap();
            (id, looked, sent_at, sent)
        });
    }
    let mut decided = DecisionTimes::default();
    while let Some(done) = tasks.join_next().await {
        let (id, looked, sent_at, sent) = done.unwrap();
        decided.looked.push(looked);
        decided.sent.push(sent);
        decided.sent_at.insert(id, sent_at);
    }
    decided
}
