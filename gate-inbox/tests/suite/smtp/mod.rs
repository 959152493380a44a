//! A mail server that keeps every byte that it gets, and fails as a test configures it.

#![allow(dead_code, reason = "not every test needs all of it")]
#![allow(unreachable_pub, reason = "a module of a test")]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// The reaction of the server to a connection.
#[derive(Clone, Debug)]
pub enum SmtpBehavior {
    /// Accepts the mail.
    Take,
    /// Answers a command of the client with this text.
    Say(&'static str, &'static str),
    /// Accepts the mail, and cuts the connection before it confirms.
    CutAfterData,
    /// Never answers.
    Never,
}

/// The commands and the mail of one connection.
#[derive(Clone, Debug, Default)]
pub struct SmtpSession {
    /// The client's commands.
    pub commands: Vec<String>,
    /// The mail, if it was received completely.
    pub mail: Option<ReceivedMail>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedMail {
    pub raw: String,
    pub headers: Vec<(String, String)>,
    pub text: String,
    pub html: String,
}

impl ReceivedMail {
    pub fn header(&self, name: &str) -> &str {
        let mut all = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let found = all.next().map(|(_, value)| value.as_str()).unwrap_or_default();
        assert!(all.next().is_none(), "{name} comes twice");
        found
    }

    /// Returns the links of the text, in order.
    pub fn links(&self) -> Vec<String> {
        self.text.lines().filter(|line| line.starts_with("https://")).map(str::to_owned).collect()
    }
}

pub struct TestSmtpServer {
    pub address: SocketAddr,
    received: mpsc::UnboundedReceiver<SmtpSession>,
    behaviors: Arc<Mutex<VecDeque<SmtpBehavior>>>,
}

impl TestSmtpServer {
    pub async fn open() -> Self {
        Self::open_with(None).await
    }

    /// Opens a server with a certificate for this machine: TLS from the start, or after STARTTLS.
    pub async fn open_with(tls: Option<SmtpTls>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, receiver) = mpsc::unbounded_channel();
        let acts = Arc::new(Mutex::new(VecDeque::new()));
        let next = Arc::clone(&acts);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let act = next.lock().unwrap().pop_front().unwrap_or(SmtpBehavior::Take);
                let (sender, tls) = (sender.clone(), tls.clone());
                tokio::spawn(async move {
                    let mut session = SmtpSession::default();
                    // The result is ignored, because the commands before a disconnect are kept.
                    let _ = serve(stream, tls, &act, &mut session).await;
                    sender.send(session).unwrap();
                });
            }
        });
        Self { address, received: receiver, behaviors: acts }
    }

    /// Sets the reaction to the next connection.
    pub fn act(&self, act: SmtpBehavior) {
        self.behaviors.lock().unwrap().push_back(act);
    }

    pub async fn next_received(&mut self) -> SmtpSession {
        self.received.recv().await.unwrap()
    }

    pub async fn mail(&mut self) -> ReceivedMail {
        let session = self.next_received().await;
        session.mail.unwrap_or_else(|| panic!("no mail: {:?}", session.commands))
    }

    #[track_caller]
    pub fn is_silent(&mut self) {
        if let Ok(session) = self.received.try_recv() {
            panic!("{session:?}");
        }
    }
}

/// The TLS configuration of a server.
#[derive(Clone)]
pub struct SmtpTls {
    pub is_first: bool,
    pub acceptor: TlsAcceptor,
}

impl SmtpTls {
    /// Creates a configuration with a new certificate for these names, and returns the certificate
    /// in PEM.
    pub fn of(names: &[&str], is_first: bool) -> (Self, String) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(
            tokio_rustls::rustls::crypto::ring::default_provider(),
        ));
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let config = config.with_single_cert(vec![made.cert.der().clone()], key).unwrap();
        (Self { is_first, acceptor: Arc::new(config).into() }, made.cert.pem())
    }
}

async fn serve(
    stream: TcpStream,
    tls: Option<SmtpTls>,
    act: &SmtpBehavior,
    session: &mut SmtpSession,
) -> std::io::Result<()> {
    match tls {
        None => talk(stream, act, session, "greeting").await.map(drop),
        Some(tls) if tls.is_first => {
            talk(tls.acceptor.accept(stream).await?, act, session, "greeting").await.map(drop)
        }
        Some(tls) => {
            let Some(stream) = talk(stream, act, session, "in clear").await? else { return Ok(()) };
            talk(tls.acceptor.accept(stream).await?, act, session, "after STARTTLS").await.map(drop)
        }
    }
}

/// Talks to a client until the end, or until TLS begins, and then returns the stream.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    act: &SmtpBehavior,
    came: &mut SmtpSession,
    begins: &'static str,
) -> std::io::Result<Option<S>> {
    let mut stream = BufReader::new(stream);
    if let SmtpBehavior::Never = act {
        std::future::pending::<()>().await;
    }
    let answer = |command: &str, usual: &str| match act {
        SmtpBehavior::Say(at, words) if *at == command => format!("{words}\r\n"),
        _ => format!("{usual}\r\n"),
    };
    if begins != "after STARTTLS" {
        stream.write_all(answer("greeting", "220 mail.example").as_bytes()).await?;
    }
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        assert!(line.ends_with("\r\n") && line.len() <= 512, "{line:?}");
        let line = line.trim_end().to_owned();
        came.commands.push(line.clone());
        let command = line.split([' ', ':']).next().unwrap().to_ascii_uppercase();
        let usual = match command.as_str() {
            "EHLO" if begins == "in clear" => "250-mail.example\r\n250 STARTTLS",
            "STARTTLS" if begins == "in clear" => "220 begin",
            "EHLO" => "250-mail.example\r\n250-AUTH PLAIN\r\n250 8BITMIME",
            "AUTH" => "235 welcome",
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            "MAIL" | "RCPT" | "NOOP" | "RSET" => "250 yes",
            _ => "500 what",
        };
        stream.write_all(answer(&command, usual).as_bytes()).await?;
        if command == "DATA" && answer("DATA", "354").starts_with("354") {
            let mut raw = String::new();
            while !raw.ends_with("\r\n.\r\n") {
                if stream.read_line(&mut raw).await? == 0 {
                    return Ok(None);
                }
            }
            let raw = raw.strip_suffix(".\r\n").unwrap().replace("\r\n..", "\r\n.");
            came.mail = Some(read(&raw));
            if let SmtpBehavior::CutAfterData = act {
                return Ok(None);
            }
            stream.write_all(answer("END", "250 taken").as_bytes()).await?;
        }
        if command == "STARTTLS" && begins == "in clear" {
            return Ok(Some(stream.into_inner()));
        }
        if command == "QUIT" {
            return Ok(None);
        }
    }
}

/// Parses a mail, as a mail program does.
pub fn read(raw: &str) -> ReceivedMail {
    for line in raw.split("\r\n") {
        assert!(line.len() <= 998 && line.is_ascii() && !line.contains(['\r', '\n']), "{line:?}");
    }
    let (headers, body) = part(raw);
    let kind = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        .unwrap()
        .1
        .clone();
    assert!(kind.starts_with("multipart/alternative"), "{kind}");
    let boundary = kind.split("boundary=\"").nth(1).unwrap().split('"').next().unwrap();
    let parts: Vec<&str> = body.split(&format!("--{boundary}")).collect();
    assert_eq!(parts.len(), 4, "two parts, and what is around them");
    let [text, html] = [parts[1], parts[2]].map(|raw| {
        let (headers, body) = part(raw.trim_start());
        let header = |name: &str| {
            let found = headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        (header("content-type"), decoded(&header("content-transfer-encoding"), body))
    });
    assert!(
        text.0.starts_with("text/plain; charset=utf-8")
            && html.0.starts_with("text/html; charset=utf-8")
    );
    let headers = headers.into_iter().map(|(name, value)| (name, words(&value))).collect();
    ReceivedMail { raw: raw.to_owned(), headers, text: text.1, html: html.1 }
}

fn part(raw: &str) -> (Vec<(String, String)>, &str) {
    let (head, body) = raw.split_once("\r\n\r\n").unwrap();
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    let headers = unfolded.split("\r\n").map(|line| {
        let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("no header: {line:?}"));
        (name.to_owned(), value.to_owned())
    });
    (headers.collect(), body)
}

fn decoded(encoding: &str, body: &str) -> String {
    let bytes = match encoding {
        "7bit" => return body.replace("\r\n", "\n"),
        "base64" => STANDARD.decode(body.replace("\r\n", "")).unwrap(),
        "quoted-printable" => unquoted(&body.replace("=\r\n", "")),
        other => panic!("{other}"),
    };
    String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
}

fn unquoted(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'=' {
            let digits = [rest.next().unwrap(), rest.next().unwrap()];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    bytes
}

/// Decodes the encoded words of a header.
fn words(value: &str) -> String {
    let value = value.replace("?= =?", "?==?");
    let mut bytes = Vec::new();
    let mut rest = value.as_str();
    while let Some((before, word)) = rest.split_once("=?utf-8?b?") {
        bytes.extend(before.bytes());
        let (word, after) = word.split_once("?=").unwrap();
        bytes.extend(STANDARD.decode(word).unwrap());
        rest = after;
    }
    bytes.extend(rest.bytes());
    String::from_utf8(bytes).unwrap()
}
