//! Compares the verdicts of all verifiers, ours and the programs in `auditor/`, on thousands of
//! changed trails, keys and receipts.
//!
//! `GATE_DIFFERENTIAL=5000` sets the number of each kind, and `GATE_DIFFERENTIAL_SEED` selects
//! others. The shell's program gets only as many as the time allows (`GATE_DIFFERENTIAL_SHELL=1`
//! for every one).

#![allow(
    clippy::print_stdout,
    clippy::too_many_lines,
    clippy::format_collect,
    reason = "a test says what it expects"
)]

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use gate_audit::{Checkpoint, Note, SigningKey, TrailWriter};
use serde_json::{Value, json};

use crate::auditors::changes::{copy, files};
use crate::auditors::gate::{WrittenTrail, fixture};
use crate::auditors::log::canonical;
use crate::auditors::mutate::{SeededRandom, mutated};
use crate::auditors::programs::{BatchProcess, Program, ProgramOutput, ours, programs};
use crate::auditors::receipt::parts;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

/// All verifiers at once.
struct VerifierPanel {
    python: Option<Mutex<BatchProcess>>,
    /// The interval of cases that the slow shell program gets.
    shell: u64,
    cases: u64,
    accepted: u64,
    disagreements: Vec<String>,
}

impl VerifierPanel {
    fn new() -> VerifierPanel {
        let shell = number("GATE_DIFFERENTIAL_SHELL", 25);
        VerifierPanel {
            python: BatchProcess::start(),
            shell,
            cases: 0,
            accepted: 0,
            disagreements: Vec::new(),
        }
    }

    fn say(&self, program: &Program, arguments: &[&str]) -> ProgramOutput {
        match &self.python {
            Some(python) if program.name == "verify.py" => python.lock().unwrap().run(arguments),
            _ => program.run(arguments),
        }
    }

    /// Runs all verifiers, and returns their verdict, which must be the same.
    fn verdict(
        &mut self,
        arguments: &[&str],
        shows: impl FnOnce() -> String,
        with_shell: bool,
    ) -> Option<bool> {
        self.cases += 1;
        let asks_shell = with_shell && self.cases.is_multiple_of(self.shell);
        let panel_programs =
            programs().iter().filter(|program| asks_shell || program.reads_json()).chain([ours()]);
        let outputs: Vec<(&str, ProgramOutput)> =
            panel_programs.map(|program| (program.name, self.say(program, arguments))).collect();
        let holds = outputs[0].1.verdict();
        if outputs.iter().all(|(_, output)| output.verdict() == holds) {
            self.accepted += u64::from(holds);
            return Some(holds);
        }
        let outputs_text: Vec<String> =
            outputs.iter().map(|(name, said)| format!("  {name}: {}", said.reason())).collect();
        self.disagreements.push(format!(
            "case {}\n{}\n{}",
            self.cases,
            outputs_text.join("\n"),
            shows()
        ));
        None
    }

    fn rests(self, what: &str) {
        println!("{what}: {} cases, {} of them hold", self.cases, self.accepted);
        let shown: Vec<&str> = self.disagreements.iter().take(20).map(String::as_str).collect();
        assert!(
            shown.is_empty(),
            "{} disagreements\n\n{}",
            self.disagreements.len(),
            shown.join("\n\n")
        );
    }
}

/// Describes the difference of a changed text, so that it can be added as a case.
fn difference(old: &[u8], new: &[u8]) -> String {
    let same = old.iter().zip(new).take_while(|(one, two)| one == two).count();
    let text = |bytes: &[u8]| {
        String::from_utf8_lossy(&bytes[same.saturating_sub(30).min(bytes.len())..])
            .chars()
            .take(160)
            .collect::<String>()
    };
    format!("  at byte {same}:\n  - {:?}\n  + {:?}", text(old), text(new))
}

fn seed() -> u64 {
    number("GATE_DIFFERENTIAL_SEED", 1)
}

#[test]
fn all_verifiers_say_the_same_of_changed_receipts() {
    let (dir, mut panel, mut random) =
        (fixture("numbered"), VerifierPanel::new(), SeededRandom::new(seed()));
    let written_trail = WrittenTrail(&dir);
    let keys = written_trail.keys().display().to_string();
    let receipts = written_trail.receipts();
    let file = tempfile::NamedTempFile::new().unwrap();
    for _ in 0..number("GATE_DIFFERENTIAL", 60) {
        let (_, receipt) = random.pick(&receipts);
        let (_, other) = random.pick(&receipts);
        let changed = match random.below(4) {
            0 => among(&mut random, receipt, other).into_bytes(),
            _ => mutated(&mut random, receipt.as_bytes(), other.as_bytes()),
        };
        fs::write(file.path(), &changed).unwrap();
        let arguments =
            ["--receipt", file.path().to_str().unwrap(), &written_trail.vkey(), "--keys", &keys];
        panel.verdict(&arguments, || difference(receipt.as_bytes(), &changed), true);
    }
    panel.rests("receipts");
}

/// Returns a receipt with some of its entries, in some order, and perhaps with an entry of another.
fn among(random: &mut SeededRandom, receipt: &str, other: &str) -> String {
    let (header, _) = receipt.split_once('\n').unwrap();
    let (_, note) = receipt.split_once("\n\n").unwrap();
    let mut kept = parts(receipt);
    for _ in 0..=random.below(2) {
        let place = random.below(kept.len());
        match random.below(4) {
            0 if kept.len() > 1 => drop(kept.remove(place)),
            1 => {
                let with = random.below(kept.len());
                kept.swap(place, with);
            }
            2 => kept.insert(place, kept[place]),
            _ => {
                kept.push(*random.pick::<&str>(&parts(other)));
                kept.sort_by_key(|part| part.split(' ').nth(1).unwrap().parse::<u64>().unwrap());
                kept.dedup();
            }
        }
    }
    format!("{header}\n{}\n{note}", kept.concat())
}

#[test]
fn all_verifiers_say_the_same_of_changed_trails() {
    let (dir, mut panel, mut random) =
        (fixture("numbered"), VerifierPanel::new(), SeededRandom::new(seed()));
    let written_trail = WrittenTrail(&dir);
    let trail = copy(&written_trail.folder());
    let all = files(&written_trail.folder());
    let small =
        |path: &Path| fs::metadata(written_trail.folder().join(path)).unwrap().len() < 1_000;
    for _ in 0..number("GATE_DIFFERENTIAL", 40) {
        // Parsers differ most on texts, so texts are changed more often.
        let texts: Vec<_> =
            all.iter().filter(|path| small(path) && !path.starts_with("tile")).collect();
        let file = if random.below(4) == 0 { random.pick(&all) } else { *random.pick(&texts) };
        let (from, to) = (written_trail.folder().join(file), trail.path().join(file));
        let good = fs::read(&from).unwrap();
        let other = fs::read(written_trail.folder().join(random.pick(&texts))).unwrap();
        let mut added = None;
        let changed = match random.below(12) {
            0 => fs::remove_file(&to).map(|()| Vec::new()).unwrap(),
            1 => {
                let name = *random.pick(&[
                    "2",
                    "0",
                    "01",
                    "3",
                    "x",
                    "2.tmp",
                    "x.tmp",
                    "1.old",
                    ".1",
                    "9999999999",
                    "1e0",
                ]);
                let path = trail.path().join("keys").join(name);
                fs::write(&path, &good).unwrap();
                added = Some(path);
                good.clone()
            }
            _ => {
                let changed = mutated(&mut random, &good, &other);
                fs::write(&to, &changed).unwrap();
                changed
            }
        };
        let mut vkey = written_trail.vkey();
        if random.below(6) == 0 {
            vkey = String::from_utf8_lossy(&mutated(&mut random, vkey.as_bytes(), b"a+b\nc+d"))
                .replace(['\0', '\n'], "");
        }
        if !vkey.starts_with('-') {
            let shows = || {
                format!(
                    "  {} with {vkey:?} and {added:?}\n{}",
                    file.display(),
                    difference(&good, &changed)
                )
            };
            panel.verdict(&[trail.path().to_str().unwrap(), &vkey], shows, true);
        }
        fs::write(&to, &good).unwrap();
        if let Some(path) = added {
            fs::remove_file(path).unwrap();
        }
    }
    panel.rests("trails");
}

/// Texts that only somebody with the log's key can write. The shell program does not check the form
/// of JSON, and our own verifier also replays the events. So these leave the events as they are, or
/// break them where all verifiers check.
#[test]
fn all_verifiers_say_the_same_of_signed_nonsense() {
    let (dir, mut panel, mut random) =
        (fixture("numbered"), VerifierPanel::new(), SeededRandom::new(seed()));
    let written_trail = WrittenTrail(&dir);
    let key: SigningKey =
        fs::read_to_string(dir.join("trail.key")).unwrap().trim().parse().unwrap();
    let vkey = key.verifier().to_string();
    let entries = entries(&written_trail);
    let mut long = fs::read_dir(written_trail.folder().join("large")).unwrap();
    let long = long.next().unwrap().unwrap().path();
    for _ in 0..number("GATE_DIFFERENTIAL", 40) {
        let mut changed = entries.clone();
        let place = random.below(changed.len());
        let form_only = random.below(2) == 0;
        if form_only {
            changed[place] = written_otherwise(&mut random, &changed[place]);
        } else {
            torn(&mut random, &mut changed, place);
        }
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("trail");
        sign(&changed, &folder, &key);
        fs::create_dir(folder.join("large")).unwrap();
        fs::copy(&long, folder.join("large").join(long.file_name().unwrap())).unwrap();
        let shows = || {
            let first = entries.iter().zip(&changed).position(|(old, new)| old != new).unwrap_or(0);
            let new = changed.get(first).map_or(&b""[..], |entry| entry);
            format!("  entry {first}\n{}", difference(&entries[first], new))
        };
        panel.verdict(&[folder.to_str().unwrap(), &vkey], shows, !form_only);
    }
    panel.rests("signed nonsense");
}

fn entries(fixture: &WrittenTrail<'_>) -> Vec<Vec<u8>> {
    let note = Note::parse(&fs::read(fixture.folder().join("checkpoint")).unwrap()).unwrap();
    let head = note.text().parse::<Checkpoint>().unwrap().head();
    let tiles = gate_audit::TileStore::open(fixture.folder(), head).unwrap();
    (0..head.size()).map(|index| tiles.entry(index).unwrap()).collect()
}

fn sign(entries: &[Vec<u8>], folder: &Path, key: &SigningKey) {
    let mut trail = TrailWriter::create(folder).unwrap();
    for entry in entries {
        trail.append(entry).unwrap();
    }
    let note =
        Checkpoint::new(key.verifier().name(), trail.seal().unwrap()).unwrap().sign(key).unwrap();
    trail.publish(&note).unwrap();
}

/// Returns the same entry in another form, which no verifier accepts.
fn written_otherwise(random: &mut SeededRandom, entry: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(entry).unwrap();
    let seq = text.rfind("\"seq\":").or_else(|| text.rfind("\"settled\":")).unwrap();
    let begin = seq + text[seq..].find(':').unwrap() + 1;
    let length = text[begin..].bytes().take_while(u8::is_ascii_digit).count();
    let number = &text[begin..begin + length];
    let with =
        |new: String| format!("{}{new}{}", &text[..begin], &text[begin + length..]).into_bytes();
    match random.below(12) {
        0 => text.replacen(':', ": ", 1).into_bytes(),
        1 => text.replacen("{\"at\":", "{\"at\":\"\",\"at\":", 1).into_bytes(),
        2 => with(format!("{number}.0")),
        3 => with(format!("{number}e0")),
        4 => with(format!("0{number}")),
        5 => with(format!("\"{number}\"")),
        6 => text.replacen("\"at\"", "\"\\u0061t\"", 1).into_bytes(),
        7 => format!("{text} ").into_bytes(),
        8 => format!(" {text}").into_bytes(),
        9 => format!("\u{feff}{text}").into_bytes(),
        10 => format!("{}{text}", "[".repeat(500)).into_bytes(),
        _ => [entry, b"\xff"].concat(),
    }
}

/// Breaks the order of the numbers, of the trail or of a call.
fn torn(random: &mut SeededRandom, entries: &mut Vec<Vec<u8>>, place: usize) {
    let mut value: Value = serde_json::from_slice(&entries[place]).unwrap();
    let odd = [
        json!(0),
        json!(-1),
        json!(1.5),
        json!("2"),
        json!(9_007_199_254_740_992_u64),
        json!(3),
        json!(40),
        json!([]),
    ];
    let odd = random.pick(&odd).clone();
    match random.below(8) {
        0 if place + 1 < entries.len() => drop(entries.remove(place)),
        1 => entries.insert(place, entries[place].clone()),
        2 => {
            let with = random.below(entries.len());
            entries.swap(place, with);
        }
        3 if value.get("settled").is_some() => value["settled"] = odd,
        4 if value.get("next").is_some() => value["next"] = odd,
        5 if value.get("seq").is_some() => value["seq"] = odd,
        6 if value.get("call_seq").is_some() => {
            drop(value.as_object_mut().unwrap().remove("call_seq"));
        }
        7 if value.get("event").is_some() && value.get("call_seq").is_none() => {
            value["call_seq"] = json!(1);
        }
        _ if value.get("call_seq").is_some() => {
            let number = value["call_seq"].as_u64().unwrap();
            value["call_seq"] = if odd == json!(number) { json!(number + 1) } else { odd };
        }
        _ => {}
    }
    if let Some(entry) = entries.get_mut(place)
        && serde_json::from_slice::<Value>(entry)
            .is_ok_and(|old| old != value && same_record(&old, &value))
    {
        *entry = canonical(&value);
    }
}

/// Returns whether two entries differ only in their numbers.
fn same_record(old: &Value, new: &Value) -> bool {
    let bare = |value: &Value| {
        let mut value = value.clone();
        for name in ["seq", "call_seq", "settled", "next"] {
            value.as_object_mut().unwrap().remove(name);
        }
        value
    };
    bare(old) == bare(new)
}

/// Lists the cases on which the verifiers once did not agree.
#[test]
fn where_verifiers_once_differed_they_agree() {
    let dir = fixture("numbered");
    let written_trail = WrittenTrail(&dir);
    let (vkey, good) = (
        written_trail.vkey(),
        fs::read_to_string(written_trail.folder().join("checkpoint")).unwrap(),
    );
    let key: SigningKey =
        fs::read_to_string(dir.join("trail.key")).unwrap().trim().parse().unwrap();
    let signature = good.lines().last().unwrap().to_owned();
    let name = key.verifier().name().to_owned();
    // Its id and another signature.
    let wrong = format!(
        "{}AAAAAAAA{}",
        &signature[..signature.len() - 20],
        &signature[signature.len() - 12..]
    );
    let stray = {
        let last = signature.trim_end_matches('=').len() - 1;
        let letter = char::from(signature.as_bytes()[last] + 1);
        format!("{}{letter}{}", &signature[..last], &signature[last + 1..])
    };
    let checkpoints = [
        (
            "a second signature of the log's own key, which is wrong",
            format!("{good}{wrong}\n"),
            false,
        ),
        ("the wrong one first", good.replace(&signature, &format!("{wrong}\n{signature}")), false),
        ("the same signature twice", format!("{good}{signature}\n"), true),
        ("the same signature with stray bits", format!("{good}{stray}\n"), false),
        ("a signature by nobody", format!("{good}\u{2014}  AAAAAAAA\n"), false),
        ("a signature by a name with a plus", format!("{good}\u{2014} a+b AAAAAAAA\n"), false),
        (
            "a signature by a name with a wide space",
            format!("{good}\u{2014} a\u{3000}b AAAAAAAA\n"),
            false,
        ),
        (
            "a signature by a name of 1,001 bytes",
            format!("{good}\u{2014} {} AAAAAAAA\n", "x".repeat(1_001)),
            false,
        ),
        (
            "a signature by a name of 1,000 bytes",
            format!("{good}\u{2014} {} AAAAAAAA\n", "x".repeat(1_000)),
            true,
        ),
        (
            "a signature by a name with a delete character",
            format!("{good}\u{2014} a\u{7f}b AAAAAAAA\n"),
            true,
        ),
        ("a signature of no byte", format!("{good}\u{2014} other AAAAAA==\n"), false),
    ];
    let trail = copy(&written_trail.folder());
    let all = || programs().iter().chain([ours()]);
    let agree = |case: &str, holds: bool, run: &dyn Fn(&Program) -> ProgramOutput| {
        for program in all() {
            let output = run(program);
            assert_eq!(output.verdict(), holds, "{case}: {}: {}", program.name, output.reason());
        }
    };
    let folder = trail.path().to_str().unwrap().to_owned();
    for (case, checkpoint, holds) in &checkpoints {
        fs::write(trail.path().join("checkpoint"), checkpoint).unwrap();
        agree(case, *holds, &|program| program.run(&[&folder, &vkey]));
    }
    let invalid = [good.as_bytes(), "\u{2014} \u{e9}".as_bytes(), b"\xff AAAAAAAA\n"].concat();
    fs::write(trail.path().join("checkpoint"), invalid).unwrap();
    agree("a signature by a name that is not UTF-8", false, &|program| {
        program.run(&[&folder, &vkey])
    });
    fs::write(trail.path().join("checkpoint"), &good).unwrap();

    // The folder of the keys.
    let keys = trail.path().join("keys");
    for (file, holds) in [
        ("x", false),
        ("0", false),
        ("01", false),
        (".1", false),
        ("2.tmp", true),
        ("x.tmp", false),
    ] {
        fs::write(keys.join(file), "").unwrap();
        agree(&format!("keys/{file}"), holds, &|program| program.run(&[&folder, &vkey]));
        fs::remove_file(keys.join(file)).unwrap();
    }
    let first = fs::read_to_string(keys.join("1")).unwrap();
    fs::write(keys.join("2"), &first).unwrap();
    let given = key.verifier().to_string();
    agree("a succession twice, for whoever has the key that it introduces", false, &|program| {
        program.run(&[&folder, &given])
    });
    fs::remove_file(keys.join("2")).unwrap();
    let signed_by = first.lines().last().unwrap();
    for (case, changed) in [
        ("a passed-over succession of another log", first.replacen("origin ", "origin x", 1)),
        ("a passed-over succession without a size", first.replacen("from ", "from x", 1)),
        (
            "a passed-over succession with a line that is no signature",
            first.replace(signed_by, "\u{2014} x y z"),
        ),
    ] {
        fs::write(keys.join("1"), &changed).unwrap();
        agree(case, false, &|program| program.run(&[&folder, &given]));
    }
    fs::write(keys.join("1"), &first).unwrap();
    let shouting = vkey.replacen(
        &vkey[name.len()..=name.len() + 8],
        &vkey[name.len()..=name.len() + 8].to_uppercase(),
        1,
    );
    if shouting != vkey {
        agree("a key's id in capitals", false, &|program| program.run(&[&folder, &shouting]));
    }
    // A point of order 8: signatures for it fit almost anything.
    let weak = weak_key(&name);
    agree("a key of small order", false, &|program| program.run(&[&folder, &weak]));

    // Receipts.
    let keys = keys.display().to_string();
    let receipts = written_trail.receipts();
    let receipt =
        |wanted: &str| receipts.iter().find(|(name, _)| name == wanted).unwrap().1.clone();
    let ended = receipt("ended");
    let cases = [
        (
            "the entries in another order",
            ended.replacen(parts(&ended)[1], "", 1).replacen(
                "\n\n",
                &format!("\n{}\n", parts(&ended)[1]),
                1,
            ),
            false,
        ),
        (
            "a secret in JSON that is not canonical",
            ended.replacen("with {\"field\"", "with { \"field\"", 1),
            false,
        ),
        (
            "a secret with a member twice",
            ended.replacen("with {\"field\"", "with {\"field\":\"/x\",\"field\"", 1),
            false,
        ),
        (
            "a secret with an escape too many",
            ended.replacen("\"/password\"", "\"/passw\\u006frd\"", 1),
            false,
        ),
        (
            "no break between what was taken back and what came instead",
            without_break(&receipt("restored")),
            false,
        ),
        (
            "longer than ten million bytes",
            ended.replacen("\n\n", &format!("\nwith {}\n\n", "x".repeat(10_000_000)), 1),
            false,
        ),
        ("records of two calls", both(&ended, &receipt("waits")), true),
    ];
    let file = tempfile::NamedTempFile::new().unwrap();
    for (case, text, holds) in &cases {
        fs::write(file.path(), text).unwrap();
        let path = file.path().to_str().unwrap();
        agree(case, *holds, &|program| program.run(&["--receipt", path, &vkey, "--keys", &keys]));
    }
    // A long record is not beside its entry.
    let with = written_trail.receipt_of_long();
    let (before, record) = with.split_once("with ").unwrap();
    let alone = format!("{before}{}", record.split_once('\n').unwrap().1);
    for (case, text, holds) in
        [("a stub alone", alone, false), ("a stub with its record", with, true)]
    {
        agree(case, holds, &|program| program.receipt(&text, &vkey, &["--keys", &keys]));
    }
}

fn without_break(receipt: &str) -> String {
    let place = parts(receipt).iter().position(|part| part.contains("\"settled\":")).unwrap();
    crate::auditors::receipt::without(receipt, &[place])
}

/// Returns the entries of two receipts of one checkpoint.
fn both(one: &str, two: &str) -> String {
    let (header, _) = one.split_once('\n').unwrap();
    let (_, note) = one.split_once("\n\n").unwrap();
    format!("{header}\n{}{}\n{note}", parts(one).concat(), parts(two).concat())
}

/// Returns a key for which anybody can sign, with its correct id.
fn weak_key(name: &str) -> String {
    use sha2::{Digest as _, Sha256};
    let mut tagged = vec![1_u8];
    tagged.extend([1_u8].into_iter().chain([0; 31]));
    let id = Sha256::digest([name.as_bytes(), b"\n", &tagged].concat());
    let id: String = id[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    // 33 bytes: 1, 1 and zeros.
    format!("{name}+{id}+AQEA{}", "A".repeat(40))
}
