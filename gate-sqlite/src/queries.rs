//! The statements of lookups. A test checks that each uses its index, so that none of them reads
//! calls that ended long ago.

use gate_core::approval::Status;
use gate_core::id::RunId;
use gate_core::ports::ApprovalFilter;
use rusqlite::ToSql;

use crate::json_body::{ReadResult, json};

/// The history of a proposed call. Each row has the part of
/// [`CallHistory`](gate_core::ports::CallHistory) that it belongs to, its place, and its body.
///
/// Parameters: 1 run, 2 call, 3 family, 4 tool, 5 likeness, 6 number of refusals, 7 case, 8 number
/// of equal calls, 9 now.
pub(crate) const LOAD_HISTORY: &str = "
    SELECT 0, seq, body FROM approvals WHERE run = ?1 AND call = ?2
    UNION ALL
    SELECT * FROM (SELECT 1, seq, body FROM approvals WHERE family = ?3 AND tool = ?4 AND refused
        AND (?5 IS NULL OR (likeness IS NOT ?5 AND proposed IS NOT ?5)) ORDER BY seq DESC LIMIT ?6)
    UNION ALL
    SELECT 1, seq, body FROM approvals WHERE family = ?3 AND tool = ?4 AND likeness = ?5 AND refused
    UNION ALL
    SELECT 1, seq, body FROM approvals WHERE +family = ?3 AND tool = ?4 AND proposed = ?5 \
        AND refused
    UNION ALL
    SELECT * FROM (SELECT 1, seq, body FROM approvals WHERE matter = ?7 AND tool = ?4 AND refused
        ORDER BY seq DESC LIMIT ?6)
    UNION ALL
    SELECT * FROM (SELECT 2, seq, body FROM approvals WHERE tool = ?4 AND likeness = ?5 \
        AND NOT refused
        ORDER BY seq DESC LIMIT ?8)
    UNION ALL
    SELECT * FROM (SELECT 2, seq, body FROM approvals WHERE tool = ?4 AND proposed = ?5 \
        AND NOT refused
        ORDER BY seq DESC LIMIT ?8)
    UNION ALL
    SELECT 3, rowid, body FROM grants WHERE run IN (?1, '') AND tool = ?4 AND active \
        AND ends >= substr(?9, 1, 19)";

/// The calls of a family (1) that changed after a number (2), and the number of the last record.
pub(crate) const RUN_CHANGES: &str = "
    SELECT changed, seq, id, body, owed FROM approvals WHERE family = ?1 AND changed > ?2
    UNION ALL
    SELECT coalesce(max(seq), 0), 0, NULL, NULL, 0 FROM records";

/// The calls that are owed to a family (1), and the number of the last record. Owed calls are those
/// whose end the application has not acknowledged.
pub(crate) const OWED: &str = "
    SELECT changed, seq, id, body, owed FROM approvals WHERE family = ?1 AND owed
    UNION ALL
    SELECT coalesce(max(seq), 0), 0, NULL, NULL, 0 FROM records";

/// The grants that are active at a time, and (1) those that cover a call that has not begun.
pub(crate) const ACTIVE_GRANTS: &str = "
    SELECT 0, rowid, body FROM grants WHERE active AND ends >= substr(?1, 1, 19)
    UNION ALL
    SELECT 1, rowid, body FROM grants
    WHERE id IN (SELECT covered_by FROM approvals WHERE covered_by IS NOT NULL)";

/// The last total of a counter (1, 2), and the total and the amount of its first charge after a
/// time (3).
pub(crate) const USED: &str = "
    SELECT last.total, first.total, first.amount FROM
        (SELECT total FROM takes WHERE name = ?1 AND key = ?2 ORDER BY at DESC, rowid DESC \
            LIMIT 1) AS last,
        (SELECT total, amount FROM takes WHERE name = ?1 AND key = ?2 AND at > ?3 \
            ORDER BY at, rowid LIMIT 1) AS first";

/// The last charge of a counter.
pub(crate) const LAST_CHARGE: &str =
    "SELECT at, total FROM takes WHERE name = ? AND key = ? ORDER BY at DESC, rowid DESC LIMIT 1";

/// Deletes the charges of a counter up to a time.
pub(crate) const DELETE_CHARGES: &str = "DELETE FROM takes WHERE name = ? AND key = ? AND at <= ?";

/// The charges for a call (1) that has not ended, on one limit (2) or on all.
pub(crate) const CHARGES_FOR: &str = "
    SELECT rowid, name, key, at, amount FROM takes
    WHERE taken_for = ?1 AND (?2 IS NULL OR name = ?2) AND NOT EXISTS (
        SELECT 1 FROM approvals
        WHERE id = ?1 AND status NOT IN ('pending', 'approved', 'dispatched', 'indeterminate')
    )";

/// The charges of a counter after one of them.
pub(crate) const LATER_CHARGES: &str =
    "SELECT rowid, total FROM takes WHERE name = ? AND key = ? AND at >= ? AND rowid > ?";

/// Approvals, oldest first. Each kind of filter has one statement, for any number of ids.
pub(crate) fn approvals(filter: &ApprovalFilter) -> ReadResult<(String, Vec<Box<dyn ToSql>>)> {
    let mut sql = String::from("SELECT body FROM approvals WHERE true");
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    let statuses = filter.statuses();
    let is_by_id = !filter.ids().is_empty();
    if is_by_id {
        sql.push_str(" AND id IN (SELECT value FROM json_each(?))");
        values.push(Box::new(json(filter.ids())?));
    }
    // A plus keeps SQLite from using the index of the column after it, because another condition
    // finds fewer rows.
    if let Some(run) = filter.of_run() {
        let is_open = !statuses.is_empty() && statuses.iter().all(|status| !status.is_terminal());
        sql.push_str(match (is_by_id, is_open, statuses.contains(&Status::Dispatched)) {
            (true, ..) => " AND +run = ?",
            (false, false, _) => " AND run = ?",
            (false, true, false) => OPEN_IN_RUN,
            (false, true, true) => BEGUN_IN_RUN,
        });
        values.push(Box::new(run.as_str().to_owned()));
    }
    if let Some(run) = filter.is_within() {
        let is_open = !statuses.is_empty() && statuses.iter().all(|status| OPEN.contains(status));
        sql.push_str(match (is_by_id, is_open) {
            (true, _) => " AND +family IN (?, ?)",
            (false, false) => " AND family IN (?, ?)",
            (false, true) => {
                " AND family IN (?, ?) AND status IN ('pending', 'approved', 'indeterminate')"
            }
        });
        // `?` is the character after `>`, which separates the ids of nested runs.
        sql.push_str(" AND (+run = ? OR (+run >= ? AND +run < ?))");
        let run = run.as_str();
        // The family of a remote agent's calls is the agent, and the name of the run begins with
        // the agent's name.
        let agent = run.split_inclusive('/').next().unwrap_or_default();
        values.push(Box::new(RunId::from(run).outermost().to_string()));
        values.push(Box::new(agent.to_owned()));
        values.extend(
            [run.to_owned(), format!("{run}>"), format!("{run}?")]
                .map(|text| Box::new(text) as Box<dyn ToSql>),
        );
    }
    if !statuses.is_empty() {
        let is_found_by = !is_by_id
            && filter.of_run().is_none()
            && filter.is_within().is_none()
            && !statuses.contains(&Status::Succeeded);
        sql.push_str(if is_found_by {
            " AND status <> 'succeeded' AND status IN ("
        } else {
            " AND +status IN ("
        });
        sql.push_str(&vec!["?"; statuses.len()].join(", "));
        sql.push(')');
        values.extend(statuses.iter().map(|status| Box::new(status.to_string()) as Box<dyn ToSql>));
    }
    if let Some(after) = filter.is_after() {
        // An approval that does not exist has no number, so nothing comes after it.
        sql.push_str(" AND seq > (SELECT seq FROM approvals WHERE id = ?)");
        values.push(Box::new(after.to_string()));
    }
    sql.push_str(" ORDER BY seq LIMIT ?");
    // A limit that is larger than an SQLite integer is no limit.
    values.push(Box::new(i64::try_from(filter.at_most()).unwrap_or(i64::MAX)));
    Ok((sql, values))
}

/// The states in which a call waits for a person or for its run.
pub(crate) const OPEN: [Status; 3] = [Status::Pending, Status::Approved, Status::Indeterminate];

/// Selects the calls of a run that wait.
const OPEN_IN_RUN: &str = " AND seq IN (
    SELECT seq FROM approvals WHERE run = ?1 \
        AND status IN ('pending', 'approved', 'indeterminate'))";

/// Selects the calls of a run that wait or run now. Few calls run now, in all runs together.
const BEGUN_IN_RUN: &str = " AND seq IN (
    SELECT seq FROM approvals WHERE run = ?1 AND status IN ('pending', 'approved', 'indeterminate')
    UNION ALL
    SELECT seq FROM approvals WHERE +run = ?1 AND status = 'dispatched' AND status <> 'succeeded')";

#[cfg(test)]
mod tests {
    use gate_runtime::id::ApprovalId;
    use rusqlite::Connection;

    use super::*;
    use crate::schema;

    /// Returns SQLite's query plan of a statement.
    fn plan(connection: &Connection, sql: &str) -> Vec<String> {
        let mut explained = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        // Nothing is bound, because a plan does not depend on values.
        let (mut rows, mut steps) = (explained.raw_query(), Vec::new());
        while let Some(row) = rows.next().unwrap() {
            steps.push(row.get(3).unwrap());
        }
        steps
    }

    /// Checks that every part uses an index: these, one after the other.
    fn finds_by(connection: &Connection, sql: &str, indices: &[&str]) {
        let query_plan = plan(connection, sql);
        let reads_all = |step: &&String| {
            let of = step.strip_prefix("SCAN ").unwrap_or_default();
            ["approvals", "grants", "takes", "records"]
                .iter()
                .any(|table| of.split(' ').next() == Some(table))
        };
        assert_eq!(query_plan.iter().find(reads_all), None, "{sql}: {query_plan:#?}");
        let searched: Vec<&str> =
            query_plan.iter().filter_map(|step| step.strip_prefix("SEARCH ")).collect();
        assert_eq!(searched.len(), indices.len(), "{sql}: {query_plan:#?}");
        for (step, index) in searched.iter().zip(indices) {
            assert!(step.contains(&format!(" {index} ")), "{index}: {sql}: {query_plan:#?}");
        }
    }

    fn fresh() -> (tempfile::TempDir, Connection) {
        let folder = tempfile::tempdir().unwrap();
        let (database, _) = schema::open(&folder.path().join("gate.db")).unwrap();
        (folder, database.connect().unwrap())
    }

    const BY_ID: &str = "sqlite_autoindex_approvals_1";
    const BY_CALL: &str = "sqlite_autoindex_approvals_2";

    #[test]
    fn each_lookup_uses_its_index() {
        let (_folder, connection) = fresh();
        finds_by(
            &connection,
            LOAD_HISTORY,
            &[
                BY_CALL,
                "approvals_refused_in_family",
                "approvals_refused_alike",
                "approvals_edited",
                "approvals_refused_in_case",
                "approvals_alike",
                "approvals_edited",
                "grants_active",
            ],
        );
        let changes = plan(&connection, RUN_CHANGES).join("; ");
        assert!(
            changes.contains(
                "SEARCH approvals USING INDEX approvals_changed (family=? AND changed>?)"
            ),
            "{changes}"
        );
        assert!(changes.ends_with("SEARCH records"), "the last one only: {changes}");
        let owed = plan(&connection, OWED).join("; ");
        assert!(owed.contains("SEARCH approvals USING INDEX approvals_owed (family=?)"), "{owed}");
        let index_names = ["grants_by_end", "sqlite_autoindex_grants_1", "approvals_covered"];
        finds_by(&connection, ACTIVE_GRANTS, &index_names);
        finds_by(&connection, USED, &["takes_by_key", "takes_by_key"]);
        for of_counter in [LAST_CHARGE, DELETE_CHARGES, LATER_CHARGES] {
            finds_by(&connection, of_counter, &["takes_by_key"]);
        }
        finds_by(&connection, CHARGES_FOR, &["takes_for", BY_ID]);
        for sorted in [LOAD_HISTORY, USED, LAST_CHARGE] {
            let query_plan = plan(&connection, sorted);
            assert!(
                !query_plan.iter().any(|step| step.starts_with("USE TEMP")),
                "nothing is sorted: {query_plan:#?}"
            );
        }
    }

    #[test]
    fn each_filter_uses_its_index() {
        let (_folder, connection) = fresh();
        let all = ApprovalFilter::all;
        let after = || all().after(ApprovalId::new());
        let (waiting, approved, succeeded) = (Status::Pending, Status::Approved, Status::Succeeded);
        let in_run = ["PRIMARY", "approvals_waiting"];
        let begun_in_run = ["PRIMARY", "approvals_waiting", "approvals_by_status"];
        for (filter, indices) in [
            (all().id(ApprovalId::new()), &[BY_ID][..]),
            (all().id(ApprovalId::new()).run("run").status(waiting).limit(9), &[BY_ID]),
            (all().run("run"), &[BY_CALL]),
            (after().run("run").limit(9), &[BY_CALL, BY_ID]),
            (all().run("run").status(succeeded).status(waiting), &[BY_CALL]),
            (all().run("run").status(waiting), &in_run),
            (all().run("run").status(waiting).status(approved).limit(9), &in_run),
            (all().run("run").status(waiting).status(Status::Dispatched), &begun_in_run),
            (all().within("run"), &["approvals_changed"]),
            (
                all().within("run").status(waiting).status(approved),
                &["approvals_waiting_in_family"],
            ),
            (all().status(waiting).limit(9), &["approvals_by_status"]),
            (after().status(waiting).limit(9), &["approvals_by_status", BY_ID]),
            (
                all().status(Status::Dispatched).status(Status::Indeterminate),
                &["approvals_by_status"],
            ),
            (all().status(Status::Rejected), &["approvals_by_status"]),
        ] {
            let (sql, _) = approvals(&filter).unwrap();
            finds_by(&connection, &sql, indices);
        }
        // A page of waiting calls is read from the index in order, so it does not read all of them.
        let (page, _) = approvals(&after().status(waiting).limit(9)).unwrap();
        let query_plan = plan(&connection, &page);
        assert!(!query_plan.iter().any(|step| step.starts_with("USE TEMP")), "{query_plan:#?}");
    }

    #[test]
    fn any_number_of_ids_is_one_statement() {
        let ids = |count| {
            (0..count).map(|_| ApprovalId::new()).fold(ApprovalFilter::all(), ApprovalFilter::id)
        };
        let statement = |count| approvals(&ids(count)).unwrap().0;
        assert_eq!(statement(1), statement(40_000));
    }
}
