//! The tables of a TOML file, with their lines, and what is wrong with their form.

use gate_runtime::Visible;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A line, and what is wrong with it.
pub(super) type Mistake = (usize, String);

/// What is wrong with a file so far, each with its line.
pub(super) struct Mistakes<'t> {
    text: &'t str,
    list: Vec<Mistake>,
}

/// A value of the file, and where it stands.
pub(super) struct Said<T> {
    pub(super) value: T,
    pub(super) at: usize,
}

/// One table of a kind.
pub(super) struct Table<'t> {
    kind: &'static str,
    pub(super) at: usize,
    fields: &'t DeTable<'t>,
}

impl<'t> Mistakes<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        Self { text, list: Vec::new() }
    }

    /// Notes something wrong at a place of the file.
    pub(super) fn add(&mut self, at: usize, words: impl Into<String>) {
        let before = self.text.bytes().take(at);
        self.list.push((before.filter(|byte| *byte == b'\n').count() + 1, words.into()));
    }

    /// All of them, from the top to the end.
    pub(super) fn finish(mut self) -> Vec<Mistake> {
        self.list.sort();
        self.list
    }

    /// Notes every field that is none.
    pub(super) fn unknown(&mut self, table: &DeTable<'_>, whole: &str, known: &[&str]) {
        for key in table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            let name = Visible::of(key.get_ref());
            self.add(key.span().start, format!("unknown field `{name}`; {whole} has {}", names.join(", ")));
        }
    }
}

/// Reads a file. Where it is no TOML, nothing else is said of it: that would only follow.
pub(super) fn parse(text: &str) -> Result<DeTable<'_>, Vec<Mistake>> {
    DeTable::parse(text).map(Spanned::into_inner).map_err(|error| {
        let mut mistakes = Mistakes::of(text);
        mistakes.add(error.span().map_or(0, |span| span.start), format!("this is not TOML: {}", error.message()));
        mistakes.finish()
    })
}

impl<'t> Table<'t> {
    /// The tables of a kind, which have these fields.
    pub(super) fn all(
        root: &'t DeTable<'t>,
        kind: &'static str,
        fields: &[&str],
        mistakes: &mut Mistakes<'_>,
    ) -> Vec<Self> {
        let Some(found) = root.get(kind) else { return Vec::new() };
        let DeValue::Array(tables) = found.get_ref() else {
            mistakes.add(found.span().start, format!("there may be several of these: begin each with `[[{kind}]]`"));
            return Vec::new();
        };
        let mut all = Vec::new();
        for table in tables {
            let at = table.span().start;
            if let DeValue::Table(fields) = table.get_ref() {
                all.push(Self { kind, at, fields });
            } else {
                mistakes.add(at, format!("a {kind} is a table: begin it with `[[{kind}]]`"));
            }
        }
        for table in &all {
            mistakes.unknown(table.fields, &format!("a {kind}"), fields);
        }
        all
    }

    /// A text that must be there.
    pub(super) fn text(&self, key: &str, example: &str, mistakes: &mut Mistakes<'_>) -> Option<Said<&'t str>> {
        let value = self.must_have(key, &format!("\"{example}\""), mistakes)?;
        let at = value.span().start;
        if let DeValue::String(text) = value.get_ref() {
            return Some(Said { value: text, at });
        }
        mistakes.add(at, format!("`{key}` is {}: put it in quotes", value.get_ref().type_str()));
        None
    }

    /// A list of texts that must be there.
    pub(super) fn texts(&self, key: &str, example: &str, mistakes: &mut Mistakes<'_>) -> Option<Vec<Said<&'t str>>> {
        self.must_have(key, &format!("[\"{example}\"]"), mistakes)?;
        self.some_texts(key, example, mistakes)
    }

    /// A list of texts that may be missing.
    pub(super) fn some_texts(
        &self,
        key: &str,
        example: &str,
        mistakes: &mut Mistakes<'_>,
    ) -> Option<Vec<Said<&'t str>>> {
        let value = self.fields.get(key)?;
        let mut texts = Vec::new();
        if let DeValue::Array(items) = value.get_ref() {
            for item in items {
                if let DeValue::String(text) = item.get_ref() {
                    texts.push(Said { value: &**text, at: item.span().start });
                }
            }
            if texts.len() == items.len() {
                return Some(texts);
            }
        }
        mistakes
            .add(value.span().start, format!("`{key}` is a list of texts: write it like `{key} = [\"{example}\"]`"));
        None
    }

    /// A yes or a no; no, where it is missing.
    pub(super) fn flag(&self, key: &str, mistakes: &mut Mistakes<'_>) -> bool {
        let Some(value) = self.fields.get(key) else { return false };
        if let DeValue::Boolean(flag) = value.get_ref() {
            return *flag;
        }
        mistakes.add(value.span().start, format!("`{key}` is `true` or `false`"));
        false
    }

    fn must_have(&self, key: &str, example: &str, mistakes: &mut Mistakes<'_>) -> Option<&'t Spanned<DeValue<'t>>> {
        let found = self.fields.get(key);
        if found.is_none() {
            let kind = self.kind;
            mistakes.add(self.at, format!("this {kind} has no `{key}`: write one, like `{key} = {example}`"));
        }
        found
    }
}
