//! Texts that agents and tools wrote, on every page.

use crate::test_inbox;
use crate::test_inbox::{TestInbox, Tools};
use gate_runtime::prelude::*;
use gate_runtime::review::SanitizedText;
use serde_json::json;

/// Scripts, markup, templates and hidden characters.
const CORPUS: [&str; 12] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' autofocus onfocus=alert(1) x='",
    "</pre></textarea></title><svg/onload=alert(1)>",
    "<!--<script>",
    "]]><script>alert(1)//",
    "{{constructor.constructor('alert(1)')()}} ${alert(1)} <%= 7*7 %>",
    "[click](javascript:alert(1)) **bold**",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\u{202e}gpj.exe\u{200b}\u{1b}[2J",
    "\u{feff}pаypal＜script＞",
    "a\0b\r\nSet-Cookie: x=y",
];

/// Scenarios 57 and 59.
#[tokio::test]
async fn whatever_an_agent_or_a_tool_wrote_is_text_on_every_page() {
    for hostile in CORPUS {
        let fixture = TestInbox::open().await;
        let mut dana = fixture.signed_in(&fixture.dana).await;
        let agent = fixture.gate_of(hostile).await;
        let run_id = hostile.replace(['>', '\0'], "");
        let run =
            agent.run(run_id).agent(hostile).on_behalf_of(hostile).case(hostile).reasoning(hostile);
        let arguments = json!({
            "to": hostile,
            "amount": 50,
            "note": format!("{hostile}\n{hostile}"),
            "tags": [hostile],
        });
        let calls = [
            ToolCall::new(hostile, "pay", arguments.to_string()),
            ToolCall::new("2", "echo", json!({"text": hostile}).to_string()),
            ToolCall::new("3", hostile, "{}"),
        ];
        let turn = run.submit(calls).await.unwrap();
        run.log_action(hostile, &json!({"text": hostile}), None).await.unwrap();
        let id = turn.interruptions()[0].id();
        let case: String = url_of(hostile);
        let paths = [
            "/".to_owned(),
            format!("/?tool=pay&agent={0}&principal={0}&text={0}", escaped(hostile)),
            format!("/approvals/{id}"),
            format!("/approvals/{id}/edit"),
            case,
            "/history".to_owned(),
            format!("/history?tool=pay&agent={0}&person={0}&case={0}&text={0}", escaped(hostile)),
            "/rules".to_owned(),
            "/overview".to_owned(),
            "/standing".to_owned(),
            format!("/approvals/{id}/grant"),
            format!("/?role={}&page={0}", escaped(hostile)),
        ];
        for path in &paths {
            check(&dana.get(path).await, hostile, path);
        }
        dana.get(&paths[1])
            .await
            .has(&format!("/approvals/{id}\""))
            .has_not("Nothing pending matches");
        check_grant(&fixture, &run, hostile).await;
        let edit = format!("/approvals/{id}/edit");
        let page = dana
            .fill(&edit, &edit, &[("argument.amount", hostile), ("argument.to", hostile)])
            .await;
        assert_eq!(page.status, 422);
        check(&page, hostile, "a wrong edit");
        let page = dana.fill(&edit, &edit, &[("argument.amount", "40")]).await;
        check(&page, hostile, "the difference");
        let page = dana.decide(id, "respond", &[("value", hostile)]).await;
        assert_eq!(page.status, 303, "{hostile:?} {}", page.text);
        for path in
            paths.iter().filter(|path| !path.ends_with("/edit") && !path.ends_with("/grant"))
        {
            check(&dana.get(path).await, hostile, path);
        }
    }
}

#[tokio::test]
async fn what_a_tool_wrote_is_text_too() {
    for hostile in CORPUS {
        let fixture = TestInbox::open().await;
        let mut dana = fixture.signed_in(&fixture.dana).await;
        let run = fixture.agent.run("run-1").case("ticket-7");
        let _ = run
            .submit([ToolCall::new("1", "echo", json!({"text": hostile}).to_string())])
            .await
            .unwrap();
        let page = dana.get("/case?id=ticket-7").await;
        page.has("What the agent got");
        check(&page, hostile, "the case");
    }
}

/// Checks a standing permission with hostile text on its confirmation page and in the list, and a
/// freeze with such a reason.
async fn check_grant(fixture: &TestInbox, run: &Run<Tools>, hostile: &str) {
    let mut dana = fixture.signed_in(&fixture.dana).await;
    let arguments = json!({"to": hostile, "amount": 50, "tags": [hostile]});
    let turn = run.submit([ToolCall::new("to-grant", "pay", arguments.to_string())]).await.unwrap();
    let id = turn
        .interruptions()
        .iter()
        .find(|interruption| interruption.approval().subject().call().as_str() == "to-grant")
        .unwrap()
        .id();
    let path = format!("/approvals/{id}/grant");
    let bounds = [("bound.to", "same"), ("bound.amount", "same"), ("bound.tags", "same")];
    let fields =
        [&bounds[..], &[("run", "this"), ("agent", "this"), ("principal", "this")]].concat();
    let wrong =
        [&fields[..], &[("uses", hostile), ("budget_of", hostile), ("lasts", hostile)]].concat();
    let page = dana.fill(&path, &path, &wrong).await;
    assert_eq!(page.status, 422);
    check(&page, hostile, "/edit of a grant that is wrong");
    let page = dana.fill(&path, &path, &fields).await;
    check(&page, hostile, "a grant");
    let all = [&fields[..], &[("confirmed", "yes"), ("comment", hostile)]].concat();
    assert_eq!(dana.fill_on(&page, &path, &all).await.status, 303);
    let omar = fixture.agent.reviewer("omar").await.unwrap();
    fixture
        .agent
        .freeze(gate_runtime::grants::FreezeScope::agent(hostile), hostile, &omar)
        .await
        .unwrap();
    let page = dana.get("/standing").await;
    page.has("Granted by <bdi>dana</bdi>").has("Frozen: ");
    check(&page, hostile, "/standing with one");
}

fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |url, byte| format!("{url}%{byte:02X}"))
}

fn url_of(case: &str) -> String {
    format!("/case?id={}", escaped(case))
}

/// Checks that the text is never markup, and that nothing in it is hidden. Form fields contain it
/// unchanged.
#[track_caller]
fn check(page: &test_inbox::PageResponse, hostile: &str, path: &str) {
    assert!(page.status == 200 || page.status == 422, "{path}: {} {hostile:?}", page.status);
    let names = markup(&page.text);
    // Our own plots, which account for all of these.
    let drawn = page.text.matches("<svg class=\"drawn\" viewBox=").count();
    let swatches = page.text.matches("<svg class=\"swatch\" viewBox=").count();
    assert!(drawn + swatches == 0 || ["/rules", "/overview"].contains(&path), "{path}");
    // The names of closing elements match.
    let svgs = names.iter().filter(|name| *name == "svg").count();
    assert_eq!(svgs, 2 * (drawn + swatches), "{hostile:?} on {path}");
    for name in names.iter().filter(|name| *name != "svg") {
        let is_ours = !name.starts_with("on")
            && !["img", "style", "iframe", "autofocus", "!--"].contains(&name.as_str());
        assert!(is_ours, "<{name}> of {hostile:?} on {path}: {}", page.text);
    }
    assert_eq!(names.iter().filter(|name| *name == "script").count(), 2, "{hostile:?} on {path}");
    assert!(!page.text.contains("=\"javascript:"), "{hostile:?} on {path}");
    let text = &page.text;
    let hidden = |c: char| matches!(c, '\u{202e}' | '\u{200b}' | '\u{1b}' | '\u{feff}' | '\0');
    if !path.contains("edit") {
        assert!(!text.contains(hidden), "{hostile:?} hides on {path}");
    }
    if path.starts_with("/approvals/")
        && !path.ends_with("/edit")
        && !path.ends_with("/grant")
        && !SanitizedText::of(hostile).hazards().is_empty()
    {
        page.has("It has ");
    }
}

#[tokio::test]
async fn a_long_argument_is_shown_by_its_ends_and_whole_behind_a_click() {
    let fixture = TestInbox::open().await;
    let note = format!("begin{}\u{202e}{}end", "a".repeat(100_000), "b".repeat(100_000));
    let id = fixture.ask("pay", json!({"to": "alice", "amount": 5, "note": note})).await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    let page = dana.get_call(id).await;
    dana.get("/").await.has("Odd characters");
    page.has("Show all 200009 characters").has("turn the text around").has("sha256:");
    assert!(dana.get("/").await.text.len() < 10_000);
    dana.decide(id, "reject", &[("reason", "too long")]).await;
}

#[tokio::test]
async fn a_thousand_that_wait_are_on_pages_mine_first_and_by_deadline() {
    let fixture = TestInbox::open().await;
    let mut last = None;
    for number in 0..1_000 {
        last = Some(fixture.ask_to_pay(if number % 4 == 0 { 2_000 } else { 50 }).await);
    }
    fixture.clock.advance(std::time::Duration::from_mins(1));
    let mut dana = fixture.signed_in(&fixture.dana).await;
    let mut ines = fixture.signed_in(&fixture.ines).await;
    let page = dana.get("/").await;
    page.has("Page 1 of 20").has("<span class=\"count\">1000</span>");
    assert_eq!(page.text.matches("data-row").count(), 50);
    assert!(page.text.len() < 80_000, "{}", page.text.len());
    // Those without a deadline come last.
    dana.get("/?page=20").await.has("<bdi>2000</bdi>").has_not("<bdi>50</bdi>");
    for (query, shown) in [("0", 1), ("999", 20), ("x", 1), ("-1", 1)] {
        dana.get(&format!("/?page={query}")).await.has(&format!("Page {shown} of 20"));
    }
    ines.get("/").await.has("For others").has_not("For you");
    let last = last.unwrap();
    dana.decide(last, "approve", &[]).await;
    dana.get("/").await.has("<span class=\"count\">999</span>");
}

/// Returns the names of all elements and attributes. Every value must be in double quotes.
fn markup(page: &str) -> Vec<String> {
    let (mut names, mut is_tag, mut is_value) = (String::new(), false, false);
    for c in page.chars() {
        match c {
            '"' if is_tag => is_value = !is_value,
            '<' if !is_tag => is_tag = true,
            '>' if !is_value => is_tag = false,
            '/' if !is_value => {}
            c if is_tag && !is_value => names.push(c),
            _ => {}
        }
        if !is_tag {
            names.push(' ');
        }
    }
    names.split([' ', '=']).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}
