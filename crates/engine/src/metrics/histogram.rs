//! How long executions took, on a logarithmic scale: eight steps from one power of two to the next, so
//! that a duration is known to a sixteenth; below 16 ms exactly. Only steps that were hit take room.

/// How many steps there are from one power of two to the next, as a power of two.
const STEP_BITS: u32 = 3;

/// Durations in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Histogram {
    /// Steps and how often they were hit, by step.
    pub(super) steps: Vec<(u16, u64)>,
    /// The sum of all durations.
    pub(super) sum: u64,
    /// The longest.
    pub(super) maximum: u64,
}

/// How long executions took, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExecutionTime {
    /// The average.
    pub average: f64,
    /// Half of them took no longer.
    pub p50: u64,
    /// 99 of 100 took no longer.
    pub p99: u64,
    /// The longest.
    pub maximum: u64,
}

impl Histogram {
    /// Takes in one duration.
    pub(super) fn add(&mut self, ms: u64) {
        self.hit(step_of(ms), 1);
        self.sum = self.sum.saturating_add(ms);
        self.maximum = self.maximum.max(ms);
    }

    /// Takes in all of another.
    pub(super) fn merge(&mut self, other: &Histogram) {
        for (step, count) in &other.steps {
            self.hit(*step, *count);
        }
        self.sum = self.sum.saturating_add(other.sum);
        self.maximum = self.maximum.max(other.maximum);
    }

    fn hit(&mut self, step: u16, count: u64) {
        match self.steps.binary_search_by_key(&step, |(step, _)| *step) {
            Ok(at) => self.steps[at].1 += count,
            Err(at) => self.steps.insert(at, (step, count)),
        }
    }

    /// What it tells; `None` if there is nothing in it.
    pub(super) fn read(&self) -> Option<ExecutionTime> {
        let count: u64 = self.steps.iter().map(|(_, count)| count).sum();
        if count == 0 {
            return None;
        }
        let (p50, p99) = (self.quantile(count.div_ceil(2)), self.quantile((count * 99).div_ceil(100)));
        Some(ExecutionTime { average: self.sum as f64 / count as f64, p50, p99, maximum: self.maximum })
    }

    /// The duration that the `rank` shortest do not exceed, as well as it is known.
    fn quantile(&self, rank: u64) -> u64 {
        let mut below = 0;
        for (step, count) in &self.steps {
            below += count;
            if below >= rank {
                return middle_of(*step).min(self.maximum);
            }
        }
        self.maximum
    }
}

/// The step of a duration.
fn step_of(ms: u64) -> u16 {
    if ms < 1 << STEP_BITS {
        return ms as u16;
    }
    let power = ms.ilog2();
    // Without its highest bit, which the power says, and those behind the three next.
    let within = (ms >> (power - STEP_BITS)) as u16 - (1 << STEP_BITS);
    ((power - STEP_BITS + 1) << STEP_BITS) as u16 + within
}

/// The middle of a step.
fn middle_of(step: u16) -> u64 {
    let (octave, within) = (step >> STEP_BITS, u64::from(step & ((1 << STEP_BITS) - 1)));
    match u32::from(octave).min(63 - STEP_BITS).checked_sub(1) {
        None => within,
        Some(shift) => {
            let width = 1_u64 << shift;
            ((within + (1 << STEP_BITS)) << shift) + (width - 1) / 2
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_known_to_a_sixteenth() {
        let powers = (0..40).map(|power| 1_u64 << power);
        for ms in powers.flat_map(|power| [power, power + power / 3, power + power / 2, 2 * power - 1]) {
            let known = middle_of(step_of(ms));
            assert!(known.abs_diff(ms) as f64 <= ms as f64 / 16.0, "{ms} is taken for {known}");
        }
        for ms in 0..16 {
            assert_eq!(middle_of(step_of(ms)), ms);
        }
        assert!(step_of(u64::MAX) < 1_000);
        assert!((1..1_000).all(|step| middle_of(step) > 0));
    }

    #[test]
    fn quantiles_are_those_of_what_was_added_in_whatever_parts() {
        let (mut odd, mut even) = (Histogram::default(), Histogram::default());
        assert_eq!(odd.read(), None);
        for ms in 1..=1_000 {
            if ms % 2 == 1 { odd.add(ms) } else { even.add(ms) }
        }
        odd.merge(&even);
        let time = odd.read().unwrap();
        assert_eq!((time.average, time.maximum), (500.5, 1_000));
        assert!(time.p50.abs_diff(500) < 40 && time.p99.abs_diff(990) < 70, "{time:?}");
    }
}
