//! Sends a mail to a server.

use std::sync::Arc;
use std::time::Duration;

use gate_runtime::review::SanitizedText;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Message, SmtpTransport, Transport as _};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::notify::notification::cut;
use crate::notify::setting::{BadSetting, SecretText, is_loopback};

/// The port on which mail is submitted, and the one on which TLS comes first.
const SUBMISSION: u16 = 587;
const TLS_FIRST: u16 = 465;

/// The time that a server may take for one answer, and how many times as long for all of them.
const PATIENCE: Duration = Duration::from_secs(10);
const ANSWERS: u32 = 4;

/// A mail server, and our credentials for it.
#[derive(Clone)]
pub(super) struct SmtpRelay {
    pub(super) server: Arc<str>,
    pub(super) port: u16,
    pub(super) credentials: Option<(Arc<str>, SecretText)>,
    certificates: Vec<Certificate>,
    /// Set if it is on this machine, where nobody else listens, and no TLS is wanted.
    pub(super) is_local: bool,
    /// Set if TLS comes before anything is said, on any port.
    pub(super) is_tls_first: bool,
    pub(super) timeout: Duration,
    /// Our own name.
    domain: Arc<str>,
}

/// Why a mail was not accepted.
#[derive(Debug)]
pub(super) struct MailRefused {
    pub(super) is_final: bool,
    pub(super) problem: String,
}

impl SmtpRelay {
    pub(super) fn new(server: &str, domain: &str) -> Result<Self, BadSetting> {
        let is_of_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
        if server.is_empty() || !server.chars().all(is_of_host) {
            return Err(BadSetting::new(
                "this is not a mail server: write its name, like `smtp.example.com`, and its port \
                 with `.port(…)`",
            ));
        }
        Ok(Self {
            server: server.into(),
            port: SUBMISSION,
            credentials: None,
            certificates: Vec::new(),
            is_local: is_loopback(server),
            is_tls_first: false,
            timeout: PATIENCE,
            domain: domain.into(),
        })
    }

    /// Trusts a certificate.
    pub(super) fn trust(&mut self, pem: &[u8]) -> Result<(), BadSetting> {
        let wrong = || {
            BadSetting::new(
                "this is not a certificate: provide it in PEM, which begins with `-----BEGIN \
                 CERTIFICATE-----`",
            )
        };
        let is_there = String::from_utf8_lossy(pem).contains("-----BEGIN CERTIFICATE-----");
        let certificate = Certificate::from_pem(pem).ok().filter(|_| is_there).ok_or_else(wrong)?;
        let parameters = TlsParameters::builder(self.server.to_string())
            .add_root_certificate(certificate.clone());
        parameters.build().map_err(|_| wrong())?;
        self.certificates.push(certificate);
        Ok(())
    }

    /// Sends a mail to the server. Errors 4xx may be temporary, errors 5xx are final.
    pub(super) async fn send(
        &self,
        message: Message,
        at_most: Duration,
    ) -> Result<(), MailRefused> {
        let transport = self.transport()?;
        let again = |problem: &str| MailRefused { is_final: false, problem: problem.to_owned() };
        let sent = timeout(
            at_most.min(self.timeout * ANSWERS),
            spawn_blocking(move || transport.send(&message)),
        );
        match sent.await {
            Err(_) => Err(again("the server took too long")),
            Ok(Err(_)) => Err(again("its runtime has ended")),
            Ok(Ok(Ok(_))) => Ok(()),
            Ok(Ok(Err(error))) => {
                let error_text = self.hidden(&error.to_string());
                let excerpt = cut(SanitizedText::of(&error_text).as_str(), 250);
                Err(MailRefused { is_final: error.is_permanent(), problem: excerpt })
            }
        }
    }

    fn transport(&self) -> Result<SmtpTransport, MailRefused> {
        let mut builder = SmtpTransport::builder_dangerous(&*self.server)
            .port(self.port)
            .tls(self.tls()?)
            .timeout(Some(self.timeout))
            .hello_name(ClientId::Domain(self.domain.to_string()));
        if let Some((user, password)) = &self.credentials {
            builder = builder
                .credentials(Credentials::new(user.to_string(), password.reveal().to_owned()));
        }
        Ok(builder.build())
    }

    /// Returns the TLS settings: plain text is only for a server on this machine.
    fn tls(&self) -> Result<Tls, MailRefused> {
        let is_first = self.is_tls_first || self.port == TLS_FIRST;
        if self.is_local && !is_first {
            return Ok(Tls::None);
        }
        let wrong = |error: lettre::transport::smtp::Error| MailRefused {
            is_final: true,
            problem: format!("TLS cannot be set up: {error}"),
        };
        let mut parameters = TlsParameters::builder(self.server.to_string());
        for certificate in &self.certificates {
            parameters = parameters.add_root_certificate(certificate.clone());
        }
        let parameters = parameters.build().map_err(wrong)?;
        Ok(if is_first { Tls::Wrapper(parameters) } else { Tls::Required(parameters) })
    }

    /// Removes credentials that a server might repeat.
    fn hidden(&self, message: &str) -> String {
        match &self.credentials {
            Some((_, password)) if !password.reveal().is_empty() => {
                message.replace(password.reveal(), "[secret]")
            }
            _ => message.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_server_on_this_machine_needs_no_tls() {
        for server in ["localhost", "127.0.0.1", "::1"] {
            assert!(
                matches!(SmtpRelay::new(server, "x").unwrap().tls().unwrap(), Tls::None),
                "{server}"
            );
        }
        for server in ["smtp.example.com", "127.0.0.1.example.com", "10.0.0.1", "localhost.example"]
        {
            let mut relay = SmtpRelay::new(server, "x").unwrap();
            assert!(matches!(relay.tls().unwrap(), Tls::Required(_)), "{server}");
            relay.port = 465;
            assert!(matches!(relay.tls().unwrap(), Tls::Wrapper(_)), "{server}");
            for pem in [
                "",
                "no certificate",
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            ] {
                assert!(relay.trust(pem.as_bytes()).is_err(), "{pem}");
            }
        }
        for wrong in ["", "smtp example", "smtp://example.com", "a/b", "a@b"] {
            assert!(SmtpRelay::new(wrong, "x").is_err(), "{wrong}");
        }
    }
}
