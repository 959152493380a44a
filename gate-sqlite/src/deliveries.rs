//! Reads and writes the rows of deliveries. Each function works in the transaction of its
//! connection.

use std::fmt::Write as _;
use std::sync::Arc;

use gate_core::ports::{Changeset, DeliveryFilter, DeliveryOrder};
use gate_core::records::{Delivery, DeliveryState};
use rusqlite::{Connection, OptionalExtension as _, ToSql, params};

use crate::json_body::{ReadResult, json, read, text};

/// Returns deliveries, in the order of the filter.
pub(crate) fn find(
    connection: &Connection,
    filter: &DeliveryFilter,
) -> ReadResult<Vec<Arc<Delivery>>> {
    let (sql, values) = query(filter);
    let mut found = connection.prepare_cached(&sql)?;
    let rows = found.query_map(rusqlite::params_from_iter(values), text)?;
    rows.map(|body| read("a letter", &body?).map(Arc::new)).collect()
}

fn query(filter: &DeliveryFilter) -> (String, Vec<Box<dyn ToSql>>) {
    let (mut sql, mut values) =
        (String::from("SELECT body FROM letters WHERE"), Vec::<Box<dyn ToSql>>::new());
    let number =
        // No record number exceeds an SQLite integer, so a larger one stands for "past the last
        // record".
        |number: u64| Box::new(i64::try_from(number).unwrap_or(i64::MAX)) as Box<dyn ToSql>;
    if let Some(record) = filter.of_record() {
        sql.push_str(" record = ?");
        values.push(number(record));
    } else {
        // The plus keeps SQLite from using the index on `record`, so that due deliveries are found
        // by their times, and not among all deliveries of their state.
        sql.push_str(if filter.of_notifier().is_some() && filter.is_after() == 0 {
            " +record > ?"
        } else {
            " record > ?"
        });
        values.push(number(filter.is_after()));
    }
    if let Some(notifier) = filter.of_notifier() {
        sql.push_str(" AND notifier = ?");
        values.push(Box::new(notifier.to_owned()));
    }
    if let Some(approval) = filter.of_approval() {
        sql.push_str(" AND approval = ?");
        values.push(Box::new(approval.to_string()));
    }
    if !filter.states().is_empty() {
        let placeholders = vec!["?"; filter.states().len()].join(", ");
        // Writing into a `String` cannot fail.
        let _ = write!(sql, " AND state IN ({placeholders})");
        values.extend(
            filter.states().iter().map(|state| Box::new(state.to_string()) as Box<dyn ToSql>),
        );
    }
    if let Some(at) = filter.is_due_by() {
        sql.push_str(" AND due_at <= ?");
        values.push(Box::new(at.as_microsecond()));
    }
    if filter.wants_first_of_each_call() {
        // A delivery about no call has no earlier one, because nothing equals NULL.
        let open = [DeliveryState::Waiting, DeliveryState::Sending]
            .map(|state| format!("'{state}'"))
            .join(", ");
        let _ = write!(
            sql,
            " AND NOT EXISTS (SELECT 1 FROM letters AS earlier WHERE earlier.notifier = \
              letters.notifier AND earlier.approval = letters.approval AND earlier.record < \
              letters.record AND earlier.state IN ({open}))"
        );
    }
    sql.push_str(match filter.order() {
        DeliveryOrder::Oldest => " ORDER BY record, notifier LIMIT ?",
        DeliveryOrder::Newest => " ORDER BY record DESC, notifier DESC LIMIT ?",
        DeliveryOrder::Soonest => " ORDER BY due_at, record, notifier LIMIT ?",
    });
    // A limit larger than an SQLite integer is never reached.
    values.push(Box::new(i64::try_from(filter.at_most()).unwrap_or(i64::MAX)));
    (sql, values)
}

/// Returns whether every delivery of a changeset is the next version of the stored one, and every
/// delivery that it deletes has the stored version.
pub(crate) fn fit(connection: &Connection, changeset: &Changeset) -> ReadResult<bool> {
    let known = |delivery: &Delivery| -> rusqlite::Result<u64> {
        let mut found = connection
            .prepare_cached("SELECT version FROM letters WHERE record = ? AND notifier = ?")?;
        let version = found
            .query_row(params![delivery.record(), delivery.notifier()], |row| row.get(0))
            .optional()?;
        // A delivery that is not stored has version 0, so that only version 1 fits as a new one.
        Ok(version.unwrap_or(0))
    };
    for delivery in &changeset.deliveries {
        if known(delivery)? + 1 != delivery.version() {
            return Ok(false);
        }
    }
    for delivery in &changeset.forgotten {
        if known(delivery)? != delivery.version() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Writes deliveries, and deletes others.
pub(crate) fn write(
    connection: &Connection,
    deliveries: &[Arc<Delivery>],
    forgotten: &[Arc<Delivery>],
) -> ReadResult<()> {
    for delivery in deliveries {
        let mut put = connection.prepare_cached(
            "INSERT OR REPLACE INTO letters (notifier, record, approval, state, due_at, version, \
             body) VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?;
        let (approval, state) =
            (delivery.approval().map(|id| id.to_string()), delivery.state().to_string());
        let due_at = delivery.due_at().as_microsecond();
        let body = json(&**delivery)?;
        put.execute(params![
            delivery.notifier(),
            delivery.record(),
            approval,
            state,
            due_at,
            delivery.version(),
            body
        ])?;
    }
    for delivery in forgotten {
        let mut delete =
            connection.prepare_cached("DELETE FROM letters WHERE record = ? AND notifier = ?")?;
        delete.execute(params![delivery.record(), delivery.notifier()])?;
    }
    Ok(())
}
