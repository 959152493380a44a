//! Programs without our code verify trails and receipts: `auditor/verify.py`, `auditor/go`,
//! `auditor/verify.sh`.
//!
//! Each accepts the log's files, and after each change refuses them and names the location.
//! Programs that this machine cannot run (`python3` with `cryptography`, `go` with
//! `golang.org/x/mod`, OpenSSL 3) are skipped, with a message.

mod changes;
mod differential;
mod gate;
mod log;
mod mutate;
mod programs;
mod receipt;

use gate_audit::{KeyKind, KeySuccession, SigningKey};
use serde_json::json;

use crate::auditors::changes::{changes, copy, flip};
use crate::auditors::log::{Line, Log, ORIGIN, canonical, key, of_no_call, plausible};
use crate::auditors::programs::{Program, programs};
use crate::auditors::receipt::ReceiptText;

fn jsonful() -> impl Iterator<Item = &'static Program> {
    programs().iter().filter(|program| program.reads_json())
}

#[test]
fn trails_of_every_shape_are_accepted() {
    for size in [0, 1, 2, 255, 256, 257, 700] {
        let log = Log::new(&plausible(size));
        for program in programs() {
            let output = program.trail(&log.folder(), &log.vkey(), &[]).accepts();
            assert!(output.contains(&format!("{ORIGIN}, {size} entries")), "{output}");
            assert_eq!(output.contains("entry 100: settlement"), size > 100, "{output}");
        }
    }
}

#[test]
fn a_trail_that_has_grown_since_the_checkpoint_is_accepted() {
    let log = Log::growing(&plausible(700), &[1, 200, 256, 300]);
    for (size, checkpoint) in &log.earlier {
        std::fs::write(log.folder().join("checkpoint"), checkpoint).unwrap();
        for program in programs() {
            let output = program.trail(&log.folder(), &log.vkey(), &[]).accepts();
            assert!(output.contains(&format!("{size} entries")), "{output}");
        }
    }
}

#[test]
fn a_changed_trail_is_refused_and_the_place_named() {
    // The longest takes minutes, and runs only at night.
    let sizes: &[usize] =
        if std::env::var_os("GATE_DIFFERENTIAL").is_some() { &[20, 300, 700] } else { &[20, 300] };
    for &size in sizes {
        let log = Log::new(&plausible(size));
        for change in changes(size) {
            let folder = copy(&log.folder());
            (change.make)(folder.path());
            // The shell program is slow. Beyond the first tile, only changes of tiles are new to
            // it.
            let quick = size == 20 || (size == 300 && change.place.starts_with("tile/"));
            for program in programs().iter().filter(|program| quick || program.reads_json()) {
                program.trail(folder.path(), &log.vkey(), &[]).refuses(&change.place, change.name);
            }
        }
    }
}

/// More than 65,536 entries: a third level of tiles, and full tiles on the second.
#[test]
fn a_long_trail_is_accepted_and_refused_once_it_is_changed() {
    let entry = |seq: usize| {
        canonical(
            &json!({"at": "2026-11-21T14:08:43Z", "event": {"type": "dispatched"}, "seq": seq}),
        )
    };
    let log = Log::new(&(1..=66_000).map(|seq| Line::Entry(entry(seq))).collect::<Vec<_>>());
    let folder = log.folder();
    let changed_bytes = [
        ("tile/entries/156", "entry 39936 is not what was logged"),
        ("tile/0/156", "tile/0/156"),
        ("tile/1/000", "tile/1/000"),
        ("tile/1/001.p/1", "tile/1/001.p/1"),
        ("tile/2/000.p/1", "tile/2/000.p/1"),
    ];
    for program in jsonful() {
        program.trail(&folder, &log.vkey(), &[]).accepts();
        for (file, place) in changed_bytes {
            flip(&folder.join(file), 20, 3);
            program.trail(&folder, &log.vkey(), &[]).refuses(place, file);
            flip(&folder.join(file), 20, 3);
        }
    }
    let receipt_text = ReceiptText::new(&log, &[0, 65_535, 65_999]).to_string();
    for program in programs() {
        program.receipt(&receipt_text, &log.vkey(), &[]).accepts();
    }
}

#[test]
fn another_key_is_refused() {
    let log = Log::new(&plausible(3));
    let other =
        SigningKey::from_seed(ORIGIN, KeyKind::Log, [9; 32]).unwrap().verifier().to_string();
    let named = SigningKey::from_seed("example.com/other", KeyKind::Log, [1; 32])
        .unwrap()
        .verifier()
        .to_string();
    let broken = log.vkey().replace("example", "exemple");
    for program in programs() {
        for (vkey, place) in
            [(&other, "not signed by"), (&named, "line 1"), (&broken, "the key you gave")]
        {
            program.trail(&log.folder(), vkey, &[]).refuses(place, "another key");
            program
                .receipt(&ReceiptText::new(&log, &[1]).to_string(), vkey, &[])
                .refuses(place, "another key");
        }
    }
}

/// Checks that invalid entries are found although they are signed, which only somebody with the
/// log's key can do.
#[test]
fn signed_nonsense_is_refused_and_the_entry_named() {
    let record = |seq: u64| {
        canonical(
            &json!({"at": "2026-11-21T14:08:43Z", "event": {"type": "dispatched"}, "seq": seq}),
        )
    };
    let settled = |settled: u64, next: u64| {
        canonical(&json!({
            "at": "2026-11-21T14:08:43Z",
            "by": "dana",
            "next": next,
            "reason": "restored",
            "settled": settled,
        }))
    };
    let text = |text: &str| text.as_bytes().to_vec();
    let cases: [(&str, Vec<Vec<u8>>); 14] = [
        ("entry 1: record 3 stands where record 2 is due", vec![record(1), record(3), record(4)]),
        ("entry 0: record 2 stands where record 1 is due", vec![record(2)]),
        ("entry 2: record 2 stands where record 3 is due", vec![record(1), record(2), record(2)]),
        (
            "entry 2: record 4 stands where record 2 is due",
            vec![record(1), settled(1, 2), record(4)],
        ),
        ("entry 1: settles a trail that had gone on to 7", vec![record(1), settled(7, 2)]),
        ("entry 1: settles that records go on at 9", vec![record(1), settled(1, 9), record(9)]),
        (
            "entry 2: settles a trail that had gone on to 2",
            vec![record(1), settled(1, 1), settled(2, 1)],
        ),
        (
            "entry 1: no canonical JSON",
            vec![record(1), text(r#"{"at":"now", "event":{},"seq":2}"#)],
        ),
        (
            "entry 1: no canonical JSON",
            vec![record(1), text(r#"{"at":"now","event":{},"seq":2,"seq":2}"#)],
        ),
        (
            "entry 1: no canonical JSON",
            vec![record(1), text(r#"{"at":"now","event":{"a":1.0},"seq":2}"#)],
        ),
        (
            "entry 1: no canonical JSON",
            vec![record(1), text(r#"{"at":"now","event":{"a":NaN},"seq":2}"#)],
        ),
        ("entry 1: no JSON object", vec![record(1), text("[]")]),
        ("entry 1: is no record", vec![record(1), text(r#"{"at":"now","seq":2}"#)]),
        ("entry 1", vec![record(1), vec![0xff, 0xfe]]),
    ];
    for (place, entries) in cases {
        let log = Log::new(&entries.into_iter().map(Line::Entry).collect::<Vec<_>>());
        for program in jsonful() {
            program.trail(&log.folder(), &log.vkey(), &[]).refuses(place, place);
        }
    }
    let deep = format!(
        r#"{{"at":"now","event":{{"a":{}{}}},"seq":1}}"#,
        "[".repeat(20_000),
        "]".repeat(20_000)
    );
    let log = Log::new(&[Line::Entry(deep.into_bytes())]);
    for program in jsonful() {
        program
            .trail(&log.folder(), &log.vkey(), &[])
            .refuses("entry 0: no canonical JSON", "deep");
    }
}

#[test]
fn a_long_record_that_is_not_what_was_logged_is_refused() {
    let log = Log::new(&plausible(9));
    let file =
        std::fs::read_dir(log.folder().join("large")).unwrap().next().unwrap().unwrap().path();
    let bytes = std::fs::read(&file).unwrap();
    let flipped: Vec<u8> =
        bytes.iter().enumerate().map(|(at, byte)| byte ^ u8::from(at == 60_000)).collect();
    for changed in
        [Some(flipped), Some(bytes[1..].to_vec()), Some([&bytes[..], b" "].concat()), None]
    {
        match changed {
            Some(changed) => std::fs::write(&file, changed).unwrap(),
            None => std::fs::remove_file(&file).unwrap(),
        }
        for program in programs() {
            program
                .trail(&log.folder(), &log.vkey(), &[])
                .refuses("entry 5: its record large/", "a long record");
        }
    }
}

#[test]
fn a_trail_that_does_not_continue_what_was_kept_is_refused() {
    let log = Log::growing(&plausible(300), &[0, 1, 100, 256]);
    let mut other = plausible(300);
    other[99] = Line::Entry(b"{}".to_vec());
    let other = Log::growing(&other, &[1, 100]);
    let kept = tempfile::tempdir().unwrap().keep();
    let keep = |name: &str, text: &str| {
        std::fs::write(kept.join(name), text).unwrap();
        kept.join(name).display().to_string()
    };
    for program in jsonful() {
        let since = |file: &str| program.trail(&log.folder(), &log.vkey(), &["--since", file]);
        for (size, checkpoint) in &log.earlier {
            let output = since(&keep(&format!("ours-{size}"), checkpoint)).accepts();
            assert!(output.contains(&format!("{} entries since then", 300 - size)), "{output}");
        }
        since(&keep("theirs-1", &other.earlier[0].1)).accepts();
        since(&keep("theirs", &other.earlier[1].1))
            .refuses("the first 100 entries are not those of", "another history");
        let longer = Log::new(&plausible(301)).checkpoint();
        since(&keep("longer", &longer)).refuses("entries were taken away", "taken away");
        since(&keep("changed", &longer.replace("301", "300")))
            .refuses("the signature of", "a changed old checkpoint");
    }
    std::fs::remove_dir_all(kept).unwrap();
}

#[test]
fn successions_of_keys_are_followed() {
    let [first, second, third] = [1, 2, 3].map(key);
    let log = Log::signed(&of_no_call(30), &[], &third);
    let keys = log.folder().join("keys");
    let introduce = |from: u64, new: &SigningKey, by: &SigningKey| {
        KeySuccession::new(ORIGIN, from, new.verifier().clone())
            .unwrap()
            .sign(by)
            .unwrap()
            .to_string()
    };
    let write = |successions: &[String]| {
        let _ = std::fs::remove_dir_all(&keys);
        std::fs::create_dir(&keys).unwrap();
        for (number, note) in (1..).zip(successions) {
            std::fs::write(keys.join(format!("{number}")), note).unwrap();
        }
    };
    let [one, two] = [introduce(10, &second, &first), introduce(20, &third, &second)];
    let vkey = |key: &SigningKey| key.verifier().to_string();
    let receipt_text = ReceiptText::new(&log, &[7]).to_string();
    for program in programs() {
        let refuses = |place: &str, name: &str| {
            program.trail(&log.folder(), &vkey(&first), &[]).refuses(place, name);
            let with = ["--keys", keys.to_str().unwrap()];
            program.receipt(&receipt_text, &vkey(&first), &with).refuses(place, name);
        };
        write(&[one.clone(), two.clone()]);
        for given in [&first, &second, &third] {
            program.trail(&log.folder(), &vkey(given), &[]).accepts();
            program
                .receipt(&receipt_text, &vkey(given), &["--keys", keys.to_str().unwrap()])
                .accepts();
        }
        program
            .receipt(&receipt_text, &vkey(&first), &[])
            .refuses("not signed by", "no succession");
        std::fs::remove_file(keys.join("1")).unwrap();
        refuses("without a gap", "a gap");
        write(std::slice::from_ref(&one));
        refuses("not signed by", "the last one is missing");
        write(&[one.clone(), introduce(20, &third, &first)]);
        refuses("not signed by", "by the key before the last");
        write(&[one.clone(), two.replace("from 20", "from 21")]);
        refuses("the signature of", "changed");
        write(&[one.clone(), introduce(31, &third, &second)]);
        refuses("checkpoint: ", "in force only later");
        write(&[one.clone(), introduce(9, &third, &second)]);
        refuses("before the current key does", "earlier than the one before");
        write(&[one.clone(), introduce(20, &first, &second)]);
        refuses("had before", "an old key again");
        write(&[one.clone(), "text\n".to_owned()]);
        refuses("keys/2", "no note");
    }
}

#[test]
fn receipts_are_accepted_and_shown() {
    for size in [1, 2, 255, 257, 700] {
        let log = Log::new(&of_no_call(size));
        let last = size as u64 - 1;
        for program in programs() {
            for index in [0, last / 2, last] {
                let output = program
                    .receipt(&ReceiptText::new(&log, &[index]).to_string(), &log.vkey(), &[])
                    .accepts();
                assert!(output.contains(&format!("entry {index}:")), "{output}");
                assert!(output.contains(&format!("OK: {ORIGIN} has logged")), "{output}");
            }
        }
    }
    let log = Log::new(&of_no_call(300));
    let receipt_text =
        ReceiptText::new(&log, &[2, 5, 100, 299]).with(2, &log.disclosure()).with(5, &log.large[0]);
    for program in programs() {
        let accepted = program.receipt(&receipt_text.to_string(), &log.vkey(), &[]).accepts();
        assert!(accepted.contains("disclosed \"/card/pin\": \"12"), "{accepted}");
        assert!(accepted.contains("a long story"), "{accepted}");
        assert!(!accepted.chars().any(|c| c == '\u{202e}' || c == '\u{7f}'), "{accepted}");
    }
}

#[test]
fn changed_receipts_are_refused_and_the_place_named() {
    let log = Log::new(&of_no_call(300));
    let receipt_text =
        || ReceiptText::new(&log, &[2, 5, 40]).with(2, &log.disclosure()).with(5, &log.large[0]);
    let text = receipt_text().to_string();
    let replaced = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    };
    let other = ReceiptText::new(&log, &[41]);
    let foreign = json!({"field": "/card/pin", "salt": "00".repeat(16), "value": "1234"});
    let cases = [
        ("entry 2", replaced("\"user\":\"mia\"", "\"user\":\"mio\""), "a changed record"),
        ("entry 3", replaced("entry 2 ", "entry 3 "), "a changed index"),
        ("entry 41", replaced("entry 40 ", "entry 41 "), "a changed index"),
        (
            "entry 40",
            receipt_text().proof(40, &other.hashes(41)).to_string(),
            "the proof of another entry",
        ),
        (
            "entry 40",
            receipt_text().proof(40, &other.hashes(41)[1..]).to_string(),
            "a proof that is too short",
        ),
        (
            "entry 40",
            receipt_text().proof(40, &[other.hashes(41), other.hashes(41)].concat()).to_string(),
            "too long",
        ),
        (
            "entry 300: the tree has 300 entries only",
            replaced("entry 40 ", "entry 300 "),
            "an index beyond the tree",
        ),
        ("line 3", replaced("\"salt\":\"0", "\"salt\":\"1"), "another salt"),
        ("line 3", replaced("\"value\":\"12", "\"value\":\"21"), "another secret"),
        (
            "not at /card/pan",
            replaced("/card/pin\",\"salt", "/card/pan\",\"salt"),
            "the secret of another field",
        ),
        (
            "line 3",
            receipt_text().instead(2, &canonical(&foreign)).to_string(),
            "a secret that the record has not",
        ),
        ("is not what was logged", replaced("a long story", "a long glory"), "another long record"),
        (
            "receipt, line 3",
            ReceiptText::new(&log, &[40]).with(40, &log.large[0]).to_string(),
            "a record for no stub",
        ),
        ("the signature of", replaced("\n300\n", "\n301\n"), "a changed checkpoint"),
        ("stands there twice", format!("{}", ReceiptText::new(&log, &[7, 7])), "an entry twice"),
        ("no entry", ReceiptText::new(&log, &[]).to_string(), "no entry"),
        ("line 1", replaced("receipt@v1", "receipt@v2"), "another version"),
        ("line 2", replaced("entry 2 ", "entry 02 "), "zeros before the index"),
        ("receipt", text.replace("\n\n", "\n"), "no empty line"),
        ("receipt", text.replace('\n', "\r\n"), "another end of line"),
        ("receipt", String::new(), "nothing"),
    ];
    for program in programs() {
        program.receipt(&text, &log.vkey(), &[]).accepts();
        for (place, changed, name) in &cases {
            program.receipt(changed, &log.vkey(), &[]).refuses(place, name);
        }
    }
}

/// An agent chooses the arguments of its calls, so they must not pass for the commitments beside
/// them.
#[test]
fn what_an_agent_wrote_is_no_commitment() {
    let disclosure = Log::new(&of_no_call(3)).disclosure();
    let [_, digest, marker] = log::commitment();
    let inner = json!({"json": {"card": {"pin": marker}}, "secrets": [{"digest": digest}]});
    let event = json!({
        "type": "assessed",
        "arguments": {"digest": "sha256:00", "json": {"arguments": inner}},
    });
    let entry = canonical(&json!({"at": "2026-11-21T14:08:43Z", "event": event, "seq": 1}));
    let log = Log::new(&[Line::Entry(entry)]);
    for program in jsonful() {
        let receipt_text = ReceiptText::new(&log, &[0]).with(0, &disclosure).to_string();
        program
            .receipt(&receipt_text, &log.vkey(), &[])
            .refuses("line 3: the entry has no commitment", "an agent's words");
    }
}

/// Flips single bits of any file, as many as the time allows.
#[test]
fn any_flipped_bit_is_refused() {
    let log = Log::new(&of_no_call(300));
    let receipt_text =
        ReceiptText::new(&log, &[2, 299]).with(2, &log.disclosure()).to_string().into_bytes();
    for program in programs() {
        let every = if program.reads_json() { 127 } else { 509 };
        for at in (0..receipt_text.len()).step_by(every) {
            let mut changed = receipt_text.clone();
            changed[at] ^= 1 << (at % 8);
            program
                .receipt_of(&changed, &log.vkey(), &[])
                .refuses("", &format!("the receipt's byte {at}"));
        }
        for file in changes::files(&log.folder()) {
            let folder = copy(&log.folder());
            let len = std::fs::metadata(folder.path().join(&file)).unwrap().len() as usize;
            for step in 0..if program.reads_json() { 4 } else { 1 } {
                let (at, bit) = ((len - 1) * step / 4, step % 8);
                flip(&folder.path().join(&file), at, bit);
                program
                    .trail(folder.path(), &log.vkey(), &[])
                    .refuses("", &format!("byte {at} of {}", file.display()));
                flip(&folder.path().join(&file), at, bit);
            }
        }
    }
}

#[test]
fn what_is_no_trail_and_no_receipt_is_refused_with_a_message() {
    let log = Log::new(&of_no_call(3));
    let (good, vkey) = (log.checkpoint(), log.vkey());
    let line = |number: usize, text: &str| {
        let mut lines: Vec<&str> = good.split('\n').collect();
        lines[number] = text;
        lines.join("\n")
    };
    let texts: Vec<Vec<u8>> = vec![
        Vec::new(),
        b"\n".to_vec(),
        b"\n\n".to_vec(),
        b"\n\n\n".to_vec(),
        vec![0xff; 100],
        vec![0; 100],
        good.replace('\n', "\r\n").into_bytes(),
        good.trim_end().as_bytes().to_vec(),
        good.replace("\u{2014}", "-").into_bytes(),
        line(1, "-1").into_bytes(),
        line(1, "99999999999999999999999").into_bytes(),
        line(1, "03").into_bytes(),
        line(2, "AAAA").into_bytes(),
        line(2, "").into_bytes(),
        line(4, "").into_bytes(),
        line(4, "\u{2014} x AAAA").into_bytes(),
        format!("{good}\u{2014} x \n").into_bytes(),
        format!("{good}{}", good.lines().last().unwrap().repeat(20_000)).into_bytes(),
    ];
    for program in programs() {
        for (number, text) in texts.iter().enumerate() {
            std::fs::write(log.folder().join("checkpoint"), text).unwrap();
            program
                .trail(&log.folder(), &vkey, &[])
                .refuses("checkpoint", &format!("text {number}"));
            program
                .receipt_of(text, &vkey, &[])
                .refuses("", &format!("text {number} as a receipt"));
        }
        std::fs::write(log.folder().join("checkpoint"), &good).unwrap();
        for wrong in [
            "",
            "x",
            "a+b+c",
            "a+00000000+AAAA",
            &vkey[1..],
            &format!("{vkey} "),
            &vkey[..vkey.len() - 1],
        ] {
            program.trail(&log.folder(), wrong, &[]).refuses("the key you gave", wrong);
        }
        program.trail(&log.folder().join("nothing"), &vkey, &[]).refuses("no folder", "no folder");
        program.trail(&log.folder().join("checkpoint"), &vkey, &[]).refuses("no folder", "a file");
        program
            .trail(&log.folder().join("tile"), &vkey, &[])
            .refuses("checkpoint", "another folder");
        assert_eq!(program.run(&["--what"]).code, Some(2));
        assert_eq!(program.run(&[]).code, Some(2));
    }
}
