//! How often somebody may try to sign in.
//!
//! Failures are counted by access key id and peer; those with ids that nobody has, by peer alone, so
//! that made-up ids fill no memory. After [`FREE_FAILURES`] attempts are turned away unread for
//! [`WAIT_MIN`], and each further failure doubles that, up to [`WAIT_MAX`]. What is turned away does not count,
//! or whoever cannot stop trying would never get in again. A success forgets the failures.
//!
//! A secret has at least 16 characters, so this is not what keeps guesses out: it keeps them cheap
//! for us, and few in the log.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// So many failures cost no time.
const FREE_FAILURES: u32 = 5;

/// How long the first failure that costs time makes wait.
const WAIT_MIN: Duration = Duration::from_secs(4);

/// The longest that one failure makes wait. Behind a proxy all have the same address, and nobody is to be
/// locked out for long by a neighbour.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Failures are forgotten so long after the last one.
const FORGET: Duration = Duration::from_secs(15 * 60);

/// For so many pairs of key and peer failures are remembered at most; then the oldest makes room.
const REMEMBERED_MAX: usize = 4096;

/// Who tries: the access key id, if there is such a key, and from where.
type Who = (Option<String>, IpAddr);

/// The failures of the last minutes.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    failures: HashMap<Who, Failures>,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Attempts {
    /// How long whoever tries has to wait still; `None` if the attempt may be looked at.
    pub(crate) fn wait(&self, key: Option<&str>, peer: IpAddr, now: Instant) -> Option<Duration> {
        let failures = self.failures.get(&who(key, peer))?;
        let over = failures.count.checked_sub(FREE_FAILURES)?;
        let wait = WAIT_MIN.saturating_mul(2_u32.saturating_pow(over)).min(WAIT_MAX);
        (failures.last + wait).checked_duration_since(now).filter(|left| !left.is_zero())
    }

    pub(crate) fn failed(&mut self, key: Option<&str>, peer: IpAddr, now: Instant) {
        let who = who(key, peer);
        if !self.failures.contains_key(&who) && self.failures.len() >= REMEMBERED_MAX {
            self.failures.retain(|_, failures| now.duration_since(failures.last) < FORGET);
            let oldest = self.failures.iter().min_by_key(|(_, failures)| failures.last);
            if self.failures.len() >= REMEMBERED_MAX
                && let Some(oldest) = oldest.map(|(who, _)| who.clone())
            {
                self.failures.remove(&oldest);
            }
        }
        let failures = self.failures.entry(who).or_insert(Failures { count: 0, last: now });
        if now.duration_since(failures.last) >= FORGET {
            failures.count = 0;
        }
        *failures = Failures { count: failures.count.saturating_add(1), last: now };
    }

    pub(crate) fn succeeded(&mut self, key: &str, peer: IpAddr) {
        self.failures.remove(&who(Some(key), peer));
    }
}

/// Whoever has one address of IPv6 has 2^64 of them, so the network counts.
fn who(key: Option<&str>, peer: IpAddr) -> Who {
    let peer = match peer.to_canonical() {
        IpAddr::V4(ip) => IpAddr::V4(ip),
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
    };
    (key.map(str::to_owned), peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 1));

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn after_five_failures_each_doubles_the_wait_up_to_a_minute() {
        let (mut attempts, mut now) = (Attempts::default(), Instant::now());
        let mut waits = Vec::new();
        for _ in 0..13 {
            attempts.failed(Some("AKID"), PEER, now);
            let wait = attempts.wait(Some("AKID"), PEER, now).unwrap_or_default();
            waits.push(wait.as_secs());
            now += wait;
            assert_eq!(attempts.wait(Some("AKID"), PEER, now), None, "the wait is over");
        }
        assert_eq!(waits, [0, 0, 0, 0, 4, 8, 16, 32, 60, 60, 60, 60, 60]);
    }

    #[test]
    fn another_key_and_another_peer_wait_for_nobody_and_neighbours_of_ipv6_are_one_peer() {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        (0..9).for_each(|_| attempts.failed(Some("AKID"), PEER, now));
        assert!(attempts.wait(Some("AKID"), "2001:db8:0:1:ffff::9".parse().unwrap(), now).is_some());
        assert!(attempts.wait(Some("AKID"), "2001:db8:0:2::1".parse().unwrap(), now).is_none());
        assert!(attempts.wait(Some("OTHER"), PEER, now).is_none());
        assert!(attempts.wait(None, PEER, now).is_none());
    }

    #[test]
    fn failures_are_forgotten_after_a_success_and_after_a_while() {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        (0..9).for_each(|_| attempts.failed(Some("AKID"), PEER, now));
        attempts.succeeded("AKID", PEER);
        assert!(attempts.wait(Some("AKID"), PEER, now).is_none());
        (0..9).for_each(|_| attempts.failed(None, PEER, now));
        attempts.failed(None, PEER, now + FORGET);
        assert!(attempts.wait(None, PEER, now + FORGET).is_none());
    }

    #[test]
    fn the_memory_is_bounded() {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        for number in 0..2 * REMEMBERED_MAX as u32 {
            attempts.failed(None, IpAddr::V4(number.into()), now + seconds(number.into()) / 1000);
        }
        assert_eq!(attempts.failures.len(), REMEMBERED_MAX);
        assert!(
            attempts.failures.contains_key(&who(None, IpAddr::V4((2 * REMEMBERED_MAX as u32 - 1).into())))
        );
    }
}
