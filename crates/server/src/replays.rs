//! Signatures that have been used, so that a captured call cannot be sent again.
//!
//! A signature is good for five minutes before and after its moment. One that was seen is therefore
//! remembered for ten minutes, and refused from [`GRACE_SECONDS`] after it was first seen.
//!
//! The grace is for honest callers: the moment in a signature has a resolution of a second, so two
//! equal calls that a client makes within one second, such as two starts without a name, carry the
//! same signature. Whoever captures a call can send it again within the grace.
//!
//! The memory is bounded. When [`REMEMBERED_MAX`] signatures come within ten minutes the oldest
//! are forgotten early: that lets an old capture in, where refusing would keep everybody out.

use std::collections::HashMap;
use std::sync::Mutex;

/// From so many seconds after it was first seen a signature is refused.
const GRACE_SECONDS: u64 = 3;

/// For so long, in seconds, a signature is remembered at least.
const REMEMBERED_SECONDS: u64 = 10 * 60;

/// So many are remembered at most: about 40 MB.
const REMEMBERED_MAX: usize = 1 << 20;

/// The signatures of the last minutes.
pub(crate) struct Replays {
    generations: Mutex<Generations>,
}

/// A signature is remembered by 64 of its bits and with the second in which it was first seen. When
/// the newer generation is old or full, the older one is forgotten whole.
struct Generations {
    newer: HashMap<u64, u64>,
    older: HashMap<u64, u64>,
    began: u64,
}

impl Replays {
    pub(crate) fn new() -> Replays {
        let empty = Generations { newer: HashMap::new(), older: HashMap::new(), began: 0 };
        Replays { generations: Mutex::new(empty) }
    }

    /// Remembers a signature that has been verified; `false` if it was used before.
    pub(crate) fn admit(&self, signature: &[u8; 32], now_seconds: u64) -> bool {
        let (bits, _) = signature.split_first_chunk().expect("a signature has more than eight bytes");
        let bits = u64::from_be_bytes(*bits);
        let mut generations = self.generations.lock().expect("held for a moment only");
        let Generations { newer, older, began } = &mut *generations;
        if now_seconds.saturating_sub(*began) >= REMEMBERED_SECONDS || newer.len() >= REMEMBERED_MAX / 2 {
            *older = std::mem::take(newer);
            *began = now_seconds;
        }
        match newer.get(&bits).or_else(|| older.get(&bits)) {
            Some(seen) => now_seconds < seen.saturating_add(GRACE_SECONDS),
            None => {
                newer.insert(bits, now_seconds);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abuse_case_6_a_signature_is_refused_from_three_seconds_after_it_was_first_seen() {
        let replays = Replays::new();
        let one = [7; 32];
        assert!(replays.admit(&one, 1000));
        assert!(replays.admit(&one, 1002), "two equal calls of one second");
        assert!(!replays.admit(&one, 1003));
        assert!(!replays.admit(&one, 1010));
        assert!(!replays.admit(&one, 1599));
        assert!(replays.admit(&[8; 32], 1010));
    }

    #[test]
    fn a_signature_is_remembered_for_ten_minutes_whenever_it_came() {
        for began in [0, 1, 299, 599] {
            let replays = Replays::new();
            replays.admit(&[1; 32], 10_000);
            replays.admit(&[2; 32], 10_000 + began);
            for later in [3, 300, 599] {
                assert!(!replays.admit(&[2; 32], 10_000 + began + later), "{began} {later}");
            }
        }
    }

    #[test]
    fn the_memory_is_bounded() {
        let replays = Replays::new();
        for number in 0..(2 * REMEMBERED_MAX as u64) {
            let mut signature = [0; 32];
            signature[..8].copy_from_slice(&number.to_be_bytes());
            assert!(replays.admit(&signature, 5));
        }
        let generations = replays.generations.lock().unwrap();
        assert!(generations.newer.len() + generations.older.len() <= REMEMBERED_MAX);
    }
}
