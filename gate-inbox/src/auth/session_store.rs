//! Sessions, in memory only. Cookies are stored as hashes, so nothing stored here can open a
//! session.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gate_runtime::Timestamp;
use gate_runtime::id::{Digest, ReviewerId};

use crate::auth::authenticator::SignedIn;
use crate::auth::random;

/// The most sessions of one person. A further one ends the least recently used one.
const EACH: usize = 16;

/// The number of sent forms that a session remembers.
const SENT: usize = 1_024;

/// The sessions.
#[derive(Debug)]
pub(crate) struct SessionStore {
    open: Mutex<HashMap<Digest, OpenSession>>,
    /// The time without use after which a session ends.
    idle: Duration,
    /// The time after which a session ends in any case.
    whole: Duration,
}

/// The person and the form secret of a session.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) signed_in: SignedIn,
    /// The secret in every form of the session.
    pub(crate) form_secret: String,
}

/// An open session.
#[derive(Debug)]
struct OpenSession {
    session: Session,
    signed_in_at: Timestamp,
    seen: Timestamp,
    /// The forms that were sent.
    sent: VecDeque<Digest>,
}

/// The claim on a form that was sent for the first time. Unless it [counts](Self::counts), the form
/// can be sent again.
#[derive(Debug)]
pub(crate) struct FormClaim<'a> {
    sessions: &'a SessionStore,
    session: Digest,
    form: Option<Digest>,
}

impl FormClaim<'_> {
    /// Records that the form had its effect.
    pub(crate) fn counts(mut self) {
        self.form = None;
    }
}

impl Drop for FormClaim<'_> {
    fn drop(&mut self) {
        if let (Some(form), Some(open)) = (self.form, self.sessions.lock().get_mut(&self.session)) {
            // The form had no effect, so it may be sent again.
            open.sent.retain(|sent| *sent != form);
        }
    }
}

impl SessionStore {
    pub(crate) fn new(idle: Duration, whole: Duration) -> Self {
        Self { open: Mutex::default(), idle, whole }
    }

    /// Returns the time after which a session ends in any case.
    pub(crate) fn whole(&self) -> Duration {
        self.whole
    }

    /// Begins a session, and returns its cookie.
    pub(crate) fn begin(
        &self,
        signed_in: SignedIn,
        now: Timestamp,
    ) -> Result<String, getrandom::Error> {
        let (cookie, form_secret) = (random::random()?, random::random()?);
        // Counted and added under one lock, so that parallel sign-ins of a person stay within the
        // limit.
        let mut open = self.lock();
        open.retain(|_, found| self.lasts(found, now));
        let mut others: Vec<_> = open
            .iter()
            .filter(|(_, other)| other.session.signed_in.who() == signed_in.who())
            .collect();
        others.sort_by_key(|(_, other)| other.seen);
        let too_many: Vec<Digest> = others
            .iter()
            .take((others.len() + 1).saturating_sub(EACH))
            .map(|(id, _)| **id)
            .collect();
        for id in too_many {
            open.remove(&id);
        }
        let session = Session { signed_in, form_secret };
        open.insert(
            Digest::of(&cookie),
            OpenSession { session, signed_in_at: now, seen: now, sent: VecDeque::new() },
        );
        Ok(cookie)
    }

    /// Returns the session of a cookie. Use by the person extends it; polling by their page does
    /// not.
    pub(crate) fn find(&self, id: Digest, now: Timestamp, is_used: bool) -> Option<Session> {
        // Checked and extended under one lock, so that a session that ended is never extended.
        let mut open = self.lock();
        let found = open.get_mut(&id)?;
        if !self.lasts(found, now) {
            open.remove(&id);
            return None;
        }
        if is_used {
            found.seen = now;
        }
        Some(found.session.clone())
    }

    /// Claims a form, if it was not sent before, or had no effect then.
    pub(crate) fn first(&self, id: Digest, form: &str) -> Option<FormClaim<'_>> {
        let form = Digest::of(form);
        let mut open = self.lock();
        let found = open.get_mut(&id)?;
        // Looked up and recorded under one lock, so that of two clicks at once, only one counts.
        if found.sent.contains(&form) {
            return None;
        }
        found.sent.push_back(form);
        if found.sent.len() > SENT {
            found.sent.pop_front();
        }
        Some(FormClaim { sessions: self, session: id, form: Some(form) })
    }

    /// Ends a session.
    pub(crate) fn end(&self, id: Digest) {
        self.lock().remove(&id);
    }

    /// Ends all sessions of a person.
    pub(crate) fn end_all(&self, who: &ReviewerId) {
        self.lock().retain(|_, open| open.session.signed_in.who() != who);
    }

    fn lasts(&self, open: &OpenSession, now: Timestamp) -> bool {
        let age =
            |since: Timestamp| Duration::try_from(now.duration_since(since)).unwrap_or_default();
        age(open.signed_in_at) < self.whole && age(open.seen) < self.idle
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, OpenSession>> {
        // Each change is one operation on the map, so a panic leaves nothing half-done.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn begin(sessions: &SessionStore, who: &str, now: i64) -> Digest {
        Digest::of(sessions.begin(SignedIn::new(who, Digest::of("t")), at(now)).unwrap())
    }

    #[test]
    fn a_session_ends_when_nobody_uses_it_and_in_any_case() {
        let sessions = SessionStore::new(Duration::from_secs(10), Duration::from_secs(25));
        let id = begin(&sessions, "dana", 0);
        assert!(sessions.find(id, at(9), true).is_some());
        assert!(sessions.find(id, at(18), false).is_some());
        assert!(sessions.find(id, at(19), false).is_none(), "looking for news is no use");
        let id = begin(&sessions, "dana", 0);
        for now in [9, 18, 24] {
            assert!(sessions.find(id, at(now), true).is_some());
        }
        assert!(sessions.find(id, at(25), true).is_none());
    }

    #[test]
    fn a_person_has_so_many_and_can_end_them_all() {
        let sessions = SessionStore::new(Duration::from_secs(100), Duration::from_secs(100));
        let of_omar = begin(&sessions, "omar", 0);
        let ids: Vec<Digest> = (0..20).map(|now| begin(&sessions, "dana", now)).collect();
        let open = |ids: &[Digest]| {
            ids.iter().filter(|id| sessions.find(**id, at(30), false).is_some()).count()
        };
        assert_eq!((open(&ids), open(&ids[..4])), (16, 0));
        sessions.end_all(&"dana".into());
        assert_eq!((open(&ids), open(&[of_omar])), (0, 1));
    }

    #[test]
    fn a_form_counts_once() {
        let sessions = SessionStore::new(Duration::from_secs(100), Duration::from_secs(100));
        let id = begin(&sessions, "dana", 0);
        let first = sessions.first(id, "a").unwrap();
        assert!(sessions.first(id, "a").is_none(), "nobody knows yet what comes of it");
        drop(first);
        sessions.first(id, "a").unwrap().counts();
        assert!(sessions.first(id, "a").is_none() && sessions.first(id, "b").is_some());
        sessions.end(id);
        assert!(sessions.first(id, "c").is_none());
    }
}
