//! SipHash-2-4 of one number: what a key makes of it looks like chance to whoever has not the key.
//!
//! By Aumasson and Bernstein (2012), for inputs as short as ours, of which HMAC-SHA256 takes a hundred times
//! as long where the processor has no instruction for it. The standard library has it as `SipHasher`, which
//! is deprecated for being no hasher of maps any more; a test holds this against it.

/// A key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SipKey {
    halves: [u64; 2],
}

impl SipKey {
    /// The key in these bytes.
    pub(crate) fn new(bytes: [u8; 16]) -> SipKey {
        let key = u128::from_le_bytes(bytes);
        SipKey { halves: [key as u64, (key >> 64) as u64] }
    }

    /// What it makes of the eight bytes of `number`, the lowest first.
    pub(crate) fn of(self, number: u64) -> u64 {
        /// The length of the input, where the last block has it.
        const LENGTH: u64 = 8 << 56;
        let [low, high] = self.halves;
        let mut v = [
            low ^ 0x736f_6d65_7073_6575,
            high ^ 0x646f_7261_6e64_6f6d,
            low ^ 0x6c79_6765_6e65_7261,
            high ^ 0x7465_6462_7974_6573,
        ];
        for block in [number, LENGTH] {
            v[3] ^= block;
            v = round(round(v));
            v[0] ^= block;
        }
        v[2] ^= 0xff;
        v = round(round(round(round(v))));
        v[0] ^ v[1] ^ v[2] ^ v[3]
    }
}

fn round([mut a, mut b, mut c, mut d]: [u64; 4]) -> [u64; 4] {
    a = a.wrapping_add(b);
    b = b.rotate_left(13) ^ a;
    a = a.rotate_left(32);
    c = c.wrapping_add(d);
    d = d.rotate_left(16) ^ c;
    a = a.wrapping_add(d);
    d = d.rotate_left(21) ^ a;
    c = c.wrapping_add(b);
    b = b.rotate_left(17) ^ c;
    c = c.rotate_left(32);
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vector_of_the_reference_implementation() {
        let key = SipKey::new(std::array::from_fn(|at| at as u8));
        let number = u64::from_le_bytes([0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(key.of(number).to_le_bytes(), [0x62, 0x24, 0x93, 0x9a, 0x79, 0xf5, 0xf5, 0x93]);
    }

    #[test]
    #[expect(deprecated, reason = "it is SipHash-2-4 still")]
    fn the_same_as_the_standard_library_has_it() {
        use std::hash::{Hasher, SipHasher};
        let mut number = 1_u64;
        for round in 0..1_000_u64 {
            number = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23) ^ round;
            let halves = [number.wrapping_mul(3), !number];
            let mut hasher = SipHasher::new_with_keys(halves[0], halves[1]);
            hasher.write(&number.to_le_bytes());
            assert_eq!(SipKey { halves }.of(number), hasher.finish());
        }
    }
}
