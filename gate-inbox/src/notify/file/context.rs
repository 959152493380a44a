//! The places that the file refers to: the environment, and other files.

use std::path::{Path, PathBuf};

use super::table::{ConfigMistakes, ConfigTable, LocatedValue};

/// The environment, and the folder of the file.
#[derive(Clone, Copy)]
pub(super) struct ConfigContext<'o> {
    pub(super) variables: &'o dyn Fn(&str) -> Option<String>,
    pub(super) folder: &'o Path,
}

impl ConfigContext<'_> {
    /// A file that is named: beside the file that names it, unless its path is whole.
    pub(super) fn path(&self, named: &str) -> PathBuf {
        self.folder.join(named)
    }

    /// A secret that must be there: the text of a field, or of the variable that `…_env` names.
    pub(super) fn secret(
        &self,
        table: &ConfigTable<'_>,
        (key, example): (&str, &str),
        mistakes: &mut ConfigMistakes<'_>,
    ) -> Option<LocatedValue<String>> {
        let by_name = format!("{key}_env");
        if !table.has(key) && !table.has(&by_name) {
            let variable = format!("{}_{}", table.name(), key).to_ascii_uppercase();
            table.missing(
                key,
                &format!("`{key} = \"{example}\"`, or `{by_name} = \"{variable}\"`"),
                mistakes,
            );
            return None;
        }
        self.some_secret(table, key, mistakes)
    }

    /// A secret that may be missing.
    pub(super) fn some_secret(
        &self,
        table: &ConfigTable<'_>,
        key: &str,
        mistakes: &mut ConfigMistakes<'_>,
    ) -> Option<LocatedValue<String>> {
        let by_name = format!("{key}_env");
        let (direct, named) = (table.some_text(key, mistakes), table.some_text(&by_name, mistakes));
        once(table, key, &by_name, mistakes)?;
        let secret = match (direct, named) {
            (Some(given), _) => LocatedValue { value: given.value.to_owned(), at: given.at },
            (None, Some(named)) => self.variable(&by_name, &named, mistakes)?,
            (None, None) => return None,
        };
        if secret.value.trim().is_empty() {
            mistakes.add(secret.at, format!("`{key}` is empty: fill it in"));
            return None;
        }
        Some(secret)
    }

    /// Secrets of which there must be one: the texts of a field, or of the variables that `…_env`
    /// names.
    pub(super) fn secrets(
        &self,
        table: &ConfigTable<'_>,
        (key, example): (&str, &str),
        mistakes: &mut ConfigMistakes<'_>,
    ) -> Option<Vec<LocatedValue<String>>> {
        let by_name = format!("{key}_env");
        if !table.has(key) && !table.has(&by_name) {
            let variable = format!("{}_SECRET", table.name()).to_ascii_uppercase();
            let message = format!("`{key} = [\"{example}\"]`, or `{by_name} = [\"{variable}\"]`");
            table.missing(key, &message, mistakes);
            return None;
        }
        let direct = table.some_texts(key, example, mistakes);
        let named = table.some_texts(&by_name, "OPS_SECRET", mistakes);
        once(table, key, &by_name, mistakes)?;
        match (direct, named) {
            (Some(given), _) => Some(
                given
                    .into_iter()
                    .map(|given| LocatedValue { value: given.value.to_owned(), at: given.at })
                    .collect(),
            ),
            (None, Some(named)) => {
                let found: Vec<_> = named
                    .iter()
                    .filter_map(|named| self.variable(&by_name, named, mistakes))
                    .collect();
                (found.len() == named.len()).then_some(found)
            }
            (None, None) => None,
        }
    }

    /// Returns the value of a variable. Its name is not repeated: somebody may have written the
    /// secret in its place.
    fn variable(
        &self,
        key: &str,
        named: &LocatedValue<&str>,
        mistakes: &mut ConfigMistakes<'_>,
    ) -> Option<LocatedValue<String>> {
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let is_name = named.value.starts_with(|c: char| !c.is_ascii_digit())
            && named.value.chars().all(is_of_name);
        let message = if is_name {
            match (self.variables)(named.value) {
                Some(value) => {
                    return Some(LocatedValue { value: value.trim().to_owned(), at: named.at });
                }
                None => format!(
                    "the variable that `{key}` names is not set, or not UTF-8: set it for this \
                     process"
                ),
            }
        } else {
            format!("`{key}` takes the name of a variable, not the secret itself")
        };
        mistakes.add(named.at, message);
        None
    }
}

/// Checks that a secret is not given in two ways.
fn once(
    table: &ConfigTable<'_>,
    key: &str,
    by_name: &str,
    mistakes: &mut ConfigMistakes<'_>,
) -> Option<()> {
    if table.has(key) && table.has(by_name) {
        mistakes.add(
            table.line_of(by_name),
            format!("`{key}` and `{by_name}` are both set: keep one of them"),
        );
        return None;
    }
    Some(())
}
