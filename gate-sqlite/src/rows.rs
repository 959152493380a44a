//! Reads and writes rows. Each function works in the transaction of its connection.

use std::collections::{BTreeMap, HashSet};
use std::ops::Deref;
use std::sync::Arc;

use gate_core::Timestamp;
use gate_core::approval::{Approval, Status};
use gate_core::call::{Arguments, Descriptor};
use gate_core::grants::{Freeze, Grant, LimitCharge};
use gate_core::id::{ApprovalId, CaseId, GrantId};
use gate_core::ports::{
    ALIKE, ActiveControls, ApprovalFilter, CallHistory, CallQuery, Changeset, CommitOutcome,
    KnownTool, REFUSALS, RecordFilter, RunChange, RunChanges, RunQuery,
};
use gate_core::records::Record;
use gate_core::text::Digest;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::error::DatabaseError;
use crate::json_body::{ReadResult, json, read, text};
use crate::{charges, deliveries, queries};

/// Returns the number of the last record.
pub(crate) fn last(connection: &Connection) -> rusqlite::Result<u64> {
    let mut found = connection.prepare_cached("SELECT coalesce(max(seq), 0) FROM records")?;
    found.query_row([], |row| row.get(0))
}

/// Reads the history of a proposed call, from one snapshot.
pub(crate) fn load_history(connection: &Connection, about: &CallQuery) -> ReadResult<CallHistory> {
    let moment = ReadSnapshot::begin(connection)?;
    let mut history = CallHistory::default();
    let (mut rejected, mut alike, mut grants) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let mut found = moment.prepare_cached(queries::LOAD_HISTORY)?;
    let mut rows = found.query(params![
        about.run.as_str(),
        about.call.as_str(),
        about.family.as_str(),
        about.tool.as_str(),
        about.likeness.map(|likeness| likeness.to_string()),
        REFUSALS,
        about.case.as_ref().map(CaseId::as_str),
        ALIKE,
        about.now.to_string(),
    ])?;
    while let Some(row) = rows.next()? {
        let (part, database): (i64, i64) = (row.get(0)?, row.get(1)?);
        let body = || row.get_ref(2)?.as_str().map_err(rusqlite::Error::from);
        match part {
            0 => history.approval = Some(approval(body()?)?),
            1 if rejected.contains_key(&database) => {}
            1 => drop(rejected.insert(database, approval(body()?)?)),
            2 => drop(alike.insert(database, approval(body()?)?)),
            _ => drop(grants.insert(database, Arc::new(read::<Grant>("a grant", body()?)?))),
        }
    }
    history.rejected = rejected.into_values().collect();
    // Keeps the newest of the calls that are equal as proposed, and of those that are equal as
    // edited.
    history.alike = alike.into_values().rev().take(ALIKE).collect();
    history.alike.reverse();
    history.grants = grants.into_values().filter(|grant| grant.is_active(about.now)).collect();
    for (key, window) in &about.counters {
        history.used.push(charges::used(&moment, key, *window, about.now)?);
    }
    Ok(history)
}

/// Returns approvals, oldest first.
pub(crate) fn approvals(
    connection: &Connection,
    filter: &ApprovalFilter,
) -> ReadResult<Vec<Arc<Approval>>> {
    let (sql, values) = queries::approvals(filter)?;
    let mut found = connection.prepare_cached(&sql)?;
    let mut rows = found.query(rusqlite::params_from_iter(values))?;
    let mut approvals = Vec::new();
    while let Some(row) = rows.next()? {
        approvals.push(approval(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?)?);
    }
    Ok(approvals)
}

/// Returns the calls of a family that changed after a number. For the number 0, returns the calls
/// that are owed to the family.
pub(crate) fn run_changes(connection: &Connection, query: &RunQuery) -> ReadResult<RunChanges> {
    let known: HashSet<String> = query.known.iter().map(ToString::to_string).collect();
    let mut changes = RunChanges::default();
    let mut calls = Vec::new();
    // No record has a larger number, so nothing is found after it.
    let after = i64::try_from(query.after).unwrap_or(i64::MAX);
    let mut found =
        connection.prepare_cached(if after == 0 { queries::OWED } else { queries::RUN_CHANGES })?;
    let family = query.family.as_str();
    let mut rows = if after == 0 {
        found.query(params![family])?
    } else {
        found.query(params![family, after])?
    };
    while let Some(row) = rows.next()? {
        let (seq, database): (u64, i64) = (row.get(0)?, row.get(1)?);
        match row.get_ref(2)?.as_str_or_null().map_err(rusqlite::Error::from)? {
            None => changes.seq = seq,
            Some(id) if known.contains(id) => {}
            Some(_) => {
                let approval = approval(row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?)?;
                calls.push((database, RunChange { seq, approval, is_owed: row.get(4)? }));
            }
        }
    }
    calls.sort_by_key(|(row_id, change)| (change.seq, *row_id));
    changes.calls = calls.into_iter().map(|(_, change)| change).collect();
    Ok(changes)
}

/// Returns one grant.
pub(crate) fn grant(connection: &Connection, id: GrantId) -> ReadResult<Option<Arc<Grant>>> {
    let mut found = connection.prepare_cached("SELECT body FROM grants WHERE id = ?")?;
    let body = found.query_row(params![id.to_string()], text).optional()?;
    body.map(|body| read("a grant", &body).map(Arc::new)).transpose()
}

/// Returns records, in order.
pub(crate) fn records(
    connection: &Connection,
    filter: &RecordFilter,
) -> ReadResult<Vec<Arc<Record>>> {
    let texts = record_texts(connection, filter)?;
    texts.iter().map(|(_, body)| read("a record", body).map(Arc::new)).collect()
}

/// Returns records as the JSON texts that are stored.
pub(crate) fn record_texts(
    connection: &Connection,
    filter: &RecordFilter,
) -> ReadResult<Vec<(u64, String)>> {
    // No record has a larger number, and a larger limit is never reached.
    let after = i64::try_from(filter.is_after()).unwrap_or(i64::MAX);
    let limit = i64::try_from(filter.at_most()).unwrap_or(i64::MAX);
    let numbered = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let texts = if let Some(call) = filter.of_call() {
        let mut found = connection.prepare_cached(
            "SELECT seq, body FROM records WHERE approval = ?1 AND seq > ?2 \
             AND (?3 IS NULL OR matter = ?3)
             ORDER BY seq LIMIT ?4",
        )?;
        let case = filter.of_case().map(CaseId::as_str);
        found
            .query_map(params![call.to_string(), after, case, limit], numbered)?
            .collect::<Result<_, _>>()?
    } else if let Some(case) = filter.of_case() {
        let mut found = connection.prepare_cached(
            "SELECT seq, body FROM records WHERE matter = ? AND seq > ? ORDER BY seq LIMIT ?",
        )?;
        found
            .query_map(params![case.as_str(), after, limit], numbered)?
            .collect::<Result<_, _>>()?
    } else {
        let mut found = connection
            .prepare_cached("SELECT seq, body FROM records WHERE seq > ? ORDER BY seq LIMIT ?")?;
        found.query_map(params![after, limit], numbered)?.collect::<Result<_, _>>()?
    };
    Ok(texts)
}

/// Reads the active grants and freezes, and the known tools, from one snapshot.
pub(crate) fn active_controls(
    connection: &Connection,
    now: Timestamp,
) -> ReadResult<ActiveControls> {
    let moment = ReadSnapshot::begin(connection)?;
    let freezes = freezes(&moment)?;
    let mut tools = Vec::new();
    let mut found = moment
        .prepare_cached("SELECT body ->> '$.name', digest, written FROM tools ORDER BY 1, 2")?;
    let mut rows = found.query([])?;
    while let Some(row) = rows.next()? {
        let (name, digest): (String, String) = (row.get(0)?, row.get(1)?);
        tools.push(KnownTool::new(name, read("a digest", &format!("\"{digest}\""))?, row.get(2)?));
    }
    let mut found = moment.prepare_cached(queries::ACTIVE_GRANTS)?;
    let mut rows = found.query(params![now.to_string()])?;
    let mut grants = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let grant: Grant =
            read("a grant", row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?)?;
        let covers_what_has_not_begun: bool = row.get(0)?;
        if grant.is_active(now) || (covers_what_has_not_begun && !grant.is_revoked()) {
            let database: i64 = row.get(1)?;
            grants.insert(database, Arc::new(grant));
        }
    }
    Ok(ActiveControls { grants: grants.into_values().collect(), freezes, tools })
}

fn freezes(connection: &Connection) -> ReadResult<Vec<Freeze>> {
    let mut found = connection.prepare_cached("SELECT body FROM freezes ORDER BY scope")?;
    let rows = found.query_map([], text)?;
    rows.map(|body| read("a freeze", &body?)).collect()
}

/// Returns a tool by its digest.
pub(crate) fn tool(connection: &Connection, digest: Digest) -> ReadResult<Option<Arc<Descriptor>>> {
    let mut found = connection.prepare_cached("SELECT body FROM tools WHERE digest = ?")?;
    let body = found.query_row(params![digest.to_string()], text).optional()?;
    body.map(|body| read("a tool", &body).map(Arc::new)).transpose()
}

/// Writes a changeset if all its conditions hold. Numbers its records after `last`, and returns the
/// number of the last record.
pub(crate) fn commit(
    connection: &Connection,
    changeset: Changeset,
    last: u64,
) -> ReadResult<(CommitOutcome, u64)> {
    let end = check_apart_from_approvals(connection, &changeset)?;
    // If there is only one approval to check, the statement that writes it also checks it. That is
    // the first statement.
    let is_checked_as_written = end == CommitOutcome::Done
        && changeset.approvals.len() == 1
        && changeset.given_back.is_empty();
    if !is_checked_as_written && !approvals_fit(connection, &changeset)? {
        return Ok((CommitOutcome::Conflict, last));
    }
    if end != CommitOutcome::Done {
        return Ok((end, last));
    }
    // This comes before the approvals, because charges are only given back for a call that has not
    // ended.
    for back in &changeset.given_back {
        charges::give_back(connection, back)?;
    }
    let numbers: BTreeMap<ApprovalId, u64> = (last + 1..)
        .zip(&changeset.records)
        .filter_map(|(number, record)| Some((record.subject()?.approval(), number)))
        .collect();
    for approval in &changeset.approvals {
        let (id, number) = (approval.id(), numbers.get(&approval.id()).copied());
        if !write_approval(connection, approval, number, changeset.acknowledged.contains(&id))? {
            return if is_checked_as_written {
                Ok((CommitOutcome::Conflict, last))
            } else {
                Err(DatabaseError::Changed)
            };
        }
    }
    Ok((CommitOutcome::Done, write_apart_from_approvals(connection, changeset, last)?))
}

/// Returns whether each approval is the next version of the stored one.
fn approvals_fit(connection: &Connection, changeset: &Changeset) -> ReadResult<bool> {
    for approval in &changeset.approvals {
        let fits = match version(
            connection,
            "SELECT version FROM approvals WHERE id = ?",
            &approval.id().to_string(),
        )? {
            Some(known) => known + 1 == approval.version(),
            None => approval.version() == 1 && !has_call(connection, approval)?,
        };
        if !fits {
            return Ok(false);
        }
    }
    Ok(true)
}

fn check_apart_from_approvals(
    connection: &Connection,
    changeset: &Changeset,
) -> ReadResult<CommitOutcome> {
    if changeset.writes_twice() {
        return Ok(CommitOutcome::Conflict);
    }
    for grant in &changeset.grants {
        let known = version(
            connection,
            "SELECT version FROM grants WHERE id = ?",
            &grant.id().to_string(),
        )?;
        // A grant that is not stored has version 0. This is a compare-and-set, as for approvals.
        if known.unwrap_or(0) + 1 != grant.version() {
            return Ok(CommitOutcome::Conflict);
        }
    }
    if !deliveries::fit(connection, changeset)? {
        return Ok(CommitOutcome::Conflict);
    }
    // Freezes are read in the transaction that dispatches, so that none can come in between.
    let stops = if changeset.dispatches() || !changeset.lifted.is_empty() {
        freezes(connection)?
    } else {
        Vec::new()
    };
    if !changeset.lifted.iter().all(|lifted| stops.contains(lifted)) {
        return Ok(CommitOutcome::Conflict);
    }
    if stops.iter().any(|freeze| changeset.is_stopped_by(freeze)) {
        return Ok(CommitOutcome::Frozen);
    }
    let used = |take: &LimitCharge| charges::used(connection, &take.key, take.window, changeset.at);
    Ok(changeset.limit_reached(used)?.map_or(CommitOutcome::Done, CommitOutcome::LimitReached))
}

fn version(connection: &Connection, sql: &str, id: &str) -> rusqlite::Result<Option<u64>> {
    connection.prepare_cached(sql)?.query_row(params![id], |row| row.get(0)).optional()
}

fn has_call(connection: &Connection, approval: &Approval) -> rusqlite::Result<bool> {
    let subject = approval.subject();
    let mut found =
        connection.prepare_cached("SELECT 1 FROM approvals WHERE run = ? AND call = ?")?;
    found.exists(params![subject.info().run().as_str(), subject.call().as_str()])
}

fn write_apart_from_approvals(
    connection: &Connection,
    changeset: Changeset,
    last: u64,
) -> ReadResult<u64> {
    for id in &changeset.acknowledged {
        // `write_approval` has already cleared the flag of the approvals in this changeset.
        if changeset.approvals.iter().all(|approval| approval.id() != *id) {
            connection.prepare_cached(ACKNOWLEDGE)?.execute(params![id.to_string()])?;
        }
    }
    for grant in &changeset.grants {
        let mut put = connection.prepare_cached(
            "INSERT INTO grants (id, run, tool, version, body) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (id) DO UPDATE SET version = excluded.version, body = excluded.body",
        )?;
        // A grant for any run is stored with the empty id, which no run has.
        let run = grant.run().map_or("", |run| run.as_str());
        let (id, tool) = (grant.id().to_string(), grant.tool().as_str());
        put.execute(params![id, run, tool, grant.version(), json(&**grant)?])?;
    }
    for freeze in &changeset.freezes {
        let mut put = connection
            .prepare_cached("INSERT OR REPLACE INTO freezes (scope, body) VALUES (?, ?)")?;
        put.execute(params![json(freeze.scope())?, json(freeze)?])?;
    }
    for freeze in &changeset.lifted {
        connection
            .prepare_cached("DELETE FROM freezes WHERE scope = ?")?
            .execute(params![json(freeze.scope())?])?;
    }
    let written = last + changeset.records.len() as u64;
    for tool in &changeset.tools {
        let mut put = connection.prepare_cached(
            "INSERT INTO tools (digest, body, written) VALUES (?, ?, ?)
             ON CONFLICT (digest) DO UPDATE SET written = excluded.written",
        )?;
        put.execute(params![tool.digest().to_string(), json(&**tool)?, written])?;
    }
    for take in &changeset.charges {
        charges::write(connection, take, changeset.at)?;
    }
    deliveries::write(connection, changeset.deliveries.as_slice(), &changeset.forgotten)?;
    let mut last = last;
    for record in changeset.records {
        last += 1;
        let mut put = connection.prepare_cached(
            "INSERT INTO records (seq, approval, matter, body) VALUES (?, ?, ?, ?)",
        )?;
        let record = record.numbered(last);
        let call = record.subject().map(|subject| subject.approval().to_string());
        put.execute(params![last, call, record.case().map(CaseId::as_str), json(&record)?])?;
    }
    Ok(last)
}

const ACKNOWLEDGE: &str = "UPDATE approvals SET owed = 0 WHERE id = ? AND owed";

const INSERT: &str = "
    INSERT INTO approvals (id, run, call, tool, family, matter, status, refused, likeness, \
        proposed, covered_by, changed,
        owed, version, body)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";

const UPDATE: &str = "
    UPDATE approvals SET status = ?1, refused = ?2, likeness = ?3, proposed = ?4, covered_by = ?5,
        owed = owed AND NOT ?6, changed = coalesce(?7, changed), version = ?8, body = ?9
    WHERE id = ?10 AND version = ?8 - 1";

/// Writes an approval over its previous version, or a first version if its run has no call with its
/// id. Otherwise writes nothing and returns `false`.
fn write_approval(
    connection: &Connection,
    approval: &Approval,
    number: Option<u64>,
    is_acknowledged: bool,
) -> ReadResult<bool> {
    let (id, status, body) = (approval.id().to_string(), approval.status(), json(approval)?);
    let (subject, version, refused) =
        (approval.subject(), approval.version(), approval.is_refused());
    // Each column is set only while a lookup needs it: see the schema.
    let is_told_of = refused || queries::OPEN.contains(&status);
    let likeness = |arguments: &Arguments| arguments.likeness().to_string();
    let proposed = (is_told_of && approval.is_edited()).then(|| likeness(approval.proposed()));
    let likeness = is_told_of.then(|| likeness(approval.arguments()));
    let covered_by =
        approval.grant().filter(|_| status == Status::Approved).map(|grant| grant.to_string());
    let status = status.to_string();
    let written = if version == 1 {
        let info = subject.info();
        let (run, call, tool) =
            (info.run().as_str(), subject.call().as_str(), subject.tool().as_str());
        let (family, case) = (subject.family(), info.case().map(CaseId::as_str));
        let (family, changed, owed) = (family.as_str(), number.unwrap_or(0), !is_acknowledged);
        connection.prepare_cached(INSERT)?.execute(params![
            id, run, call, tool, family, case, status, refused, likeness, proposed, covered_by,
            changed, owed, version, body
        ])?
    } else {
        connection.prepare_cached(UPDATE)?.execute(params![
            status,
            refused,
            likeness,
            proposed,
            covered_by,
            is_acknowledged,
            number,
            version,
            body,
            id
        ])?
    };
    Ok(written == 1)
}

/// A snapshot for reading, which does not contain later writes. The transaction ends when it is
/// dropped.
struct ReadSnapshot<'a>(&'a Connection);

impl<'a> ReadSnapshot<'a> {
    fn begin(connection: &'a Connection) -> rusqlite::Result<Self> {
        // The transaction is deferred, and not immediate, so that readers never wait for the
        // writer.
        connection.prepare_cached("BEGIN")?.execute([])?;
        Ok(Self(connection))
    }
}

impl Deref for ReadSnapshot<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.0
    }
}

impl Drop for ReadSnapshot<'_> {
    fn drop(&mut self) {
        // Nothing was written. If the transaction cannot end, the next one cannot begin and reports
        // the error.
        let _ = self.0.prepare_cached("ROLLBACK").and_then(|mut end| end.execute([]));
    }
}

fn approval(body: &str) -> ReadResult<Arc<Approval>> {
    read("an approval", body).map(Arc::new)
}

/// States are stored by the words by which they are shown; a test checks that.
#[cfg(test)]
mod tests {
    use gate_runtime::review::Status;

    #[test]
    fn states_are_stored_by_their_words() {
        assert_eq!(Status::Rejected.to_string(), "rejected");
        assert_eq!(Status::Denied.to_string(), "denied");
    }
}
