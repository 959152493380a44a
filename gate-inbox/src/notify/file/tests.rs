//! Checks which mistakes a file can have, and that none of them repeats a secret.

use gate_runtime::notify::Notifier as _;
use gate_runtime::people::ReviewerToken;

use super::*;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The environment of these tests.
fn variable(name: &str) -> Option<String> {
    let value = match name {
        "SLACK_TOKEN" => "xoxb-1-2-MfKQ\n",
        "SIGNING" => "8f742231b10e8888abcdMfKQ",
        "SMTP_PASSWORD" => "MfKQ hunter2",
        "PAGERDUTY_KEY" => "0123456789abcdef0123456789abMfKQ",
        "OPS" => SECRET,
        "EMPTY" => " \n",
        "WRONG" => "MfKQ",
        _ => return None,
    };
    Some(value.to_owned())
}

fn read(text: &str, folder: &Path) -> Result<NotifyFile, Vec<ConfigMistake>> {
    understand(&text.replace("SECRET", SECRET), ConfigContext { variables: &variable, folder })
}

fn lines(text: &str) -> Vec<ConfigMistake> {
    let folder = tempfile::tempdir().unwrap();
    read(text, folder.path()).map(|_| ()).err().unwrap_or_default()
}

/// That a file has these mistakes, and no others.
#[track_caller]
fn has_mistakes(text: &str, wanted: &[(usize, &str)]) {
    let found = lines(text);
    assert_eq!(found.len(), wanted.len(), "{found:#?}");
    for ((line, message), (wanted_line, start)) in found.iter().zip(wanted) {
        assert!(
            line == wanted_line && message.starts_with(start),
            "{wanted_line}: {start}\nfound {line}: {message}"
        );
        assert!(!message.contains("MfKQ"), "{message}");
    }
}

fn people(folder: &Path) -> FileDirectory {
    let person =
        format!("[[person]]\nid = 'dana'\nroles = []\ntoken = '{}'\n", ReviewerToken::new().hash());
    std::fs::write(folder.join("people.toml"), person).unwrap();
    FileDirectory::open(folder.join("people.toml")).unwrap()
}

#[test]
fn a_file_names_who_is_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("mail.pem"),
        rcgen::generate_simple_self_signed([]).unwrap().cert.pem(),
    )
    .unwrap();
    let text = "[slack]\ntoken_env = 'SLACK_TOKEN'\nchannel = '#approvals'\n\
                signing_secret_env = 'SIGNING'\nworkspace = 'T012AB3CD'\n\
                api = 'https://slack-gov.com/api'\nhooks = 'https://hooks.slack-gov.com'\n\
                [mail]\nfrom = 'Gate <gate@example.com>'\nhost = 'smtp.example.com'\nport = \
                0x1d1\nuser = 'gate'\npassword_env = 'SMTP_PASSWORD'\n\
                to = ['a@example.com']\nto_who_decides = true\ntls_first = true\ncertificate_file \
                = 'mail.pem'\n\
                [pagerduty]\nkey_env = 'PAGERDUTY_KEY'\nevery_question = true\nseverity = \
                'info'\napi = 'https://events.eu.pagerduty.com/'\n\
                [links]\nkey_file = 'links.key'\nhours = 8\n\
                [[webhook]]\nname = 'ops'\nurl = 'https://ops.example/x'\nsecrets = ['SECRET', \
                'SECRET']\n\
                [[webhook]]\nname = 'desk'\nurl = 'http://10.0.0.7:9000/'\nsecrets_env = \
                ['OPS']\nevents = ['call.*']\n\
                allow_private = true\n";
    let file = read(text, folder.path()).map_err(|mistakes| format!("{mistakes:?}")).unwrap();
    let people = people(folder.path());
    let notifiers = file.for_inbox("https://gate.example.com/", &people).unwrap();
    let names: Vec<String> =
        notifiers.notifiers().iter().map(|notifier| notifier.name().to_owned()).collect();
    assert_eq!(names, ["slack", "mail", "pagerduty", "ops", "desk"]);
    assert!(folder.path().join("links.key").exists(), "beside the file");
    let shown = format!("{file:?} {:?} {notifiers:?}", notifiers.slack());
    for message in [
        "https://slack-gov.com/api",
        "port: 465",
        "every_question: true",
        "https://events.eu.pagerduty.com/v2",
    ] {
        assert!(shown.contains(message), "{message}: {shown}");
    }
    assert!(
        shown.contains("inbox: \"https://gate.example.com\"") && !shown.contains("MfKQ"),
        "{shown}"
    );
    for wrong in ["https://gate.example.com/inbox", "http://gate.example.com", "gate.example.com"] {
        assert!(
            file.for_inbox(wrong, &people).unwrap_err().to_string().contains("like `https://"),
            "{wrong}"
        );
    }
    file.for_inbox("http://127.0.0.1:8484", &people).unwrap();
}

/// Returns the examples of a text: what stands between lines of three backticks, the first of which
/// says that it is TOML.
fn examples(text: &str) -> Vec<String> {
    let text = text
        .lines()
        .map(|line| line.strip_prefix("///").unwrap_or(line).trim_start())
        .collect::<Vec<_>>();
    let blocks = text.split(|line| *line == "```toml").skip(1);
    blocks.map(|block| block.split(|line| *line == "```").next().unwrap().join("\n")).collect()
}

#[test]
fn the_files_that_are_shown_have_no_mistakes() {
    let variables = |name: &str| match name {
        "SLACK_SIGNING_SECRET" => variable("SIGNING"),
        "OPS_SECRET" | "CALLBACK_SECRET" => variable("OPS"),
        name => variable(name),
    };
    let shown = [
        (include_str!("../../../../docs/operate/notifiers.md"), 5),
        (include_str!("../../../../docs/reference/notify-file.md"), 6),
        (include_str!("mod.rs"), 6),
    ];
    for (shown, count) in shown {
        let [example] = &*examples(shown) else { panic!("one example") };
        let folder = tempfile::tempdir().unwrap();
        let outside = ConfigContext { variables: &variables, folder: folder.path() };
        let file =
            understand(example, outside).map_err(|mistakes| format!("{mistakes:#?}")).unwrap();
        let notifiers = file.for_inbox("https://gate.example.com", &people(folder.path())).unwrap();
        assert_eq!(
            notifiers.notifiers().len() + usize::from(folder.path().join("links.key").exists()),
            count
        );
        // Other addresses, which are commented out, fit, too.
        let whole = example.replace("# api", "api").replace("# hooks", "hooks");
        understand(&whole, outside).map_err(|mistakes| format!("{mistakes:#?}")).unwrap();
    }
}

#[test]
fn slack_needs_a_token_and_a_channel_and_every_mistake_is_said() {
    has_mistakes(
        "[slack]\n",
        &[
            (1, "`[slack]` has no `channel`: write one, like `channel = \"#approvals\"`"),
            (
                1,
                "`[slack]` has no `token`: write one, like `token = \"xoxb-…\"`, or `token_env \
                 = \"SLACK_TOKEN\"`",
            ),
        ],
    );
    has_mistakes(
        "[slack]\ntoken = 'MfKQ'\nchannel = 'two words'\nsigning_secret = 'MfKQ'\nworkspace = \
         'acme MfKQ'\napi = 'https://u:MfKQ@slack.com'\n",
        &[
            (2, "this is not a bot token"),
            (3, "this is not a channel"),
            (4, "this is not a signing secret of Slack"),
            (5, "this is not a workspace: write its id"),
            (6, "`api` has Slack's methods, and `hooks` takes answers"),
            (
                6,
                "`api` is no address for secrets: write it like `api \
                 = \"https://slack-gov.com/api\"`",
            ),
        ],
    );
    has_mistakes(
        "[slack]\ntoken = 7\nchannel = ['MfKQ']\nsigning_secret = true\nworkspace = 1\nhooks = \
         1\napi = 'http://slack.com'\nsecret = 'MfKQ'\n",
        &[
            (2, "`token` is integer: put it in quotes"),
            (3, "`channel` is array: put it in quotes"),
            (4, "`signing_secret` is boolean: put it in quotes"),
            (5, "`workspace` is integer: put it in quotes"),
            (6, "`hooks` is integer: put it in quotes"),
            (7, "`api` is no address for secrets"),
            (8, "unknown field `secret`; `[slack]` has `token`, `token_env`, `channel`"),
        ],
    );
    has_mistakes(
        "[[slack]]\n",
        &[(1, "there is one of these, and it is a table: begin it with `[slack]`")],
    );
    has_mistakes(
        "slack = 'MfKQ'\n",
        &[(1, "there is one of these, and it is a table: begin it with `[slack]`")],
    );
}

#[test]
fn a_secret_stands_in_the_file_or_in_a_variable_and_not_in_both() {
    has_mistakes(
        "[slack]\ntoken = 'xoxb-MfKQ'\ntoken_env = 'SLACK_TOKEN'\nchannel = '#a'\n\
         signing_secret_env = 'UNSET_MfKQ'\n\
         [pagerduty]\nkey_env = '0123456789abcdef0123456789abMfKQ'\n\
         [mail]\nfrom = 'a@example.com'\nhost = 'localhost'\nuser = 'a'\npassword_env = \
         'EMPTY'\nto = ['a@example.com']\n\
         [[webhook]]\nname = 'a'\nurl = 'https://a.example'\nsecrets = ['SECRET']\nsecrets_env = \
         ['OPS']\n\
         [[webhook]]\nname = 'b'\nurl = 'https://a.example'\nsecrets_env = \
         ['OPS',\n'UNSET',\n'WRONG']\n\
         [[webhook]]\nname = 'c'\nurl = 'https://a.example'\nsecrets_env = ['OPS',\n'WRONG']\n\
         [[webhook]]\nname = 'd'\nurl = 'https://a.example'\nsecrets_env = 'OPS'\n",
        &[
            (3, "`token` and `token_env` are both set: keep one of them"),
            (
                5,
                "the variable that `signing_secret_env` names is not set, or not UTF-8: set it for \
                 this process",
            ),
            (7, "`key_env` takes the name of a variable, not the secret itself"),
            (12, "`password` is empty: fill it in"),
            (18, "`secrets` and `secrets_env` are both set"),
            (23, "the variable that `secrets_env` names is not set"),
            (29, "the secret of a webhook is `whsec_`"),
            (33, "`secrets_env` is a list of texts"),
        ],
    );
    // A key of PagerDuty that begins with a letter could be a name.
    has_mistakes(
        "[pagerduty]\nkey_env = 'abMfKQ6789abcdef0123456789abcdef'\n",
        &[(2, "the variable that `key_env` names is not set")],
    );
    has_mistakes(
        "[pagerduty]\nkey_env = 'WRONG'\n",
        &[(2, "this is not an integration key of PagerDuty")],
    );
}

#[test]
fn mail_needs_a_sender_a_server_and_somebody_to_write_to() {
    has_mistakes(
        "[mail]\n",
        &[
            (1, "`[mail]` has no `from`: write one, like `from = \"Gate <gate@example.com>\"`"),
            (1, "`[mail]` has no `host`: write one, like `host = \"smtp.example.com\"`"),
            (
                1,
                "`[mail]` has no recipients: write `to_who_decides = true`, or `to = \
                 [\"team@example.com\"]`",
            ),
        ],
    );
    has_mistakes(
        "[mail]\nfrom = 'gate'\nhost = 'smtp.example.com:587'\nport = 0\nuser = 'gate'\nto = \
         ['a@example.com',\n'b']\ncertificate_file = 'mail.pem'\n",
        &[
            (2, "this is not a sender"),
            (
                3,
                "this is not a mail server: write its name, like `host = \"smtp.example.com\"`, \
                 and its port as `port`",
            ),
            (4, "`port` is a whole number from 1 to 65535"),
            (5, "`user` has no password: write `password`, or `password_env`"),
            (7, "this is not a mail address"),
            (8, "it cannot be read: "),
        ],
    );
    has_mistakes(
        "[mail]\nfrom = 'a@example.com'\nhost = '::1'\nport = 65_536\npassword = 'MfKQ'\nto = \
         []\ntls_first = 'yes'\n",
        &[
            (1, "`[mail]` has a password and no `user`: write `user`"),
            (1, "`[mail]` has no recipients"),
            (4, "`port` is a whole number from 1 to 65535"),
            (7, "`tls_first` is `true` or `false`"),
        ],
    );
    has_mistakes(
        "[mail]\nfrom = 'a@example.com'\nhost = 'smtp/MfKQ'\nport = '587'\nto = \
         'a@example.com'\nto_who_decides = 1\n",
        &[
            (3, "this is not a mail server"),
            (4, "`port` is a whole number from 1 to 65535"),
            (5, "`to` is a list of texts"),
            (6, "`to_who_decides` is `true` or `false`"),
        ],
    );
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mail.pem"), "MfKQ").unwrap();
    let text = "[mail]\nfrom = 'a@example.com'\nhost = 'localhost'\nto_who_decides = \
        true\ncertificate_file = 'mail.pem'\n";
    let found = read(text, folder.path()).unwrap_err();
    assert!(
        found.len() == 1 && found[0].0 == 5 && found[0].1.starts_with("this is not a certificate"),
        "{found:?}"
    );
}

#[test]
fn pagerduty_and_links_say_what_they_need() {
    has_mistakes(
        "[pagerduty]\n[links]\n",
        &[
            (
                1,
                "`[pagerduty]` has no `key`: write one, like `key \
                 = \"0123456789abcdef0123456789abcdef\"`, or `key_env = \"PAGERDUTY_KEY\"`",
            ),
            (2, "`[links]` has no `key_file`: write one, like `key_file = \"links.key\"`"),
        ],
    );
    has_mistakes(
        "[pagerduty]\nkey = 'MfKQ'\nevery_question = 'MfKQ'\nseverity = 'MfKQ'\napi = \
         'MfKQ'\n[links]\nkey_file = 'no/such/links.key'\nhours = 100_000\n",
        &[
            (2, "this is not an integration key of PagerDuty"),
            (3, "`every_question` is `true` or `false`"),
            (4, "`severity` is `\"critical\"`, `\"error\"`, `\"warning\"` or `\"info\"`"),
            (5, "`api` is no address for secrets"),
            (7, ""),
            (8, "`hours` is a whole number from 1 to 8760"),
        ],
    );
    has_mistakes(
        "[pagerduty]\nkey_env = 'PAGERDUTY_KEY'\n[[webhook]]\nname = 'pagerduty'\nurl = \
         'https://a.example'\nsecrets = ['SECRET']\n",
        &[(4, "two notifiers are called `pagerduty`")],
    );
}

#[test]
fn every_mistake_has_its_line_and_no_secret_is_repeated() {
    let text = "[[webhook]]\nname = 'ops'\nurl = 'http://ops.example/x'\n\
                secrets = [\n  'SECRET',\n  'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',\n]\n\
                [[webhook]]\nname = 'ops'\nurl = 7\nsecrets = 'SECRET'\nsecret = 'SECRET'\nevents \
                = [1]\nallow_private = 'yes'\n\
                [[webhook]]\nname = 'two words'\nurl = 'https://a.example/'\nsecrets = ['SECRET']\n\
                [[webhook]]\nname = 'x'\nurl = 'http://a.example/'\nsecrets = ['SECRET']\nevents \
                = ['call.asked',\n 'call.askd']\n\
                [[webhook]]\nname = 'y'\nurl = 'https://a.example/'\nsecrets = ['SECRET']\nevents \
                = ['call.asked',\n 'call.askd']\n\
                [[webhook]]\nname = 'z'\nurl = 'https://a.example/'\nsecrets = []\n\
                [[webhook]]\n[chat]\n";
    let wanted = [
        (6, "the secret of a webhook is `whsec_`"),
        (9, "two notifiers are called `ops`"),
        (10, "`url` is integer: put it in quotes"),
        (11, "`secrets` is a list of texts"),
        (12, "unknown field `secret`; a webhook has `name`"),
        (13, "`events` is a list of texts"),
        (14, "`allow_private` is `true` or `false`"),
        (16, "the name of a webhook has 1 to 64"),
        (21, "the address of a webhook begins with `https://`"),
        (30, "unknown event `call.askd`"),
        (31, "a webhook needs a secret"),
        (35, "this webhook has no `name`: write one, like `name = \"ops\"`"),
        (35, "this webhook has no `secrets`"),
        (35, "this webhook has no `url`"),
        (
            36,
            "unknown field `chat`; the file has `slack`, `mail`, `links`, `pagerduty`, \
             `callbacks`, `webhook`",
        ),
    ];
    has_mistakes(text, &wanted);
    assert_eq!(lines("[[webhook]]\nname = 'ops\n")[0].0, 2);
    assert!(lines("")[0].1.contains("it configures no notifier"));
    assert!(lines("webhook = 1")[0].1.contains("begin each with `[[webhook]]`"));
    has_mistakes("[slack]\ntoken = 'xoxb-MfKQ\n", &[(2, "this is not TOML")]);
    has_mistakes("[slack]\ntoken = \"xoxb-\\MfKQ\"\n", &[(2, "this is not TOML")]);
    has_mistakes("[slack]\ntoken = xoxb-MfKQ\n", &[(2, "this is not TOML")]);
}
