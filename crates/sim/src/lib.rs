//! Deterministic simulation: the real shards and the real language on virtual time, over a store
//! that crashes, among targets, workers and callers that do as a seed has it.
//!
//! A run either comes to rest with every check passed, or names the promise that was broken; the
//! same seed gives the same run. What is checked, throughout:
//!
//! - replay of the journal equals the live execution, whenever all of it is durable;
//! - a task reaches its target or its worker only after its start is durable, and once (a target
//!   that takes a key may hear the same key again);
//! - what was acknowledged (a start, a stop, a redrive, an answer) is in the store, then and after each
//!   crash, and a redrive that is asked for twice under one token is one;
//! - an outcome is unknown only where a crash or a target made it so;
//! - histories have no gap in their ids, time does not go back in them, no wait ends early, and they
//!   have one end, and one more for each redrive, which comes right after an end;
//! - what is scheduled and not started stands in a queue, nothing else does, and no worker that has
//!   gone is given anything;
//! - what was closed is kept for its retention, then it is swept, and nothing else is, whatever is lost
//!   between two slices;
//! - an attempt of a task starts one execution, what it hears of that is so, and its end stops no other;
//! - no execution goes on whose parent was to wait for its end and no longer does;
//! - the results of Map and Parallel are complete and in order, and no variable is seen where it is not
//!   in scope;
//! - a change of a machine that was acknowledged is there, and an execution runs what its start named at
//!   that moment, for good;
//! - what cannot be read is set aside, and nothing else is: a damaged chunk never passes for a whole one;
//! - an Express execution whose start was acknowledged is run four times at most, each time counted
//!   before anything of it leaves;
//! - everything ends: no execution, slot, queue or memory is left behind.
//!
//! Faults are counted by kind ([`Fault`]), and only if they changed the outcome of a call; a run of many
//! seeds fails if a kind never did. What a fault met, and the rule that mends it, is [`Coverage`].
//!
//! A build that releases before it commits must be caught: [`Options::release_before_commit`] is
//! that build, and a test asserts that it is. With the feature `sabotage` the engine itself breaks one
//! promise or another, and `tests/negative_controls.rs` asserts that each is noticed.

mod checks;
mod coverage;
mod disk;
mod faults;
mod frames;
mod journals;
mod machines;
mod offspring;
mod orphans;
mod random;
mod results;
mod routes;
mod trace;
mod world;

use stepwell_engine::EngineOptions;

pub use checks::Violation;
pub use coverage::Coverage;
pub use faults::{Count, Fault, FaultLedger};
pub use world::{Report, World};

/// How many executions callers want at most in a small world.
const STARTS_FEW: u64 = 25;

/// What a run is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Chance comes from it.
    pub seed: u64,
    /// How many of a hundred commits end in a crash, before or after.
    pub crash_percent: u64,
    /// How many of a hundred turns of a shard may meet a read that fails.
    pub read_error_percent: u64,
    /// In how many of a hundred turns of a shard snapshots are spoilt.
    pub spoilt_snapshot_percent: u64,
    /// How many bits may flip.
    pub flips_max: u64,
    /// How many executions callers want at most.
    pub starts_max: u64,
    /// Whether every step is told.
    pub trace: bool,
    /// The negative control: what waits for a commit does not.
    pub release_before_commit: bool,
    /// The promise that the engine breaks, if it breaks one.
    #[cfg(feature = "sabotage")]
    pub sabotage: Option<stepwell_engine::Sabotage>,
}

impl Options {
    /// The usual run of a seed, in a small world.
    pub fn of_seed(seed: u64) -> Options {
        Options {
            seed,
            crash_percent: [0, 3, 15][(seed % 3) as usize],
            read_error_percent: [0, 0, 2, 10][(seed / 3 % 4) as usize],
            spoilt_snapshot_percent: [0, 30][(seed / 2 % 2) as usize],
            flips_max: [0, 0, 3][(seed / 12 % 3) as usize],
            starts_max: STARTS_FEW,
            trace: false,
            release_before_commit: false,
            #[cfg(feature = "sabotage")]
            sabotage: None,
        }
    }

    /// A run of this seed in a world of its size: from a small one, in which faults meet each other, to a
    /// large one, in which much is under way at a time.
    pub fn of_any_size(seed: u64) -> Options {
        let starts_max = [STARTS_FEW, 600, 1_200, 3_500, 5_500][(seed % 5) as usize];
        Options { starts_max, ..Options::of_seed(seed) }
    }

    /// How many times as many slots and workers there are as in a small world.
    fn crowd(self) -> u64 {
        1.max(self.starts_max / STARTS_FEW)
    }

    /// What the engine begins with.
    fn engine(self) -> EngineOptions {
        EngineOptions {
            #[cfg(feature = "sabotage")]
            sabotage: self.sabotage,
            ..EngineOptions::default()
        }
    }
}

/// Runs a world until it comes to rest.
///
/// # Errors
///
/// The promise that was broken.
pub fn run(options: Options) -> Result<Report, Violation> {
    run_traced(options).1
}

/// As [`run`], with what was done step by step if [`Options::trace`] wants it.
pub fn run_traced(options: Options) -> (String, Result<Report, Violation>) {
    match World::new(options) {
        Ok(world) => world.run(),
        Err(violation) => (String::new(), Err(violation)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_promise_holds() {
        let mut total = Report::default();
        for seed in 0..300 {
            let report =
                run(Options::of_seed(seed)).unwrap_or_else(|violation| panic!("seed {seed}: {violation}"));
            total.absorb(&report);
        }
        // Runs in which nothing happens prove nothing.
        assert!(total.executions > 1_000 && total.crashes > 200, "{total:?}");
        assert!(total.swept > 150, "{total:?}");
        assert!(total.effects > 1_000 && total.hand_outs > 100, "{total:?}");
        assert!(total.redrives > 100, "{total:?}");
        assert!(total.children > 300 && total.express > 300, "{total:?}");
        assert!(total.orphans > 3, "{total:?}");
        assert!(total.changes > 100 && total.answered > 100, "{total:?}");
        assert!(total.results > 300 && total.coverage.cells() > 100, "{total:?}");
        assert_eq!(total.faults.missing(), [], "{}", total.faults);
    }

    #[test]
    fn a_crowd_finds_what_a_few_do_not() {
        // With many executions one is let go, and wanted again, within one turn: such a world found one that was let
        // go while a call of its was under way.
        let report = run(Options { starts_max: 2_500, ..Options::of_seed(8) });
        let report = report.unwrap_or_else(|violation| panic!("{violation}"));
        assert!(report.executions > 1_000 && report.redrives > 20, "{report:?}");
    }

    #[test]
    fn the_same_seed_is_the_same_run_step_by_step() {
        for seed in 0..20 {
            let options = Options { trace: true, ..Options::of_seed(seed) };
            let (steps, report) = run_traced(options);
            assert!(!steps.is_empty());
            assert_eq!((steps, report), run_traced(options), "seed {seed}");
        }
    }

    #[test]
    fn who_tells_of_the_steps_changes_none() {
        for seed in 0..20 {
            let traced = run_traced(Options { trace: true, ..Options::of_seed(seed) }).1;
            assert_eq!(traced, run(Options::of_seed(seed)), "seed {seed}");
        }
    }

    #[test]
    fn letting_out_before_the_commit_is_caught() {
        let caught = (0..30).filter(|seed| {
            let options =
                Options { release_before_commit: true, crash_percent: 10, ..Options::of_seed(*seed) };
            run(options).is_err()
        });
        assert!(caught.count() > 20);
    }
}
