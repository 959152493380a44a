//! `[slack]`: a channel of Slack.

use super::context::ConfigContext;
use super::table::{ConfigMistakes, ConfigTable, TableKind};
use crate::notify::slack::Slack;

pub(super) const SLACK: TableKind = TableKind {
    name: "slack",
    this: "`[slack]`",
    each: "`[slack]`",
    fields: &[
        "token",
        "token_env",
        "channel",
        "signing_secret",
        "signing_secret_env",
        "workspace",
        "api",
        "hooks",
    ],
};

/// Reads the channel of a table, for an inbox whose address is set later.
pub(super) fn slack(
    table: &ConfigTable<'_>,
    inbox: &str,
    outside: ConfigContext<'_>,
    mistakes: &mut ConfigMistakes<'_>,
) -> Option<Slack> {
    let token = outside.secret(table, ("token", "xoxb-…"), mistakes);
    let channel = table.text("channel", "#approvals", mistakes);
    let signing = outside.some_secret(table, "signing_secret", mistakes);
    let workspace = table.some_text("workspace", mistakes);
    let api = table.address("api", "https://slack-gov.com/api", mistakes);
    let hooks = table.address("hooks", "https://hooks.slack-gov.com", mistakes);
    if table.has("api") != table.has("hooks") {
        let message = "`api` has Slack's methods, and `hooks` takes answers to its requests: write \
            both, or neither";
        mistakes.add(table.line_of("api").max(table.line_of("hooks")), message);
    }
    // Each by itself, so that each mistake has its own line.
    if let Some(token) = &token {
        mistakes.good(token.at, Slack::new(&token.value, "#approvals", inbox));
    }
    if let Some(channel) = &channel {
        mistakes.good(channel.at, Slack::new("xoxb-", channel.value, inbox));
    }
    if let Some(secret) = &signing {
        let sample = Slack::new("xoxb-", "#approvals", inbox);
        mistakes.good(secret.at, sample.and_then(|sample| sample.buttons(&secret.value)));
    }
    if let Some(workspace) = workspace.as_ref().filter(|workspace| !is_workspace(workspace.value)) {
        mistakes.add(
            workspace.at,
            "this is not a workspace: write its id, like `workspace = \"T012AB3CD\"`",
        );
    }
    let mut slack = Slack::new(&token?.value, channel?.value, inbox).ok()?;
    if let Some(secret) = signing {
        slack = slack.buttons(&secret.value).ok()?;
    }
    if let Some(workspace) = workspace {
        slack = slack.workspace(workspace.value);
    }
    match (api, hooks) {
        (Some(api), Some(hooks)) => slack.api(api, hooks).ok(),
        _ => Some(slack),
    }
}

fn is_workspace(id: &str) -> bool {
    let rest = id.strip_prefix(['T', 'E']).unwrap_or_default();
    (6..=20).contains(&rest.len())
        && rest.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
}
