//! Limits failed attempts to sign in, and failed attempts with the token of a program.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::http::Extensions;
use gate_runtime::Timestamp;

/// The number of failures of one address before it has to wait: a second at first, then twice as
/// long each time.
const FREE: u32 = 5;

/// The longest wait, in seconds. After it, the failures of an address are forgotten.
const LONGEST: u64 = 900;

/// The number of failures of all addresses together in a minute.
const ALL: u32 = 100;

/// The number of addresses that are remembered.
const ADDRESSES: usize = 10_000;

/// Counts failures by address.
#[derive(Debug, Default)]
pub(crate) struct RateLimiter(Mutex<AttemptCounts>);

#[derive(Debug, Default)]
struct AttemptCounts {
    each: HashMap<IpAddr, FailureCount>,
    all: u32,
    minute: i64,
}

#[derive(Clone, Copy, Debug)]
struct FailureCount {
    wrong: u32,
    last: Timestamp,
}

impl FailureCount {
    fn wait(self) -> Duration {
        let doublings = self.wrong.checked_sub(FREE);
        let seconds =
            doublings.map_or(0, |more| 1_u64.checked_shl(more).unwrap_or(LONGEST).min(LONGEST));
        Duration::from_secs(seconds)
    }
}

impl RateLimiter {
    /// Admits an attempt, or returns how long the client has to wait. An attempt counts as a
    /// failure until [`was_right`](Self::was_right).
    pub(crate) fn begin(&self, address: IpAddr, now: Timestamp) -> Result<(), Duration> {
        // Checked and counted under one lock, so that parallel guesses cannot pass before they are
        // counted.
        let mut counts = self.lock();
        let minute = now.as_second().div_euclid(60);
        if counts.minute != minute {
            (counts.minute, counts.all) = (minute, 0);
        }
        let since =
            |last: Timestamp| Duration::try_from(now.duration_since(last)).unwrap_or_default();
        counts.each.retain(|_, count| since(count.last) < Duration::from_secs(LONGEST));
        let network_id = network(address);
        let known =
            counts.each.get(&network_id).copied().unwrap_or(FailureCount { wrong: 0, last: now });
        let left = known.wait().saturating_sub(since(known.last));
        if known.wrong >= FREE && !left.is_zero() {
            return Err(left);
        }
        if counts.all >= ALL
            || (counts.each.len() >= ADDRESSES && !counts.each.contains_key(&network_id))
        {
            let over = u64::try_from(now.as_second().rem_euclid(60)).unwrap_or_default();
            return Err(Duration::from_secs(60_u64.saturating_sub(over)));
        }
        counts.all += 1;
        counts
            .each
            .insert(network_id, FailureCount { wrong: known.wrong.saturating_add(1), last: now });
        Ok(())
    }

    /// Records that an attempt succeeded.
    pub(crate) fn was_right(&self, address: IpAddr) {
        let mut counts = self.lock();
        counts.all = counts.all.saturating_sub(1);
        counts.each.remove(&network(address));
    }

    fn lock(&self) -> MutexGuard<'_, AttemptCounts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the address of a request. Without connection info, all requests count as one address.
pub(crate) fn address(request: &Extensions) -> IpAddr {
    let peer = request.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

/// Returns the key of an address: for IPv6 its /64 network, because one client has all of that.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        short @ IpAddr::V4(_) => short,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn whoever_is_wrong_waits_ever_longer_and_others_do_not() {
        let (throttle, here, there) =
            (RateLimiter::default(), "10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        for _ in 0..FREE {
            assert_eq!(throttle.begin(here, at(0)), Ok(()));
        }
        assert_eq!(throttle.begin(here, at(0)), Err(Duration::from_secs(1)));
        assert_eq!(throttle.begin(here, at(1)), Ok(()));
        assert_eq!(throttle.begin(here, at(2)), Err(Duration::from_secs(1)));
        assert_eq!(throttle.begin(here, at(3)), Ok(()));
        assert_eq!(throttle.begin(here, at(3)), Err(Duration::from_secs(4)));
        assert_eq!(throttle.begin(there, at(3)), Ok(()));
        throttle.was_right(here);
        assert_eq!(throttle.begin(here, at(3)), Ok(()));
    }

    #[test]
    fn all_together_are_limited_too_until_the_minute_is_over() {
        let throttle = RateLimiter::default();
        for host in 0..100 {
            assert_eq!(throttle.begin(IpAddr::from([10, 0, 0, host]), at(10)), Ok(()));
        }
        let other = IpAddr::from([10, 0, 1, 1]);
        assert_eq!(throttle.begin(other, at(10)), Err(Duration::from_secs(50)));
        assert_eq!(throttle.begin(other, at(60)), Ok(()));
    }

    #[test]
    fn the_addresses_of_one_network_are_one() {
        assert_eq!(
            network("2001:db8:1:2:3::4".parse().unwrap()),
            network("2001:db8:1:2::9".parse().unwrap())
        );
        assert_eq!(
            network("::ffff:10.0.0.1".parse().unwrap()),
            network("10.0.0.1".parse().unwrap())
        );
    }
}
