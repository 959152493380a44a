//! Codes that are written in groups, such as account and card numbers.

/// Joins a code that is written in groups of four, such as an account or card number. If its check
/// digits determine its end, it becomes one word without spaces. Other groups become one word that
/// equals only itself.
pub(super) fn code_in_groups(words: &[&str]) -> Option<(String, usize)> {
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
    let checked = (3..=all)
        .rev()
        .find(|count| is_account(&code(*count)) || (*count == 4 && is_card(&code(*count))));
    Some(match checked {
        Some(count) => (code(count), count),
        None => (words.get(..all)?.join(" "), all),
    })
}

/// Returns whether a text is an account number by its check digits (IBAN, ISO 13616).
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

/// Returns whether a text is a card number by its check digit (ISO/IEC 7812).
fn is_card(code: &str) -> bool {
    let sum = code.chars().rev().zip([1, 2].into_iter().cycle()).try_fold(0, |sum, (c, weight)| {
        let digit = c.to_digit(10)? * weight;
        Some(sum + digit / 10 + digit % 10)
    });
    code.len() == 16 && sum.is_some_and(|sum| sum % 10 == 0)
}
