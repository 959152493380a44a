//! Reads and writes the rows of limit charges. Each function works in the transaction of its
//! connection.
//!
//! Each row of a counter has the counter's total up to that row, so that the use of a window of any
//! size is one subtraction. Amounts and totals are unsigned 64-bit numbers, stored bit by bit as
//! SQLite's signed integers, and totals wrap around. That is exact: after every charge there are
//! only rows that were counted when it was checked, and their sum is at most the limit's maximum,
//! which has 64 bits.

use std::time::Duration;

use gate_core::Timestamp;
use gate_core::grants::{GiveBack, LimitCharge, LimitKey};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::json_body::ReadResult;
use crate::queries;

/// Returns the used part of a counter's window: from its first row in the window to its last row.
pub(crate) fn used(
    connection: &Connection,
    key: &LimitKey,
    window: Duration,
    now: Timestamp,
) -> rusqlite::Result<u64> {
    let mut select_used = connection.prepare_cached(queries::USED)?;
    let between = |last: i64, first: i64, amount: i64| {
        last.cast_unsigned()
            .wrapping_sub(first.cast_unsigned())
            .wrapping_add(amount.cast_unsigned())
    };
    let used = select_used.query_row(params![key.limit(), key.key(), since(now, window)], |row| {
        Ok(between(row.get(0)?, row.get(1)?, row.get(2)?))
    });
    // Without a row in the window, nothing is used. A read error is returned above, and never
    // counts as 0.
    Ok(used.optional()?.unwrap_or(0))
}

/// Writes a charge on a limit, and deletes the charges that have left its window.
pub(crate) fn write(
    connection: &Connection,
    charge: &LimitCharge,
    now: Timestamp,
) -> ReadResult<()> {
    let (name, key) = (charge.key.limit(), charge.key.key());
    let mut last = connection.prepare_cached(queries::LAST_CHARGE)?;
    let last =
        last.query_row(params![name, key], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    // For the first row of a counter, any time is later, and the total begins at 0.
    let (last, total): (i64, i64) = last.unwrap_or((i64::MIN, 0));
    let mut old = connection.prepare_cached(queries::DELETE_CHARGES)?;
    old.execute(params![name, key, since(now, charge.window)])?;
    let mut put = connection.prepare_cached(
        "INSERT INTO takes (name, key, at, amount, total, taken_for) VALUES (?, ?, ?, ?, ?, ?)",
    )?;
    // If the clock went back, the charge counts until the later time, so that the totals stay in
    // order.
    let at = last.max(rounded_up(now));
    let (amount, taken_for) =
        (charge.amount.cast_signed(), charge.taken_for.map(|id| id.to_string()));
    put.execute(params![name, key, at, amount, total.wrapping_add(amount), taken_for])?;
    Ok(())
}

/// Gives charges back, unless the call that they were made for has already ended. This is rare, so
/// it may take time in proportion to the later charges.
pub(crate) fn give_back(connection: &Connection, back: &GiveBack) -> ReadResult<()> {
    struct ChargeRow {
        database: i64,
        name: String,
        key: String,
        at: i64,
        amount: i64,
    }
    let mut select_charges = connection.prepare_cached(queries::CHARGES_FOR)?;
    let rows =
        select_charges.query_map(params![back.taken_for.to_string(), back.limit], |row| {
            let (database, name, key) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(ChargeRow { database, name, key, at: row.get(3)?, amount: row.get(4)? })
        })?;
    let rows: Vec<ChargeRow> = rows.collect::<Result<_, _>>()?;
    for ChargeRow { database: row_id, name, key, at, amount } in rows {
        connection.prepare_cached("DELETE FROM takes WHERE rowid = ?")?.execute(params![row_id])?;
        let mut later = connection.prepare_cached(queries::LATER_CHARGES)?;
        let later = later
            .query_map(params![name, key, at, row_id], |row| Ok((row.get(0)?, row.get(1)?)))?;
        // Totals are running sums, so the amount of the deleted row is subtracted from each later
        // row.
        let later: Vec<(i64, i64)> = later.collect::<Result<_, _>>()?;
        let mut put = connection.prepare_cached("UPDATE takes SET total = ? WHERE rowid = ?")?;
        for (place, total) in later {
            put.execute(params![total.wrapping_sub(amount), place])?;
        }
    }
    Ok(())
}

fn since(now: Timestamp, window: Duration) -> i64 {
    // A window that reaches before the first timestamp covers all charges, so that none is missed.
    now.checked_sub(window).unwrap_or(Timestamp::MIN).as_microsecond()
}

/// Returns a time rounded up to the microsecond, so that a charge never counts for less than its
/// window.
fn rounded_up(now: Timestamp) -> i64 {
    let whole = now.as_microsecond();
    let is_whole = now.as_nanosecond().rem_euclid(1_000) == 0;
    if is_whole || now.as_nanosecond() < 0 { whole } else { whole.saturating_add(1) }
}
