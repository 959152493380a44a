//! The words of a text, in the one form in which they are compared.
//!
//! Two texts that people would call the same value have the same words: compatibility forms, case, spacing, the writing of numbers
//! and dates do not matter. Where a writing could mean two things, it is left as it is, and equals only itself.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::Date;
use unicode_normalization::UnicodeNormalization as _;

use crate::values::visible::{Hazard, hazard};

/// Where a line ends: no value goes on over it unless it has one there itself.
pub(super) const LINE_END: &str = "\n";

/// The words of a text; punctuation around a word is a word of its own.
pub(super) fn words(text: &str) -> Vec<String> {
    let text = marked(text).nfkc().collect::<String>().to_lowercase();
    let mut raw: Vec<Cow<'_, str>> = Vec::new();
    for line in text.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']) {
        if raw.last().is_some_and(|last| last != LINE_END) {
            raw.push(LINE_END.into());
        }
        line.split_whitespace().for_each(|chunk| split(chunk, &mut raw));
    }
    let raw: Vec<&str> = raw.iter().map(|word| &**word).collect();
    let mut words = Vec::with_capacity(raw.len());
    let mut rest = raw.as_slice();
    while let Some(first) = rest.first() {
        let joined = spoken_date(rest).or_else(|| code_in_groups(rest)).or_else(|| spaced_number(rest));
        let (word, count) = joined.unwrap_or_else(|| (canonical(first), 1));
        words.push(word);
        rest = rest.get(count..).unwrap_or_default();
    }
    words
}

/// A text in which raised, lowered and circled digits do not become plain ones: `10²` is not 102.
fn marked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let is_wide = matches!(c, '\u{ff10}'..='\u{ff19}' | '\u{1d7ce}'..='\u{1d7ff}');
        if !c.is_ascii() && !is_wide && [c].into_iter().nfkc().any(|c| c.is_ascii_digit()) {
            out.push(char::REPLACEMENT_CHARACTER);
        }
        out.push(c);
    }
    out
}

/// The words of a text as somebody may have hidden them: everything that is no letter or digit parts them, and letters that look alike are one.
pub(super) fn loose_words(text: &str) -> Vec<String> {
    let text: String = unescaped(text).nfkc().collect::<String>().to_lowercase();
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| if word.is_ascii() { word.to_owned() } else { plain_letters(word) }).collect()
}

/// A word in which letters that look like plain ones are those.
fn plain_letters(word: &str) -> String {
    let mut plain = String::with_capacity(word.len());
    for c in word.chars() {
        let mut text = [0; 4];
        let looks: String = unicode_security::skeleton(c.encode_utf8(&mut text)).collect();
        if !c.is_ascii() && looks.is_ascii() { plain.push_str(&looks) } else { plain.push(c) }
    }
    plain
}

/// The numbers in a text as somebody may have hidden them, in every reading that they have.
pub(super) fn loose_numbers(text: &str) -> Vec<String> {
    let text: String = unescaped(text).nfkc().collect();
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '\'' | '’');
    let mut numbers = Vec::new();
    let (mut before, mut rest) = (None, text.as_str());
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| is_part(c) != is_part(first)).unwrap_or(rest.len());
        let (run, others) = rest.split_at(end);
        if is_part(first) {
            let is_bound = |c: Option<char>| c.is_some_and(|c| c == '-' || c == '/');
            // What stands in a date or a code is no number of its own.
            if !is_bound(before) && !before.is_some_and(char::is_alphanumeric) && !is_bound(others.chars().next()) {
                let run = run.trim_matches(['.', ',', '\'', '’']).replace('’', "'");
                numbers.extend(readings(&run));
            }
        }
        before = run.chars().last();
        rest = others;
    }
    numbers
}

/// Every number that a run of digits and separators may mean.
fn readings(run: &str) -> impl Iterator<Item = String> {
    let plain = run.replace(['.', ',', '\''], "");
    let mut forms = vec![run.to_owned(), run.replace(',', "."), plain];
    if let Some((whole, fraction)) = run.rsplit_once(['.', ',']) {
        forms.push(format!("{}.{fraction}", whole.replace(['.', ',', '\''], "")));
    }
    forms.into_iter().filter_map(|form| plain_number(&form))
}

/// A text without what cannot be seen, and with the escapes of JSON and of HTML undone.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        let (decoded, length) = match c {
            '\\' => escaped(after).unwrap_or((' ', 0)),
            '&' => entity(after).unwrap_or(('&', 0)),
            c => (c, 0),
        };
        if hazard(decoded).is_none_or(|hazard| hazard == Hazard::Control) {
            out.push(decoded);
        }
        rest = after.get(length..).unwrap_or_default();
    }
    out
}

/// What follows a backslash: `n`, `u0040`; and how long it is.
fn escaped(after: &str) -> Option<(char, usize)> {
    match after.chars().next()? {
        'n' | 'r' | 't' => Some((' ', 1)),
        'u' => Some((char::from_u32(u32::from_str_radix(after.get(1..5)?, 16).ok()?)?, 5)),
        _ => None,
    }
}

/// What follows an ampersand: `#64;`, `#x40;`.
fn entity(after: &str) -> Option<(char, usize)> {
    let (code, _) = after.get(..10.min(after.len())).or(after.get(..4))?.split_once(';')?;
    let digits = code.strip_prefix('#')?;
    let number = match digits.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    Some((char::from_u32(number)?, code.len() + 1))
}

/// A value that is a number, in its one form.
pub(super) fn number(text: &str) -> Option<String> {
    match words(text).as_slice() {
        [word] => plain_number(word),
        _ => None,
    }
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

/// Splits what stands between two spaces: punctuation around it, the items of a list, a sign of currency.
fn split<'a>(chunk: &'a str, out: &mut Vec<Cow<'a, str>>) {
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

/// The items of a list that is written without spaces. A comma between digits is part of a number, one in a link of the link.
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

/// A sign of currency, or of per cent, beside a number is a word of its own: the number is said, and so are both together.
fn split_sign<'a>(core: &'a str, out: &mut Vec<Cow<'a, str>>) {
    let is_sign = |c: char| matches!(c, '$' | '€' | '£' | '¥' | '₹' | '%');
    let number = core.trim_matches(is_sign);
    let signs = core.len() - number.len();
    let amount = numeral(number).filter(|_| signs > 0 && signs <= 4 && !number.starts_with('-'));
    let Some(amount) = amount else {
        out.extend((!core.is_empty()).then_some(Cow::from(core)));
        return;
    };
    let (before, rest) = core.split_at(core.len() - core.trim_start_matches(is_sign).len());
    let after = rest.get(rest.trim_end_matches(is_sign).len()..).unwrap_or_default();
    out.extend([Cow::from(before), amount.into(), after.into()].into_iter().filter(|part| !part.is_empty()));
}

/// A single word: a number, a date or a point in time in its one form, anything else as it is.
fn canonical(word: &str) -> String {
    plain_number(word).or_else(|| date(word)).or_else(|| instant(word)).unwrap_or_else(|| word.to_owned())
}

/// A number that can be read in one way only: `2400`, `10.5`, `2'400`, `2,400.00`, `2.400,00`.
///
/// `1,2` and `100,200` may be lists, `1.234` may be a thousand and more: beside a sign of currency they are [amounts](numeral), elsewhere they equal
/// only themselves.
fn plain_number(word: &str) -> Option<String> {
    let (points, commas) = (word.matches('.').count(), word.matches(',').count());
    let is_clear = match (points, commas) {
        (0, 0) => true,
        (1, 0) => word.split_once('.').is_some_and(|(whole, fraction)| {
            let whole = whole.trim_start_matches('-');
            fraction.len() != 3 || whole.len() > 3 || whole == "0"
        }),
        _ => points > 0 && commas > 0,
    };
    if is_clear { numeral(word) } else { None }
}

/// An amount: `2400`, `2,400`, `2'400.00`, `2.400,00`, `10,5`.
///
/// A single point is a decimal point, a single comma before just three digits a separator of thousands. A leading zero makes it a
/// code, not a number.
fn numeral(word: &str) -> Option<String> {
    let (sign, number) = word.strip_prefix('-').map_or(("", word), |number| ("-", number));
    if !number.starts_with(|c: char| c.is_ascii_digit()) || !number.ends_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (whole, fraction) = match (number.matches('.').count(), number.matches(',').count()) {
        (1, 0) => number.split_once('.')?,
        (0, 1) => {
            let (whole, after) = number.split_once(',')?;
            let groups = after.len() == 3 && whole.len() <= 3 && whole != "0";
            if groups { (number, "") } else { (whole, after) }
        }
        // Only separators of thousands, if any.
        (_, 0) | (0, _) => (number, ""),
        (points, commas) if points.min(commas) == 1 => {
            let last = number.rfind(['.', ','])?;
            let decimal = number.get(last..)?;
            // What separates thousands does not come after the decimal sign, and that comes once.
            if number.matches(decimal.get(..1)?).count() > 1 {
                return None;
            }
            (number.get(..last)?, decimal.get(1..)?)
        }
        _ => return None,
    };
    let mut groups = whole.split(['.', ',', '\'']);
    let first = groups.next()?;
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mut digits = first.to_owned();
    let separators: Vec<char> = whole.chars().filter(|c| !c.is_ascii_digit()).collect();
    for group in groups {
        if group.len() != 3 || !is_digits(group) || first.len() > 3 {
            return None;
        }
        digits.push_str(group);
    }
    let is_mixed = separators.windows(2).any(|pair| pair.first() != pair.last());
    if !is_digits(first) || is_mixed || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{sign}{digits}{point}{fraction}"))
}

/// A date in digits: `2024-05-20`, `2024/5/20`, `20.05.2024`; `20/05/2024` and `05/20/2024` where only one reading is a date.
fn date(word: &str) -> Option<String> {
    let separator = ['-', '/', '.'].into_iter().find(|separator| word.matches(*separator).count() == 2)?;
    let mut parts = word.split(separator);
    let (a, b, c) = (parts.next()?, parts.next()?, parts.next()?);
    let short = |text: &str| text.parse::<i8>().ok().filter(|_| text.len() <= 2 && !text.starts_with(['+', '-']));
    match separator {
        '-' | '/' if a.len() == 4 => on(a, short(b)?, short(c)?),
        '.' => on(c, short(b)?, short(a)?),
        '/' => match (short(a)?, short(b)?) {
            (day, month) if day > 12 || day == month => on(c, month, day),
            (month, day) if day > 12 => on(c, month, day),
            _ => None,
        },
        _ => None,
    }
}

fn on(year: &str, month: i8, day: i8) -> Option<String> {
    let year: i16 = year.parse().ok().filter(|_| year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit()))?;
    Date::new(year, month, day).ok().map(|date| date.to_string())
}

/// A point in time as RFC 3339 writes it.
fn instant(word: &str) -> Option<String> {
    if !word.contains('t') || !word.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    word.parse::<Timestamp>().ok().map(|instant| instant.to_string())
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// A date in English words: `20 May 2024`, `20th of May 2024`, `May 20, 2024`. Without a year it is none.
fn spoken_date(words: &[&str]) -> Option<(String, usize)> {
    let (day, month, year, count) = match words {
        [day, "of", month, ",", year, ..] if is_month(month) => (day, month, year, 5),
        [day, "of", month, year, ..] if is_month(month) => (day, month, year, 4),
        [month, day, ",", year, ..] if is_month(month) => (day, month, year, 4),
        [month, day, year, ..] if is_month(month) => (day, month, year, 3),
        [day, month, ",", year, ..] if is_month(month) => (day, month, year, 4),
        [day, month, year, ..] if is_month(month) => (day, month, year, 3),
        _ => return None,
    };
    let ordinal = ["st", "nd", "rd", "th"].into_iter().find_map(|end| day.strip_suffix(end)).unwrap_or(day);
    let day: i8 = ordinal.parse().ok()?;
    let month = i8::try_from(MONTHS.iter().position(|name| names(name, month))? + 1).ok()?;
    Some((on(year, month, day)?, count))
}

fn is_month(word: &str) -> bool {
    MONTHS.iter().any(|name| names(name, word))
}

fn names(month: &str, word: &str) -> bool {
    word == month || (word.len() == 3 && month.starts_with(word)) || (word == "sept" && month == "september")
}

/// A code that is written in groups of four, as account and card numbers are: one word, as if it were written without spaces, where its check
/// digits say where it ends. What else is written so is left as one word that equals only itself.
fn code_in_groups(words: &[&str]) -> Option<(String, usize)> {
    let is_group = |word: &&&str| {
        word.len() <= 4
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && word.bytes().any(|byte| byte.is_ascii_digit())
    };
    let full = words.iter().take(9).take_while(is_group).take_while(|word| word.len() == 4).count();
    if full < 3 {
        return None;
    }
    let last = words.get(full).filter(|word| is_group(word) && word.len() < 4);
    let all = full + usize::from(last.is_some());
    let code = |count: usize| words.iter().take(count).copied().collect::<String>();
    let checked = (3..=all).rev().find(|count| is_account(&code(*count)) || (*count == 4 && is_card(&code(*count))));
    Some(match checked {
        Some(count) => (code(count), count),
        None => (words.get(..all)?.join(" "), all),
    })
}

/// Whether a text is an account number by its check digits (IBAN, ISO 13616).
fn is_account(code: &str) -> bool {
    let Some((head, body)) = code.split_at_checked(4) else { return false };
    if code.len() < 15 || !head.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return false;
    }
    let mut digits = body.chars().chain(head.chars()).map(|c| c.to_digit(36));
    let rest = digits.try_fold(0, |rest, digit| {
        let digit = digit?;
        Some((rest * if digit < 10 { 10 } else { 100 } + digit) % 97)
    });
    rest == Some(1)
}

/// Whether a text is a card number by its check digit (ISO/IEC 7812).
fn is_card(code: &str) -> bool {
    let sum = code.chars().rev().zip([1, 2].into_iter().cycle()).try_fold(0, |sum, (c, weight)| {
        let digit = c.to_digit(10)? * weight;
        Some(sum + digit / 10 + digit % 10)
    });
    code.len() == 16 && sum.is_some_and(|sum| sum % 10 == 0)
}

/// Digits with spaces between groups of three may be one number or several: they are left as one word that equals only itself.
fn spaced_number(words: &[&str]) -> Option<(String, usize)> {
    let is_digits = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let is_last = |word: &str| {
        word.split_at_checked(3).is_some_and(|(group, fraction)| {
            is_digits(group) && fraction.strip_prefix(['.', ',']).is_some_and(is_digits)
        })
    };
    words.first().filter(|word| word.len() <= 3 && is_digits(word))?;
    let mut count = 1 + words.iter().skip(1).take_while(|word| word.len() == 3 && is_digits(word)).count();
    count += usize::from(words.get(count).is_some_and(|word| is_last(word)));
    (count > 1).then(|| Some((words.get(..count)?.join(" "), count)))?
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(words("24€, 10%"), ["24", "€", ",", "10", "%"]);
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
        assert_eq!(words("DE89 3704 0044 0532 0130 00 2400 EUR"), ["de89370400440532013000", "2400", "eur"]);
        assert_eq!(words("1234 5678 9012 50 euros"), ["1234 5678 9012 50", "euros"]);
        assert_eq!(words("1 234,50 EUR"), ["1 234,50", "eur"]);
        assert_eq!(words("12 345 678.90"), ["12 345 678.90"]);
        assert_eq!(words("order A-1001"), ["order", "a-1001"]);
        assert_eq!(words("alice@example.com"), ["alice@example.com"]);
    }

    #[test]
    fn the_items_of_a_list_are_words() {
        assert_eq!(words("A-1,A-2, A-3"), ["a-1", ",", "a-2", ",", "a-3"]);
        assert_eq!(words("https://e.com/?q=a,b"), ["https://e.com/?q=a,b"]);
        assert_eq!(words("[1,2]"), ["[", "1,2", "]"], "which could be a decimal comma, and is none of its parts");
    }

    #[test]
    fn hidden_words_and_numbers_are_found() {
        let hidden = [
            "mailto:mallory@evil.example",
            "to|mallory@evil.example|",
            "_mallory@evil.example_",
            "→mallory@evil.example—now",
            "<a href=\"x\">mallory@evil.example</a>",
            "mal\u{200b}lory@evil.example",
            "mаllory@evil.example",
            r"pay\nmallory@evil.example\nnow",
            r"mallory\u0040evil.example",
            "mallory&#64;evil&#x2e;example",
        ];
        let wanted = loose_words("mallory@evil.example");
        for text in hidden {
            let found = loose_words(text);
            assert!(found.windows(wanted.len()).any(|words| words == wanted), "{text}: {found:?}");
        }
        for (text, number) in
            [("amount=0.01", "0.01"), ("to|5|", "5"), ("$1,234", "1234"), ("24EUR", "24"), ("1.200", "1200")]
        {
            assert!(loose_numbers(text).contains(&number.to_owned()), "{text}: {:?}", loose_numbers(text));
        }
        assert!(loose_numbers("2024-05-24, A-24, a24, 24/7").is_empty());
    }

    proptest::proptest! {
        #[test]
        fn any_text_has_words(text in proptest::prelude::any::<String>()) {
            let _ = (words(&text), loose_words(&text), loose_numbers(&text));
        }
    }
}
