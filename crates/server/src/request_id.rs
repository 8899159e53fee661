//! Request ids: unique, made without asking the system for randomness each time.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::header::HeaderValue;

/// Makes request ids in the form of version-4 UUIDs. They tell requests apart; they are not secret.
pub(crate) struct RequestIds {
    salt: u64,
    next: AtomicU64,
}

/// An id, as text.
#[derive(Clone, Copy)]
pub(crate) struct RequestId([u8; 36]);

impl RequestIds {
    /// Ids from a random start.
    pub(crate) fn new() -> RequestIds {
        let random = RandomState::new();
        RequestIds { salt: random.hash_one(1), next: AtomicU64::new(random.hash_one(2)) }
    }

    pub(crate) fn next(&self) -> RequestId {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (high, low) = (mix(number), mix(number ^ self.salt));
        let bits = (u128::from(high) << 64) | u128::from(low);
        // Version 4, variant 1 (RFC 9562).
        let bits = bits & !(0xf << 76) | (4 << 76);
        let bits = bits & !(3 << 62) | (2 << 62);
        RequestId(text(bits))
    }
}

impl RequestId {
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hexadecimal digits and hyphens are UTF-8")
    }

    pub(crate) fn to_header(self) -> HeaderValue {
        HeaderValue::from_bytes(&self.0).expect("hexadecimal digits and hyphens fit a header")
    }
}

/// Spreads a counter over 64 bits, one to one (the finish of SplitMix64).
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn text(bits: u128) -> [u8; 36] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    /// Where the digits of each byte stand.
    const PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
    let mut out = [b'-'; 36];
    for (byte, place) in bits.to_be_bytes().into_iter().zip(PLACES) {
        out[place] = HEX[usize::from(byte >> 4)];
        out[place + 1] = HEX[usize::from(byte & 15)];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuids_and_differ() {
        let ids = RequestIds::new();
        let mut seen: Vec<String> = (0..1000).map(|_| ids.next().as_str().to_owned()).collect();
        for id in &seen {
            let parts: Vec<&str> = id.split('-').collect();
            assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
            assert!(parts[2].starts_with('4') && parts[3].starts_with(['8', '9', 'a', 'b']), "{id}");
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 1000);
        assert_eq!(text(u128::MAX >> 4), *b"0fffffff-ffff-ffff-ffff-ffffffffffff");
    }
}
