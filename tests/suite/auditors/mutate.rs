//! Changes to texts and bytes, the same for the same seed.

/// `SplitMix64`: sufficient for random choices, and the same on every machine.
pub struct SeededRandom(u64);

impl SeededRandom {
    pub fn new(seed: u64) -> SeededRandom {
        SeededRandom(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// Texts that parsers often handle wrongly, alone or inside other texts.
const ODD: [&[u8]; 24] = [
    b"\r",
    b"\t",
    b"\0",
    b"\x7f",
    b"\x1b",
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xc0\x80",
    b"\xf4\x90\x80\x80",
    b"\xef\xbb\xbf",
    "\u{a0}".as_bytes(),
    "\u{85}".as_bytes(),
    "\u{2028}".as_bytes(),
    "\u{3000}".as_bytes(),
    "\u{e9}".as_bytes(),
    b" ",
    b"  ",
    b"+",
    b"=",
    b"-",
    b"\\",
    b"\"",
    b"\n",
];

const NUMBERS: [&str; 14] = [
    "",
    "0",
    "-1",
    "+1",
    "1.0",
    "1e3",
    "0x1",
    "999999999999999999",
    "9007199254740992",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "99999999999999999999999",
];

type Change = fn(&mut SeededRandom, &[u8], &[u8]) -> Vec<u8>;

const CHANGES: [Change; 16] = [
    |random, bytes, _| {
        lines(bytes, |all| all.insert(random.below(all.len()), dice_line(random, all)))
    },
    |random, bytes, _| lines(bytes, |all| drop(all.remove(random.below(all.len())))),
    |random, bytes, _| {
        lines(bytes, |all| {
            let (one, two) = (random.below(all.len()), random.below(all.len()));
            all.swap(one, two);
        })
    },
    |random, bytes, other| {
        let foreign: Vec<Vec<u8>> =
            other.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        let foreign = random.pick(&foreign).clone();
        lines(bytes, |all| {
            let place = random.below(all.len());
            all[place] = foreign;
        })
    },
    |random, bytes, _| spliced(bytes, random.below(bytes.len() + 1), 0, random.pick::<&[u8]>(&ODD)),
    |random, bytes, _| spliced(bytes, random.below(bytes.len()), 1, b""),
    |random, bytes, _| {
        let (place, bit) = (random.below(bytes.len()), random.below(8));
        let byte = bytes[place] ^ (1 << bit);
        spliced(bytes, place, 1, &[byte])
    },
    number,
    number,
    base64,
    json,
    json,
    signature_line,
    signature_line,
    ends,
    |random, bytes, _| {
        lines(bytes, |all| {
            let place = random.below(all.len());
            let odd = *random.pick(&ODD);
            if random.below(2) == 0 {
                all[place].extend(odd);
            } else {
                all[place] = [odd, &all[place][..]].concat();
            }
        })
    },
];

/// Returns changed bytes, mostly of the same kind; `other` is another file of that kind.
pub fn mutated(random: &mut SeededRandom, bytes: &[u8], other: &[u8]) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    for _ in 0..=random.below(3) / 2 {
        if changed.is_empty() {
            break;
        }
        let change = *random.pick(&CHANGES);
        changed = change(random, &changed, other);
    }
    changed
}

fn lines(bytes: &[u8], change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    let mut all: Vec<Vec<u8>> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    change(&mut all);
    all.join(&b'\n')
}

fn dice_line(random: &mut SeededRandom, all: &[Vec<u8>]) -> Vec<u8> {
    random.pick(all).clone()
}

fn spliced(bytes: &[u8], place: usize, length: usize, new: &[u8]) -> Vec<u8> {
    [&bytes[..place], new, &bytes[place + length..]].concat()
}

/// Replaces a number with another one.
fn number(random: &mut SeededRandom, bytes: &[u8], _: &[u8]) -> Vec<u8> {
    let starts: Vec<usize> = (0..bytes.len())
        .filter(|at| {
            bytes[*at].is_ascii_digit() && (*at == 0 || !bytes[at - 1].is_ascii_alphanumeric())
        })
        .collect();
    if starts.is_empty() {
        return bytes.to_vec();
    }
    let start = *random.pick(&starts);
    let length = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let old = std::str::from_utf8(&bytes[start..start + length]).unwrap();
    let close = old.parse::<u64>().unwrap_or(7);
    let new = match random.below(5) {
        0 => (close + 1).to_string(),
        1 => close.saturating_sub(1).to_string(),
        2 => format!("0{old}"),
        3 => format!("{old} "),
        _ => (*random.pick(&NUMBERS)).to_owned(),
    };
    spliced(bytes, start, length, new.as_bytes())
}

/// Changes a word of base64: its padding, its last letter, its alphabet.
fn base64(random: &mut SeededRandom, bytes: &[u8], _: &[u8]) -> Vec<u8> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
    let ends: Vec<usize> = (40..=bytes.len())
        .filter(|end| bytes[end - 40..*end].iter().all(|byte| is_word(*byte)))
        .filter(|end| *end == bytes.len() || !is_word(bytes[*end]))
        .collect();
    if ends.is_empty() {
        return bytes.to_vec();
    }
    let end = *random.pick(&ends);
    match random.below(6) {
        0 => spliced(bytes, end - 1, 1, b""),
        1 => spliced(bytes, end, 0, b"="),
        2 => spliced(bytes, end - 2, 1, &[bytes[end - 2] ^ 1]),
        3 => spliced(bytes, end - 3, 1, &[bytes[end - 3] ^ 1]),
        4 => spliced(bytes, end - 20, 1, b"_"),
        _ => spliced(bytes, end - 20, 0, b" "),
    }
}

/// Writes JSON in another form that may mean the same: more space, another order, a repeated
/// member, escapes, other forms of numbers.
fn json(random: &mut SeededRandom, bytes: &[u8], _: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let colons: Vec<usize> = text.match_indices("\":").map(|(at, _)| at).collect();
    if colons.is_empty() {
        return bytes.to_vec();
    }
    let at = *random.pick(&colons);
    let start = text[..at].rfind('"').unwrap_or(at);
    let key = &text[start..=at];
    match random.below(8) {
        0 => spliced(bytes, at + 2, 0, b" "),
        1 => spliced(bytes, start, 0, b" "),
        2 => spliced(bytes, start, 0, format!("{key}:1,").as_bytes()),
        3 => spliced(bytes, start, 0, format!("{key}:null,").as_bytes()),
        4 => spliced(bytes, start, key.len(), key.to_uppercase().as_bytes()),
        5 => {
            let letter = text[start + 1..].chars().next().unwrap_or('"');
            let escaped = format!("\\u{:04x}", letter as u32);
            spliced(bytes, start + 1, letter.len_utf8(), escaped.as_bytes())
        }
        6 => spliced(bytes, at + 2, 0, b"\"\","),
        _ => spliced(bytes, start, 0, b"\"zz\":0,"),
    }
}

/// Adds a line like the last one, which is a signature: the same, with another name, or invalid.
fn signature_line(random: &mut SeededRandom, bytes: &[u8], other: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let Some(at) = text.rfind("\n\u{2014} ") else { return bytes.to_vec() };
    let line = text[at + 1..].trim_end_matches('\n');
    let mut words = line.splitn(3, ' ');
    let (_, name, signature) =
        (words.next(), words.next().unwrap_or(""), words.next().unwrap_or(""));
    let foreign = String::from_utf8_lossy(other).into_owned();
    let foreign = foreign.lines().last().unwrap_or("").to_owned();
    let ids = signature.get(..5).unwrap_or("AAAAA");
    let long = "x".repeat(1_001);
    let more = match random.below(14) {
        0 => line.to_owned(),
        1 => format!(
            "\u{2014} {name} {ids}{}",
            signature.get(5..).unwrap_or("").replacen(['A', 'b', '7'], "c", 1)
        ),
        2 => format!("\u{2014} other.example {signature}"),
        3 => format!("\u{2014} {name} AAAA{}", signature.get(4..).unwrap_or("")),
        4 => format!("\u{2014}  {signature}"),
        5 => format!("\u{2014} na+me {signature}"),
        6 => format!("\u{2014} na\u{2003}me {signature}"),
        7 => format!("\u{2014} {long} {signature}"),
        8 => format!("\u{2014} {name} AAAA"),
        9 => format!("\u{2014} {name} AAAAAAA="),
        10 => vec![line; 100].join("\n"),
        11 => vec![format!("\u{2014} w.example AAAA{}", signature.get(4..).unwrap_or("")); 99]
            .join("\n"),
        12 => foreign,
        _ => format!(
            "\u{2014} {name} {ids}{}",
            signature.get(5..).unwrap_or("").get(..84).unwrap_or("")
        ),
    };
    // Before the valid one, or after it.
    let place = if random.below(2) == 0 { at + 1 } else { at + 1 + line.len() + 1 };
    spliced(bytes, place.min(bytes.len()), 0, format!("{more}\n").as_bytes())
}

/// Changes the beginning and the end of a text, and of its lines.
fn ends(random: &mut SeededRandom, bytes: &[u8], _: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    match random.below(9) {
        0 => text.trim_end_matches('\n').into(),
        1 => format!("{text}\n").into(),
        2 => format!("{text}\n\n").into(),
        3 => format!("\n{text}").into(),
        4 => format!("\u{feff}{text}").into(),
        5 => text.replace('\n', "\r\n").into(),
        6 => text.replace("\n\n", "\n\n\n").into(),
        7 => text.replace("\n\n", "\n").into(),
        _ => bytes[..random.below(bytes.len())].to_vec(),
    }
}
