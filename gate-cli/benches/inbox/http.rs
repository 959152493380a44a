//! A browser without a screen, or another program: HTTP/1.1 over a connection that it keeps.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

pub(crate) struct HttpConnection {
    address: SocketAddr,
    headers: String,
    stream: Option<BufReader<TcpStream>>,
}

pub(crate) struct PageResponse {
    pub(crate) status: u16,
    /// The last cookie that was set.
    pub(crate) cookie: Option<String>,
    text: String,
}

impl PageResponse {
    /// The value of a hidden field.
    pub(crate) fn hidden(&self, name: &str) -> &str {
        let rest = self.text.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap();
        rest.split('"').next().unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

impl HttpConnection {
    /// A browser with a cookie.
    pub(crate) fn new(address: SocketAddr, cookie: &str) -> Self {
        let headers =
            format!("Cookie: {cookie}\r\nContent-Type: application/x-www-form-urlencoded");
        Self { address, headers, stream: None }
    }

    /// A program with a token.
    pub(crate) fn program(address: SocketAddr, token: &str) -> Self {
        let headers = format!("Authorization: Bearer {token}\r\nContent-Type: application/json");
        Self { address, headers, stream: None }
    }

    pub(crate) async fn get(&mut self, path: &str) -> PageResponse {
        self.send("GET", path, "").await
    }

    pub(crate) async fn post(&mut self, path: &str, body: &str) -> PageResponse {
        self.send("POST", path, body).await
    }

    /// Loads a page, and returns the time that it takes.
    pub(crate) async fn look(&mut self, path: &str) -> Duration {
        let began = Instant::now();
        assert_eq!(self.get(path).await.status, 200);
        began.elapsed()
    }

    async fn send(&mut self, method: &str, path: &str, body: &str) -> PageResponse {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{}\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            self.headers,
            body.len()
        );
        // A connection that nobody used for a while is gone: then nothing of the answer comes.
        loop {
            let is_new = self.stream.is_none();
            if is_new {
                self.stream = Some(BufReader::new(TcpStream::connect(self.address).await.unwrap()));
            }
            let stream = self.stream.as_mut().unwrap();
            let is_sent = stream.get_mut().write_all(request.as_bytes()).await.is_ok();
            let mut line = String::new();
            if is_sent && stream.read_line(&mut line).await.is_ok_and(|count| count > 0) {
                return answer(stream, &line).await;
            }
            assert!(!is_new, "the inbox does not answer");
            self.stream = None;
        }
    }
}

async fn answer(stream: &mut BufReader<TcpStream>, first: &str) -> PageResponse {
    let status = first.split(' ').nth(1).unwrap().parse().unwrap();
    let (mut cookie, mut length) = (None, 0);
    loop {
        let mut line = String::new();
        assert!(stream.read_line(&mut line).await.unwrap() > 0, "the answer is cut off");
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name {
            "set-cookie" if !value.contains("=;") => {
                cookie = value.split(';').next().map(str::to_owned);
            }
            "content-length" => length = value.parse().unwrap(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    PageResponse { status, cookie, text: String::from_utf8(body).unwrap() }
}
