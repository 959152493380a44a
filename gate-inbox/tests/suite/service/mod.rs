//! An HTTP service that keeps every byte that it gets, and fails as a test configures it.

#![allow(dead_code, reason = "not every test needs all of it")]
#![allow(unreachable_pub, reason = "a module of a test")]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// One answer.
#[derive(Clone, Debug)]
pub enum ServiceReply {
    /// A status with headers, and a body.
    With(&'static str, String),
    /// Half an answer, and then the end of the connection.
    Cut,
    /// No answer.
    Never,
}

/// A received request.
#[derive(Clone, Debug)]
pub struct ServiceRequest {
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl ServiceRequest {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn path(&self) -> &str {
        self.line.split(' ').nth(1).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .unwrap_or_default()
    }
}

pub struct FakeService {
    pub address: SocketAddr,
    received: mpsc::UnboundedReceiver<ServiceRequest>,
    replies: Arc<Mutex<VecDeque<ServiceReply>>>,
}

impl FakeService {
    /// Opens a service with a default reply.
    pub async fn open(usual: ServiceReply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, receiver) = mpsc::unbounded_channel();
        let replies = Arc::new(Mutex::new(VecDeque::new()));
        let next = Arc::clone(&replies);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (sender, next, usual) = (sender.clone(), Arc::clone(&next), usual.clone());
                tokio::spawn(async move { answer(stream, &sender, &next, usual).await });
            }
        });
        Self { address, received: receiver, replies }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sets the reply to the next request.
    pub fn reply(&self, reply: ServiceReply) {
        self.replies.lock().unwrap().push_back(reply);
    }

    /// Returns the next received request.
    pub async fn next_received(&mut self) -> ServiceRequest {
        self.received.recv().await.unwrap()
    }

    /// Checks that no other request was received.
    #[track_caller]
    pub fn is_silent(&mut self) {
        if let Ok(request) = self.received.try_recv() {
            panic!("{request:?}");
        }
    }
}

async fn answer(
    mut stream: TcpStream,
    sender: &mpsc::UnboundedSender<ServiceRequest>,
    replies: &Mutex<VecDeque<ServiceReply>>,
    usual: ServiceReply,
) {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap().to_owned();
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .map_or(0, |(_, length)| length.parse().unwrap());
    while bytes.len() < end + 4 + length {
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0);
    }
    assert_eq!(bytes.len(), end + 4 + length, "nothing follows what was announced");
    let body = String::from_utf8(bytes[end + 4..].to_vec()).unwrap();
    let reply = replies.lock().unwrap().pop_front().unwrap_or(usual);
    sender.send(ServiceRequest { line, headers, body }).unwrap();
    let answer = match reply {
        ServiceReply::With(head, body) => {
            format!(
                "HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            )
        }
        ServiceReply::Cut => "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{".to_owned(),
        ServiceReply::Never => std::future::pending().await,
    };
    let _ = stream.write_all(answer.as_bytes()).await;
}
