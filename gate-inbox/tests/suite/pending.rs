//! The page of pending questions, with filters.

use crate::test_inbox::TestInbox;
use gate_runtime::prelude::*;
use serde_json::json;

async fn ask_as(fixture: &TestInbox, agent: &str, principal: &str, to: &str, amount: u64) {
    let gate = fixture.gate_of(agent).await;
    let run = gate.run(format!("run-of-{to}")).agent(agent).on_behalf_of(principal);
    let call = ToolCall::new("1", "pay", json!({"to": to, "amount": amount}).to_string());
    assert_eq!(run.submit([call]).await.unwrap().interruptions().len(), 1);
}

#[tokio::test]
async fn each_filter_shows_what_fits_it() {
    let fixture = TestInbox::open().await;
    ask_as(&fixture, "billing", "mia", "Zoë", 50).await;
    ask_as(&fixture, "support", "tom", "yuri", 2_000).await;
    fixture.ask("wipe", json!({"disk": "sda"})).await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    for (query, shown) in [
        ("", &["Zoë", "yuri", "sda"][..]),
        ("tool=wipe", &["sda"]),
        ("agent=billing", &["Zoë"]),
        ("principal=tom", &["yuri"]),
        ("role=manager", &["Zoë", "yuri"]),
        ("text=ZO%C3%8B", &["Zoë"]),
        ("text=2000", &["yuri"]),
        ("tool=pay&agent=support&principal=tom&role=manager&text=yuri&mine=yes", &["yuri"]),
        ("tool=pay&principal=mia&agent=support", &[]),
        ("tool=PAY", &[]),
        ("mine=yes", &["Zoë", "yuri", "sda"]),
    ] {
        let page = dana.get(&format!("/?{query}")).await;
        let list = page.text.split("id=\"list\"").nth(1).unwrap();
        for value in ["Zoë", "yuri", "sda"] {
            assert_eq!(
                list.contains(&format!("<bdi>{value}</bdi>")),
                shown.contains(&value),
                "{query}: {value}"
            );
        }
        if shown.is_empty() {
            page.has("Nothing pending matches the filter").has("Show all 3");
        }
    }
    let mut ines = fixture.signed_in(&fixture.ines).await;
    ines.get("/?mine=yes&tool=pay").await.has("Nothing pending matches");
}

#[tokio::test]
async fn odd_queries_are_answered_as_what_they_say() {
    let fixture = TestInbox::open().await;
    fixture.ask_to_pay(50).await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    let long = format!("/?text={}", "x".repeat(5_000));
    let odd = [
        "/?tool=%ff%fe",
        "/?tool=a&tool=b",
        "/?&&==&",
        "/?text=%00%E2%80%AE",
        "/?mine=maybe",
        "/?page=-1&mine=yes",
        &long,
    ];
    for path in odd {
        let page = dana.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(!page.text.contains('\0') && page.text.len() < 20_000, "{path}");
    }
    dana.get("/?tool=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").await.has_not("<script>alert");
}

#[tokio::test]
async fn pages_keep_the_filter_and_rows_say_who_voted() {
    let fixture = TestInbox::open().await;
    for _ in 0..60 {
        fixture.ask_to_pay(50).await;
    }
    let id = fixture.ask_to_pay(2_000).await;
    let mut dana = fixture.signed_in(&fixture.dana).await;
    let page = dana.get("/?tool=pay&text=alice&page=1").await;
    page.has("Page 1 of 2").has("href=\"/?tool=pay&amp;text=alice&amp;page=2\"");
    dana.get("/?tool=pay&text=alice&page=2")
        .await
        .has("href=\"/?tool=pay&amp;text=alice&amp;page=1\"")
        .has_not("page=3");
    dana.get("/?tool=pay&text=alice&page=99").await.has("Page 2 of 2");
    dana.decide(id, "approve", &[]).await;
    dana.get("/?text=2000")
        .await
        .has("decides: <bdi>2 of role manager")
        .has("1 vote, by <bdi>dana</bdi>");
}
