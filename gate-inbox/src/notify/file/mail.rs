//! `[mail]`: mails to those who decide.

use std::net::IpAddr;

use super::context::ConfigContext;
use super::table::{ConfigMistakes, ConfigTable, TableKind};
use crate::notify::mail::Mail;
use crate::notify::setting::BadSetting;

pub(super) const MAIL: TableKind = TableKind {
    name: "mail",
    this: "`[mail]`",
    each: "`[mail]`",
    fields: &[
        "from",
        "host",
        "port",
        "user",
        "password",
        "password_env",
        "to",
        "to_who_decides",
        "tls_first",
        "certificate_file",
    ],
};

/// Valid values, with which the other settings are tried one by one.
const FROM: &str = "gate@example.com";
const HOST: &str = "smtp.example.com";

/// The settings of mails, before the inbox and its people are known.
#[derive(Clone, Debug)]
pub(super) struct MailConfig {
    pub(super) mail: Mail,
    pub(super) to_who_decides: bool,
}

/// Reads the mails of a table.
pub(super) fn mail(
    table: &ConfigTable<'_>,
    inbox: &str,
    outside: ConfigContext<'_>,
    mistakes: &mut ConfigMistakes<'_>,
) -> Option<MailConfig> {
    let from = table.text("from", "Gate <gate@example.com>", mistakes);
    let host = table.text("host", HOST, mistakes);
    let port = table.number("port", u16::MAX, mistakes);
    let to = table.some_texts("to", "team@example.com", mistakes);
    let to_who_decides = table.flag("to_who_decides", mistakes);
    let is_tls_first = table.flag("tls_first", mistakes);
    let known = credentials(table, outside, mistakes);
    let certificate = certificate(table, inbox, outside, mistakes);
    // Each by itself, so that each mistake has its own line.
    let sample = Mail::new(FROM, HOST, inbox).ok()?;
    if let Some(from) = &from {
        mistakes.good(from.at, Mail::new(from.value, HOST, inbox));
    }
    if let Some(host) = &host {
        let has_port = host.value.contains(':') && host.value.parse::<IpAddr>().is_err();
        if has_port || Mail::new(FROM, host.value, inbox).is_err() {
            let message = "this is not a mail server: write its name, like `host \
                = \"smtp.example.com\"`, and its port as `port`";
            mistakes.add(host.at, message);
        }
    }
    for to in to.iter().flatten() {
        mistakes.good(to.at, sample.clone().to(to.value));
    }
    let names_nobody = to.as_ref().map_or(!table.has("to"), Vec::is_empty);
    if names_nobody && to_who_decides == Some(false) {
        let problem = "`[mail]` has no recipients: write `to_who_decides = true`, or `to = \
            [\"team@example.com\"]`";
        mistakes.add(table.at, problem);
    }
    let mut mail = Mail::new(from?.value, host?.value, inbox).ok()?;
    for to in to.into_iter().flatten() {
        mail = mail.to(to.value).ok()?;
    }
    if let Some(pem) = certificate {
        mail = mail.certificate(&pem).ok()?;
    }
    if let Some((user, password)) = known {
        mail = mail.sign_in(user, &password);
    }
    if let Some(port) = port {
        mail = mail.port(port);
    }
    if is_tls_first? {
        mail = mail.tls_first();
    }
    Some(MailConfig { mail, to_who_decides: to_who_decides? })
}

/// Reads the user and the password for the mail server. Reports one that is set without the other.
fn credentials<'t>(
    table: &ConfigTable<'t>,
    outside: ConfigContext<'_>,
    mistakes: &mut ConfigMistakes<'_>,
) -> Option<(&'t str, String)> {
    let (user, password) =
        (table.some_text("user", mistakes), outside.some_secret(table, "password", mistakes));
    let has_password = table.has("password") || table.has("password_env");
    if table.has("user") && !has_password {
        mistakes.add(
            table.line_of("user"),
            "`user` has no password: write `password`, or `password_env`",
        );
    }
    if has_password && !table.has("user") {
        mistakes.add(table.at, "`[mail]` has a password and no `user`: write `user`");
    }
    Some((user?.value, password?.value))
}

/// Reads the certificate that is trusted in addition, in PEM.
fn certificate(
    table: &ConfigTable<'_>,
    inbox: &str,
    outside: ConfigContext<'_>,
    mistakes: &mut ConfigMistakes<'_>,
) -> Option<Vec<u8>> {
    let file = table.some_text("certificate_file", mistakes)?;
    let unread = |error: std::io::Error| BadSetting::new(format!("it cannot be read: {error}"));
    let pem = std::fs::read(outside.path(file.value)).map_err(unread);
    let tried = pem.and_then(|pem| Mail::new(FROM, HOST, inbox)?.certificate(&pem).map(|_| pem));
    mistakes.good(file.at, tried)
}
