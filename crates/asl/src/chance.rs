//! Chance without a source of chance: from the seed that an execution was started with.

use std::cell::Cell;

use crate::execution::{Execution, Phase};

/// Chance, from the execution's seed, the branch and the history so far: the same each time the same
/// decision is taken.
pub(crate) struct Chance {
    base: u64,
    /// How often it was drawn.
    pub(crate) drawn: Cell<u64>,
}

impl Chance {
    pub(crate) fn new(execution: &Execution, branch: u32, drawn: u64) -> Chance {
        // What is not shown moves no id: the end of a Wait is told from its beginning by the phase.
        let waits = execution
            .branches
            .get(branch)
            .is_some_and(|branch| matches!(branch.phase, Phase::Waiting { .. }));
        let place = execution.last_event_id.wrapping_mul(0x9E37_79B9_7F4A_7C15)
            ^ u64::from(branch) << 40
            ^ u64::from(waits) << 39;
        Chance { base: mix(execution.seed ^ place), drawn: Cell::new(drawn) }
    }

    pub(crate) fn next(&self) -> u64 {
        let drawn = self.drawn.get().wrapping_add(1);
        self.drawn.set(drawn);
        mix(self.base.wrapping_add(drawn.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
    }

    /// Anything from 0 to 1.
    pub(crate) fn draw(&self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The finalizer of SplitMix64.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
