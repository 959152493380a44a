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
    /// Faint: what is there to be looked up.
    pub(super) fn faint(self, text: impl Display) -> String {
        self.styled(Style::new().dim(), text)
    }

    /// Marks a text that stands out.
    pub(super) fn strong(self, text: impl Display) -> String {
        self.styled(Style::new().bold(), text)
    }

    /// Something to look at twice.
    pub(super) fn warning(self, text: impl Display) -> String {
        self.styled(Style::new().yellow(), text)
    }

    /// Something that cannot be undone.
    pub(super) fn danger(self, text: impl Display) -> String {
        self.styled(Style::new().red().bold(), text)
    }

    fn styled(self, style: Style, text: impl Display) -> String {
        style.force_styling(self.colours).apply_to(text).to_string()
    }
}

/// Where a text goes on that was wrapped.
const ON: &str = "┆ ";

/// The column in which the texts of rows begin.
const LABEL: usize = 10;

pub(super) struct PageBuffer {
    pub(super) look: PageStyle,
    text: String,
}

impl PageBuffer {
    pub(super) fn new(look: PageStyle) -> Self {
        Self { look, text: String::new() }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// The first line.
    pub(super) fn title(&mut self, text: &str) {
        self.text.push('\n');
        self.wrapped("┌─ ", "│  ", text);
    }

    /// The last line.
    pub(super) fn end(&mut self) {
        self.text.push_str("└─\n");
    }

    pub(super) fn gap(&mut self) {
        self.text.push_str("│\n");
    }

    /// A text over the whole width.
    pub(super) fn line(&mut self, text: &str) {
        self.wrapped("│  ", "│  ", text);
    }

    /// A text beside its label.
    pub(super) fn row(&mut self, label: &str, text: &str) {
        let first = format!(
            "│  {}{} ",
            self.look.faint(label),
            " ".repeat(LABEL.saturating_sub(label.len()))
        );
        self.wrapped(&first, &format!("│  {:LABEL$} ", ""), text);
    }

    /// A text below a row, further in.
    pub(super) fn note(&mut self, indent: usize, text: &str) {
        let prefix = format!("│  {:LABEL$} {:indent$}", "", "");
        self.wrapped(&prefix, &prefix, text);
    }

    /// A named value, its name in a column of a width. A name that is wider stands on lines of its
    /// own.
    pub(super) fn value(&mut self, label: &str, name: &str, column: usize, text: &str) {
        let label =
            format!("{}{}", self.look.faint(label), " ".repeat(LABEL.saturating_sub(label.len())));
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
        let options = Options::new(self.look.width)
            .initial_indent(first)
            .subsequent_indent(&others)
            .word_splitter(WordSplitter::NoHyphenation);
        for line in textwrap::wrap(text, options) {
            let _ = writeln!(self.text, "{}", line.trim_end());
        }
    }
}
