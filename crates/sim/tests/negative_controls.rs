//! The negative controls of the simulator: each promise that the engine is made to break on purpose
//! must be found, within a bounded number of seeds, and by the check that is there for it.
//!
//! `cargo test -p stepwell-sim --features sabotage --test negative_controls`. What only a loss of power
//! shows, a flush that is skipped, is the control of `cargo xtask crash --power-loss`.

use stepwell_engine::Sabotage;
use stepwell_sim::{Options, run};

/// How many seeds may pass without anybody noticing.
const SEEDS: u64 = 60;

/// The first seed with which the sabotage is noticed, and what is said of it.
fn noticed(sabotage: Option<Sabotage>) -> Option<(u64, String)> {
    (0..SEEDS).find_map(|seed| {
        let options = Options { sabotage, crash_percent: 10, ..Options::of_seed(seed) };
        run(options).err().map(|violation| (seed, violation.to_string()))
    })
}

#[track_caller]
fn is_noticed(sabotage: Sabotage, by: &[&str]) {
    let (seed, what) = noticed(Some(sabotage)).unwrap_or_else(|| panic!("{sabotage:?} goes unnoticed"));
    println!("{sabotage:?}: seed {seed}: {what}");
    assert!(by.iter().any(|text| what.contains(text)), "{sabotage:?} is noticed by chance: {what}");
}

#[test]
fn without_sabotage_the_same_seeds_pass() {
    assert_eq!(noticed(None), None);
}

#[test]
fn an_acknowledgement_before_the_commit_is_noticed() {
    is_noticed(Sabotage::AcknowledgeBeforeCommit, &["acknowledged and"]);
}

#[test]
fn a_dispatch_before_the_commit_is_noticed() {
    let by = ["before its start was durable", "of an execution that is not durable"];
    is_noticed(Sabotage::DispatchBeforeCommit, &by);
}

#[test]
fn a_timer_that_is_dropped_at_recovery_is_noticed() {
    is_noticed(
        Sabotage::DropTimerAtRecovery,
        &["nothing will ever happen", "it has not ended within a day", "it never comes to rest"],
    );
}

#[test]
fn a_dispatch_that_is_repeated_after_a_crash_is_noticed() {
    is_noticed(Sabotage::DispatchAgainAfterCrash, &["was sent twice"]);
}

#[test]
fn every_sabotage_is_tried() {
    // One test for each, above.
    assert_eq!(Sabotage::ALL.len(), 4);
}
