//! The tables of a TOML file with their lines, and the mistakes in their form.

use std::fmt;

use gate_runtime::review::SanitizedText;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::notify::setting::base;

/// A line, and what is wrong with it.
pub(super) type ConfigMistake = (usize, String);

/// The mistakes of a file so far, each with its line.
pub(super) struct ConfigMistakes<'t> {
    text: &'t str,
    list: Vec<ConfigMistake>,
}

/// A value of the file, and its line.
pub(super) struct LocatedValue<T> {
    pub(super) value: T,
    pub(super) at: usize,
}

/// The name of a kind of table, and the fields that it has.
#[derive(Clone, Copy)]
pub(super) struct TableKind {
    pub(super) name: &'static str,
    /// One of them, as in "`this` has no …".
    pub(super) this: &'static str,
    /// All of them, as in "`each` has …".
    pub(super) each: &'static str,
    pub(super) fields: &'static [&'static str],
}

/// One table of a kind.
pub(super) struct ConfigTable<'t> {
    kind: TableKind,
    pub(super) at: usize,
    fields: &'t DeTable<'t>,
}

impl<'t> ConfigMistakes<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        Self { text, list: Vec::new() }
    }

    /// Notes something wrong at a place of the file.
    pub(super) fn add(&mut self, at: usize, message: impl Into<String>) {
        let before = self.text.bytes().take(at);
        self.list.push((before.filter(|byte| *byte == b'\n').count() + 1, message.into()));
    }

    /// Returns a setting at a place, or notes that it is none.
    pub(super) fn good<T>(&mut self, at: usize, result: Result<T, impl fmt::Display>) -> Option<T> {
        result.map_err(|bad| self.add(at, bad.to_string())).ok()
    }

    /// All of them, from the top to the end.
    pub(super) fn finish(mut self) -> Vec<ConfigMistake> {
        self.list.sort();
        self.list
    }

    /// Notes every field that is none.
    pub(super) fn unknown(&mut self, table: &DeTable<'_>, whole: &str, known: &[&str]) {
        for key in table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            let name = SanitizedText::of(key.get_ref());
            self.add(
                key.span().start,
                format!("unknown field `{name}`; {whole} has {}", names.join(", ")),
            );
        }
    }
}

/// Reads a file. If it is not TOML, no other mistake is reported, because others would only follow
/// from that.
pub(super) fn parse(text: &str) -> Result<DeTable<'_>, Vec<ConfigMistake>> {
    DeTable::parse(text).map(Spanned::into_inner).map_err(|error| {
        let mut mistakes = ConfigMistakes::of(text);
        mistakes.add(
            error.span().map_or(0, |span| span.start),
            format!("this is not TOML: {}", error.message()),
        );
        mistakes.finish()
    })
}

impl<'t> ConfigTable<'t> {
    /// The tables of a kind, of which there may be several.
    pub(super) fn all(
        root: &'t DeTable<'t>,
        kind: TableKind,
        mistakes: &mut ConfigMistakes<'_>,
    ) -> Vec<Self> {
        let Some(found) = root.get(kind.name) else { return Vec::new() };
        let DeValue::Array(tables) = found.get_ref() else {
            let message =
                format!("there may be several of these: begin each with `[[{}]]`", kind.name);
            mistakes.add(found.span().start, message);
            return Vec::new();
        };
        let mut all = Vec::new();
        for table in tables {
            let at = table.span().start;
            if let DeValue::Table(fields) = table.get_ref() {
                all.push(Self { kind, at, fields });
            } else {
                mistakes.add(
                    at,
                    format!("{} is a table: begin it with `[[{}]]`", kind.each, kind.name),
                );
            }
        }
        for table in &all {
            mistakes.unknown(table.fields, kind.each, kind.fields);
        }
        all
    }

    /// The table of a kind, of which there is one at most.
    pub(super) fn one(
        root: &'t DeTable<'t>,
        kind: TableKind,
        mistakes: &mut ConfigMistakes<'_>,
    ) -> Option<Self> {
        let found = root.get(kind.name)?;
        let at = found.span().start;
        if let DeValue::Table(fields) = found.get_ref() {
            mistakes.unknown(fields, kind.each, kind.fields);
            return Some(Self { kind, at, fields });
        }
        mistakes.add(
            at,
            format!("there is one of these, and it is a table: begin it with `[{}]`", kind.name),
        );
        None
    }

    pub(super) fn name(&self) -> &'static str {
        self.kind.name
    }

    /// Where a field stands; where the table does, if it is missing.
    pub(super) fn line_of(&self, key: &str) -> usize {
        self.fields.get(key).map_or(self.at, |value| value.span().start)
    }

    /// Returns whether there is such a field, be it right or wrong.
    pub(super) fn has(&self, key: &str) -> bool {
        self.fields.contains_key(key)
    }

    /// Notes that a field is missing.
    pub(super) fn missing(&self, key: &str, example: &str, mistakes: &mut ConfigMistakes<'_>) {
        mistakes
            .add(self.at, format!("{} has no `{key}`: write one, like {example}", self.kind.this));
    }

    /// A text that must be there.
    pub(super) fn text(
        &self,
        key: &str,
        example: &str,
        mistakes: &mut ConfigMistakes<'_>,
    ) -> Option<LocatedValue<&'t str>> {
        if !self.has(key) {
            self.missing(key, &format!("`{key} = \"{example}\"`"), mistakes);
        }
        self.some_text(key, mistakes)
    }

    /// A text that may be missing.
    pub(super) fn some_text(
        &self,
        key: &str,
        mistakes: &mut ConfigMistakes<'_>,
    ) -> Option<LocatedValue<&'t str>> {
        let value = self.fields.get(key)?;
        let at = value.span().start;
        if let DeValue::String(text) = value.get_ref() {
            return Some(LocatedValue { value: text, at });
        }
        mistakes.add(at, format!("`{key}` is {}: put it in quotes", value.get_ref().type_str()));
        None
    }

    /// The address of a service that may be missing. It is not repeated: somebody may have written
    /// a password into it.
    pub(super) fn address(
        &self,
        key: &str,
        example: &str,
        mistakes: &mut ConfigMistakes<'_>,
    ) -> Option<&'t str> {
        let value = self.some_text(key, mistakes)?;
        if base(value.value).is_err() {
            mistakes.add(
                value.at,
                format!("`{key}` is no address for secrets: write it like `{key} = \"{example}\"`"),
            );
            return None;
        }
        Some(value.value)
    }

    /// A list of texts that may be missing.
    pub(super) fn some_texts(
        &self,
        key: &str,
        example: &str,
        mistakes: &mut ConfigMistakes<'_>,
    ) -> Option<Vec<LocatedValue<&'t str>>> {
        let value = self.fields.get(key)?;
        let mut texts = Vec::new();
        if let DeValue::Array(items) = value.get_ref() {
            for item in items {
                if let DeValue::String(text) = item.get_ref() {
                    texts.push(LocatedValue { value: &**text, at: item.span().start });
                }
            }
            if texts.len() == items.len() {
                return Some(texts);
            }
        }
        mistakes.add(
            value.span().start,
            format!("`{key}` is a list of texts: write it like `{key} = [\"{example}\"]`"),
        );
        None
    }

    /// A yes or a no; no, where it is missing.
    pub(super) fn flag(&self, key: &str, mistakes: &mut ConfigMistakes<'_>) -> Option<bool> {
        let Some(value) = self.fields.get(key) else { return Some(false) };
        if let DeValue::Boolean(flag) = value.get_ref() {
            return Some(*flag);
        }
        mistakes.add(value.span().start, format!("`{key}` is `true` or `false`"));
        None
    }

    /// A whole number from 1 on that may be missing.
    pub(super) fn number(
        &self,
        key: &str,
        most: u16,
        mistakes: &mut ConfigMistakes<'_>,
    ) -> Option<u16> {
        let value = self.fields.get(key)?;
        let number = value.get_ref().as_integer();
        let number =
            number.and_then(|number| u16::from_str_radix(number.as_str(), number.radix()).ok());
        if number.is_none_or(|number| number == 0 || number > most) {
            mistakes.add(value.span().start, format!("`{key}` is a whole number from 1 to {most}"));
            return None;
        }
        number
    }
}
