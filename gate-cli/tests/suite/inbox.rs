//! `gate inbox`, as a separate process: a person signs in over HTTP and approves a call that
//! another process asked about.

use crate::test_workspace::{InboxProcess, TestWorkspace, asked, code, pays, stderr_of};

/// Returns the value of a hidden field of a page.
fn hidden(page: &str, name: &str) -> String {
    let rest = page.split(&format!("name=\"{name}\" value=\"")).nth(1).expect(name);
    rest.split('"').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_decides_in_the_browser_what_another_process_asked() {
    let workspace = TestWorkspace::new();
    let run = workspace.run().await;
    let (id, _) = asked(&run.submit([pays("1", 100)]).await.unwrap());
    let inbox = InboxProcess::start(&workspace);
    let config = ureq::Agent::config_builder().max_redirects(0).http_status_as_error(false).build();
    let browser = config.new_agent();
    let get = |path: &str, cookie: &str| {
        let mut page =
            browser.get(format!("{}{path}", inbox.url)).header("cookie", cookie).call().unwrap();
        let set = page
            .headers()
            .get("set-cookie")
            .map(|set| set.to_str().unwrap().to_owned())
            .unwrap_or_default();
        (page.body_mut().read_to_string().unwrap(), set.split(';').next().unwrap().to_owned())
    };
    let (page, form) = get("/sign-in", "");
    let fields = [("form_secret", hidden(&page, "form_secret")), ("token", workspace.dana.clone())];
    let answer = browser
        .post(format!("{}/sign-in", inbox.url))
        .header("cookie", form)
        .send_form(fields)
        .unwrap();
    let session = answer
        .headers()
        .get("set-cookie")
        .unwrap()
        .to_str()
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();

    let (page, _) = get("/", &session);
    assert!(page.contains("For you") && page.contains(&id.to_string()), "{page}");
    let (page, _) = get(&format!("/approvals/{id}"), &session);
    let fields = ["form_secret", "form", "shown"].map(|name| (name, hidden(&page, name)));
    let url = format!("{}/approvals/{id}/approve", inbox.url);
    let answer = browser.post(url).header("cookie", session).send_form(fields).unwrap();
    assert_eq!(answer.status(), 303);
    assert_eq!(run.proceed().await.unwrap().answers()[0].for_model(), "paid 100 to alice");

    let log = std::fs::read_to_string(workspace.folder.path().join("security.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        (&lines[0]["event"], &lines[0]["who"]),
        (&"signed_in".into(), &"dana".into()),
        "{log}"
    );
    assert!(!log.contains(&workspace.dana), "no token");
}

#[test]
fn it_is_not_offered_to_other_machines_without_tls() {
    let workspace = TestWorkspace::new();
    std::fs::write(workspace.path().join("gate.db"), "").unwrap();
    let open = workspace.gate_as(None, "inbox|--listen|0.0.0.0:0");
    assert_eq!(code(&open), 2);
    assert!(stderr_of(&open).contains("--url"), "{}", stderr_of(&open));
    let bad = workspace.gate_as(None, "inbox|--listen|127.0.0.1:0|--url|http://gate.example.com");
    assert_eq!(code(&bad), 2);
    assert!(stderr_of(&bad).contains("https://gate.example.com"), "{}", stderr_of(&bad));
}
