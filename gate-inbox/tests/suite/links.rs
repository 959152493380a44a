//! Links of mails, which open a page and decide nothing.

use std::time::Duration;

use crate::test_inbox;
use crate::test_inbox::{TestBrowser, TestInbox};
use gate_inbox::{Intent, LinkKey, Links};
use gate_runtime::id::ApprovalId;
use gate_runtime::prelude::*;
use gate_runtime::review::{Decision, Status};
use serde_json::json;
use tempfile::TempDir;

const INBOX: &str = "https://gate.example.com";

struct LinkFixture {
    inbox: TestInbox,
    links: Links,
    folder: TempDir,
}

impl LinkFixture {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let links = || {
            Links::new(LinkKey::in_file(folder.path().join("links.key")).unwrap(), INBOX).unwrap()
        };
        let of_the_inbox = links();
        let fixture = TestInbox::open_as(|inbox| inbox.links(of_the_inbox)).await;
        Self { inbox: fixture, links: links(), folder }
    }

    /// Returns the path of a link to a call in its current state.
    async fn path(&self, id: ApprovalId, intent: Intent) -> String {
        self.path_for(id, intent, "dana@example.com").await
    }

    async fn path_for(&self, id: ApprovalId, intent: Intent, whom: &str) -> String {
        let now = gate_runtime::store::Clock::now(&self.inbox.clock);
        let url = self.links.to(&self.inbox.approval(id).await, intent, whom, now);
        url.strip_prefix(INBOX).unwrap().to_owned()
    }

    async fn records(&self) -> usize {
        self.inbox.agent.records(0, 10_000).await.unwrap().len()
    }
}

fn link_of(path: &str) -> &str {
    path.strip_prefix("/link/").unwrap()
}

/// Sends the form of the page that a link leads to.
async fn send(
    browser: &mut TestBrowser,
    path: &str,
    action: &str,
    fields: &[(&str, &str)],
) -> test_inbox::PageResponse {
    let page = browser.get(path).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let link = page.hidden("link");
    let mut all = vec![("link", link.as_str())];
    all.extend(fields);
    browser.fill_on(&page, action, &all).await
}

/// Scenario 61.
#[tokio::test]
async fn a_scanner_that_opens_every_link_decides_nothing_and_uses_none_up() {
    let link_fixture = LinkFixture::open().await;
    let id = link_fixture.inbox.ask_to_pay(50).await;
    let mut paths = Vec::new();
    for intent in [Intent::Approve, Intent::Reject, Intent::Open] {
        paths.push(link_fixture.path(id, intent).await);
    }
    let before = link_fixture.records().await;
    let mut dana = link_fixture.inbox.signed_in(&link_fixture.inbox.dana).await;
    for browser in [&mut link_fixture.inbox.browser(), &mut dana] {
        for headers in [
            &[][..],
            &[("sec-purpose", "prefetch"), ("purpose", "prefetch")],
            &[("sec-purpose", "prefetch;prerender"), ("sec-fetch-site", "none")],
            &[
                ("user-agent", "Mozilla/5.0 (compatible; SafeLinks)"),
                ("referer", "https://mail.example"),
            ],
        ] {
            browser.headers =
                headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
            for path in &paths {
                for page in
                    [browser.get(path).await, browser.head(path).await, browser.get(path).await]
                {
                    assert!(page.status == 200 || page.status == 303, "{}", page.status);
                }
                assert_eq!(browser.post(path, &[]).await.status, 405);
            }
        }
    }
    assert_eq!(
        (link_fixture.records().await, link_fixture.inbox.approval(id).await.votes().len()),
        (before, 0)
    );
    dana.headers.clear();
    let page = send(&mut dana, &paths[0], &format!("/approvals/{id}/approve"), &[]).await;
    assert_eq!(page.status, 303, "it still is good");
    assert_eq!(link_fixture.inbox.approval(id).await.status(), Status::Approved);
}

#[tokio::test]
async fn a_link_leads_through_signing_in_to_a_page_that_says_what_its_form_decides() {
    let link_fixture = LinkFixture::open().await;
    let id = link_fixture.inbox.ask_to_pay(50).await;
    let path = link_fixture.path(id, Intent::Reject).await;
    let mut browser = link_fixture.inbox.browser();
    browser.headers = vec![
        ("sec-fetch-site", "cross-site".to_owned()),
        ("sec-fetch-mode", "navigate".to_owned()),
    ];
    browser.get(&path).await.has("Open").has("http-equiv=\"refresh\"");
    browser.headers.clear();
    let page = browser.get(&path).await;
    assert_eq!(page.location, Some(format!("/sign-in?link={}", link_of(&path))));
    let page = browser.get(&page.location.unwrap()).await;
    let (secret, link) = (page.hidden("form_secret"), page.hidden("link"));
    let token = link_fixture.inbox.dana.reveal().to_owned();
    let wrong = browser
        .post("/sign-in", &[("form_secret", &secret), ("link", &link), ("token", "x")])
        .await;
    let (secret, link) = (wrong.hidden("form_secret"), wrong.hidden("link"));
    let page = browser
        .post("/sign-in", &[("form_secret", &secret), ("link", &link), ("token", &token)])
        .await;
    assert_eq!((page.status, page.location.as_ref()), (303, Some(&path)));
    let page = browser.get(&path).await;
    page.has("<bdi>Reject pay?</bdi>")
        .has("Nothing is decided yet.")
        .has("refuse to let the agent")
        .has("alice");
    page.has("The agent claims")
        .has("It needs <bdi>a manager within 2 hours</bdi>.")
        .has("No other rule matched")
        .has("Reason (the agent sees it)")
        .has_not("Approve: let it run");
    let sent =
        send(&mut browser, &path, &format!("/approvals/{id}/reject"), &[("reason", "not her")])
            .await;
    assert_eq!(sent.location, Some(format!("/approvals/{id}")));
    let approval = link_fixture.inbox.approval(id).await;
    assert!(
        matches!(approval.votes()[0].decision(), Decision::Reject { reason } if reason == "not her")
    );
    assert_eq!(approval.votes()[0].reviewer().as_str(), "dana");
}

#[tokio::test]
async fn a_link_decides_once_also_when_its_form_is_open_twice() {
    let link_fixture = LinkFixture::open().await;
    let id = link_fixture.inbox.ask_to_pay(2_000).await;
    let path = link_fixture.path(id, Intent::Approve).await;
    let action = format!("/approvals/{id}/approve");
    let mut dana = link_fixture.inbox.signed_in(&link_fixture.inbox.dana).await;
    let (one, two) = (dana.get(&path).await, dana.get(&path).await);
    let link = link_of(&path);
    assert_eq!(dana.fill_on(&one, &action, &[("link", link)]).await.status, 303);
    assert_eq!(
        dana.fill_on(&one, &action, &[("link", link)]).await.status,
        303,
        "the same form again is no other"
    );
    let me = link_fixture.inbox.agent.reviewer("dana").await.unwrap();
    link_fixture.inbox.agent.interruption(id).await.unwrap().unwrap().withdraw(&me).await.unwrap();
    let again = dana.fill_on(&two, &action, &[("link", link)]).await;
    assert_eq!(again.status, 410);
    again.has("This link was already used");
    dana.get(&path).await.has("Link already used");
    let mut omar = link_fixture.inbox.signed_in(&link_fixture.inbox.omar).await;
    assert_eq!(omar.get(&path).await.status, 410, "for whomever");
    assert_eq!(link_fixture.inbox.approval(id).await.votes().len(), 0);

    // Omar's link is a different one.
    let path = link_fixture.path_for(id, Intent::Approve, "omar@example.com").await;
    assert_eq!(send(&mut omar, &path, &action, &[]).await.status, 303);
    assert_eq!(link_fixture.inbox.approval(id).await.votes().len(), 1);
    // A process with the same key knows the used links, even after a restart.
    let fixture = TestInbox::open_as(|inbox| inbox.links(link_fixture.links.clone())).await;
    assert_eq!(fixture.browser().get(&path).await.status, 410);
}

#[tokio::test]
async fn a_link_that_was_changed_or_made_by_others_is_none() {
    let link_fixture = LinkFixture::open().await;
    let id = link_fixture.inbox.ask_to_pay(50).await;
    let path = link_fixture.path(id, Intent::Approve).await;
    let mut dana = link_fixture.inbox.signed_in(&link_fixture.inbox.dana).await;
    let other =
        Links::new(LinkKey::in_file(link_fixture.folder.path().join("other.key")).unwrap(), INBOX)
            .unwrap();
    let now = gate_runtime::store::Clock::now(&link_fixture.inbox.clock);
    let forged = other.to(&link_fixture.inbox.approval(id).await, Intent::Approve, "dana", now);
    let mut wrong = vec![
        forged.strip_prefix(INBOX).unwrap().to_owned(),
        format!("{path}A"),
        format!("{path}="),
        path[..path.len() - 1].to_owned(),
        path[..40].to_owned(),
        "/link/x".to_owned(),
        format!("/link/{}", "A".repeat(131)),
        format!("/link/{}", "A".repeat(50_000)),
        "/link/%00%F0%9F%99%82".to_owned(),
    ];
    for place in "/link/".len()..path.len() {
        let mut changed = path.clone().into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        wrong.push(String::from_utf8(changed).unwrap());
    }
    for path in wrong {
        for browser in [&mut link_fixture.inbox.browser(), &mut dana] {
            let page = browser.get(&path).await;
            assert_eq!(page.status, 404, "{path}");
            page.has("This inbox did not make this link").has_not("alice");
        }
    }
    assert_eq!(dana.get(&path).await.status, 200);
    link_fixture.inbox.clock.advance(Duration::from_hours(24));
    let page = link_fixture.inbox.browser().get(&path).await;
    assert_eq!(page.status, 410);
    page.has("This link has expired");
    assert_eq!(
        TestInbox::open().await.browser().get(&path).await.status,
        404,
        "an inbox without links has none"
    );
}

#[tokio::test]
async fn what_changed_was_decided_or_is_for_others_is_not_decided_by_a_link() {
    let link_fixture = LinkFixture::open().await;
    let id = link_fixture.inbox.ask_to_pay(2_000).await;
    let (approve, reject) =
        (link_fixture.path(id, Intent::Approve).await, link_fixture.path(id, Intent::Reject).await);
    let mut ines = link_fixture.inbox.signed_in(&link_fixture.inbox.ines).await;
    assert_eq!(
        ines.get(&approve).await.location,
        Some(format!("/approvals/{id}")),
        "its page says that others decide"
    );
    let mut dana = link_fixture.inbox.signed_in(&link_fixture.inbox.dana).await;
    let page = dana.get(&approve).await;
    let me = link_fixture.inbox.agent.reviewer("omar").await.unwrap();
    let interruption = link_fixture.inbox.agent.interruption(id).await.unwrap().unwrap();
    interruption.edit(&me, Edit::new().set("to", "mallory")).await.unwrap();
    for path in [&approve, &reject] {
        let page = dana.get(path).await;
        assert_eq!(page.status, 409);
        page.has("Nothing was decided");
    }
    let sent = dana
        .fill_on(&page, &format!("/approvals/{id}/approve"), &[("link", link_of(&approve))])
        .await;
    assert_eq!(sent.status, 409);
    assert_eq!(link_fixture.inbox.approval(id).await.votes().len(), 1);
    link_fixture.inbox.reject(id, "dana", "no").await;
    assert_eq!(
        dana.get(&approve).await.location,
        Some(format!("/approvals/{id}")),
        "its page says what became of it"
    );
    let open = link_fixture.path(id, Intent::Open).await;
    assert_eq!(dana.get(&open).await.location, Some(format!("/approvals/{id}")));
}

#[tokio::test]
async fn a_link_is_for_one_answer_to_one_call_and_only_the_form_of_the_session_uses_it() {
    let link_fixture = LinkFixture::open().await;
    let id = link_fixture.inbox.ask_to_pay(50).await;
    let other = link_fixture.inbox.ask_to_pay(60).await;
    let path = link_fixture.path(id, Intent::Reject).await;
    let mut dana = link_fixture.inbox.signed_in(&link_fixture.inbox.dana).await;
    for (id, what) in [(id, "approve"), (id, "respond"), (other, "reject"), (other, "approve")] {
        let fields = [("link", link_of(&path)), ("reason", "no"), ("value", "1")];
        let page = dana.decide(id, what, &fields).await;
        assert_eq!(page.status, 409, "{what}");
        page.has("This link is for something else");
    }
    let page = dana.get(&path).await;
    let fields = [
        ("link", link_of(&path)),
        ("reason", "no"),
        ("form", "1"),
        ("shown", &page.hidden("shown")),
    ];
    assert_eq!(
        dana.post(&format!("/approvals/{id}/reject"), &fields).await.status,
        403,
        "without the session's secret"
    );
    for id in [id, other] {
        assert_eq!(link_fixture.inbox.approval(id).await.votes().len(), 0);
    }
    assert_eq!(dana.get(&path).await.status, 200, "nothing of it used it up");
}

#[tokio::test]
async fn what_cannot_be_undone_wants_its_name_by_a_link_too() {
    let link_fixture = LinkFixture::open().await;
    let id = link_fixture.inbox.ask("wipe", json!({"disk": "sda"})).await;
    let path = link_fixture.path(id, Intent::Approve).await;
    let mut dana = link_fixture.inbox.signed_in(&link_fixture.inbox.dana).await;
    let action = format!("/approvals/{id}/approve");
    for wrong in ["", "wipee", "WIPE"] {
        let page = send(&mut dana, &path, &action, &[("typed", wrong)]).await;
        assert_eq!(page.status, 422);
    }
    assert_eq!(link_fixture.inbox.approval(id).await.votes().len(), 0);
    assert_eq!(send(&mut dana, &path, &action, &[("typed", "wipe")]).await.status, 303);
    assert_eq!(link_fixture.inbox.approval(id).await.status(), Status::Approved);
}

#[tokio::test]
async fn signing_in_leads_nowhere_that_somebody_else_wrote() {
    let link_fixture = LinkFixture::open().await;
    let mut browser = link_fixture.inbox.browser();
    for query in [
        "link=//evil.example",
        "link=..%2Fsign-out",
        "link=a%0d%0aSet-Cookie:%20x",
        "link=",
        &format!("link={}", "a".repeat(301)),
    ] {
        browser.get(&format!("/sign-in?{query}")).await.has_not("name=\"link\"");
    }
    let page = browser.get("/sign-in?link=AbC-_9").await;
    assert_eq!(page.hidden("link"), "AbC-_9");
}

#[cfg(unix)]
#[tokio::test]
async fn where_it_cannot_be_noted_that_a_link_is_used_it_decides_nothing() {
    use std::os::unix::fs::PermissionsExt as _;
    let link_fixture = LinkFixture::open().await;
    let id = link_fixture.inbox.ask_to_pay(50).await;
    let path = link_fixture.path(id, Intent::Approve).await;
    let mut dana = link_fixture.inbox.signed_in(&link_fixture.inbox.dana).await;
    let page = dana.get(&path).await;
    // A folder instead of the file also fails for users without permission checks, such as root.
    std::fs::create_dir(link_fixture.folder.path().join("links.key.used-2027-01-16")).unwrap();
    std::fs::set_permissions(link_fixture.folder.path(), std::fs::Permissions::from_mode(0o500))
        .unwrap();
    let sent =
        dana.fill_on(&page, &format!("/approvals/{id}/approve"), &[("link", link_of(&path))]).await;
    assert_eq!(sent.status, 503);
    assert_eq!(link_fixture.inbox.approval(id).await.votes().len(), 0);
    std::fs::set_permissions(link_fixture.folder.path(), std::fs::Permissions::from_mode(0o700))
        .unwrap();
}
