//! `[links]`: links in mails that open the inbox.

use std::time::Duration;

use super::context::ConfigContext;
use super::table::{ConfigMistakes, ConfigTable, TableKind};
use crate::notify::link::{LinkKey, Links};
use crate::notify::setting::BadSetting;

pub(super) const LINKS: TableKind = TableKind {
    name: "links",
    this: "`[links]`",
    each: "`[links]`",
    fields: &["key_file", "hours"],
};

/// The most hours for which a link lasts: a year.
const MOST: u16 = 8_760;

/// The settings of links, before the inbox's address is known.
#[derive(Clone, Debug)]
pub(super) struct LinksTo {
    key: LinkKey,
    lasts: Option<Duration>,
}

impl LinksTo {
    pub(super) fn into_inbox(self, inbox: &str) -> Result<Links, BadSetting> {
        let links = Links::new(self.key, inbox)?;
        Ok(match self.lasts {
            Some(lasts) => links.lasting(lasts),
            None => links,
        })
    }
}

/// Reads the links of a table. Their key is created if it does not exist.
pub(super) fn links(
    table: &ConfigTable<'_>,
    outside: ConfigContext<'_>,
    mistakes: &mut ConfigMistakes<'_>,
) -> Option<LinksTo> {
    let file = table.text("key_file", "links.key", mistakes);
    let lasts =
        table.number("hours", MOST, mistakes).map(|hours| Duration::from_hours(hours.into()));
    let file = file?;
    let key = mistakes.good(file.at, LinkKey::in_file(outside.path(file.value)))?;
    Some(LinksTo { key, lasts })
}
