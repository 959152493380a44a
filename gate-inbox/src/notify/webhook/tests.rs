//! The checks that can only be made where one server of a test counts as public.

use std::io::ErrorKind;
use std::net::TcpListener;

use gate_runtime::notify::{DeliveryNotice, Notifier as _};
use gate_runtime::prelude::*;

use self::receiver::{RawServer, status};
use super::address::AddressPolicy;
use super::{Webhook, WebhookSecret, agent};

#[path = "../../../tests/suite/receiver/mod.rs"]
mod receiver;

async fn notice() -> DeliveryNotice {
    let gate: Gate<gate_runtime::NoTools> = Gate::builder(()).build().await.unwrap();
    gate.run("run").log_action("sign in", &serde_json::json!({}), None).await.unwrap();
    DeliveryNotice::new("ops", gate.records(0, 1).await.unwrap().remove(0))
}

/// A webhook to which one server is a public one.
fn webhook(server: &RawServer) -> Webhook {
    let made =
        Webhook::private("ops", &server.url("/gate"), [WebhookSecret::new().unwrap()]).unwrap();
    Webhook { agent: agent(AddressPolicy::PublicAnd(server.address)), ..made }
}

#[tokio::test]
async fn a_redirect_to_a_private_address_is_not_followed() {
    let inside = TcpListener::bind("127.0.0.1:0").unwrap();
    inside.set_nonblocking(true).unwrap();
    let port = inside.local_addr().unwrap().port();
    for target in [
        format!("http://127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://0x7f.1:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("//127.0.0.1:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
    ] {
        let server = RawServer::that([status(307, &format!("location: {target}\r\n"))]);
        let error = webhook(&server).deliver(&notice().await).await.unwrap_err();
        assert!(error.to_string().contains("which is not a public address"), "{target}: {error}");
        assert!(!error.is_final());
        server.next();
        assert!(server.rest().is_empty());
    }
    assert_eq!(inside.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "nobody knocked");
}

#[tokio::test]
async fn a_server_that_counts_as_public_is_told() {
    let server = RawServer::that([status(204, "")]);
    assert_eq!(webhook(&server).deliver(&notice().await).await.unwrap(), None);
    assert_eq!(server.next().line, "POST /gate HTTP/1.1");
}
