//! The generator of `java.util.Random`: a linear congruential one of 48 bits.
//!
//! Source: the documentation of `java.util.Random`, which fixes the algorithm.

const MULTIPLIER: u64 = 0x5_DEEC_E66D;
const MASK: u64 = (1 << 48) - 1;

pub(super) struct JavaRandom {
    state: u64,
}

impl JavaRandom {
    pub fn new(seed: i64) -> JavaRandom {
        JavaRandom { state: (seed as u64 ^ MULTIPLIER) & MASK }
    }

    /// The next `bits` bits, 32 at most.
    fn next(&mut self, bits: u32) -> i32 {
        self.state = self.state.wrapping_mul(MULTIPLIER).wrapping_add(0xB) & MASK;
        (self.state >> (48 - bits)) as i32
    }

    /// From 0 on and below `bound`, which must be positive.
    fn below(&mut self, bound: i32) -> i32 {
        if bound & bound.wrapping_neg() == bound {
            return ((i64::from(bound) * i64::from(self.next(31))) >> 31) as i32;
        }
        loop {
            let bits = self.next(31);
            let number = bits % bound;
            // Java detects by overflow that the last, incomplete stretch was hit.
            if bits.wrapping_sub(number).wrapping_add(bound - 1) >= 0 {
                return number;
            }
        }
    }

    /// From `from` on and below `below`, which must be greater.
    pub fn between(&mut self, from: i32, below: i32) -> i32 {
        match below.checked_sub(from) {
            Some(width) => from + self.below(width),
            None => loop {
                let number = self.next(32);
                if (from..below).contains(&number) {
                    return number;
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_java() {
        // new Random(42): nextInt() and nextInt(10), well known from countless examples.
        let mut random = JavaRandom::new(42);
        let numbers: Vec<i32> = (0..4).map(|_| random.next(32)).collect();
        assert_eq!(numbers, [-1_170_105_035, 234_785_527, -1_360_544_799, 205_897_768]);
        let mut random = JavaRandom::new(42);
        let numbers: Vec<i32> = (0..5).map(|_| random.below(10)).collect();
        assert_eq!(numbers, [0, 3, 8, 4, 0]);
        // new Random(0).nextInt()
        assert_eq!(JavaRandom::new(0).next(32), -1_155_484_576);
    }

    #[test]
    fn every_range_is_kept() {
        let ranges = [(0, 1), (5, 21), (-7, 9), (i32::MIN, i32::MAX), (-2_000_000_000, 2_000_000_000)];
        for (from, below) in ranges {
            for seed in 0..200 {
                let number = JavaRandom::new(seed).between(from, below);
                assert!((from..below).contains(&number), "{number} from {from} to {below}, seed {seed}");
            }
        }
    }
}
