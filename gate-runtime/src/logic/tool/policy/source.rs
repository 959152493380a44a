//! A policy's source text, and the text of each rule.

use super::entry::SourceLocation;
use super::{Policy, Rules};
use crate::logic::tool::Tool;

/// A function that `policy = "…"` may name: one with `#[policy]`, for this tool. The compiler names
/// this trait if the function is not one.
#[diagnostic::on_unimplemented(
    message = "this is no policy of `{T}`",
    label = "not a function with `#[policy]` for this tool",
    note = "write `#[policy]` above the function, which takes and returns `Rules<{T}>`"
)]
pub trait HasPolicyAttribute<T: Tool> {
    /// Returns the policy.
    fn declared(self) -> Policy<T>;
}

impl<T: Tool, F: FnOnce() -> Policy<T>> HasPolicyAttribute<T> for F {
    fn declared(self) -> Policy<T> {
        self()
    }
}

/// Returns the policy of a tool.
pub fn policy_of<T: Tool, P: HasPolicyAttribute<T>>(policy: P) -> Policy<T> {
    policy.declared()
}

/// The parts of a policy's function that the macro captures.
#[derive(Clone, Copy, Debug)]
pub struct PolicySource {
    /// The function's name.
    pub name: &'static str,
    /// Its doc comment.
    pub about: &'static str,
    /// The text of its body, from brace to brace.
    pub text: &'static str,
    /// The body's tokens, without comments and layout. The policy's digest covers them.
    pub tokens: &'static str,
    /// The line of the opening brace, from 1; 0 if unknown.
    pub line: usize,
    /// The column of the opening brace, from 1.
    pub column: usize,
}

/// The rules of a tool, which a policy's function takes and returns. Recognised by their type.
#[diagnostic::on_unimplemented(
    message = "a policy returns `Rules<…>` of its tool, not `{Self}`",
    label = "expected `Rules<…>`",
    note = "write `fn name(rules: Rules<YourTool>) -> Rules<YourTool>`"
)]
pub trait DeclaredRules {
    /// The policy made from the rules.
    type Policy;
}

impl<T: Tool> DeclaredRules for Rules<T> {
    type Policy = Policy<T>;
}

/// The methods that begin a rule, or end the last one.
const STARTS: [&str; 4] = ["deny(", "ask(", "auto_approve(", "otherwise("];

impl PolicySource {
    /// Returns the body's text without its braces and its indentation.
    pub(super) fn dedented(&self) -> String {
        let body = self
            .text
            .trim()
            .strip_prefix('{')
            .and_then(|text| text.strip_suffix('}'))
            .unwrap_or(self.text);
        dedent(body)
    }

    /// Returns the text of each rule, from its location to the beginning of the next rule; `None`
    /// if a location is not in the text, as for a rule that another function adds.
    pub(super) fn rule_texts(
        &self,
        starts: &[SourceLocation],
        otherwise: SourceLocation,
    ) -> Vec<Option<String>> {
        let mut ends: Vec<usize> =
            starts.iter().chain([&otherwise]).filter_map(|index| self.offset(*index)).collect();
        ends.push(self.text.trim_end().trim_end_matches('}').len());
        starts
            .iter()
            .map(|position| {
                let start = self.offset(*position)?;
                let end = ends.iter().copied().filter(|end| *end > start).min()?;
                let rule = self.text.get(start..end)?.trim_end();
                let rule = rule.strip_suffix('.').unwrap_or(rule);
                Some(format!(".{}", dedent(without_last_comments(rule))))
            })
            .collect()
    }

    /// Returns the byte offset of the method's name in the text, if the text contains it.
    fn offset(&self, location: SourceLocation) -> Option<usize> {
        let position = location?;
        let row = usize::try_from(position.line()).ok()?.checked_sub(self.line)?;
        let column = usize::try_from(position.column()).ok()?;
        let mut line_start = 0;
        for line in self.text.split_inclusive('\n').take(row) {
            line_start += line.len();
        }
        let first = if row == 0 { self.column } else { 1 };
        let rest = self.text.get(line_start..)?;
        let (within, _) = rest.char_indices().nth(column.checked_sub(first)?)?;
        let found = rest.get(within..)?;
        (self.line > 0 && STARTS.iter().any(|method| found.starts_with(method)))
            .then_some(line_start + within)
    }
}

/// Drops whole lines of comments at the end, because they belong to the next rule.
fn without_last_comments(text: &str) -> &str {
    let mut text = text;
    while let Some((before, last)) = text.trim_end().rsplit_once('\n')
        && last.trim_start().starts_with("//")
    {
        text = before;
    }
    text.trim_end()
}

/// Drops the indentation that all lines after the first share.
fn dedent(text: &str) -> String {
    let text = text.trim_matches('\n').trim_end();
    let indent = |line: &&str| line.len() - line.trim_start().len();
    let first_is_indented = text.starts_with(char::is_whitespace);
    let lines = || {
        text.lines().skip(usize::from(!first_is_indented)).filter(|line| !line.trim().is_empty())
    };
    let shared = lines().map(|line| indent(&line)).min().unwrap_or(0);
    let cut = |(index, line): (usize, &str)| {
        let keep = index == 0 && !first_is_indented;
        if keep {
            line.trim_end().to_owned()
        } else {
            line.get(shared..).unwrap_or(line.trim_start()).trim_end().to_owned()
        }
    };
    text.lines().enumerate().map(cut).collect::<Vec<_>>().join("\n")
}
