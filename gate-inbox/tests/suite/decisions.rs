//! Decisions on the pages.

use std::time::Duration;

use crate::test_inbox::{PageResponse, TestBrowser, TestInbox};
use gate_runtime::id::ApprovalId;
use gate_runtime::prelude::*;
use gate_runtime::remote::{AcceptedAnswers, RemoteCall, RemoteRequest, RequestPriority};
use gate_runtime::review::{Decision, Status};
use serde_json::json;

#[tokio::test]
async fn an_approval_lets_the_call_run_as_it_was_shown() {
    let fixture = TestInbox::open().await;
    let id = fixture.ask_to_pay(50).await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    dana.get("/")
        .await
        .has("For you")
        .has(&format!("/approvals/{id}"))
        .has("<bdi>50</bdi>")
        .has("mia");
    dana.get_call(id)
        .await
        .has("Pay someone.")
        .has("Who gets it.")
        .has("No other rule matched")
        .has("it is due")
        .has("data-version=");

    let page = dana.decide(id, "approve", &[("comment", "called her")]).await;
    assert_eq!(page.location, Some(format!("/approvals/{id}")));
    dana.get_call(id).await.has("Approved: it runs").has("called her");
    dana.get("/").await.has("Nothing waits");
    let approval = fixture.approval(id).await;
    assert_eq!(
        (approval.status(), approval.votes()[0].comment()),
        (Status::Approved, Some("called her"))
    );
    assert_eq!(approval.votes()[0].reviewer().as_str(), "dana");
}

/// Scenario 61.
#[tokio::test]
async fn no_link_and_no_form_that_is_sent_again_decides() {
    let fixture = TestInbox::open().await;
    let id = fixture.ask_to_pay(2_000).await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    let page = dana.get_call(id).await;
    for what in ["approve", "reject", "respond"] {
        let fields = format!(
            "form_secret={}&shown={}&form=1",
            page.hidden("form_secret"),
            page.hidden("shown")
        );
        assert_eq!(dana.get(&format!("/approvals/{id}/{what}?{fields}")).await.status, 405);
    }
    assert_eq!(fixture.approval(id).await.votes().len(), 0);

    let action = format!("/approvals/{id}/approve");
    assert_eq!(dana.fill_on(&page, &action, &[]).await.status, 303);
    let me = fixture.agent.reviewer("dana").await.unwrap();
    fixture.agent.interruption(id).await.unwrap().unwrap().withdraw(&me).await.unwrap();
    let again = dana.fill_on(&page, &action, &[]).await;
    assert_eq!(again.status, 303, "it shows how the call stands");
    assert_eq!(fixture.approval(id).await.votes().len(), 0, "and decides nothing");
}

#[tokio::test]
async fn a_rejection_wants_a_reason_and_the_agent_is_told() {
    let fixture = TestInbox::open().await;
    let id = fixture.ask_to_pay(50).await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    let page = dana.decide(id, "reject", &[("reason", "  ")]).await;
    assert_eq!(page.status, 422);
    page.has("it needs a reason");
    dana.fill_on(&page, &format!("/approvals/{id}/reject"), &[("reason", "wrong <b>account</b>")])
        .await;
    let approval = fixture.approval(id).await;
    assert!(matches!(
        approval.votes()[0].decision(),
        Decision::Reject { reason } if reason == "wrong <b>account</b>"
    ));
    let page = dana.get_call(id).await;
    page.has("wrong &lt;b&gt;account").has("Rejected");
}

#[tokio::test]
async fn a_form_of_which_nothing_came_can_be_sent_again() {
    let fixture = TestInbox::open().await;
    let id = fixture.ask("explain", json!({"what": "why"})).await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    let page = dana.get_call(id).await;
    let action = format!("/approvals/{id}/approve");
    dana.fill_on(&page, &action, &[]).await.has("needs a comment");
    assert_eq!(dana.fill_on(&page, &action, &[("comment", "it is due")]).await.status, 303);
    assert_eq!(fixture.approval(id).await.status(), Status::Approved);
    let id = fixture.ask("explain", json!({"what": "where"})).await;
    let page = dana.decide(id, "respond", &[("value", "here"), ("comment", " ")]).await;
    page.has("needs a comment").has(">\nhere</textarea>");
    assert_eq!(
        dana.decide(id, "respond", &[("value", "here"), ("comment", "I looked")]).await.status,
        303
    );
}

#[tokio::test]
async fn a_vote_on_other_arguments_does_not_pass_for_one_that_counts() {
    let fixture = TestInbox::open().await;
    let id = fixture.ask_to_pay(2_000).await;
    fixture.approve(id, "dana").await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    let path = format!("/approvals/{id}");
    dana.get(&path).await.has("You have voted. A new vote replaces it.").has_not("does not count");
    dana.get("/").await.has("1 vote, by <bdi>dana</bdi>");
    let omar = fixture.agent.reviewer("omar").await.unwrap();
    let interruption = fixture.agent.interruption(id).await.unwrap().unwrap();
    interruption.edit(&omar, Edit::new().set("amount", 7_000)).await.unwrap();
    dana.get(&path)
        .await
        .has("approved it, of other arguments: it does not count")
        .has("changed it, and approved that <time")
        .has("your vote does not count. Decide again");
    dana.get("/").await.has("1 vote, by <bdi>omar</bdi>").has("For you");
    assert_eq!(fixture.approval(id).await.status(), Status::Pending);
    dana.decide(id, "reject", &[("reason", "too much")]).await;
    assert_eq!(fixture.approval(id).await.status(), Status::Rejected);
}

#[tokio::test]
async fn what_was_decided_before_names_who_decided_so() {
    let fixture = TestInbox::open().await;
    let id = fixture.ask_to_pay(2_000).await;
    fixture.approve(id, "dana").await;
    fixture.reject(id, "omar", "charged twice").await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    let other = fixture.ask_to_pay(2_001).await;
    let page = dana.get_call(other).await;
    page.has("Rejected</a> by <bdi>omar</bdi>").has("charged twice").has_not("dana and omar");
}

#[tokio::test]
async fn a_person_can_answer_in_the_tools_place() {
    let fixture = TestInbox::open().await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    for (typed, expected) in
        [("{\"paid\": true}", json!({"paid": true})), ("paid by hand", json!("paid by hand"))]
    {
        let id = fixture.ask_to_pay(50).await;
        assert_eq!(dana.decide(id, "respond", &[("value", " ")]).await.status, 422);
        dana.decide(id, "respond", &[("value", typed)]).await;
        let approval = fixture.approval(id).await;
        assert_eq!(approval.status(), Status::Responded);
        assert_eq!(approval.outcome().and_then(ToolOutcome::value), Some(expected));
    }
}

#[tokio::test]
async fn an_edit_says_what_is_wrong_at_the_field_shows_the_difference_and_is_sent_then() {
    let fixture = TestInbox::open().await;
    let id = fixture
        .ask("pay", json!({"to": "alice", "amount": 50, "note": "a\nb", "tags": ["x"]}))
        .await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    let path = format!("/approvals/{id}/edit");
    let page = dana.get(&path).await;
    page.has("name=\"argument.amount\" value=\"50\"").has("<select").has("&quot;fast&quot;");
    let typed = |amount: &'static str, tags: &'static str| {
        [
            ("argument.to", "alice"),
            ("argument.amount", amount),
            ("argument.note", "a\r\nb"),
            ("argument.speed", "\"fast\""),
            ("argument.urgent", ""),
            ("argument.tags", tags),
        ]
    };
    let same = "[\r\n  \"x\"\r\n]";
    for (amount, tags, wrong) in [
        ("forty", same, "type a whole number"),
        ("", same, "a value is required"),
        ("9001", same, "9000"),
        ("40", "[1", "this is not valid JSON"),
        ("40", "[1]", "/tags/0"),
    ] {
        let page = dana.fill(&path, &path, &typed(amount, tags)).await;
        assert_eq!(page.status, 422, "{amount} {tags}");
        page.has(wrong).has("aria-invalid");
        page.has(if amount.is_empty() { "value=\"\"" } else { amount });
    }
    assert_eq!(fixture.approval(id).await.votes().len(), 0);

    let page = dana.fill(&path, &path, &typed("40", same)).await;
    assert_eq!(page.status, 200);
    page.has("What would change").has("Unchanged: <bdi>note, tags, to</bdi>");
    assert_eq!(fixture.approval(id).await.votes().len(), 0, "nothing is sent yet");
    let arguments = page.hidden("arguments");
    let sent =
        dana.fill_on(&page, &path, &[("arguments", &arguments), ("comment", "as agreed")]).await;
    assert_eq!(sent.status, 303);
    let approval = fixture.approval(id).await;
    assert_eq!(approval.status(), Status::Approved);
    let expected =
        json!({"to": "alice", "amount": 40, "note": "a\nb", "speed": "fast", "tags": ["x"]});
    assert_eq!(approval.arguments().to_json(), expected);
    dana.get_call(id).await.has("Changed by a reviewer");
}

#[tokio::test]
async fn an_edit_that_changes_nothing_is_none() {
    let fixture = TestInbox::open().await;
    let id = fixture.ask_to_pay(50).await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    let path = format!("/approvals/{id}/edit");
    let page =
        dana.fill(&path, &path, &[("argument.to", "alice"), ("argument.amount", "50")]).await;
    assert_eq!(page.status, 422);
    page.has("nothing has changed");
    let page = dana.get(&path).await;
    let sent = dana
        .fill_on(&page, &path, &[("arguments", "{\"to\":\"alice\",\"amount\":50,\"more\":1}")])
        .await;
    assert_eq!(sent.status, 422);
    assert_eq!(fixture.approval(id).await.status(), Status::Pending);
}

#[tokio::test]
async fn what_cannot_be_undone_wants_the_name_of_the_tool() {
    let fixture = TestInbox::open().await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    let id = fixture.ask("wipe", json!({"disk": "sda"})).await;
    dana.get("/").await.has("Destructive");
    for typed in [&[][..], &[("typed", "")], &[("typed", "yes")], &[("typed", "Wipe")]] {
        let page = dana.decide(id, "approve", typed).await;
        assert_eq!(page.status, 422, "{typed:?}");
        page.has("type the tool's name, wipe");
    }
    let path = format!("/approvals/{id}/edit");
    let page = dana.fill(&path, &path, &[("argument.disk", "sdb")]).await;
    let arguments = page.hidden("arguments");
    let page = dana.fill_on(&page, &path, &[("arguments", &arguments)]).await;
    assert_eq!(page.status, 422);
    assert_eq!(fixture.approval(id).await.votes().len(), 0);
    dana.fill_on(&page, &path, &[("arguments", &arguments), ("typed", " wipe ")]).await;
    assert_eq!(fixture.approval(id).await.arguments().to_json(), json!({"disk": "sdb"}));
    let id = fixture.ask("wipe", json!({"disk": "sda"})).await;
    dana.decide(id, "approve", &[("typed", "wipe")]).await;
    assert_eq!(fixture.approval(id).await.status(), Status::Approved);
}

#[tokio::test]
async fn of_two_who_answer_at_once_one_is_told_that_the_other_did() {
    let fixture = TestInbox::open().await;
    let id = fixture.ask_to_pay(50).await;
    let (mut dana, mut omar) =
        (fixture.signed_in(&fixture.dana).await, fixture.signed_in(&fixture.omar).await);
    let path = format!("/approvals/{id}");
    let (of_dana, of_omar) = (dana.get(&path).await, omar.get(&path).await);
    let (approve, reject) = (format!("{path}/approve"), format!("{path}/reject"));
    let (one, other) = tokio::join!(
        dana.fill_on(&of_dana, &approve, &[]),
        omar.fill_on(&of_omar, &reject, &[("reason", "no")])
    );
    let statuses = [one.status, other.status];
    assert!(statuses == [303, 409] || statuses == [409, 303], "{statuses:?}");
    let (loser, winner) = if one.status == 409 { (one, "omar") } else { (other, "dana") };
    loser.has("Already decided").has(winner);
    assert_eq!(fixture.approval(id).await.votes().len(), 1);
}

#[tokio::test]
async fn two_must_agree_where_the_rules_say_so() {
    let fixture = TestInbox::open().await;
    let id = fixture.ask_to_pay(2_000).await;
    let (mut dana, mut omar) =
        (fixture.signed_in(&fixture.dana).await, fixture.signed_in(&fixture.omar).await);
    dana.decide(id, "approve", &[]).await;
    dana.get("/").await.has("For others").has("1 vote");
    omar.get("/").await.has("For you");
    omar.decide(id, "approve", &[]).await;
    assert_eq!(fixture.approval(id).await.status(), Status::Approved);
}

#[tokio::test]
async fn what_changed_since_it_was_shown_is_not_decided() {
    let fixture = TestInbox::open().await;
    let id = fixture.ask_to_pay(2_000).await;
    let (mut dana, mut omar) =
        (fixture.signed_in(&fixture.dana).await, fixture.signed_in(&fixture.omar).await);
    let page = dana.get_call(id).await;
    let path = format!("/approvals/{id}/edit");
    let shown = omar.fill(&path, &path, &[("argument.amount", "3000")]).await;
    let arguments = shown.hidden("arguments");
    omar.fill_on(&shown, &path, &[("arguments", &arguments)]).await;

    let sent = dana.fill_on(&page, &format!("/approvals/{id}/approve"), &[]).await;
    assert_eq!(sent.status, 409);
    sent.has("It has changed").has("Nothing was decided");
    assert_eq!(fixture.approval(id).await.votes().len(), 1);
    dana.get_call(id).await.has("Changed by a reviewer").has("2000");
    dana.decide(id, "approve", &[]).await;
    let approval = fixture.approval(id).await;
    assert_eq!(
        (approval.status(), approval.arguments().get("amount")),
        (Status::Approved, Some(json!(3_000)))
    );
}

#[tokio::test]
async fn what_expires_while_the_page_is_open_is_not_decided() {
    let fixture = TestInbox::open().await;
    let id = fixture.ask_to_pay(50).await;
    fixture.clock.advance(Duration::from_mins(115));
    let mut dana = fixture.signed_in(&fixture.dana).await;
    let page = dana.get_call(id).await;
    page.has("5 minutes left");
    fixture.clock.advance(Duration::from_mins(6));
    let sent = dana.fill_on(&page, &format!("/approvals/{id}/approve"), &[]).await;
    assert_eq!(sent.status, 409);
    assert_eq!(fixture.approval(id).await.status(), Status::Expired);
    dana.get_call(id).await.has("Nobody decided in time");
}

/// Sends a form that a page does not have, and expects a refusal.
async fn assert_cannot_approve(
    fixture: &TestInbox,
    browser: &mut TestBrowser,
    page: &PageResponse,
    id: ApprovalId,
) {
    let secret = page.hidden("form_secret");
    let shown = fixture.approval(id).await.shown().to_string();
    let fields = [("form_secret", secret.as_str()), ("form", "1"), ("shown", &shown)];
    assert_eq!(browser.post(&format!("/approvals/{id}/approve"), &fields).await.status, 403);
    assert_eq!(fixture.approval(id).await.votes().len(), 0);
}

#[tokio::test]
async fn whoever_is_not_asked_sees_it_and_cannot_decide() {
    let fixture = TestInbox::open().await;
    let id = fixture.ask_to_pay(50).await;
    let mut ines = fixture.signed_in(&fixture.ines).await;
    ines.get("/").await.has("For others").has_not("For you");
    let page = ines.get_call(id).await;
    page.has("you are not one of the people who decide").has_not("/approve\"");
    assert_cannot_approve(&fixture, &mut ines, &page, id).await;
}

#[tokio::test]
async fn whom_the_run_acts_for_sees_it_and_cannot_decide() {
    let fixture = TestInbox::open().await;
    let run = fixture.agent.run("run-5").on_behalf_of("dana");
    let turn =
        run.submit([ToolCall::new("1", "pay", r#"{"to":"dana","amount":5}"#)]).await.unwrap();
    let id = turn.interruptions()[0].id();
    let mut dana = fixture.signed_in(&fixture.dana).await;
    dana.get("/").await.has("For others");
    let page = dana.get_call(id).await;
    page.has("This run acts for you, so you are not").has_not("/approve\"");
    assert_cannot_approve(&fixture, &mut dana, &page, id).await;
}

#[tokio::test]
async fn whoever_has_a_key_is_told_how_to_sign() {
    let fixture = TestInbox::open().await;
    let id = fixture.ask_to_pay(50).await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    let key = gate_runtime::audit::SigningKey::from_seed(
        "dana",
        gate_runtime::audit::KeyKind::Log,
        [7; 32],
    )
    .unwrap();
    fixture.add_to_people("dana", &format!("key = \"{}\"", key.verifier()));
    let page = dana.get_call(id).await;
    page.has("--signing-key").has_not("/approve\"");
    assert_cannot_approve(&fixture, &mut dana, &page, id).await;
}

#[tokio::test]
async fn a_secret_is_not_shown_and_stays_where_it_is() {
    let fixture = TestInbox::open().await;
    let id = fixture.ask("log_in", json!({"user": "mia", "password": "hunter2-hunter2"})).await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    for path in [
        "/".to_owned(),
        format!("/approvals/{id}"),
        format!("/approvals/{id}/edit"),
        "/case?id=ticket-7".to_owned(),
    ] {
        dana.get(&path).await.has_not("hunter2");
    }
    dana.get_call(id).await.has("A secret, which is not shown");
    dana.get(&format!("/approvals/{id}/edit"))
        .await
        .has("it stays unchanged")
        .has_not("argument.password");
}

#[tokio::test]
async fn the_timeline_of_a_case_says_what_happened() {
    let fixture = TestInbox::open().await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    let run = fixture.agent.run("run-9").case("ticket-9");
    let turn = run.submit([ToolCall::new("1", "pay", r#"{"to":"bob","amount":5}"#)]).await.unwrap();
    let id = turn.interruptions()[0].id();
    dana.decide(id, "approve", &[]).await;
    let turn = run.proceed().await.unwrap();
    assert_eq!(turn.answers()[0].for_model(), "paid 5 to bob");
    let page = dana.get("/case?id=ticket-9").await;
    for expected_text in ["People are asked", "Approved", "Started", "Ran", "paid 5 to bob"] {
        page.has(expected_text);
    }
}

/// Asks like an agent in another program.
async fn remote(fixture: &TestInbox, call: RemoteCall) -> ApprovalId {
    fixture.agent.remote("bot").ask(call).await.unwrap().id()
}

#[tokio::test]
async fn a_question_shows_its_choices_and_only_they_answer_it() {
    let fixture = TestInbox::open().await;
    let choices = AcceptedAnswers::one_of(["retry", "1", "<b>skip</b>"]);
    let question = RemoteCall::new("1", "question", r#"{"question":"The provider says 503."}"#)
        .request(RemoteRequest::new().summary("<i>503</i>").priority(RequestPriority::Urgent))
        .ask("a fault", ask(role("manager")).answered(choices));
    let id = remote(&fixture, question).await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    dana.get("/").await.has("&lt;i&gt;503&lt;/i&gt;").has("Urgent").has_not("<i>503");
    let page = dana.get_call(id).await;
    page.has("Choose the answer for the agent")
        .has("value=\"retry\"")
        .has("&lt;b&gt;skip&lt;/b&gt;")
        .has_not("<b>skip");
    page.has_not("Approve: let it run").has_not("Edit…").has_not("Approve later calls too");
    for (what, fields) in [
        ("approve", vec![("typed", "bot/question")]),
        ("respond", vec![("value", "")]),
        ("respond", vec![("value", "Retry!")]),
    ] {
        let page = dana.decide(id, what, &fields).await;
        assert_eq!(
            (page.status, fixture.approval(id).await.status()),
            (422, Status::Pending),
            "{what} {fields:?}"
        );
    }
    let page = dana.decide(id, "respond", &[("value", "1")]).await;
    assert_eq!(page.status, 303);
    let answered = fixture.approval(id).await;
    assert_eq!(
        answered.outcome().unwrap().value(),
        Some("1".into()),
        "the text of the choice, and no number"
    );
}

#[tokio::test]
async fn what_was_said_before_is_shown_as_text_without_secrets() {
    let fixture = TestInbox::open().await;
    let run = fixture.agent.run("run-9").history([
        Message::system("too long ago"),
        Message::user("I am <b>mia</b>, and my password is hunter2"),
        Message::tool("read_mail", "</pre><script>alert(1)</script>\u{202e}"),
        Message::agent("x".repeat(5_000)),
    ]);
    let call = ToolCall::new("1", "log_in", r#"{"user":"mia","password":"hunter2"}"#);
    let id = run.submit([call]).await.unwrap().interruptions()[0].id();
    let mut dana = fixture.signed_in(&fixture.dana).await;
    let page = dana.get_call(id).await;
    page.has("Last messages")
        .has("The person it is for")
        .has("I am &lt;b&gt;mia&lt;/b&gt;")
        .has("Result of");
    page.has_not("hunter2").has_not("too long ago").has_not("<script>alert").has_not("\u{202e}");
    assert!(
        page.text.len() < 100_000
            && fixture.approval(id).await.conversation()[2].text().len() < 2_100
    );
    // It is in no record.
    let records = fixture.agent.records(0, 100).await.unwrap();
    assert!(
        records.iter().all(|record| !serde_json::to_string(record).unwrap().contains("</script>"))
    );
    assert_eq!(fixture.approval(fixture.ask_to_pay(50).await).await.conversation().len(), 0);
}

/// Nobody approves what a page folds without saying that they read it.
#[tokio::test]
async fn what_a_page_does_not_show_whole_is_approved_only_by_who_says_they_read_it() {
    let fixture = TestInbox::open().await;
    let mail = format!("{}rm -rf /srv{}", "x".repeat(310), "y".repeat(300));
    let id = fixture.ask("pay", json!({"to": mail, "amount": 50})).await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    dana.get_call(id).await.has("I have read all of it").has("Show all 621 characters");
    let refused = dana.decide(id, "approve", &[]).await;
    assert_eq!(refused.status, 422);
    refused.has("the page collapses parts of it");
    assert_eq!(fixture.approval(id).await.votes().len(), 0);
    dana.decide(id, "approve", &[("read", "all")]).await;
    assert_eq!(fixture.approval(id).await.status(), Status::Approved);
}

/// Nothing stands far below where nobody looks.
#[tokio::test]
async fn empty_lines_in_a_row_are_named() {
    let fixture = TestInbox::open().await;
    let id = fixture
        .ask("pay", json!({"to": format!("ls{}rm -rf /srv", "\n".repeat(200)), "amount": 50}))
        .await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    dana.get_call(id).await.has("[199 empty lines]").has("rm -rf /srv").has_not("\n\n\n\n\n");
    dana.get_call(id).await.has_not("I have read all of it");
}

/// A list is longer on the page than it is as JSON.
#[tokio::test]
async fn a_list_that_a_page_folds_is_approved_only_by_who_says_they_read_it() {
    let fixture = TestInbox::open().await;
    let id = fixture.ask("pay", json!({"to": "alice", "amount": 50, "tags": vec!["x"; 100]})).await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    dana.get_call(id).await.has("Show all").has("I have read all of it");
    assert_eq!(dana.decide(id, "approve", &[]).await.status, 422);
    assert_eq!(fixture.approval(id).await.votes().len(), 0);
}
