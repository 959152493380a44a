//! A page of text for a terminal: rows with a label, wrapped.
//!
//! Every line begins with a bar, and every continuation of a wrapped text has a mark, so that no
//! text can look like a row or a note of the page.

use std::fmt::{Display, Write as _};

use console::Style;
use textwrap::{Options, WordSplitter};

/// The width of a page, and whether it has colours.
#[derive(Clone, Copy)]
pub(super) struct PageStyle {
    pub(super) width: usize,
    pub(super) colours: bool,
}

impl PageStyle {
    /// Formats details that the reader can look up.
    pub(super) fn faint(self, text: impl Display) -> String {
        self.styled(Style::new().dim(), text)
    }

    /// Formats an important text.
    pub(super) fn strong(self, text: impl Display) -> String {
        self.styled(Style::new().bold(), text)
    }

    /// Formats a text that the reader should check.
    pub(super) fn warning(self, text: impl Display) -> String {
        self.styled(Style::new().yellow(), text)
    }

    /// Formats a text about an effect that cannot be undone.
    pub(super) fn danger(self, text: impl Display) -> String {
        self.styled(Style::new().red().bold(), text)
    }

    fn styled(self, style: Style, text: impl Display) -> String {
        style.force_styling(self.colours).apply_to(text).to_string()
    }
}

/// The mark of a continued line.
const ON: &str = "┆ ";

/// The column in which the texts of rows begin.
const LABEL: usize = 10;

pub(super) struct PageBuffer {
    pub(super) style: PageStyle,
    text: String,
}

impl PageBuffer {
    pub(super) fn new(style: PageStyle) -> Self {
        Self { style, text: String::new() }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Adds the first line.
    pub(super) fn title(&mut self, text: &str) {
        self.text.push('\n');
        self.wrapped("┌─ ", "│  ", text);
    }

    /// Adds the last line.
    pub(super) fn end(&mut self) {
        self.text.push_str("└─\n");
    }

    pub(super) fn gap(&mut self) {
        self.text.push_str("│\n");
    }

    /// Adds a text of the whole width.
    pub(super) fn line(&mut self, text: &str) {
        self.wrapped("│  ", "│  ", text);
    }

    /// Adds a text beside its label.
    pub(super) fn row(&mut self, label: &str, text: &str) {
        let first = format!(
            "│  {}{} ",
            self.style.faint(label),
            " ".repeat(LABEL.saturating_sub(label.len()))
        );
        self.wrapped(&first, &format!("│  {:LABEL$} ", ""), text);
    }

    /// Adds an indented text below a row.
    pub(super) fn note(&mut self, indent: usize, text: &str) {
        let prefix = format!("│  {:LABEL$} {:indent$}", "", "");
        self.wrapped(&prefix, &prefix, text);
    }

    /// Adds a named value, with the name in a column of this width. A wider name has its own lines.
    pub(super) fn value(&mut self, label: &str, name: &str, column: usize, text: &str) {
        let label =
            format!("{}{}", self.style.faint(label), " ".repeat(LABEL.saturating_sub(label.len())));
        let plain = format!("│  {:LABEL$} ", "");
        let width = textwrap::core::display_width(name);
        let mut first = format!("│  {label} {name}{:1$}  ", "", column.saturating_sub(width));
        if width > column {
            self.wrapped(&format!("│  {label} "), &plain, name);
            first = format!("{plain}{:column$}  ", "");
        }
        self.wrapped(&first, &format!("{plain}{:column$}  ", ""), text);
    }

    fn wrapped(&mut self, first: &str, others: &str, text: &str) {
        let others = format!("{others}{ON}");
        let options = Options::new(self.style.width)
            .initial_indent(first)
            .subsequent_indent(&others)
            .word_splitter(WordSplitter::NoHyphenation);
        for line in textwrap::wrap(text, options) {
            let _ = writeln!(self.text, "{}", line.trim_end());
        }
    }
}
