//! Builds queries for the origins of values: the texts by which people would refer to a value of an
//! argument.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use jiff::civil::Date;
use serde_json::Value;

use super::indexed_text::ValueQuery;
use super::tokens::{NEGATIONS, is_short_number, unit, words};

/// The facts about a call that determine the meaning of its values.
pub(crate) struct CallFacts {
    /// The tool's name.
    tool: String,
    arguments: Value,
    /// The texts that the tool's schema lists as choices.
    choices: Arc<BTreeSet<String>>,
    /// The day of the call.
    today: Option<Date>,
    names: OnceLock<ArgumentNames>,
}

/// The names of the arguments that have a value, for truth values, numbers and short ids.
type ArgumentNames = HashMap<String, BTreeSet<String>>;

/// Words in argument names that mark an id without naming the kind of thing.
const OF_IDS: [&str; 14] = [
    "id",
    "ids",
    "number",
    "numbers",
    "no",
    "nr",
    "num",
    "code",
    "key",
    "ref",
    "reference",
    "index",
    "idx",
    "uuid",
];

/// Words in argument names that mark a number as an amount, even if it is written as text.
const OF_AMOUNTS: [&str; 9] =
    ["amount", "price", "total", "sum", "cost", "fee", "count", "quantity", "qty"];

/// Words at the beginning of a flag's name that people leave out.
const OF_FLAGS: [&str; 3] = ["is", "has", "should"];

/// The most bytes that a date may have.
const LONGEST_DATE: usize = 64;

impl CallFacts {
    pub(crate) fn new(
        tool: &str,
        arguments: Value,
        choices: Arc<BTreeSet<String>>,
        today: Option<Date>,
    ) -> Self {
        Self { tool: tool.to_owned(), arguments, choices, today, names: OnceLock::new() }
    }

    /// Returns the facts of a call about which nothing is known.
    pub(crate) fn none() -> Self {
        Self::new("", Value::Null, Arc::default(), None)
    }

    pub(crate) fn arguments(&self) -> &Value {
        &self.arguments
    }

    /// Returns the names of the arguments that have a value. If several have it, returns each name.
    fn names_of(&self, value: &Value) -> impl Iterator<Item = &str> {
        let names = self.names.get_or_init(|| {
            let mut names = ArgumentNames::new();
            collect_names(&self.arguments, "", &mut names);
            names
        });
        let of_value = key(value).and_then(|key| names.get(&key));
        of_value.into_iter().flatten().map(String::as_str)
    }

    /// Returns the queries for a text or a number. All of them must match, each in one of its
    /// written forms.
    pub(super) fn queries(&self, text: &str, value: &Value) -> Vec<ValueQuery> {
        let plain = || ValueQuery::of(text);
        if self.choices.contains(text) {
            return vec![plain().or_as([name_words(text).join(" ")])];
        }
        let digits = text.trim();
        if !is_short_number(digits) && value.is_string() {
            return vec![plain().or_as_words(self.without_its_year(text))];
        }
        let ends_with = |name: &str, ends: &[&str]| {
            name_words(name).last().is_some_and(|last| ends.contains(&&**last))
        };
        let is_id = |name: &str| {
            if value.is_string() { !ends_with(name, &OF_AMOUNTS) } else { ends_with(name, &OF_IDS) }
        };
        let named_query = self.names_of(value).map(|name| {
            let with_unit = with_unit(name, digits);
            // A short number may be a day, an hour or a floor, so an id must stand beside its kind.
            if is_short_number(digits) && is_id(name) {
                ValueQuery::only_as(
                    text,
                    self.beside_its_kind(name, digits).into_iter().chain(with_unit),
                )
            } else {
                plain().or_as(with_unit)
            }
        });
        let wanted: Vec<ValueQuery> = named_query.collect();
        match wanted.is_empty() {
            true if value.is_string() => vec![ValueQuery::only_as(text, [])],
            true => vec![plain()],
            false => wanted,
        }
    }

    /// Returns the ways in which people name a thing by a short id: `file 13`, `order no. 7`.
    fn beside_its_kind(&self, name: &str, digits: &str) -> Vec<String> {
        let mut kind = name_words(name);
        while kind.last().is_some_and(|last| is_of_ids(last)) {
            kind.pop();
        }
        if kind.is_empty() {
            // If an argument is only called `id`, its kind comes from the tool's name.
            kind = name_words(&self.tool);
            if kind.len() > 1 {
                kind.remove(0);
            }
        }
        let mut kinds = vec![kind.join(" "), name.to_owned()];
        kinds.extend(kind.last().cloned());
        kinds.extend(kind.last().map(|last| format!("{last}s")));
        kinds.extend(kind.last().and_then(|last| last.strip_suffix('s')).map(str::to_owned));
        kinds.retain(|kind| !kind.is_empty());
        kinds.dedup();
        let between = [
            " ", " #", " no. ", " no ", " nr. ", " nr ", " number ", " num ", " id ", " id: ",
            ": ", " \"", " № ",
        ];
        kinds
            .iter()
            .flat_map(|kind| between.map(|between| format!("{kind}{between}{digits}")))
            .collect()
    }

    /// Returns the words of a date, with or without a time, in the form without a year, which means
    /// the nearest such date.
    fn without_its_year(&self, text: &str) -> Option<Vec<String>> {
        if text.len() > LONGEST_DATE || !text.contains(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let mut all = Vec::new();
        words(text, |word| all.push(word.to_owned()));
        let date: Date = all.first()?.parse().ok().filter(|_| all.len() <= 2)?;
        let far = self.today?.since(date).ok()?.get_days().unsigned_abs();
        let all_but_year = all.first()?.get(4..)?;
        (far <= 182).then(|| {
            [format!("-{all_but_year}")].into_iter().chain(all.iter().skip(1).cloned()).collect()
        })
    }

    /// Returns the queries for the flags that have a truth value, and for their negations.
    pub(super) fn flags(&self, value: &Value) -> Vec<FlagQuery> {
        let flag = |name: &str| {
            let mut words = name_words(name);
            while words.len() > 1 && words.first().is_some_and(|first| OF_FLAGS.contains(&&**first))
            {
                words.remove(0);
            }
            let name = words.join(" ");
            let denials = NEGATIONS.iter().flat_map(|no| {
                ["", "a ", "an ", "any ", "the ", "be ", "very "]
                    .map(|word| format!("{no} {word}{name}"))
            });
            let answered =
                [": no", ": false", ": off", "=false", " = false"].map(|no| format!("{name}{no}"));
            FlagQuery {
                stated: ValueQuery::of(&name),
                doubted: ValueQuery::doubtful(words.first().map_or("", String::as_str)),
                refused: ValueQuery::by_trusted(denials.chain(answered)),
            }
        };
        self.names_of(value).map(flag).collect()
    }
}

/// The queries for an argument that is true or false.
pub(super) struct FlagQuery {
    pub(super) stated: ValueQuery,
    /// The words of the flag in a sentence that contains a negation.
    pub(super) doubted: ValueQuery,
    pub(super) refused: ValueQuery,
}

fn collect_names(json: &Value, name: &str, names: &mut ArgumentNames) {
    match json {
        Value::Array(items) => items.iter().for_each(|item| collect_names(item, name, names)),
        Value::Object(fields) => {
            fields.iter().for_each(|(name, field)| collect_names(field, name, names));
        }
        _ => {
            if let Some(key) = key(json).filter(|_| !name.is_empty()) {
                names.entry(key).or_default().insert(name.to_owned());
            }
        }
    }
}

/// Returns the key that equal values share, for values whose argument names matter.
fn key(value: &Value) -> Option<String> {
    match value {
        Value::Bool(is_so) => Some(is_so.to_string()),
        Value::Number(number) => Some(number.as_f64()?.to_string()),
        Value::String(text) => Some(format!("\"{text}")).filter(|_| is_short_number(text.trim())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn is_of_ids(word: &str) -> bool {
    OF_IDS.contains(&word)
}

/// Returns the texts that a schema lists as choices.
pub(crate) fn choices(schema: &Value) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let mut unvisited = vec![schema];
    while let Some(next) = unvisited.pop() {
        match next {
            Value::Array(items) => unvisited.extend(items),
            Value::Object(fields) => {
                let listed = fields.get("enum").and_then(Value::as_array).into_iter().flatten();
                let texts = listed.chain(fields.get("const")).filter_map(Value::as_str);
                all.extend(texts.map(str::to_owned));
                unvisited.extend(fields.values());
            }
            _ => {}
        }
    }
    all
}

/// Returns the words of a name: `express_delivery`, `expressDelivery`, `express-delivery`.
fn name_words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        let begins = c.is_uppercase() && (before.is_lowercase() || before.is_ascii_digit());
        if begins || !c.is_alphanumeric() {
            words.push(String::new());
        }
        if c.is_alphanumeric() {
            words.last_mut().into_iter().for_each(|word| word.extend(c.to_lowercase()));
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Returns a number with the unit at the end of its argument's name: for `timeout_minutes`,
/// `30 min`.
fn with_unit(name: &str, digits: &str) -> Option<String> {
    let words = name_words(name);
    Some(format!("{digits} {}", unit(words.last()?)?))
}
