//! The mails to people who decide.

use std::time::Duration;

use crate::smtp::{self, SmtpBehavior, SmtpTls, TestSmtpServer};
use crate::test_inbox::TestInbox;
use gate_inbox::{LinkKey, Links, Mail};
use gate_runtime::FileDirectory;
use gate_runtime::id::ApprovalId;
use gate_runtime::notify::Notifier as _;
use gate_runtime::prelude::*;
use gate_runtime::remote::{AcceptedAnswers, RemoteCall, RemoteRequest, RequestPriority};
use gate_runtime::review::Status;
use serde_json::json;

const INBOX: &str = "https://gate.example.com";

async fn open() -> (TestInbox, TestSmtpServer, Mail) {
    let (fixture, server) = (TestInbox::open().await, TestSmtpServer::open().await);
    let mail = local(&server).to("team@example.com").unwrap();
    (fixture, server, mail)
}

fn local(server: &TestSmtpServer) -> Mail {
    Mail::new("Gate <gate@example.com>", "127.0.0.1", INBOX).unwrap().port(server.address.port())
}

/// Delivers the last notice.
async fn last(
    fixture: &TestInbox,
    mail: &Mail,
    memo: Option<&str>,
) -> Result<Option<String>, gate_runtime::notify::NotifyError> {
    let notice = fixture.notices(mail).await.pop().unwrap();
    mail.deliver(&memo.map_or(notice.clone(), |memo| notice.after(memo))).await
}

#[tokio::test]
async fn a_question_is_a_mail_with_all_that_is_needed_to_decide() {
    let (fixture, mut server, mail) = open().await;
    let id = fixture.ask_to_pay(50).await;
    let outcome = last(&fixture, &mail, None).await.unwrap().unwrap();
    let session = server.next_received().await;
    assert_eq!(
        session.commands,
        [
            "EHLO example.com",
            "MAIL FROM:<gate@example.com>",
            "RCPT TO:<team@example.com>",
            "DATA",
            "QUIT"
        ]
    );
    let mail = session.mail.unwrap();
    println!("{}\n{}\n{}", mail.raw, mail.text, mail.html);
    assert_eq!(mail.header("subject"), "Decision needed: pay: to alice, amount 50");
    assert_eq!(
        (mail.header("from"), mail.header("to")),
        ("Gate <gate@example.com>", "team@example.com")
    );
    assert_eq!(
        (mail.header("message-id"), mail.header("references")),
        (outcome.as_str(), format!("<gate.{id}@example.com>").as_str())
    );
    assert_eq!(mail.header("auto-submitted"), "auto-generated");
    assert_eq!(mail.header("date"), "Fri, 15 Jan 2027 08:00:00 +0000");
    assert_eq!(mail.header("in-reply-to"), "");
    assert_eq!(
        mail.text.trim_end(),
        format!(
            "pay: to alice, amount 50\n\npay needs a decision.\nPay someone.\n\
             Asked because no other rule matched.\n\n\
             Arguments:\n\n    to: \"alice\"\n    amount: 50\n\n\
             Agent         agent\nOn behalf of  mia\nDecides       a manager within 2 \
             hours\nDeadline      2027-01-15 10:00 UTC\n\
             Case          ticket-7\nRun           run-1\n\n\
             The agent claims (nobody has checked it):\n\n    | it is due\n\n\
             Open in the inbox:\n{INBOX}/approvals/{id}\n\n\
             Opening the link decides nothing: it leads to a page where you sign in and decide."
        )
    );
    for expected_text in [
        "<h1",
        "pay needs a decision.",
        "&quot;alice&quot;",
        "it is due",
        &format!("href=\"{INBOX}/approvals/{id}\""),
    ] {
        assert!(mail.html.contains(expected_text), "{expected_text}: {}", mail.html);
    }
    assert!(!mail.html.contains("<img") && !mail.html.contains("<script"));
}

/// Checks that an inbox opens the links that `links` puts into a mail.
#[tokio::test]
async fn the_links_of_a_mail_lead_to_a_page_that_decides_and_a_scanner_decides_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let links =
        || Links::new(LinkKey::in_file(folder.path().join("links.key")).unwrap(), INBOX).unwrap();
    let of_the_inbox = links();
    let fixture = TestInbox::open_as(|inbox| inbox.links(of_the_inbox)).await;
    let mut server = TestSmtpServer::open().await;
    let mail = local(&server)
        .to("dana@example.com")
        .unwrap()
        .to("omar@example.com")
        .unwrap()
        .links(links());
    let id = fixture.ask_to_pay(50).await;
    last(&fixture, &mail, None).await.unwrap();
    let (to_dana, to_omar) = (server.mail().await, server.mail().await);
    assert_eq!(
        (to_dana.header("to"), to_omar.header("to")),
        ("dana@example.com", "omar@example.com")
    );
    let paths: Vec<String> =
        to_dana.links().iter().map(|link| link.strip_prefix(INBOX).unwrap().to_owned()).collect();
    assert_eq!(paths.len(), 3, "to approve, to reject, to look at it");
    assert!(
        to_omar.links()[..2].iter().all(|link| !to_dana.links().contains(link)),
        "his are others"
    );
    for link in to_dana.links() {
        assert!(to_dana.html.contains(&format!("href=\"{link}\"")));
    }
    let mut scanner = fixture.browser();
    for path in &paths {
        scanner.headers.clear();
        scanner.get(path).await;
        scanner.head(path).await;
        scanner.headers = vec![("sec-purpose", "prefetch".to_owned())];
        scanner.get(path).await;
    }
    assert_eq!(fixture.approval(id).await.votes().len(), 0);
    let mut dana = fixture.signed_in(&fixture.dana).await;
    let page = dana.get(&paths[0]).await;
    page.has("Approve pay?");
    let link = page.hidden("link");
    dana.fill_on(&page, &format!("/approvals/{id}/approve"), &[("link", &link)]).await;
    assert_eq!(fixture.approval(id).await.status(), Status::Approved);
}

/// Returns an inbox, and mails with links.
async fn open_with_links() -> (TestInbox, TestSmtpServer, Mail, tempfile::TempDir) {
    let (fixture, server, mail) = open().await;
    let folder = tempfile::tempdir().unwrap();
    let links =
        Links::new(LinkKey::in_file(folder.path().join("links.key")).unwrap(), INBOX).unwrap();
    (fixture, server, mail.links(links), folder)
}

/// Returns the names of the links of a mail.
fn links_of(mail: &smtp::ReceivedMail) -> Vec<&str> {
    let lines: Vec<&str> = mail.text.lines().collect();
    let named = lines.windows(2).filter(|pair| pair[1].starts_with(INBOX)).map(|pair| pair[0]);
    let named: Vec<&str> = named.collect();
    assert_eq!(named.len(), mail.links().len());
    for name in &named {
        assert!(
            mail.html.contains(&format!(">{}</a>", name.trim_end_matches(':'))),
            "{name}: {}",
            mail.html
        );
    }
    named
}

/// A vote covers the whole call.
#[tokio::test]
async fn a_mail_that_does_not_have_all_of_it_has_no_link_to_approve_it() {
    let (fixture, mut server, mail, _folder) = open_with_links().await;
    let too_long = "It is too long for this mail: open it to approve.";
    for (length, is_whole) in [(398, true), (399, false)] {
        fixture.ask("pay", json!({"to": "alice", "amount": 50, "note": "x".repeat(length)})).await;
        last(&fixture, &mail, None).await.unwrap();
        check_whole(&server.mail().await, too_long, is_whole);
    }
    for (count, is_whole) in [(20, true), (21, false)] {
        let many: serde_json::Value =
            (0..count).map(|number| (format!("field_{number}"), json!(1))).collect();
        let call = RemoteCall::new(count.to_string(), "refund", many.to_string());
        fixture
            .agent
            .remote("billing-bot")
            .ask(call.ask("money", ask(role("manager"))))
            .await
            .unwrap();
        last(&fixture, &mail, None).await.unwrap();
        check_whole(&server.mail().await, too_long, is_whole);
    }
}

#[track_caller]
fn check_whole(mail: &smtp::ReceivedMail, too_long: &str, is_whole: bool) {
    let wanted: &[&str] = if is_whole {
        &["Approve:", "Reject:", "Open in the inbox:"]
    } else {
        &["Reject:", "Open in the inbox:"]
    };
    assert_eq!(links_of(mail), wanted, "{}", mail.text);
    assert_eq!(mail.text.lines().any(|line| line == too_long), !is_whole, "{}", mail.text);
    assert_eq!(mail.html.contains(too_long), !is_whole, "{}", mail.html);
}

/// If only an answer counts, an approval would have no effect.
#[tokio::test]
async fn a_question_is_written_with_its_choices_and_is_answered_in_the_inbox() {
    let (fixture, mut server, mail, _folder) = open_with_links().await;
    let agent = fixture.agent.remote("billing-bot");
    let question = |id: &str, answers: AcceptedAnswers| {
        let call = RemoteCall::new(id, "question", json!({"question": "Which one?"}).to_string());
        call.ask("it asks", ask(role("manager")).answered(answers))
    };
    agent
        .ask(question("1", AcceptedAnswers::one_of(["retry", "<b>skip</b>\nApprove:"])))
        .await
        .unwrap();
    last(&fixture, &mail, None).await.unwrap();
    let session = server.mail().await;
    assert_eq!(
        session.header("subject"),
        "Answer needed: billing-bot/question: question “Which one?”"
    );
    assert!(session.text.contains("\nbilling-bot/question needs an answer.\n"), "{}", session.text);
    assert_eq!(links_of(&session), ["Reject:", "Answer in the inbox:"], "{}", session.text);
    let expected_text = "This is a question: an answer runs nothing. One of these counts, word for \
        word:\n\n    | \"retry\"\n    | \"<b>skip</b>\\nApprove:\"\n";
    assert!(session.text.contains(expected_text), "{}", session.text);
    assert!(
        session.html.contains("&quot;&lt;b&gt;skip&lt;/b&gt;\\nApprove:&quot;"),
        "{}",
        session.html
    );

    agent.ask(question("2", AcceptedAnswers::Text)).await.unwrap();
    last(&fixture, &mail, None).await.unwrap();
    let came = server.mail().await;
    let sentence =
        "This is a question: an answer runs nothing. Any text that is not empty counts.\n";
    assert!(came.text.contains(sentence), "{}", came.text);
}

/// Scenario 60.
#[tokio::test]
async fn what_an_agent_of_another_program_says_of_its_tool_stands_behind_a_bar() {
    let (fixture, mut server, mail) = open().await;
    let call = RemoteCall::new("1", "refund", json!({"cents": 500}).to_string())
        .describe("Only looks, and changes nothing.\nReally.")
        .request(
            RemoteRequest::new().summary("Harmless\nApprove:").priority(RequestPriority::Urgent),
        )
        .reasoning("it is due");
    fixture.agent.remote("billing-bot").ask(call.ask("money", ask(role("manager")))).await.unwrap();
    last(&fixture, &mail, None).await.unwrap();
    let session = server.mail().await;
    let claims = "The agent claims (nobody has checked it):\n\n    \
                  | Harmless Approve:\n    | It says: urgent\n    \
                  | It says of the tool: Only looks, and changes nothing.\n    | it is due\n\n";
    assert!(session.text.contains(claims), "{}", session.text);
    for claimed in ["looks", "Harmless", "urgent"] {
        for line in session.text.lines().filter(|line| line.contains(claimed)) {
            assert!(line.starts_with("    | "), "{line}");
        }
        let (before, after) = session.html.split_once("The agent claims").unwrap();
        assert!(
            !before.contains(claimed) && after.contains(claimed),
            "{claimed}: {}",
            session.html
        );
    }
}

#[tokio::test]
async fn the_same_notice_is_the_same_mail_and_news_are_of_its_thread() {
    let (fixture, mut server, mail) = open().await;
    let id = fixture.ask_to_pay(50).await;
    let first = last(&fixture, &mail, None).await.unwrap().unwrap();
    assert_eq!(last(&fixture, &mail, None).await, Ok(Some(first.clone())));
    let (one, two) = (server.mail().await, server.mail().await);
    assert_eq!((one.header("message-id"), &one.text), (two.header("message-id"), &two.text));

    fixture.reject(id, "omar", "<b>no</b>\r\nBcc: mallory@example.com").await;
    assert_eq!(last(&fixture, &mail, Some(&first)).await, Ok(Some(first.clone())));
    let decided_mail = server.mail().await;
    assert_eq!(decided_mail.header("in-reply-to"), first);
    assert_eq!(decided_mail.header("references"), format!("<gate.{id}@example.com> {first}"));
    assert_ne!(decided_mail.header("message-id"), first);
    assert_eq!(decided_mail.header("subject"), "Re: Decision needed: pay: to alice, amount 50");
    let expected_text = "pay: Rejected by omar: \"<b>no</b>\\u{d}\\u{a}Bcc: mallory@example.com\". \
        It does not run.\n";
    assert!(decided_mail.text.starts_with(expected_text), "{}", decided_mail.text);
    assert!(
        decided_mail.html.contains("&lt;b&gt;no&lt;/b&gt;")
            && decided_mail.text.contains("No action is needed.")
    );

    // An event after no notice causes no mail.
    assert_eq!(last(&fixture, &mail, None).await, Ok(None));
    server.is_silent();
}

#[tokio::test]
async fn it_is_written_to_the_contacts_of_those_who_may_decide_now() {
    let (fixture, mut server, _) = open().await;
    for (who, contact) in
        [("dana", "dana@example.com"), ("omar", "+49 30 123"), ("ines", "ines@example.com")]
    {
        fixture.add_to_people(who, &format!("contact = \"{contact}\""));
    }
    let people = FileDirectory::open(fixture.folder.path().join("people.toml")).unwrap();
    let mail = local(&server).to_who_decides(people);
    let id = fixture.ask("deploy", json!({"version": "1.2"})).await;
    let first = last(&fixture, &mail, None).await.unwrap().unwrap();
    assert_eq!(
        server.mail().await.header("to"),
        "dana@example.com",
        "a number is no address, and ines is not asked"
    );
    server.is_silent();

    fixture.clock.advance(Duration::from_mins(10));
    fixture.agent.run_due().await;
    last(&fixture, &mail, Some(&first)).await.unwrap();
    let mut to: Vec<String> = Vec::new();
    for _ in 0..2 {
        let mail = server.mail().await;
        assert!(
            mail.text
                .contains("\ndeploy still waits for a decision, and more people are asked now.")
        );
        to.push(mail.header("to").to_owned());
    }
    assert_eq!(to, ["dana@example.com", "ines@example.com"]);

    // A person who gets a role receives a mail, and the principal does not.
    fixture.add_to_people("ines", "name = \"Ines\"");
    let text = std::fs::read_to_string(fixture.folder.path().join("people.toml")).unwrap();
    let text = text
        .replace("roles = [\"intern\"]", "roles = [\"manager\"]")
        .replace("id = \"dana\"", "id = \"mia\"");
    std::fs::write(fixture.folder.path().join("people.toml"), text).unwrap();
    let other = fixture.ask_to_pay(70).await;
    last(&fixture, &mail, None).await.unwrap();
    assert_eq!(server.mail().await.header("to"), "ines@example.com");
    server.is_silent();
    let _ = (id, other);
}

#[tokio::test]
async fn that_nobody_can_be_written_to_is_said() {
    let (fixture, mut server, _) = open().await;
    let people = fixture.folder.path().join("people.toml");
    let mail = local(&server).to_who_decides(FileDirectory::open(&people).unwrap());
    fixture.ask_to_pay(50).await;
    let error = last(&fixture, &mail, None).await.unwrap_err();
    assert!(
        error.is_final() && error.to_string().contains("nobody who may decide has a mail address"),
        "{error}"
    );
    std::fs::write(&people, "[[person]]").unwrap();
    let error = last(&fixture, &mail, None).await.unwrap_err();
    assert!(
        !error.is_final() && error.to_string().contains("the directory of reviewers"),
        "{error}"
    );
    server.is_silent();
}

#[tokio::test]
async fn what_may_work_later_is_tried_again_and_what_never_will_is_not() {
    let (fixture, mut server, mail) = open().await;
    let mail = mail.patience(Duration::from_millis(200)).sign_in("gate", "hunter2-secret");
    fixture.ask_to_pay(50).await;
    for (act, is_final, expected_text) in [
        (SmtpBehavior::Say("greeting", "421 busy"), false, "421"),
        (SmtpBehavior::Say("greeting", "554 go away"), true, "554"),
        (SmtpBehavior::Say("greeting", "hello \u{1b}[2J"), false, "team@example.com"),
        (SmtpBehavior::Say("EHLO", "502 no"), true, "502"),
        (SmtpBehavior::Say("AUTH", "535 wrong hunter2-secret"), true, "535): wrong [secret]"),
        (SmtpBehavior::Say("AUTH", "454 later"), false, "454"),
        (SmtpBehavior::Say("MAIL", "550 not you"), true, "550"),
        (SmtpBehavior::Say("RCPT", "451 later"), false, "451"),
        (SmtpBehavior::Say("RCPT", "550 \u{202e}nobody"), true, "550): \\u{202e}nobody"),
        (SmtpBehavior::Say("DATA", "452 full"), false, "452"),
        (SmtpBehavior::Say("END", "554 spam"), true, "554"),
        (SmtpBehavior::Say("END", "451 greylisted"), false, "451"),
        (SmtpBehavior::CutAfterData, false, "team@example.com"),
        (SmtpBehavior::Never, false, "team@example.com"),
    ] {
        server.act(act.clone());
        let error = last(&fixture, &mail, None).await.unwrap_err();
        assert_eq!(error.is_final(), is_final, "{act:?}: {error}");
        assert!(error.to_string().starts_with("not sent to 1 of 1: team@example.com: "), "{error}");
        assert!(
            error.to_string().contains(expected_text) && !error.to_string().contains("hunter2"),
            "{act:?}: {error}"
        );
        assert!(
            !error.to_string().contains(['\u{1b}', '\u{202e}']) && error.to_string().len() < 500
        );
        if !matches!(act, SmtpBehavior::Never) {
            server.next_received().await;
        }
    }
    let nobody = Mail::new("gate@example.com", "127.0.0.1", INBOX)
        .unwrap()
        .port(1)
        .to("a@example.com")
        .unwrap();
    assert!(!last(&fixture, &nobody, None).await.unwrap_err().is_final());
}

#[tokio::test]
async fn a_cut_connection_and_another_try_are_one_mail_to_whoever_reads_them() {
    let (fixture, mut server, mail) = open().await;
    fixture.ask_to_pay(50).await;
    server.act(SmtpBehavior::CutAfterData);
    last(&fixture, &mail, None).await.unwrap_err();
    last(&fixture, &mail, None).await.unwrap();
    let (one, two) = (server.mail().await, server.mail().await);
    assert_eq!(one.header("message-id"), two.header("message-id"));
    assert_eq!((one.text, one.html), (two.text, two.html));
}

#[tokio::test]
async fn whom_a_notice_has_reached_does_not_get_it_again_because_of_others() {
    let (fixture, mut server, mail) = open().await;
    let mail = mail.to("omar@example.com").unwrap();
    fixture.ask_to_pay(50).await;
    server.act(SmtpBehavior::Take);
    server.act(SmtpBehavior::Say("RCPT", "451 later"));
    let error = last(&fixture, &mail, None).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "not sent to 1 of 2: omar@example.com: transient error (451): later"
    );
    assert_eq!(server.mail().await.header("to"), "team@example.com");
    server.next_received().await;
    last(&fixture, &mail, None).await.unwrap();
    assert_eq!(server.mail().await.header("to"), "omar@example.com");
    server.is_silent();

    // A receiver that is never reached is reported, and does not affect the others.
    server.act(SmtpBehavior::Say("RCPT", "550 unknown"));
    let error = last(&fixture, &mail, None).await.unwrap_err();
    assert!(
        error.is_final() && error.to_string().starts_with("not sent to 1 of 2: team@example.com"),
        "{error}"
    );
    server.next_received().await;
    assert_eq!(server.mail().await.header("to"), "omar@example.com");
}

#[tokio::test]
async fn without_tls_nothing_is_said_to_a_server_that_is_not_on_this_machine() {
    let (fixture, mut server, mail) = open().await;
    let mail = mail.always_tls().sign_in("gate", "hunter2-secret");
    fixture.ask_to_pay(50).await;
    let error = last(&fixture, &mail, None).await.unwrap_err();
    assert!(!error.is_final() && error.to_string().to_lowercase().contains("starttls"), "{error}");
    let session = server.next_received().await;
    assert!(
        session.mail.is_none()
            && !session
                .commands
                .iter()
                .any(|line| line.starts_with("AUTH") || line.starts_with("MAIL")),
        "{session:?}"
    );
    // Nor with TLS from the start, if the server does not support it.
    let error = last(&fixture, &mail.patience(Duration::from_millis(200)).tls_first(), None)
        .await
        .unwrap_err();
    assert!(!error.is_final(), "{error}");
    assert_eq!(server.next_received().await.commands, [""; 0]);
}

#[tokio::test]
async fn mail_goes_over_tls_to_whom_the_certificate_is_of_and_to_nobody_else() {
    let fixture = TestInbox::open().await;
    fixture.ask_to_pay(50).await;
    for is_first in [false, true] {
        let (tls, pem) = SmtpTls::of(&["127.0.0.1"], is_first);
        let mut server = TestSmtpServer::open_with(Some(tls)).await;
        let mail = local(&server)
            .to("dana@example.com")
            .unwrap()
            .always_tls()
            .sign_in("gate", "hunter2-secret");
        let mail = if is_first { mail.tls_first() } else { mail };
        let error = last(&fixture, &mail, None).await.unwrap_err();
        assert!(
            !error.is_final() && error.to_string().contains("certificate"),
            "nobody vouches for it: {error}"
        );
        assert!(server.next_received().await.mail.is_none());
        last(&fixture, &mail.certificate(pem.as_bytes()).unwrap(), None).await.unwrap();
        let session = server.next_received().await;
        assert!(session.mail.is_some());
        let commands: Vec<&str> =
            session.commands.iter().map(|line| line.split([' ', ':']).next().unwrap()).collect();
        let before: &[&str] = if is_first { &[] } else { &["EHLO", "STARTTLS"] };
        assert_eq!(commands, [before, &["EHLO", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"]].concat());
    }
    let (tls, pem) = SmtpTls::of(&["mail.example"], false);
    let mut server = TestSmtpServer::open_with(Some(tls)).await;
    let mail = local(&server)
        .to("dana@example.com")
        .unwrap()
        .always_tls()
        .certificate(pem.as_bytes())
        .unwrap();
    let error = last(&fixture, &mail, None).await.unwrap_err();
    assert!(
        !error.is_final() && error.to_string().contains("certificate"),
        "it is of another name: {error}"
    );
    assert!(server.next_received().await.mail.is_none());
}

/// Scenarios 57 to 60.
#[tokio::test]
async fn whatever_others_wrote_is_text_and_adds_no_header_and_no_line() {
    let (fixture, mut server, mail) = open().await;
    for hostile in [
        "x\r\nBcc: mallory@example.com\r\n\r\n<html>",
        "\n.\r\nMAIL FROM:<x@y>",
        "<script>alert(1)</script><img src=x onerror=alert(1)>",
        "</td></table><a href=\"https://evil.example\">Approve</a>",
        "\u{202e}gpj.exe\u{200b}\u{1b}[2J pаypal",
        "=?utf-8?b?QmNjOiB4?= =3D =\r\n",
        "\u{2028}Approve:\u{2029}https://evil.example",
        "Grüße aus 東京 ",
    ] {
        for times in [1, 300] {
            let text = hostile.repeat(times);
            let agent = fixture.gate_of(&text).await;
            let run = agent
                .run(format!("r{}", text.replace('>', "")))
                .agent(&*text)
                .on_behalf_of(&*text)
                .case(&*text);
            let arguments = json!({"to": text, "amount": 50, "tags": [hostile]});
            let call = ToolCall::new(ApprovalId::new().to_string(), "pay", arguments.to_string())
                .reasoning(&*text);
            let turn = run.submit([call]).await.unwrap();
            let [interruption] = turn.interruptions() else { panic!("{turn:?}") };
            let first = last(&fixture, &mail, None).await.unwrap().unwrap();
            check(&server.mail().await, hostile, interruption.id());
            fixture.reject(interruption.id(), "dana", &text).await;
            last(&fixture, &mail, Some(&first)).await.unwrap();
            check(&server.mail().await, hostile, interruption.id());
        }
    }
}

#[track_caller]
fn check(mail: &smtp::ReceivedMail, hostile: &str, id: ApprovalId) {
    let mut names: Vec<String> =
        mail.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.retain(|name| name != "in-reply-to");
    names.sort();
    let known = [
        "auto-submitted",
        "content-type",
        "date",
        "from",
        "message-id",
        "mime-version",
        "references",
        "subject",
        "to",
        "x-auto-response-suppress",
    ];
    assert_eq!(names, known, "{hostile:?}");
    let subject = mail.header("subject");
    assert!(
        subject.encode_utf16().count() <= 140 && !subject.chars().any(char::is_control),
        "{subject:?}"
    );
    for text in [subject, &mail.text, &mail.html] {
        assert!(
            !text.contains(['\u{202e}', '\u{200b}', '\u{1b}', '\u{2028}', '\u{2029}', '\r', 'а']),
            "{text:?}"
        );
    }
    assert!(
        !mail.html.contains("<script")
            && !mail.html.contains("<img")
            && !mail.html.contains("<a href=\"https://evil")
    );
    assert_eq!(mail.html.matches("<a ").count(), 1, "{}", mail.html);
    assert_eq!(
        mail.links(),
        [format!("{INBOX}/approvals/{id}")],
        "no line of others passes for a link of ours"
    );
    for line in mail.text.lines() {
        assert!(
            !line.starts_with("Bcc") && !line.starts_with("MAIL") && !line.starts_with("Approve"),
            "{line:?}"
        );
    }
    if hostile.contains('ü') {
        assert!(
            mail.text.contains("to: \"Grüße aus 東京") && mail.html.contains("Grüße aus 東京"),
            "{}",
            mail.text
        );
    }
}

#[tokio::test]
async fn a_secret_is_not_written() {
    let (fixture, mut server, mail) = open().await;
    fixture.ask("log_in", json!({"user": "mia", "password": "hunter2-secret"})).await;
    last(&fixture, &mail, None).await.unwrap();
    let mail = server.mail().await;
    assert!(mail.text.contains("    password: a secret, which is not shown\n"), "{}", mail.text);
    assert!(!mail.raw.contains("hunter2") && !mail.html.contains("hunter2"));
}

#[test]
fn what_is_no_setting_is_refused() {
    for (from, server) in [
        ("", "smtp.example.com"),
        ("gate", "smtp.example.com"),
        ("a@b.c\r\nBcc: x@y.z", "smtp.example.com"),
        ("gate@example.com", ""),
    ] {
        assert!(Mail::new(from, server, INBOX).is_err(), "{from:?} {server:?}");
    }
    let mail = Mail::new("gate@example.com", "smtp.example.com", INBOX).unwrap();
    for wrong in ["", "dana", "dana@", "a@b.c, d@e.f", "a@b.c\r\nBcc: x@y.z", "<a@b.c>"] {
        assert!(mail.clone().to(wrong).is_err(), "{wrong:?}");
    }
    let mail = mail.sign_in("gate", "hunter2").named("mail-payments");
    assert_eq!((mail.name(), format!("{mail:?}").contains("hunter2")), ("mail-payments", false));
}
