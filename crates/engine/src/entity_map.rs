//! Maps by the identity of an execution.
//!
//! A shard looks an execution up a dozen times in its life, and what the standard library guards its maps
//! with against keys that somebody chose costs more than all else of a look. Identities are chosen by us:
//! they count upwards.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map by identities, packed or not.
pub(crate) type EntityMap<K, V> = HashMap<K, V, BuildHasherDefault<EntityHasher>>;

/// Spreads numbers that follow each other over all bits.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct EntityHasher(u64);

/// The golden ratio's fraction, odd and without a pattern in its bits.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for EntityHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u8(*byte));
    }

    fn write_u8(&mut self, number: u8) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        let product = u128::from(self.0.rotate_left(32) ^ number ^ FACTOR) * u128::from(FACTOR);
        // The high half has what the low bits led to, the low half the opposite.
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::hash::{BuildHasher, BuildHasherDefault};
    use stepwell_model::EntityId;

    #[test]
    fn identities_that_follow_each_other_spread_over_the_buckets_and_their_marks() {
        let hasher = BuildHasherDefault::<EntityHasher>::default();
        let ids = |partition| (1..=1024).map(move |number| EntityId { partition, number });
        let hashes: Vec<u64> = [0, 1, 255].into_iter().flat_map(ids).map(|id| hasher.hash_one(id)).collect();
        // The standard library's map takes the bucket from the low bits and a mark from the high ones.
        let distinct = |part: fn(u64) -> u64| hashes.iter().map(|h| part(*h)).collect::<HashSet<_>>().len();
        assert_eq!(distinct(|hash| hash), hashes.len());
        assert!(distinct(|hash| hash & 4095) > 2_000, "{}", distinct(|hash| hash & 4095));
        assert_eq!(distinct(|hash| hash >> 57), 128);
    }
}
