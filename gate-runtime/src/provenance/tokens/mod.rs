//! The words of a text, in canonical form for comparison.
//!
//! Two texts that people would consider the same value have the same words: compatibility forms,
//! case, spacing, and the format of numbers and dates do not matter. An ambiguous text is left as
//! it is, and equals only itself.

mod bare_text;
mod code;
mod date;
mod joined;
mod number;

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfkc_quick};

pub(super) use self::bare_text::BareText;
use self::code::code_in_groups;
pub(super) use self::date::is_short_number;
use self::date::{date, instant, moment};
use self::joined::joined;
pub(super) use self::joined::unit;
pub(super) use self::number::plain_number;
use self::number::{numeral, spaced_number};

/// Words that negate a sentence.
pub(super) const NEGATIONS: [&str; 18] = [
    "no", "not", "non", "without", "never", "don't", "dont", "don’t", "isn't", "isn’t", "false",
    "off", "nicht", "kein", "keine", "ohne", "sans", "sin",
];

/// The token for the end of a line. No value continues over it, unless the value contains a line
/// end itself.
pub(super) const LINE_END: &str = "\n";

/// Calls a closure with each word of a text. Punctuation around a word is a separate word.
pub(super) fn words(text: &str, mut each: impl FnMut(&str)) {
    let text = folded(text);
    let mut raw: Vec<Cow<'_, str>> = Vec::new();
    for line in text.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']) {
        if raw.last().is_some_and(|last| last != LINE_END) {
            raw.push(LINE_END.into());
        }
        line.split_whitespace().for_each(|chunk| split(chunk, &mut raw));
    }
    let raw: Vec<&str> = raw.iter().map(|word| &**word).collect();
    let (mut rest, mut begins_line) = (raw.as_slice(), true);
    while let Some(first) = rest.first() {
        let mut count = 1;
        // Joined words have a digit in one of the first three, which rules out most words quickly.
        if !rest.iter().take(3).any(|word| word.bytes().any(|byte| byte.is_ascii_digit())) {
            each(first);
        } else if let Some((words, joined)) = moment(rest) {
            for word in &words {
                each(word);
            }
            count = joined;
        } else {
            let joined = code_in_groups(rest)
                .or_else(|| joined(rest, begins_line))
                .or_else(|| spaced_number(rest));
            let (word, joined) = joined.unwrap_or_else(|| (canonical(first), 1));
            each(&word);
            count = joined;
        }
        begins_line = *first == LINE_END;
        rest = rest.get(count..).unwrap_or_default();
    }
}

/// Converts a text to lower case, without compatibility forms.
fn folded(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { normal(&marked(text)).to_lowercase() }
}

/// Converts a text to NFKC. Most texts already are in NFKC, and checking takes less time than
/// converting.
fn normal(text: &str) -> Cow<'_, str> {
    match is_nfkc_quick(text.chars()) {
        IsNormalized::Yes => text.into(),
        IsNormalized::No | IsNormalized::Maybe => text.nfkc().collect(),
    }
}

/// Marks raised, lowered and circled digits, so that they do not become plain ones: `10²` is not
/// 102.
fn marked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let is_wide = matches!(c, '\u{ff10}'..='\u{ff19}' | '\u{1d7ce}'..='\u{1d7ff}');
        let is_plain =
            c.is_ascii() || is_wide || is_nfkc_quick([c].into_iter()) == IsNormalized::Yes;
        if !is_plain && [c].into_iter().nfkc().any(|c| c.is_ascii_digit()) {
            out.push(char::REPLACEMENT_CHARACTER);
        }
        out.push(c);
    }
    out
}

fn opens(c: char) -> bool {
    matches!(
        c,
        '"' | '\''
            | '“'
            | '”'
            | '„'
            | '‘'
            | '’'
            | '«'
            | '»'
            | '('
            | '['
            | '{'
            | '<'
            | '*'
            | '`'
            | '~'
            | '#'
            | '¿'
            | '¡'
    )
}

fn closes(c: char) -> bool {
    matches!(
        c,
        '"' | '\''
            | '“'
            | '”'
            | '‘'
            | '’'
            | '«'
            | '»'
            | ')'
            | ']'
            | '}'
            | '>'
            | '*'
            | '`'
            | '~'
            | '.'
            | ','
            | ';'
            | ':'
            | '!'
            | '?'
            | '…'
    )
}

/// Splits the text between two spaces into punctuation, the items of a list, and a currency sign.
fn split<'a>(chunk: &'a str, out: &mut Vec<Cow<'a, str>>) {
    if chunk.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        out.push(chunk.into());
        return;
    }
    let core = chunk.trim_start_matches(opens);
    let (before, core) = chunk.split_at(chunk.len() - core.len());
    let (core, after) = core.split_at(core.trim_end_matches(closes).len());
    out.extend(chars(before));
    for (index, item) in items(core).enumerate() {
        if index > 0 {
            out.push(",".into());
        }
        split_sign(item, out);
    }
    out.extend(chars(after));
}

fn chars(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    text.split_inclusive(|_| true).map(Cow::from)
}

/// Returns the items of a list that is written without spaces. A comma between digits belongs to a
/// number, and a comma in a link to the link.
fn items(core: &str) -> impl Iterator<Item = &str> {
    let is_link = core.contains("://");
    let mut last = ' ';
    let mut next = core.chars().skip(1);
    core.split(move |c: char| {
        let following = next.next();
        let in_number = last.is_ascii_digit() && following.is_some_and(|c| c.is_ascii_digit());
        last = c;
        c == ',' && !is_link && !in_number
    })
}

/// Splits a currency or per cent sign from a number: the number matches alone, and together with
/// the sign.
fn split_sign<'a>(core: &'a str, out: &mut Vec<Cow<'a, str>>) {
    let is_sign = |c: char| matches!(c, '$' | '€' | '£' | '¥' | '₹' | '%');
    let number = core.trim_matches(is_sign);
    let signs = core.len() - number.len();
    let is_amount = signs > 0 && signs <= 4 && !number.starts_with('-');
    let Some(amount) = is_amount.then(|| numeral(number)).flatten() else {
        out.extend((!core.is_empty()).then_some(Cow::from(core)));
        return;
    };
    let (before, rest) = core.split_at(core.len() - core.trim_start_matches(is_sign).len());
    let after = rest.get(rest.trim_end_matches(is_sign).len()..).unwrap_or_default();
    out.extend(
        [Cow::from(before), amount.into(), after.into()]
            .into_iter()
            .filter(|part| !part.is_empty()),
    );
}

/// Returns a single word in canonical form: a number, a date or a point in time; other words are
/// unchanged.
fn canonical(word: &str) -> String {
    plain_number(word)
        .or_else(|| date(word))
        .or_else(|| instant(word))
        .unwrap_or_else(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use unicode_normalization::UnicodeNormalization as _;

    use super::{folded, marked};
    use crate::provenance::tests::words;

    const ONE: [&str; 17] = [
        "June 13",
        "13 de junio",
        "13. Juni um 13 Uhr",
        "at 13",
        "at 13:00",
        "13 kg",
        "13 minutes",
        "13%",
        "1 pm",
        "Monday 13",
        "13 - 14",
        "13 to 15",
        "week 13",
        "13 million",
        "+1 13 5550100",
        "13h13",
        "13 and 14 May",
    ];

    fn same(a: &str, b: &str) {
        assert_eq!(words(a), words(b), "{a} and {b}");
    }

    fn differ(a: &str, b: &str) {
        assert_ne!(words(a), words(b), "{a} and {b}");
    }

    #[test]
    fn case_spacing_and_compatibility_forms_do_not_matter() {
        same("Mia  Li", "mia\u{a0}li");
        same("ＡＢＣ１", "abc1");
        same("office", "oﬃce");
        same("caf\u{e9}", "cafe\u{301}");
        assert_eq!(words("\"A-1001\"."), ["\"", "a-1001", "\"", "."]);
        assert_eq!(words("#W123"), ["#", "w123"]);
        differ("report*", "report");
        differ("~/data", "/data");
        differ("10²", "102");
        differ("①0", "10");
        differ("alice", "аlice"); // the second begins with a Cyrillic letter
        differ("alice", "ali\u{200b}ce");
        differ("alice", "alice2");
        differ("Bob Smith", "Bob. Smith");
        differ("Bob Smith", "Bob\nSmith");
    }

    #[test]
    fn numbers_are_the_same_however_they_are_written() {
        for number in ["2400", "2400.00", "2,400.00", "2.400,00", "2'400", "2400.0"] {
            same(number, "2400");
        }
        for amount in ["$2,400", "$2400", "$2,400.00", "$2'400", "$2400,00"] {
            same(amount, "$2400");
        }
        same("1,234,567.5", "1234567.50");
        same("€10,5", "€10.5");
        differ("10,5", "10.5");
        differ("1,2", "1.2");
        differ("100,200", "100200");
        same("-5", "-5.0");
        same("0.10", "0.1");
        differ("2.400", "2400");
        differ("2.400", "2.4");
        same("0.400", "0.4");
        differ("007", "7");
        differ("5", "-5");
        differ("1,23,456", "123456");
        differ("1 234", "1234");
        differ("5k", "5000");
        differ("1e3", "1000");
        differ("1.2.3", "123");
    }

    #[test]
    fn a_currency_is_a_word_beside_its_number() {
        assert_eq!(words("it was $24.00!"), ["it", "was", "$", "24", "!"]);
        assert_eq!(words("$1,200.50,€3"), ["$", "1200.5", ",", "€", "3"]);
        assert_eq!(words("24€, 10%"), ["24", "€", ",", "10 %"]);
        differ("$24", "€24");
        assert_eq!(words("-$5"), ["-$5"]);
    }

    #[test]
    fn dates_are_the_same_however_they_are_written() {
        for date in [
            "2024-05-20",
            "2024/5/20",
            "20.05.2024",
            "20.5.2024",
            "05/20/2024",
            "20/05/2024",
            "20 May 2024",
            "May 20, 2024",
            "May 20th 2024",
            "20th of May, 2024",
        ] {
            same(date, "2024-05-20");
        }
        same("1 Sept 2024", "2024-09-01");
        same("04/04/2024", "2024-04-04");
        differ("04/05/2024", "2024-04-05");
        differ("04/05/2024", "2024-05-04");
        differ("2024-02-30", "2024-03-01");
        differ("May 20", "2024-05-20");
        same("2024-05-20T15:00:00Z", "2024-05-20t17:00:00+02:00");
        assert_eq!(words("on May 20, 2024, at noon"), ["on", "2024-05-20", ",", "at", "noon"]);
    }

    #[test]
    fn a_part_of_a_number_or_a_code_is_not_said() {
        assert_eq!(words("pay 1 234 now"), ["pay", "1 234", "now"]);
        assert_eq!(words("to DE89 3704 0044 0532 0130 00."), ["to", "de89370400440532013000", "."]);
        same("DE89 3704 0044 0532 0130 00", "DE89370400440532013000");
        assert_eq!(words("4111 1111 1111 1111 24"), ["4111111111111111", "24"]);
        assert_eq!(
            words("DE89 3704 0044 0532 0130 00 2400 EUR"),
            ["de89370400440532013000", "2400", "eur"]
        );
        assert_eq!(words("1234 5678 9012 50 euros"), ["1234 5678 9012 50", "euros"]);
        assert_eq!(words("1 234,50 EUR"), ["1 234,50", "eur"]);
        assert_eq!(words("12 345 678.90"), ["12 345 678.90"]);
        assert_eq!(words("order A-1001"), ["order", "a-1001"]);
        assert_eq!(words("alice@example.com"), ["alice@example.com"]);
    }

    #[test]
    fn a_date_without_a_year_and_a_time_of_day_are_each_one_word() {
        for day in [
            "June 13",
            "13 June",
            "13th of June",
            "Jun 13",
            "June the 13th",
            "13. Juni",
            "13 de junio",
            "13 juin",
        ] {
            assert_eq!(words(day), ["--06-13"], "{day}");
        }
        same("20 mai 2024", "2024-05-20");
        same("20 de mayo de 2024", "2024-05-20");
        same("1er août 2024", "2024-08-01");
        same("May 2024", "mai 2024");
        differ("June 13", "2024-06-13");
        assert_eq!(words("June 31"), ["june", "31"]);
        for time in [
            "10:00",
            "10 am",
            "10am",
            "10:00 AM",
            "10 a.m.",
            "T10:00",
            "10:00:00",
            "10.00 Uhr",
            "10 Uhr",
            "10h00",
        ] {
            assert_eq!(words(time), ["10:00"], "{time}");
        }
        for time in ["22:30", "10:30 pm", "10:30pm", "22.30 Uhr", "22h30", "22 Uhr 30"] {
            assert_eq!(words(time), ["22:30"], "{time}");
        }
        same("12 am", "00:00");
        same("12 pm", "12:00");
        differ("10:00", "22:00");
        differ("10:00:07", "10:00");
        assert_eq!(words("10:00:10"), ["10:00:10"]);
        for moment in [
            "May 20 at 10:00",
            "10 am on May 20",
            "20. Mai um 10 Uhr",
            "May 20, 10:00",
            "10:00, 20 May",
        ] {
            assert_eq!(words(moment), ["--05-20", "10:00"], "{moment}");
        }
        for moment in [
            "2024-05-20T10:00",
            "2024-05-20 10:00:00",
            "May 20, 2024 at 10 am",
            "20.05.2024 um 10:00",
        ] {
            assert_eq!(words(moment), ["2024-05-20", "10:00"], "{moment}");
        }
        differ("2024-05-20T10:00", "2024-05-20T10:00Z");
        differ("25:00", "1:00");
    }

    #[test]
    fn of_a_quantity_a_range_or_a_telephone_number_no_part_is_a_word() {
        for (text, only) in [
            ("30 minutes", "30 min"),
            ("30min", "30 min"),
            ("10 kg", "10 kg"),
            ("5 %", "5 %"),
            ("5%", "5 %"),
            ("5 percent", "5 %"),
            ("5 per cent", "5 %"),
            ("20 °C", "20 °c"),
            ("5 million", "5 million"),
            ("3 1/2", "3 1/2"),
            ("10 - 12", "10-12"),
            ("10-12", "10-12"),
            ("10 to 12", "10-12"),
            ("at 10", "at 10"),
            ("10 o'clock", "at 10"),
            ("Monday 13", "monday 13"),
            ("Mon, 13", "mon 13"),
            ("week 12", "week 12"),
            ("KW 12", "week 12"),
            ("the 13th", "the 13th"),
            ("1.2.3", "1.2.3"),
            ("0x13", "0x13"),
            ("2024-W13", "2024-w13"),
            ("https://example.com/13?n=13", "https://example.com/13?n=13"),
            ("+49 170 1234567", "+491701234567"),
            ("0170 1234567", "01701234567"),
            ("(555) 123-4567", "5551234567"),
            ("24/7", "24/7"),
        ] {
            assert_eq!(words(text).join(" "), only, "{text}");
        }
        assert_eq!(words("1. pay bob\n2) pay zoe"), ["1.", "pay", "bob", "\n", "2.", "pay", "zoe"]);
        assert_eq!(words("at 10 €, at 10 dollars"), ["at", "10", "€", ",", "at", "10", "dollars"]);
        assert_eq!(words("Monday, 13 May"), ["monday", ",", "--05-13"]);
        assert_eq!(words("June 13 - 15, at 10.30"), ["--06-13", "at 15", ",", "at 10.30"]);
        assert_eq!(
            words("13 and 14 June, 10 or 11 am"),
            ["at 13", "and", "--06-14", ",", "at 10", "or", "11:00"]
        );
        assert_eq!(words("book 3 seats"), ["book", "3", "seats"]);
        assert_eq!(words("pay 24 EUR or 24 dollars"), ["pay", "24", "eur", "or", "24", "dollars"]);
    }

    #[test]
    fn the_items_of_a_list_are_words() {
        assert_eq!(words("A-1,A-2, A-3"), ["a-1", ",", "a-2", ",", "a-3"]);
        assert_eq!(words("https://e.com/?q=a,b"), ["https://e.com/?q=a,b"]);
        assert_eq!(
            words("[1,2]"),
            ["[", "1,2", "]"],
            "which could be a decimal comma, and is none of its parts"
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_has_words(text in proptest::prelude::any::<String>()) {
            super::words(&text, |_| {});
        }

        /// In any combination of dates, times and quantities, none of their numbers is a word.
        #[test]
        fn no_part_of_what_is_one_value_is_a_word(
            values in proptest::collection::vec(proptest::sample::select(&ONE[..]), 1..6),
        ) {
            let text = values.join(" and ");
            let all = words(&text);
            proptest::prop_assert!(!all.iter().any(|word| word == "13"), "{text}: {all:?}");
        }

        #[test]
        fn what_is_plain_already_is_folded_as_any_text_is(
            text in "[ -~\n\u{e0}-\u{ff}\u{300}\u{2070}-\u{209c}]{0,12}",
        ) {
            proptest::prop_assert_eq!(
                folded(&text),
                marked(&text).nfkc().collect::<String>().to_lowercase()
            );
        }
    }
}
