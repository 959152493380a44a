//! The syntax of the file: its tables and fields with their lines, and syntax mistakes.

use gate_core::text::{SanitizedText, TextHazard, english};
use jiff::Timestamp;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A mistake in the file, and how to correct it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileDiagnostic {
    pub(super) line: usize,
    pub(super) message: String,
}

/// A file that is being read, with the mistakes found so far.
pub(super) struct TomlDocument<'t> {
    text: &'t str,
    /// The positions of the line ends.
    ends: Vec<usize>,
    mistakes: Vec<FileDiagnostic>,
}

/// The fields that a kind of table has.
pub(super) struct TableKeys {
    pub(super) name: &'static str,
    pub(super) fields: &'static [&'static str],
}

/// One table of a kind.
pub(super) struct PersonTable<'t> {
    pub(super) line: usize,
    kind: &'static TableKeys,
    fields: &'t DeTable<'t>,
}

/// A text of the file, and its line.
#[derive(Clone, Copy)]
pub(super) struct LineText<'t> {
    pub(super) text: &'t str,
    pub(super) line: usize,
}

/// Returns a text of the file in a form that is safe to show in a message.
pub(super) fn shown(text: &str) -> String {
    format!("`{}`", SanitizedText::of(text))
}

/// Returns the type of a value with its article: `a string`, `an integer`.
fn kind_of(value: &DeValue<'_>) -> String {
    english::with_article(value.type_str())
}

/// Parses a file. If it is not TOML, only that is reported, because other mistakes would only
/// follow from it.
pub(super) fn parse(bytes: &[u8]) -> Result<(TomlDocument<'_>, DeTable<'_>), Vec<FileDiagnostic>> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.iter().take(error.valid_up_to());
        let line = before.filter(|byte| **byte == b'\n').count() + 1;
        vec![FileDiagnostic {
            line,
            message: "this is not UTF-8: save the file as UTF-8".to_owned(),
        }]
    })?;
    let ends = text.match_indices('\n').map(|(at, _)| at).collect();
    let mut document = TomlDocument { text, ends, mistakes: Vec::new() };
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let line = document.line(error.span().map_or(0, |span| span.start));
        // Further mistakes of a line follow from its first one.
        if document.mistakes.iter().all(|mistake| mistake.line != line) {
            document.report(line, format!("this is not TOML: {}", error.message()));
        }
    }
    if document.is_good() { Ok((document, root.into_inner())) } else { Err(document.sorted()) }
}

impl<'t> TomlDocument<'t> {
    /// Adds a mistake.
    pub(super) fn report(&mut self, line: usize, message: impl Into<String>) {
        self.mistakes.push(FileDiagnostic { line, message: message.into() });
    }

    /// Returns whether there are no mistakes so far.
    pub(super) fn is_good(&self) -> bool {
        self.mistakes.is_empty()
    }

    /// Returns the mistakes in the file, from its top to its end, if there are any.
    pub(super) fn finish(self) -> Result<(), Vec<FileDiagnostic>> {
        if self.is_good() { Ok(()) } else { Err(self.sorted()) }
    }

    fn sorted(mut self) -> Vec<FileDiagnostic> {
        self.mistakes.sort();
        self.mistakes
    }

    /// Returns the tables of a kind.
    pub(super) fn entries(
        &mut self,
        root: &'t DeTable<'t>,
        kind: &'static TableKeys,
    ) -> Vec<PersonTable<'t>> {
        let Some(value) = root.get(kind.name) else { return Vec::new() };
        let name = kind.name;
        let DeValue::Array(tables) = value.get_ref() else {
            let line = self.line(value.span().start);
            self.report(
                line,
                format!("there may be several of these: begin each with `[[{name}]]`"),
            );
            return Vec::new();
        };
        let mut entries = Vec::new();
        for table in tables {
            let line = self.line(table.span().start);
            match table.get_ref() {
                DeValue::Table(fields) => entries.push(PersonTable { line, kind, fields }),
                other => {
                    let found = kind_of(other);
                    self.report(
                        line,
                        format!("a {name} is a table, not {found}: begin it with `[[{name}]]`"),
                    );
                }
            }
        }
        for entry in &entries {
            self.unknown_fields(entry.fields, &format!("a {name}"), kind.fields);
        }
        entries
    }

    /// Adds a mistake for every unknown field.
    pub(super) fn unknown_fields(&mut self, table: &DeTable<'_>, whole: &str, known: &[&str]) {
        for key in table.keys() {
            let name: &str = key.get_ref();
            if known.contains(&name) {
                continue;
            }
            let line = self.line(key.span().start);
            let help = match english::closest(name, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("{whole} has {}", english::list(known)),
            };
            self.report(line, format!("unknown field {}; {help}", shown(name)));
        }
    }

    fn line(&self, at: usize) -> usize {
        self.ends.partition_point(|end| *end < at) + 1
    }

    /// Returns a text without surrounding spaces. If they are a mistake, reports it and returns the
    /// text that was probably meant.
    fn trimmed(&mut self, what: &str, text: &'t str, line: usize) -> Option<LineText<'t>> {
        let inner = text.trim();
        if inner.is_empty() {
            self.report(line, format!("{what} is empty: fill it in"));
            return None;
        }
        if inner.len() != text.len() {
            self.report(
                line,
                format!("{what} begins or ends with a space or a line's end: remove it"),
            );
        }
        Some(LineText { text: inner, line })
    }

    /// Returns a name, without surrounding spaces and without invisible characters.
    fn name(&mut self, what: &str, text: &'t str, line: usize) -> Option<LineText<'t>> {
        let trimmed = self.trimmed(what, text, line)?;
        let visible = SanitizedText::of(trimmed.text);
        if let Some(hazard) =
            visible.hazards().iter().find(|hazard| **hazard != TextHazard::LookAlike)
        {
            self.report(line, format!("{what} has {hazard}: remove them from `{visible}`"));
        }
        Some(trimmed)
    }
}

impl<'t> PersonTable<'t> {
    /// Returns whether the field exists, valid or not.
    pub(super) fn has(&self, key: &str) -> bool {
        self.fields.contains_key(key)
    }

    /// Returns an optional field.
    pub(super) fn text(&self, key: &str, document: &mut TomlDocument<'t>) -> Option<LineText<'t>> {
        let (text, line) = self.string(key, document)?;
        document.trimmed(&format!("`{key}`"), text, line)
    }

    /// Returns a required name.
    pub(super) fn name(
        &self,
        key: &str,
        example: &str,
        document: &mut TomlDocument<'t>,
    ) -> Option<LineText<'t>> {
        self.must_have(key, &format!("\"{example}\""), document);
        let (text, line) = self.string(key, document)?;
        document.name(&format!("`{key}`"), text, line)
    }

    /// Returns an optional whole number from 1 on.
    pub(super) fn count(&self, key: &str, document: &mut TomlDocument<'t>) -> Option<usize> {
        let value = self.fields.get(key)?;
        let count = match value.get_ref() {
            DeValue::Integer(number) => {
                number.as_str().parse().ok().filter(|_| number.radix() == 10)
            }
            _ => None,
        };
        let count = count.filter(|count| *count > 0);
        if count.is_none() {
            let message = format!(
                "`{key}` is not a count: write a whole number from 1 on, like `{key} = 100`"
            );
            document.report(document.line(value.span().start), message);
        }
        count
    }

    /// Returns an optional list of names. A list with a mistake counts as missing.
    pub(super) fn names(
        &self,
        key: &str,
        document: &mut TomlDocument<'t>,
    ) -> Option<Vec<LineText<'t>>> {
        let value = self.fields.get(key)?;
        let example = format!("write a list of texts, like `{key} = [\"manager\"]`");
        let DeValue::Array(items) = value.get_ref() else {
            let line = document.line(value.span().start);
            document.report(line, format!("`{key}` is {}: {example}", kind_of(value.get_ref())));
            return None;
        };
        let mut names: Vec<LineText<'_>> = Vec::new();
        for item in items {
            let line = document.line(item.span().start);
            let DeValue::String(text) = item.get_ref() else {
                document.report(
                    line,
                    format!("`{key}` has {} in it: {example}", kind_of(item.get_ref())),
                );
                continue;
            };
            let Some(name) = document.name(&format!("a name in `{key}`"), text, line) else {
                continue;
            };
            if names.iter().any(|known| known.text == name.text) {
                document
                    .report(line, format!("`{key}` has {} twice: remove one", shown(name.text)));
            } else {
                names.push(name);
            }
        }
        // A mistake in an item has been reported, so the remaining items are not used for checks.
        (names.len() == items.len()).then_some(names)
    }

    /// Returns a required point in time, written as text or as TOML's own type.
    pub(super) fn time(&self, key: &str, document: &mut TomlDocument<'t>) -> Option<Timestamp> {
        const EXAMPLE: &str = "\"2026-12-01T00:00:00Z\"";
        self.must_have(key, EXAMPLE, document);
        let value = self.fields.get(key)?;
        let written = match value.get_ref() {
            DeValue::String(text) => Some(&**text),
            DeValue::Datetime(_) => document.text.get(value.span()),
            _ => None,
        };
        let time = written.filter(|text| !text.contains('[')).and_then(|text| text.parse().ok());
        if time.is_none() {
            let line = document.line(value.span().start);
            document.report(
                line,
                format!(
                    "`{key}` is not a point in time: write date, time and zone, like `{key} = \
                    {EXAMPLE}`"
                ),
            );
        }
        time
    }

    /// Reports that a field is missing.
    pub(super) fn must_have(&self, key: &str, example: &str, document: &mut TomlDocument<'t>) {
        if !self.has(key) {
            let name = self.kind.name;
            document.report(
                self.line,
                format!("this {name} has no `{key}`: write one, like `{key} = {example}`"),
            );
        }
    }

    fn string(&self, key: &str, document: &mut TomlDocument<'t>) -> Option<(&'t str, usize)> {
        let value: &Spanned<DeValue<'_>> = self.fields.get(key)?;
        let line = document.line(value.span().start);
        match value.get_ref() {
            DeValue::String(text) => Some((text, line)),
            other => {
                document.report(line, format!("`{key}` is {}: put it in quotes", kind_of(other)));
                None
            }
        }
    }
}
