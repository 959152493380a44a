//! Reads and writes the rows of limit charges. Each function works in whatever transaction its
//! connection is in.
//!
//! Each row of a counter holds the counter's total up to that row, so that the use of a window is
//! one subtraction, however many rows the window has. Amounts and totals are unsigned 64-bit
//! numbers, stored bit by bit as SQLite's signed integers, and totals wrap around. That is exact:
//! every charge leaves only rows that were counted when it was checked, and their sum is at most
//! the limit's maximum, which has 64 bits.

use std::time::Duration;

use gate_core::Timestamp;
use gate_core::grants::{GiveBack, LimitCharge, LimitKey};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::json_body::ReadResult;
use crate::queries;

/// Returns how much of a counter's window is used: from its first row in the window to its last
/// row.
pub(crate) fn used(
    connection: &Connection,
    key: &LimitKey,
    window: Duration,
    now: Timestamp,
) -> rusqlite::Result<u64> {
    let mut ends = connection.prepare_cached(queries::USED)?;
    let between = |last: i64, first: i64, amount: i64| {
        last.cast_unsigned()
            .wrapping_sub(first.cast_unsigned())
            .wrapping_add(amount.cast_unsigned())
    };
    let used = ends.query_row(params![key.limit(), key.key(), since(now, window)], |row| {
        Ok(between(row.get(0)?, row.get(1)?, row.get(2)?))
    });
    // No row in the window: nothing is charged. A read error is returned above, and never counts as
    // 0.
    Ok(used.optional()?.unwrap_or(0))
}

/// Writes a charge of a limit, and deletes the charges that have left its window.
pub(crate) fn write(
    connection: &Connection,
    charge: &LimitCharge,
    now: Timestamp,
) -> ReadResult<()> {
    let (name, key) = (charge.key.limit(), charge.key.key());
    let mut last = connection.prepare_cached(queries::LAST_CHARGE)?;
    let last =
        last.query_row(params![name, key], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    // The first row of a counter: any time is later, and the total begins at 0.
    let (last, total): (i64, i64) = last.unwrap_or((i64::MIN, 0));
    let mut old = connection.prepare_cached(queries::DELETE_CHARGES)?;
    old.execute(params![name, key, since(now, charge.window)])?;
    let mut put = connection.prepare_cached(
        "INSERT INTO takes (name, key, at, amount, total, taken_for) VALUES (?, ?, ?, ?, ?, ?)",
    )?;
    // A clock that goes back must not make the order of the totals wrong: what is taken then counts
    // until the later time.
    let at = last.max(rounded_up(now));
    let (amount, taken_for) =
        (charge.amount.cast_signed(), charge.taken_for.map(|id| id.to_string()));
    put.execute(params![name, key, at, amount, total.wrapping_add(amount), taken_for])?;
    Ok(())
}

/// Gives charges of limits back, unless the call that they were taken for has already ended. This
/// is rare, so it may cost as much as there are later charges.
pub(crate) fn give_back(connection: &Connection, back: &GiveBack) -> ReadResult<()> {
    struct ChargeRow {
        database: i64,
        name: String,
        key: String,
        at: i64,
        amount: i64,
    }
    let mut charged = connection.prepare_cached(queries::CHARGES_FOR)?;
    let rows = charged.query_map(params![back.taken_for.to_string(), back.limit], |row| {
        let (database, name, key) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(ChargeRow { database, name, key, at: row.get(3)?, amount: row.get(4)? })
    })?;
    let rows: Vec<ChargeRow> = rows.collect::<Result<_, _>>()?;
    for ChargeRow { database: place, name, key, at, amount } in rows {
        connection.prepare_cached("DELETE FROM takes WHERE rowid = ?")?.execute(params![place])?;
        let mut later = connection.prepare_cached(queries::LATER_CHARGES)?;
        let later =
            later.query_map(params![name, key, at, place], |row| Ok((row.get(0)?, row.get(1)?)))?;
        // Totals are running sums, so each later row has to lose the amount of the deleted one.
        let later: Vec<(i64, i64)> = later.collect::<Result<_, _>>()?;
        let mut put = connection.prepare_cached("UPDATE takes SET total = ? WHERE rowid = ?")?;
        for (place, total) in later {
            put.execute(params![total.wrapping_sub(amount), place])?;
        }
    }
    Ok(())
}

fn since(now: Timestamp, window: Duration) -> i64 {
    // A window that reaches before the first timestamp covers everything: more counts, and not
    // less.
    now.checked_sub(window).unwrap_or(Timestamp::MIN).as_microsecond()
}

/// Returns the first microsecond that is not before a time, so that a charge never counts for less
/// than its window.
fn rounded_up(now: Timestamp) -> i64 {
    let whole = now.as_microsecond();
    let is_whole = now.as_nanosecond().rem_euclid(1_000) == 0;
    if is_whole || now.as_nanosecond() < 0 { whole } else { whole.saturating_add(1) }
}
