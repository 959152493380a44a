//! Edits a text in the person's own editor.

use std::io::{self, Write as _};
use std::process::Command;

/// Lets the person edit a text; `None` if the editor reports failure.
///
/// The text is in a temporary file that no other user can read.
pub(super) fn edit(editor: &str, text: &str) -> io::Result<Option<String>> {
    let mut file = tempfile::Builder::new().prefix("arguments-").suffix(".json").tempfile()?;
    file.write_all(text.as_bytes())?;
    file.flush()?;
    let ended = command(editor, file.path()).status();
    let ended = ended
        .map_err(|error| io::Error::new(error.kind(), format!("the editor `{editor}`: {error}")))?;
    if !ended.success() {
        return Ok(None);
    }
    // Reads the file by its path, because an editor may replace the file.
    std::fs::read_to_string(file.path()).map(Some)
}

/// Returns the command that opens a file in an editor. `$EDITOR` may have arguments, so a shell
/// runs it if there is one.
#[cfg(unix)]
fn command(editor: &str, file: &std::path::Path) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{editor} \"$1\"")).arg("sh").arg(file);
    command
}

#[cfg(not(unix))]
fn command(editor: &str, file: &std::path::Path) -> Command {
    let mut command = Command::new(editor);
    command.arg(file);
    command
}
