//! The kinds of faults, and how often each of them mattered.
//!
//! A fault that is ordered is *injected*. It *counts* only once it has changed the outcome of a call: a
//! commit that failed, a read that did, an answer that never came, a moment of the clock that lay
//! before an earlier one. A torn write at which nothing was torn has shown nothing.

use std::collections::BTreeMap;
use std::fmt;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The process is killed when a batch is decided and not yet written.
    KilledBeforeCommit,
    /// The process is killed when a batch is durable, and nothing of it has been let out.
    KilledAfterCommit,
    /// The process is killed when some of what hangs on a batch has been let out.
    KilledWhileReleasing,
    /// The process is killed between two commits, with work in memory.
    KilledAtWork,
    /// The power fails at a commit, and all of the batch is lost from the cache of the disk.
    LostWrite,
    /// The power fails at a commit, and a part of the batch has reached the disk.
    TornWrite,
    /// The power fails at a commit when all of the batch has reached the disk.
    UnknownCommit,
    /// The power fails, and what was swept since the last commit is there again.
    LostSweep,
    /// A commit fails with an error, and was not written.
    CommitErrorLost,
    /// A commit fails with an error, and was written all the same.
    CommitErrorLanded,
    /// The disk is full for one or several commits.
    DiskFull,
    /// A read fails with an error.
    ReadError,
    /// A bit of a chunk is another than it was when it was written.
    FlippedBit,
    /// A snapshot is missing, older than the last one, damaged, or of another release.
    SpoiltSnapshot,
    /// The clock is set forward, past the moment of a timer.
    ClockForward,
    /// The clock is set back, to before a moment that was read from it.
    ClockBack,
    /// The outcome of a task comes when nobody waits for it any more.
    LateOutcome,
    /// The outcome of a task is told a second time.
    DoubledOutcome,
    /// The outcome of a task overtakes that of one which its execution sent earlier.
    OvertakingOutcome,
    /// A target cannot say whether a call reached it.
    UnknownOutcome,
    /// A worker never answers.
    SilentWorker,
    /// A token comes back after its task has ended.
    LateToken,
    /// A token comes back before the target has answered the request that carried it.
    EarlyToken,
    /// A call's answer is lost, and the caller calls again.
    LostReply,
    /// A call finds a queue full and is refused, and the caller calls again.
    Throttled,
}

impl Fault {
    /// All kinds.
    pub const ALL: [Fault; 25] = [
        Fault::KilledBeforeCommit,
        Fault::KilledAfterCommit,
        Fault::KilledWhileReleasing,
        Fault::KilledAtWork,
        Fault::LostWrite,
        Fault::TornWrite,
        Fault::UnknownCommit,
        Fault::LostSweep,
        Fault::CommitErrorLost,
        Fault::CommitErrorLanded,
        Fault::DiskFull,
        Fault::ReadError,
        Fault::FlippedBit,
        Fault::SpoiltSnapshot,
        Fault::ClockForward,
        Fault::ClockBack,
        Fault::LateOutcome,
        Fault::DoubledOutcome,
        Fault::OvertakingOutcome,
        Fault::UnknownOutcome,
        Fault::SilentWorker,
        Fault::LateToken,
        Fault::EarlyToken,
        Fault::LostReply,
        Fault::Throttled,
    ];

    /// Its name, as it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Fault::KilledBeforeCommit => "killed before a commit",
            Fault::KilledAfterCommit => "killed after a commit",
            Fault::KilledWhileReleasing => "killed while releasing",
            Fault::KilledAtWork => "killed at work",
            Fault::LostWrite => "lost unsynced write",
            Fault::TornWrite => "torn write",
            Fault::UnknownCommit => "unknown commit",
            Fault::LostSweep => "lost sweep",
            Fault::CommitErrorLost => "commit error, lost",
            Fault::CommitErrorLanded => "commit error, landed",
            Fault::DiskFull => "disk full",
            Fault::ReadError => "read error",
            Fault::FlippedBit => "flipped bit",
            Fault::SpoiltSnapshot => "spoilt snapshot",
            Fault::ClockForward => "clock set forward",
            Fault::ClockBack => "clock set back",
            Fault::LateOutcome => "late outcome",
            Fault::DoubledOutcome => "doubled outcome",
            Fault::OvertakingOutcome => "overtaking outcome",
            Fault::UnknownOutcome => "unknown outcome",
            Fault::SilentWorker => "silent worker",
            Fault::LateToken => "late token",
            Fault::EarlyToken => "early token",
            Fault::LostReply => "lost reply",
            Fault::Throttled => "throttled",
        }
    }
}

/// How often a kind of fault was ordered, and how often it changed an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// How often it was ordered.
    pub injected: u64,
    /// How often it changed an outcome.
    pub counted: u64,
}

/// Counts of all kinds of faults.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FaultLedger(BTreeMap<Fault, Count>);

impl FaultLedger {
    /// A fault is ordered. Whether it will matter is not known yet.
    pub fn inject(&mut self, fault: Fault) {
        self.0.entry(fault).or_default().injected += 1;
    }

    /// A fault that was ordered has changed an outcome.
    pub fn count(&mut self, fault: Fault) {
        self.0.entry(fault).or_default().counted += 1;
    }

    /// A fault that is known only by its effect has happened.
    pub fn happened(&mut self, fault: Fault) {
        self.inject(fault);
        self.count(fault);
    }

    /// How often a kind was ordered and counted.
    pub fn of(&self, fault: Fault) -> Count {
        self.0.get(&fault).copied().unwrap_or_default()
    }

    /// Adds what another run counted.
    pub fn absorb(&mut self, other: &FaultLedger) {
        for (fault, count) in &other.0 {
            let sum = self.0.entry(*fault).or_default();
            sum.injected += count.injected;
            sum.counted += count.counted;
        }
    }

    /// The kinds that never changed anything.
    pub fn missing(&self) -> Vec<Fault> {
        Fault::ALL.into_iter().filter(|fault| self.of(*fault).counted == 0).collect()
    }
}

impl fmt::Display for FaultLedger {
    /// A table with a line for each kind.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<24} {:>10} {:>10}", "fault", "injected", "counted")?;
        for fault in Fault::ALL {
            let Count { injected, counted } = self.of(fault);
            writeln!(f, "{:<24} {injected:>10} {counted:>10}", fault.name())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_that_is_only_ordered_is_missing() {
        let mut ledger = FaultLedger::default();
        Fault::ALL.into_iter().for_each(|fault| ledger.inject(fault));
        assert_eq!(ledger.missing(), Fault::ALL);
        Fault::ALL.into_iter().for_each(|fault| ledger.count(fault));
        assert_eq!(ledger.missing(), []);
    }

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = Fault::ALL.into_iter().map(Fault::name).collect();
        assert_eq!(names.len(), Fault::ALL.len());
    }
}
