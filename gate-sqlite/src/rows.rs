//! Reading and writing rows. Each function works in whatever transaction its connection is in.

use std::fmt::Write as _;
use std::sync::Arc;

use gate_runtime::{
    Approval, ApprovalFilter, CaseId, Committed, Descriptor, Digest, Freeze, Grant, Proposal, Recalled, Record,
    RecordFilter, Standing, Take, Timestamp, Transition,
};
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, params};

use crate::error::Trouble;
use crate::letters;

pub(crate) type Read<T> = Result<T, Trouble>;

/// The number of the last record.
pub(crate) fn last(connection: &Connection) -> rusqlite::Result<u64> {
    let mut found = connection.prepare_cached("SELECT coalesce(max(seq), 0) FROM records")?;
    found.query_row([], |row| row.get(0))
}

/// What bears on a proposed call, as of one moment.
pub(crate) fn recall(connection: &Connection, about: &Proposal) -> Read<Recalled> {
    let moment = connection.unchecked_transaction()?;
    let (run, tool) = (about.run.as_str(), about.tool.as_str());
    let mut recalled = Recalled::default();
    let mut known = moment.prepare_cached("SELECT body FROM approvals WHERE run = ? AND call = ?")?;
    let known = known.query_row(params![run, about.call.as_str()], text).optional()?;
    recalled.approval = known.map(|body| approval(&body)).transpose()?;
    let mut rejected =
        moment.prepare_cached("SELECT body FROM approvals WHERE run = ? AND tool = ? AND refused ORDER BY seq")?;
    for body in rejected.query_map(params![run, tool], text)? {
        recalled.rejected.push(approval(&body?)?);
    }
    let mut denials = moment.prepare_cached("SELECT count(*) FROM approvals WHERE run = ? AND status = 'denied'")?;
    recalled.denials = denials.query_row(params![run], |row| row.get(0))?;
    let mut grants =
        moment.prepare_cached("SELECT body FROM grants WHERE run IN (?, '') AND tool = ? ORDER BY rowid")?;
    for body in grants.query_map(params![run, tool], text)? {
        let grant: Grant = read("a grant", &body?)?;
        if grant.is_active(about.now) {
            recalled.grants.push(Arc::new(grant));
        }
    }
    for (key, window) in &about.counters {
        recalled.used.push(used(&moment, key.limit(), key.key(), *window, about.now)?);
    }
    Ok(recalled)
}

/// Approvals, oldest first.
pub(crate) fn approvals(connection: &Connection, filter: &ApprovalFilter) -> Read<Vec<Arc<Approval>>> {
    let mut sql = String::from("SELECT body FROM approvals WHERE true");
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    if !filter.ids().is_empty() {
        let marks = vec!["?"; filter.ids().len()].join(", ");
        let _ = write!(sql, " AND id IN ({marks})");
        values.extend(filter.ids().iter().map(|id| Box::new(id.to_string()) as Box<dyn ToSql>));
    }
    if let Some(run) = filter.of_run() {
        sql.push_str(" AND run = ?");
        values.push(Box::new(run.as_str().to_owned()));
    }
    if !filter.statuses().is_empty() {
        let marks = vec!["?"; filter.statuses().len()].join(", ");
        let _ = write!(sql, " AND status IN ({marks})");
        values.extend(filter.statuses().iter().map(|status| Box::new(status.to_string()) as Box<dyn ToSql>));
    }
    if let Some(after) = filter.is_after() {
        // Of no approval there is no number, and after nothing comes nothing.
        sql.push_str(" AND seq > (SELECT seq FROM approvals WHERE id = ?)");
        values.push(Box::new(after.to_string()));
    }
    sql.push_str(" ORDER BY seq LIMIT ?");
    values.push(Box::new(i64::try_from(filter.at_most()).unwrap_or(i64::MAX)));
    let mut found = connection.prepare_cached(&sql)?;
    let rows = found.query_map(rusqlite::params_from_iter(values), text)?;
    rows.map(|body| approval(&body?)).collect()
}

/// Records, in order.
pub(crate) fn records(connection: &Connection, filter: &RecordFilter) -> Read<Vec<Arc<Record>>> {
    let texts = record_texts(connection, filter)?;
    texts.iter().map(|(_, body)| read("a record", body).map(Arc::new)).collect()
}

/// The same as they are kept.
pub(crate) fn record_texts(connection: &Connection, filter: &RecordFilter) -> Read<Vec<(u64, String)>> {
    let after = i64::try_from(filter.is_after()).unwrap_or(i64::MAX);
    let limit = i64::try_from(filter.at_most()).unwrap_or(i64::MAX);
    let numbered = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let texts = if let Some(case) = filter.of_case() {
        let mut found = connection
            .prepare_cached("SELECT seq, body FROM records WHERE matter = ? AND seq > ? ORDER BY seq LIMIT ?")?;
        found.query_map(params![case.as_str(), after, limit], numbered)?.collect::<Result<_, _>>()?
    } else {
        let mut found =
            connection.prepare_cached("SELECT seq, body FROM records WHERE seq > ? ORDER BY seq LIMIT ?")?;
        found.query_map(params![after, limit], numbered)?.collect::<Result<_, _>>()?
    };
    Ok(texts)
}

/// What holds beyond single calls, as of one moment.
pub(crate) fn standing(connection: &Connection, now: Timestamp) -> Read<Standing> {
    let moment = connection.unchecked_transaction()?;
    let mut standing = Standing::default();
    standing.freezes = freezes(&moment)?;
    let mut tools = moment.prepare_cached("SELECT DISTINCT body ->> '$.name' FROM tools ORDER BY 1")?;
    for name in tools.query_map([], text)? {
        standing.tools.push(name?.into());
    }
    let mut grants = moment.prepare_cached("SELECT body FROM grants ORDER BY rowid")?;
    for body in grants.query_map([], text)? {
        let grant: Grant = read("a grant", &body?)?;
        if grant.is_active(now) {
            standing.grants.push(Arc::new(grant));
        }
    }
    Ok(standing)
}

fn freezes(connection: &Connection) -> Read<Vec<Freeze>> {
    let mut found = connection.prepare_cached("SELECT body FROM freezes ORDER BY scope")?;
    let rows = found.query_map([], text)?;
    rows.map(|body| read("a freeze", &body?)).collect()
}

/// A tool by its digest.
pub(crate) fn tool(connection: &Connection, digest: Digest) -> Read<Option<Arc<Descriptor>>> {
    let mut found = connection.prepare_cached("SELECT body FROM tools WHERE digest = ?")?;
    let body = found.query_row(params![digest.to_string()], text).optional()?;
    body.map(|body| read("a tool", &body).map(Arc::new)).transpose()
}

/// Whether everything that a transition expects is so.
pub(crate) fn check(connection: &Connection, transition: &Transition) -> Read<Committed> {
    for approval in &transition.approvals {
        let fits = match version(connection, "SELECT version FROM approvals WHERE id = ?", &approval.id().to_string())?
        {
            Some(known) => known + 1 == approval.version(),
            None => approval.version() == 1 && !has_call(connection, approval)?,
        };
        if !fits {
            return Ok(Committed::Conflict);
        }
    }
    for grant in &transition.grants {
        let known = version(connection, "SELECT version FROM grants WHERE id = ?", &grant.id().to_string())?;
        if known.unwrap_or(0) + 1 != grant.version() {
            return Ok(Committed::Conflict);
        }
    }
    if !letters::fit(connection, transition)? {
        return Ok(Committed::Conflict);
    }
    let stops =
        if transition.dispatches() || !transition.lifted.is_empty() { freezes(connection)? } else { Vec::new() };
    if !transition.lifted.iter().all(|lifted| stops.contains(lifted)) {
        return Ok(Committed::Conflict);
    }
    if stops.iter().any(|freeze| transition.is_stopped_by(freeze)) {
        return Ok(Committed::Frozen);
    }
    let used = |take: &Take| used(connection, take.key.limit(), take.key.key(), take.window, transition.at);
    Ok(transition.limit_reached(used)?.map_or(Committed::Done, Committed::LimitReached))
}

fn version(connection: &Connection, sql: &str, id: &str) -> rusqlite::Result<Option<u64>> {
    connection.prepare_cached(sql)?.query_row(params![id], |row| row.get(0)).optional()
}

fn has_call(connection: &Connection, approval: &Approval) -> rusqlite::Result<bool> {
    let subject = approval.subject();
    let mut found = connection.prepare_cached("SELECT 1 FROM approvals WHERE run = ? AND call = ?")?;
    found.exists(params![subject.info().run().as_str(), subject.call().as_str()])
}

/// Writes a transition that was checked, with records from a number on, and gives the number of the last.
pub(crate) fn write(connection: &Connection, transition: Transition, last: u64) -> Read<u64> {
    for approval in &transition.approvals {
        write_approval(connection, approval)?;
    }
    for grant in &transition.grants {
        let mut put = connection.prepare_cached(
            "INSERT INTO grants (id, run, tool, version, body) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (id) DO UPDATE SET version = excluded.version, body = excluded.body",
        )?;
        // One that holds in any run stands under the empty id, which no run has.
        let run = grant.run().map_or("", |run| run.as_str());
        let (id, tool) = (grant.id().to_string(), grant.tool().as_str());
        put.execute(params![id, run, tool, grant.version(), json(&**grant)?])?;
    }
    for freeze in &transition.freezes {
        let mut put = connection.prepare_cached("INSERT OR REPLACE INTO freezes (scope, body) VALUES (?, ?)")?;
        put.execute(params![json(freeze.scope())?, json(freeze)?])?;
    }
    for freeze in &transition.lifted {
        connection.prepare_cached("DELETE FROM freezes WHERE scope = ?")?.execute(params![json(freeze.scope())?])?;
    }
    for tool in &transition.tools {
        let mut put = connection.prepare_cached("INSERT OR IGNORE INTO tools (digest, body) VALUES (?, ?)")?;
        put.execute(params![tool.digest().to_string(), json(&**tool)?])?;
    }
    for take in &transition.takes {
        write_take(connection, take, transition.at)?;
    }
    letters::write(connection, transition.letters.as_slice(), &transition.forgotten)?;
    let mut last = last;
    for record in transition.records {
        last += 1;
        let mut put = connection.prepare_cached("INSERT INTO records (seq, matter, body) VALUES (?, ?, ?)")?;
        let record = record.numbered(last);
        put.execute(params![last, record.case().map(CaseId::as_str), json(&record)?])?;
    }
    Ok(last)
}

fn write_approval(connection: &Connection, approval: &Approval) -> Read<()> {
    let (id, status, body) = (approval.id().to_string(), approval.status().to_string(), json(approval)?);
    let (subject, version, refused) = (approval.subject(), approval.version(), approval.is_refused());
    if version == 1 {
        let mut put = connection.prepare_cached(
            "INSERT INTO approvals (id, run, call, tool, status, refused, version, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )?;
        let (run, call, tool) = (subject.info().run().as_str(), subject.call().as_str(), subject.tool().as_str());
        put.execute(params![id, run, call, tool, status, refused, version, body])?;
    } else {
        let mut put = connection
            .prepare_cached("UPDATE approvals SET status = ?, refused = ?, version = ?, body = ? WHERE id = ?")?;
        put.execute(params![status, refused, version, body, id])?;
    }
    Ok(())
}

/// Writes a use of a limit, and forgets those that its window has left behind.
fn write_take(connection: &Connection, take: &Take, at: Timestamp) -> Read<()> {
    let (name, key) = (take.key.limit(), take.key.key());
    let mut old = connection.prepare_cached("DELETE FROM takes WHERE name = ? AND key = ? AND at <= ?")?;
    old.execute(params![name, key, since(at, take.window)])?;
    let mut put = connection.prepare_cached("INSERT INTO takes (name, key, at, amount) VALUES (?, ?, ?, ?)")?;
    // What does not fit fills the counter for good, which is the safe side.
    put.execute(params![name, key, at.as_microsecond(), i64::try_from(take.amount).unwrap_or(i64::MAX)])?;
    Ok(())
}

/// How much of a counter's window is used. Amounts whose sum is too large fill it.
fn used(
    connection: &Connection,
    name: &str,
    key: &str,
    window: std::time::Duration,
    now: Timestamp,
) -> rusqlite::Result<u64> {
    let mut taken = connection.prepare_cached("SELECT amount FROM takes WHERE name = ? AND key = ? AND at > ?")?;
    let amounts = taken.query_map(params![name, key, since(now, window)], |row| row.get::<_, u64>(0))?;
    amounts.into_iter().try_fold(0_u64, |sum, amount| Ok(sum.saturating_add(amount?)))
}

fn since(now: Timestamp, window: std::time::Duration) -> i64 {
    now.checked_sub(window).unwrap_or(Timestamp::MIN).as_microsecond()
}

pub(crate) fn text(row: &Row<'_>) -> rusqlite::Result<String> {
    row.get(0)
}

fn approval(body: &str) -> Read<Arc<Approval>> {
    read("an approval", body).map(Arc::new)
}

pub(crate) fn read<T: serde::de::DeserializeOwned>(what: &'static str, body: &str) -> Read<T> {
    serde_json::from_str(body).map_err(|error| Trouble::Unread(what, error))
}

pub(crate) fn json<T: serde::Serialize + ?Sized>(value: &T) -> Read<String> {
    serde_json::to_string(value).map_err(Trouble::Unwritten)
}

/// The words by which states are stored are those by which they are shown; a test holds them to it.
#[cfg(test)]
mod tests {
    use gate_runtime::Status;

    #[test]
    fn states_are_stored_by_their_words() {
        assert_eq!(Status::Rejected.to_string(), "rejected");
        assert_eq!(Status::Denied.to_string(), "denied");
    }
}
