//! Server-sent events for open pages.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::test_inbox::{TestBrowser, TestInbox};

/// Opens the stream of events, and reads its headers.
fn listen(browser: &TestBrowser) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(browser.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let (name, value) = &browser.cookies[0];
    let request = format!(
        "GET /events HTTP/1.1\r\nHost: {}\r\nCookie: {name}={value}\r\n\r\n",
        browser.address
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
    }
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    reader
}

fn next_change(reader: &mut BufReader<TcpStream>) {
    let mut line = String::new();
    while !line.starts_with("event: change") {
        line.clear();
        assert!(reader.read_line(&mut line).unwrap() > 0, "the stream is over");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_page_is_told_of_a_new_question() {
    let fixture = TestInbox::open().await;
    let dana = fixture.signed_in(&fixture.dana).await;
    let mut page_events = listen(&dana);
    next_change(&mut page_events);
    fixture.ask_to_pay(50).await;
    next_change(&mut page_events);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_do_not_read_are_so_many_and_slow_nobody() {
    let fixture = TestInbox::open().await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    let dead: Vec<_> = (0..24).map(|_| listen(&dana)).collect();
    assert_eq!(dana.get("/events").await.status, 503, "one person has so many");
    for _ in 0..200 {
        fixture.ask_to_pay(50).await;
    }
    dana.get("/").await.has("<span class=\"count\">200</span>");
    let omar = fixture.signed_in(&fixture.omar).await;
    next_change(&mut listen(&omar));
    drop(dead);
}

#[tokio::test(flavor = "multi_thread")]
async fn news_end_with_the_session() {
    let fixture = TestInbox::open().await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    let mut page_events = listen(&dana);
    next_change(&mut page_events);
    let secret = dana.get("/").await.hidden("form_secret");
    dana.post("/sign-out", &[("form_secret", &secret), ("where", "here")]).await;
    fixture.ask_to_pay(50).await;
    let mut rest = String::new();
    page_events.read_to_string(&mut rest).unwrap();
    assert!(!rest.contains("event: change"), "{rest}");
    assert_eq!(fixture.browser().get("/events").await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_page_does_not_keep_a_session_that_nobody_uses() {
    let fixture = TestInbox::open().await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    fixture.clock.advance(Duration::from_mins(20));
    next_change(&mut listen(&dana));
    fixture.clock.advance(Duration::from_mins(11));
    assert_eq!(dana.get("/").await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_says_nothing_is_cut_off() {
    let fixture = TestInbox::open().await;
    let mut stream = TcpStream::connect(fixture.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost:").unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(!rest.starts_with(b"HTTP/1.1 200"));
}
