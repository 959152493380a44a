//! Numbers in their various written forms.

/// Parses a number that has only one reading: `2400`, `10.5`, `2'400`, `2,400.00`, `2.400,00`.
///
/// `1,2` and `100,200` may be lists, and `1.234` may be more than a thousand. Beside a currency
/// sign they are [amounts](numeral); elsewhere they equal only themselves.
pub(crate) fn plain_number(word: &str) -> Option<String> {
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

/// Parses an amount: `2400`, `2,400`, `2'400.00`, `2.400,00`, `10,5`.
///
/// A single point is a decimal point; a single comma before exactly three digits is a thousands
/// separator. A text with a leading zero is a code, not a number.
pub(super) fn numeral(word: &str) -> Option<String> {
    let (sign, number) = word.strip_prefix('-').map_or(("", word), |number| ("-", number));
    if !number.starts_with(|c: char| c.is_ascii_digit())
        || !number.ends_with(|c: char| c.is_ascii_digit())
    {
        return None;
    }
    let (whole, fraction) = match (number.matches('.').count(), number.matches(',').count()) {
        (1, 0) => number.split_once('.')?,
        (0, 1) => {
            let (whole, after) = number.split_once(',')?;
            let groups = after.len() == 3 && whole.len() <= 3 && whole != "0";
            if groups { (number, "") } else { (whole, after) }
        }
        // Only thousands separators, if any.
        (_, 0) | (0, _) => (number, ""),
        (points, commas) if points.min(commas) == 1 => {
            let last = number.rfind(['.', ','])?;
            let decimal = number.get(last..)?;
            // No thousands separator follows the decimal sign, which occurs once.
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

/// Returns every number that a run of digits and separators may mean.
pub(super) fn readings(run: &str) -> impl Iterator<Item = String> {
    let plain = run.replace(['.', ',', '\''], "");
    let mut forms = vec![run.to_owned(), run.replace(',', "."), plain];
    if let Some((whole, fraction)) = run.rsplit_once(['.', ',']) {
        forms.push(format!("{}.{fraction}", whole.replace(['.', ',', '\''], "")));
    }
    forms.into_iter().filter_map(|form| plain_number(&form))
}

/// Joins groups of three digits with spaces between them into one word that equals only itself,
/// because they may be one number or several.
pub(super) fn spaced_number(words: &[&str]) -> Option<(String, usize)> {
    let is_digits = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let is_last = |word: &str| {
        word.split_at_checked(3).is_some_and(|(group, fraction)| {
            is_digits(group) && fraction.strip_prefix(['.', ',']).is_some_and(is_digits)
        })
    };
    words.first().filter(|word| word.len() <= 3 && is_digits(word))?;
    let mut count =
        1 + words.iter().skip(1).take_while(|word| word.len() == 3 && is_digits(word)).count();
    count += usize::from(words.get(count).is_some_and(|word| is_last(word)));
    (count > 1).then(|| Some((words.get(..count)?.join(" "), count)))?
}
