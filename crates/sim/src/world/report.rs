//! What happened in a run.

use std::fmt;

use crate::coverage::Coverage;
use crate::faults::FaultLedger;

/// What happened in a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Executions that were started.
    pub executions: u64,
    /// Times that everything was lost.
    pub crashes: u64,
    /// Commits that went well.
    pub commits: u64,
    /// Executions that were swept when their retention ended.
    pub swept: u64,
    /// Calls that reached a target.
    pub effects: u64,
    /// Tasks that reached a worker.
    pub hand_outs: u64,
    /// Redrives that were followed.
    pub redrives: u64,
    /// Executions that tasks started, as far as something of them is written.
    pub children: u64,
    /// Children that a crash left open though nobody waited for them.
    pub orphans: u64,
    /// Express executions whose tasks reached a target.
    pub express: u64,
    /// Express executions of whose end a caller heard who waited for it.
    pub answered: u64,
    /// Results of iterations and branches that were found complete, in order and in scope.
    pub results: u64,
    /// Changes of machines.
    pub changes: u64,
    /// Snapshots that were read, spoilt ones included.
    pub snapshots: u64,
    /// Steps of the world.
    pub steps: u64,
    /// Of all that was written, in order: two runs with the same one were the same run.
    pub digest: u64,
    /// What the engine's shards were given: messages, and moments that had come.
    pub inputs: u64,
    /// The faults.
    pub faults: FaultLedger,
    /// What was met together.
    pub coverage: Coverage,
}

impl Report {
    /// Adds what happened in another run.
    pub fn absorb(&mut self, other: &Report) {
        self.executions += other.executions;
        self.crashes += other.crashes;
        self.commits += other.commits;
        self.swept += other.swept;
        self.effects += other.effects;
        self.hand_outs += other.hand_outs;
        self.redrives += other.redrives;
        self.children += other.children;
        self.orphans += other.orphans;
        self.express += other.express;
        self.answered += other.answered;
        self.results += other.results;
        self.changes += other.changes;
        self.snapshots += other.snapshots;
        self.steps += other.steps;
        self.inputs += other.inputs;
        // In order: two series of runs with the same one were the same runs.
        self.digest = self.digest.rotate_left(1) ^ other.digest;
        self.faults.absorb(&other.faults);
        self.coverage.absorb(&other.coverage);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} executions, {} of them children ({} orphaned by a crash), {} Express ones with tasks, {} of whose end a caller heard, {} redrives, {} swept, {} results of branches",
            self.executions,
            self.children,
            self.orphans,
            self.express,
            self.answered,
            self.redrives,
            self.swept,
            self.results
        )?;
        writeln!(
            f,
            "{} engine inputs in {} steps, {} commits, {} crashes, {} calls of targets, {} hand-outs, {} snapshots read, {} changes of machines",
            self.inputs,
            self.steps,
            self.commits,
            self.crashes,
            self.effects,
            self.hand_outs,
            self.snapshots,
            self.changes
        )?;
        write!(f, "digest {:016x}", self.digest)
    }
}
