//! Signing in and out, and the protection from decisions in another person's name.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use crate::test_inbox;
use crate::test_inbox::TestInbox;
use gate_inbox::{SignIn, SignedIn};
use gate_runtime::id::Digest;
use gate_runtime::people::{DirectoryError, ReviewerToken};
use gate_runtime::review::Status;
use gate_runtime::store::BoxFuture;

#[tokio::test]
async fn a_token_opens_a_session_and_signing_out_ends_it() {
    let fixture = TestInbox::open().await;
    let mut browser = fixture.browser();
    let page = browser.get("/").await;
    assert_eq!((page.status, page.location.as_deref()), (303, Some("/sign-in")));

    let page = browser.sign_in(fixture.dana.reveal()).await;
    let cookies: Vec<_> =
        page.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    let session = cookies.iter().find(|cookie| cookie.starts_with("gate_session=")).unwrap();
    assert!(session.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"), "{session}");
    assert_eq!(session.split(['=', ';']).nth(1).unwrap().len(), 64);
    browser.get("/").await.has("Nothing waits").has("dana");

    let stolen = browser.clone();
    let page = browser.fill_sign_out("here").await;
    assert_eq!((page.status, page.location.as_deref()), (303, Some("/sign-in")));
    for mut signed_out in [browser, stolen] {
        assert_eq!(signed_out.get("/").await.status, 303, "the cookie opens nothing any more");
    }
}

#[tokio::test]
async fn whoever_signs_in_comes_to_the_call_that_they_wanted_to_see_and_nowhere_else() {
    let fixture = TestInbox::open().await;
    let id = fixture.ask_to_pay(50).await;
    let path = format!("/approvals/{id}");
    for (wanted, to) in
        [(id.to_string(), path.as_str()), ("//evil.example".to_owned(), "/"), ("x".to_owned(), "/")]
    {
        let mut browser = fixture.browser();
        let page = browser.get(&format!("/sign-in?for={wanted}")).await;
        let mut fields = vec![
            ("form_secret", page.hidden("form_secret")),
            ("token", fixture.dana.reveal().to_owned()),
        ];
        fields.push(("for", wanted));
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(browser.post("/sign-in", &fields).await.location.as_deref(), Some(to));
    }
    let mut browser = fixture.browser();
    assert_eq!(browser.get(&path).await.location, Some(format!("/sign-in?for={id}")));
    assert_eq!(browser.get(&format!("/sign-in?for={id}")).await.hidden("for"), id.to_string());
}

#[tokio::test]
async fn a_link_from_another_site_comes_again_from_here() {
    let fixture = TestInbox::open().await;
    let mut browser = fixture.browser();
    browser.headers.push(("sec-fetch-site", "cross-site".to_owned()));
    browser.headers.push(("sec-fetch-mode", "navigate".to_owned()));
    browser.get("/").await.has("http-equiv=\"refresh\" content=\"0\"").has_not("form_secret");
    browser.headers.clear();
    assert_eq!(browser.get("/").await.status, 303);
}

#[tokio::test]
async fn signing_in_again_ends_the_session_before() {
    let fixture = TestInbox::open().await;
    let mut browser = fixture.signed_in(&fixture.dana).await;
    let mut before = browser.clone();
    assert_eq!(browser.sign_in(fixture.dana.reveal()).await.status, 303);
    assert_eq!([before.get("/").await.status, browser.get("/").await.status], [303, 200]);
}

#[tokio::test]
async fn people_can_sign_in_in_another_way() {
    /// Accepts one password for all people.
    struct SharedPassword;
    impl SignIn for SharedPassword {
        fn sign_in<'a>(
            &'a self,
            secret: &'a str,
        ) -> BoxFuture<'a, Result<Option<SignedIn>, DirectoryError>> {
            let who = secret
                .strip_prefix("swordfish ")
                .map(|who| SignedIn::new(who, Digest::of("swordfish")));
            Box::pin(std::future::ready(Ok(who)))
        }

        fn still_holds<'a>(
            &'a self,
            before: &'a SignedIn,
        ) -> BoxFuture<'a, Result<bool, DirectoryError>> {
            Box::pin(std::future::ready(Ok(before.by() == Digest::of("swordfish"))))
        }
    }
    let fixture = TestInbox::open_as(|inbox| inbox.sign_in(SharedPassword)).await;
    let mut browser = fixture.browser();
    assert_eq!(browser.sign_in(fixture.dana.reveal()).await.status, 403);
    assert_eq!(browser.sign_in("swordfish dana").await.status, 303);
    browser.get("/").await.has("Nothing waits");
    assert_eq!(browser.sign_in("swordfish eve").await.status, 303);
    assert_eq!(browser.get("/").await.status, 303, "she is not in the people file");
}

#[tokio::test]
async fn signing_out_everywhere_ends_every_session_of_the_person() {
    let fixture = TestInbox::open().await;
    let mut phone = fixture.signed_in(&fixture.dana).await;
    let mut laptop = fixture.signed_in(&fixture.dana).await;
    let mut omar = fixture.signed_in(&fixture.omar).await;
    phone.fill_sign_out("everywhere").await;
    assert_eq!([phone.get("/").await.status, laptop.get("/").await.status], [303, 303]);
    assert_eq!(omar.get("/").await.status, 200);
}

#[tokio::test]
async fn a_wrong_token_opens_nothing_and_many_of_them_have_to_wait() {
    let fixture = TestInbox::open().await;
    let mut browser = fixture.browser();
    for wrong in
        ["", "dana", "gate_r_", ReviewerToken::new().reveal(), &fixture.dana.hash().to_string()]
    {
        let page = browser.sign_in(wrong).await;
        assert_eq!(page.status, 403);
        page.has("No reviewer has this token");
    }
    let page = browser.sign_in(fixture.dana.reveal()).await;
    assert_eq!(
        (page.status, page.header("retry-after")),
        (429, "1"),
        "also the right one has to wait"
    );
    fixture.clock.advance(Duration::from_secs(1));
    assert_eq!(browser.sign_in(fixture.dana.reveal()).await.status, 303);
}

#[tokio::test]
async fn a_session_ends_when_nobody_uses_it_and_after_a_day_of_work() {
    let fixture = TestInbox::open().await;
    let mut idle = fixture.signed_in(&fixture.dana).await;
    let mut busy = fixture.signed_in(&fixture.dana).await;
    idle.headers.push(("gate-live", "1".to_owned()));
    for quarter in 1..=48 {
        assert_eq!(busy.get("/").await.status, 200, "after {quarter} quarters");
        assert_eq!(
            idle.get("/").await.status,
            if quarter <= 2 { 200 } else { 303 },
            "after {quarter} quarters"
        );
        fixture.clock.advance(Duration::from_mins(15));
    }
    assert_eq!(busy.get("/").await.status, 303);
}

#[tokio::test]
async fn a_session_ends_with_the_token_it_began_with_and_with_the_person() {
    let fixture = TestInbox::open().await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    let mut omar = fixture.signed_in(&fixture.omar).await;
    let id = fixture.ask_to_pay(50).await;
    let page = dana.get_call(id).await;

    let another = ReviewerToken::new();
    fixture.people(&[("dana", "manager", &another), ("ines", "intern", &fixture.ines)]);
    let sent = dana.fill_on(&page, &format!("/approvals/{id}/approve"), &[]).await;
    assert_eq!((sent.status, sent.location), (303, Some(format!("/sign-in?for={id}"))));
    assert_eq!(omar.get("/").await.status, 303);
    assert_eq!(fixture.approval(id).await.status(), Status::Pending);
    fixture.people(&[("dana", "manager", &fixture.dana)]);
    assert_eq!(dana.get("/").await.status, 303, "it does not begin again");

    std::fs::write(fixture.folder.path().join("people.toml"), "broken").unwrap();
    let mut anybody = fixture.browser();
    assert_eq!(anybody.sign_in(fixture.dana.reveal()).await.status, 503);
}

#[tokio::test]
async fn only_a_form_of_the_session_decides() {
    let fixture = TestInbox::open().await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    let mut omar = fixture.signed_in(&fixture.omar).await;
    let id = fixture.ask_to_pay(50).await;
    let (path, action) = (format!("/approvals/{id}"), format!("/approvals/{id}/approve"));
    let page = dana.get(&path).await;
    let of_omar = omar.get(&path).await.hidden("form_secret");
    let shown = page.hidden("shown");
    for wrong in ["", &of_omar, &page.hidden("form_secret")[1..]] {
        let sent =
            dana.post(&action, &[("form_secret", wrong), ("form", "x"), ("shown", &shown)]).await;
        assert_eq!(sent.status, 403, "{wrong}");
    }
    assert_eq!(dana.post(&action, &[("form", "x"), ("shown", &shown)]).await.status, 403);
    assert_eq!(fixture.approval(id).await.votes().len(), 0);
    assert_eq!(dana.fill_on(&page, &action, &[]).await.status, 303);
    assert_eq!(fixture.approval(id).await.status(), Status::Approved);
}

#[tokio::test]
async fn a_form_of_another_site_is_refused() {
    let fixture = TestInbox::open().await;
    let id = fixture.ask_to_pay(50).await;
    let action = format!("/approvals/{id}/approve");
    for header in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        let mut dana = fixture.signed_in(&fixture.dana).await;
        let page = dana.get_call(id).await;
        dana.headers.push((header.0, header.1.to_owned()));
        let sent = dana.fill_on(&page, &action, &[]).await;
        assert_eq!(sent.status, 403, "{header:?}");
        assert_eq!(dana.sign_in(fixture.dana.reveal()).await.status, 403, "{header:?}");
    }
    assert_eq!(fixture.approval(id).await.status(), Status::Pending);
}

#[tokio::test]
async fn a_name_that_somebody_else_gave_this_machine_is_not_the_inbox() {
    let fixture = TestInbox::open().await;
    let mut browser = fixture.browser();
    browser.headers.push(("host", "evil.example".to_owned()));
    let page = browser.get("/sign-in").await;
    assert_eq!(page.status, 421);
    page.has_not("form_secret");
}

#[tokio::test]
async fn behind_tls_cookies_go_over_tls_only() {
    let fixture =
        TestInbox::open_as(|inbox| inbox.reached_at("https://gate.example.com").unwrap()).await;
    let mut browser = fixture.browser();
    browser.headers.push(("host", "gate.example.com".to_owned()));
    let page = browser.sign_in(fixture.dana.reveal()).await;
    let cookies: Vec<_> =
        page.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    assert!(
        cookies
            .iter()
            .all(|cookie| cookie.starts_with("__Host-gate_") && cookie.ends_with("; Secure"))
    );
    assert!(page.header("strict-transport-security").starts_with("max-age="));
    browser.get("/").await.has("Nothing waits");
    assert_eq!(fixture.browser().get("/").await.status, 421);
}

#[tokio::test]
async fn every_answer_has_its_headers() {
    let fixture = TestInbox::open().await;
    let id = fixture.ask_to_pay(50).await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    for path in [
        "/",
        "/sign-in",
        "/style.css",
        "/page.js",
        "/icon.svg",
        "/nowhere",
        "/approvals/x",
        "/approvals/%ff",
        "/case?id=ticket-7",
        &format!("/approvals/{id}"),
        &format!("/approvals/{id}/edit"),
        &format!("/approvals/{id}/approve"),
    ] {
        let page = dana.get(path).await;
        let policy = page.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self';"),
            "{path}: {policy}"
        );
        assert!(
            policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self'"),
            "{path}"
        );
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(page.header(name), value, "{path}");
        }
        assert!(
            !page.text.contains("http:") && !page.text.contains("https:") || path == "/icon.svg",
            "{path} fetches nothing"
        );
        assert!(!page.text.contains(" style=") && !page.text.contains("<script>"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_too_long_is_not_even_read() {
    let fixture = TestInbox::open().await;
    let id = fixture.ask_to_pay(50).await;
    let dana = fixture.signed_in(&fixture.dana).await;
    let (name, value) = &dana.cookies[0];
    let mut stream = std::net::TcpStream::connect(fixture.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head = format!(
        "POST /approvals/{id}/reject HTTP/1.1\r\nHost: {}\r\nCookie: {name}={value}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 2000000\r\n\r\nreason=",
        fixture.address
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut start = [0; 12];
    stream.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 413");
    // A client that still sends the body is not cut off: it gets this response, and the next one.
    let rest = [
        b"x".repeat(2_000_000 - 7),
        format!("GET /nowhere HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", fixture.address)
            .into_bytes(),
    ];
    stream.write_all(&rest.concat()).unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    assert!(answers.contains("HTTP/1.1 404") || answers.contains("HTTP/1.1 303"), "{answers}");
    assert_eq!(fixture.approval(id).await.status(), Status::Pending);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let fixture = TestInbox::open().await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    let gone = format!("/approvals/{}", gate_runtime::id::ApprovalId::new());
    for path in
        ["/nowhere", "/approvals/x", &gone, "/case", "/case?id=none", "/approvals/..%2f..%2fetc"]
    {
        assert_eq!(dana.get(path).await.status, 404, "{path}");
    }
}

impl test_inbox::TestBrowser {
    async fn fill_sign_out(&mut self, place: &str) -> test_inbox::PageResponse {
        let secret = self.get("/").await.hidden("form_secret");
        self.post("/sign-out", &[("form_secret", &secret), ("where", place)]).await
    }
}
