use std::fs;
use std::path::Path;

use gate_audit::{KeyKind, SigningKey};
use jiff::Timestamp;

use super::*;

const GOOD: &str = r#"
[[person]]
id = "dana"
name = "Dana Kim"
roles = ["manager", "auditor"]
token = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
contact = "dana@example.com"

[[person]]
id = "omar"
roles = ["oncall"]

[[delegation]]
from = "dana"
to = "omar"
roles = ["manager"]
until = "2026-12-01T00:00:00Z"
"#;

/// A file in a folder of its own.
struct TempPeopleFile(tempfile::TempDir);

impl TempPeopleFile {
    fn of(text: &str) -> Self {
        let file = Self(tempfile::tempdir().unwrap());
        file.write(text);
        file
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("people.toml")
    }

    fn write(&self, text: impl AsRef<[u8]>) {
        fs::write(self.path(), text).unwrap();
    }

    fn open(&self) -> FileDirectory {
        FileDirectory::open(self.path()).unwrap()
    }
}

/// Returns the mistakes in a text, as people see them.
fn problems(text: impl AsRef<[u8]>) -> String {
    let diagnostics = PeopleIndex::read(text.as_ref()).expect_err("it has a mistake");
    invalid_file(Path::new("people.toml"), &diagnostics).to_string()
}

/// The only thing that is wrong with a text.
fn problem(text: impl AsRef<[u8]>) -> String {
    let message = problems(text);
    message.strip_prefix("the directory of reviewers: people.toml, ").expect(&message).to_owned()
}

fn dana_and(more: &str) -> String {
    format!("[[person]]\nid = \"dana\"\nroles = [\"manager\"]\n{more}")
}

fn roles<const N: usize>(roles: [&str; N]) -> Vec<Role> {
    roles.into_iter().map(Role::from).collect()
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

#[tokio::test]
async fn people_have_their_own_roles_and_those_delegated_to_them() {
    let people = TempPeopleFile::of(GOOD);
    let (people, now) = (people.open(), at("2026-11-30T23:59:59.999Z"));
    assert_eq!(
        people.find(&"dana".into(), now).await.unwrap(),
        Some(roles(["manager", "auditor"]))
    );
    assert_eq!(people.find(&"omar".into(), now).await.unwrap(), Some(roles(["oncall", "manager"])));
    assert_eq!(people.find(&"mallory".into(), now).await.unwrap(), None);
    assert_eq!(
        people.holders(Some(&"manager".into()), now).await.unwrap(),
        Some(vec!["dana".into(), "omar".into()])
    );
    assert_eq!(people.holders(Some(&"Manager".into()), now).await.unwrap(), Some(Vec::new()));
}

#[tokio::test]
async fn a_delegation_ends_to_the_second() {
    let people = TempPeopleFile::of(GOOD);
    let people = people.open();
    let until = "2026-12-01T00:00:00Z";
    for (now, expected) in
        [("2026-11-30T23:59:59Z", roles(["oncall", "manager"])), (until, roles(["oncall"]))]
    {
        assert_eq!(
            people.find(&"omar".into(), at(now)).await.unwrap().as_ref(),
            Some(&expected),
            "{now}"
        );
        let omar = people.person(&"omar".into(), at(now)).unwrap().unwrap();
        assert_eq!(omar.delegations().len(), expected.len() - 1, "{now}");
    }
}

#[test]
fn a_person_is_shown_with_what_the_file_says() {
    let people = TempPeopleFile::of(GOOD);
    let (people, now) = (people.open(), at("2026-11-21T12:00:00Z"));
    let dana = people.person(&"dana".into(), now).unwrap().unwrap();
    assert_eq!(
        (dana.id().as_str(), dana.name(), dana.contact()),
        ("dana", Some("Dana Kim"), Some("dana@example.com"))
    );
    assert_eq!((dana.roles(), dana.delegations()), (&roles(["manager", "auditor"])[..], &[][..]));
    let omar = people.person(&"omar".into(), now).unwrap().unwrap();
    assert_eq!((omar.name(), omar.contact(), omar.roles()), (None, None, &roles(["oncall"])[..]));
    let [delegation] = omar.delegations() else { panic!("{omar:?}") };
    assert_eq!(delegation.from(), "dana");
    assert_eq!(delegation.roles(), roles(["manager"]));
    assert_eq!(delegation.until(), at("2026-12-01T00:00:00Z"));
    assert_eq!(people.person(&"mallory".into(), now).unwrap(), None);
}

#[tokio::test]
async fn a_delegation_without_roles_is_of_all_her_own() {
    let people =
        TempPeopleFile::of(&GOOD.replace("to = \"omar\"\nroles = [\"manager\"]", "to = \"omar\""));
    let (people, now) = (people.open(), at("2026-11-21T12:00:00Z"));
    assert_eq!(
        people.find(&"omar".into(), now).await.unwrap(),
        Some(roles(["oncall", "manager", "auditor"]))
    );
}

#[tokio::test]
async fn a_time_may_be_tomls_own_and_in_any_zone() {
    for time in [
        "2026-12-01T01:00:00+01:00",
        "\"2026-12-01T01:00:00+01:00\"",
        "2026-12-01 00:00:00Z",
        "2026-12-01T00:00:00.000Z",
    ] {
        let people = TempPeopleFile::of(&GOOD.replace("\"2026-12-01T00:00:00Z\"", time));
        let (people, now) = (people.open(), at("2026-11-21T12:00:00Z"));
        let omar = people.person(&"omar".into(), now).unwrap().unwrap();
        assert_eq!(omar.delegations()[0].until(), at("2026-12-01T00:00:00Z"), "{time}");
    }
}

#[tokio::test]
async fn a_role_taken_away_counts_no_more_at_the_next_question() {
    let now = at("2026-11-21T12:00:00Z");
    let file = TempPeopleFile::of(GOOD);
    let people = file.open();
    let clone = people.clone();
    file.write(GOOD.replace("\"manager\", \"auditor\"", "\"auditor\", \"manager\""));
    assert_eq!(
        people.find(&"dana".into(), now).await.unwrap(),
        Some(roles(["auditor", "manager"])),
        "length and maybe time are the same"
    );
    file.write("[[person]]\nid = \"dana\"\nroles = []\n");
    for people in [people, clone] {
        assert_eq!(people.find(&"dana".into(), now).await.unwrap(), Some(roles([])));
        assert_eq!(people.find(&"omar".into(), now).await.unwrap(), None);
        assert_eq!(people.holders(Some(&"manager".into()), now).await.unwrap(), Some(Vec::new()));
    }
}

#[tokio::test]
async fn a_file_put_in_its_place_is_read_whatever_its_times() {
    let now = at("2026-11-21T12:00:00Z");
    let file = TempPeopleFile::of(GOOD);
    let people = file.open();
    let before = fs::metadata(file.path()).unwrap().modified().unwrap();
    let other = file.0.path().join("other.toml");
    fs::write(&other, GOOD.replace("\"manager\", \"auditor\"", "\"auditor\", \"manager\""))
        .unwrap();
    fs::File::options().write(true).open(&other).unwrap().set_modified(before).unwrap();
    fs::rename(&other, file.path()).unwrap();
    assert_eq!(
        people.find(&"dana".into(), now).await.unwrap(),
        Some(roles(["auditor", "manager"]))
    );
}

#[tokio::test]
async fn a_file_that_breaks_entitles_nobody_until_it_is_good_again() {
    let now = at("2026-11-21T12:00:00Z");
    let file = TempPeopleFile::of(GOOD);
    let people = file.open();
    let token = ReviewerToken::new();
    file.write("[[person]\nid = ");
    let broken = people.find(&"dana".into(), now).await.unwrap_err().to_string();
    assert!(
        broken.contains("people.toml") && broken.contains("line 1: this is not TOML"),
        "{broken}"
    );
    for _ in 0..2 {
        assert!(people.holders(Some(&"manager".into()), now).await.is_err());
        assert!(people.person(&"dana".into(), now).is_err());
        assert!(people.holder_of(token.reveal()).is_err());
    }

    fs::remove_file(file.path()).unwrap();
    let gone = people.find(&"dana".into(), now).await.unwrap_err().to_string();
    assert!(
        gone.ends_with(
            "people.toml does not exist, so nobody can decide: create it, or name another file"
        ),
        "{gone}"
    );
    fs::create_dir(file.path()).unwrap();
    let folder = people.find(&"dana".into(), now).await.unwrap_err().to_string();
    assert!(
        folder.ends_with("people.toml is not a file, so nobody can decide: name a file"),
        "{folder}"
    );
    fs::remove_dir(file.path()).unwrap();

    file.write(GOOD);
    assert_eq!(
        people.find(&"dana".into(), now).await.unwrap(),
        Some(roles(["manager", "auditor"]))
    );
}

#[test]
fn a_directory_does_not_open_with_a_mistake() {
    let file = TempPeopleFile::of("");
    assert!(FileDirectory::open(file.path()).is_err());
    assert!(FileDirectory::open(file.0.path().join("nowhere.toml")).is_err());
}

#[test]
fn a_token_is_its_holders_until_it_is_removed() {
    let (hers, his, nobodys) = (ReviewerToken::new(), ReviewerToken::new(), ReviewerToken::new());
    let text = |her_hash: &str| {
        format!(
            "[[person]]\nid = \"dana\"\nroles = []\n{her_hash}\n[[person]]\nid = \"omar\"\nroles \
             = []\ntoken = \"{}\"\n",
            his.hash()
        )
    };
    let file = TempPeopleFile::of(&text(&format!("token = \"{}\"", hers.hash())));
    let people = file.open();
    assert_eq!(people.holder_of(hers.reveal()).unwrap(), Some("dana".into()));
    assert_eq!(people.holder_of(his.reveal()).unwrap(), Some("omar".into()));
    let padded = format!("{}\n", hers.reveal());
    for wrong in
        [nobodys.reveal(), "", &padded, &hers.reveal().to_uppercase(), &hers.hash().to_string()]
    {
        assert_eq!(people.holder_of(wrong).unwrap(), None, "{wrong:?}");
    }
    file.write(text(""));
    assert_eq!(people.holder_of(hers.reveal()).unwrap(), None);
    assert_eq!(people.holder_of(his.reveal()).unwrap(), Some("omar".into()));
}

#[test]
fn the_hash_of_a_word_lets_nobody_in() {
    // `GOOD` has the hash of "test".
    let file = TempPeopleFile::of(GOOD);
    assert_eq!(file.open().holder_of("test").unwrap(), None);
}

#[test]
fn a_hash_is_written_in_one_way_only() {
    let hash = ReviewerToken::new().hash().to_string();
    let problem_for = |token: &str| problem(dana_and(&format!("token = \"{token}\"")));
    let form = "line 4: `token` is not the hash of a token: write `sha256:` and 64 hexadecimal \
        digits in lower case";
    let upper = format!("sha256:{}", hash.strip_prefix("sha256:").unwrap().to_uppercase());
    for wrong in
        [&*upper, &hash.replace("sha256", "SHA256"), &format!("{hash}0"), "sha256:beef", "hunter2"]
    {
        assert_eq!(problem_for(wrong), form, "{wrong}");
    }
    let spaces = "line 4: `token` begins or ends with a space or a line's end: remove it";
    assert_eq!(
        [problem_for(&format!(" {hash}")), problem_for(&format!("{hash}\\n"))],
        [spaces, spaces]
    );
}

#[test]
fn a_token_in_clear_is_refused_and_not_repeated() {
    let token = ReviewerToken::new();
    let message = problem(dana_and(&format!("token = \"{}\"", token.reveal())));
    assert_eq!(
        message,
        "line 4: `token` is the token itself, and anyone who saw this file now has it: make a new \
         one, and write its hash here"
    );
}

#[test]
fn each_mistake_says_where_it_is_and_what_to_do() {
    let delegation =
        |text: &str| format!("{GOOD}\n[[delegation]]\nuntil = 2026-12-01T00:00:00Z\n{text}");
    let cases: [(String, &str); 29] = [
        (
            "\n".into(),
            "line 1: nobody is in the file: begin with `[[person]]`, `id = \"dana\"` and `roles = \
             [\"manager\"]`",
        ),
        (
            "person = []".into(),
            "line 1: nobody is in the file: begin with `[[person]]`, `id = \"dana\"` and `roles = \
             [\"manager\"]`",
        ),
        (
            "[person]\nid = \"dana\"\nroles = []".into(),
            "line 1: there may be several of these: begin each with `[[person]]`",
        ),
        (
            "person = [\"dana\"]".into(),
            "line 1: a person is a table, not a string: begin it with `[[person]]`",
        ),
        (
            "\n[[persons]]\nid = \"dana\"".into(),
            "line 2: unknown field `persons`; did you mean `person`?",
        ),
        (
            "[[person]]\nroles = []".into(),
            "line 1: this person has no `id`: write one, like `id = \"dana\"`",
        ),
        (
            "\n[[person]]\nid = \"dana\"".into(),
            "line 2: this person has no `roles`: write one, like `roles = [\"manager\"]`",
        ),
        ("[[person]]\nroles = []\nid = \"\"".into(), "line 3: `id` is empty: fill it in"),
        (
            "[[person]]\nroles = []\nid = \"dana \"".into(),
            "line 3: `id` begins or ends with a space or a line's end: remove it",
        ),
        (
            "[[person]]\nroles = []\nid = \"da\\u200Bna\"".into(),
            "line 3: `id` has invisible characters: remove them from `da\\u{200b}na`",
        ),
        ("[[person]]\nroles = []\nid = 7".into(), "line 3: `id` is an integer: put it in quotes"),
        (
            "[[person]]\nid = \"dana\"\nroles = \"manager\"".into(),
            "line 3: `roles` is a string: write a list of texts, like `roles = [\"manager\"]`",
        ),
        (
            "[[person]]\nid = \"dana\"\nroles = [\n  \"manager\",\n  7,\n]".into(),
            "line 5: `roles` has an integer in it: write a list of texts, like `roles = \
             [\"manager\"]`",
        ),
        (
            "[[person]]\nid = \"dana\"\nroles = [\"\"]".into(),
            "line 3: a name in `roles` is empty: fill it in",
        ),
        (
            "[[person]]\nid = \"dana\"\nroles = [\"a\", \"b\", \"a\"]".into(),
            "line 3: `roles` has `a` twice: remove one",
        ),
        (dana_and("contact = \"\""), "line 4: `contact` is empty: fill it in"),
        (dana_and("rolls = [\"auditor\"]"), "line 4: unknown field `rolls`; did you mean `roles`?"),
        (
            dana_and("email = \"dana@example.com\""),
            "line 4: unknown field `email`; a person has `id`, `name`, `roles`, `token`, `key`, \
             `contact`, `slack` and `aliases`",
        ),
        (
            dana_and("[[person]]\nid = \"dana\"\nroles = []"),
            "line 5: `dana` is on line 2 already: make one entry of the two, or give another id",
        ),
        (
            "person = [{id = \"a\", roles = []}, {id = \"a\", roles = []}]".into(),
            "line 1: `a` is on line 1 already: make one entry of the two, or give another id",
        ),
        (
            delegation("from = \"dana\""),
            "line 19: this delegation has no `to`: write one, like `to = \"omar\"`",
        ),
        (
            delegation("from = \"dan\"\nto = \"omar\""),
            "line 21: `from`: nobody in the file has the id `dan`; did you mean `dana`?",
        ),
        (
            delegation("from = \"dana\"\nto = \"mallory\""),
            "line 22: `to`: nobody in the file has the id `mallory`; add a `[[person]]` with this \
             id, or remove the delegation",
        ),
        (
            delegation("from = \"dana\"\nto = \"dana\""),
            "line 22: `dana` delegates to nobody else: name another person in `to`",
        ),
        (
            delegation("from = \"dana\"\nto = \"omar\"\nroles = []"),
            "line 19: `roles` is empty: name the roles to delegate, or leave `roles` out to \
             delegate all",
        ),
        (
            delegation("from = \"omar\"\nto = \"dana\"\nroles = [\"manager\"]"),
            "line 23: `manager` is none of the roles that are `omar`'s own, and only those can be \
             delegated: `oncall`",
        ),
        (
            delegation("from = \"nils\"\nto = \"omar\"\n[[person]]\nid = \"nils\"\nroles = []"),
            "line 21: `nils` has no role to delegate: remove this delegation, or name somebody \
             else in `from`",
        ),
        (
            GOOD.replace("\"2026-12-01T00:00:00Z\"", "\"2026-12-01\""),
            "line 17: `until` is not a point in time: write date, time and zone, like `until \
             = \"2026-12-01T00:00:00Z\"`",
        ),
        (
            GOOD.replace("until = \"2026-12-01T00:00:00Z\"\n", ""),
            "line 13: this delegation has no `until`: write one, like `until \
             = \"2026-12-01T00:00:00Z\"`",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(problem(&text), expected, "{text}");
    }
}

#[test]
fn what_is_no_time_for_everybody_is_no_end() {
    for time in [
        "2026-12-01T00:00:00",
        "2026-12-01",
        "\"2026-12-01T00:00:00\"",
        "\"tomorrow\"",
        "\" 2026-12-01T00:00:00Z\"",
        "1",
        "\"\"",
        "\"2026-12-01T00:00:00Z[Europe/Berlin]\"",
    ] {
        let text = problem(GOOD.replace("\"2026-12-01T00:00:00Z\"", time));
        assert!(text.starts_with("line 17: `until` is not a point in time"), "{time}: {text}");
    }
}

#[test]
fn two_people_cannot_have_one_token() {
    let hash = ReviewerToken::new().hash();
    let text =
        format!("token = \"{hash}\"\n[[person]]\nid = \"omar\"\nroles = []\ntoken = \"{hash}\"");
    assert_eq!(
        problem(dana_and(&text)),
        "line 8: this token is on line 4 already: make a new one for one of the two"
    );
}

#[test]
fn an_agent_is_no_person_and_its_token_nobody_elses() {
    let (person, bot) = (ReviewerToken::new(), AgentToken::new());
    let agent =
        |fields: &str| dana_and(&format!("token = \"{}\"\n[[agent]]\n{fields}", person.hash()));
    let good = format!(
        "id = \"bot\"\ntoken = \"{}\"\nasks = [\"manager\", \"auditor\"]\nat_once = 7",
        bot.hash()
    );
    let people = TempPeopleFile::of(&agent(&good));
    let people = people.open();
    let found = people.agent_of(bot.reveal()).unwrap().unwrap();
    assert_eq!((found.name().as_str(), found.asks().len(), found.at_once()), ("bot", 2, 7));
    assert_eq!(people.agent_of(person.reveal()).unwrap(), None);
    assert_eq!(people.holder_of(bot.reveal()).unwrap(), None);
    let hash = bot.hash();
    for (fields, expected) in [
        (
            "id = \"bot\"".to_owned(),
            "line 5: this agent has no `token`: write one, like `token \
            = \"sha256:…\"`"
                .to_owned(),
        ),
        (
            format!("id = \"dana\"\ntoken = \"{hash}\""),
            "line 6: `dana` is on line 2 already: make one entry of the two, or give another \
             id"
            .to_owned(),
        ),
        (
            format!("id = \"bot\"\ntoken = \"{}\"", person.hash()),
            "line 7: this token is on line 4 already: make a new one for one of the two".to_owned(),
        ),
        (
            format!("id = \"bot\"\ntoken = \"{hash}\"\nat_once = 0"),
            "line 8: `at_once` is not a count: write a whole number from 1 on, like `at_once = \
             100`"
                .to_owned(),
        ),
        (
            format!("id = \"a/b\"\ntoken = \"{hash}\""),
            "line 6: `a/b` is not a name of an agent: write letters, digits, `_`, `-` and `.` \
             only"
                .to_owned(),
        ),
        (
            format!("id = \"bot\"\ntoken = \"{}\"", bot.reveal()),
            "line 7: `token` is the token itself, and anyone who saw this file now has it: make a \
             new one, and write its hash here"
                .to_owned(),
        ),
    ] {
        assert_eq!(problem(agent(&fields)), expected, "{fields}");
    }
}

#[test]
fn a_file_that_is_no_text_or_no_toml_says_where() {
    assert_eq!(
        problem(b"# one\n# two \xff\n"),
        "line 2: this is not UTF-8: save the file as UTF-8"
    );
    let text = problem("[[person]]\nid = \"dana\nroles = []\n");
    assert!(
        text.starts_with("line 2: this is not TOML: invalid basic string, expected `\"`"),
        "{text}"
    );
    let message = problem("[[person]]\nid = \"dana\"\nid = \"omar\"\nroles = []\n");
    assert_eq!(message, "line 3: this is not TOML: duplicate key");
}

#[test]
fn a_file_may_begin_with_a_mark_and_have_other_line_ends() {
    let file = TempPeopleFile::of(&format!("\u{feff}{}", GOOD.replace('\n', "\r\n")));
    assert!(file.open().person(&"dana".into(), at("2026-11-21T12:00:00Z")).unwrap().is_some());
    let text = problem(dana_and("rolls = []").replace('\n', "\r\n"));
    assert_eq!(text, "line 4: unknown field `rolls`; did you mean `roles`?");
}

#[test]
fn all_mistakes_are_said_at_once() {
    let text = r#"
[[person]]
id = "dana"
roles = ["manager", ""]
tokn = "sha256:beef"

[[person]]
id = "dana"
roles = ["auditor"]
token = "sha256:beef"

[[person]]
name = "Omar"
roles = "oncall"

[[delegation]]
from = "dan"
to = "omar"
until = "tomorrow"

[[delegations]]
"#;
    let expected = "the directory of reviewers: people.toml has 9 mistakes, and nobody can \
        decide until they are corrected:
  - line 4: a name in `roles` is empty: fill it in
  - line 5: unknown field `tokn`; did you mean `token`?
  - line 8: `dana` is on line 3 already: make one entry of the two, or give another id
  - line 10: `token` is not the hash of a token: write `sha256:` and 64 hexadecimal digits in \
        lower case
  - line 12: this person has no `id`: write one, like `id = \"dana\"`
  - line 14: `roles` is a string: write a list of texts, like `roles = [\"manager\"]`
  - line 17: `from`: nobody in the file has the id `dan`; did you mean `dana`?
  - line 19: `until` is not a point in time: write date, time and zone, like \
        `until = \"2026-12-01T00:00:00Z\"`
  - line 21: unknown field `delegations`; did you mean `delegation`?";
    assert_eq!(problems(text), expected);
}

/// The public key of somebody, from a seed.
fn key_of(name: &str, kind: KeyKind, seed: u8) -> VerifierKey {
    SigningKey::from_seed(name, kind, [seed; 32]).unwrap().verifier().clone()
}

#[tokio::test]
async fn a_key_is_its_holders_until_it_is_removed_or_replaced() {
    let (first, second) = (key_of("dana", KeyKind::Log, 1), key_of("dana", KeyKind::Log, 2));
    let file = TempPeopleFile::of(&dana_and(&format!(
        "key = \"{first}\"\n[[person]]\nid = \"omar\"\nroles = []"
    )));
    let (people, now) = (file.open(), at("2026-11-21T12:00:00Z"));
    let dana = "dana".into();
    assert_eq!(people.key(&dana, now).await.unwrap(), Some(first.clone()));
    assert_eq!(people.person(&dana, now).unwrap().unwrap().key(), Some(&first));
    for nobody in ["omar", "mallory"] {
        assert_eq!(people.key(&nobody.into(), now).await.unwrap(), None);
    }
    file.write(dana_and(&format!("key = \"{second}\"")));
    assert_eq!(people.key(&dana, now).await.unwrap(), Some(second));
    file.write(dana_and(""));
    assert_eq!(people.key(&dana, now).await.unwrap(), None);
    file.write("");
    assert!(
        people.key(&dana, now).await.is_err(),
        "while the file has a mistake, nobody is known to have none"
    );
}

#[test]
fn a_key_that_cannot_be_theirs_is_a_mistake() {
    let problem_for = |key: &str| problem(dana_and(&format!("key = \"{key}\"")));
    let good = key_of("dana", KeyKind::Log, 1).to_string();
    for (key, expected) in [
        (
            key_of("omar", KeyKind::Log, 1).to_string(),
            "`key` is `omar`'s, and this person is `dana`: a key has the name of its holder",
        ),
        (
            key_of("dana", KeyKind::Witness, 1).to_string(),
            "`key` is a witness's key, which signs checkpoints: write one of algorithm 1",
        ),
        (
            good.replace("dana+", "dana"),
            "`key` is not a public key: write it as `name+id+key`, in one line",
        ),
        (
            good.replace("dana", "omar"),
            "`key` is not a public key: the id is not that of name and key; get it again",
        ),
        (
            good.replace("+AY", "+AZ"),
            "`key` is not a public key: this is not a usable Ed25519 key; get it again from its \
             owner",
        ),
        ("hunter2".into(), "`key` is not a public key: write it as `name+id+key`, in one line"),
        (format!(" {good}"), "`key` begins or ends with a space or a line's end: remove it"),
    ] {
        assert_eq!(problem_for(&key), format!("line 4: {expected}"), "{key}");
    }
}

#[test]
fn a_private_key_is_refused_and_not_repeated() {
    let secret = SigningKey::from_seed("dana", KeyKind::Log, [1; 32]).unwrap().to_secret_text();
    let message = problem(dana_and(&format!("key = \"{secret}\"")));
    assert_eq!(
        message,
        "line 4: `key` is the private key, and anyone who saw this file now has it: make a new \
         one, \
         and write its public part here"
    );
}

#[test]
fn two_people_cannot_have_one_key() {
    let (hers, his) = (key_of("dana", KeyKind::Log, 1), key_of("omar", KeyKind::Log, 1));
    let text = format!("key = \"{hers}\"\n[[person]]\nid = \"omar\"\nroles = []\nkey = \"{his}\"");
    assert_eq!(
        problem(dana_and(&text)),
        "line 8: this key is on line 4 already: make a new one for one of the two"
    );
}

#[test]
fn a_member_of_slack_is_the_person_whose_id_it_is() {
    let people = TempPeopleFile::of(&dana_and(
        "slack = \"U012AB3CD\"\n[[person]]\nid = \"omar\"\nroles = []\n",
    ));
    let (people, now) = (people.open(), at("2026-11-21T12:00:00Z"));
    let found = people.person_by_slack("U012AB3CD", now).unwrap();
    assert_eq!(found.map(|person| person.id().clone()), Some("dana".into()));
    for other in ["", "u012ab3cd", "U012AB3C", "U012AB3CDE", "omar"] {
        assert_eq!(people.person_by_slack(other, now).unwrap(), None, "{other}");
    }
    let all: Vec<_> =
        people.everybody(now).unwrap().into_iter().map(|person| person.id().clone()).collect();
    assert_eq!(all, ["dana", "omar"]);
}

#[test]
fn what_is_no_id_of_slack_is_a_mistake_and_so_is_one_for_two() {
    for wrong in
        ["@dana", "dana", "U012ab3cd", "C012AB3CD", "U", "U012AB3CD-", "U012AB3CD012AB3CD01234"]
    {
        let text = problem(dana_and(&format!("slack = \"{wrong}\"\n")));
        assert!(
            text.starts_with(&format!("line 4: `slack` is `{wrong}`, which is not a member ID")),
            "{text}"
        );
    }
    assert!(problem(dana_and("slack = 7\n")).contains("put it in quotes"));
    let twice =
        "slack = \"U012AB3CD\"\n[[person]]\nid = \"omar\"\nroles = []\nslack = \"U012AB3CD\"\n";
    assert_eq!(
        problem(dana_and(twice)),
        "line 8: this member of Slack is on line 4 already: a member is one person"
    );
}

#[tokio::test]
async fn names_are_tied_to_people_and_nobody_has_anothers() {
    let file = TempPeopleFile::of(
        "person = [{ id = \"dana\", roles = [], contact = \"desk@example.com\", \
                     aliases = [\"D. Kim\"] }, \
                    { id = \"omar\", roles = [], contact = \"desk@example.com\" }]",
    );
    let people = file.open();
    assert_eq!(people.named("d. kim").await.unwrap(), ["dana"]);
    assert_eq!(
        people.named("desk@example.com").await.unwrap(),
        ["dana", "omar"],
        "both read what comes there"
    );
    assert!(people.named("mallory").await.unwrap().is_empty());
    for (second, mistake) in [
        (
            "id = \"Dana\"",
            "line 5: `Dana` is read as `dana`, which is on line 2: make one entry of the two, or \
             give another id",
        ),
        (
            "id = \"dаna\"",
            "line 5: `d\\u{430}na` is read as `dana`, which is on line 2: make one entry of the \
             two, or give another id",
        ),
        (
            "id = \"omar\"\naliases = [\"DANA\"]",
            "line 6: `DANA` is a name on line 2 already: an alias is one person's",
        ),
    ] {
        assert_eq!(problem(dana_and(&format!("[[person]]\n{second}\nroles = []"))), mistake);
    }
}
