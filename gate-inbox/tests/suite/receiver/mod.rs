//! A small web server that keeps every byte that it gets, and answers as a test configures it.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver as Queue, Sender, channel};
use std::time::Duration;

/// The reaction of the server to a request.
#[derive(Clone, Debug)]
#[allow(dead_code, reason = "not every test misbehaves in every way")]
pub(crate) enum ServerBehavior {
    /// Answers with these bytes, and closes.
    Say(String),
    /// Sends nothing, and keeps the connection open.
    Hang,
    /// Answers, and never ends its body.
    SayForEver(&'static str),
    /// Sends an answer slowly, byte by byte.
    Drip,
}

/// Returns an answer with a status and further header lines.
#[allow(dead_code, reason = "not every test answers")]
pub(crate) fn status(code: u16, head: &str) -> ServerBehavior {
    ServerBehavior::Say(format!("HTTP/1.1 {code} Whatever\r\ncontent-length: 2\r\n{head}\r\nno"))
}

/// A received request.
#[derive(Clone, Debug)]
#[allow(dead_code, reason = "not every test looks at all of it")]
pub(crate) struct ReceivedRequest {
    pub(crate) line: String,
    /// The headers by their lower-case names; a repeated header has both values.
    pub(crate) head: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// The server, until the test ends.
pub(crate) struct RawServer {
    pub(crate) address: SocketAddr,
    requests: Queue<ReceivedRequest>,
}

impl RawServer {
    /// Starts a server with one answer for each request; the last answer repeats.
    pub(crate) fn that(behaviors: impl IntoIterator<Item = ServerBehavior>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, (tell, requests)) = (listener.local_addr().unwrap(), channel());
        let does: Vec<ServerBehavior> = behaviors.into_iter().collect();
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let (tell, behavior) = (tell.clone(), does[number.min(does.len() - 1)].clone());
                std::thread::spawn(move || serve(stream.unwrap(), &tell, behavior));
            }
        });
        Self { address, requests }
    }

    #[allow(dead_code, reason = "not every test has a path")]
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Waits for the next request.
    pub(crate) fn next(&self) -> ReceivedRequest {
        self.requests.recv_timeout(Duration::from_mins(1)).expect("it got no request")
    }

    /// Returns the requests that were received and not read.
    #[allow(dead_code, reason = "not every test counts")]
    pub(crate) fn rest(&self) -> Vec<ReceivedRequest> {
        self.requests.try_iter().collect()
    }
}

fn serve(stream: TcpStream, tell: &Sender<ReceivedRequest>, behavior: ServerBehavior) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        assert!(line.ends_with("\r\n"), "{line:?}");
        line.trim_end().to_owned()
    };
    let (first, mut head) = (line(), BTreeMap::new());
    loop {
        let next = line();
        let Some((name, value)) = next.split_once(':') else { break };
        let known: &mut String = head.entry(name.to_ascii_lowercase()).or_default();
        *known = if known.is_empty() {
            value.trim().to_owned()
        } else {
            format!("{known}\n{}", value.trim())
        };
    }
    let mut body = vec![0; head["content-length"].parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let _ =
        tell.send(ReceivedRequest { line: first, head, body: String::from_utf8(body).unwrap() });
    let mut stream = stream;
    match behavior {
        ServerBehavior::Say(text) => drop(stream.write_all(text.as_bytes())),
        // Until the other side closes the connection.
        ServerBehavior::Hang => drop(reader.read(&mut [0])),
        ServerBehavior::SayForEver(text) => {
            let _ = stream.write_all(text.as_bytes());
            while stream.write_all(&[b'x'; 8_192]).is_ok() {}
        }
        ServerBehavior::Drip => {
            for byte in b"HTTP/1.1 200 OK\r\n".iter().chain(std::iter::repeat(&b'x')) {
                // Waits for nothing: the delay simulates a slow server.
                std::thread::sleep(Duration::from_millis(20));
                if stream.write_all(&[*byte]).is_err() {
                    return;
                }
            }
        }
    }
}
