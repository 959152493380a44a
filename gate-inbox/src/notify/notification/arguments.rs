//! The arguments of a call in notifications: each on one line, a long one by its start and end.
//! Also says whether they are complete.

use gate_runtime::Approval;
use gate_runtime::review::{ShownArgument, ValueSource};
use gate_runtime::tool::Descriptor;

use super::{is_short, plain, short};

/// The most arguments that are shown.
const MANY: usize = 20;

/// An argument, by its name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ArgumentText {
    pub(crate) name: String,
    pub(crate) value: String,
    /// Set if nothing of the value is left out. A secret counts as complete, because no other place
    /// shows more of it.
    is_whole: bool,
}

/// Returns the arguments with which the call would run, and how many more there are.
pub(in crate::notify) fn arguments(
    approval: &Approval,
    tool: Option<&Descriptor>,
) -> (Vec<ArgumentText>, usize) {
    let all = approval.shown_arguments(tool);
    let shown = all.iter().take(MANY).map(argument);
    (shown.collect(), all.len().saturating_sub(MANY))
}

/// Returns whether all arguments are shown, and each of them whole. Nobody is asked to approve
/// arguments that they are not shown.
pub(crate) fn is_whole(approval: &Approval) -> bool {
    let (shown, more) = arguments(approval, None);
    more == 0 && shown.iter().all(|argument| argument.is_whole)
}

/// Returns the arguments on one line.
pub(crate) fn one_line(approval: &Approval, tool: Option<&Descriptor>) -> String {
    let (shown, more) = arguments(approval, tool);
    let mut line: Vec<String> =
        shown.iter().map(|ArgumentText { name, value, .. }| format!("{name}: {value}")).collect();
    if more > 0 {
        line.push(format!("and {more} more"));
    }
    if line.is_empty() { "no arguments".to_owned() } else { line.join(", ") }
}

fn argument(argument: &ShownArgument) -> ArgumentText {
    let (name, value) = (plain(argument.name()), argument.text());
    let source = match argument.source() {
        ValueSource::Default | ValueSource::Rewritten { .. } | ValueSource::Edited { .. } => {
            argument.describe_source()
        }
        ValueSource::Unknown | ValueSource::Said(_) => None,
    };
    let source = source.map(plain).unwrap_or_default();
    let is_whole = is_short(&name) && is_short(&value) && is_short(&source);
    let mut shown = short(&value, &argument.whole());
    if !source.is_empty() {
        shown = format!("{shown} ({})", short(&source, &source));
    }
    ArgumentText { name: short(&name, argument.name()), value: shown, is_whole }
}
